// BatchCut: how a batch is cut for a pass.
//
//   documents       | 0  | 1 | 2     | 3 | 4  | 5   | 6 | .. |     in the batch's order
//   micro-batches   | 0      | 1         | 2        | 3  ..  |     whole documents, at most micro_tokens
//   shares          | lane 0 | lane 1    | lane 0   | lane 1 |     neighbours; a reduction group where there are several
//   sweeps          | sweep 0            | sweep 1           |     each goes through all visits
#ifndef HORIZON_LM_CORE_TRAIN_BATCH_CUT_H_
#define HORIZON_LM_CORE_TRAIN_BATCH_CUT_H_

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/data/batch.h"
#include "core/plan/plan.h"

namespace hlm {

// The processes that share a pass, and which of them this one is.
struct Ranks {
  int64_t rank = 0, size = 1;
};

class BatchCut {
 public:
  // As Pass.
  BatchCut(const Plan& plan, const Tokens& tokens, bool forward_only, int64_t group, Ranks ranks);

  const std::vector<MicroBatch>& micro_batches() const { return micro_batches_; }
  const MicroBatch& micro_batch(int64_t m) const { return micro_batches_[static_cast<size_t>(m)]; }
  const Ranks& ranks() const { return ranks_; }
  int64_t groups() const { return groups_; }  // reduction groups
  bool grouped() const { return grouped_; }   // no sweep's border divides a group of documents

  int64_t sweeps() const { return static_cast<int64_t>(sweep_starts_.size()) - 1; }
  // A sum takes this many sweeps, in which the lanes go through all reduction groups; one sum after the other is added to what was
  // accumulated before.
  int64_t turns() const { return std::max<int64_t>(groups_ / all_lanes(), 1); }
  int64_t sums() const { return sweeps() / turns(); }

  // The micro-batches of a sweep that one lane computes: neighbours. A reduction group where there are several.
  struct Share {
    int64_t begin = 0, end = 0;              // micro-batches
    int64_t first_token = 0, end_token = 0;  // in the step; a lane's buffers are indexed from the first
    int64_t first_document = 0, end_document = 0;
    bool empty() const { return begin == end; }
    int64_t tokens() const { return end_token - first_token; }
  };
  // A process has neighbours among the groups of a sum, so that their tree is a branch of the whole one.
  int64_t ShareNumber(int64_t sweep, int64_t lane) const {
    const int64_t turn = sweep % turns(), shares = std::max(groups_, all_lanes());
    return sweep / turns() * shares + ranks_.rank * (shares / ranks_.size) + turn * lanes_ + lane;
  }
  Share ShareOf(int64_t sweep, int64_t lane) const { return MakeShare(ShareNumber(sweep, lane)); }
  // The tokens of a sum, or of a forward sweep, that a rank computes.
  std::pair<int64_t, int64_t> TokensOf(int64_t sum, int64_t rank) const;

 private:
  int64_t all_lanes() const { return lanes_ * ranks_.size; }
  void CutBackward(const Plan& plan, int64_t group);
  void CutForward(const Plan& plan);
  void ShareSweeps();
  void CutGroups(const Plan& plan, int64_t group);
  bool DealToGroups(int64_t sums, int64_t share_tokens);
  Share MakeShare(int64_t share) const;

  const Ranks ranks_;
  const int64_t tokens_, lanes_, groups_;  // lanes: of one process
  bool grouped_ = true;
  std::vector<MicroBatch> micro_batches_;
  std::vector<int64_t> sweep_starts_;  // first micro-batch of each sweep, then their count
  // First micro-batch of each share, then their count: the reduction groups, or of each sweep the lanes of all processes.
  std::vector<int64_t> share_starts_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_BATCH_CUT_H_
