#include "cpu_optim/update_kernels.h"

// This file is compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu_optim/update_sgd_kernels.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "cpu_optim/update-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hlm::kernels::HWY_NAMESPACE {

// Momentum beta1, without damping.
class Sgd {
 public:
  static constexpr int64_t kMoments = 1;
  HWY_INLINE explicit Sgd(const UpdateScalars& s)
      : added_decay_(hn::Set(F32(), s.added_decay)),
        beta1_(hn::Set(F32(), s.beta1)),
        negative_rate_(hn::Set(F32(), s.negative_rate)) {}
  HWY_INLINE Floats operator()(Floats g, Floats& w, Floats& m, Floats&) const {
    g = hn::Add(g, hn::Mul(added_decay_, w));
    m = hn::Add(hn::Mul(beta1_, m), g);
    w = hn::Add(w, hn::Mul(negative_rate_, m));
    return m;
  }

 private:
  Floats added_decay_, beta1_, negative_rate_;
};

void UpdateSgd(const UpdateBlocks& arrays) { ChooseLoop<Sgd>(arrays); }

}  // namespace hlm::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hlm::kernels {
HWY_EXPORT(UpdateSgd);
void UpdateSgd(const UpdateBlocks& arrays) { HWY_DYNAMIC_DISPATCH(UpdateSgd)(arrays); }
}  // namespace hlm::kernels
#endif
