// Cross entropy and entropy over rows of fp32 logits, with their gradient. A row is read once for its largest logit and the sum
// of exps, and once more for the gradient.
//
// Where a row is larger than the shared memory of one multiprocessor and blocks can form clusters (9.0 and later), four blocks
// share a row, each a quarter. Else a block takes a row. A block keeps as much of its part in shared memory as fits beside the
// other blocks of its multiprocessor, and reads the rest backwards, so that what was read last, and is still in the L2 cache,
// comes first.
#include <cooperative_groups.h>

#include <algorithm>

#include "core/cuda/check.h"
#include "core/cuda/kernels.h"
#include "core/cuda/vec.cuh"

namespace hlm::cuda {
namespace {

constexpr int kMostThreads = 1024;
constexpr int kN = 4;      // elements of a vector
constexpr int kAhead = 4;  // vectors in flight in a thread

// A row's blocks, and their threads: two such blocks work on a multiprocessor, one reads while the other writes. On an H100 at
// 152,064 logits, in shares of a copy's rate with gradient and without: 4 x 512 85 and 86 %, 2 x 1024 79 and 95, 1 x 1024 75 and
// 101, 8 x 512 71 and 80.
constexpr int kCluster = 4;
constexpr int kClusterThreads = 512;

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

// What was summed over a part of a row: its largest logit, and the sums of exp(d) and exp(d) d with d = x - most.
struct Part {
  float most;
  double sum, moment;
};

struct BlockSums {
  Part warps[kMostThreads / kWarp];
  Part block, row;
  double mean;         // of d in the row
  float level, slope;  // the gradient is exp(d) (level + slope d)
};

// The parts of a warp's lanes in one.
template <bool kMoments>
__device__ Part WarpPart(const Part& own) {
  Part all{WarpMax(own.most), 0, 0};
  const bool mine = own.most == all.most;  // both may be -infinity: of lanes that have no element
  const double keep = mine ? 1.0 : static_cast<double>(expf(own.most - all.most));
  all.sum = WarpSum(own.sum * keep);
  if constexpr (kMoments) {
    const double d = mine ? 0.0 : static_cast<double>(own.most) - static_cast<double>(all.most);
    all.moment = WarpSum(keep > 0 ? keep * (own.moment + d * own.sum) : 0.0);
  }
  return all;
}

__device__ constexpr Part Empty() { return {-INFINITY, 0, 0}; }

// The sums of every thread of a block in one.
template <bool kMoments>
__device__ void CombineBlock(const Sum<kMoments>& own, BlockSums* block) {
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp, warps = blockDim.x / kWarp;
  Part part = WarpPart<kMoments>({own.most, static_cast<double>(own.sum), static_cast<double>(own.moment)});
  part.sum += WarpSum(static_cast<double>(own.poison));
  if (lane == 0) block->warps[warp] = part;
  __syncthreads();
  if (warp == 0) {
    const Part all = WarpPart<kMoments>(lane < warps ? block->warps[lane] : Empty());
    if (lane == 0) block->block = all;
  }
}

// The sums of all blocks of a row in one, and the gradient's coefficients from them; the same in each block.
template <bool kMoments, bool kShared>
__device__ void CombineRow(double weight, double tilt, double scale, BlockSums* block) {
  if constexpr (kShared) {
#if __CUDA_ARCH__ >= 900
    const auto cluster = cooperative_groups::this_cluster();
    cluster.sync();
    if (threadIdx.x < kWarp) {
      const Part all = WarpPart<kMoments>(threadIdx.x < kCluster ? cluster.map_shared_rank(block, threadIdx.x)->block : Empty());
      if (threadIdx.x == 0) block->row = all;
    }
#endif
  } else if (threadIdx.x == 0) {
    block->row = block->block;
  }
  if (threadIdx.x == 0) {
    const double sum = block->row.sum;
    block->mean = kMoments ? block->row.moment / sum : 0.0;
    // p (weight + tilt (mean - d)): see ops.h; mean - d is -(log p + H).
    block->level = static_cast<float>((kMoments && tilt != 0 ? weight + tilt * block->mean : weight) * (scale / sum));
    block->slope = kMoments ? static_cast<float>(-tilt * (scale / sum)) : 0.0f;
  }
  __syncthreads();
}

template <class T>
__device__ T Rounded(float x) {
  return static_cast<T>(x);
}

// What becomes of a logit before it is scaled by the temperature, and how steep that is: c of CrossEntropyArgs.
struct Cap {
  float scale, cap;  // 0: no cap
  __device__ float Of(float x) const {
    const float z = scale * x;
    return cap > 0 ? cap * tanhf(z / cap) : z;
  }
  __device__ float Slope(float x) const {
    if (!(cap > 0)) return scale;
    const float t = tanhf(scale * x / cap);
    return scale * (1 - t * t);
  }
};

// dlogits may be logits. `kept`: of every thread's vectors those kept in shared memory, which has room for that many of each.
// entropy_weights, entropies and best may be null; without kMoments the first two are not looked at. kShared: the blocks of a
// cluster share a row.
template <class T, bool kGradient, bool kMoments, bool kShared, bool kCapped>
__global__ void __launch_bounds__(kMostThreads)
    CrossEntropyKernel(const float* logits, const int32_t* targets, const float* weights, const float* entropy_weights,
                       int64_t vocab, float logit_scale, Cap cap, float* nll, float* entropies, float* best, T* dlogits,
                       int kept) {
  extern __shared__ float4 cache[];
  __shared__ BlockSums block;
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  constexpr int kBlocks = kShared ? kCluster : 1;  // of a row
  const int64_t r = blockIdx.x / kBlocks;
  const int rank = static_cast<int>(blockIdx.x % kBlocks);
  const Row row(r, vocab);
  const int share = (row.vecs + kBlocks - 1) / kBlocks, begin = min(rank * share, row.vecs), end = min(begin + share, row.vecs);
  const bool first_block = rank == 0;
  const int target = targets[r];
  if (target < 0) {
    if (thread == 0 && first_block) {
      nll[r] = 0;
      if (kMoments && entropies != nullptr) entropies[r] = 0;
      if (best != nullptr) best[r] = 0;
    }
    if constexpr (kGradient) {
      if (first_block) row.ForEdges([&](int64_t i) { dlogits[i] = Rounded<T>(0); });
      for (int i = begin + thread; i < end; i += threads) StoreOnce(dlogits + row.At(i), Vec<T, kN>{});
    }
    return;
  }
  // Rounded as it stands, never joined to what follows: every form of this kernel sees the same numbers.
  const auto scaled = [logit_scale, cap](float x) { return __fmul_rn(kCapped ? cap.Of(x) : x, logit_scale); };
  const float target_logit = logits[row.start + target];  // before dlogits may be written there
  const float at_target = scaled(target_logit);

  Sum<kMoments> own;
  if (first_block) {
    row.ForEdges([&](int64_t i) {
      const float x[1] = {scaled(logits[i])};
      own.poison += x[0] * 0.0f;
      own.Add(x);
    });
  }
  const int step = kAhead * threads;
  for (int first = begin + thread, turn = 0; first < end; first += step, turn += kAhead) {
    Vec<float, kN> v[kAhead];
    float x[kAhead * kN];
#pragma unroll
    for (int k = 0; k < kAhead; ++k) {
      const int i = first + k * threads;
      if (i >= end) continue;
      v[k] = !kGradient || turn + k < kept ? LoadOnce<kN>(logits + row.At(i)) : Load<kN>(logits + row.At(i));
    }
#pragma unroll
    for (int k = 0; k < kAhead; ++k) {
      const int i = first + k * threads;
      if (i < end && kGradient && turn + k < kept) {
        cache[i - begin] = make_float4(__uint_as_float(v[k].words[0]), __uint_as_float(v[k].words[1]),
                                       __uint_as_float(v[k].words[2]), __uint_as_float(v[k].words[3]));
      }
#pragma unroll
      for (int j = 0; j < kN; ++j) {
        const float value = __uint_as_float(v[k].words[j]);
        x[k * kN + j] = i < end ? scaled(value) : -INFINITY;
        if (i < end) own.poison += value * 0.0f;
      }
    }
    own.Add(x);
  }
  const double weight = kGradient ? static_cast<double>(weights[r]) : 0.0;
  double tilt = 0;
  if constexpr (kGradient && kMoments) tilt = entropy_weights != nullptr ? static_cast<double>(entropy_weights[r]) : 0.0;
  const double scale = static_cast<double>(logit_scale);
  CombineBlock(own, &block);
  CombineRow<kMoments, kShared>(weight, tilt, scale, &block);

  const double above = static_cast<double>(at_target) - static_cast<double>(block.row.most);  // <= 0
  if (thread == 0 && first_block) {
    const double log_sum = log(block.row.sum);
    nll[r] = static_cast<float>(log_sum - above);
    if (kMoments && entropies != nullptr) entropies[r] = static_cast<float>(log_sum - block.mean);
    if (best != nullptr) best[r] = static_cast<float>(log_sum);
  }
  if constexpr (kGradient) {
    const float most = block.row.most, level = block.level, slope = block.slope;
    const auto gradient = [&](float x) {
      const float d = scaled(x) - most;
      const float value = kMoments ? expf(d) * fmaf(d, slope, level) : expf(d) * level;
      return kCapped ? value * cap.Slope(x) : value;
    };
    if (first_block) row.ForEdges([&](int64_t i) { dlogits[i] = Rounded<T>(gradient(logits[i])); });
    const int turns = (end - begin + step - 1) / step;
    for (int turn = (turns - 1) * kAhead; turn >= 0; turn -= kAhead) {
      const int first = begin + turn * threads + thread;
      float4 v[kAhead];
#pragma unroll
      for (int k = 0; k < kAhead; ++k) {
        const int i = first + k * threads;
        if (i >= end) continue;
        v[k] = turn + k < kept ? cache[i - begin] : __ldcs(reinterpret_cast<const float4*>(logits + row.At(i)));
      }
#pragma unroll
      for (int k = 0; k < kAhead; ++k) {
        const int i = first + k * threads;
        if (i >= end) continue;
        const float values[kN] = {gradient(v[k].x), gradient(v[k].y), gradient(v[k].z), gradient(v[k].w)};
        StoreOnce(dlogits + row.At(i), FromFloats<T>(values));
      }
    }
    __syncthreads();
    // As p - 1 in double, which keeps the digits of a target that is nearly sure; by the block that wrote there before.
    const int vec = target < row.head ? row.vecs : (target - row.head) / kN;
    if (thread == 0 && rank == (vec < row.vecs ? vec / share : 0)) {
      const double p = exp(above) / block.row.sum;
      double slope_at = weight * (p - 1.0);
      if (kMoments && tilt != 0) slope_at += tilt * p * (block.mean - above);
      const float value = static_cast<float>(scale * slope_at);
      dlogits[row.start + target] = Rounded<T>(kCapped ? value * cap.Slope(target_logit) : value);
    }
  }
#if __CUDA_ARCH__ >= 900
  if constexpr (kShared) cooperative_groups::this_cluster().sync();  // a block's sums are there until all have read them
#endif
}

// Fewer threads for short rows; those of two or more blocks fill a multiprocessor. Part of how sums are cut: of the shape alone.
int Threads(int64_t vocab) { return vocab <= 2048 ? 128 : vocab <= 65536 ? 512 : kMostThreads; }

// What the GPU offers: shared memory that a block may have beside its sums, and that a multiprocessor has; and clusters.
struct Room {
  static constexpr int kStatic = 1024;  // room for the block's sums
  static_assert(sizeof(BlockSums) < kStatic);
  int block = 0, multiprocessor = 0, major = 0;

