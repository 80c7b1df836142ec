// The rates of a device, measured once and kept in a file.
#ifndef HORIZON_LM_CORE_MACHINE_CALIBRATION_H_
#define HORIZON_LM_CORE_MACHINE_CALIBRATION_H_

#include <functional>
#include <memory>
#include <string>

#include "core/device/device.h"

namespace hlm {

// Bytes, and operations (a multiply and an add are two), a second.
struct DeviceRates {
  double up = 0, down = 0, both = 0;  // copies from and to pinned host memory; both: the sum of the two ways at once
  double copy = 0;                    // within device memory, bytes read and written
  double product_bf16 = 0, product_f32 = 0;
};

// Takes about a second, 2 GiB of device memory and 1 GiB of pinned memory.
DeviceRates MeasureRates(Device& device);

// A file of lines "key<TAB>value". ${HORIZON_LM_CALIBRATION}, or calibration.txt in ${XDG_CACHE_HOME:-$HOME/.cache}/horizon-lm;
// it may be deleted at any time. Empty HORIZON_LM_CALIBRATION: nothing is kept.
class CalibrationFile {
 public:
  CalibrationFile();
  const std::string& path() const { return path_; }  // empty where nothing is kept
  // The value kept for a key, else what `make` returns, which is kept then. *kept: whether the value is in the file now.
  std::string Get(const std::string& key, const std::function<std::string()>& make, bool* kept);

 private:
  std::string path_;
};

// The rates of a device from the file, else measured on the device that `make` creates. `key` names the device and its libraries.
DeviceRates CalibratedRates(const std::string& key, const std::function<std::unique_ptr<Device>()>& make);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MACHINE_CALIBRATION_H_
