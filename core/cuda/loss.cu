// Cross entropy over rows of fp32 logits, with its gradient: a block a row. The row is read once for its largest logit and the
// sum of exps, and once more for the gradient: from shared memory, where as much of it is kept as fits, and the rest backwards,
// so that what was read last, and is still in the L2 cache, comes first.
#include <algorithm>

#include "core/cuda/check.h"
#include "core/cuda/kernels.h"
#include "core/cuda/vec.cuh"

namespace hlm::cuda {
namespace {

constexpr int kMostThreads = 1024;
constexpr int kN = 4;      // elements of a vector
constexpr int kAhead = 4;  // vectors in flight in a thread

// The parts of a row of `vocab` elements: up to the first 16-byte border of the array, whole vectors, the rest. The same for
// logits and gradient, for both arrays begin on such a border.
struct Row {
  int64_t start;  // of the row, in elements
  int head, vecs, tail;

  __device__ Row(int64_t row, int64_t vocab) : start(row * vocab) {
    head = static_cast<int>(min(vocab, (kN - start % kN) % kN));
    vecs = static_cast<int>((vocab - head) / kN);
    tail = static_cast<int>((vocab - head) % kN);
  }
  // Of vector i.
  __device__ int64_t At(int i) const { return start + head + int64_t{i} * kN; }
  // body(i) for this thread's elements outside the vectors: at most one in front and one behind.
  template <class Body>
  __device__ void ForEdges(const Body& body) const {
    const int t = static_cast<int>(threadIdx.x);
    if (t < head) body(start + t);
    if (t < tail) body(At(vecs) + t);
  }
};

// The sum of exp(x - most) over the values seen, and NaN once one of them was not finite: exp would make 0 of an infinity below.
struct Sum {
  float most = -INFINITY, sum = 0, poison = 0;

  template <int kCount>
  __device__ void Add(const float (&x)[kCount]) {
    float now = most;
#pragma unroll
    for (int i = 0; i < kCount; ++i) now = fmaxf(now, x[i]);
    float part = 0;
#pragma unroll
    for (int i = 0; i < kCount; i += 4) {
      float four[4];
#pragma unroll
      for (int k = 0; k < 4; ++k) four[k] = i + k < kCount ? expf(x[i + k] - now) : 0.0f;
      part += (four[0] + four[1]) + (four[2] + four[3]);
    }
    sum = sum * expf(most - now) + part;
    most = now;
  }
};

struct BlockSums {
  float most[kMostThreads / kWarp];
  double sum[kMostThreads / kWarp];
  float all_most;
  double all_sum;
  float scale;  // of exp(x - all_most) in the gradient
};

// Every thread's part in one: all_most, all_sum and scale = weight / all_sum.
__device__ void Combine(const Sum& own, float weight, BlockSums* block) {
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp, warps = blockDim.x / kWarp;
  const float warp_most = WarpMax(own.most);
  if (lane == 0) block->most[warp] = warp_most;
  __syncthreads();
  const float most = WarpMax(lane < warps ? block->most[lane] : -INFINITY);
  const double part =
      WarpSum(static_cast<double>(own.sum) * static_cast<double>(expf(own.most - most)) + static_cast<double>(own.poison));
  if (lane == 0) block->sum[warp] = part;
  __syncthreads();
  if (warp == 0) {
    const double sum = WarpSum(lane < warps ? block->sum[lane] : 0.0);
    if (lane == 0) {
      block->all_most = most;
      block->all_sum = sum;
      block->scale = static_cast<float>(static_cast<double>(weight) / sum);
    }
  }
  __syncthreads();
}

template <class T>
__device__ T Rounded(float x) {
  return static_cast<T>(x);
}

// dlogits may be logits. `kept`: of every thread's vectors those kept in shared memory, which has room for that many of each.
template <class T, bool kGradient>
__global__ void __launch_bounds__(kMostThreads)
    CrossEntropyKernel(const float* logits, const int32_t* targets, const float* weights, int64_t vocab, float* nll, T* dlogits,
                       int kept) {
  extern __shared__ float4 cache[];
  __shared__ BlockSums block;
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  const int64_t r = blockIdx.x;
  const Row row(r, vocab);
  const int target = targets[r];
  if (target < 0) {
    if (thread == 0) nll[r] = 0;
    if constexpr (kGradient) {
      row.ForEdges([&](int64_t i) { dlogits[i] = Rounded<T>(0); });
      for (int i = thread; i < row.vecs; i += threads) StoreOnce(dlogits + row.At(i), Vec<T, kN>{});
    }
    return;
  }
  const float at_target = logits[row.start + target];

  Sum own;
  row.ForEdges([&](int64_t i) {
    const float x[1] = {logits[i]};
    own.poison += x[0] * 0.0f;
    own.Add(x);
  });
  const int step = kAhead * threads;
  for (int first = thread, turn = 0; first < row.vecs; first += step, turn += kAhead) {
    Vec<float, kN> v[kAhead];
    float x[kAhead * kN];
#pragma unroll
    for (int k = 0; k < kAhead; ++k) {
      const int i = first + k * threads;
      if (i >= row.vecs) continue;
      v[k] = !kGradient || turn + k < kept ? LoadOnce<kN>(logits + row.At(i)) : Load<kN>(logits + row.At(i));
    }
#pragma unroll
    for (int k = 0; k < kAhead; ++k) {
      const int i = first + k * threads;
      if (i < row.vecs && kGradient && turn + k < kept) {
        cache[i] = make_float4(__uint_as_float(v[k].words[0]), __uint_as_float(v[k].words[1]), __uint_as_float(v[k].words[2]),
                               __uint_as_float(v[k].words[3]));
      }
#pragma unroll
      for (int j = 0; j < kN; ++j) {
        const float value = __uint_as_float(v[k].words[j]);
        x[k * kN + j] = i < row.vecs ? value : -INFINITY;
        if (i < row.vecs) own.poison += value * 0.0f;
      }
    }
    own.Add(x);
  }
  const float weight = kGradient ? weights[r] : 0.0f;
  Combine(own, weight, &block);

  const double above = static_cast<double>(at_target) - static_cast<double>(block.all_most);  // <= 0
  if (thread == 0) nll[r] = static_cast<float>(log(block.all_sum) - above);
  if constexpr (kGradient) {
    const float most = block.all_most, scale = block.scale;
    const auto gradient = [&](float x) { return expf(x - most) * scale; };
    row.ForEdges([&](int64_t i) { dlogits[i] = Rounded<T>(gradient(logits[i])); });
    const int turns = (row.vecs + step - 1) / step;
    for (int turn = (turns - 1) * kAhead; turn >= 0; turn -= kAhead) {
      const int first = turn * threads + thread;
      float4 v[kAhead];
#pragma unroll
      for (int k = 0; k < kAhead; ++k) {
        const int i = first + k * threads;
        if (i >= row.vecs) continue;
        v[k] = turn + k < kept ? cache[i] : __ldcs(reinterpret_cast<const float4*>(logits + row.At(i)));
      }
#pragma unroll
      for (int k = 0; k < kAhead; ++k) {
        const int i = first + k * threads;
        if (i >= row.vecs) continue;
        const float values[kN] = {gradient(v[k].x), gradient(v[k].y), gradient(v[k].z), gradient(v[k].w)};
        StoreOnce(dlogits + row.At(i), FromFloats<T>(values));
      }
    }
    __syncthreads();
    // As p - 1 in double, which keeps the digits of a target that is nearly sure.
    if (thread == 0) {
      dlogits[row.start + target] =
          Rounded<T>(static_cast<float>(static_cast<double>(weight) * (exp(above) / block.all_sum - 1.0)));
    }
  }
}

// Fewer threads for short rows; those of two or more blocks fill a multiprocessor. Part of how sums are cut: of the shape alone.
int Threads(int64_t vocab) { return vocab <= 2048 ? 128 : vocab <= 65536 ? 512 : kMostThreads; }

// Shared memory that a block may have beside its sums, and that a multiprocessor has.
struct Room {
  static constexpr int kStatic = 1024;  // room for the block's sums, in whatever pieces the compiler lays them out
  static_assert(sizeof(BlockSums) < kStatic);
  int block = 0, multiprocessor = 0;

