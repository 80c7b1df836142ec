// Pieces: a unit is cut into runs of whole tensors that are sent up, slotted, updated and saved each as one. A dense block is one
// piece, so are the embedding and the head; a block of experts is its core and its experts in groups. Where a unit may be cut is the
// layout's to say (UnitSpec::seams), how large a piece becomes is the plan's: it changes no bit. Parts are what one copy and one ring
// entry hold of a piece. Where some tensors are frozen (trained.h) the parts that train are cut of their runs alone:
//
//   piece     [ frozen          | trained                | frozen | trained   ]
//   parts     [ 0       | 1       | 2       | 3       | 4       | 5       | 6 ]    go up
//   trained                     [ 0       | 1       | 2 ]        [ 3        ]     come down, have states, are updated
#ifndef HORIZON_LM_CORE_PLAN_PIECES_H_
#define HORIZON_LM_CORE_PLAN_PIECES_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/dtype.h"
#include "core/model/layout.h"
#include "core/plan/trained.h"

namespace hlm {

// Elements of a unit's slab. Borders lie on multiples of the gradient chunk.
struct PartPlan {
  int64_t begin = 0, end = 0;
};

// One device's share of a part: whole chunks, and none of a part that has fewer of them than there are devices.
struct Shard {
  int64_t index = 0, count = 1;
  PartPlan Of(const PartPlan& part) const;
};

struct PiecePlan {
  std::string name;  // the unit's where it is the only one, else "block.3/1"
  int64_t unit = -1;
  DType type = DType::kBF16;   // of its weights on the link
  int64_t begin = 0, end = 0;  // elements of the unit's slab
  std::vector<PartPlan> parts;
  std::vector<PartPlan> trained;  // the same, where nothing is frozen
  int64_t elements() const { return end - begin; }
  int64_t ByteOf(int64_t element) const;  // where it begins, from the piece's first byte; `end`: behind the last
  int64_t bytes() const { return ByteOf(end); }
  bool trains() const { return !trained.empty(); }
  int64_t trained_elements() const;
};

// All pieces of a model, unit by unit. A piece is known by its place in this list.
class PieceList {
 public:
  PieceList() = default;
  // A piece is larger than `most_elements` only where its unit may not be cut.
  PieceList(const ModelLayout& layout, DType type, int64_t most_elements, int64_t part_elements, const TrainedSet& trained = {});

  int64_t size() const { return static_cast<int64_t>(pieces_.size()); }
  int64_t units() const { return static_cast<int64_t>(firsts_.size()) - 1; }
  const PiecePlan& operator[](int64_t piece) const { return pieces_[static_cast<size_t>(piece)]; }
  const std::vector<PiecePlan>& all() const { return pieces_; }

  // The pieces of a unit are First(unit) to First(unit + 1) - 1.
  int64_t First(int64_t unit) const { return firsts_[static_cast<size_t>(unit)]; }
  std::span<const PiecePlan> Of(int64_t unit) const {
    return std::span(pieces_).subspan(static_cast<size_t>(First(unit)), static_cast<size_t>(First(unit + 1) - First(unit)));
  }
  int64_t Parts(int64_t unit) const;  // of all its pieces
  int64_t TrainedParts(int64_t unit) const;
  int64_t TrainedElements() const;  // of all units
  int64_t Bytes(int64_t unit) const;
  int64_t Bytes() const;

 private:
  std::vector<PiecePlan> pieces_;
  std::vector<int64_t> firsts_ = {0};  // [units + 1]
};

// work(piece, begin, n) for each piece that holds some of a unit's elements [begin, begin + n).
template <class Work>
void EachPiece(const PieceList& pieces, int64_t unit, int64_t begin, int64_t n, const Work& work) {
  for (int64_t p = pieces.First(unit); p < pieces.First(unit + 1); ++p) {
    const int64_t from = std::max(begin, pieces[p].begin), to = std::min(begin + n, pieces[p].end);
    if (from < to) work(p, from, to - from);
  }
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_PIECES_H_
