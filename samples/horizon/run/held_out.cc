#include "samples/horizon/run/held_out.h"

#include <cmath>

#include "samples/horizon/base/text.h"

namespace horizon {

bool HeldOut::Evaluated(int64_t step, const Json& line) {
  evaluated_ = step;
  const bool has_loss = line.contains("eval_loss") && line["eval_loss"].is_number();
  const double loss = has_loss ? line["eval_loss"].get<double>() : 0;
  bad_ = has_loss && line.value("eval_tokens", int64_t{0}) > 0 && !std::isfinite(loss);
  if (!has_loss) return false;
  const bool best = std::isfinite(loss) && (best_step_ == 0 || loss < best_loss_);
  if (best) {
    best_step_ = step;
    best_loss_ = loss;
  }
  worse_ = best ? 0 : worse_ + 1;
  return best;
}

std::string HeldOut::WhyItStops() const {
  return (worse_ == 1 ? "an evaluation" : FormatCount(worse_) + " evaluations in a row") + " without a held-out loss below " +
         Format("%.4f", best_loss_) + ", that of step " + FormatCount(best_step_);
}

void HeldOut::Save(Json& position) const {
  position["evaluated"] = evaluated_;
  if (best_step_ > 0) position["held_out"] = {{"step", best_step_}, {"loss", best_loss_}, {"worse", worse_}};
}

void HeldOut::Take(const Json& position) {
  evaluated_ = position.value("evaluated", int64_t{0});
  const Json best = position.value("held_out", Json());
  if (!best.is_object()) return;
  best_step_ = best.value("step", int64_t{0});
  best_loss_ = best.value("loss", 0.0);
  worse_ = best.value("worse", int64_t{0});
}

}  // namespace horizon
