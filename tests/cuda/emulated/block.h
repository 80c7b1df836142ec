// Blocks of CUDA threads on the CPU, for tests of kernels where there is no GPU: include before the kernels' headers, which a C++
// compiler then reads. A thread is a context of its own; a barrier is where it hands over. In which order threads go on between
// barriers is drawn anew each time, shared memory begins as NaNs, and copies that were sent ahead arrive when they are awaited: a
// barrier or wait that is missing changes results.
#ifndef HORIZON_LM_TESTS_CUDA_EMULATED_BLOCK_H_
#define HORIZON_LM_TESTS_CUDA_EMULATED_BLOCK_H_

#include <cuda_bf16.h>
#include <cuda_runtime_api.h>
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <random>
#include <vector>

#undef __shared__
#define __shared__ static
#undef __launch_bounds__
#define __launch_bounds__(...)
#undef __noinline__
#define __noinline__
#define HLM_EMULATED_WARPS

inline uint3 threadIdx;
inline dim3 blockDim;

namespace hlm::emulated {

struct Copy {
  void* to;
  std::array<unsigned char, 16> bytes;  // as they were when the copy was sent
};
struct Thread {
  ucontext_t context;  // where it begins
  jmp_buf place;       // where it goes on: unlike a context's, such a change of places is no call of the system
  bool begun = false;
  size_t exchanges = 0;
  std::vector<char> stack;
  enum { kReady, kBlock, kWarp, kDone } state = kReady;
  std::deque<std::vector<Copy>> groups;  // of copies, the last one open
};

class Block {
 public:
  static Block& The() {
    static Block block;
    return block;
  }

  void Run(dim3 grid, int threads, size_t shared, const std::function<void()>& body) {
    threads_.resize(static_cast<size_t>(threads));
    body_ = &body;
    blockDim = dim3(static_cast<unsigned>(threads));
    for (unsigned z = 0; z < grid.z; ++z) {
      for (unsigned y = 0; y < grid.y; ++y) {
        for (unsigned x = 0; x < grid.x; ++x) {
          block_index = {x, y, z};
          grid_size = grid;
          shared_.assign(shared / 4 + 64, 0xffffffffu);
          RunOne();
        }
      }
    }
  }

  void Wait(bool block) {
    Now().state = block ? Thread::kBlock : Thread::kWarp;
    if (_setjmp(Now().place) == 0) _longjmp(scheduler_, 1);
  }
  // What every lane of the caller's warp gives, in the order of lanes.
  template <class V>
  std::array<V, 32> Exchange(const V& own) {
    static_assert(sizeof(V) <= 64);
    // Two places in turn: nobody is two exchanges ahead of a lane that still reads.
    const size_t turn = Now().exchanges++ % 2 * threads_.size(), warp = turn + now_ / 32 * 32;
    std::memcpy(slots_[turn + now_].data(), &own, sizeof(V));
    Wait(false);
    std::array<V, 32> all;
    for (size_t l = 0; l < 32; ++l) std::memcpy(&all[l], slots_[warp + l].data(), sizeof(V));
    return all;
  }
  Thread& Now() { return threads_[now_]; }
  size_t now() const { return now_; }
  void* shared() { return reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(shared_.data()) + 127) / 128 * 128); }

  uint3 block_index{};
  dim3 grid_size;

 private:
  static void Enter() {
    Block& block = The();
    (*block.body_)();
    block.Now().state = Thread::kDone;
    _longjmp(block.scheduler_, 1);
  }

  void RunOne() {
    constexpr size_t kStack = size_t{256} << 10;
    slots_.resize(2 * threads_.size());
    for (Thread& t : threads_) {
      t.stack.resize(kStack);
      t.groups.assign(1, {});
      t.state = Thread::kReady;
      t.begun = false;
      t.exchanges = 0;
      getcontext(&t.context);
      t.context.uc_stack.ss_sp = t.stack.data();
      t.context.uc_stack.ss_size = kStack;
      t.context.uc_link = nullptr;
      makecontext(&t.context, Enter, 0);
    }
    std::vector<size_t> order(threads_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    for (;;) {
      bool any = false;
      if (random_() % 4 == 0) std::shuffle(order.begin(), order.end(), random_);
      for (size_t o = 0; o < order.size(); ++o) {
        const size_t i = order[o];
        if (threads_[i].state != Thread::kReady) continue;
        any = true;
        now_ = i;
        threadIdx = {static_cast<unsigned>(i), 0, 0};
        if (_setjmp(scheduler_) == 0) {
          if (threads_[i].begun) _longjmp(threads_[i].place, 1);
          threads_[i].begun = true;
          setcontext(&threads_[i].context);
        }
      }
      if (any) continue;
      // Everybody waits: warps first, then the block.
      for (size_t w = 0; w < threads_.size(); w += 32) {
        const size_t end = std::min(threads_.size(), w + 32);
        bool all = true;
        for (size_t i = w; i < end; ++i) all = all && threads_[i].state == Thread::kWarp;
        if (!all) continue;
        any = true;
        for (size_t i = w; i < end; ++i) threads_[i].state = Thread::kReady;
      }
      if (any) continue;
      bool done = true;
      for (const Thread& t : threads_) {
        if (t.state == Thread::kWarp) std::fprintf(stderr, "a warp waits for lanes that do not come\n"), std::abort();
        done = done && t.state == Thread::kDone;
      }
      if (done) return;
      for (Thread& t : threads_) {
        if (t.state == Thread::kBlock) t.state = Thread::kReady;
      }
    }
  }

  std::vector<Thread> threads_;
  std::vector<std::array<unsigned char, 64>> slots_;
  std::vector<uint32_t> shared_;
  std::mt19937 random_{7};
  jmp_buf scheduler_;
  size_t now_ = 0;
  const std::function<void()>* body_ = nullptr;
};

}  // namespace hlm::emulated

