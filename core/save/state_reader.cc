#include "core/save/state_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_text.h"

namespace hlm {

StateReader::StateReader(const Plan& plan, const ParameterStore& store, const CheckpointReader& from, int64_t rank)
    : plan_(plan), from_(from), rank_(rank) {
  for (int64_t piece = 0; piece < plan.pieces.size(); ++piece) leases_.push_back(store.States(piece, LeaseKind::kChange));
  for (size_t unit = 0; unit < plan.units.size(); ++unit) AddUnit(static_cast<int64_t>(unit));
}

void StateReader::AddUnit(int64_t unit) {
  const Manifest& manifest = from_.manifest();
  const auto refuse = [&](const std::string& what) {
    throw DataLoss(PrintablePath(from_.folder()), ": ", what, " is missing or of another size");
  };
  const std::string& name = plan_.units[static_cast<size_t>(unit)].name;
  const std::vector<size_t> files = manifest.Of(name);
  if (files.empty()) refuse(name);
  std::vector<CheckpointArray> whole;  // as they must be there
  for (int64_t piece = plan_.pieces.First(unit); piece < plan_.pieces.First(unit + 1); ++piece) {
    const std::vector<CheckpointArray> more = PieceArrays(plan_, piece);
    whole.insert(whole.end(), more.begin(), more.end());
  }
  const std::vector<CheckpointArray> kept = Kept(unit);
  for (const ArrayKind kind : kArrayKinds) {
    int64_t elements = 0;
    ArrayType type = ArrayType::kF32;
    for (const CheckpointArray& array : whole) {
      if (array.kind != kind) continue;
      elements += array.elements;
      type = array.type;
    }
    const std::string what = StrCat(name, " ", Name(kind));
    if (manifest.Elements(name, kind) != elements) refuse(what);
    for (const size_t file : files) {
      for (const StoredArray& array : manifest.units[file].arrays) {
        if (array.kind != kind) continue;
        if (array.type != type) refuse(what);
        std::vector<Run> runs = Overlaps(array, kept);
        if (!runs.empty()) transfers_.push_back({file, &array, std::move(runs)});
      }
    }
  }
}

// Where this process keeps arrays of a unit. Of a kind they follow each other: whole, or what the rank owns, but for weights, which all
// have.
std::vector<CheckpointArray> StateReader::Kept(int64_t unit) const {
  std::vector<CheckpointArray> kept;
  for (int64_t piece = plan_.pieces.First(unit); piece < plan_.pieces.First(unit + 1); ++piece) {
    std::vector<CheckpointArray> more = PieceArrays(plan_, piece, rank_);
    if (plan_.sharded) {
      std::erase_if(more, [](const CheckpointArray& array) { return array.kind == ArrayKind::kWeights; });
      for (const CheckpointArray& array : PieceArrays(plan_, piece)) {
        if (array.kind == ArrayKind::kWeights) more.push_back(array);
      }
    }
    PointInto(leases_[static_cast<size_t>(piece)], more);
    kept.insert(kept.end(), more.begin(), more.end());
  }
  return kept;
}

std::vector<StateReader::Run> StateReader::Overlaps(const StoredArray& stored, const std::vector<CheckpointArray>& kept) {
  std::vector<Run> runs;
  for (const CheckpointArray& array : kept) {
    if (array.kind != stored.kind) continue;
    const int64_t from = std::max(stored.first, array.first),
                  to = std::min(stored.first + stored.elements, array.first + array.elements);
    if (from >= to) continue;
    const size_t size = SizeOf(array.type);
    std::byte* at =
        const_cast<std::byte*>(static_cast<const std::byte*>(array.data)) + static_cast<size_t>(from - array.first) * size;
    Run* last = runs.empty() ? nullptr : &runs.back();
    const bool goes_on = last != nullptr && last->begin + last->elements == from - stored.first &&
                         last->to + static_cast<size_t>(last->elements) * size == at;
    if (goes_on) {
      last->elements += to - from;
    } else {
      runs.push_back({from - stored.first, to - from, at});
    }
  }
  return runs;
}

void StateReader::Read(HostPool& pool) {
  pool.ParallelFor(static_cast<int64_t>(transfers_.size()),
                   [&](int64_t item) { ReadOne(transfers_[static_cast<size_t>(item)]); });
  for (StateLease& lease : leases_) lease.Commit();
}

void StateReader::ReadOne(const Transfer& transfer) const {
  const StoredArray& array = *transfer.array;
  const std::vector<Run>& runs = transfer.runs;
  if (runs.size() == 1 && runs.front().elements == array.elements) {
    from_.Read(transfer.unit, array, runs.front().to);
    return;
  }
  const auto size = static_cast<int64_t>(SizeOf(array.type));
  from_.ReadInto(transfer.unit, array, [&](int64_t at, const std::byte* data, size_t bytes) {
    const int64_t end = at + static_cast<int64_t>(bytes);
    for (const Run& run : runs) {
      const int64_t from = std::max(at, run.begin * size), to = std::min(end, (run.begin + run.elements) * size);
      if (from < to) std::copy(data + (from - at), data + (to - at), run.to + (from - run.begin * size));
    }
  });
}

}  // namespace hlm
