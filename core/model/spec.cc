#include "core/model/spec.h"

#include <algorithm>

namespace hlm {

void ModelSpec::AddLayer(const BlockSpec& block) {
  const auto found = std::find(kinds.begin(), kinds.end(), block);
  kind_of.push_back(found - kinds.begin());
  if (found == kinds.end()) kinds.push_back(block);
}

const ExpertsSpec* FindRouter(const BlockSpec& block) {
  for (const BranchSpec& branch : block.branches) {
    for (const BranchBody& item : branch.bodies) {
      const ExpertsSpec* experts = std::get_if<ExpertsSpec>(&item.body);
      if (experts != nullptr && !experts->shared) return experts;
    }
  }
  return nullptr;
}

std::vector<int64_t> Windows(const ModelSpec& spec) {
  std::vector<int64_t> windows;
  for (int64_t layer = 0; layer < spec.layers(); ++layer) {
    const AttentionSpec* attention = Find<AttentionSpec>(spec.block(layer));
    windows.push_back(attention == nullptr ? 0 : attention->window);
  }
  return windows;
}

}  // namespace hlm
