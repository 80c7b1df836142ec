// The shapes of well-known models, as published in their config.json files.
#ifndef HORIZON_LM_SAMPLES_HORIZON_OPTIONS_PRESETS_H_
#define HORIZON_LM_SAMPLES_HORIZON_OPTIONS_PRESETS_H_

#include <string>
#include <vector>

namespace horizon {

std::vector<std::string> PresetNames();

// Empty for the name of a preset; else what is wrong with it, with the nearest one.
std::string CheckPreset(const std::string& name);

// The text of the preset's config.json; throws UsageError with the names there are where it is none.
std::string PresetConfig(const std::string& name);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_OPTIONS_PRESETS_H_
