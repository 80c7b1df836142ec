// Cross entropy and entropy over rows of fp32 logits, with their gradient: a block a row. The row is read once for its largest logit and the
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

constexpr float kLeast = -200;  // exp is 0 below it, and 0 times infinity would not be

// The sum of exp(x - most) over the values seen, and NaN once one of them was not finite: exp would make 0 of an infinity below.
// With kMoments also the sum of exp(x - most) (x - most). What is summed beside `sum` never changes its bits.
template <bool kMoments>
struct Sum {
  float most = -INFINITY, sum = 0, poison = 0, moment = 0;

  template <int kCount>
  __device__ void Add(const float (&x)[kCount]) {
    float now = most;
#pragma unroll
    for (int i = 0; i < kCount; ++i) now = fmaxf(now, x[i]);
    float part = 0, part_moment = 0;
#pragma unroll
    for (int i = 0; i < kCount; i += 4) {
      float four[4];
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        four[k] = i + k < kCount ? expf(x[i + k] - now) : 0.0f;
        if constexpr (kMoments) {
          if (i + k < kCount) part_moment = fmaf(four[k], fmaxf(x[i + k] - now, kLeast), part_moment);
        }
      }
      part += (four[0] + four[1]) + (four[2] + four[3]);
    }
    const float keep = expf(most - now);
    if constexpr (kMoments) {
      // Every x - most that was seen falls by now - most.
      const float moved = keep > 0 ? keep * fmaf(most - now, sum, moment) : 0.0f;
      moment = moved + part_moment;
    }
    sum = fmaf(sum, keep, part);
    most = now;
  }
};

struct BlockSums {
  float most[kMostThreads / kWarp];
  double sum[kMostThreads / kWarp], moment[kMostThreads / kWarp];
  float all_most;
  double all_sum, mean;  // mean of x - all_most
  float level, slope;    // the gradient is exp(d) (level + slope d), d = x - all_most
};

// Every thread's part in one: all_most, all_sum, mean and the gradient's coefficients.
template <bool kMoments>
__device__ void Combine(const Sum<kMoments>& own, double weight, double tilt, double scale, BlockSums* block) {
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp, warps = blockDim.x / kWarp;
  const float warp_most = WarpMax(own.most);
  if (lane == 0) block->most[warp] = warp_most;
  __syncthreads();
  const float most = WarpMax(lane < warps ? block->most[lane] : -INFINITY);
  const double part =
      WarpSum(static_cast<double>(own.sum) * static_cast<double>(expf(own.most - most)) + static_cast<double>(own.poison));
  if (lane == 0) block->sum[warp] = part;
  if constexpr (kMoments) {
    const double d = static_cast<double>(own.most) - static_cast<double>(most);
    const double keep = static_cast<double>(expf(own.most - most));
    const double moment = WarpSum(keep > 0 ? keep * (static_cast<double>(own.moment) + d * static_cast<double>(own.sum)) : 0.0);
    if (lane == 0) block->moment[warp] = moment;
  }
  __syncthreads();
  if (warp == 0) {
    const double sum = WarpSum(lane < warps ? block->sum[lane] : 0.0);
    double moment = 0;
    if constexpr (kMoments) moment = WarpSum(lane < warps ? block->moment[lane] : 0.0);
    if (lane == 0) {
      block->all_most = most;
      block->all_sum = sum;
      block->mean = kMoments ? moment / sum : 0.0;
      // p (weight + tilt (mean - d)): see ops.h; mean - d is -(log p + H).
      block->level = static_cast<float>((kMoments && tilt != 0 ? weight + tilt * block->mean : weight) * (scale / sum));
      block->slope = kMoments ? static_cast<float>(-tilt * (scale / sum)) : 0.0f;
    }
  }
  __syncthreads();
}

template <class T>
__device__ T Rounded(float x) {
  return static_cast<T>(x);
}

