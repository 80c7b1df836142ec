// How fast several devices copy at once: each over its own link, and from one another.
#ifndef HORIZON_LM_CORE_MACHINE_LINK_RATES_H_
#define HORIZON_LM_CORE_MACHINE_LINK_RATES_H_

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/device/device.h"

namespace hlm {

// Bytes a second.
struct LinkRates {
  double links = 0;  // of all devices together, up and down at once
  double peer = 0;   // into each device from its neighbour, all at once
};

// Of two devices or more. Takes a fraction of a second, 512 MiB of each device's memory and as much pinned memory for each.
LinkRates MeasureLinks(std::span<Device* const> devices);

// The rates from the calibration file, else measured on the devices that `make` creates. `key` names them with their libraries.
LinkRates CalibratedLinks(const std::string& key, const std::function<std::vector<std::unique_ptr<Device>>()>& make);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MACHINE_LINK_RATES_H_
