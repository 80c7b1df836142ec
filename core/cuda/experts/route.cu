// A router's choice and its gradient: a warp has a token. Scores are taken in fp32.
#include <algorithm>

#include "core/cuda/check.h"
#include "core/cuda/experts/experts.h"
#include "core/cuda/experts/scores.cuh"

namespace hlm::cuda {
namespace {

constexpr size_t kSharedBytes = 48 << 10;
constexpr int kMostWarps = 8;

// A warp's floats in shared memory: of the experts, of groups or scores, and of the slopes of scores.
struct WarpMemory {
  int experts, chosen, groups;

  __host__ __device__ int Floats() const { return experts + 2 * (chosen > groups ? chosen : groups); }
  int Warps() const {
    const auto bytes = static_cast<size_t>(Floats()) * sizeof(float);
    return std::clamp(static_cast<int>(kSharedBytes / bytes), 1, kMostWarps);
  }
  size_t Bytes() const { return static_cast<size_t>(Warps()) * static_cast<size_t>(Floats()) * sizeof(float); }
  __device__ float* OfExperts(float* all) const { return all + threadIdx.y * static_cast<unsigned>(Floats()); }
  __device__ float* OfGroups(float* all) const { return OfExperts(all) + experts; }
  __device__ float* OfScores(float* all) const { return OfGroups(all); }
  __device__ float* OfSlopes(float* all) const { return OfGroups(all) + (chosen > groups ? chosen : groups); }
};

template <class Args>
WarpMemory MemoryOf(const Args& a) {
  HLM_CHECK(a.experts <= kMostExperts, "a router of ", a.experts, " experts");
  const WarpMemory memory{static_cast<int>(a.experts), static_cast<int>(a.chosen), static_cast<int>(a.kind.groups)};
  // Three numbers for each expert at most.
  static_assert(3 * kMostExperts * sizeof(float) <= kSharedBytes);
  return memory;
}

__device__ int Lane() { return static_cast<int>(threadIdx.x); }

// worth[e]: what the choice goes by. Scores where a bias or a sum is added to them, else the logits, which stand in the same
// order and are never equal where scores are saturated.
template <class T>
__device__ void SetWorth(const RouteKind& kind, const float* z, int experts, const T* bias, float* worth) {
  const auto logit = [&](int e) { return z[e]; };
  if (bias == nullptr && !kind.group_of_two) {
    for (int e = Lane(); e < experts; e += kWarp) worth[e] = z[e];
  } else if (kind.score == RouteScore::kSigmoid) {
    for (int e = Lane(); e < experts; e += kWarp) worth[e] = RouterSigmoid(z[e]);
  } else {
    const WarpSoftmax softmax(experts, logit);
    for (int e = Lane(); e < experts; e += kWarp) worth[e] = softmax.Of(z[e]);
  }
  for (int e = Lane(); bias != nullptr && e < experts; e += kWarp) worth[e] += static_cast<float>(bias[e]);
  __syncwarp();
}

// worth becomes orders[e]: 0 for experts outside of the best groups.
__device__ void SetOrders(const RouteKind& kind, int experts, float* worth, float* of_groups) {
  auto *orders = reinterpret_cast<uint32_t*>(worth), *groups = reinterpret_cast<uint32_t*>(of_groups);
  const int count = static_cast<int>(kind.groups), best = static_cast<int>(kind.best_groups), size = experts / count;
  const bool grouped = count > 1 && best < count;
  if (grouped) {
    for (int g = Lane(); g < count; g += kWarp) {
      float first = -INFINITY, second = -INFINITY;
      for (int e = g * size; e < (g + 1) * size; ++e) {
        if (worth[e] > first) {
          second = first;
          first = worth[e];
        } else if (worth[e] > second) {
          second = worth[e];
        }
      }
      groups[g] = OrderOf(kind.group_of_two && size > 1 ? first + second : first);
    }
    __syncwarp();
    for (int i = 0; i < best; ++i) {
      const int g = FirstLargest(count, [&](int at) { return groups[at]; });
      __syncwarp();
      if (Lane() == 0) groups[g] = 0;  // taken
      __syncwarp();
    }
  }
  for (int e = Lane(); e < experts; e += kWarp) {
    const uint32_t order = OrderOf(worth[e]);
    orders[e] = grouped && groups[e / size] != 0 ? 0 : order;
  }
  __syncwarp();
}

// Scores of the chosen, and what their sum comes to, as the floats of a sum in their order.
__device__ float SetScores(const RouteKind& kind, const float* z, int experts, const int32_t* choice, int chosen, float* scores,
                           float* raw_sum) {
  if (kind.score == RouteScore::kSigmoid) {
    for (int j = Lane(); j < chosen; j += kWarp) scores[j] = RouterSigmoid(z[choice[j]]);
  } else if (kind.score == RouteScore::kSoftmax) {
    const WarpSoftmax softmax(experts, [&](int e) { return z[e]; });
    for (int j = Lane(); j < chosen; j += kWarp) scores[j] = softmax.Of(z[choice[j]]);
  } else {
    const WarpSoftmax softmax(chosen, [&](int j) { return z[choice[j]]; });
    for (int j = Lane(); j < chosen; j += kWarp) scores[j] = softmax.Of(z[choice[j]]);
  }
  __syncwarp();
  float sum = kind.sum_add;
  for (int j = 0; j < chosen; ++j) sum += scores[j];
  *raw_sum = sum;
  return kind.normalize ? fmaxf(sum, kind.sum_least) : 1.0f;
}

// choice[] is written by lane 0 and read by all lanes of the same warp: __syncwarp orders global memory among them too.
template <class T>
__global__ void RouteKernel(RouteKind kind, int64_t tokens, WarpMemory memory, const float* logits, const T* bias,
                            int32_t* choices, float* weights) {
  extern __shared__ float shared[];
  const int64_t token = int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
  if (token >= tokens) return;  // a whole warp
  const int experts = memory.experts, chosen = memory.chosen;
  const float* z = logits + token * experts;
  int32_t* choice = choices + token * chosen;
  float* weight = weights + token * chosen;
  if (kind.score == RouteScore::kSparseMixer) {
    const WarpNearSet first(z, experts, -1, kind.nearness), second(z, experts, first.best, kind.nearness);
    if (Lane() == 0) {
      choice[0] = first.best;
      choice[1] = second.best;
      weight[0] = kind.scale * first.Of(first.best);
      weight[1] = kind.scale * second.Of(second.best);
    }
    return;
  }
  float* worth = memory.OfExperts(shared);
  SetWorth(kind, z, experts, bias, worth);
  SetOrders(kind, experts, worth, memory.OfGroups(shared));
  auto* orders = reinterpret_cast<uint32_t*>(worth);
  for (int j = 0; j < chosen; ++j) {
    const int best = FirstLargest(experts, [&](int e) { return orders[e]; });
    __syncwarp();
    if (Lane() == 0) {
      choice[j] = best;
      orders[best] = 0;  // taken
    }
    __syncwarp();
  }
  float* scores = memory.OfScores(shared);
  float raw_sum = 0;
  const float sum = SetScores(kind, z, experts, choice, chosen, scores, &raw_sum);
  for (int j = Lane(); j < chosen; j += kWarp) weight[j] = kind.scale * (scores[j] / sum);
}

// dz of the weights' gradients.
__device__ void WeightsBackward(const RouteKind& kind, const float* z, const int32_t* choice, const float* dweights,
                                const WarpMemory& memory, float* shared, float* dz) {
  const int experts = memory.experts, chosen = memory.chosen;
  if (kind.score == RouteScore::kSparseMixer) {
    const WarpNearSet first(z, experts, -1, kind.nearness), second(z, experts, choice[0], kind.nearness);
    const float d0 = kind.scale * dweights[0] * first.Of(choice[0]), d1 = kind.scale * dweights[1] * second.Of(choice[1]);
    for (int e = Lane(); e < experts; e += kWarp) {
      dz[e] = (e == choice[0] ? d0 : 0.0f) + (e == choice[1] ? d1 : 0.0f) - d0 * first.Of(e) - d1 * second.Of(e);
    }
    __syncwarp();
    return;
  }
  float *scores = memory.OfScores(shared), *slopes = memory.OfSlopes(shared);
  float raw_sum = 0;
  const float sum = SetScores(kind, z, experts, choice, chosen, scores, &raw_sum);
  float whole = 0;  // of the normalized weights with their gradients
  for (int j = 0; j < chosen; ++j) whole += scores[j] / sum * dweights[j];
  if (!kind.normalize || raw_sum < kind.sum_least) whole = 0;  // nothing is divided, or by a constant
  for (int j = Lane(); j < chosen; j += kWarp) slopes[j] = kind.scale * (dweights[j] - whole) / sum;
  __syncwarp();
  float mean = 0;
  for (int j = 0; j < chosen; ++j) mean += scores[j] * slopes[j];
  if (kind.score == RouteScore::kSoftmax) {
    const WarpSoftmax softmax(experts, [&](int e) { return z[e]; });
    for (int e = Lane(); e < experts; e += kWarp) dz[e] = -softmax.Of(z[e]) * mean;
  } else {
    for (int e = Lane(); e < experts; e += kWarp) dz[e] = 0;
  }
  __syncwarp();
  for (int j = Lane(); j < chosen; j += kWarp) {  // no expert is chosen twice
    const float score = scores[j], slope = slopes[j];
    dz[choice[j]] += score * (kind.score == RouteScore::kSigmoid           ? (1 - score) * slope
                              : kind.score == RouteScore::kSoftmaxOfChosen ? slope - mean
                                                                           : slope);
  }
  __syncwarp();
}

template <class T>
__global__ void RouteBackwardKernel(RouteKind kind, int64_t tokens, WarpMemory memory, const float* logits,
                                    const int32_t* choices, const float* dweights, const float* balance, float z_scale,
                                    T* dlogits) {
  extern __shared__ float shared[];
  const int64_t token = int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
  if (token >= tokens) return;  // a whole warp
  const int experts = memory.experts;
  const float* z = logits + token * experts;
  float* dz = memory.OfExperts(shared);
  WeightsBackward(kind, z, choices + token * memory.chosen, dweights + token * memory.chosen, memory, shared, dz);
  T* to = dlogits + token * experts;
  if (balance == nullptr && z_scale == 0) {
    for (int e = Lane(); e < experts; e += kWarp) to[e] = static_cast<T>(dz[e]);
    return;
  }
  // Of the terms of the loss that see all probabilities.
  const WarpSoftmax softmax(experts, [&](int e) { return z[e]; });
  float part = 0;
  for (int e = Lane(); balance != nullptr && e < experts; e += kWarp) part += softmax.Of(z[e]) * balance[e];
  const float mean = WarpSum(part), of_z = 2 * z_scale * softmax.LogSum();
  for (int e = Lane(); e < experts; e += kWarp) {
    to[e] = static_cast<T>(dz[e] + softmax.Of(z[e]) * ((balance == nullptr ? 0.0f : balance[e] - mean) + of_z));
  }
}

}  // namespace

void Route(cudaStream_t stream, const RouteArgs& a) {
  const WarpMemory memory = MemoryOf(a);
  const int warps = memory.Warps();
  ForType(a.type, [&]<class T>() {
    RouteKernel<T>
        <<<GridSize(CeilDiv(a.tokens, int64_t{warps})), dim3(kWarp, static_cast<unsigned>(warps)), memory.Bytes(), stream>>>(
            a.kind, a.tokens, memory, a.logits, static_cast<const T*>(a.bias), a.choice, a.weights);
  });
  CheckLaunch("Route");
}

void RouteBackward(cudaStream_t stream, const RouteBackwardArgs& a) {
  const WarpMemory memory = MemoryOf(a);
  const int warps = memory.Warps();
  ForType(a.type, [&]<class T>() {
    RouteBackwardKernel<T>
        <<<GridSize(CeilDiv(a.tokens, int64_t{warps})), dim3(kWarp, static_cast<unsigned>(warps)), memory.Bytes(), stream>>>(
            a.kind, a.tokens, memory, a.logits, a.choice, a.dweights, a.balance, a.z_scale, static_cast<T*>(a.dlogits));
  });
  CheckLaunch("RouteBackward");
}

}  // namespace hlm::cuda
