// An adapter: two narrow products beside a wide one, whose weights are the block's own where the wide one's are shared.
//
//   y += (x A) B
#ifndef HORIZON_LM_CORE_LAYERS_ADAPTER_H_
#define HORIZON_LM_CORE_LAYERS_ADAPTER_H_

#include <string>

#include "core/layers/declaration.h"
#include "core/layers/linear.h"
#include "core/layers/run.h"

namespace hlm {

class AdapterPart {
 public:
  AdapterPart() = default;
  // Declares weights "role_down" and "role_up".
  AdapterPart(int64_t in, int64_t out, int64_t rank, const std::string& role, Declaration& d) {
    down_ = {.in = in, .out = rank, .weight = d.OwnWeight(role + "_down", {rank, in}, TensorInit::kNormal)};
    up_ = {.in = rank, .out = out, .weight = d.OwnWeight(role + "_up", {out, rank}, TensorInit::kNormal)};
    latent_ = d.Saved(role + " of the adapter", rank, Remake::kProduct);
    dlatent_ = d.Temp("d " + role + " of the adapter", rank);
    dx_ = d.Temp("d x of the adapter of " + role, in);
  }

  bool on() const { return latent_ >= 0; }
  bool Missing(const BlockRun& run) const { return run.Missing({latent_}); }

  // Makes what is missing; adds to y where it is not null.
  void Forward(const BlockRun& r, const void* x, void* y) const {
    if (Missing(r)) down_.Forward(r, x, nullptr, r.Saved(latent_));
    if (y != nullptr) up_.Forward(r, r.Saved(latent_), y, y);
  }
  // Adds to dx.
  void Backward(const BlockRun& r, const void* dy, const void* x, void* dx) const {
    up_.Backward(r, dy, r.Saved(latent_), r.Temp(dlatent_));
    down_.Backward(r, r.Temp(dlatent_), x, r.Temp(dx_));
    r.ops.ScaleAdd(r.stream, {.type = r.type, .n = r.micro.tokens * down_.in, .x = dx, .z = r.Temp(dx_), .y = dx});
  }

 private:
  LinearPart down_, up_;
  int64_t latent_ = -1;             // saved
  int64_t dlatent_ = -1, dx_ = -1;  // for a moment
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_ADAPTER_H_
