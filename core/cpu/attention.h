// Grouped-query attention on views, within documents, forward and backward, in tiles of queries and keys with an online softmax
// (Dao et al. 2022, algorithms 1 and 4). Scores and probabilities exist for one tile at a time; everything between the bf16
// inputs and the bf16 results is fp32.
//
// The work is cut into units that write apart from each other: (document, query head, queries) forward; (document, key head)
// backward, which adds the group's query heads up in order. Units are shared out over the team, each thread with its own part
// of the scratch; where there are far fewer units than threads they run one by one with the team inside each product.
#ifndef HORIZON_LM_CORE_CPU_ATTENTION_H_
#define HORIZON_LM_CORE_CPU_ATTENTION_H_

#include <cstddef>
#include <cstdint>

#include "core/device/ops.h"

namespace hlm {

// Floats of scratch for both passes; never falls with a dimension or threads.
size_t AttentionFloats(const ViewAttentionArgs& args, int64_t threads);
size_t AttentionBackwardFloats(const ViewAttentionBackwardArgs& args, int64_t threads);

void RunAttention(const ViewAttentionArgs& args, int64_t threads, float* scratch);
void RunAttentionBackward(const ViewAttentionBackwardArgs& args, int64_t threads, float* scratch);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_ATTENTION_H_
