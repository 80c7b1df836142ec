#include "cpu_optim/update_kernels.h"

// This file is compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu_optim/update_lion_kernels.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "cpu_optim/update-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hlm::kernels::HWY_NAMESPACE {

// The sign of 0 is 0, so what is zero with a zero gradient stays zero.                      (Chen et al. 2023, algorithm 2)
class Lion {
 public:
  static constexpr int64_t kMoments = 1;
  HWY_INLINE explicit Lion(const UpdateScalars& s)
      : keep_(hn::Set(F32(), s.keep)),
        beta1_(hn::Set(F32(), s.beta1)),
        gain1_(hn::Set(F32(), s.gain1)),
        beta2_(hn::Set(F32(), s.beta2)),
        gain2_(hn::Set(F32(), s.gain2)),
        negative_rate_(hn::Set(F32(), s.negative_rate)) {}
  HWY_INLINE Floats operator()(Floats g, Floats& w, Floats& m, Floats&) const {
    const auto mean = hn::Add(hn::Mul(beta1_, m), hn::Mul(gain1_, g));
    const auto rate = hn::Xor(negative_rate_, hn::And(mean, hn::Set(F32(), -0.0f)));
    const auto moves = hn::Gt(hn::Abs(mean), hn::Zero(F32()));  // else it is 0, or a NaN that goes on into the weight
    w = hn::Add(hn::Mul(keep_, w), hn::IfThenElse(moves, rate, mean));
    m = hn::Add(hn::Mul(beta2_, m), hn::Mul(gain2_, g));
    return m;
  }

 private:
  Floats keep_, beta1_, gain1_, beta2_, gain2_, negative_rate_;
};

void UpdateLion(const UpdateBlocks& arrays) { ChooseLoop<Lion>(arrays); }

}  // namespace hlm::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hlm::kernels {
HWY_EXPORT(UpdateLion);
void UpdateLion(const UpdateBlocks& arrays) { HWY_DYNAMIC_DISPATCH(UpdateLion)(arrays); }
}  // namespace hlm::kernels
#endif
