// Documents of given lengths, for operations that go from token to token within them.
#ifndef HORIZON_LM_TESTS_OPS_DOCUMENTS_H_
#define HORIZON_LM_TESTS_OPS_DOCUMENTS_H_

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/device/args/attention.h"
#include "tests/ops/op_case.h"

namespace hlm::ops_test {

struct Lengths {
  std::vector<size_t> lengths;

  size_t tokens() const {
    size_t sum = 0;
    for (const size_t length : lengths) sum += length;
    return sum;
  }
  std::string name() const { return StrCat(lengths.size(), "x", tokens()); }
  // Good until the rig's next Clear; the host's offsets for as long as this is.
  Documents On(Rig& rig, std::vector<int32_t>& offsets) const {
    offsets = {0};
    size_t longest = 0;
    for (const size_t length : lengths) {
      offsets.push_back(offsets.back() + static_cast<int32_t>(length));
      longest = std::max(longest, length);
    }
    return {static_cast<int64_t>(lengths.size()), static_cast<int64_t>(longest), rig.PutInts(offsets), offsets.data()};
  }
  // step(token, begins) for every token in order.
  template <class Step>
  void ForTokens(const Step& step) const {
    size_t token = 0;
    for (const size_t length : lengths) {
      for (size_t i = 0; i < length; ++i) step(token++, i == 0);
    }
  }
};

template <class Op>
OpCase MakeCase(const Op& op, std::vector<Doubles> inputs) {
  OpCase c;
  c.name = op.name();
  c.type = op.type;
  c.inputs = std::move(inputs);
  c.exact = [op](const std::vector<Doubles>& in) { return op.Exact(in); };
  c.run = [op](Rig& rig, const std::vector<Doubles>& in, const Doubles* dy) { return op.Run(rig, in, dy); };
  return c;
}

}  // namespace hlm::ops_test

#endif  // HORIZON_LM_TESTS_OPS_DOCUMENTS_H_
