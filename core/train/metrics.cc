// Counters of a trainer as JSON; docs/metrics.md describes the keys.
#include <nlohmann/json.hpp>

#include "core/train/state.h"

namespace hlm {

std::string Trainer::MetricsJson() {
  State& s = *state_;
  if (!s.failure) Finish();
  using Json = nlohmann::ordered_json;
  const MoveCounters& moves = s.executor->counters();
  const HostMemory& host = s.store.memory();
  const DeviceUsage usage = s.device->usage();
  const Json json = {
      {"steps", s.step},
      {"updates", s.updates},
      {"predicted_tokens", s.predicted_tokens},
      {"up_bytes", moves.up_bytes},
      {"down_bytes", moves.down_bytes},
      {"weight_uploads", moves.uploads},
      {"weight_reuses", moves.reused},
      {"seconds",
       {{"forward_backward", s.forward_backward_seconds},
        {"apply", s.apply_seconds},
        {"optimizer_busy", s.updater->busy_seconds()},
        {"wait_for_update", moves.update_wait_seconds},
        {"wait_for_ring", s.ring ? s.ring->wait_seconds() : 0.0}}},
      {"ring_waits", s.ring ? s.ring->waits() : 0},
      {"memory",
       {{"device_arena", static_cast<int64_t>(s.executor->device_arena_bytes())},
        {"device_bytes", static_cast<int64_t>(usage.device_bytes)},
        {"pinned_bytes", static_cast<int64_t>(usage.host_bytes)},
        {"weights", host.weights},
        {"remainders", host.remainders},
        {"first_moments", host.first_moments},
        {"second_moments", host.second_moments},
        {"gradients", host.gradients},
        {"norms", host.norms},
        {"ring", s.ring ? static_cast<int64_t>(s.ring->bytes()) : 0},
        {"batch_and_block_inputs", static_cast<int64_t>(s.executor->host_bytes())}}}};
  return json.dump(2);
}

}  // namespace hlm
