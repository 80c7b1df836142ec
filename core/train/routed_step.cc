#include "core/train/routed_step.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "core/base/checked.h"
#include "core/plan/groups.h"

namespace hlm {

UnitExperts::UnitExperts(const Declaration& declaration, int64_t router) : router_(router) {
  if (router < 0) return;
  int64_t end = 0;
  for (const WeightGroup& group : declaration.groups()) {
    if (group.role == "experts.choice_bias") bias_ = group.offset;
    if (group.number < 0) continue;
    if (group.number == static_cast<int64_t>(begins_.size())) begins_.push_back(group.offset);
    for (const WeightMember& member : group.members) end = std::max(end, member.offset + member.elements);
  }
  // Padding behind a tensor goes with it, as everywhere: blocks of moments stay whole.
  if (!begins_.empty()) begins_.push_back(RoundUp(end, kStateBlock));
}

void UnitExperts::EachUpdated(const RoutedStep* routed, const UpdateStep& step, int64_t begin, int64_t end,
                              const Work& work) const {
  if (routed == nullptr || routed->updates.empty() || router_ < 0 || begins_.empty()) return work(begin, end, step);
  const size_t router = static_cast<size_t>(router_);
  const auto rest = [&](int64_t to) {  // what is no expert's
    if (begin < to) work(begin, to, step);
    begin = std::max(begin, to);
  };
  for (size_t e = 0; e + 1 < begins_.size() && begin < end; ++e) {
    if (begins_[e + 1] <= begin) continue;
    rest(std::min(begins_[e], end));
    const int64_t to = std::min(begins_[e + 1], end);
    if (begin >= to) continue;
    if (routed->choices[router][e] > 0) {
      UpdateStep own = step;
      own.step = routed->updates[router][e] + 1;
      work(begin, to, own);
    }
    begin = to;
  }
  rest(end);
}

void UnitExperts::EachBias(const RoutedStep& routed, int64_t begin, int64_t end,
                           const std::function<void(int64_t, const std::vector<float>&)>& work) const {
  if (router_ < 0 || bias_ < 0) return;
  const std::vector<double>& choices = routed.choices[static_cast<size_t>(router_)];
  const double mean = std::accumulate(choices.begin(), choices.end(), 0.0) / static_cast<double>(choices.size());
  const int64_t from = std::max(begin, bias_), to = std::min(end, bias_ + static_cast<int64_t>(choices.size()));
  if (from >= to) return;
  std::vector<float> excess;
  for (int64_t e = from - bias_; e < to - bias_; ++e)
    excess.push_back(static_cast<float>(choices[static_cast<size_t>(e)] - mean));
  work(from, excess);
}

bool PieceExperts::Unrouted(const RoutedStep& step) const {
  if (router < 0) return false;
  const auto own = step.choices[static_cast<size_t>(router)].begin() + first;
  return std::all_of(own, own + count, [](double choices) { return choices == 0; });
}

std::vector<PieceExperts> FindPieceExperts(const ModelSpec& spec, const ModelLayout& layout, const PieceList& pieces) {
  std::vector<PieceExperts> found(static_cast<size_t>(pieces.size()));
  int64_t routers = 0;
  for (int64_t layer = 0; layer < layout.layers(); ++layer) {
    if (FindRouter(spec.block(layer)) == nullptr) continue;
    for (const ExpertGroup& group : GroupsOf(layout, pieces, layer)) {
      for (int64_t p = group.first_piece; p < group.end_piece; ++p)
        found[static_cast<size_t>(p)] = {routers, group.first, group.count};
    }
    ++routers;
  }
  return found;
}

std::vector<UnitExperts> FindExperts(const ModelSpec& spec, const ModelLayout& layout) {
  std::vector<UnitExperts> found(layout.units.size());
  int64_t routers = 0;
  for (int64_t layer = 0; layer < layout.layers(); ++layer) {
    if (FindRouter(spec.block(layer)) == nullptr) continue;
    found[static_cast<size_t>(layout.BlockUnit(layer))] = UnitExperts(layout.block(layer).declaration(), routers++);
  }
  return found;
}

}  // namespace hlm