  Room() {
    int device = 0;
    Check(cudaGetDevice(&device), "CrossEntropy");
    Check(cudaDeviceGetAttribute(&multiprocessor, cudaDevAttrMaxSharedMemoryPerMultiprocessor, device), "CrossEntropy");
    Check(cudaDeviceGetAttribute(&block, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "CrossEntropy");
    Check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "CrossEntropy");
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
  // Whether blocks share rows: of the shape and the GPU alone, so that loss and gradient sum alike.
  bool SharesRows(int64_t vocab) const { return major >= 9 && vocab * static_cast<int64_t>(sizeof(float)) > block; }
};

template <class T, bool kGradient, bool kMoments, bool kShared, bool kCapped>
void Launch(cudaStream_t stream, const CrossEntropyArgs& args, int threads, int kept) {
  const auto kernel = CrossEntropyKernel<T, kGradient, kMoments, kShared, kCapped>;
  const size_t bytes = static_cast<size_t>(kept) * static_cast<size_t>(threads) * sizeof(float4);
  Check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)), "CrossEntropy");
  constexpr unsigned kBlocks = kShared ? kCluster : 1;
  cudaLaunchAttribute cluster;
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim = {kBlocks, 1, 1};
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(GridSize(args.rows * kBlocks));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = bytes;
  config.stream = stream;
  config.attrs = &cluster;
  config.numAttrs = kShared ? 1 : 0;
  Check(cudaLaunchKernelEx(&config, kernel, args.logits, args.targets, args.weights, args.entropy_weights, args.vocab, args.scale,
                           Cap{args.logit_scale, args.soft_cap}, args.nll, args.entropies, args.best,
                           static_cast<T*>(args.dlogits), kept),
        "CrossEntropy");
}

