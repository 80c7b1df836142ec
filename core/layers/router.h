// The router of a mixture of experts, from what it reads to the weights of the choice and back; how the choice fell, and the gradients of
// the terms of the loss that see its logits.
//
//   z = norm(x) Wr     choice, w = route(z)     with or without a norm of its own
#ifndef HORIZON_LM_CORE_LAYERS_ROUTER_H_
#define HORIZON_LM_CORE_LAYERS_ROUTER_H_

#include <cstdint>

#include "core/layers/declaration.h"
#include "core/layers/linear.h"
#include "core/layers/norm.h"
#include "core/layers/run.h"
#include "core/model/spec.h"

namespace hlm {

class RouterPart {
 public:
  // What it reads is declared at once; the rest in steps, between which the body declares its own: slabs and arenas have that order.
  RouterPart(const ExpertsSpec& spec, int64_t hidden, Declaration& declaration);
  void DeclareWeights(Declaration& declaration);
  void DeclareChoice(Declaration& declaration);
  void DeclareBest(Declaration& declaration);
  void DeclareGradient(Declaration& declaration);

  // Makes what is missing of the choice, and tells how it fell where the run asks for that.
  void Forward(const BlockRun& run, const void* x) const;
  // dx is its share of x's gradient. dweights: of the weights; may be changed.
  void Backward(const BlockRun& run, const void* x, float* dweights, void* dx) const;

  int32_t* Choice(const BlockRun& run) const { return run.Saved<int32_t>(saved_.choice); }  // [tokens, chosen]
  float* Weights(const BlockRun& run) const { return run.Saved<float>(saved_.weights); }    // [tokens, chosen]

 private:
  int64_t Experts() const { return product_.out; }
  const void* Input(const BlockRun& run, const void* x) const { return before_.on() ? run.Saved(saved_.normed) : x; }
  void ScaleInput(const BlockRun& run, void* rows) const;
  void Choose(const BlockRun& run) const;
  void TellLoad(const BlockRun& run) const;
  void TellLoad(const BlockRun& run, const int32_t* choice, int64_t begin, int64_t tokens, float* record, bool add) const;
  void LogitsGradient(const BlockRun& run, const float* dweights) const;

  RouterSpec spec_;
  int64_t chosen_;
  bool shared_;  // nothing is told of it, and the loss has no terms for it
  NormPart before_;
  LinearPart product_;
  struct OwnWeights {  // places of its own weights in the slab; -1: it has none
    int64_t choice_bias = -1, expert_scale = -1;
  } own_weights_;
  struct Saved {  // numbers of the tensors that it saves; -1: it has none
    int64_t normed = -1, logits = -1, choice = -1, weights = -1;
    int64_t scores = -1;  // weights before the experts' own factors
  } saved_;
  struct Temps {                           // numbers of the tensors that it needs for a moment; -1: it has none
    int64_t best = -1, best_weights = -1;  // the choice by logits, where the router's is another
    int64_t dlogits = -1, dnormed = -1;
  } temps_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_ROUTER_H_
