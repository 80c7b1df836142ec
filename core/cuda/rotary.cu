// Query and key heads in place: optional RMS norm over the head, then the rotary embedding (Su et al. 2021, eq. 34), in the form
// that pairs element d with d + head_dim / 2. A thread has a vector of a head's first half and the one of the second half that it
// pairs with; a head is shared by the next power of two of lanes of a warp, so that its sums need no block.
#include <algorithm>
#include <bit>

#include "core/cuda/check.h"
#include "core/cuda/kernels.h"
#include "core/cuda/partial_sums.h"
#include "core/cuda/vec.cuh"

namespace hlm::cuda {
namespace {

constexpr int kThreads = 256;

template <class T>
struct Operands {
  T* qkv = nullptr;  // or dqkv
  const int32_t* positions = nullptr;
  const float* table = nullptr;
  const T* q_norm = nullptr;
  const T* k_norm = nullptr;
  T* raw = nullptr;
  float* rstd = nullptr;
  float epsilon = 0;
  int64_t tokens = 0, stride = 0;  // of a token in qkv
  int heads = 0, turned = 0;       // query heads; query and key heads
  int dim = 0, half = 0;
  int lanes = 0;      // of a head: a power of two
  int slots = 0;      // heads of a token that a block has at a time
  int together = 0;   // tokens that a block has at a time
  int64_t chunk = 0;  // backward with a norm: tokens of a block
  float* partials = nullptr;
};

// Two vectors of a head as floats.
template <int kN>
struct Pair {
  float a[kN], b[kN];
};
template <class T, int kN>
struct RawPair {
  Vec<T, kN> a, b;

