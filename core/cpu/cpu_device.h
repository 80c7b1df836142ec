// The CPU device: a full device whose streams are threads and whose operations run on oneDNN and Highway.
#ifndef HORIZON_LM_CORE_CPU_CPU_DEVICE_H_
#define HORIZON_LM_CORE_CPU_CPU_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/device/device.h"
#include "core/device/ops.h"
#include "core/device/race_checker.h"

namespace hlm {

struct CpuDeviceOptions {
  int threads = 0;  // of the compute team; 0: as many as the process may use
  // For tests:
  int64_t delay_seed = -1;  // >= 0: every piece of stream work is preceded by a random sleep of up to max_delay_us
  int max_delay_us = 200;
  bool check_races = false;                       // keep a RaceChecker ...
  std::shared_ptr<RaceChecker> races;             // ... this one, which the devices of a run share; null: one of its own
  std::string drop_wait;                          // stream waits with this `why` do nothing, as if the line had been forgotten
  int64_t fail_allocation = -1;                   // the n-th allocation (from 0) throws RESOURCE_EXHAUSTED
  int64_t fail_work = -1;                         // the n-th piece of stream work (from 0) throws INTERNAL
  std::function<void(int64_t)> before_operation;  // called by a stream as its n-th operation (from 0) begins
};

std::unique_ptr<Device> CreateCpuDevice(const CpuDeviceOptions& options);

// Threads that this process may use (affinity mask and cgroup quota), and no more than OMP_NUM_THREADS asks for.
int AvailableThreads();

// Whether oneDNN multiplies bf16 natively on this processor; otherwise products convert tiles to f32 and round once.
bool NativeBf16();

// Workspace that a call takes with a compute team of so many threads; pure.
size_t CpuWorkspaceBytes(const Call& call, int64_t threads);
// Workspace that the operations need for these shapes; pure.

// "oneDNN 2.6.3 AVX2, Highway 1.0.3 AVX2, bf16 by conversion": part of the plan's numerics.
std::string CpuLibraryVersions();

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_CPU_DEVICE_H_
