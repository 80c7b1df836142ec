#include "core/train/long_documents.h"

#include <algorithm>

namespace hlm {

LongDocuments::LongDocuments(const Plan& plan, const Tokens& tokens) : above_(plan.long_document), offset_(plan.micro_tokens) {
  for (size_t d = 0; plan.by_length && d + 1 < tokens.offsets.size(); ++d) {
    const int64_t length = tokens.offsets[d + 1] - tokens.offsets[d];
    const auto same = [&](const LengthRows& rows) { return rows.length == length; };
    if (length > above_ && std::none_of(lengths_.begin(), lengths_.end(), same)) lengths_.push_back({length, Rows()});
  }
}

void LongDocuments::FillTurns(const Tokens& tokens, int32_t* turns) const {
  std::copy(tokens.positions.begin(), tokens.positions.end(), turns);
  for (size_t d = 0; d + 1 < tokens.offsets.size(); ++d) {
    const int64_t length = tokens.offsets[d + 1] - tokens.offsets[d];
    if (length <= above_) continue;
    int64_t first = offset_;
    for (const LengthRows& rows : lengths_) first += rows.length == length ? rows.first : 0;
    for (int64_t t = tokens.offsets[d]; t < tokens.offsets[d + 1]; ++t) turns[t] += static_cast<int32_t>(first);
  }
}

}  // namespace hlm