#define blockIdx (hlm::emulated::Block::The().block_index)
#define gridDim (hlm::emulated::Block::The().grid_size)

inline void __syncthreads() { hlm::emulated::Block::The().Wait(true); }
inline void __syncwarp() { hlm::emulated::Block::The().Wait(false); }
template <class V>
V __shfl_xor_sync(unsigned, V value, int mask, int = 32) {
  const size_t lane = hlm::emulated::Block::The().now() % 32;
  return hlm::emulated::Block::The().Exchange(value)[lane ^ static_cast<size_t>(mask)];
}
template <class V>
V __shfl_up_sync(unsigned, V value, int delta, int = 32) {
  const size_t lane = hlm::emulated::Block::The().now() % 32;
  const auto all = hlm::emulated::Block::The().Exchange(value);
  return lane >= static_cast<size_t>(delta) ? all[lane - static_cast<size_t>(delta)] : value;
}
template <class V>
V __shfl_sync(unsigned, V value, int from, int = 32) {
  return hlm::emulated::Block::The().Exchange(value)[static_cast<size_t>(from) % 32];
}
template <class V>
V __ldg(const V* p) {
  return *p;
}
template <class V>
V __ldcs(const V* p) {
  return *p;
}
template <class V>
void __stcs(V* p, V v) {
  *p = v;
}
inline float __uint_as_float(uint32_t bits) {
  float f = 0;
  std::memcpy(&f, &bits, 4);
  return f;
}
inline uint32_t __float_as_uint(float f) {
  uint32_t bits = 0;
  std::memcpy(&bits, &f, 4);
  return bits;
}
inline float __expf(float x) { return std::exp(x); }
inline float __fdividef(float x, float y) { return x / y; }
using std::max;
using std::min;

namespace hlm::cuda {

template <bool kTransposed>
void LoadMatrices(const __nv_bfloat16* row, uint32_t (&to)[4]) {
  const auto rows = emulated::Block::The().Exchange(row);
  const size_t lane = emulated::Block::The().now() % 32;
  for (size_t m = 0; m < 4; ++m) {
    uint16_t two[2];
    for (size_t e = 0; e < 2; ++e) {
      const size_t r = kTransposed ? lane % 4 * 2 + e : lane / 4, c = kTransposed ? lane / 4 : lane % 4 * 2 + e;
      const __nv_bfloat16* from = rows[8 * m + r];
      if (reinterpret_cast<uintptr_t>(from) % 16 != 0) std::fprintf(stderr, "a row that is not aligned\n"), std::abort();
      std::memcpy(&two[e], from + c, 2);
    }
    std::memcpy(&to[m], two, 4);
  }
}

inline void MultiplyAdd(const uint32_t (&a)[4], uint32_t b0, uint32_t b1, float (&c)[4]) {
  struct Own {
    uint32_t a[4], b[2];
  };
  const auto all = emulated::Block::The().Exchange(Own{{a[0], a[1], a[2], a[3]}, {b0, b1}});
  const size_t lane = emulated::Block::The().now() % 32;
  const auto half = [](uint32_t pair, size_t high) { return __uint_as_float(high != 0 ? pair & 0xffff0000u : pair << 16); };
  for (size_t e = 0; e < 4; ++e) {
    const size_t row = lane / 4 + e / 2 * 8, column = lane % 4 * 2 + e % 2;
    float sum = c[e];
    for (size_t k = 0; k < 16; ++k) {
      const float x = half(all[row % 8 * 4 + k % 8 / 2].a[row / 8 + k / 8 * 2], k % 2);
      const float y = half(all[column * 4 + k % 8 / 2].b[k / 8], k % 2);
      sum += x * y;
    }
    c[e] = sum;
  }
}

inline void CopyAhead(void* to, const void* from, bool there) {
  if (reinterpret_cast<uintptr_t>(to) % 16 != 0 || (there && reinterpret_cast<uintptr_t>(from) % 16 != 0)) {
    std::fprintf(stderr, "a copy that is not aligned\n"), std::abort();
  }
  emulated::Copy copy{to, {}};
  if (there) std::memcpy(copy.bytes.data(), from, 16);
  emulated::Block::The().Now().groups.back().push_back(copy);
}
inline void CloseCopies() { emulated::Block::The().Now().groups.emplace_back(); }
template <int kOpen>
void AwaitCopies() {
  auto& groups = emulated::Block::The().Now().groups;
  while (groups.size() > static_cast<size_t>(kOpen) + 1) {
    for (const emulated::Copy& copy : groups.front()) std::memcpy(copy.to, copy.bytes.data(), 16);
    groups.pop_front();
  }
}

inline float FastExp2(float x) { return std::exp2(x); }

inline unsigned char* DynamicShared() { return static_cast<unsigned char*>(emulated::Block::The().shared()); }
template <class... Ps, class... As>
void Launch(void (*kernel)(Ps...), dim3 grid, int threads, size_t shared, cudaStream_t, const As&... args) {
  emulated::Block::The().Run(grid, threads, shared, [&] { kernel(args...); });
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_TESTS_CUDA_EMULATED_BLOCK_H_
