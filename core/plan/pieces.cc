#include "core/plan/pieces.h"

#include <algorithm>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/layers/experts.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

static_assert(kPieceAlign % kGradientChunk == 0, "sums of squares are taken by chunks, which a piece's border must not cut");

namespace {

// A mixture whose experts are too large for a piece is cut from what is before and behind them, so that a block may be visited by
// groups of experts (groups.h).
std::vector<Seam> SeamsOf(const ModelLayout& layout, const UnitSpec& unit, int64_t most_elements) {
  std::vector<Seam> seams = unit.seams;
  const ExpertsBody* experts = unit.layer < 0 ? nullptr : layout.block(unit.layer).experts();
  if (experts == nullptr) return seams;
  const int64_t begin = experts->begin(), all = experts->spec().count * experts->stride();
  for (Seam& seam : seams) seam.always |= all > most_elements && (seam.at == begin || seam.at == begin + all);
  return seams;
}

// Borders of the pieces of a unit: between two that must be, as few as fit.
std::vector<int64_t> Borders(const UnitSpec& unit, const std::vector<Seam>& seams, int64_t most_elements) {
  std::vector<int64_t> borders = {0};
  int64_t last = 0;  // where the piece at hand may end
  const auto cut = [&](int64_t at) {
    if (at > borders.back()) borders.push_back(at);
  };
  for (const Seam& seam : seams) {
    if (seam.at - borders.back() > most_elements) cut(last);
    last = seam.at;
    if (seam.always) cut(seam.at);
  }
  if (unit.elements - borders.back() > most_elements) cut(last);
  cut(unit.elements);
  return borders;
}

std::vector<PartPlan> CutParts(int64_t begin, int64_t end, int64_t part_elements) {
  std::vector<PartPlan> parts;
  for (; begin < end; begin += part_elements) parts.push_back({begin, std::min(begin + part_elements, end)});
  return parts;
}

}  // namespace

PartPlan Shard::Of(const PartPlan& part) const {
  const int64_t chunks = CeilDiv(part.end - part.begin, kGradientChunk);
  const auto border = [&](int64_t i) { return std::min(part.begin + chunks * i / count * kGradientChunk, part.end); };
  return {border(index), border(index + 1)};
}

int64_t PiecePlan::ByteOf(int64_t element) const { return CheckedMul(element - begin, static_cast<int64_t>(SizeOf(type))); }

int64_t PiecePlan::trained_elements() const {
  int64_t elements = 0;
  for (const PartPlan& part : trained) elements += part.end - part.begin;
  return elements;
}

PieceList::PieceList(const ModelLayout& layout, DType type, int64_t most_elements, int64_t part_elements,
                     const TrainedSet& trained) {
  for (size_t u = 0; u < layout.units.size(); ++u) {
    const UnitSpec& unit = layout.units[u];
    const std::vector<int64_t> borders = Borders(unit, SeamsOf(layout, unit, most_elements), most_elements);
    for (size_t b = 0; b + 1 < borders.size(); ++b) {
      const bool only = borders.size() == 2;
      pieces_.push_back({only ? unit.name : StrCat(unit.name, "/", b),
                         static_cast<int64_t>(u),
                         type,
                         borders[b],
                         borders[b + 1],
                         CutParts(borders[b], borders[b + 1], part_elements),
                         {}});
      PiecePlan& piece = pieces_.back();
      for (const SlabRange& run : trained.Runs(piece.unit, unit.elements)) {
        const std::vector<PartPlan> parts =
            CutParts(std::max(run.begin, piece.begin), std::min(run.end, piece.end), part_elements);
        piece.trained.insert(piece.trained.end(), parts.begin(), parts.end());
      }
    }
    firsts_.push_back(size());
  }
}

int64_t PieceList::Parts(int64_t unit) const {
  int64_t parts = 0;
  for (const PiecePlan& piece : Of(unit)) parts += static_cast<int64_t>(piece.parts.size());
  return parts;
}

int64_t PieceList::TrainedParts(int64_t unit) const {
  int64_t parts = 0;
  for (const PiecePlan& piece : Of(unit)) parts += static_cast<int64_t>(piece.trained.size());
  return parts;
}

int64_t PieceList::TrainedElements() const {
  int64_t elements = 0;
  for (const PiecePlan& piece : pieces_) elements += piece.trained_elements();
  return elements;
}

int64_t PieceList::Bytes(int64_t unit) const {
  int64_t bytes = 0;
  for (const PiecePlan& piece : Of(unit)) bytes = CheckedAdd(bytes, piece.bytes());
  return bytes;
}

int64_t PieceList::Bytes() const {
  int64_t bytes = 0;
  for (const PiecePlan& piece : pieces_) bytes = CheckedAdd(bytes, piece.bytes());
  return bytes;
}

}  // namespace hlm
