// Mixture of experts: a router's choice, its order by expert, rows on their way there and back, and products whose rows belong to
// different matrices. Conventions are those of ops.h.
//
// Each of `tokens` rows chooses `chosen` of `experts` experts. Sorted rows stand for its (token, choice) pairs: all of expert 0, in
// the order of their tokens, then all of expert 1. No pair is dropped, so there are tokens * chosen of them, however they fall.
#ifndef HORIZON_LM_CORE_DEVICE_ARGS_EXPERTS_H_
#define HORIZON_LM_CORE_DEVICE_ARGS_EXPERTS_H_

#include <cstdint>

#include "core/base/dtype.h"
#include "core/device/args/row_range.h"

namespace hlm {

enum class RouteScore : int8_t {
  kSoftmax,          // over all experts
  kSoftmaxOfChosen,  // over those that were chosen
  kSigmoid,
  kSparseMixer,  // two choices; each weight is a softmax over the logits near the best that is left (Liu et al. 2024)
};
struct RouteKind {
  RouteScore score = RouteScore::kSoftmax;
  bool normalize = false;  // scores of the chosen are divided by max(their sum + sum_add, sum_least)
  float sum_add = 0, sum_least = 0;
  float scale = 1;     // of the weights at the end
  int64_t groups = 1;  // of neighbouring experts; only those of the best_groups best may be chosen
  int64_t best_groups = 1;
  bool group_of_two = false;  // a group is worth the sum of its two best; else its best
  float nearness = 0;         // kSparseMixer: z counts where (best - z) / max(|z|, best) <= nearness
};

// choice[t]: the experts with the largest score + bias, largest first, of equals the lower number; weights[t]: what their scores
// come to.
struct RouteArgs {
  DType type = DType::kF32;
  RouteKind kind;
  int64_t tokens = 0, experts = 0, chosen = 0;
  const float* logits = nullptr;  // [tokens, experts]
  const void* bias = nullptr;     // [experts] type, or null: counts for the choice alone
  int32_t* choice = nullptr;      // [tokens, chosen]
  float* weights = nullptr;       // [tokens, chosen]
};
// dlogits of `dweights` for a choice that stays; and, with p = softmax(logits[t]), of sum_e balance[e] p[e] and of
// z_scale logsumexp(logits[t])^2.
struct RouteBackwardArgs {
  DType type = DType::kF32;
  RouteKind kind;
  int64_t tokens = 0, experts = 0, chosen = 0;
  const float* logits = nullptr;
  const int32_t* choice = nullptr;
  const float* dweights = nullptr;  // [tokens, chosen]
  const float* balance = nullptr;   // [experts], or null
  float z_scale = 0;
  void* dlogits = nullptr;  // [tokens, experts] type
};

// y[t, j] = scales[choice[t, j]] x[t, j]: a number of each expert's own beside the weights of the choice.
struct ScaleChoicesArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, experts = 0, chosen = 0;
  const int32_t* choice = nullptr;
  const void* scales = nullptr;  // [experts] type
  const float* x = nullptr;      // [tokens, chosen]
  float* y = nullptr;            // [tokens, chosen]; may equal x
};
struct ScaleChoicesBackwardArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, experts = 0, chosen = 0;
  const int32_t* choice = nullptr;
  const void* scales = nullptr;
  const float* x = nullptr;
  const float* dy = nullptr;  // [tokens, chosen]
  float* dx = nullptr;        // [tokens, chosen]; may equal dy
  float* dscales = nullptr;   // [experts]
  bool accumulate = false;    // of dscales
};

// counts[e]: how many pairs chose e; probabilities[e]: the sum over tokens of softmax(logits[t])[e]; squares: of
// logsumexp(logits[t])^2.
struct RouteLoadArgs {
  int64_t tokens = 0, experts = 0, chosen = 0;
  const float* logits = nullptr;
  const int32_t* choice = nullptr;
  bool accumulate = false;
  float* counts = nullptr;         // [experts]
  float* probabilities = nullptr;  // [experts]
  float* squares = nullptr;        // one number
};

