#include "samples/horizon/run/saving.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>
#include <vector>

#include "samples/horizon/base/activity.h"
#include "samples/horizon/base/json.h"

namespace horizon {
namespace {

namespace fs = std::filesystem;

// Of a path that need not be there: absolute, links resolved as far as they lead.
fs::path Resolved(const std::string& path) {
  std::error_code failure;
  const fs::path whole = fs::weakly_canonical(fs::absolute(path, failure), failure);
  return whole.has_filename() ? whole : whole.parent_path();
}

bool IsInsideOrSame(const fs::path& path, const fs::path& folder) {
  const fs::path rest = path.lexically_relative(folder);
  return !rest.empty() && *rest.begin() != "..";
}

bool OnOneFileSystem(const std::string& a, const std::string& b) {
  const auto device = [](fs::path path) {
    struct stat status {};
    while (stat(path.c_str(), &status) != 0 && path.has_relative_path()) path = path.parent_path();
    return status.st_dev;
  };
  return device(Resolved(a)) == device(Resolved(b));
}

int64_t CheckpointsIn(const std::string& directory) {
  return static_cast<int64_t>(Json::parse(hlm::ListCheckpoints(directory)).at("checkpoints").size());
}

std::string TemporaryFolder() {
  const char* folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/tmp";
}

}  // namespace

// A folder that is replaced at the run's end must not hold what else the run writes.
void CheckApartFromOut(const RunOptions& run) {
  if (run.out.empty()) return;
  const fs::path out = Resolved(run.out);
  const std::pair<const char*, const std::string*> others[] = {{"--checkpoint-dir", &run.checkpoint_dir},
                                                               {"--log-json", &run.log_json},
                                                               {"--tensorboard", &run.tensorboard},
                                                               {"--trace", &run.trace},
                                                               {"--report", &run.report}};
  for (const auto& [option, path] : others) {
    if (path->empty() || !IsInsideOrSame(Resolved(*path), out)) continue;
    throw Error(std::string(option) + " " + *path + ": lies in --out " + run.out + ", which is written as a whole at the end");
  }
}

hlm_save_options SaveOptionsOf(const RunOptions& run) {
  hlm::SaveOptions save;
  save.dtype = run.save_dtype;
  save.overwrite = run.overwrite ? 1 : 0;
  return save;
}

int64_t BytesOfOut(const Model& model, const RunOptions& run, bool f32) {
  if (run.out.empty()) return 0;
  hlm_save_options save = SaveOptionsOf(run);
  const Json description = Json::parse(model.Describe());
  const bool given = save.dtype != HLM_DTYPE_AUTO && save.dtype != HLM_DTYPE_SOURCE;
  if (!given && f32 && description.at("source_dtype").is_null()) save.dtype = HLM_DTYPE_F32;
  try {
    return model.CheckSave(run.out, save);
  } catch (const ApiError& error) {
    if (error.code() != HLM_ALREADY_EXISTS) throw;
    throw ApiError(error.code(), run.out + ": exists and is not empty; pass --overwrite to replace it");
  }
}

void CheckOut(const Model& model, const RunOptions& run, bool f32) {
  BytesOfOut(model, run, f32);
  if (run.out.empty() || run.save_dtype != HLM_DTYPE_AUTO) return;
  const Json packed = Json::parse(model.Describe()).at("source_quantization");
  if (packed.is_null()) return;
  const std::string type = packed.get<std::string>();
  std::fprintf(stderr, "note: the model's weights are in %s; --out will have them in bf16 (--save-dtype source: in %s)\n",
               type.c_str(), type.c_str());
}

void CheckCheckpointDir(const RunOptions& run, int64_t bytes, int64_t saves, int64_t out_bytes) {
  if (run.checkpoint_dir.empty()) return;
  // While one is written the older ones are still there.
  const int64_t most = run.keep > 0 ? std::min(saves, run.keep + 1) : saves;
  const int64_t best = run.keep_best ? 2 : 0;  // the better one is whole before the other goes
  const int64_t more = std::max<int64_t>(most - CheckpointsIn(run.checkpoint_dir), 1) + best;
  int64_t needed = 0;
  if (__builtin_mul_overflow(bytes, more, &needed)) needed = INT64_MAX;
  if (!run.out.empty() && OnOneFileSystem(run.out, run.checkpoint_dir) && __builtin_add_overflow(needed, out_bytes, &needed))
    needed = INT64_MAX;
  hlm::CheckCheckpoints(run.checkpoint_dir, needed);
}

void SaveModel(Trainer& trainer, const RunOptions& run, int64_t step) {
  if (run.out.empty()) return;
  hlm_save_options save = SaveOptionsOf(run);
  const Activity saving("saving " + run.out);
  try {
    trainer.SaveModel(run.out, save);
    return;
  } catch (const ApiError& failure) {
    save.overwrite = 0;
    const std::string name = "model-of-step-" + std::to_string(step);
    std::vector<std::string> places;
    if (!run.checkpoint_dir.empty()) places.push_back(run.checkpoint_dir + "/" + name);
    places.push_back(TemporaryFolder() + "/horizon-" + name + "-" + std::to_string(getpid()));
    std::string message = failure.what();
    bool saved = false;
    for (size_t i = 0; i < places.size() && !saved; ++i) {
      try {
        trainer.SaveModel(places[i], save);
        message += "; the model was saved to " + places[i] + " instead";
        saved = true;
      } catch (const ApiError& next) {
        message += "; nor could it be saved to " + places[i] + ": " + next.what();
      }
    }
    throw ApiError(failure.code(), message);
  }
}

}  // namespace horizon
