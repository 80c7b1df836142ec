#include "core/device/facts_builder.h"

#include <algorithm>

namespace hlm {

FactsBuilder& FactsBuilder::Type(DType type) {
  HLM_CHECK(type == DType::kF32 || type == DType::kBF16, operation(), " computes in f32 or bf16, not ", Name(type));
  return *this;
}

FactsBuilder& FactsBuilder::Sizes(std::initializer_list<int64_t> sizes) {
  for (const int64_t size : sizes) HLM_CHECK(size >= 1, operation(), " with a dimension of ", size);
  return *this;
}

FactsBuilder& FactsBuilder::Heads(int64_t heads, int64_t kv_heads) {
  HLM_CHECK(heads % kv_heads == 0, operation(), " with ", heads, " heads, no multiple of ", kv_heads, " key heads");
  return *this;
}

FactsBuilder& FactsBuilder::Rows(const RowRange& range, const char* offsets) {
  if (range.offsets == nullptr) return *this;
  HLM_CHECK(range.first >= 0 && range.first <= range.end, operation(), " of rows between offsets ", range.first, " and ",
            range.end);
  Reads(offsets, range.offsets, Ints(range.end + 1));
  return *this;
}

FactsBuilder& FactsBuilder::Docs(const Documents& documents, int64_t tokens, const char* offsets, const char* host_offsets) {
  Sizes({documents.count, documents.longest});
  Reads(offsets, documents.offsets, Ints(documents.count + 1));
  Reads(host_offsets, documents.host_offsets, Ints(documents.count + 1));
  const int32_t* at = documents.host_offsets;
  HLM_CHECK(at[0] == 0 && at[documents.count] == tokens, operation(), " of ", tokens, " tokens with documents from ", at[0],
            " to ", at[documents.count]);
  for (int64_t d = 0; d < documents.count; ++d) {
    HLM_CHECK(at[d + 1] > at[d] && at[d + 1] - at[d] <= documents.longest, operation(), ": document ", d, " of ",
              at[d + 1] - at[d], " tokens, the longest is said to have ", documents.longest);
  }
  return *this;
}

void FactsBuilder::Add(const Access& access, const Pattern& pattern, bool optional, std::vector<const void*> also) {
  HLM_CHECK(optional || access.data != nullptr, operation(), " without one of its arrays: ", access.what, " is null");
  if (access.data == nullptr) return;
  facts_.accesses.push_back(access);
  patterns_.push_back(pattern);
  also_.push_back(std::move(also));
}

void FactsBuilder::AddLines(const char* what, const View& view, const Lines& lines, bool write, bool optional,
                            std::vector<const void*> also) {
  const View v = Resolved(view, lines.heads, lines.width);
  const bool shared = v.head == 0 && !write;
  HLM_CHECK(lines.heads == 1 || shared || v.head >= lines.width, what, " has heads of ", lines.width, " elements that lie ",
            v.head, " apart");
  const int64_t heads = shared ? 1 : lines.heads, span = (heads - 1) * v.head + lines.width;
  HLM_CHECK(lines.rows == 1 || v.row >= span, what, " has rows of ", span, " elements that lie ", v.row, " apart");
  const auto size = static_cast<int64_t>(SizeOf(lines.type));
  Pattern pattern{lines.rows, v.row * size, heads, v.head * size, lines.width * size};
  if (pattern.heads > 1 && pattern.head == pattern.width) {  // heads that follow each other are one piece
    pattern.width *= pattern.heads;
    pattern.heads = 1;
  }
  Add({view.data, static_cast<size_t>(((lines.rows - 1) * v.row + span) * size), write, what}, pattern, optional,
      std::move(also));
}

void FactsBuilder::Reads(const char* what, const View& view, const Lines& lines) {
  AddLines(what, view, lines, false, false, {});
}
void FactsBuilder::MayRead(const char* what, const View& view, const Lines& lines) {
  AddLines(what, view, lines, false, true, {});
}
void FactsBuilder::Writes(const char* what, const MutableView& view, const Lines& lines, std::vector<const void*> also) {
  AddLines(what, view, lines, true, false, std::move(also));
}

bool FactsBuilder::Touch(size_t a, size_t b) const {
  const AccessList& all = facts_.accesses;
  const auto begin = [&](size_t i) { return static_cast<const std::byte*>(all[i].data); };
  if (begin(a) + all[a].bytes <= begin(b) || begin(b) + all[b].bytes <= begin(a)) return false;
  // Rows that lie equally far apart may take turns: their pieces are compared within one distance.
  const Pattern &p = patterns_[a], &q = patterns_[b];
  if (p.row != q.row || p.row == 0) return true;
  const int64_t offset = (((begin(b) - begin(a)) % p.row) + p.row) % p.row;
  for (int64_t i = 0; i < p.heads; ++i) {
    for (int64_t j = 0; j < q.heads; ++j) {
      const int64_t apart = (((offset + j * q.head - i * p.head) % p.row) + p.row) % p.row;  // from a's piece to b's
      if (apart < p.width || apart + q.width > p.row) return true;
    }
  }
  return false;
}

void FactsBuilder::CheckOverlaps() const {
  const AccessList& all = facts_.accesses;
  const auto allows = [&](size_t i, const void* data) {
    return std::find(also_[i].begin(), also_[i].end(), data) != also_[i].end();
  };
  for (size_t w = 0; w < all.size(); ++w) {
    if (!all[w].write) continue;
    for (size_t r = 0; r < all.size(); ++r) {
      if (r == w || (all[r].write && r < w) || !Touch(w, r)) continue;
      const bool same = !all[r].write && all[r].data == all[w].data && patterns_[r] == patterns_[w];
      if (same && allows(w, all[r].data)) continue;
      const auto begin = [&](size_t i) { return static_cast<const std::byte*>(all[i].data); };
      throw Internal(operation(), ": ", all[w].what, " is written and overlaps ", all[r].what, " by ",
                     std::min(begin(r) + all[r].bytes, begin(w) + all[w].bytes) - std::max(begin(r), begin(w)), " bytes");
    }
  }
}

OpFacts FactsBuilder::Products(double flops) {
  CheckOverlaps();
  facts_.product_flops = flops;
  return std::move(facts_);
}

OpFacts FactsBuilder::Moves(double bytes) {
  CheckOverlaps();
  facts_.moved_bytes = bytes;
  return std::move(facts_);
}

OpFacts FactsBuilder::Moves() {
  double bytes = 0;
  for (const Pattern& pattern : patterns_) {
    bytes += static_cast<double>(pattern.rows) * static_cast<double>(pattern.heads * pattern.width);
  }
  return Moves(bytes);
}

}  // namespace hlm
