// The body of a mixture of experts: each token goes to `chosen` of `count` gated MLPs, and their results come back times its weights.
//
//   choice, w = router(x)     y = sum over j of w_j down_e(f(gate_e x) * up_e x), e = choice_j
//
// The experts may read a norm of x of their own, beside the router's (router.h); products may narrow what they read, and widen their sum.
//
// Rows are sorted by expert, whose products then have neighbouring rows; no row is dropped, whatever the choice. The order is stable and
// sums over choices are taken in their order, so nothing depends on how experts are grouped or where their weights lie.
//
// In stages, the rows of a group of experts are gathered, computed and left until all groups have had their turn: the combination has
// all of them, as ever.
//
// The gradient of w_j is that of y times the expert's result, which is not kept: with p the activation's result and d = w_j dy down_e it
// is (d . p) / w_j.
#ifndef HORIZON_LM_CORE_LAYERS_EXPERTS_H_
#define HORIZON_LM_CORE_LAYERS_EXPERTS_H_

#include "core/layers/body.h"
#include "core/layers/grouped_linear.h"
#include "core/layers/linear.h"
#include "core/layers/norm.h"
#include "core/layers/router.h"

namespace hlm {

class ExpertsBody : public Body {
 public:
  ExpertsBody(const ExpertsSpec& spec, int64_t hidden, Declaration& declaration);

  void Forward(const BlockRun& run, const void* x, const void* addend, void* y) const override;
  void Backward(const BlockRun& run, const void* x, const void* dy, void* dx) const override;

  const ExpertsBody* AsExperts() const override { return this; }
  const ExpertsSpec& spec() const { return spec_; }
  // Where the experts lie in the slab: expert e from begin + e stride on.
  int64_t begin() const { return in_.weight; }
  int64_t stride() const { return in_.stride; }
  bool InStages() const { return spec_.count > 1; }
  // Of what the experts make, whose gradient they read; and whether that is something else than the body's gradient.
  int64_t Width() const { return Narrow() ? spec_.latent : hidden_; }
  bool Narrow() const { return spec_.latent > 0; }

  // Of the run's group. Makes what is missing and, where `results`, what Forward combines behind the last group.
  void ForwardGroup(const BlockRun& run, const void* x, bool results) const;
  // Weight gradients, and what Backward combines behind the last group. `dy`: of the experts' sum.
  void BackwardGroup(const BlockRun& run, const void* x, const void* dy) const;
  // Of a body with a latent: the gradient of the experts' sum from the body's.
  void BackwardSum(const BlockRun& run, const void* dy, void* dsum) const { widen_.BackwardInput(run, dy, dsum); }

 private:
  void DeclareExpert(Declaration& declaration, GroupedLinearPart& in, GroupedLinearPart& down) const;

  int64_t Pairs(const BlockRun& run) const { return run.micro.tokens * spec_.chosen; }
  bool Interleaved() const { return spec_.limit > 0; }
  // A shared expert beside others is computed as a whole, whatever they are.
  Stage At(const BlockRun& run) const { return InStages() ? run.stage.kind : Stage::kWhole; }
  // The experts of the run, and their rows.
  int64_t First(const BlockRun& run) const { return At(run) == Stage::kGroup ? run.stage.first_expert : 0; }
  int64_t Count(const BlockRun& run) const { return At(run) == Stage::kGroup ? run.stage.experts : spec_.count; }
  ExpertRange Range(const BlockRun& run) const;
  RowRange OwnRows(const BlockRun& run) const;
  // The experts' results, or the gradients of what they read.
  void* Results(const BlockRun& run) const { return run.Temp(At(run) == Stage::kWhole ? temps_.sorted : temps_.results); }
  float* WeightsGradient(const BlockRun& run) const {
    return run.Temp<float>(At(run) == Stage::kWhole ? temps_.dweights : temps_.group_dweights);
  }
  void Combine(const BlockRun& run, const void* addend, void* y) const;

  const void* Normed(const BlockRun& run, const void* x) const { return before_.on() ? run.Saved(saved_.normed) : x; }
  // What the experts read.
  const void* Input(const BlockRun& run, const void* x) const { return Narrow() ? run.Saved(saved_.latent) : Normed(run, x); }
  // Adds the experts' share to dx.
  void BackwardInput(const BlockRun& run, const void* x, void* dx) const;

  void Sort(const BlockRun& run) const;
  void Gather(const BlockRun& run, const void* x, bool weighed) const;
  void Activate(const BlockRun& run) const;
  void ActivateBackward(const BlockRun& run) const;
  void WeightGradients(const BlockRun& run) const;

  ExpertsSpec spec_;
  int64_t hidden_, width_;  // of a row before the activation
  RouterPart router_;
  NormPart before_;
  LinearPart narrow_, widen_;
  GroupedLinearPart in_, down_;
  struct Saved {  // numbers of the tensors that it saves; -1: it has none
    int64_t gate_up = -1, activated = -1, normed = -1, latent = -1, sum = -1;
  } saved_;
  struct Temps {  // numbers of the tensors that it needs for a moment; -1: it has none
    int64_t sorted = -1, rows = -1, sources = -1, offsets = -1;  // forward too
    int64_t results = -1, group_dweights = -1;                   // from stage to stage
    int64_t dactivated = -1, dgate_up = -1, dweights = -1;
    int64_t dsum = -1, dlatent = -1, dnormed = -1;
  } temps_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_EXPERTS_H_
