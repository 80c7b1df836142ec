// The delta rule over rows of queries, keys and values, q before k before v: forward and backward.
#ifndef HORIZON_LM_CORE_LAYERS_DELTA_PART_H_
#define HORIZON_LM_CORE_LAYERS_DELTA_PART_H_

#include <cmath>

#include "core/layers/place.h"
#include "core/layers/run.h"

namespace hlm {

struct DeltaPart {
  int64_t heads = 0, key_heads = 0, key_dim = 0, value_dim = 0;
  bool by_channel = false;  // a decay for each of a key's channels, not for each head

  int64_t keys() const { return key_heads * key_dim; }
  int64_t values() const { return heads * value_dim; }
  int64_t width() const { return 2 * keys() + values(); }  // of a row

  void Forward(const BlockRun& r, void* rows, const float* g, const float* beta, void* out) const {
    DeltaRuleArgs a = Shape<DeltaRuleArgs>(r, rows, g, beta);
    a.out = {out};
    r.ops.DeltaRule(r.stream, a);
  }
  void Backward(const BlockRun& r, void* rows, const float* g, const float* beta, const void* dout, void* drows, float* dg,
                float* dbeta) const {
    DeltaRuleBackwardArgs a = Shape<DeltaRuleBackwardArgs>(r, rows, g, beta);
    a.dout = {dout};
    a.dq = Columns(r, drows, width(), 0);
    a.dk = Columns(r, drows, width(), keys());
    a.dv = Columns(r, drows, width(), 2 * keys());
    a.dg = dg, a.dbeta = dbeta;
    r.ops.DeltaRuleBackward(r.stream, a);
  }

 private:
  static constexpr float kLengthEpsilon = 1e-6f;  // of queries' and keys' squared lengths

  // What both passes read.
  template <class Arguments>
  Arguments Shape(const BlockRun& r, void* rows, const float* g, const float* beta) const {
    Arguments a;
    a.type = r.type;
    a.tokens = r.micro.tokens;
    a.heads = heads, a.key_heads = key_heads;
    a.key_dim = key_dim, a.value_dim = value_dim;
    a.by_channel = by_channel;
    a.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(key_dim)));
    a.epsilon = kLengthEpsilon;
    a.documents = r.micro.documents;
    a.q = Columns(r, rows, width(), 0);
    a.k = Columns(r, rows, width(), keys());
    a.v = Columns(r, rows, width(), 2 * keys());
    a.g = g, a.beta = beta;
    return a;
  }
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_DELTA_PART_H_
