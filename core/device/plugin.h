// DevicePlugin: what a device library, loaded at run time, offers. libhorizonlm_cuda.so is one; it lies beside the main library
// and is never needed by it. The interface is C++ between two libraries of one build: the single C entry point refuses every
// other build.
#ifndef HORIZON_LM_CORE_DEVICE_PLUGIN_H_
#define HORIZON_LM_CORE_DEVICE_PLUGIN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/device/device.h"
#include "core/device/ops.h"
#include "core/device/race_checker.h"

namespace hlm {

// What a device is, without using it.
struct DeviceFacts {
  std::string name;           // "cuda:0"
  std::string description;    // "NVIDIA H100 80GB HBM3, 132 multiprocessors, ..."
  std::string architecture;   // "9.0"
  std::string driver;         // version
  std::string libraries;      // with versions: part of a plan's numerics
  std::string identity;       // of this very device: calibrations are kept under it
  int64_t memory_bytes = 0;   // of the device
  int64_t free_bytes = 0;     // that nobody holds now
  int64_t reserve_bytes = 0;  // that driver and libraries take for themselves; measured
  int64_t multiprocessors = 0;
  int64_t shared_bytes = 0;  // of shared memory, that a block may have: decides which kernels are run
};

struct PluginDeviceOptions {
  std::string product_algorithms;  // as TuneProducts made them; empty: the library's own choice
  std::vector<int> peers;          // GPUs whose memory this one's streams copy from and to
  // For tests:
  bool check_races = false;            // keep a RaceChecker ...
  std::shared_ptr<RaceChecker> races;  // ... this one, which the devices of a run share; null: one of its own
  std::string drop_wait;               // stream waits with this `why` do nothing
  int64_t fail_allocation = -1;        // the n-th allocation (from 0) throws RESOURCE_EXHAUSTED
  int64_t fail_work = -1;              // in front of the n-th operation (from 0) comes a kernel that traps
  int64_t delay_seed = -1;  // >= 0: in front of every operation the stream idles for a random time of up to max_delay_us
  int max_delay_us = 200;
};

class DevicePlugin {
 public:
  virtual ~DevicePlugin() = default;

  // Throws UNAVAILABLE with the driver's reason where none can be used.
  virtual int Count() = 0;
  virtual DeviceFacts Describe(int index) = 0;

  // Workspace that a call wants, as Ops::WorkspaceBytes, on a device with so much shared_bytes; pure.
  virtual size_t WorkspaceBytes(const Call& call, int64_t shared_bytes) = 0;
  // The fastest algorithm of each product among these calls, found by timing, as text for PluginDeviceOptions. Only sizes and
  // types are looked at, and which arguments are given.
  virtual std::string TuneProducts(int index, const std::vector<Call>& calls) = 0;

  virtual std::unique_ptr<Device> Create(int index, const PluginDeviceOptions& options) = 0;
};

}  // namespace hlm

// The entry point: the plugin where `stamp` is that of the plugin's own build (plugin_stamp.h), else null. Lives for ever.
extern "C" __attribute__((visibility("default"))) hlm::DevicePlugin* hlm_device_plugin(const char* stamp);

#endif  // HORIZON_LM_CORE_DEVICE_PLUGIN_H_
