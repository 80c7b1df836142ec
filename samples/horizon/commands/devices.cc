// horizon devices
#include <cstdio>
#include <string>

#include "samples/horizon/base/text.h"
#include "samples/horizon/commands/command.h"
#include "samples/horizon/run/engine.h"

namespace horizon {

int RunDevices(const Options& options) {
  if (options.as_machine) {
    std::printf("%s\n", hlm::DescribeMachine(options.engine.device).c_str());
    return kExitOk;
  }
  // "auto" is what a run without --device takes, so it is worth a word in the list of all.
  const std::string& name = options.engine.device;
  const std::string chosen = hlm::DescribeDevice(name);
  const std::string list = hlm::ListDevices();
  const bool all = name == "auto";
  if (options.json) {
    std::printf("%s\n", Json::parse(all ? list : chosen).dump().c_str());
    return kExitOk;
  }
  const Json one = Json::parse(chosen);
  const Json devices = all ? Json::parse(list) : Json::array({one});
  for (const Json& device : devices) {
    const bool is_chosen = device.at("name") == one.at("name");
    std::printf("%s%s\n", device.at("name").get<std::string>().c_str(), all && is_chosen ? "  (taken by --device auto)" : "");
    for (const auto& [key, value] : device.items()) {
      if (key == "name") continue;
      std::string text = value.is_string() ? value.get<std::string>() : value.dump();
      if (key.ends_with("_bytes") && value.is_number_integer()) {
        text = FormatBytes(value.get<int64_t>()) + " (" + FormatCount(value.get<int64_t>()) + ")";
      }
      std::printf("  %-20s %s\n", key.c_str(), text.c_str());
    }
  }
  if (all && one.contains("reason")) {
    std::printf("auto takes %s: %s\n", one.at("name").get<std::string>().c_str(), one.at("reason").get<std::string>().c_str());
  }
  return kExitOk;
}

}  // namespace horizon
