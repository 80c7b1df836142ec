// Pass: one batch on its way through the units: how it is cut, in which order units are visited, where its data lies.
#ifndef HORIZON_LM_CORE_TRAIN_PASS_H_
#define HORIZON_LM_CORE_TRAIN_PASS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/data/batch.h"
#include "core/layers/micro.h"
#include "core/plan/batch_layout.h"
#include "core/plan/plan.h"
#include "core/store/frozen.h"

namespace hlm {

struct Pass {
  // `forward_only`: evaluation and logits; one sweep as long as they fit. `group`: each sweep begins with a document whose number is
  // a multiple of it, where the micro-batches allow that; see grouped.
  Pass(const ModelLayout& layout, const Plan& plan, const Tokens& tokens, bool forward_only, int64_t group = 1);

  const Tokens& tokens;
  bool forward_only;
  bool grouped = true;           // no sweep's border divides a group
  bool wants_entropies = false;  // beside the losses
  bool wants_best = false;
  bool weighs_entropies;                   // the entropies have weights, so a gradient; from the start where the tokens have some
  const FrozenWeights* weights = nullptr;  // null: the current ones; a frozen copy only goes forward
  std::vector<MicroBatch> micro_batches;
  std::vector<int64_t> sweep_starts;   // first micro-batch of each sweep, then their count
  std::vector<int64_t> offset_starts;  // [micro-batches] where the document offsets of each lie in the batch's array
  std::vector<Visit> visits;
  int64_t long_document, long_offset;  // positions in documents above so many tokens begin at the offset; 0: none is long

  // The micro-batches of a sweep that one lane computes: neighbours. A reduction group where there are several.
  struct Share {
    int64_t begin = 0, end = 0;              // micro-batches
    int64_t first_token = 0, end_token = 0;  // in the step; a lane's buffers are indexed from the first
    int64_t first_document = 0, end_document = 0;
    bool empty() const { return begin == end; }
    int64_t tokens() const { return end_token - first_token; }
  };
  int64_t lanes, groups;
  std::vector<int64_t> share_starts;  // first micro-batch of each share, sweep by sweep, lane by lane; then their count
  Share ShareOf(int64_t sweep, int64_t lane) const { return MakeShare(sweep * lanes + lane); }

  int64_t sweeps() const { return static_cast<int64_t>(sweep_starts.size()) - 1; }
  // A sum takes this many sweeps, in which the lanes go through all reduction groups; one sum after the other is added to what was
  // accumulated before.
  int64_t turns() const { return std::max<int64_t>(groups / lanes, 1); }
  int64_t sums() const { return sweeps() / turns(); }

  bool has_entropies() const { return wants_entropies || weighs_entropies; }

  // Writes the batch as it goes up; returns the bytes to send (the weights of entropies are not among them). `host` is laid out by MakeBatchLayout(plan.step_tokens).
  size_t Fill(std::byte* host, const BatchLayout& at) const;
  // The view of a micro-batch on the device, whose batch lies at `device`, and on the host at `host`.
  MicroView View(int64_t micro_batch, std::byte* device, const std::byte* host, const BatchLayout& at) const;

  // The loss: sum of weight * negative log-likelihood (and entropy weight * entropy) over the predicted tokens, in double, in token
  // order. `entropies` is read only where there are weights for them.
  double Loss(const float* losses, const float* entropies) const;

 private:
  void CutSweeps(const Plan& plan, int64_t group);
  void CutForward(const Plan& plan);
  void ShareSweeps();
  void CutGroups(const Plan& plan, int64_t group);
  bool DealToGroups(int64_t sums, int64_t share_tokens);
  Share MakeShare(int64_t share) const;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_PASS_H_
