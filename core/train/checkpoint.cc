// Saving a trainer's state, and going on from a saved one.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/io/json_text.h"
#include "core/io/json_writer.h"
#include "core/save/candidates.h"
#include "core/save/identity.h"
#include "core/save/reader.h"
#include "core/save/state_reader.h"
#include "core/train/state.h"

namespace hlm {
namespace {

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

// Rank 0 begins the folder and tells the others, which write into it, where it is. All of them are ready behind this, or none.
void PrepareTogether(AllRanks& all_ranks, BackgroundSave& saver, BackgroundSave::Request request) {
  const int64_t step = request.info.step;
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
    return all_ranks.Agree(failed, StrCat(what, " of step ", step), prepared ? saver.Begun() : "").front();
  };
  try {
    if (all_ranks.rank() == 0) prepare();
    request.begun = agree("a save");
    if (all_ranks.rank() != 0) prepare();
    agree("a save that has begun");
  } catch (...) {
    if (prepared) saver.Drop();
    throw;
  }
}

// What is damaged for one rank is passed over by all; what else one cannot read ends the call for all.
std::optional<Error> AgreeOnDamage(AllRanks& all_ranks, const std::string& path, const std::optional<Error>& own) {
  if (all_ranks.alone()) return own;
  const bool damage = own && own->code() == Code::kDataLoss;
  const std::vector<std::string> all =
      all_ranks.Agree(damage ? std::nullopt : own, StrCat("resuming from ", path), damage ? own->message() : "");
  if (own) return own;
  for (size_t r = 0; r < all.size(); ++r) {
    if (!all[r].empty()) return DataLoss("rank ", r, ": ", all[r]);
  }
  return std::nullopt;
}

}  // namespace

void Trainer::Save(const std::string& directory, const CheckpointOptions& options) {
  State& s = *state_;
  const Model& model = *s.engine.model;
  const Plan& plan = *s.engine.plan;
  AllRanks& all_ranks = s.engine.all_ranks;
  BackgroundSave& saver = s.engine.saver;
  if (plan.purpose != Purpose::kTrain) {
    throw FailedPrecondition("the plan's purpose is ", hlm::Name(plan.purpose), ": it has no optimizer states to save");
  }
  if (s.accumulated.any()) {
    throw FailedPrecondition("a gradient was accumulated and not applied: apply or discard it before saving");
  }
  s.engine.health.CheckWhole();
  if (!plan.sharded && all_ranks.rank() != 0) return;  // all have the same state, and rank 0 writes it
  BackgroundSave::Request request;
  request.directory = directory;
  request.keep = options.keep;
  request.waited_for = !options.background;
  request.info.model = s.engine.model;
  request.info.source_dtype = model.source_dtype().value_or(s.engine.store.weight_type());
  s.position.Save(request.info);
  request.info.identity = ModelIdentity(model.spec());
  request.info.numerics = OwnNumerics(plan);
  request.info.settings = Settings(s.options, plan.grad_clip);
  request.info.user_data = options.user_data;
  plan.sharded ? PrepareTogether(all_ranks, saver, std::move(request)) : saver.Prepare(std::move(request));
  try {
    // Behind the updates of the last step, in front of those of the next: the state is the one between them.
    s.engine.updater->MakeUpAll();
    s.engine.updater->AfterUpdates([&saver](const std::exception_ptr& failed_update) {
      if (failed_update) {
        saver.Fail(failed_update);
      } else {
        saver.Begin();
      }
    });
  } catch (...) {
    saver.Drop();
    throw;
  }
  if (!options.background) saver.WaitForThis();
}

bool Trainer::SaveWait(double seconds) { return state_->engine.saver.Wait(seconds); }

std::string Trainer::Resume(const std::string& path, bool allow_numerics_change) {
  State& s = *state_;
  Engine& engine = s.engine;
  const Plan& plan = *engine.plan;
  if (plan.purpose != Purpose::kTrain) {
    throw FailedPrecondition("the plan's purpose is ", hlm::Name(plan.purpose), ": it has no room for optimizer states");
  }
  engine.health.CheckFailure();
  Finish();
  engine.saver.WaitUntilIdle();
  const JsonValue model = ModelIdentity(engine.model->spec()), numerics = OwnNumerics(plan);
  Candidates candidates(path);
  std::optional<Error> unseen;
  try {
    candidates.Find();
  } catch (const Error& error) {
    if (engine.all_ranks.alone()) throw;
    unseen = error;
  }
  AgreeOnDamage(engine.all_ranks, path, unseen);
  while (const FoundCheckpoint* found = candidates.Next()) {
    CheckSame(found->path, "model", found->manifest->model, model);
    CheckSameNumerics(found->path, found->manifest->numerics, numerics, allow_numerics_change);
    std::optional<Error> damaged;
    try {
      const CheckpointReader reader(found->path, *found->manifest);
      for (int64_t piece = 0; piece < plan.pieces.size(); ++piece) engine.frozen.BeforeChange(piece);
      StateReader state(plan, engine.store, reader, engine.all_ranks.rank());
      s.accumulated.Forget();
      engine.health.ResumeBegins();
      state.Read(engine.pool);
    } catch (const Error& error) {
      if (error.code() != Code::kDataLoss && engine.all_ranks.alone()) throw;
      damaged = error;
    }
    damaged = AgreeOnDamage(engine.all_ranks, found->path, damaged);
    if (damaged) {
      candidates.PassOver(*damaged);
      continue;
    }
    s.position.Resume(*found->manifest);
    engine.health.ResumeEnds();
    return candidates.ResumedJson();
  }
  candidates.ThrowNone();
}

}  // namespace hlm
