#include "core/layers/declaration.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/base/checked.h"

namespace hlm {
namespace {

constexpr int64_t kTensorAlign = 256;  // bytes

}  // namespace

void Declaration::Cut(bool always) {
  int64_t& end = Into().end;
  std::vector<Seam>& seams = Into().seams;
  end = RoundUp(end, kPieceAlign);
  if (end == 0) return;
  if (!seams.empty() && seams.back().at == end) {
    seams.back().always |= always;
  } else {
    seams.push_back({end, always});
  }
}

int64_t Declaration::Weights(const std::string& role, std::vector<WeightMember> members) {
  if (everywhere_) Cut();
  int64_t& end = Into().end;
  end = RoundUp(end, kSlabAlign);
  WeightGroup group{body_ + role, std::move(members), end, number_};
  for (WeightMember& member : group.members) {
    member.role = body_ + member.role;
    member.offset = end;
    member.elements = 1;
    for (const int64_t extent : member.shape) member.elements = CheckedMul(member.elements, extent);
    end = CheckedAdd(end, member.elements);
  }
  Into().groups.push_back(std::move(group));
  return Into().groups.back().offset + (sharing_ ? kSharedSlab : 0);
}

int64_t Declaration::OwnWeight(const std::string& role, std::vector<int64_t> shape, TensorInit init) {
  const bool sharing = std::exchange(sharing_, false);
  const int64_t offset = Weight(role, std::move(shape), init);
  sharing_ = sharing;
  return offset;
}

int64_t Declaration::Saved(const std::string& name, int64_t elements, Remake remake, TokenType type) {
  saved_.push_back({body_ + name, {elements, type}, remake});
  return static_cast<int64_t>(saved_.size()) - 1;
}

int64_t Declaration::Temp(const std::string& name, int64_t elements, bool forward, TokenType type) {
  temporaries_.push_back({body_ + name, {elements, type}, forward, branch_});
  return static_cast<int64_t>(temporaries_.size()) - 1;
}

int64_t Declaration::ChunkTemp(const std::string& name, int64_t elements, bool forward, TokenType type) {
  const int64_t number = Temp(name, elements, forward, type);
  temporaries_.back().by_chunk = true;
  return number;
}

int64_t Declaration::BetweenStages(const std::string& name, int64_t elements, TokenType type) {
  temporaries_.push_back({body_ + name, {elements, type}, true, branch_, 0, Stay::kStages});
  return static_cast<int64_t>(temporaries_.size()) - 1;
}

void Declaration::StayInStage(int64_t first, int64_t end) {
  for (int64_t t = first; t < end; ++t) saved_[static_cast<size_t>(t)].stay = Stay::kStage;
}

int64_t Declaration::FixedTemp(const std::string& name, int64_t bytes) {
  temporaries_.push_back({body_ + name, {}, true, branch_, bytes});
  return static_cast<int64_t>(temporaries_.size()) - 1;
}

TensorPlaces PlaceSaved(const Declaration& declaration, DType compute, int64_t tokens,
                        const std::function<bool(const SavedTensor&)>& wanted) {
  TensorPlaces places;
  for (const SavedTensor& tensor : declaration.saved()) {
    const bool here = wanted(tensor);
    places.offsets.push_back(here ? places.total : -1);
    if (here) places.total = CheckedAdd(places.total, RoundUp(CheckedMul(tensor.bytes.Of(compute), tokens), kTensorAlign));
  }
  return places;
}

TensorPlaces PlaceTemporaries(const Declaration& declaration, DType compute, int64_t tokens, int64_t chunk, bool forward_only) {
  TensorPlaces places;
  std::map<int64_t, int64_t> ends;  // by branch
  const auto bytes = [&](const Temporary& t) {
    return RoundUp(CheckedAdd(CheckedMul(t.bytes.Of(compute), t.by_chunk ? chunk : tokens), t.fixed_bytes), kTensorAlign);
  };
  const auto wanted = [&](const Temporary& t) { return t.stay == Stay::kStage && (t.forward || !forward_only); };
  int64_t common = 0;
  for (const Temporary& t : declaration.temporaries()) {
    if (t.branch < 0 && wanted(t)) common = CheckedAdd(common, bytes(t));
  }
  places.total = common;
  int64_t common_end = 0;
  for (const Temporary& t : declaration.temporaries()) {
    int64_t& end = t.branch < 0 ? common_end : ends.try_emplace(t.branch, common).first->second;
    places.offsets.push_back(wanted(t) ? end : -1);
    if (wanted(t)) end = CheckedAdd(end, bytes(t));
    places.total = std::max(places.total, end);
  }
  return places;
}

StagePlaces PlaceBetweenStages(const Declaration& declaration, DType compute, int64_t tokens,
                               const std::function<bool(Remake)>& kept) {
  StagePlaces places;
  const auto take = [&](const TokenBytes& bytes, bool wanted) {
    if (!wanted) return int64_t{-1};
    const int64_t at = places.total;
    places.total = CheckedAdd(at, RoundUp(CheckedMul(bytes.Of(compute), tokens), kTensorAlign));
    return at;
  };
  for (const SavedTensor& t : declaration.saved())
    places.saved.push_back(take(t.bytes, t.stay == Stay::kStages && !kept(t.remake)));
  for (const Temporary& t : declaration.temporaries()) places.temporaries.push_back(take(t.bytes, t.stay == Stay::kStages));
  return places;
}

}  // namespace hlm
