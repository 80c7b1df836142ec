// YAML as far as a file of options goes: one document of mappings, lists and scalars.
#ifndef HORIZON_LM_SAMPLES_HORIZON_CLI_YAML_H_
#define HORIZON_LM_SAMPLES_HORIZON_CLI_YAML_H_

#include <string>

#include "samples/horizon/base/json.h"

namespace horizon {

// Plain true, false and null (or nothing) are those; every other scalar is a string as it stands, since an option reads its own value: 1e-5
// and 0x10 are not changed on the way. Throws Error with `path` and the line; anchors, aliases, tags and names given twice are refused.
Json ParseYaml(const std::string& text, const std::string& path);

// A value on one line, in quotes where it would be read as something else.
std::string YamlScalar(const std::string& value);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_CLI_YAML_H_
