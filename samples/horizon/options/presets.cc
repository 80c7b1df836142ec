#include "samples/horizon/options/presets.h"

#include "samples/horizon/base/error.h"
#include "samples/horizon/base/nearest.h"
#include "samples/horizon/options/preset_files.h"

namespace horizon {

std::vector<std::string> PresetNames() {
  std::vector<std::string> names;
  for (const auto& preset : kPresetFiles) names.push_back(preset.name);
  return names;
}

std::string CheckPreset(const std::string& name) {
  std::string known;
  for (const auto& preset : kPresetFiles) {
    if (name == preset.name) return "";
    known += std::string(known.empty() ? "" : ", ") + preset.name;
  }
  return "'" + name + "' is not one of " + known + DidYouMean(name, PresetNames());
}

std::string PresetConfig(const std::string& name) {
  for (const auto& preset : kPresetFiles) {
    if (name == preset.name) return preset.text;
  }
  throw UsageError("--preset: " + CheckPreset(name));
}

}  // namespace horizon
