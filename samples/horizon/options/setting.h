// An option as a command was run with it.
#ifndef HORIZON_LM_SAMPLES_HORIZON_OPTIONS_SETTING_H_
#define HORIZON_LM_SAMPLES_HORIZON_OPTIONS_SETTING_H_

#include <string>

namespace horizon {

struct Setting {
  std::string name, value;
  bool given;  // on the command line; else it is the default
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_OPTIONS_SETTING_H_