// The stable order of pairs by expert: expert e has sorted rows [offsets[e], offsets[e + 1]).
struct SortChoicesArgs {
  int64_t tokens = 0, experts = 0, chosen = 0;
  const int32_t* choice = nullptr;
  int32_t* offsets = nullptr;  // [experts + 1]
  int32_t* rows = nullptr;     // [tokens, chosen]: the sorted row of each pair
  int32_t* sources = nullptr;  // [tokens * chosen]: the pair t * chosen + j of each sorted row
};

// y[r] = x[t] (times weights[t, j]) for the pair of sorted row r.
struct GatherRowsArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, chosen = 0, width = 0;
  const void* x = nullptr;           // [tokens, width] type
  const int32_t* sources = nullptr;  // of SortChoices
  const float* weights = nullptr;    // [tokens, chosen], or null: 1
  void* y = nullptr;                 // [tokens * chosen, width] type
  RowRange range = {};
};
// y[t] = sum over j, in order, of weights[t, j] x[rows[t, j]] (+ addend[t]); rounded once.
struct CombineRowsArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, chosen = 0, width = 0;
  const void* x = nullptr;         // [tokens * chosen, width] type
  const int32_t* rows = nullptr;   // of SortChoices
  const float* weights = nullptr;  // [tokens, chosen], or null: 1
  const void* addend = nullptr;    // [tokens, width] type, or null; y itself, or apart from it
  void* y = nullptr;               // [tokens, width] type
};

// Which vector a sorted row is multiplied with.
enum class DotWith : int8_t {
  kRow,     // b[r]: the same row of another array
  kToken,   // b[t]
  kExpert,  // b[choice[t, j] - first], stride elements apart
};
// y[t, j] (+)= a[r] . b / divisors[t, j], r = rows[t, j]; 0 where the divisor is 0. Where count is not 0, y stays as it is for pairs
// whose expert is outside of [first, first + count).
struct RowDotsArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, chosen = 0, width = 0;
  const void* a = nullptr;        // [tokens * chosen, width] type
  const int32_t* rows = nullptr;  // of SortChoices
  DotWith with = DotWith::kRow;
  const void* b = nullptr;          // type
  const int32_t* choice = nullptr;  // where count is not 0
  int64_t first = 0, count = 0;     // of experts; kExpert has some
  int64_t stride = 0;               // kExpert
  const float* divisors = nullptr;  // [tokens, chosen], or null: 1
  bool accumulate = false;
  float* y = nullptr;  // [tokens, chosen]
};

// The experts [first, first + count) of those that `offsets` tells apart; matrix i of these lies `stride` elements behind matrix
// i - 1.
struct ExpertRange {
  int64_t experts = 0, first = 0, count = 0;
  const int32_t* offsets = nullptr;  // [experts + 1], of SortChoices; the last is `rows`
};
// y[r] = x[r] w_e^T (+ bias_e) for the sorted rows of the range's experts; rounded once. Other rows of y stay as they are.
struct GroupedLinearArgs {
  DType type = DType::kF32;
  int64_t rows = 0, in = 0, out = 0;
  ExpertRange range;
  const void* x = nullptr;  // [rows, in] type
  const void* w = nullptr;  // of expert `first`: [out, in] type
  int64_t w_stride = 0;
  const void* bias = nullptr;  // of expert `first`: [out] type, or null
  int64_t bias_stride = 0;
  void* y = nullptr;  // [rows, out] type
};
// dx[r] = dy[r] w_e.
struct GroupedLinearBackwardInputArgs {
  DType type = DType::kF32;
  int64_t rows = 0, in = 0, out = 0;
  ExpertRange range;
  const void* dy = nullptr;  // [rows, out] type
  const void* w = nullptr;
  int64_t w_stride = 0;
  void* dx = nullptr;  // [rows, in] type
};
// dw_e (+)= sum over the expert's rows of dy[r]^T x[r]; dbias_e (+)= of dy[r]. An expert without rows gets zeros where not accumulate.
struct GroupedLinearBackwardWeightArgs {
  DType type = DType::kF32;
  int64_t rows = 0, in = 0, out = 0;
  ExpertRange range;
  const void* dy = nullptr;
  const void* x = nullptr;
  float* dw = nullptr;  // of expert `first`
  int64_t dw_stride = 0;
  float* dbias = nullptr;  // of expert `first`, or null
  int64_t dbias_stride = 0;
  bool accumulate = false;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_ARGS_EXPERTS_H_
