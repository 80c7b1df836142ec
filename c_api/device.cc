#include "c_api/check.h"
#include "c_api/internal.h"
#include "core/machine/devices.h"

using hlm::capi::CopyString;
using hlm::capi::Guard;
using hlm::capi::NotEmpty;
using hlm::capi::NotNull;

extern "C" {

hlm_error* hlm_device_list(char** out_json) {
  return Guard([&] {
    NotNull(out_json, "out_json");
    *out_json = CopyString(hlm::DeviceListJson());
  });
}

hlm_error* hlm_device_machine(const char* name, char** out_json) {
  return Guard([&] {
    const std::string device = NotEmpty(name, "name");
    NotNull(out_json, "out_json");
    *out_json = CopyString(hlm::DescribeMachineJson(device));
  });
}

hlm_error* hlm_device_describe(const char* name, char** out_json) {
  return Guard([&] {
    const std::string device = NotEmpty(name, "name");
    NotNull(out_json, "out_json");
    *out_json = CopyString(hlm::DeviceDescribeJson(device));
  });
}

}  // extern "C"
