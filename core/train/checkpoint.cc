// Saving a trainer's state, and going on from a saved one.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "core/io/file.h"
#include "core/io/json_text.h"
#include "core/io/json_writer.h"
#include "core/save/directory.h"
#include "core/save/identity.h"
#include "core/save/reader.h"
#include "core/save/unit_arrays.h"
#include "core/train/group_batch.h"
#include "core/train/state.h"

namespace hlm {
namespace {

const char* Name(Schedule schedule) {
  return schedule == Schedule::kConstant ? "constant" : schedule == Schedule::kLinear ? "linear" : "cosine";
}

// For the record: a run may go on with others.
JsonValue Settings(const TrainerOptions& options, double grad_clip) {
  const OptimizerOptions& o = options.optimizer;
  const ScheduleOptions& s = options.schedule;
  JsonWriter json;
  json.BeginObject();
  json.Member("lr", s.lr).Member("schedule", Name(s.schedule)).Member("warmup_steps", s.warmup_steps);
  json.Member("total_steps", s.total_steps).Member("min_lr_ratio", s.min_lr_ratio);
  json.Member("beta1", o.beta1).Member("beta2", o.beta2).Member("eps", o.eps).Member("weight_decay", o.weight_decay);
  json.Member("grad_clip", grad_clip);
  json.EndObject();
  return ParseJson(json.text(), "the settings");
}

JsonValue OwnNumerics(const Plan& plan) { return ParseJson(NumericsJson(plan.numerics), "the numerics"); }

// One array of the checkpoint and where its elements go.
struct Transfer {
  struct Run {
    int64_t begin, elements;  // of the array
    std::byte* to;
  };
  size_t unit;  // of the checkpoint
  const StoredArray* array;
  std::vector<Run> runs;

  void Read(const CheckpointReader& reader) const {
    if (runs.size() == 1 && runs.front().elements == array->elements) return reader.Read(unit, *array, runs.front().to);
    const auto size = static_cast<int64_t>(SizeOf(array->type));
    reader.ReadInto(unit, *array, [&](int64_t at, const std::byte* data, size_t bytes) {
      const int64_t end = at + static_cast<int64_t>(bytes);
      for (const Run& run : runs) {
        const int64_t from = std::max(at, run.begin * size), to = std::min(end, (run.begin + run.elements) * size);
        if (from < to) std::copy(data + (from - at), data + (to - at), run.to + (from - run.begin * size));
      }
    });
  }
};

// Where this process keeps arrays of a unit. Of a kind they follow each other: whole, or what the rank owns, but for weights, which all
// have. `leases`: of all pieces.
std::vector<CheckpointArray> KeptArrays(const Plan& plan, const std::vector<StateLease>& leases, int64_t unit, int64_t rank) {
  std::vector<CheckpointArray> kept;
  for (int64_t piece = plan.pieces.First(unit); piece < plan.pieces.First(unit + 1); ++piece) {
    std::vector<CheckpointArray> more = PieceArrays(plan, piece, rank);
    if (plan.sharded) {
      std::erase_if(more, [](const CheckpointArray& array) { return array.kind == ArrayKind::kWeights; });
      for (const CheckpointArray& array : PieceArrays(plan, piece)) {
        if (array.kind == ArrayKind::kWeights) more.push_back(array);
      }
    }
    PointInto(leases[static_cast<size_t>(piece)], more);
    kept.insert(kept.end(), more.begin(), more.end());
  }
  return kept;
}

std::vector<Transfer::Run> RunsOf(const StoredArray& stored, const std::vector<CheckpointArray>& kept) {
  std::vector<Transfer::Run> runs;
  for (const CheckpointArray& array : kept) {
    if (array.kind != stored.kind) continue;
    const int64_t from = std::max(stored.first, array.first),
                  to = std::min(stored.first + stored.elements, array.first + array.elements);
    if (from >= to) continue;
    const size_t size = SizeOf(array.type);
    std::byte* at =
        const_cast<std::byte*>(static_cast<const std::byte*>(array.data)) + static_cast<size_t>(from - array.first) * size;
    Transfer::Run* last = runs.empty() ? nullptr : &runs.back();
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

std::vector<Transfer> Transfers(const Plan& plan, const std::vector<StateLease>& leases, const CheckpointReader& reader,
                                int64_t rank) {
  std::vector<Transfer> transfers;
  const Manifest& manifest = reader.manifest();
  const auto refuse = [&](const std::string& what) {
    throw DataLoss(PrintablePath(reader.folder()), ": ", what, " is missing or of another size");
  };
  for (size_t u = 0; u < plan.units.size(); ++u) {
    const int64_t unit = static_cast<int64_t>(u);
    const std::string& name = plan.units[u].name;
    const std::vector<size_t> files = manifest.Of(name);
    if (files.empty()) refuse(name);
    std::vector<CheckpointArray> whole;  // as they must be there
    for (int64_t piece = plan.pieces.First(unit); piece < plan.pieces.First(unit + 1); ++piece) {
      const std::vector<CheckpointArray> more = PieceArrays(plan, piece);
      whole.insert(whole.end(), more.begin(), more.end());
    }
    const std::vector<CheckpointArray> kept = KeptArrays(plan, leases, unit, rank);
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
          std::vector<Transfer::Run> runs = RunsOf(array, kept);
          if (!runs.empty()) transfers.push_back({file, &array, std::move(runs)});
        }
      }
    }
  }
  return transfers;
}

// The folder itself where it is one checkpoint, else the checkpoints in it.
std::vector<FoundCheckpoint> Candidates(const std::string& path) {
  std::string name = path;
  while (name.size() > 1 && name.back() == '/') name.pop_back();
  if (!IsFolder(name)) throw NotFound(PrintablePath(path), ": no such folder");
  const bool one = StepOfName(name.substr(name.rfind('/') + 1)).has_value() || IsRegularFile(name + "/" + kManifestFile);
  std::vector<FoundCheckpoint> all;
  if (one) {
    all.push_back(LookAt(name));
  } else {
    all = FindCheckpoints(name);
  }
  if (all.empty()) throw NotFound(PrintablePath(path), ": holds no checkpoint");
  return all;
}

struct PassedOver {
  std::string path;
  Error error;
};

std::string ResumedJson(const FoundCheckpoint& found, const std::vector<PassedOver>& passed_over) {
  JsonWriter json;
  json.BeginObject();
  json.Member("step", found.manifest->step).Member("path", found.path);
  json.Key("user_data");
  found.manifest->user_data ? json.Value(*found.manifest->user_data) : json.Null();
  json.Key("passed_over").BeginArray();
  for (const PassedOver& one : passed_over)
    json.BeginObject().Member("path", one.path).Member("reason", one.error.message()).EndObject();
  json.EndArray();
  json.EndObject();
  return json.Take();
}

}  // namespace

