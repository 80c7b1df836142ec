// Checkpoints: saving a trainer's state beside training, and going on from it.
#include <cmath>
#include <string>
#include <string_view>

#include "c_api/check.h"
#include "c_api/internal.h"
#include "core/base/utf8.h"
#include "core/model/save_check.h"
#include "core/save/checkpoint_list.h"
#include "core/train/trainer.h"

namespace hlm::capi {
namespace {

hlm_checkpoint_options SaveDefaults() {
  const CheckpointOptions own;
  return {sizeof(hlm_checkpoint_options), own.keep, own.background ? 1 : 0, nullptr};
}

hlm_resume_options ResumeDefaults() { return {sizeof(hlm_resume_options), 0, 0}; }

std::string ReadUserData(const char* text) {
  const std::string_view whole = text;
  for (size_t at = 0; at < whole.size();) {
    const size_t length = Utf8SequenceLength(whole.substr(at));
    if (length == 0) throw InvalidArgument("user_data is not UTF-8 at byte ", at);
    at += length;
  }
  return std::string(whole);
}

}  // namespace
}  // namespace hlm::capi

using namespace hlm::capi;  // NOLINT: the functions below are this file's purpose

extern "C" {

void hlm_checkpoint_options_init_sized(hlm_checkpoint_options* options, size_t struct_size) {
  InitStruct(options, struct_size, SaveDefaults());
}

void hlm_resume_options_init_sized(hlm_resume_options* options, size_t struct_size) {
  InitStruct(options, struct_size, ResumeDefaults());
}

hlm_error* hlm_trainer_save(hlm_trainer* trainer, const char* directory, const hlm_checkpoint_options* options) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const std::string path = NotEmpty(directory, "directory");
    const hlm_checkpoint_options given = ReadStruct(options, SaveDefaults());
    CheckAtLeast(given.keep, 0, "keep");
    hlm::CheckpointOptions own;
    own.keep = given.keep;
    own.background = ReadBool(given.background, "background");
    if (given.user_data != nullptr) own.user_data = ReadUserData(given.user_data);
    const Use use(trainer->in_use, "the trainer");
    trainer->trainer->Save(path, own);
  });
}

hlm_error* hlm_trainer_save_wait(hlm_trainer* trainer, double seconds, int32_t* out_done) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    if (std::isnan(seconds)) throw hlm::InvalidArgument("seconds is NaN; it must be a number (negative: no limit)");
    const Use use(trainer->in_use, "the trainer");
    const bool done = trainer->trainer->SaveWait(seconds);
    if (out_done != nullptr) *out_done = done ? 1 : 0;
  });
}

hlm_error* hlm_trainer_resume(hlm_trainer* trainer, const char* path, const hlm_resume_options* options, char** out_json) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const std::string from = NotEmpty(path, "path");
    const hlm_resume_options given = ReadStruct(options, ResumeDefaults());
    if (given.reserved != 0) throw hlm::InvalidArgument("reserved is ", given.reserved, "; it must be 0");
    const bool allow = ReadBool(given.allow_numerics_change, "allow_numerics_change");
    const Use use(trainer->in_use, "the trainer");
    const std::string json = trainer->trainer->Resume(from, allow);
    if (out_json != nullptr) *out_json = CopyString(json);
  });
}

hlm_error* hlm_checkpoint_check(const char* directory, int64_t bytes) {
  return Guard([&] {
    const std::string path = NotEmpty(directory, "directory");
    CheckAtLeast(bytes, 0, "bytes");
    hlm::CheckCheckpoints(path, bytes);
  });
}

hlm_error* hlm_checkpoint_list(const char* directory, char** out_json) {
  return Guard([&] {
    const std::string path = NotEmpty(directory, "directory");
    NotNull(out_json, "out_json");
    *out_json = CopyString(hlm::CheckpointListJson(path));
  });
}

}  // extern "C"
