// LaneMemory: the bytes of a lane: its arena, where each thing of a pass lies in it, the slots at its beginning, and guards between.
//
//   arena   | slots | accumulators | staging | block inputs | stash, scratch, temporaries | head | batch | tables | workspace |
#ifndef HORIZON_LM_CORE_TRAIN_LANE_MEMORY_H_
#define HORIZON_LM_CORE_TRAIN_LANE_MEMORY_H_

#include <vector>

#include "core/device/device.h"
#include "core/stream/slots.h"
#include "core/train/buffers.h"
#include "core/train/lane_context.h"
#include "core/train/red_zones.h"

namespace hlm {

// It must outlive the streams, whose ends wait for their copies.
struct LaneMemory {
  LaneMemory(const LaneContext& context, Device& device);

  // Paints the guards and sends the tables up that no batch changes: rotary embeddings, slopes, temperatures. Waits for both.
  void Fill(const LaneContext& context, Stream& up);

  Buffer arena;
  DeviceBuffers buffers;
  RedZones red_zones;
  SlotPool slots;

 private:
  // On their way up. Members until they have arrived: where the wait itself fails, for want of memory, the copies may still run.
  std::vector<std::vector<float>> tables_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_LANE_MEMORY_H_