  Room() {
    int device = 0;
    Check(cudaGetDevice(&device), "CrossEntropy");
    Check(cudaDeviceGetAttribute(&multiprocessor, cudaDevAttrMaxSharedMemoryPerMultiprocessor, device), "CrossEntropy");
    Check(cudaDeviceGetAttribute(&block, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "CrossEntropy");
    block -= kStatic;
  }
  // Vectors of each thread that fit, with as many blocks on a multiprocessor as threads allow. It says where a row is kept, not
  // how it is summed.
  int Vectors(int threads, int64_t vocab) const {
    constexpr int kReserved = 1024;  // by the system, of each block
    const int share = multiprocessor / (kMostThreads / threads) - kReserved - kStatic;
    const int64_t all = CeilDiv(vocab, kN * int64_t{threads});
    return static_cast<int>(
        std::min<int64_t>(std::max(std::min(block, share), 0) / (threads * static_cast<int>(sizeof(float4))), all));
  }
};

template <class T, bool kGradient>
void Run(cudaStream_t stream, const CrossEntropyArgs& args) {
  const auto kernel = CrossEntropyKernel<T, kGradient>;
  const int threads = Threads(args.vocab);
  const int kept = kGradient ? Room().Vectors(threads, args.vocab) : 0;
  const size_t bytes = static_cast<size_t>(kept) * static_cast<size_t>(threads) * sizeof(float4);
  Check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)), "CrossEntropy");
  kernel<<<GridSize(args.rows), threads, bytes, stream>>>(args.logits, args.targets, args.weights, args.vocab, args.nll,
                                                          static_cast<T*>(args.dlogits), kept);
  CheckLaunch("CrossEntropy");
}

}  // namespace

void CrossEntropy(cudaStream_t stream, const CrossEntropyArgs& args) {
  HLM_CHECK(args.vocab <= INT_MAX, "CrossEntropy over ", args.vocab, " logits");
  if (args.dlogits == nullptr) {
    Run<float, false>(stream, args);
  } else {
    args.type == DType::kF32 ? Run<float, true>(stream, args) : Run<bf16, true>(stream, args);
  }
}

}  // namespace hlm::cuda
