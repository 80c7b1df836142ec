// Memory of tables that are read here and there: on pages of 2 MiB where the system gives them, since each read of a small page
// that was not read lately costs a look at the page tables as well.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_HUGE_PAGES_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_HUGE_PAGES_H_

#include <cstddef>
#include <new>
#include <vector>

#include "core/base/map_memory.h"

namespace hlm {

template <class T>
struct HugePages {
  using value_type = T;
  HugePages() = default;
  template <class U>
  HugePages(const HugePages<U>&) {}  // not explicit: containers ask for it

  T* allocate(size_t n) {
    const size_t bytes = n * sizeof(T);
    return static_cast<T*>(bytes >= kMapped ? MapMemory(bytes) : ::operator new(bytes, kLine));
  }
  void deallocate(T* memory, size_t n) noexcept {
    const size_t bytes = n * sizeof(T);
    bytes >= kMapped ? UnmapMemory(memory, bytes) : ::operator delete(memory, kLine);
  }
  bool operator==(const HugePages&) const { return true; }

 private:
  static constexpr size_t kMapped = size_t{2} << 20;
  static constexpr std::align_val_t kLine{64};
};

template <class T>
using HugeVector = std::vector<T, HugePages<T>>;

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_HUGE_PAGES_H_
