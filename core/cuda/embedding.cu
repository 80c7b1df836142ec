// Embedding: a gather of rows, and its gradient as a sum over the tokens of each id, in their order.
#include <algorithm>
#include <bit>
#include <cub/device/device_radix_sort.cuh>

#include "core/cuda/check.h"
#include "core/cuda/kernels.h"
#include "core/cuda/vec.cuh"

namespace hlm::cuda {
namespace {

constexpr int kThreads = 128;

// ---- forward ----

constexpr int kCopies = 4;  // vectors in flight in a thread

// Rows of `vecs` 16-byte vectors, of either type. Threads (x, y): blockDim.x share a row, blockDim.y rows at once.
__global__ void __launch_bounds__(kThreads)
    EmbeddingKernel(const int32_t* ids, const uint4* table, int64_t tokens, int64_t vecs, uint4* y) {
  const int64_t token = int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
  if (token >= tokens) return;
  const uint4* from = table + ids[token] * vecs;
  uint4* to = y + token * vecs;
  for (int64_t first = threadIdx.x; first < vecs; first += int64_t{kCopies} * blockDim.x) {
    uint4 values[kCopies];
#pragma unroll
    for (int k = 0; k < kCopies; ++k) {
      if (first + k * blockDim.x < vecs) values[k] = __ldg(from + first + k * blockDim.x);
    }
#pragma unroll
    for (int k = 0; k < kCopies; ++k) {
      if (first + k * blockDim.x < vecs) to[first + k * blockDim.x] = values[k];
    }
  }
}

// y = scale * table[ids] (+ addend), which may be y.
template <class T>
__global__ void __launch_bounds__(kThreads)
    ScaledEmbeddingKernel(const int32_t* ids, const T* table, const T* addend, int64_t tokens, int64_t width, float scale, T* y) {
  constexpr int kN = kWide<T>;
  const int64_t token = int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
  if (token >= tokens) return;
  const T* from = table + ids[token] * width;
  for (int64_t c = threadIdx.x * kN; c < width; c += int64_t{blockDim.x} * kN) {
    float values[kN], more[kN] = {};
    ToFloats(LoadReadOnly<kN>(from + c), values);
    if (addend != nullptr) ToFloats(Load<kN>(addend + token * width + c), more);
#pragma unroll
    for (int i = 0; i < kN; ++i) values[i] = scale * values[i] + more[i];
    Store(y + token * width + c, FromFloats<T>(values));
  }
}

// ---- backward ----

constexpr int kN = 4;     // elements of a vector: 16 bytes of dtable
constexpr int kVecs = 2;  // of a row, in a thread
constexpr int kRows = 8;  // of dy, in flight in a thread
constexpr int64_t kColumns = int64_t{kThreads} * kVecs * kN;

__global__ void __launch_bounds__(kThreads) CountKernel(int32_t n, int32_t* to) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < n) to[i] = static_cast<int32_t>(i);
}

// ids: sorted; order: their tokens, rising where ids are alike. Block (i, tile of columns) adds the rows of the tokens of ids[i]
// where that is the first of its kind. A warp looks at 32 places at a time.
template <class T>
__global__ void __launch_bounds__(kThreads) AddRowsKernel(const int32_t* ids, const int32_t* order, int32_t n, const T* dy,
                                                          int64_t width, float scale, int32_t skip, float* dtable) {
  const int lane = threadIdx.x % kWarp;
  int64_t at = blockIdx.x;
  const auto read = [&](const int32_t* from, int64_t place) { return place < n ? __ldg(from + place) : -1; };
  const int before = at > 0 ? __ldg(ids + at - 1) : -1;
  int id_here = read(ids, at + lane), token_here = read(order, at + lane);
  const int id = __shfl_sync(kAllLanes, id_here, 0);
  if (before == id || id == skip) return;

  int64_t columns[kVecs];
  float sums[kVecs][kN];
#pragma unroll
  for (int k = 0; k < kVecs; ++k) {
    columns[k] = int64_t{blockIdx.y} * kColumns + ((threadIdx.x - lane) * kVecs + k * kWarp + lane) * kN;
    if (columns[k] >= width) continue;
    ToFloats(LoadOnce<kN>(dtable + id * width + columns[k]), sums[k]);
  }
  for (;;) {
    const unsigned alike = __ballot_sync(kAllLanes, id_here == id);
    const int count = alike == kAllLanes ? kWarp : __ffs(~alike) - 1;
    const int tokens = token_here;
    at += kWarp;
    if (count == kWarp) id_here = read(ids, at + lane), token_here = read(order, at + lane);
    for (int first = 0; first < count; first += kRows) {
      Vec<T, kN> rows[kRows][kVecs];
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        if (first + r >= count) continue;
        const int64_t row = __shfl_sync(kAllLanes, tokens, first + r) * width;
#pragma unroll
        for (int k = 0; k < kVecs; ++k) {
          if (columns[k] < width) rows[r][k] = LoadOnce<kN>(dy + row + columns[k]);
        }
      }
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        if (first + r >= count) continue;
#pragma unroll
        for (int k = 0; k < kVecs; ++k) {
          float values[kN];
          ToFloats(rows[r][k], values);
#pragma unroll
          for (int i = 0; i < kN; ++i) sums[k][i] = fmaf(values[i], scale, sums[k][i]);
        }
      }
    }
    if (count < kWarp) break;
  }
