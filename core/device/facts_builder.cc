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

FactsBuilder& FactsBuilder::Docs(const Documents& documents, int64_t tokens, const char* offsets, const char* host_offsets) {
  Sizes({documents.count, documents.longest});
  Reads(offsets, documents.offsets, Ints(documents.count + 1));
  Reads(host_offsets, documents.host_offsets, Ints(documents.count + 1));
  const int32_t* at = documents.host_offsets;
  HLM_CHECK(at[0] == 0 && at[documents.count] == tokens, operation(), " of ", tokens, " tokens with documents from ", at[0], " to ",
            at[documents.count]);
  for (int64_t d = 0; d < documents.count; ++d) {
    HLM_CHECK(at[d + 1] > at[d] && at[d + 1] - at[d] <= documents.longest, operation(), ": document ", d, " of ",
              at[d + 1] - at[d], " tokens, the longest is said to have ", documents.longest);
  }
  return *this;
}

void FactsBuilder::Add(const char* what, const void* data, size_t bytes, bool write, bool optional,
                       std::vector<const void*> also) {
  HLM_CHECK(optional || data != nullptr, operation(), " without one of its arrays: ", what, " is null");
  if (data == nullptr) return;
  facts_.accesses.push_back({data, bytes, write, what});
  also_.push_back(std::move(also));
}

void FactsBuilder::CheckOverlaps() const {
  const AccessList& all = facts_.accesses;
  for (size_t w = 0; w < all.size(); ++w) {
    if (!all[w].write) continue;
    for (size_t r = 0; r < all.size(); ++r) {
      if (r == w || (all[r].write && r < w)) continue;
      const auto begin = [&](size_t i) { return static_cast<const std::byte*>(all[i].data); };
      const auto end = [&](size_t i) { return begin(i) + all[i].bytes; };
      if (end(r) <= begin(w) || end(w) <= begin(r)) continue;
      const auto allows = [&](size_t i, const void* data) { return std::find(also_[i].begin(), also_[i].end(), data) != also_[i].end(); };
      if (all[r].data == all[w].data && (allows(w, all[r].data) || allows(r, all[w].data))) continue;
      throw Internal(operation(), ": ", all[w].what, " is written and overlaps ", all[r].what, " by ",
                     std::min(end(r), end(w)) - std::max(begin(r), begin(w)), " bytes");
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
  for (const Access& access : facts_.accesses) bytes += static_cast<double>(access.bytes);
  return Moves(bytes);
}

}  // namespace hlm