void Trainer::Save(const std::string& directory, const CheckpointOptions& options) {
  State& s = *state_;
  if (s.plan->purpose != Purpose::kTrain) {
    throw FailedPrecondition("the plan's purpose is ", hlm::Name(s.plan->purpose), ": it has no optimizer states to save");
  }
  if (s.accumulated) throw FailedPrecondition("a gradient was accumulated and not applied: apply or discard it before saving");
  s.CheckWhole();
  if (s.group != nullptr && !s.plan->sharded && s.group->rank() != 0) return;  // all have the same state, and rank 0 writes it
  BackgroundSave::Request request;
  request.directory = directory;
  request.keep = options.keep;
  request.waited_for = !options.background;
  request.info.model = s.model;
  request.info.source_dtype = s.model->source_dtype().value_or(s.store.weight_type());
  request.info.step = s.step;
  request.info.updates = s.updates;
  request.info.expert_updates = s.expert_updates;
  if (s.fixed_lr >= 0) request.info.fixed_lr = s.fixed_lr;
  request.info.identity = ModelIdentity(s.model->spec());
  request.info.numerics = OwnNumerics(*s.plan);
  request.info.settings = Settings(s.options, s.plan->grad_clip);
  request.info.user_data = options.user_data;
  s.plan->sharded ? s.PrepareSave(std::move(request)) : s.saver.Prepare(std::move(request));
  try {
    // Behind the updates of the last step, in front of those of the next: the state is the one between them.
    s.updater->MakeUpAll();
    s.updater->AfterUpdates([&s](std::exception_ptr failed_update) {
      if (failed_update) {
        s.saver.Fail(failed_update);
      } else {
        s.saver.Begin();
      }
    });
  } catch (...) {
    s.saver.Drop();
    throw;
  }
  if (!options.background) s.saver.WaitForThis();
}

// Rank 0 begins the folder and tells the others, which write into it, where it is. All of them are ready behind this, or none.
void Trainer::State::PrepareSave(BackgroundSave::Request request) {
  std::optional<Error> failed;
  bool prepared = false;
  const auto prepare = [&] {
    try {
      saver.Prepare(request);
      prepared = true;
    } catch (const Error& error) {
      failed = error;
    }
  };
  const auto agree = [&](const char* what) {
    std::vector<std::string> all;
    Agreeing([&] { all = Agree(*group, failed, StrCat(what, " of step ", step), prepared ? saver.Begun() : ""); });
    return all.front();
  };
  try {
    if (group->rank() == 0) prepare();
    request.begun = agree("a save");
    if (group->rank() != 0) prepare();
    agree("a save that has begun");
  } catch (...) {
    if (prepared) saver.Drop();
    throw;
  }
}

