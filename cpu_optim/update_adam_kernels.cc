#include "cpu_optim/update_kernels.h"

// This file is compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu_optim/update_adam_kernels.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "cpu_optim/update-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hlm::kernels::HWY_NAMESPACE {

// The decay is a part of the gradient.                                             (Kingma and Ba 2015, algorithm 1)
class Adam {
 public:
  static constexpr int64_t kMoments = 2;
  HWY_INLINE explicit Adam(const UpdateScalars& s)
      : added_decay_(hn::Set(F32(), s.added_decay)),
        beta1_(hn::Set(F32(), s.beta1)),
        gain1_(hn::Set(F32(), s.gain1)),
        beta2_(hn::Set(F32(), s.beta2)),
        gain2_(hn::Set(F32(), s.gain2)),
        inverse_root_(hn::Set(F32(), s.inverse_root)),
        eps_(hn::Set(F32(), s.eps)),
        negative_rate_(hn::Set(F32(), s.negative_rate)) {}
  HWY_INLINE Floats operator()(Floats g, Floats& w, Floats& m, Floats& v) const {
    g = hn::Add(g, hn::Mul(added_decay_, w));
    m = hn::Add(hn::Mul(beta1_, m), hn::Mul(gain1_, g));
    v = hn::Add(hn::Mul(beta2_, v), hn::Mul(gain2_, hn::Mul(g, g)));
    const auto root = hn::Sqrt(v);
    const auto denominator = hn::Add(hn::Mul(root, inverse_root_), eps_);
    w = hn::Add(w, hn::Mul(negative_rate_, hn::Div(m, denominator)));
    return root;
  }

 private:
  Floats added_decay_, beta1_, gain1_, beta2_, gain2_, inverse_root_, eps_, negative_rate_;
};

void UpdateAdam(const UpdateBlocks& arrays) { ChooseLoop<Adam>(arrays); }

}  // namespace hlm::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hlm::kernels {
HWY_EXPORT(UpdateAdam);
void UpdateAdam(const UpdateBlocks& arrays) { HWY_DYNAMIC_DISPATCH(UpdateAdam)(arrays); }
}  // namespace hlm::kernels
#endif
