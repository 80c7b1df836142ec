// Memory of tables that are read here and there: in pages of 2 MiB where the system gives them, since each read of a small page that
// was not read lately costs a look at the page tables as well.
#ifndef HORIZON_LM_CORE_TEXT_HUGE_PAGES_H_
#define HORIZON_LM_CORE_TEXT_HUGE_PAGES_H_

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <vector>

namespace hlm {

template <class T>
struct HugePages {
  using value_type = T;
  HugePages() = default;
  template <class U>
  HugePages(const HugePages<U>&) {}  // NOLINT(google-explicit-constructor): what a container asks of an allocator

  T* allocate(size_t n) {
    const size_t bytes = n * sizeof(T);
    void* memory = ::operator new(bytes, Alignment(bytes));
    if (bytes >= kPage) madvise(memory, bytes, MADV_HUGEPAGE);  // advice: nothing depends on it
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t n) { ::operator delete(memory, Alignment(n * sizeof(T))); }
  bool operator==(const HugePages&) const { return true; }

 private:
  static constexpr size_t kPage = size_t{2} << 20;
  static std::align_val_t Alignment(size_t bytes) { return std::align_val_t{bytes >= kPage ? kPage : 64}; }
};

template <class T>
using HugeVector = std::vector<T, HugePages<T>>;

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_HUGE_PAGES_H_