// dlogits may be logits. `kept`: of every thread's vectors those kept in shared memory, which has room for that many of each.
// entropy_weights, entropies and best may be null; without kMoments the first two are not looked at.
template <class T, bool kGradient, bool kMoments>
__global__ void __launch_bounds__(kMostThreads)
    CrossEntropyKernel(const float* logits, const int32_t* targets, const float* weights, const float* entropy_weights, int64_t vocab,
                       float logit_scale, float* nll, float* entropies, float* best, T* dlogits, int kept) {
  extern __shared__ float4 cache[];
  __shared__ BlockSums block;
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  const int64_t r = blockIdx.x;
  const Row row(r, vocab);
  const int target = targets[r];
  if (target < 0) {
    if (thread == 0) {
      nll[r] = 0;
      if (kMoments && entropies != nullptr) entropies[r] = 0;
      if (best != nullptr) best[r] = 0;
    }
    if constexpr (kGradient) {
      row.ForEdges([&](int64_t i) { dlogits[i] = Rounded<T>(0); });
      for (int i = thread; i < row.vecs; i += threads) StoreOnce(dlogits + row.At(i), Vec<T, kN>{});
    }
    return;
  }
  // Rounded as it stands, never joined to what follows: every form of this kernel sees the same numbers.
  const auto scaled = [logit_scale](float x) { return __fmul_rn(x, logit_scale); };
  const float at_target = scaled(logits[row.start + target]);

  Sum<kMoments> own;
  row.ForEdges([&](int64_t i) {
    const float x[1] = {scaled(logits[i])};
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
        x[k * kN + j] = i < row.vecs ? scaled(value) : -INFINITY;
        if (i < row.vecs) own.poison += value * 0.0f;
      }
    }
    own.Add(x);
  }
  const double weight = kGradient ? static_cast<double>(weights[r]) : 0.0;
  double tilt = 0;
  if constexpr (kGradient && kMoments) tilt = entropy_weights != nullptr ? static_cast<double>(entropy_weights[r]) : 0.0;
  const double scale = static_cast<double>(logit_scale);
  Combine(own, weight, tilt, scale, &block);

  const double above = static_cast<double>(at_target) - static_cast<double>(block.all_most);  // <= 0
  if (thread == 0) {
    const double log_sum = log(block.all_sum);
    nll[r] = static_cast<float>(log_sum - above);
    if (kMoments && entropies != nullptr) entropies[r] = static_cast<float>(log_sum - block.mean);
    if (best != nullptr) best[r] = static_cast<float>(log_sum);
  }
  if constexpr (kGradient) {
    const float most = block.all_most, level = block.level, slope = block.slope;
    const auto gradient = [&](float x) {
      const float d = scaled(x) - most;
      return kMoments ? expf(d) * fmaf(d, slope, level) : expf(d) * level;
    };
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
      const double p = exp(above) / block.all_sum;
      double slope_at = weight * (p - 1.0);
      if (kMoments && tilt != 0) slope_at += tilt * p * (block.mean - above);
      dlogits[row.start + target] = Rounded<T>(static_cast<float>(scale * slope_at));
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

template <class T, bool kGradient, bool kMoments>
void Run(cudaStream_t stream, const CrossEntropyArgs& args) {
  const auto kernel = CrossEntropyKernel<T, kGradient, kMoments>;
  const int threads = Threads(args.vocab);
  const int kept = kGradient ? Room().Vectors(threads, args.vocab) : 0;
  const size_t bytes = static_cast<size_t>(kept) * static_cast<size_t>(threads) * sizeof(float4);
  Check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)), "CrossEntropy");
  kernel<<<GridSize(args.rows), threads, bytes, stream>>>(args.logits, args.targets, args.weights, args.entropy_weights, args.vocab,
                                                          args.scale, args.nll, args.entropies, args.best, static_cast<T*>(args.dlogits),
                                                          kept);
  CheckLaunch("CrossEntropy");
}

template <bool kMoments>
void RunForm(cudaStream_t stream, const CrossEntropyArgs& args) {
  if (args.dlogits == nullptr) {
    Run<float, false, kMoments>(stream, args);
  } else {
    args.type == DType::kF32 ? Run<float, true, kMoments>(stream, args) : Run<bf16, true, kMoments>(stream, args);
  }
}

}  // namespace

void CrossEntropy(cudaStream_t stream, const CrossEntropyArgs& args) {
  HLM_CHECK(args.vocab <= INT_MAX, "CrossEntropy over ", args.vocab, " logits");
  const bool moments = args.entropies != nullptr || args.entropy_weights != nullptr;
  moments ? RunForm<true>(stream, args) : RunForm<false>(stream, args);
}

}  // namespace hlm::cuda
