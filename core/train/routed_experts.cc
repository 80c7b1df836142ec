#include "core/train/routed_experts.h"

#include <algorithm>

namespace hlm {

void RoutedExperts::Forget() {
  for (Layer& layer : layers_) layer.sweep = -1;
}

void RoutedExperts::Begin(int64_t layer, int64_t sweep, int64_t experts) {
  Layer& own = layers_[static_cast<size_t>(layer)];
  own.sweep = sweep;
  own.routed.assign(static_cast<size_t>(experts), 0);
}

void RoutedExperts::Add(int64_t layer, const float* counts) {
  std::vector<char>& routed = layers_[static_cast<size_t>(layer)].routed;
  for (size_t e = 0; e < routed.size(); ++e) routed[e] |= static_cast<char>(counts[e] > 0);
}

bool RoutedExperts::HasRows(const Visit& visit) const {
  if (visit.stage.kind != Stage::kGroup) return true;
  const Layer& layer = layers_[static_cast<size_t>(visit.layer)];
  if (layer.sweep != visit.sweep) return true;
  const auto first = layer.routed.begin() + visit.stage.first_expert;
  return std::find(first, first + visit.stage.experts, 1) != first + visit.stage.experts;
}

}  // namespace hlm
