#include "samples/horizon/run/checkpoints.h"

#include <filesystem>
#include <system_error>

#include "samples/horizon/base/activity.h"
#include "samples/horizon/base/handle.h"
#include "samples/horizon/base/text.h"

namespace horizon {

Checkpoints::Checkpoints(const RunOptions& run) : run_(run) {
  if (!on()) return;
  const std::string& folder = run.checkpoint_dir;
  if (std::filesystem::exists(folder + "/manifest.json")) {
    const std::string above = std::filesystem::path(folder + "/.").lexically_normal().parent_path().parent_path();
    throw Error(folder + ": is a checkpoint; --checkpoint-dir is the folder that holds it, " + (above.empty() ? "." : above));
  }
  const Json list = Json::parse(hlm::ListCheckpoints(folder));
  const Json& good = list.at("checkpoints");
  any_ = !good.empty() || !list.at("damaged").empty();
  if (run.resume == "must" && !any_) throw Error(folder + ": holds no checkpoint, and --resume must asks for one");
  if (any_ && !run.resumes()) {
    throw Error(folder + ": holds checkpoints of a run; pass --resume to go on from it, or another --checkpoint-dir");
  }
  if (!good.empty()) newest_bytes_ = good.front().at("bytes").get<int64_t>();
  if (!good.empty() && !run.allow_numerics_change) numerics_ = good.front().at("numerics").dump();
}

int64_t Checkpoints::Resume(Trainer& trainer, const Json& data, Progress& progress) {
  if (!on() || !run_.resumes()) return 0;
  if (!any_) {
    progress.Say(run_.checkpoint_dir + ": holds no checkpoint; the run starts anew");
    return 0;
  }
  hlm::ResumeOptions options;
  options.allow_numerics_change = run_.allow_numerics_change ? 1 : 0;
  const Json result = [&] {
    const Activity reading("reading the checkpoint", newest_bytes_);
    return Json::parse(trainer.Resume(run_.checkpoint_dir, options));
  }();
  for (const Json& bad : result.at("passed_over")) {
    progress.Warn(bad.at("path").get<std::string>() + " was passed over: " + bad.at("reason").get<std::string>());
  }
  const int64_t step = result.at("step").get<int64_t>();
  const std::string path = result.at("path").get<std::string>();
  const Json& text = result.at("user_data");
  if (text.is_string()) {
    const Json before = Json::parse(text.get<std::string>(), nullptr, false);
    if (before.is_object()) data_ = before;
    for (const auto& [key, value] : data.items()) {
      if (data_.contains(key) && data_.at(key) != value) {
        throw Error(path + ": was made with " + key + " " + data_.at(key).dump() + ", this run has " + value.dump() +
                    ": it would not go on as it was");
      }
    }
  }
  saved_ = step;
  progress.Say("resumed after step " + FormatCount(step) + " from " + path);
  return step;
}

void Checkpoints::AfterStep(Trainer& trainer, const Json& data, int64_t step, Progress& progress) {
  if (!on()) return;
  try {
    trainer.SaveWait(0);
  } catch (const ApiError& error) {
    progress.Warn(std::string("a checkpoint was not saved, training goes on: ") + error.what());
  }
  if (run_.save_every == 0 || step % run_.save_every != 0) return;
  try {
    Save(trainer, data, true);
    saved_ = step;
  } catch (const ApiError& error) {
    progress.Warn("the checkpoint of step " + std::to_string(step) + " was not saved, training goes on: " + error.what());
  }
}

void Checkpoints::SaveLast(Trainer& trainer, const Json& data, int64_t step, Progress& progress) {
  if (!on()) return;
  bool there = saved_ == step;
  try {
    trainer.SaveWait();
  } catch (const ApiError& error) {
    progress.Warn(std::string("a checkpoint was not saved: ") + error.what());
    there = false;
  }
  if (!there) Save(trainer, data, false);
  saved_ = step;
  progress.Say("checkpoint of step " + FormatCount(step) + " is in " + run_.checkpoint_dir);
}

// Waits for the one before it: two are never written at once.
void Checkpoints::SaveBest(Trainer& trainer, const Json& data, int64_t step, Progress& progress) {
  if (!on()) return;
  try {
    trainer.SaveWait();
    std::error_code failure;  // what cannot be made is told by the save
    std::filesystem::create_directory(run_.checkpoint_dir, failure);
    Save(trainer, best(), data, 1, true);
  } catch (const ApiError& error) {
    progress.Warn("the best checkpoint, of step " + std::to_string(step) + ", was not saved, training goes on: " + error.what());
  }
}

void Checkpoints::TakeBest(Trainer& trainer, const Group& group) const {
  group.Together([&] { trainer.SaveWait(); });
  trainer.Resume(best());
}

void Checkpoints::Save(Trainer& trainer, const Json& data, bool background) {
  // Whether the newest state is a good one is seen at the next step: the one before it stays until then.
  Save(trainer, run_.checkpoint_dir, data, background && run_.keep == 1 ? 2 : run_.keep, background);
}

void Checkpoints::Save(Trainer& trainer, const std::string& directory, const Json& data, int64_t keep, bool background) const {
  const std::string text = data.dump();
  hlm::CheckpointOptions options;
  options.keep = keep;
  options.background = background ? 1 : 0;
  options.user_data = text.c_str();
  trainer.Save(directory, options);
}

}  // namespace horizon
