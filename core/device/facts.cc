#include "core/device/facts.h"

namespace hlm {

OpFacts FactsOf(const Call& call) {
  return std::visit([](const auto& args) { return FactsOf(args); }, call);
}

}  // namespace hlm
