#include "cpu_optim/update_kernels.h"

// This file is compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu_optim/update_adam_kernels.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "cpu_optim/update_adam-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hlm::kernels::HWY_NAMESPACE {

void UpdateAdam(const UpdateBlocks& arrays) { ChooseLoop<Adam<false>>(arrays); }

}  // namespace hlm::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hlm::kernels {
HWY_EXPORT(UpdateAdam);
void UpdateAdam(const UpdateBlocks& arrays) { HWY_DYNAMIC_DISPATCH(UpdateAdam)(arrays); }
}  // namespace hlm::kernels
#endif
