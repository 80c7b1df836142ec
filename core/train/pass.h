// Pass: one batch on its way through the units: how it is cut, in which order units are visited, where its data lies.
//
//   batch      | ids | targets | positions | turns | weights | losses | offsets |  entropy weights | entropies | best  (BatchLayout)
//   goes up    [ ....................................................... )  and the weights of entropies, where there are some
//   comes down                                       [ .... )                and of what stands behind the offsets what is wanted
//
//   micro-batch m sees [first_token, end) of each array of tokens, and its own run of the offsets:
//   offsets    | 0 .. tokens of 0 | 0 .. tokens of 1 | ..                     each begins at offset_starts[m]
//
//   visits     of sweep 0, there and back | of sweep 1 | ..                   (visits.h); each for all micro-batches of its sweep
#ifndef HORIZON_LM_CORE_TRAIN_PASS_H_
#define HORIZON_LM_CORE_TRAIN_PASS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/data/batch.h"
#include "core/layers/micro.h"
#include "core/plan/batch_layout.h"
#include "core/plan/plan.h"
#include "core/store/frozen.h"
#include "core/train/batch_cut.h"
#include "core/train/long_documents.h"

namespace hlm {

struct Pass {
  // `forward_only`: evaluation and logits; one sweep as long as they fit. `group`: each sweep begins with a document whose number
  // is a multiple of it, where the micro-batches allow that; see BatchCut::grouped.
  Pass(const ModelLayout& layout, const Plan& plan, const Tokens& tokens, bool forward_only, int64_t group = 1, Ranks ranks = {});

  const Tokens& tokens;
  const bool forward_only;
  const BatchCut cut;
  const LongDocuments long_documents;
  const std::vector<Visit> visits;
  std::vector<int64_t> offset_starts;  // [micro-batches] where the document offsets of each lie in the batch's array

  // What is wanted of it.
  const FrozenWeights* weights = nullptr;  // null: the current ones; a frozen copy only goes forward
  bool wants_entropies = false;            // beside the losses
  bool wants_best = false;
  bool weighs_entropies;  // the entropies have weights, so a gradient; from the start where the tokens have some
  bool counted = false;   // the loads of the whole batch are known from a pass before
  bool has_entropies() const { return wants_entropies || weighs_entropies; }

  // Writes the batch as it goes up; returns the bytes to send (the weights of entropies are not among them). `host` is laid out
  // as the plan says.
  size_t Fill(std::byte* host, const BatchLayout& at) const;
  // The view of a micro-batch on the device, whose batch lies at `device`, and on the host at `host`.
  MicroView View(int64_t micro_batch, std::byte* device, const std::byte* host, const BatchLayout& at) const;

  // The loss: sum of weight * negative log-likelihood (and entropy weight * entropy) over the predicted tokens, in double, in
  // token order. `entropies` is read only where there are weights for them.
  double Loss(const float* losses, const float* entropies) const;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_PASS_H_