// A checkpoint of a run that did not skip the unrouted has updated every expert each time.
void Trainer::State::ResumeExpertUpdates(const std::vector<std::vector<int64_t>>& stored) {
  for (size_t r = 0; r < expert_updates.size(); ++r) {
    const bool there = r < stored.size() && stored[r].size() == expert_updates[r].size();
    for (size_t e = 0; e < expert_updates[r].size(); ++e) expert_updates[r][e] = there ? stored[r][e] : updates;
  }
}

// What is damaged for one rank is passed over by all; what else one cannot read ends the call for all.
std::optional<Error> Trainer::State::AgreeOnResume(const std::string& path, const std::optional<Error>& own) {
  if (group == nullptr) return own;
  const bool damage = own && own->code() == Code::kDataLoss;
  std::vector<std::string> all;
  Agreeing(
      [&] { all = Agree(*group, damage ? std::nullopt : own, StrCat("resuming from ", path), damage ? own->message() : ""); });
  if (own) return own;
  for (size_t r = 0; r < all.size(); ++r) {
    if (!all[r].empty()) return DataLoss("rank ", r, ": ", all[r]);
  }
  return std::nullopt;
}

bool Trainer::SaveWait(double seconds) { return state_->saver.Wait(seconds); }

std::string Trainer::Resume(const std::string& path, bool allow_numerics_change) {
  State& s = *state_;
  if (s.plan->purpose != Purpose::kTrain) {
    throw FailedPrecondition("the plan's purpose is ", hlm::Name(s.plan->purpose), ": it has no room for optimizer states");
  }
  if (s.failure) throw *s.failure;
  Finish();
  s.saver.WaitUntilIdle();
  const JsonValue model = ModelIdentity(s.model->spec()), numerics = OwnNumerics(*s.plan);
  std::vector<PassedOver> passed_over;
  std::vector<FoundCheckpoint> candidates;
  std::optional<Error> unseen;
  try {
    candidates = Candidates(path);
  } catch (const Error& error) {
    if (s.group == nullptr) throw;
    unseen = error;
  }
  s.AgreeOnResume(path, unseen);
  for (FoundCheckpoint& found : candidates) {
    if (found.newer) throw *found.error;
    if (found.error) {
      passed_over.push_back({found.path, *found.error});
      continue;
    }
    CheckSame(found.path, "model", found.manifest->model, model);
    CheckSameNumerics(found.path, found.manifest->numerics, numerics, allow_numerics_change);
    const std::string result = ResumedJson(found, passed_over);
    std::optional<Error> damaged;
    try {
      const CheckpointReader reader(found.path, *found.manifest);
      for (int64_t piece = 0; piece < s.plan->pieces.size(); ++piece) s.frozen.BeforeChange(piece);
      std::vector<StateLease> leases;
      for (int64_t piece = 0; piece < s.plan->pieces.size(); ++piece) leases.push_back(s.store.States(piece, LeaseKind::kChange));
      const std::vector<Transfer> transfers = Transfers(*s.plan, leases, reader, s.rank());
      s.Forget();
      s.half_resumed = true;
      s.pool.ParallelFor(static_cast<int64_t>(transfers.size()),
                         [&](int64_t item) { transfers[static_cast<size_t>(item)].Read(reader); });
      for (StateLease& lease : leases) lease.Commit();
    } catch (const Error& error) {
      if (error.code() != Code::kDataLoss && s.group == nullptr) throw;
      damaged = error;
    }
    damaged = s.AgreeOnResume(found.path, damaged);
    if (damaged) {
      passed_over.push_back({found.path, *damaged});
      continue;
    }
    s.step = found.manifest->step;
    s.updates = found.manifest->updates;
    s.ResumeExpertUpdates(found.manifest->expert_updates);
    s.fixed_lr = found.manifest->fixed_lr.value_or(-1);
    s.half_resumed = false;
    return result;
  }
  // A newer format is no damage; where the checksum does not fit it may be either.
  const auto newer = std::find_if(passed_over.begin(), passed_over.end(),
                                  [](const PassedOver& one) { return one.error.code() == Code::kUnimplemented; });
  if (newer != passed_over.end()) throw newer->error;
  std::string reasons;
  for (const PassedOver& one : passed_over) reasons += (reasons.empty() ? "" : "; ") + one.error.message();
  throw DataLoss(PrintablePath(path), ": every checkpoint is damaged: ", reasons);
}

}  // namespace hlm
