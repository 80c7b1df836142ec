// How much scratch each operation takes of the compute stream's workspace. Pure; never falls when a dimension grows, so that the
// largest shapes of a plan bound all others.
#ifndef HORIZON_LM_CORE_CPU_WORKSPACE_H_
#define HORIZON_LM_CORE_CPU_WORKSPACE_H_

#include <cstddef>
#include <cstdint>

#include "core/device/ops.h"

namespace hlm {

size_t WorkspaceBytes(const LinearArgs& args);
size_t WorkspaceBytes(const LinearBackwardInputArgs& args);
size_t WorkspaceBytes(const LinearBackwardWeightArgs& args);
size_t WorkspaceBytes(const RmsNormBackwardArgs& args);
size_t WorkspaceBytes(const QkRotaryBackwardArgs& args);
size_t WorkspaceBytes(const AttentionArgs& args, int64_t threads);
size_t WorkspaceBytes(const AttentionBackwardArgs& args, int64_t threads);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_WORKSPACE_H_
