// What families with Mamba-2's state space share.
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_STATE_SPACES_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_STATE_SPACES_H_

#include "core/model/families/common.h"

namespace hlm {

// The limits of a step: a list of two numbers, the second of which may be infinite.
void ReadStepLimit(const ConfigValues& config, StateSpaceSpec& space);

// mamba_n_heads, mamba_d_head, mamba_n_groups, mamba_d_state, mamba_d_conv, mamba_conv_bias, mamba_proj_bias and time_step_limit, as
// Bamba and its kin have them. `inner`: channels.
StateSpaceSpec ReadStateSpace(const ConfigValues& config, int64_t inner);

// The length of the pieces in which transformers computes a state, on which nothing depends here; INVALID_ARGUMENT where it is none.
void ReadChunk(const ConfigValues& config, const char* key);

// INVALID_ARGUMENT unless heads, groups and channels fit; `heads` and so on are the keys that say how many there are.
void CheckStateSpace(const StateSpaceSpec& space, int64_t inner, const char* heads, const char* groups);

// The tensors of a mixer that is called `mixer` ("mamba.").
void NameStateSpace(const std::string& mixer, const StateSpaceSpec& space, ModelNames& names);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_STATE_SPACES_H_
