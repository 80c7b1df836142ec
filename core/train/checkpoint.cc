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

// One array of the checkpoint and where it goes.
struct Transfer {
  size_t unit;  // of the checkpoint
  const StoredArray* array;
  std::byte* to;
};

// The store's arrays of one kind follow each other, however its pieces and parts are cut: the first one's address is the unit's.
// `leases`: of all pieces.
std::vector<Transfer> Transfers(const Plan& plan, const std::vector<StateLease>& leases, const CheckpointReader& reader) {
  std::vector<Transfer> transfers;
  const std::vector<StoredUnit>& stored = reader.manifest().units;
  const auto refuse = [&](const std::string& what) {
    throw DataLoss(PrintablePath(reader.folder()), ": ", what, " is missing or of another size");
  };
  for (size_t u = 0; u < plan.units.size(); ++u) {
    // In the order in which they were written.
    size_t at = 0;
    while (at < stored.size() && stored[at].name != plan.units[u].name) ++at;
    if (at == stored.size()) refuse(plan.units[u].name);
    const StoredUnit& unit = stored[at];
    std::vector<CheckpointArray> own;
    for (int64_t piece = plan.pieces.First(static_cast<int64_t>(u)); piece < plan.pieces.First(static_cast<int64_t>(u) + 1);
         ++piece) {
      std::vector<CheckpointArray> more = PieceArrays(plan, piece);
      PointInto(leases[static_cast<size_t>(piece)], more);
      own.insert(own.end(), more.begin(), more.end());
    }
    for (const ArrayKind kind : kArrayKinds) {
      int64_t elements = 0;
      const CheckpointArray* first = nullptr;
      for (const CheckpointArray& array : own) {
        if (array.kind != kind) continue;
        if (first == nullptr) first = &array;
        elements += array.elements;
      }
      const std::string what = StrCat(plan.units[u].name, " ", Name(kind));
      if (unit.Elements(kind) != elements) refuse(what);
      for (const StoredArray& array : unit.arrays) {
        if (array.kind != kind) continue;
        if (array.type != first->type) refuse(what);
        std::byte* base = const_cast<std::byte*>(static_cast<const std::byte*>(first->data));
        transfers.push_back({at, &array, base + static_cast<size_t>(array.first) * SizeOf(array.type)});
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
  if (s.group != nullptr && s.group->rank() != 0) return;  // every rank has the same state, and rank 0 writes it
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
  s.saver.Prepare(std::move(request));
  try {
    // Behind the updates of the last step, in front of those of the next: the state is the one between them.
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

// A checkpoint of a run that did not skip the unrouted has updated every expert each time.
void Trainer::State::ResumeExpertUpdates(const std::vector<std::vector<int64_t>>& stored) {
  for (size_t r = 0; r < expert_updates.size(); ++r) {
    const bool there = r < stored.size() && stored[r].size() == expert_updates[r].size();
    for (size_t e = 0; e < expert_updates[r].size(); ++e) expert_updates[r][e] = there ? stored[r][e] : updates;
  }
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
  for (FoundCheckpoint& found : Candidates(path)) {
    if (found.newer) throw *found.error;
    if (found.error) {
      passed_over.push_back({found.path, *found.error});
      continue;
    }
    CheckSame(found.path, "model", found.manifest->model, model);
    CheckSameNumerics(found.path, found.manifest->numerics, numerics, allow_numerics_change);
    try {
      const CheckpointReader reader(found.path, *found.manifest);
      const std::string result = ResumedJson(found, passed_over);
      for (int64_t piece = 0; piece < s.plan->pieces.size(); ++piece) s.frozen.BeforeChange(piece);
      std::vector<StateLease> leases;
      for (int64_t piece = 0; piece < s.plan->pieces.size(); ++piece) leases.push_back(s.store.States(piece, LeaseKind::kChange));
      const std::vector<Transfer> transfers = Transfers(*s.plan, leases, reader);
      s.Forget();
      s.half_resumed = true;
      s.pool.ParallelFor(static_cast<int64_t>(transfers.size()), [&](int64_t item) {
        const Transfer& one = transfers[static_cast<size_t>(item)];
        reader.Read(one.unit, *one.array, one.to);
      });
      for (StateLease& lease : leases) lease.Commit();
      s.step = found.manifest->step;
      s.updates = found.manifest->updates;
      s.ResumeExpertUpdates(found.manifest->expert_updates);
      s.fixed_lr = found.manifest->fixed_lr.value_or(-1);
      s.half_resumed = false;
      return result;
    } catch (const Error& error) {
      if (error.code() != Code::kDataLoss) throw;
      passed_over.push_back({found.path, error});
    }
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
