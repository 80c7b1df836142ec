// RedZones: guard bytes between the ranges of the device arena, painted before a run and looked at after each pass. They find a
// write past the end of a range, which no memory checker sees inside one allocation. On in debug builds
// (MachineSpec::red_zone_bytes).
#ifndef HORIZON_LM_CORE_TRAIN_RED_ZONES_H_
#define HORIZON_LM_CORE_TRAIN_RED_ZONES_H_

#include <cstddef>
#include <vector>

#include "core/device/device.h"
#include "core/plan/arena.h"

namespace hlm {

class RedZones {
 public:
  // No zones: nothing is done, here or later.
  RedZones(std::byte* arena, const std::vector<Range>& zones);

  // Paints the zones on the stream, and waits for it. The object must outlive the stream: where the wait itself fails, for want of
  // memory, copies may still run.
  void Paint(Stream& stream);

  // Once the device is idle: throws INTERNAL naming the offset of the first byte that is not as it was painted.
  void Check(Stream& stream);

 private:
  std::byte* arena_;
  std::vector<Range> zones_;
  std::vector<std::byte> paint_, seen_;  // as long as the longest zone
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_RED_ZONES_H_
