// Pass: one batch on its way through the units: how it is cut, in which order units are visited, where its data lies.
//
//   documents       | 0  | 1 | 2     | 3 | 4  | 5   | 6 | .. |     in the batch's order
//   micro-batches   | 0      | 1         | 2        | 3  ..  |     whole documents, at most micro_tokens
//   shares          | lane 0 | lane 1    | lane 0   | lane 1 |     neighbours; a reduction group where there are several
//   sweeps          | sweep 0            | sweep 1           |     each goes through all visits
#ifndef HORIZON_LM_CORE_TRAIN_PASS_H_
#define HORIZON_LM_CORE_TRAIN_PASS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/data/batch.h"
#include "core/layers/micro.h"
#include "core/plan/batch_layout.h"
#include "core/plan/plan.h"
#include "core/store/frozen.h"

namespace hlm {

// Documents of one length: their rows of the rotary tables, counted from the first that is a long document's.
struct LengthRows {
  int64_t length = 0, first = 0;
  bool operator==(const LengthRows&) const = default;
};

// The processes that share a pass, and which of them this one is.
struct Ranks {
  int64_t rank = 0, size = 1;
};

struct Pass {
  // `forward_only`: evaluation and logits; one sweep as long as they fit. `group`: each sweep begins with a document whose number
  // is a multiple of it, where the micro-batches allow that; see grouped.
  Pass(const ModelLayout& layout, const Plan& plan, const Tokens& tokens, bool forward_only, int64_t group = 1, Ranks ranks = {});

  const Tokens& tokens;
  bool forward_only;
  bool grouped = true;           // no sweep's border divides a group
  bool wants_entropies = false;  // beside the losses
  bool wants_best = false;
  bool weighs_entropies;                   // the entropies have weights, so a gradient; from the start where the tokens have some
  bool counted = false;                    // the loads of the whole batch are known from a pass before
  const FrozenWeights* weights = nullptr;  // null: the current ones; a frozen copy only goes forward
  std::vector<MicroBatch> micro_batches;
  std::vector<int64_t> sweep_starts;   // first micro-batch of each sweep, then their count
  std::vector<int64_t> offset_starts;  // [micro-batches] where the document offsets of each lie in the batch's array
  std::vector<Visit> visits;
  int64_t long_document, long_offset;   // the table rows of documents above so many tokens begin at the offset; 0: none is long
  std::vector<LengthRows> length_rows;  // of long documents, where each length has rows of its own

  // The micro-batches of a sweep that one lane computes: neighbours. A reduction group where there are several.
  struct Share {
    int64_t begin = 0, end = 0;              // micro-batches
    int64_t first_token = 0, end_token = 0;  // in the step; a lane's buffers are indexed from the first
    int64_t first_document = 0, end_document = 0;
    bool empty() const { return begin == end; }
    int64_t tokens() const { return end_token - first_token; }
  };
  Ranks ranks;
  int64_t lanes, groups;  // lanes: of one process
  // First micro-batch of each share, then their count: the reduction groups, or of each sweep the lanes of all processes.
  std::vector<int64_t> share_starts;
  // A process has neighbours among the groups of a sum, so that their tree is a branch of the whole one.
  int64_t ShareNumber(int64_t sweep, int64_t lane) const {
    const int64_t turn = sweep % turns(), shares = std::max(groups, all_lanes());
    return sweep / turns() * shares + ranks.rank * (shares / ranks.size) + turn * lanes + lane;
  }
  Share ShareOf(int64_t sweep, int64_t lane) const { return MakeShare(ShareNumber(sweep, lane)); }
  // The tokens of a sum, or of a forward sweep, that a rank computes.
  std::pair<int64_t, int64_t> TokensOf(int64_t sum, int64_t rank) const;

  int64_t sweeps() const { return static_cast<int64_t>(sweep_starts.size()) - 1; }
  // A sum takes this many sweeps, in which the lanes go through all reduction groups; one sum after the other is added to what was
  // accumulated before.
  int64_t turns() const { return std::max<int64_t>(groups / all_lanes(), 1); }
  int64_t all_lanes() const { return lanes * ranks.size; }
  int64_t sums() const { return sweeps() / turns(); }

  bool has_entropies() const { return wants_entropies || weighs_entropies; }

  // Writes the batch as it goes up; returns the bytes to send (the weights of entropies are not among them). `host` is laid out
  // as the plan says.
  size_t Fill(std::byte* host, const BatchLayout& at) const;
  // The view of a micro-batch on the device, whose batch lies at `device`, and on the host at `host`.
  MicroView View(int64_t micro_batch, std::byte* device, const std::byte* host, const BatchLayout& at) const;

  // The loss: sum of weight * negative log-likelihood (and entropy weight * entropy) over the predicted tokens, in double, in
  // token order. `entropies` is read only where there are weights for them.
  double Loss(const float* losses, const float* entropies) const;

  // Rows of all lengths together.
  int64_t LongRows() const { return length_rows.empty() ? 0 : length_rows.back().first + length_rows.back().length; }

 private:
  void FillTurns(int32_t* turns) const;
  void CutSweeps(const Plan& plan, int64_t group);
  void CutForward(const Plan& plan);
  void ShareSweeps();
  void CutGroups(const Plan& plan, int64_t group);
  bool DealToGroups(int64_t sums, int64_t share_tokens);
  Share MakeShare(int64_t share) const;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_PASS_H_
