#include "core/train/named_tensors.h"

#include <cstring>
#include <vector>

#include "core/base/error.h"
#include "core/plan/owned.h"

namespace hlm {

NamedTensors::NamedTensors(const Model& model, const Plan& plan, ParameterStore& store, const AllRanks& all_ranks)
    : model_(model), plan_(plan), store_(store), all_ranks_(all_ranks) {
  const ModelLayout& layout = model.layout();
  for (size_t u = 0; u < layout.units.size(); ++u) {
    for (const TensorSpec& tensor : layout.units[u].tensors) places_[tensor.name] = {static_cast<int64_t>(u), &tensor};
  }
}

const TensorPlace& NamedTensors::Find(const std::string& name) const {
  const auto found = places_.find(name);
  if (found == places_.end()) throw NotFound("the model has no tensor '", name, "'");
  return found->second;
}

void NamedTensors::CheckKept(const TensorPlace& place, TensorKind kind, bool accumulated) const {
  if (kind == TensorKind::kWeight) return;
  const std::string& name = place.tensor->name;
  if (!plan_.trained.Trains(place.unit, *place.tensor)) {
    throw FailedPrecondition("the ", Name(kind), " of ", name, " is not there: the plan's freeze and train_only leave it out");
  }
  if (kind == TensorKind::kGradient) {
    if (plan_.purpose == Purpose::kForward || !plan_.gradient_store) {
      throw FailedPrecondition("the gradient of ", name, " is not kept: the plan's purpose is ", Name(plan_.purpose),
                               ", its optimizer timing ", Name(plan_.timing));
    }
    if (!accumulated)
      throw FailedPrecondition("the gradient of ", name, " is not there: nothing was accumulated since the last update");
    return;
  }
  if (plan_.purpose != Purpose::kTrain) {
    throw FailedPrecondition("the ", Name(kind), " of ", name, " is not there: the plan's purpose is ", Name(plan_.purpose));
  }
  if (kind == TensorKind::kSecondMoment && MomentCount(plan_.numerics.algorithm) < 2) {
    throw FailedPrecondition("the second moment of ", name, " is not there: optimizer ", Name(plan_.numerics.algorithm),
                             " has one moment");
  }
}

// Masters without a remainder are everywhere.
bool NamedTensors::IsShared(TensorKind kind) const {
  return plan_.sharded && (kind != TensorKind::kWeight || plan_.numerics.remainder);
}

void NamedTensors::Read(const TensorPlace& place, TensorKind kind, int64_t begin, int64_t n, float* out) const {
  EachRun(*place.tensor, begin, n, [&](int64_t at, int64_t done, int64_t run) {
    EachPiece(plan_.pieces, place.unit, at, run,
              [&](int64_t piece, int64_t from, int64_t count) { ReadPiece(piece, kind, from, count, out + done + (from - at)); });
  });
}

void NamedTensors::Write(const TensorPlace& place, TensorKind kind, int64_t begin, int64_t n, const float* values) {
  EachRun(*place.tensor, begin, n, [&](int64_t at, int64_t done, int64_t run) {
    EachPiece(plan_.pieces, place.unit, at, run, [&](int64_t piece, int64_t from, int64_t count) {
      WritePiece(piece, kind, from, count, values + done + (from - at));
    });
  });
}

// Frozen weights are held in the compute type. Where that is the source's value rounded, the source has it whole.
void NamedTensors::ReadToSave(const TensorPlace& place, int64_t begin, int64_t n, float* out) const {
  Read(place, TensorKind::kWeight, begin, n, out);
  if (plan_.trained.Trains(place.unit, *place.tensor) || store_.weight_type() == DType::kF32) return;
  std::vector<float> source(static_cast<size_t>(n));
  model_.weights().Read(*place.tensor, begin, n, source.data());
  for (int64_t i = 0; i < n; ++i) {
    const float whole = source[static_cast<size_t>(i)];
    if (Bf16ToFloat(SplitMaster(whole).hi) == out[i]) out[i] = whole;
  }
}

void NamedTensors::ReadPiece(int64_t piece, TensorKind kind, int64_t begin, int64_t n, float* out) const {
  IsShared(kind) ? ReadTogether(piece, kind, begin, n, out) : ReadElements(store_, piece, kind, begin, n, out);
}

// Of elements that other ranks own, too.
void NamedTensors::ReadTogether(int64_t piece, TensorKind kind, int64_t begin, int64_t n, float* out) const {
  // What is frozen has no owner, and is everywhere.
  if (kind == TensorKind::kWeight && !plan_.trained.all()) ReadElements(store_, piece, kind, begin, n, out);
  const auto each = [&](int64_t rank, const auto& work) {
    EachOwnedIn(plan_, plan_.pieces[piece], rank, begin, begin + n,
                [&](const PartPlan& range) { work(range.begin, range.end - range.begin, out + (range.begin - begin)); });
  };
  std::string own;
  each(all_ranks_.rank(), [&](int64_t from, int64_t count, float* to) {
    ReadElements(store_, piece, kind, from, count, to);
    own.append(reinterpret_cast<const char*>(to), static_cast<size_t>(count) * sizeof(float));
  });
  const std::vector<std::string> all = all_ranks_.Gather(own);
  for (size_t rank = 0; rank < all.size(); ++rank) {
    const std::string& theirs = all[rank];
    size_t at = 0;
    each(static_cast<int64_t>(rank), [&](int64_t, int64_t count, float* to) {
      const size_t bytes = static_cast<size_t>(count) * sizeof(float);
      HLM_CHECK(at + bytes <= theirs.size(), theirs.size(), " bytes of rank ", rank);
      std::memcpy(to, theirs.data() + at, bytes);
      at += bytes;
    });
  }
}

void NamedTensors::WritePiece(int64_t piece, TensorKind kind, int64_t begin, int64_t n, const float* values) {
  if (plan_.sharded && kind != TensorKind::kWeight) {
    return EachOwnedIn(plan_, plan_.pieces[piece], all_ranks_.rank(), begin, begin + n, [&](const PartPlan& range) {
      WriteElements(store_, piece, kind, range.begin, range.end - range.begin, values + (range.begin - begin));
    });
  }
  WriteElements(store_, piece, kind, begin, n, values);
}

}  // namespace hlm
