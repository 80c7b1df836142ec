#include "core/train/pass.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "core/base/checked.h"
#include "core/base/error.h"

namespace hlm {

Pass::Pass(const ModelLayout& layout, const Plan& plan, const Tokens& tokens, bool forward_only, int64_t group, Ranks own_ranks)
    : tokens(tokens),
      forward_only(forward_only),
      weighs_entropies(!tokens.entropy_weights.empty()),
      micro_batches(CutMicroBatches(tokens.offsets, plan.micro_tokens)),
      long_document(plan.long_document),
      long_offset(plan.micro_tokens),
      ranks(own_ranks),
      lanes(static_cast<int64_t>(plan.devices.size())),
      groups(forward_only ? 1 : plan.numerics.reduction_groups) {
  if (static_cast<int64_t>(tokens.ids.size()) > plan.step_tokens) {
    throw ResourceExhausted("the batch has ", tokens.ids.size(), " tokens; the plan's step holds ", plan.step_tokens,
                            ": plan with a larger batch_size or accumulate in several calls");
  }
  for (size_t d = 0; plan.by_length && d + 1 < tokens.offsets.size(); ++d) {
    const int64_t length = tokens.offsets[d + 1] - tokens.offsets[d];
    const auto same = [&](const LengthRows& rows) { return rows.length == length; };
    if (length > long_document && std::none_of(length_rows.begin(), length_rows.end(), same))
      length_rows.push_back({length, LongRows()});
  }
  if (groups > 1) {
    CutGroups(plan, group);
  } else {
    CutSweeps(plan, group);
  }
  int64_t offsets = 0;
  for (const MicroBatch& micro : micro_batches) {
    offset_starts.push_back(offsets);
    offsets += micro.documents + 1;
  }
  visits = MakeVisits(layout, plan.pieces, sweeps(), forward_only, plan.Slots(0), plan.first_backward);
}

void Pass::CutSweeps(const Plan& plan, int64_t group) {
  if (forward_only) return CutForward(plan);
  sweep_starts = hlm::CutSweeps(micro_batches, plan.sweeps, plan.sweep_tokens);
  if (group > 1) {
    // Micro-batches stay as they are, so that log-probabilities do.
    if (auto cut = CutSweepsAtGroups(micro_batches, plan.sweeps, plan.sweep_tokens, group)) {
      sweep_starts = std::move(*cut);
    } else {
      grouped = false;
    }
  }
  ShareSweeps();
}

// Without a backward pass nothing but room for block inputs asks for another sweep, and every lane has some.
void Pass::CutForward(const Plan& plan) {
  const bool one = static_cast<int64_t>(tokens.ids.size()) <= plan.sweep_tokens * all_lanes();
  if (all_lanes() == 1) {
    sweep_starts = hlm::CutSweeps(micro_batches, one ? 1 : plan.sweeps, plan.sweep_tokens);
    return ShareSweeps();
  }
  const int64_t count = static_cast<int64_t>(micro_batches.size());
  if (one) {
    sweep_starts = {0, count};
    ShareSweeps();
    bool fits = true;
    for (int64_t lane = 0; lane < all_lanes(); ++lane) fits = fits && MakeShare(lane).tokens() <= plan.sweep_tokens;
    if (fits) return;
    share_starts.clear();
  }
  sweep_starts = {0};
  for (int64_t m = 0, sum = 0; m < count; ++m) {
    const int64_t more = micro_batches[static_cast<size_t>(m)].tokens;
    if (sum + more > plan.sweep_tokens) {
      sweep_starts.push_back(m);
      sum = 0;
    }
    sum += more;
  }
  sweep_starts.push_back(count);
  ShareSweeps();
}

void Pass::ShareSweeps() {
  for (int64_t s = 0; s < sweeps(); ++s) {
    const int64_t first = sweep_starts[static_cast<size_t>(s)], count = sweep_starts[static_cast<size_t>(s) + 1] - first;
    for (int64_t lane = 0; lane < all_lanes(); ++lane) share_starts.push_back(first + count * lane / all_lanes());
  }
  share_starts.push_back(sweep_starts.back());
}

// As many sums as the plan has, or more where documents leave so much room in micro-batches that a group would not hold its own. Neither
// depends on the number of lanes.
void Pass::CutGroups(const Plan& plan, int64_t group) {
  const int64_t count = static_cast<int64_t>(micro_batches.size());
  int64_t sums = std::min(plan.numerics.sweeps, CeilDiv(count, groups));
  while (!DealToGroups(sums, plan.sweep_tokens)) sums += std::max<int64_t>(sums / 8, 1);
  for (int64_t share = 0; share < sums * groups; ++share) {
    const Share one = MakeShare(share);
    grouped = grouped && (one.empty() || one.first_document % group == 0);
  }
}

// Micro-batches are dealt to sums and to the groups of each by index; a group may be empty. Whether every share has room; with a sum for
// each micro-batch it has.
bool Pass::DealToGroups(int64_t sums, int64_t share_tokens) {
  const int64_t count = static_cast<int64_t>(micro_batches.size());
  sums = std::min(sums, count);
  share_starts.clear();
  sweep_starts.clear();
  for (int64_t sum = 0; sum < sums; ++sum) {
    const int64_t begin = count * sum / sums, own = count * (sum + 1) / sums - begin;
    for (int64_t g = 0; g < groups; ++g) {
      share_starts.push_back(begin + own * g / groups);
      if (g % all_lanes() == 0) sweep_starts.push_back(share_starts.back());
    }
  }
  share_starts.push_back(count);
  sweep_starts.push_back(count);
  if (sums == count) return true;
  for (int64_t share = 0; share < sums * groups; ++share) {
    if (MakeShare(share).tokens() > share_tokens) return false;
  }
  return true;
}

std::pair<int64_t, int64_t> Pass::TokensOf(int64_t sum, int64_t rank) const {
  const int64_t shares = std::max(groups, all_lanes()), own = shares / ranks.size, first = sum * shares + rank * own;
  const auto token = [&](int64_t share) {
    const size_t micro = static_cast<size_t>(share_starts[static_cast<size_t>(share)]);
    return micro < micro_batches.size() ? micro_batches[micro].first_token : static_cast<int64_t>(tokens.ids.size());
  };
  return {token(first), token(first + own)};
}

Pass::Share Pass::MakeShare(int64_t share) const {
  Share made{share_starts[static_cast<size_t>(share)], share_starts[static_cast<size_t>(share) + 1]};
  if (made.empty()) return made;
  const MicroBatch &first = micro_batches[static_cast<size_t>(made.begin)],
                   &last = micro_batches[static_cast<size_t>(made.end) - 1];
  made.first_token = first.first_token;
  made.end_token = last.first_token + last.tokens;
  made.first_document = first.first_document;
  made.end_document = last.first_document + last.documents;
  return made;
}

void Pass::FillTurns(int32_t* turns) const {
  std::copy(tokens.positions.begin(), tokens.positions.end(), turns);
  for (size_t d = 0; d + 1 < tokens.offsets.size(); ++d) {
    const int64_t length = tokens.offsets[d + 1] - tokens.offsets[d];
    if (length <= long_document) continue;
    int64_t first = long_offset;
    for (const LengthRows& rows : length_rows) first += rows.length == length ? rows.first : 0;
    for (int64_t t = tokens.offsets[d]; t < tokens.offsets[d + 1]; ++t) turns[t] += static_cast<int32_t>(first);
  }
}

size_t Pass::Fill(std::byte* host, const BatchLayout& at) const {
  const auto copy = [&](int64_t offset, const auto& values) {
    std::memcpy(host + offset, values.data(), values.size() * sizeof(values[0]));
  };
  copy(at.ids, tokens.ids);
  copy(at.targets, tokens.targets);
  copy(at.positions, tokens.positions);
  if (long_document > 0) FillTurns(reinterpret_cast<int32_t*>(host + at.turns));
  copy(at.weights, tokens.weights);
  if (!tokens.entropy_weights.empty()) copy(at.entropy_weights, tokens.entropy_weights);
  std::memset(host + at.losses, 0, tokens.ids.size() * sizeof(float));
  int32_t* offsets = reinterpret_cast<int32_t*>(host + at.offsets);
  for (const MicroBatch& micro : micro_batches) {
    for (int64_t d = 0; d <= micro.documents; ++d) {
      *offsets++ = static_cast<int32_t>(tokens.offsets[static_cast<size_t>(micro.first_document + d)] - micro.first_token);
    }
  }
  return static_cast<size_t>(reinterpret_cast<std::byte*>(offsets) - host);
}

MicroView Pass::View(int64_t micro_batch, std::byte* device, const std::byte* host, const BatchLayout& at) const {
  const MicroBatch& micro = micro_batches[static_cast<size_t>(micro_batch)];
  const auto i32 = [&](int64_t offset) { return reinterpret_cast<const int32_t*>(device + offset) + micro.first_token; };
  MicroView view;
  view.tokens = micro.tokens;
  view.ids = i32(at.ids);
  view.targets = i32(at.targets);
  view.positions = i32(at.positions);
  view.turns = i32(at.turns);
  view.weights = reinterpret_cast<const float*>(device + at.weights) + micro.first_token;
  view.losses = reinterpret_cast<float*>(device + at.losses) + micro.first_token;
  const auto f32 = [&](int64_t offset) { return reinterpret_cast<float*>(device + offset) + micro.first_token; };
  if (weighs_entropies) view.entropy_weights = f32(at.entropy_weights);
  if (has_entropies()) view.entropies = f32(at.entropies);
  if (wants_best) view.best = f32(at.best);
  view.scale = tokens.scale;
  const int64_t offsets = at.offsets + 4 * offset_starts[static_cast<size_t>(micro_batch)];
  view.documents = {micro.documents, micro.longest, reinterpret_cast<const int32_t*>(device + offsets),
                    reinterpret_cast<const int32_t*>(host + offsets)};
  return view;
}

double Pass::Loss(const float* losses, const float* entropies) const {
  double sum = 0;
  for (size_t t = 0; t < tokens.targets.size(); ++t) {
    // A weight of zero takes a token out, however improbable the model finds it.
    if (tokens.targets[t] >= 0 && tokens.weights[t] != 0) sum += static_cast<double>(tokens.weights[t]) * losses[t];
    if (!tokens.entropy_weights.empty() && tokens.entropy_weights[t] != 0) {
      sum += static_cast<double>(tokens.entropy_weights[t]) * entropies[t];
    }
  }
  return sum;
}

}  // namespace hlm
