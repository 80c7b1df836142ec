#include "cpu_optim/update_kernels.h"

// This file is compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu_optim/update_adamw_kernels.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "cpu_optim/update_adam-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hlm::kernels::HWY_NAMESPACE {

void UpdateAdamW(const UpdateBlocks& arrays) { ChooseLoop<Adam<true>>(arrays); }

}  // namespace hlm::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hlm::kernels {
HWY_EXPORT(UpdateAdamW);
void UpdateAdamW(const UpdateBlocks& arrays) { HWY_DYNAMIC_DISPATCH(UpdateAdamW)(arrays); }
}  // namespace hlm::kernels
#endif
