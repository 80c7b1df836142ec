// Zamba's shared layer (Glorioso et al. 2024, section 2): attention and an MLP without residual connections, whose weights lie in a slab
// that several blocks read. Adapters and the last product are the block's own.
//
//   y = mlp(norm(attention(norm([x, side])))) W
#ifndef HORIZON_LM_CORE_LAYERS_SHARED_LAYER_H_
#define HORIZON_LM_CORE_LAYERS_SHARED_LAYER_H_

#include <optional>

#include "core/layers/attention.h"
#include "core/layers/body.h"
#include "core/layers/linear.h"
#include "core/layers/mlp.h"
#include "core/layers/norm.h"

namespace hlm {

class SharedLayerBody : public Body {
 public:
  SharedLayerBody(const SharedLayerSpec& spec, const ModelSpec& model, Declaration& declaration);

  void Forward(const BlockRun& run, const void* x, const void* addend, void* y) const override;
  void Backward(const BlockRun& run, const void* x, const void* dy, void* dx) const override;

 private:
  int64_t Wide() const { return 2 * hidden_; }
  void Copy(const BlockRun& run, const View& from, const MutableView& to) const;

  int64_t hidden_, side_;
  NormPart before_, between_;
  std::optional<AttentionBody> attention_;
  std::optional<MlpBody> mlp_;
  LinearPart linear_;
  struct Saved {  // numbers of the tensors that it saves; -1: it has none
    int64_t joined = -1, normed = -1, attended = -1, between_normed = -1, made = -1;
  } saved_;
  struct Temps {  // numbers of the tensors that it needs for a moment; -1: it has none
    int64_t dmade = -1, dbetween = -1, dattended = -1, dnormed = -1, djoined_side = -1;
  } temps_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_SHARED_LAYER_H_