#pragma unroll
  for (int k = 0; k < kVecs; ++k) {
    if (columns[k] < width) StoreOnce(dtable + id * width + columns[k], FromFloats<float>(sums[k]));
  }
}

// Where the parts of the backward pass lie in its scratch.
struct Layout {
  static constexpr size_t kAlignment = 256;  // what CUB wants
  size_t array = 0, sort = 0;

  explicit Layout(int64_t tokens) {
    array = static_cast<size_t>(RoundUp(tokens * static_cast<int64_t>(sizeof(int32_t)), kAlignment));
    // CUB's sort: a second key and value each, 256 counters of 4 bytes for each tile of at least 2048 (of its policies the
    // smallest has 8,064), and those of its at most 4 passes.
    sort = 2 * array + static_cast<size_t>(CeilDiv(tokens, 2048)) * 1024 + 16384;
  }
  size_t bytes() const { return 3 * array + sort; }
};

template <class T>
void AddRows(cudaStream_t stream, const EmbeddingBackwardArgs& args, const int32_t* ids, const int32_t* order) {
  const int64_t tiles = CeilDiv(args.width, kColumns);
  HLM_CHECK(tiles <= 65535, "EmbeddingBackward of width ", args.width);
  const dim3 grid(GridSize(args.tokens), static_cast<unsigned>(tiles));
  AddRowsKernel<<<grid, kThreads, 0, stream>>>(ids, order, static_cast<int32_t>(args.tokens), static_cast<const T*>(args.dy),
                                               args.width, args.scale, args.skip, args.dtable);
  CheckLaunch("EmbeddingBackward");
}

}  // namespace

void Embedding(cudaStream_t stream, const EmbeddingArgs& args) {
  const int64_t vecs = args.width * static_cast<int64_t>(SizeOf(args.type)) / 16;
  const int64_t threads = std::min<int64_t>(kThreads, RoundUp(vecs, kWarp)), together = kThreads / threads;
  const dim3 block(static_cast<unsigned>(threads), static_cast<unsigned>(together));
  if (args.scale != 1 || args.addend != nullptr) {
    const unsigned grid = GridSize(CeilDiv(args.tokens, together));
    const auto run = [&]<class T>() {
      ScaledEmbeddingKernel<<<grid, block, 0, stream>>>(args.ids, static_cast<const T*>(args.table),
                                                        static_cast<const T*>(args.addend), args.tokens, args.width, args.scale,
                                                        static_cast<T*>(args.y));
    };
    ForType(args.type, run);
    CheckLaunch("Embedding");
    return;
  }
  EmbeddingKernel<<<GridSize(CeilDiv(args.tokens, together)), block, 0, stream>>>(args.ids, static_cast<const uint4*>(args.table),
                                                                                  args.tokens, vecs, static_cast<uint4*>(args.y));
  CheckLaunch("Embedding");
}

size_t EmbeddingBackwardBytes(int64_t tokens, int64_t) { return Layout(tokens).bytes(); }

void EmbeddingBackward(cudaStream_t stream, const EmbeddingBackwardArgs& args, void* scratch) {
  HLM_CHECK(args.tokens <= INT_MAX, "EmbeddingBackward of ", args.tokens, " tokens");
  const Layout layout(args.tokens);
  const auto n = static_cast<int32_t>(args.tokens);
  const auto part = [&](int i) { return static_cast<char*>(scratch) + static_cast<size_t>(i) * layout.array; };
  auto *sorted_ids = reinterpret_cast<int32_t*>(part(0)), *tokens = reinterpret_cast<int32_t*>(part(1)),
       *order = reinterpret_cast<int32_t*>(part(2));
  CountKernel<<<GridSize(CeilDiv(args.tokens, kThreads)), kThreads, 0, stream>>>(n, tokens);
  CheckLaunch("EmbeddingBackward");
  // Stable, so that tokens of one id stay in order.
  const auto sort = [&](void* data, size_t& bytes) {
    const int bits = std::max(1, static_cast<int>(std::bit_width(static_cast<uint64_t>(args.vocab - 1))));
    Check(cub::DeviceRadixSort::SortPairs(data, bytes, reinterpret_cast<const uint32_t*>(args.ids),
                                          reinterpret_cast<uint32_t*>(sorted_ids), tokens, order, n, 0, bits, stream),
          "EmbeddingBackward");
  };
  size_t needed = 0;
  sort(nullptr, needed);
  if (needed > layout.sort) {
    throw Internal("EmbeddingBackward: CUB sorts with ", needed, " bytes, ", layout.sort, " were set aside");
  }
  sort(part(3), needed);
  args.type == DType::kF32 ? AddRows<float>(stream, args, sorted_ids, order) : AddRows<bf16>(stream, args, sorted_ids, order);
}

}  // namespace hlm::cuda
