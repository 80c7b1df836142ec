// A folder that appears whole or not at all: it is written beside its target under another name and renamed at the end.
#ifndef HORIZON_LM_CORE_IO_STAGED_FOLDER_H_
#define HORIZON_LM_CORE_IO_STAGED_FOLDER_H_

#include <functional>
#include <string>

namespace hlm {

class StagedFolder {
 public:
  // Makes an empty folder beside `target`, whose parent must exist. A target that is a symbolic link stands for the folder it
  // leads to. ALREADY_EXISTS where the target is a folder with something in it and `overwrite` is false; INVALID_ARGUMENT where
  // it is no folder, or is or holds the working directory and would be replaced. `replaceable` is asked, now and when it is published,
  // where the target has something in it and would be overwritten: it throws where that must stay.
  StagedFolder(const std::string& target, bool overwrite, std::function<void(const std::string& target)> replaceable = nullptr);
  ~StagedFolder();  // removes what was not published
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  const std::string& path() const { return path_; }      // where to write
  const std::string& target() const { return target_; }  // absolute, links resolved

  // Makes the folder durable and gives it its name; a former folder of that name is removed. On an error the target is as it was.
  void Publish();

 private:
  void MoveIn();
  void MoveBack() noexcept;

  std::string target_, parent_, path_;
  std::string former_;  // where the replaced folder lies between MoveIn and its removal; empty where there was none
  bool overwrite_;
  std::function<void(const std::string&)> replaceable_;
  bool was_empty_ = false;  // the target was an empty folder
};

// Removes a folder and what is in it, as far as it can be removed. Allocates nothing with new, so it also cleans up where memory has
// run out.
void RemoveFolderQuietly(const std::string& path) noexcept;

// `path` lies below `folder`; both absolute and normal.
bool IsInside(const std::string& path, const std::string& folder);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_IO_STAGED_FOLDER_H_
