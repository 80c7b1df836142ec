#include "core/save/checkpoint_list.h"

#include <vector>

#include "core/base/error.h"
#include "core/io/json_writer.h"
#include "core/save/directory.h"

namespace hlm {

std::string CheckpointListJson(const std::string& directory) {
  std::vector<FoundCheckpoint> all;
  try {
    all = FindCheckpoints(directory);
  } catch (const Error& error) {
    if (error.code() != Code::kNotFound) throw;
  }
  JsonWriter json;
  json.BeginObject();
  json.Key("checkpoints").BeginArray();
  for (const FoundCheckpoint& found : all) {
    if (!found.manifest) continue;
    const Manifest& manifest = *found.manifest;
    json.BeginObject();
    json.Member("path", found.path).Member("step", manifest.step).Member("bytes", manifest.Bytes());
    manifest.numerics.Write(json.Key("numerics"));
    json.Key("user_data");
    manifest.user_data ? json.Value(*manifest.user_data) : json.Null();
    json.EndObject();
  }
  json.EndArray();
  json.Key("damaged").BeginArray();
  for (const FoundCheckpoint& found : all) {
    if (found.error) json.BeginObject().Member("path", found.path).Member("reason", found.error->message()).EndObject();
  }
  json.EndArray();
  json.EndObject();
  return json.Take();
}

}  // namespace hlm
