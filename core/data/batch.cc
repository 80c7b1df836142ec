#include "core/data/batch.h"

#include <algorithm>
#include <cmath>

#include "core/base/checked.h"
#include "core/base/counted.h"
#include "core/base/error.h"

namespace hlm {
namespace {

void CheckShape(const Batch& b) {
  if (b.refused) throw *b.refused;
  const int64_t n = static_cast<int64_t>(b.ids.size());
  if (n == 0) throw InvalidArgument("the batch is empty: n_ids is 0");
  if (n > INT32_MAX) throw InvalidArgument("n_ids is ", n, "; a batch has at most ", INT32_MAX, " tokens");
  if (b.offsets.size() < 2) throw InvalidArgument("n_offsets is ", b.offsets.size(), "; it must be documents + 1, at least 2");
  if (b.offsets.front() != 0) throw InvalidArgument("offsets[0] is ", b.offsets.front(), "; it must be 0");
  if (b.offsets.back() != n) {
    throw InvalidArgument("offsets[", b.offsets.size() - 1, "] is ", b.offsets.back(), "; it must be n_ids, ", n);
  }
  for (size_t d = 1; d < b.offsets.size(); ++d) {
    if (b.offsets[d] <= b.offsets[d - 1]) {
      throw InvalidArgument("offsets[", d, "] is ", b.offsets[d], "; it must be above offsets[", d - 1, "], ", b.offsets[d - 1]);
    }
  }
  if (!b.labels.empty() && b.labels.size() != b.ids.size()) {
    throw InvalidArgument("n_labels is ", b.labels.size(), "; it must be n_ids, ", n, ", or 0");
  }
  if (!b.weights.empty() && b.weights.size() != b.ids.size()) {
    throw InvalidArgument("n_weights is ", b.weights.size(), "; it must be n_ids, ", n, ", or 0");
  }
  if (!b.entropy_weights.empty() && b.entropy_weights.size() != b.ids.size()) {
    throw InvalidArgument("n_entropy_weights is ", b.entropy_weights.size(), "; it must be n_ids, ", n, ", or 0");
  }
  if (!(b.temperature >= 0) || b.temperature > 1e6 || (b.temperature > 0 && b.temperature < 1e-6)) {
    throw InvalidArgument("temperature is ", b.temperature, "; it must lie in [1e-6, 1e6], or be 0 for 1");
  }
  if (!(b.denominator >= 0) || !std::isfinite(b.denominator)) {
    throw InvalidArgument("denominator is ", b.denominator, "; it must be above 0, or 0 for the sum of the weights");
  }
}

}  // namespace

Tokens PrepareTokens(const Batch& b, const TokenLimits& limits, Predictions predictions) {
  CheckShape(b);
  const int64_t vocab = limits.vocab;
  const int64_t n = static_cast<int64_t>(b.ids.size());
  for (int64_t t = 0; t < n; ++t) {
    if (b.ids[t] < 0 || b.ids[t] >= vocab) {
      throw InvalidArgument("ids[", t, "] is ", b.ids[t], "; it must lie in [0, ", vocab, "), the vocabulary");
    }
  }

  Tokens out;
  out.ids.assign(b.ids.begin(), b.ids.end());
  out.offsets.assign(b.offsets.begin(), b.offsets.end());
  out.targets.assign(n, -1);
  out.positions.resize(n);
  out.weights.assign(n, 0.0f);
  if (b.temperature > 0) out.scale = static_cast<float>(1 / b.temperature);
  double sum = 0, size = 0;
  std::vector<double> weights(n, 0.0);
  for (size_t d = 0; d + 1 < b.offsets.size(); ++d) {
    const int64_t begin = b.offsets[d], end = b.offsets[d + 1];
    if (limits.positions > 0 && end - begin > limits.positions) {
      throw InvalidArgument("document ", d, " has ", Counted(end - begin, "token"), "; the model has learnt ", limits.positions,
                            " positions and none beyond them");
    }
    for (int64_t t = begin; t < end; ++t) {
      out.positions[t] = static_cast<int32_t>(t - begin);
      if (t == begin) continue;  // a document's first token is given, not predicted
      const int32_t label = b.labels.empty() ? b.ids[t] : b.labels[t];
      if (label == kIgnoredLabel) continue;
      if (label < 0 || label >= vocab) {
        throw InvalidArgument("labels[", t, "] is ", label, "; it must lie in [0, ", vocab, "), or be ", kIgnoredLabel);
      }
      const float weight = b.weights.empty() ? 1.0f : b.weights[t];
      if (!std::isfinite(weight)) throw InvalidArgument("weights[", t, "] is ", weight, "; it must be finite");
      if (!b.entropy_weights.empty() && !std::isfinite(b.entropy_weights[t])) {
        throw InvalidArgument("entropy_weights[", t, "] is ", b.entropy_weights[t], "; it must be finite");
      }
      out.targets[t - 1] = label;
      weights[t - 1] = weight;
      sum += weight;
      size += std::abs(weight);
      ++out.predicted;
    }
  }
  if (predictions == Predictions::kUnused) return out;

  if (out.predicted == 0) {
    if (predictions == Predictions::kMayBeNone) return out;
    throw InvalidArgument("nothing is predicted: each of the ", b.offsets.size() - 1,
                          " documents has one token or only labels of ", kIgnoredLabel);
  }
  out.denominator = b.denominator > 0 ? b.denominator : sum;
  if (b.denominator > 0) out.share = size / b.denominator;
  if (!(out.denominator > 0)) {
    throw InvalidArgument("the weights of the predicted tokens sum to ", sum, "; give a denominator above 0");
  }
  for (int64_t t = 0; t < n; ++t) out.weights[t] = static_cast<float>(weights[t] / out.denominator);
  if (!b.entropy_weights.empty()) {
    out.entropy_weights.assign(n, 0.0f);
    for (int64_t t = 0; t + 1 < n; ++t) {
      if (out.targets[t] >= 0) {
        out.entropy_weights[t] = static_cast<float>(static_cast<double>(b.entropy_weights[t + 1]) / out.denominator);
      }
    }
  }
  return out;
}

std::vector<double> PredictionWeights(const Batch& b) {
  std::vector<double> weights(b.ids.size(), 0.0);
  for (size_t d = 0; d + 1 < b.offsets.size(); ++d) {
    for (int64_t t = b.offsets[d] + 1; t < b.offsets[d + 1]; ++t) {
      const size_t i = static_cast<size_t>(t);
      if (!b.labels.empty() && b.labels[i] == kIgnoredLabel) continue;
      weights[i] = b.weights.empty() ? 1.0 : static_cast<double>(b.weights[i]);
    }
  }
  return weights;
}

std::vector<MicroBatch> CutMicroBatches(const std::vector<int64_t>& offsets, int64_t micro_tokens) {
  std::vector<MicroBatch> cuts;
  for (int64_t d = 0; d + 1 < static_cast<int64_t>(offsets.size()); ++d) {
    const int64_t length = offsets[d + 1] - offsets[d];
    if (length > micro_tokens) {
      throw ResourceExhausted("document ", d, " has ", Counted(length, "token"), "; the plan's micro-batch holds ", micro_tokens,
                              ": plan with a larger seq_len or micro_batch");
    }
    if (cuts.empty() || cuts.back().tokens + length > micro_tokens) cuts.push_back({d, 0, offsets[d], 0, 0});
    MicroBatch& cut = cuts.back();
    ++cut.documents;
    cut.tokens += length;
    cut.longest = std::max(cut.longest, length);
  }
  return cuts;
}

std::vector<int64_t> CutSweeps(const std::vector<MicroBatch>& micro_batches, int64_t sweeps, int64_t sweep_tokens) {
  const int64_t count = static_cast<int64_t>(micro_batches.size());
  std::vector<int64_t> starts = {0};
  int64_t next = 0;
  for (int64_t sweep = 0; sweep < sweeps && next < count; ++sweep) {
    const int64_t wanted = CeilDiv(count - next, sweeps - sweep);
    int64_t tokens = 0, taken = 0;
    while (taken < wanted && tokens + micro_batches[next].tokens <= sweep_tokens) {
      tokens += micro_batches[next].tokens;
      ++next, ++taken;
    }
    starts.push_back(next);
  }
  if (next < count) {
    const int64_t total = micro_batches.back().first_token + micro_batches.back().tokens;
    throw ResourceExhausted("the batch has ", Counted(total, "token"), " in ", Counted(count, "micro-batch"),
                            "; the plan's step holds ", Counted(sweeps, "sweep"), " of ", Counted(sweep_tokens, "token"),
                            ": plan with a larger batch_size or accumulate in several calls");
  }
  return starts;
}

std::optional<std::vector<int64_t>> CutSweepsAtGroups(const std::vector<MicroBatch>& micro_batches, int64_t sweeps,
                                                      int64_t sweep_tokens, int64_t group) {
  const int64_t count = static_cast<int64_t>(micro_batches.size());
  std::vector<int64_t> starts = {0};
  int64_t next = 0;
  for (int64_t sweep = 0; sweep < sweeps && next < count; ++sweep) {
    const int64_t wanted = CeilDiv(count - next, sweeps - sweep);
    // The border nearest behind the even share, else the last one before it.
    int64_t tokens = 0, end = next, border = -1;
    while (end < count && tokens + micro_batches[end].tokens <= sweep_tokens) {
      tokens += micro_batches[end].tokens;
      ++end;
      if (end == count || micro_batches[end].first_document % group == 0) {
        border = end;
        if (end - next >= wanted) break;
      }
    }
    if (border < 0) return std::nullopt;
    next = border;
    starts.push_back(next);
  }
  if (next < count) return std::nullopt;
  return starts;
}

}  // namespace hlm
