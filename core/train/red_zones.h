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
  // Paints the zones on the stream, and waits for it. No zones: nothing is done, here or later.
  RedZones(Stream& stream, std::byte* arena, const std::vector<Range>& zones);

  // Once the device is idle: throws INTERNAL naming the offset of the first byte that is not as it was painted.
  void Check(Stream& stream) const;

 private:
  std::byte* arena_;
  std::vector<Range> zones_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_RED_ZONES_H_
