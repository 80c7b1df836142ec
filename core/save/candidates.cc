#include "core/save/candidates.h"

#include <algorithm>

#include "core/io/file.h"
#include "core/io/json_text.h"
#include "core/io/json_writer.h"

namespace hlm {

void Candidates::Find() {
  std::string name = path_;
  while (name.size() > 1 && name.back() == '/') name.pop_back();
  if (!IsFolder(name)) throw NotFound(PrintablePath(path_), ": no such folder");
  const bool one = StepOfName(name.substr(name.rfind('/') + 1)).has_value() || IsRegularFile(name + "/" + kManifestFile);
  if (one) {
    found_.push_back(LookAt(name));
  } else {
    found_ = FindCheckpoints(name);
  }
  if (found_.empty()) throw NotFound(PrintablePath(path_), ": holds no checkpoint");
}

const FoundCheckpoint* Candidates::Next() {
  while (next_ < found_.size()) {
    const FoundCheckpoint& found = found_[next_++];
    if (found.newer) throw *found.error;
    if (!found.error) return &found;
    PassOver(*found.error);
  }
  return nullptr;
}

std::string Candidates::ResumedJson() const {
  const FoundCheckpoint& found = found_[next_ - 1];
  JsonWriter json;
  json.BeginObject();
  json.Member("step", found.manifest->step).Member("path", found.path);
  json.Key("user_data");
  found.manifest->user_data ? json.Value(*found.manifest->user_data) : json.Null();
  json.Key("passed_over").BeginArray();
  for (const PassedOver& one : passed_over_)
    json.BeginObject().Member("path", one.path).Member("reason", one.error.message()).EndObject();
  json.EndArray();
  json.EndObject();
  return json.Take();
}

void Candidates::ThrowNone() const {
  // A newer format is no damage; where the checksum does not fit it may be either.
  const auto newer = std::find_if(passed_over_.begin(), passed_over_.end(),
                                  [](const PassedOver& one) { return one.error.code() == Code::kUnimplemented; });
  if (newer != passed_over_.end()) throw newer->error;
  std::string reasons;
  for (const PassedOver& one : passed_over_) reasons += (reasons.empty() ? "" : "; ") + one.error.message();
  throw DataLoss(PrintablePath(path_), ": every checkpoint is damaged: ", reasons);
}

}  // namespace hlm
