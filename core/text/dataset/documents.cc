#include "core/text/dataset/documents.h"

#include <algorithm>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/dataset/order.h"

namespace hlm::dataset {

Documents::Documents(const DatasetOptions& options, const TokenStore& store)
    : options_(options), store_(store), per_unit_(options.task == Task::kPreference ? 2 : 1) {
  const auto stored = static_cast<size_t>(store.documents());
  std::vector<Document> both;
  for (size_t d = 0; d < stored; d += static_cast<size_t>(per_unit_)) {
    if (per_unit_ == 1) {
      Cut(d, all_);
    } else if (both.clear(); Cut(d, both) && Cut(d + 1, both)) {
      all_.insert(all_.end(), both.begin(), both.end());
    }
  }
}

// The part of a document that is used, or the parts; false where nothing of it is.
bool Documents::Cut(size_t d, std::vector<Document>& out) {
  const StoredDocument stored = store_.document(static_cast<int64_t>(d));
  const int64_t seq_len = options_.seq_len;
  const auto add = [&](int64_t begin, int64_t length) {
    const int64_t trained = store_.CountTrained(begin + 1, begin + length);
    if (trained == 0) return false;
    out.push_back({begin, static_cast<int32_t>(length), static_cast<int32_t>(trained), static_cast<int32_t>(d),
                   static_cast<uint32_t>(stored.source) & 0x7fffffff, stored.flags & StoredDocument::kDesirable});
    return true;
  };
  if (stored.length <= seq_len) {
    if (add(stored.begin, stored.length)) return true;
    ++counts_.untrained;
    return false;
  }
  switch (options_.too_long) {
    case TooLong::kError: {
      const Source& source = options_.sources[static_cast<size_t>(stored.source)];
      throw InvalidArgument(PrintablePath(source.files[static_cast<size_t>(stored.file)]), ":", stored.line, ": a document of ",
                            Counted(stored.length, "token"), "; seq_len is ", seq_len,
                            " (too_long: truncate, split, drop or error)");
    }
    case TooLong::kDrop:
      ++counts_.too_long;
      return false;
    case TooLong::kTruncate:
      if (add(stored.begin, seq_len)) {
        ++counts_.truncated;
        return true;
      }
      ++counts_.untrained;
      return false;
    case TooLong::kSplit:
      break;
  }
  bool any = false;
  for (int64_t at = 0; at < stored.length; at += seq_len) {
    const int64_t length = std::min<int64_t>(seq_len, stored.length - at);
    if (length > 1 && add(stored.begin + at, length)) {
      any = true;
    }
  }
  any ? ++counts_.split : ++counts_.untrained;
  return any;
}

int64_t Documents::UnitLength(int64_t unit) const {
  int64_t length = 0;
  for (int64_t d = unit * per_unit_; d < (unit + 1) * per_unit_; ++d) length += (*this)[d].length;
  return length;
}

int64_t Documents::UnitTrained(int64_t unit) const {
  int64_t trained = 0;
  for (int64_t d = unit * per_unit_; d < (unit + 1) * per_unit_; ++d) trained += (*this)[d].trained;
  return trained;
}

StoredSource SumOfSources(const TokenStore& store) {
  StoredSource sum;
  for (const StoredSource& source : store.sources()) {
    sum.records += source.records;
    sum.bad += source.bad;
    sum.empty += source.empty;
    sum.turn_order += source.turn_order;
    sum.untrained += source.untrained;
  }
  return sum;
}

namespace {

void CheckNotEmpty(const DatasetOptions& options, const TokenStore& store, const Documents& documents,
                   const Selection& selection) {
  for (const auto& units : selection.units) {
    if (!units.empty()) return;
  }
  const StoredSource sum = SumOfSources(store);
  throw InvalidArgument(
      "the data set is empty: of ", Counted(sum.records, "record"), " in ", PrintablePath(options.sources.front().name),
      options.sources.size() > 1 ? " and others" : "", " none is left for the ",
      options.part == Part::kTrain ? "training" : "evaluation", " part (", sum.bad, " bad, ", sum.empty, " with empty answers, ",
      sum.turn_order, " with turns out of order, ", sum.untrained + documents.counts().untrained, " without a trained token, ",
      documents.counts().too_long, " too long",
      documents.counts().truncated == 0 ? ""
                                        : StrCat(", ", documents.counts().truncated, " cut off at seq_len ", options.seq_len),
      ")");
}

}  // namespace

Selection SelectUnits(const DatasetOptions& options, const TokenStore& store, const Documents& documents) {
  const auto documents_of_store = static_cast<size_t>(store.documents());
  const size_t sources = options.sources.size();
  // Records are consecutive documents; all documents of one stay together.
  std::vector<int64_t> record_of(documents_of_store);
  std::vector<std::vector<uint64_t>> identities(sources);
  std::vector<std::vector<int64_t>> places(sources);  // of each record among all
  std::vector<uint64_t> all;
  for (size_t d = 0; d < documents_of_store; ++d) {
    const StoredDocument stored = store.document(static_cast<int64_t>(d));
    if ((stored.flags & StoredDocument::kContinues) == 0) {
      const auto s = static_cast<size_t>(stored.source);
      identities[s].push_back(stored.identity);
      places[s].push_back(static_cast<int64_t>(all.size()));
      all.push_back(stored.identity);
    }
    record_of[d] = static_cast<int64_t>(all.size()) - 1;
  }
  std::vector<uint8_t> used(all.size(), 1);
  for (size_t s = 0; s < sources; ++s) {
    const int64_t wanted = options.sources[s].num_samples;
    if (wanted == 0 || wanted >= static_cast<int64_t>(identities[s].size())) continue;
    const std::vector<uint8_t> sampled = SampledRecords(identities[s], wanted, options.seed);
    for (size_t r = 0; r < sampled.size(); ++r) used[static_cast<size_t>(places[s][r])] = sampled[r];
  }
  std::vector<uint8_t> evaluation(all.size(), 0);
  if (options.eval_fraction > 0) {
    for (size_t r = 0; r < all.size(); ++r) evaluation[r] = InEvaluation(all[r], options.eval_fraction, options.seed);
  } else if (options.eval_count > 0) {
    std::vector<uint64_t> candidates;
    std::vector<size_t> of;
    for (size_t r = 0; r < all.size(); ++r) {
      if (!used[r]) continue;
      candidates.push_back(all[r]);
      of.push_back(r);
    }
    const std::vector<uint8_t> chosen = EvaluationRecords(candidates, options.eval_count, options.seed);
    for (size_t i = 0; i < chosen.size(); ++i) evaluation[of[i]] = chosen[i];
  }
  Selection out;
  out.selected.assign(sources, 0);
  out.evaluation.assign(sources, 0);
  for (size_t s = 0; s < sources; ++s) {
    for (const int64_t place : places[s]) {
      out.selected[s] += used[static_cast<size_t>(place)];
      out.evaluation[s] += used[static_cast<size_t>(place)] && evaluation[static_cast<size_t>(place)];
    }
  }
  out.units.assign(sources, {});
  const bool wanted = options.part == Part::kEvaluation;
  for (int64_t unit = 0; unit < documents.units(); ++unit) {
    const Document& first = documents[unit * documents.per_unit()];
    const auto record = static_cast<size_t>(record_of[static_cast<size_t>(first.stored)]);
    if (used[record] && (evaluation[record] != 0) == wanted) out.units[static_cast<size_t>(first.source)].push_back(unit);
  }
  CheckNotEmpty(options, store, documents, out);
  return out;
}

}  // namespace hlm::dataset
