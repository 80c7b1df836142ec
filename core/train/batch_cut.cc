#include "core/train/batch_cut.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/checked.h"
#include "core/base/error.h"

namespace hlm {

BatchCut::BatchCut(const Plan& plan, const Tokens& tokens, bool forward_only, int64_t group, Ranks ranks)
    : ranks_(ranks),
      tokens_(static_cast<int64_t>(tokens.ids.size())),
      lanes_(static_cast<int64_t>(plan.devices.size())),
      groups_(forward_only ? 1 : plan.numerics.reduction_groups),
      micro_batches_(CutMicroBatches(tokens.offsets, plan.micro_tokens)) {
  if (tokens_ > plan.step_tokens) {
    throw ResourceExhausted("the batch has ", tokens_, " tokens; the plan's step holds ", plan.step_tokens,
                            ": plan with a larger batch_size or accumulate in several calls");
  }
  if (forward_only) {
    CutForward(plan);
  } else if (groups_ > 1) {
    CutGroups(plan, group);
  } else {
    CutBackward(plan, group);
  }
}

void BatchCut::CutBackward(const Plan& plan, int64_t group) {
  sweep_starts_ = CutSweeps(micro_batches_, plan.sweeps, plan.sweep_tokens);
  if (group > 1) {
    // Micro-batches stay as they are, so that log-probabilities do.
    if (auto cut = CutSweepsAtGroups(micro_batches_, plan.sweeps, plan.sweep_tokens, group)) {
      sweep_starts_ = std::move(*cut);
    } else {
      grouped_ = false;
    }
  }
  ShareSweeps();
}

// Without a backward pass nothing but room for block inputs asks for another sweep, and every lane has some.
void BatchCut::CutForward(const Plan& plan) {
  const bool one = tokens_ <= plan.sweep_tokens * all_lanes();
  if (all_lanes() == 1) {
    sweep_starts_ = CutSweeps(micro_batches_, one ? 1 : plan.sweeps, plan.sweep_tokens);
    return ShareSweeps();
  }
  const int64_t count = static_cast<int64_t>(micro_batches_.size());
  if (one) {
    sweep_starts_ = {0, count};
    ShareSweeps();
    bool fits = true;
    for (int64_t lane = 0; lane < all_lanes(); ++lane) fits = fits && MakeShare(lane).tokens() <= plan.sweep_tokens;
    if (fits) return;
    share_starts_.clear();
  }
  sweep_starts_ = {0};
  for (int64_t m = 0, sum = 0; m < count; ++m) {
    const int64_t more = micro_batches_[static_cast<size_t>(m)].tokens;
    if (sum + more > plan.sweep_tokens) {
      sweep_starts_.push_back(m);
      sum = 0;
    }
    sum += more;
  }
  sweep_starts_.push_back(count);
  ShareSweeps();
}

void BatchCut::ShareSweeps() {
  for (int64_t s = 0; s < sweeps(); ++s) {
    const int64_t first = sweep_starts_[static_cast<size_t>(s)], count = sweep_starts_[static_cast<size_t>(s) + 1] - first;
    for (int64_t lane = 0; lane < all_lanes(); ++lane) share_starts_.push_back(first + count * lane / all_lanes());
  }
  share_starts_.push_back(sweep_starts_.back());
}

// As many sums as the plan has, or more where documents leave so much room in micro-batches that a group would not hold its own. Neither
// depends on the number of lanes.
void BatchCut::CutGroups(const Plan& plan, int64_t group) {
  const int64_t count = static_cast<int64_t>(micro_batches_.size());
  int64_t sums = std::min(plan.numerics.sweeps, CeilDiv(count, groups_));
  while (!DealToGroups(sums, plan.sweep_tokens)) sums += std::max<int64_t>(sums / 8, 1);
  for (int64_t share = 0; share < sums * groups_; ++share) {
    const Share one = MakeShare(share);
    grouped_ = grouped_ && (one.empty() || one.first_document % group == 0);
  }
}

// Micro-batches are dealt to sums and to the groups_ of each by index; a group may be empty. Whether every share has room; with a sum for
// each micro-batch it has.
bool BatchCut::DealToGroups(int64_t sums, int64_t share_tokens) {
  const int64_t count = static_cast<int64_t>(micro_batches_.size());
  sums = std::min(sums, count);
  share_starts_.clear();
  sweep_starts_.clear();
  for (int64_t sum = 0; sum < sums; ++sum) {
    const int64_t begin = count * sum / sums, own = count * (sum + 1) / sums - begin;
    for (int64_t g = 0; g < groups_; ++g) {
      share_starts_.push_back(begin + own * g / groups_);
      if (g % all_lanes() == 0) sweep_starts_.push_back(share_starts_.back());
    }
  }
  share_starts_.push_back(count);
  sweep_starts_.push_back(count);
  if (sums == count) return true;
  for (int64_t share = 0; share < sums * groups_; ++share) {
    if (MakeShare(share).tokens() > share_tokens) return false;
  }
  return true;
}

std::pair<int64_t, int64_t> BatchCut::TokensOf(int64_t sum, int64_t rank) const {
  const int64_t shares = std::max(groups_, all_lanes()), own = shares / ranks_.size, first = sum * shares + rank * own;
  const auto token = [&](int64_t share) {
    const size_t micro = static_cast<size_t>(share_starts_[static_cast<size_t>(share)]);
    return micro < micro_batches_.size() ? micro_batches_[micro].first_token : tokens_;
  };
  return {token(first), token(first + own)};
}

BatchCut::Share BatchCut::MakeShare(int64_t share) const {
  Share made{share_starts_[static_cast<size_t>(share)], share_starts_[static_cast<size_t>(share) + 1]};
  if (made.empty()) return made;
  const MicroBatch &first = micro_batches_[static_cast<size_t>(made.begin)],
                   &last = micro_batches_[static_cast<size_t>(made.end) - 1];
  made.first_token = first.first_token;
  made.end_token = last.first_token + last.tokens;
  made.first_document = first.first_document;
  made.end_document = last.first_document + last.documents;
  return made;
}

}  // namespace hlm