template <class T, bool kGradient, bool kMoments, bool kCapped>
void Run(cudaStream_t stream, const CrossEntropyArgs& args) {
  const Room room;
  const auto kept = [&](int threads, int64_t share) { return kGradient ? room.Vectors(threads, share) : 0; };
  if (room.SharesRows(args.vocab)) {
    Launch<T, kGradient, kMoments, true, kCapped>(stream, args, kClusterThreads,
                                                  kept(kClusterThreads, CeilDiv(args.vocab, kCluster)));
  } else {
    const int threads = Threads(args.vocab);
    Launch<T, kGradient, kMoments, false, kCapped>(stream, args, threads, kept(threads, args.vocab));
  }
}

template <bool kMoments, bool kCapped>
void RunForm(cudaStream_t stream, const CrossEntropyArgs& args) {
  if (args.dlogits == nullptr) {
    Run<float, false, kMoments, kCapped>(stream, args);
  } else {
    args.type == DType::kF32 ? Run<float, true, kMoments, kCapped>(stream, args)
                             : Run<bf16, true, kMoments, kCapped>(stream, args);
  }
}

}  // namespace

void CrossEntropy(cudaStream_t stream, const CrossEntropyArgs& args) {
  HLM_CHECK(args.vocab <= INT_MAX, "CrossEntropy over ", args.vocab, " logits");
  const bool moments = args.entropies != nullptr || args.entropy_weights != nullptr;
  if (args.logit_scale != 1 || args.soft_cap > 0) {
    moments ? RunForm<true, true>(stream, args) : RunForm<false, true>(stream, args);
  } else {
    moments ? RunForm<true, false>(stream, args) : RunForm<false, false>(stream, args);
  }
}

}  // namespace hlm::cuda
