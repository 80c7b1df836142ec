// The feed-forward body: down(f(gate x) * up x), or down(f(up x)).
//
//   g, u = x Wgate, x Wup     p = f(g) u     y = p Wdown
#ifndef HORIZON_LM_CORE_LAYERS_MLP_H_
#define HORIZON_LM_CORE_LAYERS_MLP_H_

#include "core/layers/adapter.h"
#include "core/layers/body.h"
#include "core/layers/linear.h"

namespace hlm {

ActFunction ActFunctionOf(Function function);

class MlpBody : public Body {
 public:
  MlpBody(const MlpSpec& spec, int64_t hidden, Declaration& declaration);

  void Forward(const BlockRun& run, const void* x, const void* addend, void* y) const override;
  void Backward(const BlockRun& run, const void* x, const void* dy, void* dx) const override;

 private:
  // SwiGLU, which has operations of its own.
  bool SwiGlu() const { return spec_.gated && spec_.function == Function::kSilu; }
  XieluArgs Xielu(const BlockRun& run) const;
  // The gate's half of the rows, or of their gradient, times its factor.
  void ScaleGate(const BlockRun& run, void* rows) const;

  MlpSpec spec_;
  LinearPart in_, down_;
  AdapterPart adapter_;                                             // of the first product
  int64_t alpha_p_ = -1, alpha_n_ = -1, beta_ = -1, epsilon_ = -1;  // weights of xIELU
  int64_t gate_up_, activated_;                                     // saved
  int64_t dgate_up_, dactivated_;                                   // for a moment
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_MLP_H_
