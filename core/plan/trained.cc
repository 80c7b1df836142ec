#include "core/plan/trained.h"

#include <algorithm>
#include <cstdio>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/base/glob.h"
#include "cpu_optim/optimizer.h"

namespace hlm {
namespace {

// Patterns of one option, and which of them have stood for something.
class Patterns {
 public:
  Patterns(const char* option, const std::string& list) : option_(option), patterns_(SplitGlobs(list)), used_(patterns_.size()) {}
  bool empty() const { return patterns_.empty(); }
  bool Match(const std::string& name) {
    bool any = false;
    for (size_t p = 0; p < patterns_.size(); ++p) {
      if (!MatchesGlob(patterns_[p], name)) continue;
      used_[p] = any = true;
    }
    return any;
  }
  void CheckUsed(const ModelLayout& layout) const {
    for (size_t p = 0; p < patterns_.size(); ++p) {
      if (used_[p]) continue;
      throw InvalidArgument(option_, ": no tensor of the model has a name like '", patterns_[p], "'; the first is ",
                            layout.units.front().tensors.front().name, layout.tied ? ", which is the head's matrix too" : "");
    }
  }

 private:
  const char* option_;
  std::vector<std::string> patterns_;
  std::vector<bool> used_;
};

// Adds a range behind the others, which it may go on.
void Append(std::vector<SlabRange>& ranges, const SlabRange& range) {
  if (!ranges.empty() && range.begin <= ranges.back().end) {
    ranges.back().end = std::max(ranges.back().end, range.end);
  } else {
    ranges.push_back(range);
  }
}

std::vector<SlabRange> InBoth(const std::vector<SlabRange>& a, const std::vector<SlabRange>& b) {
  std::vector<SlabRange> both;
  for (const SlabRange& x : a) {
    for (const SlabRange& y : b) {
      const SlabRange common{std::max(x.begin, y.begin), std::min(x.end, y.end)};
      if (common.begin < common.end) both.push_back(common);
    }
  }
  return both;
}

bool Holds(std::span<const SlabRange> ranges, int64_t element) {
  const auto behind = std::upper_bound(ranges.begin(), ranges.end(), element,
                                       [](int64_t at, const SlabRange& range) { return at < range.begin; });
  return behind != ranges.begin() && element < std::prev(behind)->end;
}

// A block of 8-bit moments is updated as a whole: all of it decays, or none.
void CheckBlocks(const std::vector<SlabRun>& runs, std::span<const SlabRange> frozen) {
  const auto decays = [&](const SlabRun& run) { return run.tensor->Decays() && !Holds(frozen, run.begin); };
  for (size_t r = 1; r < runs.size(); ++r) {
    const SlabRun &before = runs[r - 1], &run = runs[r];
    if (decays(before) == decays(run) || run.begin % kStateBlock == 0) continue;
    throw Unimplemented("freeze or train_only parts ", before.tensor->name, " from ", run.tensor->name,
                        ", which share a block of ", kStateBlock, " elements in memory: freeze both, or neither");
  }
}

}  // namespace

TrainedSet::TrainedSet(const ModelLayout& layout, const std::string& freeze, const std::string& train_only) {
  Patterns frozen("freeze", freeze), trained("train_only", train_only);
  if (frozen.empty() && trained.empty()) return;
  std::vector<Unit> units(layout.units.size());
  int64_t tensors = 0, count = 0;
  std::string names;
  for (size_t u = 0; u < units.size(); ++u) {
    const UnitSpec& spec = layout.units[u];
    std::vector<const TensorSpec*> off;
    for (const TensorSpec& tensor : spec.tensors) {
      const bool trains = trained.Match(tensor.name) || trained.empty();
      ++tensors;
      if (!frozen.Match(tensor.name) && trains) continue;
      ++count;
      parameters_ += tensor.elements;
      names += tensor.name + '\n';
      off.push_back(&tensor);
    }
    Unit& unit = units[u];
    const std::vector<SlabRun> runs = RunsOf(spec);
    for (const SlabRun& run : runs) {
      const bool is_off = std::find(off.begin(), off.end(), run.tensor) != off.end();
      if (is_off) {
        Append(unit.frozen, {run.begin, run.end});
      } else if (!off.empty()) {
        Append(unit.runs,
               {run.begin / kGradientChunk * kGradientChunk, std::min(RoundUp(run.end, kGradientChunk), spec.elements)});
      }
    }
    if (off.empty()) unit.runs = {{0, spec.elements}};  // padding included, as ever
    CheckBlocks(runs, unit.frozen);
    unit.held = InBoth(unit.frozen, unit.runs);
  }
  frozen.CheckUsed(layout);
  trained.CheckUsed(layout);
  if (count == tensors) throw InvalidArgument("freeze and train_only leave none of the model's ", tensors, " tensors to train");
  if (count == 0) return;
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(XXH3_64bits(names.data(), names.size())));
  identity_ = StrCat(tensors - count, " of ", tensors, " tensors, ", digits);
  units_ = std::move(units);
}

bool TrainedSet::Trains(int64_t unit, int64_t element) const { return !Holds(Frozen(unit), element); }

std::vector<SlabRange> TrainedSet::Runs(int64_t unit, int64_t elements) const {
  if (all()) return {{0, elements}};
  return units_[static_cast<size_t>(unit)].runs;
}
std::span<const SlabRange> TrainedSet::Frozen(int64_t unit) const {
  return all() ? std::span<const SlabRange>() : units_[static_cast<size_t>(unit)].frozen;
}
std::span<const SlabRange> TrainedSet::Held(int64_t unit) const {
  return all() ? std::span<const SlabRange>() : units_[static_cast<size_t>(unit)].held;
}

int64_t FirstBackward(const ModelLayout& layout, const TrainedSet& trained) {
  const auto trains = [&](int64_t unit) {
    const UnitSpec& spec = layout.units[static_cast<size_t>(unit)];
    return std::any_of(spec.tensors.begin(), spec.tensors.end(), [&](const TensorSpec& t) { return trained.Trains(unit, t); });
  };
  if (trained.all() || trains(layout.EmbeddingUnit())) return -1;
  for (int64_t layer = 0; layer < layout.layers(); ++layer) {
    if (trains(layout.BlockUnit(layer)) || (layout.SharedUnit(layer) >= 0 && trains(layout.SharedUnit(layer)))) return layer;
  }
  return layout.layers();
}

}  // namespace hlm
