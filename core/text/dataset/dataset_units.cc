// What a data set hands out: the documents, cut to length, and the rows or pairs made of them.
#include <algorithm>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/dataset/dataset.h"

namespace hlm::dataset {

void Dataset::CutDocuments() {
  const auto documents = static_cast<size_t>(built_.store->documents());
  for (size_t d = 0; d < documents; d += static_cast<size_t>(per_unit_)) {
    per_unit_ == 2 ? AddPair(d) : AddSingle(d);
  }
}

// The part of a document that is used, or the parts; false where nothing of it is.
bool Dataset::MakePiece(size_t d, std::vector<Piece>& out) {
  const StoredDocument stored = built_.store->document(static_cast<int64_t>(d));
  const int64_t seq_len = options_.seq_len;
  const auto add = [&](int64_t begin, int64_t length) {
    const int64_t trained = built_.store->CountTrained(begin + 1, begin + length);
    if (trained == 0) return false;
    out.push_back({begin, static_cast<int32_t>(length), static_cast<int32_t>(trained), static_cast<int32_t>(d),
                   static_cast<uint32_t>(stored.source) & 0x7fffffff, stored.flags & StoredDocument::kDesirable});
    return true;
  };
  if (stored.length <= seq_len) {
    if (add(stored.begin, stored.length)) return true;
    ++untrained_;
    return false;
  }
  switch (options_.too_long) {
    case TooLong::kError: {
      const Source& source = options_.sources[static_cast<size_t>(stored.source)];
      throw InvalidArgument(PrintablePath(source.files[static_cast<size_t>(stored.file)]), ":", stored.line, ": a document of ",
                            stored.length, " tokens; seq_len is ", seq_len, " (too_long: truncate, split, drop or error)");
    }
    case TooLong::kDrop:
      ++too_long_;
      return false;
    case TooLong::kTruncate:
      if (add(stored.begin, seq_len)) {
        ++truncated_;
        return true;
      }
      ++untrained_;
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
  any ? ++split_ : ++untrained_;
  return any;
}

void Dataset::AddSingle(size_t d) { MakePiece(d, pieces_); }

void Dataset::AddPair(size_t d) {
  std::vector<Piece> both;
  if (MakePiece(d, both) && MakePiece(d + 1, both)) pieces_.insert(pieces_.end(), both.begin(), both.end());
}

// Which records are used, and in which part they are.
void Dataset::SelectUnits() {
  const auto documents_of_store = static_cast<size_t>(built_.store->documents());
  const size_t sources = options_.sources.size();
  // Records are consecutive documents; all documents of one stay together.
  std::vector<int64_t> record_of(documents_of_store);
  std::vector<std::vector<uint64_t>> identities(sources);
  std::vector<std::vector<int64_t>> places(sources);  // of each record among all
  std::vector<uint64_t> all;
  for (size_t d = 0; d < documents_of_store; ++d) {
    const StoredDocument stored = built_.store->document(static_cast<int64_t>(d));
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
    const int64_t wanted = options_.sources[s].num_samples;
    if (wanted == 0 || wanted >= static_cast<int64_t>(identities[s].size())) continue;
    const std::vector<uint8_t> sampled = SampledRecords(identities[s], wanted, options_.seed);
    for (size_t r = 0; r < sampled.size(); ++r) used[static_cast<size_t>(places[s][r])] = sampled[r];
  }
  std::vector<uint8_t> evaluation(all.size(), 0);
  if (options_.eval_fraction > 0) {
    for (size_t r = 0; r < all.size(); ++r) evaluation[r] = InEvaluation(all[r], options_.eval_fraction, options_.seed);
  } else if (options_.eval_count > 0) {
    std::vector<uint64_t> candidates;
    std::vector<size_t> of;
    for (size_t r = 0; r < all.size(); ++r) {
      if (!used[r]) continue;
      candidates.push_back(all[r]);
      of.push_back(r);
    }
    const std::vector<uint8_t> chosen = EvaluationRecords(candidates, options_.eval_count, options_.seed);
    for (size_t i = 0; i < chosen.size(); ++i) evaluation[of[i]] = chosen[i];
  }
  selected_records_.assign(sources, 0);
  evaluation_records_.assign(sources, 0);
  for (size_t s = 0; s < sources; ++s) {
    for (const int64_t place : places[s]) {
      selected_records_[s] += used[static_cast<size_t>(place)];
      evaluation_records_[s] += used[static_cast<size_t>(place)] && evaluation[static_cast<size_t>(place)];
    }
  }
  units_.assign(sources, {});
  const bool wanted = options_.part == Part::kEvaluation;
  for (int64_t unit = 0; unit * per_unit_ < documents(); ++unit) {
    const Piece& piece = pieces_[static_cast<size_t>(unit * per_unit_)];
    const auto record = static_cast<size_t>(record_of[static_cast<size_t>(piece.stored)]);
    if (used[record] && (evaluation[record] != 0) == wanted) units_[static_cast<size_t>(piece.source)].push_back(unit);
  }
}

void Dataset::CheckNotEmpty() const {
  for (const auto& units : units_) {
    if (!units.empty()) return;
  }
  StoredSource sum;
  for (const StoredSource& source : built_.store->sources()) {
    sum.records += source.records;
    sum.bad += source.bad;
    sum.empty += source.empty;
    sum.turn_order += source.turn_order;
    sum.untrained += source.untrained;
  }
  throw InvalidArgument("the data set is empty: of ", sum.records, " records in ", PrintablePath(options_.sources.front().name),
                        options_.sources.size() > 1 ? " and others" : "", " none is left for the ",
                        options_.part == Part::kTrain ? "training" : "evaluation", " part (", sum.bad, " bad, ", sum.empty,
                        " with empty answers, ", sum.turn_order, " with turns out of order, ", sum.untrained + untrained_,
                        " without a trained token, ", too_long_, " too long)");
}

int64_t Dataset::UnitLength(int64_t unit) const {
  int64_t length = 0;
  for (int64_t p = unit * per_unit_; p < (unit + 1) * per_unit_; ++p) length += pieces_[static_cast<size_t>(p)].length;
  return length;
}

}  // namespace hlm::dataset
