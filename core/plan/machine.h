// MachineSpec: what a plan needs to know of the machine, as data. A plan for another machine needs only another MachineSpec.
#ifndef HORIZON_LM_CORE_PLAN_MACHINE_H_
#define HORIZON_LM_CORE_PLAN_MACHINE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/device/ops.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

struct MachineSpec {
  std::string name;  // of a machine that is not here: the plan is to be read, not run; empty: this machine
  std::vector<std::string> devices = {
      "cpu"};                  // names of those that a run uses together, all alike; the rates and sizes are of one
  bool device_is_host = true;  // the CPU device: its arenas lie in host memory and count there
  int64_t host_bytes = 0;      // memory that may be used, after cgroup limits
  int64_t device_bytes = 0;
  int64_t threads = 1;  // processors this process may use
  // Widths of rows (hidden, head, intermediate sizes) must be multiples of this.
  int64_t width_multiple = 1;
  int64_t most_head_dim = int64_t{1} << 20;
  // What feeds the device well: tokens of a micro-batch, and bytes of one chunk of fp32 logits.
  int64_t micro_tokens = 4096;
  int64_t logits_bytes = int64_t{64} << 20;
  // Taken by libraries, drivers and code outside the arenas; measured.
  int64_t host_reserve_bytes = int64_t{192} << 20;
  int64_t device_reserve_bytes = 0;
  // Guard bytes behind each range of the device arena, a multiple of 256.
#ifdef NDEBUG
  int64_t red_zone_bytes = 0;
#else
  int64_t red_zone_bytes = 256;
#endif
  // Rates for the predicted time.
  double product_flops_f32 = 0, product_flops_bf16 = 0;  // multiply and add are two
  double up_bytes_per_second = 0, down_bytes_per_second = 0;
  double host_bytes_per_second = 0;
  // Both ways at once, together; 0: the sum of the two.
  double both_bytes_per_second = 0;
  // The links of all devices at once, both ways, together; 0: each as if it were alone.
  double links_bytes_per_second = 0;
  // From one device's memory into another's, one way; 0: they do not reach each other.
  double peer_bytes_per_second = 0;
  // Between two machines of a run, one way, each way at once; 0: not known, and nothing is predicted of it.
  double network_bytes_per_second = 0;
  double device_bytes_per_second = 0;  // within the device's memory, read and written; 0: element-wise work counts nothing
  double disk_bytes_per_second = 1e9;
  // What products and attention reach of product_flops within a step: a GPU at work all the time is limited by its power, and
  // attention by more than products.
  double product_share = 1, attention_share = 1;
  std::string libraries;                                                // with versions: part of the numerics
  std::function<size_t(const Call&, int64_t threads)> workspace_bytes;  // of one call of the device's operations; pure
  // The algorithm of each product among these calls, as the device chose them by timing, at most once for each list on a machine; null:
  // its library chooses. Part of the numerics.
  std::function<std::string(const std::vector<Call>&)> product_algorithms;
  // The faster way of AdamW's update on the host, timed at most once on a machine: with a split master and bf16 gradients, or in f32. Null:
  // the fused loop.
  std::function<UpdatePath(bool split)> faster_update;

  int64_t device_count() const { return static_cast<int64_t>(devices.size()); }
};

// The shortest text for the names of devices: "cpu:4", "cuda:0,cuda:1".
std::string DeviceListText(const std::vector<std::string>& names);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_MACHINE_H_
