// CheckpointWriter: one checkpoint, written unit by unit into a folder that appears whole or not at all.
#ifndef HORIZON_LM_CORE_SAVE_WRITER_H_
#define HORIZON_LM_CORE_SAVE_WRITER_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/io/file.h"
#include "core/io/staged_folder.h"
#include "core/model/model.h"
#include "core/save/array.h"
#include "core/save/directory.h"
#include "core/save/manifest.h"

namespace hlm {

// What a checkpoint says beside its arrays.
struct CheckpointInfo {
  std::shared_ptr<const Model> model;
  DType source_dtype = DType::kBF16;
  int64_t step = 0, updates = 0;
  std::vector<std::vector<int64_t>> expert_updates;
  std::optional<double> fixed_lr;
  JsonValue identity, numerics, settings;  // of the model, of the plan, of the optimizer and its schedule
  std::optional<std::string> user_data;
};

class CheckpointWriter {
 public:
  // Makes the directory where it is missing (its parent must exist), removes what killed processes left in it, and begins a
  // folder there that gets the name of its step at the end; a former checkpoint of that step is replaced.
  CheckpointWriter(const std::string& directory, CheckpointInfo info);
  // Writes into a folder that rank 0 has begun, and finishes.
  CheckpointWriter(std::string path, int64_t rank);
  ~CheckpointWriter();  // removes what was not finished
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  // When this returns the arrays may change: their bytes have been taken over, though they need not be on the medium yet.
  void WriteUnit(const std::string& name, const std::vector<CheckpointArray>& arrays);
  // What this rank has written, once it is on the medium.
  std::string Written();
  // Everything is on the medium and has its name. `others`: what the other ranks have written.
  void Finish(const std::vector<std::string>& others = {});

  const std::string& path() const { return path_; }  // where it is being written

 private:
  void WriteModelFiles();

  CheckpointInfo info_;
  Manifest manifest_;
  std::optional<StagedFolder> staged_;
  std::string path_;
  std::string suffix_;  // of this rank's files
  std::optional<FolderLock> lock_;
  std::deque<std::unique_ptr<OutputFile>> unsynced_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_SAVE_WRITER_H_