  __device__ Pair<kN> Floats() const {
    Pair<kN> p;
    ToFloats(a, p.a);
    ToFloats(b, p.b);
    return p;
  }
};
// Both vectors are read only where `inside`; they are 0 elsewhere.
template <int kN, class T>
__device__ RawPair<T, kN> LoadPair(const T* p, int half, bool inside) {
  if (!inside) return {};
  return {Load<kN>(p), Load<kN>(p + half)};
}
template <class T, int kN>
__device__ void StorePair(T* p, int half, const Pair<kN>& pair) {
  Store(p, FromFloats<T>(pair.a));
  Store(p + half, FromFloats<T>(pair.b));
}

// By the angles whose cosines and sines are a and b of `by`, or back by them.
template <bool kBack, int kN>
__device__ void Rotate(Pair<kN>& pair, const Pair<kN>& by) {
#pragma unroll
  for (int i = 0; i < kN; ++i) {
    const float a = pair.a[i], b = pair.b[i], c = by.a[i], s = kBack ? -by.b[i] : by.b[i];
    pair.a[i] = a * c - b * s;
    pair.b[i] = b * c + a * s;
  }
}
template <int kN>
__device__ Pair<kN> LoadAngles(const float* table, int64_t position, int dim, int half, int column) {
  Pair<kN> by;
  const float* row = table + position * dim + column;
  LoadFloats(row, by.a);
  LoadFloats(row + half, by.b);
  return by;
}

enum class Way { kForward, kNormForward, kBackward };

constexpr int kHeads = 4;  // of a token, in flight in a thread

// One token a thread, and every slots-th of its heads.
template <class T, int kN, Way kWay>
__global__ void __launch_bounds__(kThreads) RotaryKernel(Operands<T> args) {
  const int lane = static_cast<int>(threadIdx.x) & (args.lanes - 1), group = static_cast<int>(threadIdx.x) / args.lanes;
  const int slot = group % args.slots, column = lane * kN, own = group / args.slots;
  const int64_t token = int64_t{blockIdx.x} * args.together + own;
  const bool inside = column < args.half && own < args.together && token < args.tokens;
  Pair<kN> by;
  if (inside) by = LoadAngles<kN>(args.table, __ldg(args.positions + token), args.dim, args.half, column);
  T* const first = args.qkv + token * args.stride + column;
  for (int base = 0; base < args.turned; base += kHeads * args.slots) {
    RawPair<T, kN> raw[kHeads];
#pragma unroll
    for (int k = 0; k < kHeads; ++k) {
      const int head = base + k * args.slots + slot;
      raw[k] = LoadPair<kN>(first + head * args.dim, args.half, inside && head < args.turned);
    }
#pragma unroll
    for (int k = 0; k < kHeads; ++k) {
      const int head = base + k * args.slots + slot;
      const bool present = inside && head < args.turned;
      Pair<kN> pair = raw[k].Floats();
      if constexpr (kWay == Way::kNormForward) {
        float squares = 0;
#pragma unroll
        for (int i = 0; i < kN; ++i) squares += pair.a[i] * pair.a[i] + pair.b[i] * pair.b[i];
        const float rstd = rsqrtf(WarpSum(squares, args.lanes) / static_cast<float>(args.dim) + args.epsilon);
        if (!present) continue;
        const int64_t turned = token * args.turned + head;
        if (lane == 0) args.rstd[turned] = rstd;
        StoreOnce(args.raw + turned * args.dim + column, raw[k].a);
        StoreOnce(args.raw + turned * args.dim + args.half + column, raw[k].b);
        const T* w = (head < args.heads ? args.q_norm : args.k_norm) + column;
        float wa[kN], wb[kN];
        ToFloats(LoadReadOnly<kN>(w), wa);
        ToFloats(LoadReadOnly<kN>(w + args.half), wb);
        // As the norm of hidden states: rounded before the product with w, and after it.
#pragma unroll
        for (int i = 0; i < kN; ++i) pair.a[i] *= rstd, pair.b[i] *= rstd;
        RoundTo<T>(pair.a), RoundTo<T>(pair.b);
#pragma unroll
        for (int i = 0; i < kN; ++i) pair.a[i] *= wa[i], pair.b[i] *= wb[i];
        RoundTo<T>(pair.a), RoundTo<T>(pair.b);
      }
      Rotate<kWay == Way::kBackward>(pair, by);
      if (present) StorePair(first + head * args.dim, args.half, pair);
    }
  }
}

// ---- backward with a norm ----

constexpr int kTokens = 2;  // in flight in a thread
// Blocks that fit at once on a GPU of 132 multiprocessors, two on each.
constexpr int64_t kMostBlocks = 264;
constexpr int64_t kLeastTokens = 8;

// Block (chunk of tokens, tile of heads). A thread keeps to its head and has the sums for its elements of dq_norm or dk_norm.
template <class T, int kN>
__global__ void __launch_bounds__(kThreads, 2) RotaryNormBackwardKernel(Operands<T> args) {
  __shared__ float sums[2 * kN][kThreads];
  const int lane = static_cast<int>(threadIdx.x) & (args.lanes - 1), group = static_cast<int>(threadIdx.x) / args.lanes;
  const int first_head = static_cast<int>(blockIdx.y) * args.slots;
  const int head = first_head + group % args.slots, column = lane * kN, own = group / args.slots;
  const bool inside = column < args.half && own < args.together && head < args.turned;
  const int64_t begin = blockIdx.x * args.chunk, end = min(args.tokens, begin + args.chunk);
  RawPair<T, kN> weights = {};
  if (inside) {
    const T* w = (head < args.heads ? args.q_norm : args.k_norm) + column;
    weights = {LoadReadOnly<kN>(w), LoadReadOnly<kN>(w + args.half)};
  }
  Pair<kN> dw = {};
  for (int64_t base = begin; base < end; base += kTokens * args.together) {
    RawPair<T, kN> gradients[kTokens], raws[kTokens];
    float rstds[kTokens] = {};
    int positions[kTokens] = {};
    bool present[kTokens];
#pragma unroll
    for (int k = 0; k < kTokens; ++k) {
      const int64_t token = base + k * args.together + own;
      present[k] = inside && token < end;
      const int64_t turned = token * args.turned + head;
      gradients[k] = LoadPair<kN>(args.qkv + token * args.stride + head * args.dim + column, args.half, present[k]);
      raws[k] = {};
      if (present[k]) {
        const T* raw = args.raw + turned * args.dim + column;
        raws[k] = {LoadOnce<kN>(raw), LoadOnce<kN>(raw + args.half)};
        rstds[k] = __ldg(args.rstd + turned);
        positions[k] = __ldg(args.positions + token);
      }
    }
#pragma unroll
    for (int k = 0; k < kTokens; ++k) {
      const int64_t token = base + k * args.together + own;
      Pair<kN> g = gradients[k].Floats();
      if (inside) Rotate<true>(g, LoadAngles<kN>(args.table, positions[k], args.dim, args.half, column));
      Opaque(weights.a), Opaque(weights.b);  // widened for each token: registers are short
      const Pair<kN> x = raws[k].Floats(), w = weights.Floats();
      const float rstd = rstds[k];
      float sum = 0;
#pragma unroll
      for (int i = 0; i < kN; ++i) {
        const float a = g.a[i] * x.a[i], b = g.b[i] * x.b[i];
        sum += a * w.a[i] + b * w.b[i];
        dw.a[i] += a * rstd;
        dw.b[i] += b * rstd;
      }
      const float slope = WarpSum(sum, args.lanes) / static_cast<float>(args.dim) * rstd * rstd * rstd;
#pragma unroll
      for (int i = 0; i < kN; ++i) {
        g.a[i] = g.a[i] * w.a[i] * rstd - slope * x.a[i];
        g.b[i] = g.b[i] * w.b[i] * rstd - slope * x.b[i];
      }
      if (present[k]) StorePair(args.qkv + token * args.stride + head * args.dim + column, args.half, g);
    }
  }
#pragma unroll
  for (int i = 0; i < kN; ++i) {
    sums[i][threadIdx.x] = dw.a[i];
    sums[kN + i][threadIdx.x] = dw.b[i];
  }
  __syncthreads();
  // A row of partials: dq_norm's, then dk_norm's. A block may have heads of both kinds, or of one.
  float* to = args.partials + (int64_t{blockIdx.y} * gridDim.x + blockIdx.x) * 2 * args.dim;
  for (int c = static_cast<int>(threadIdx.x); c < 2 * args.dim; c += kThreads) {
    const bool query = c < args.dim;
    const int d = query ? c : c - args.dim, in_half = d < args.half ? d : d - args.half;
    const int element = in_half % kN + (d < args.half ? 0 : kN), thread = in_half / kN;
    float total = 0;
    for (int g = 0; g < args.slots * args.together; ++g) {
      const int h = first_head + g % args.slots;
      if ((h < args.heads) == query) total += sums[element][g * args.lanes + thread];
    }
    to[c] = total;
  }
}

// ---- launches ----

template <class T, int kN>
void SetShape(Operands<T>* args, int64_t heads, int64_t kv_heads, int64_t dim) {
  HLM_CHECK(dim % (2 * kN) == 0 && dim / 2 / kN <= kThreads, "rotary embedding of heads of ", dim);
  HLM_CHECK(heads + kv_heads <= INT_MAX / dim, "rotary embedding of ", heads, " and ", kv_heads, " heads of ", dim);
  args->heads = static_cast<int>(heads);
  args->turned = static_cast<int>(heads + kv_heads);
  args->stride = (heads + 2 * kv_heads) * dim;
  args->dim = static_cast<int>(dim);
  args->half = static_cast<int>(dim / 2);
  args->lanes = static_cast<int>(std::bit_ceil(static_cast<unsigned>(args->half / kN)));
  HLM_CHECK(args->q_norm == nullptr || args->lanes <= kWarp, "norm over heads of ", dim);
}

template <class T, int kN, Way kWay>
void RunPlain(cudaStream_t stream, Operands<T> args) {
  const int groups = kThreads / args.lanes;
  args.slots = std::min(groups, static_cast<int>(CeilDiv(args.turned, kHeads)));
  args.together = groups / args.slots;
  RotaryKernel<T, kN, kWay><<<GridSize(CeilDiv(args.tokens, args.together)), kThreads, 0, stream>>>(args);
}

template <class T, int kN>
void RunNormBackward(cudaStream_t stream, Operands<T> args, const QkRotaryBackwardArgs& from) {
  const int groups = kThreads / args.lanes;
  const int64_t tiles = CeilDiv(args.turned, groups);
  HLM_CHECK(tiles <= 65535, "QkRotaryBackward of ", args.turned, " heads");
  args.slots = static_cast<int>(CeilDiv(args.turned, tiles));
  args.together = groups / args.slots;
  const RowChunks chunks = CutRows(args.tokens, std::max<int64_t>(1, kMostBlocks / tiles), kLeastTokens);
  args.chunk = chunks.rows;
  const dim3 grid(GridSize(chunks.count), static_cast<unsigned>(tiles));
  RotaryNormBackwardKernel<T, kN><<<grid, kThreads, 0, stream>>>(args);
  CheckLaunch("QkRotaryBackward");
  AddPartialSums(stream, {args.partials, chunks.count * tiles, 2 * from.head_dim, from.accumulate, from.dq_norm, from.dk_norm,
                          from.head_dim});
}

template <class T, int kN>
void Forward(cudaStream_t stream, const QkRotaryArgs& from) {
  Operands<T> args;
  args.qkv = static_cast<T*>(from.qkv);
  args.positions = from.positions;
  args.table = from.table;
  args.q_norm = static_cast<const T*>(from.q_norm);
  args.k_norm = static_cast<const T*>(from.k_norm);
  args.raw = static_cast<T*>(from.qk_raw);
  args.rstd = from.qk_rstd;
  args.epsilon = from.epsilon;
  args.tokens = from.tokens;
  SetShape<T, kN>(&args, from.heads, from.kv_heads, from.head_dim);
  args.q_norm == nullptr ? RunPlain<T, kN, Way::kForward>(stream, args) : RunPlain<T, kN, Way::kNormForward>(stream, args);
  CheckLaunch("QkRotary");
}

template <class T, int kN>
void Backward(cudaStream_t stream, const QkRotaryBackwardArgs& from, float* scratch) {
  Operands<T> args;
  args.qkv = static_cast<T*>(from.dqkv);
  args.positions = from.positions;
  args.table = from.table;
  args.q_norm = static_cast<const T*>(from.q_norm);
  args.k_norm = static_cast<const T*>(from.k_norm);
  args.raw = static_cast<T*>(const_cast<void*>(from.qk_raw));
  args.rstd = const_cast<float*>(from.qk_rstd);
  args.tokens = from.tokens;
  args.partials = scratch;
  SetShape<T, kN>(&args, from.heads, from.kv_heads, from.head_dim);
  if (from.q_norm != nullptr) return RunNormBackward<T, kN>(stream, args, from);
  RunPlain<T, kN, Way::kBackward>(stream, args);
  CheckLaunch("QkRotaryBackward");
}

// Halves of 4, but no multiple of 8, elements: vectors of 8 bytes in bf16.
bool Wide(int64_t head_dim) { return head_dim % 16 == 0; }

}  // namespace

void QkRotary(cudaStream_t stream, const QkRotaryArgs& args) {
  if (args.type == DType::kF32) {
    Forward<float, 4>(stream, args);
  } else {
    Wide(args.head_dim) ? Forward<bf16, 8>(stream, args) : Forward<bf16, 4>(stream, args);
  }
}

// Blocks times both gradients; tiles of heads are at most as many as heads.
size_t QkRotaryBackwardBytes(int64_t tokens, int64_t heads, int64_t kv_heads, int64_t head_dim) {
  const int64_t turned = heads + kv_heads;
  const int64_t most = std::min(std::max(kMostBlocks, turned), CeilDiv(tokens, kLeastTokens) * turned);
  return static_cast<size_t>(most * 2 * head_dim) * sizeof(float);
}

void QkRotaryBackward(cudaStream_t stream, const QkRotaryBackwardArgs& args, void* scratch) {
  auto* floats = static_cast<float*>(scratch);
  if (args.type == DType::kF32) {
    Backward<float, 4>(stream, args, floats);
  } else {
    Wide(args.head_dim) ? Backward<bf16, 8>(stream, args, floats) : Backward<bf16, 4>(stream, args, floats);
  }
}

}  // namespace hlm::cuda
