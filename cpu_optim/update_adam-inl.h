// Adam and AdamW, which differ in where the decay goes. Included once a target by update_adam_kernels.cc and update_adamw_kernels.cc.
#if defined(HORIZON_LM_CPU_OPTIM_UPDATE_ADAM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HORIZON_LM_CPU_OPTIM_UPDATE_ADAM_INL_H_
#undef HORIZON_LM_CPU_OPTIM_UPDATE_ADAM_INL_H_
#else
#define HORIZON_LM_CPU_OPTIM_UPDATE_ADAM_INL_H_
#endif

#include "cpu_optim/update-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hlm::kernels::HWY_NAMESPACE {

// kDecoupled: w *= keep, then as Adam without decay.                    (Loshchilov and Hutter 2019, algorithm 2)
// Else the decay is a part of the gradient.                                        (Kingma and Ba 2015, algorithm 1)
template <bool kDecoupled>
class Adam {
 public:
  static constexpr int64_t kMoments = 2;
  HWY_INLINE explicit Adam(const UpdateScalars& s)
      : decay_(hn::Set(F32(), kDecoupled ? s.keep : s.added_decay)),
        beta1_(hn::Set(F32(), s.beta1)),
        gain1_(hn::Set(F32(), s.gain1)),
        beta2_(hn::Set(F32(), s.beta2)),
        gain2_(hn::Set(F32(), s.gain2)),
        inverse_root_(hn::Set(F32(), s.inverse_root)),
        eps_(hn::Set(F32(), s.eps)),
        negative_rate_(hn::Set(F32(), s.negative_rate)) {}
  HWY_INLINE Floats operator()(Floats g, Floats& w, Floats& m, Floats& v) const {
    if constexpr (kDecoupled) {
      w = hn::Mul(decay_, w);
    } else {
      g = hn::Add(g, hn::Mul(decay_, w));
    }
    m = hn::Add(hn::Mul(beta1_, m), hn::Mul(gain1_, g));
    v = hn::Add(hn::Mul(beta2_, v), hn::Mul(gain2_, hn::Mul(g, g)));
    const auto root = hn::Sqrt(v);
    const auto denominator = hn::Add(hn::Mul(root, inverse_root_), eps_);
    w = hn::Add(w, hn::Mul(negative_rate_, hn::Div(m, denominator)));
    return root;
  }

 private:
  Floats decay_, beta1_, gain1_, beta2_, gain2_, inverse_root_, eps_, negative_rate_;
};

}  // namespace hlm::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard of a target
