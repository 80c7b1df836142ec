#include "core/train/devices.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/cpu/cpu_device.h"
#include "core/cpu/cpu_memory.h"
#include "core/cpu/product_bench.h"

namespace hlm {
namespace {

using Json = nlohmann::ordered_json;

// What a plan may take: all that the process may use, less a twentieth for everybody else.
int64_t UsableMemory() { return MemoryLimit() / 20 * 19; }

Json DescribeCpu() {
  return {{"name", "cpu"},
          {"description", "host processor"},
          {"threads", AvailableThreads()},
          {"memory_bytes", UsableMemory()},
          {"host_memory_bytes", MachineMemory()},
          {"bf16", NativeBf16() ? "native" : "by conversion"},
          {"libraries", CpuLibraryVersions()}};
}

// The device's own name for what the caller asked for.
std::string Resolve(const std::string& name) {
  if (name == "auto" || name == "cpu") return "cpu";
  if (name.rfind("cuda", 0) == 0) throw Error(Code::kUnavailable, StrCat("device '", name, "' cannot be used: this version has no CUDA device; use cpu"));
  throw NotFound("there is no device '", name, "'; devices are auto and cpu");
}

}  // namespace

std::string DeviceListJson() { return Json::array({DescribeCpu()}).dump(2); }

std::string DeviceDescribeJson(const std::string& name) {
  Resolve(name);
  Json json = DescribeCpu();
  json["reason"] = name == "auto" ? "this version has no CUDA device" : "asked for by name";
  return json.dump(2);
}

MachineSpec DescribeMachine(const std::string& name) {
  MachineSpec m;
  m.device = Resolve(name);
  m.device_is_host = true;
  m.host_bytes = m.device_bytes = UsableMemory();
  m.threads = AvailableThreads();
  // Coarse rates of one core of a server processor; they choose between plans and predict times roughly.
  m.product_flops_f32 = 60e9 * static_cast<double>(m.threads);
  m.product_flops_bf16 = m.product_flops_f32 * (NativeBf16() ? 2.0 : 0.9);
  m.up_bytes_per_second = m.down_bytes_per_second = 6e9;
  m.host_bytes_per_second = std::min(10e9 * static_cast<double>(m.threads), 100e9);
  m.libraries = CpuLibraryVersions();
  m.workspace_bytes = CpuWorkspaceBytes;
  return m;
}

std::string TimeProductsJson(const Plan& plan) {
  const int64_t layers = static_cast<int64_t>(plan.activations.size());
  const int64_t micro_batches = CeilDiv(plan.step_tokens, plan.micro_tokens);
  const ProductTimes t = TimeProducts(plan.devices[0].shapes, layers, micro_batches, plan.options.seq_len);
  return Json{{"seconds", t.step},
              {"qkv", t.qkv},
              {"o", t.o},
              {"gate_up", t.gate_up},
              {"down", t.down},
              {"head", t.head},
              {"attention_forward", t.attention_forward},
              {"attention_backward", t.attention_backward},
              {"form", t.form}}
      .dump(2);
}

std::unique_ptr<Device> MakeDevice(const Plan& plan) {
  CpuDeviceOptions options;
  options.threads = static_cast<int>(plan.numerics.threads);
  return CreateCpuDevice(options);
}

}  // namespace hlm
