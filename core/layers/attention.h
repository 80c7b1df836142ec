// The attention body.
//
//   qkv = x Wqkv     q, k = rotary(norm(q, k))     a = softmax(q k^T) v     y = (a sigmoid(gate)) Wo
//
// The rows of the product are q, gate, k, v, as far as a model has them, or the gate has a product of its own, which may make one
// number a head; keys and values may go to later layers, or come from an earlier one, through one of the model's sides. With adapters
// q, k and v are products of their own and lie one behind the other. Llama's form (norms a head before a rotary embedding of whole
// heads, or none) has operations of its own, which take q, k and v packed; all others go by views.
#ifndef HORIZON_LM_CORE_LAYERS_ATTENTION_H_
#define HORIZON_LM_CORE_LAYERS_ATTENTION_H_

#include <vector>

#include "core/layers/adapter.h"
#include "core/layers/body.h"
#include "core/layers/gate.h"
#include "core/layers/linear.h"
#include "core/layers/norm.h"

namespace hlm {

class AttentionBody : public Body {
 public:
  AttentionBody(const AttentionSpec& spec, const ModelSpec& model, Declaration& declaration);

  void Forward(const BlockRun& run, const void* x, const void* addend, void* y) const override;
  void Backward(const BlockRun& run, const void* x, const void* dy, void* dx) const override;

 private:
  // Widths and places within a row of the product.
  int64_t Query() const { return spec_.QueryWidth(); }
  int64_t Key() const { return spec_.KeyWidth(); }
  bool Apart() const { return spec_.gate && (spec_.gate_apart || spec_.gate_by_head); }
  int64_t Gate() const { return spec_.gate && !Apart() ? Query() : 0; }
  int64_t OwnKey() const { return spec_.takes >= 0 ? 0 : Key(); }  // keys and values of another layer are read from a side
  int64_t RawWidth() const { return Query() + Gate() + OwnKey() + (spec_.value_is_key ? 0 : OwnKey()); }
  int64_t KeyPlace() const { return Query() + Gate(); }
  int64_t ValuePlace() const { return spec_.value_is_key ? KeyPlace() : KeyPlace() + Key(); }

  bool Adapted() const { return spec_.adapter_rank > 0; }

  void DeclareWeights(int64_t in, int64_t hidden, Declaration& d);
  void DeclareAdapters(Declaration& d);
  // The rows of q, k and v, and back from their gradients to that of x.
  void Project(const BlockRun& run, const void* x) const;
  void BackwardProject(const BlockRun& run, const void* x, void* dx) const;
  // q, k or v, by its place, among the product's rows.
  MutableView Row(const BlockRun& run, void* rows, int64_t place) const;
  void DeclareFused(Declaration& d);
  void DeclareByViews(Declaration& d);
  void ForwardFused(const BlockRun& run, const void* x) const;
  void ForwardByViews(const BlockRun& run, const void* x) const;
  void BackwardFused(const BlockRun& run) const;
  void BackwardByViews(const BlockRun& run) const;
  void Rotate(const BlockRun& run, int64_t heads, const View& x, const MutableView& y, bool query, bool back) const;
  // A side's row: keys, then values.
  MutableView SideKeys(const BlockRun& run, void* side) const;
  MutableView SideValues(const BlockRun& run, void* side) const;
  void AddTo(const BlockRun& run, void* sum, const void* more) const;
  void Copy(const BlockRun& run, int64_t heads, const View& x, const MutableView& y) const;
  // y = x held within the limits, which all arrays of `width` elements a token may have.
  void Clip(const BlockRun& run, int64_t width, const View& x, const MutableView& y) const;
  void ClipBackward(const BlockRun& run, int64_t width, const View& clipped, const MutableView& d) const;
  MutableView Clipped(const BlockRun& run, int64_t place) const;
  MutableView GateRows(const BlockRun& run, void* rows, void* apart) const;
  // The function is of the gate; its factor is attention's output.
  GatePart Gating() const { return {ActFunction::kSigmoid, Query()}; }
  void ForwardGate(const BlockRun& run, const void* x) const;
  void BackwardGate(const BlockRun& run, const void* dy) const;
  AttentionKind Kind() const;

  AttentionSpec spec_;
  RopeSpec rope_;
  bool fused_;
  bool normed_ = false;  // queries and keys lie apart from the product's rows
  LinearPart qkv_product_, gate_product_, o_;
  struct Part {
    int64_t place;  // among the rows
    LinearPart product;
    AdapterPart adapter;
  };
  std::vector<Part> parts_;            // q, k and v, where they have adapters
  struct Weights {                     // places of its own weights in the slab; -1: it has none
    int64_t q_norm = -1, k_norm = -1;  // of the fused form
    int64_t sinks = -1;
  } weights_;
  struct Saved {  // numbers of the tensors that it saves; -1: it has none
    int64_t qkv = -1, qk_raw = -1, qk_rstd = -1, out = -1, lse = -1;
    int64_t raw = -1, qk = -1, v = -1, gated = -1;  // by views
    int64_t clipped = -1, gate_rows = -1;           // by views
  } saved_;
  struct Temps {  // numbers of the tensors that it needs for a moment; -1: it has none
    int64_t dx_part = -1;
    int64_t dqkv = -1, dout = -1, dgated = -1, dk = -1, dv = -1, dkv = -1;
    int64_t dgate_rows = -1, dgate_input = -1;
  } temps_;
  NormPart q_norm_part_, k_norm_part_, v_norm_part_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_ATTENTION_H_
