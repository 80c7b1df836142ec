#include "core/machine/devices.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/cpu/cpu_device.h"
#include "core/cpu/cpu_memory.h"
#include "core/cpu/product_bench.h"
#include "core/device/load_plugin.h"
#include "core/machine/calibration.h"
#include "core/machine/product_times.h"

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

// Measurements are kept for one GPU with its libraries.
std::string CalibrationKey(const DeviceFacts& facts) { return StrCat(facts.identity, "|", facts.libraries, "|driver ", facts.driver); }

DeviceRates CudaRates(int index, const DeviceFacts& facts) {
  return CalibratedRates(CalibrationKey(facts), [index] { return CudaPlugin().Create(index, {}); });
}

// The algorithms of the products, timed once for a shape. Only what is kept may be used: the same run twice must give the same bits,
// and a second timing could choose otherwise.
std::string CudaProducts(int index, const DeviceFacts& facts, const OpShapes& s) {
  const std::string key = StrCat("products|", CalibrationKey(facts), "|", Name(s.type), ",", s.tokens, ",", s.hidden, ",", s.heads, ",",
                                 s.kv_heads, ",", s.head_dim, ",", s.intermediate, ",", s.vocab, ",", s.head_chunk, ",", s.qkv_bias);
  bool kept = false;
  const std::string algorithms = CalibrationFile().Get(key, [&] { return CudaPlugin().TuneProducts(index, s); }, &kept);
  return kept ? algorithms : "";
}

Json DescribeCuda(int index) {
  const DeviceFacts facts = CudaPlugin().Describe(index);
  const DeviceRates rates = CudaRates(index, facts);
  return {{"name", facts.name},
          {"description", facts.description},
          {"architecture", facts.architecture},
          {"multiprocessors", facts.multiprocessors},
          {"memory_bytes", facts.memory_bytes},
          {"free_memory_bytes", facts.free_bytes},
          {"driver", facts.driver},
          {"libraries", facts.libraries},
          {"rates",
           {{"up_bytes_per_second", rates.up},
            {"down_bytes_per_second", rates.down},
            {"both_bytes_per_second", rates.both},
            {"copy_bytes_per_second", rates.copy},
            {"product_bf16_flops", rates.product_bf16},
            {"product_f32_flops", rates.product_f32}}},
          {"calibration_file", CalibrationFile().path()}};
}

struct Choice {
  int cuda = -1;       // index of a CUDA device; -1: the CPU
  std::string reason;  // why this one
};

Choice Resolve(const std::string& name) {
  if (name == "cpu") return {-1, "asked for by name"};
  if (name == "auto") {
    try {
      CudaPlugin().Count();
      return {0, "the first CUDA device"};
    } catch (const Error& error) {
      return {-1, error.message()};
    }
  }
  const std::string prefix = "cuda";
  if (name.rfind(prefix, 0) == 0) {
    std::string digits = name == prefix ? "0" : name.substr(prefix.size());
    if (digits.front() == ':') digits.erase(0, 1);
    if (!digits.empty() && digits.size() <= 4 && digits.find_first_not_of("0123456789") == std::string::npos) {
      try {
        CudaPlugin().Describe(std::stoi(digits));
      } catch (const Error& error) {
        if (error.code() != Code::kUnavailable) throw;
        throw Error(Code::kUnavailable, StrCat("device '", name, "' cannot be used: ", error.message()));
      }
      return {std::stoi(digits), "asked for by name"};
    }
  }
  throw NotFound("there is no device '", name, "'; devices are auto, cpu and cuda:0, cuda:1, ...");
}

MachineSpec DescribeHost() {
  MachineSpec m;
  m.host_bytes = m.device_bytes = UsableMemory();
  m.threads = AvailableThreads();
  m.host_bytes_per_second = std::min(10e9 * static_cast<double>(m.threads), 100e9);
  return m;
}

MachineSpec DescribeCpuMachine() {
  MachineSpec m = DescribeHost();
  m.device = "cpu";
  m.device_is_host = true;
  // Coarse rates of one core of a server processor; they choose between plans and predict times roughly.
  m.product_flops_f32 = 60e9 * static_cast<double>(m.threads);
  m.product_flops_bf16 = m.product_flops_f32 * (NativeBf16() ? 2.0 : 0.9);
  m.up_bytes_per_second = m.down_bytes_per_second = 6e9;
  m.libraries = CpuLibraryVersions();
  m.workspace_bytes = CpuWorkspaceBytes;
  return m;
}

MachineSpec DescribeCudaMachine(int index) {
  MachineSpec m = DescribeHost();
  const DeviceFacts facts = CudaPlugin().Describe(index);
  const DeviceRates rates = CudaRates(index, facts);
  m.device = facts.name;
  m.device_is_host = false;
  m.device_bytes = facts.free_bytes;
  m.device_reserve_bytes = facts.reserve_bytes;
  m.host_reserve_bytes = int64_t{2} << 30;  // what driver, cuBLASLt and cuDNN take in the process: about 1.5 GiB with CUDA 13
  m.product_flops_f32 = rates.product_f32;
  m.product_flops_bf16 = rates.product_bf16;
  // Both ways are busy at once for most of a step.
  m.up_bytes_per_second = std::min(rates.up, rates.both / 2);
  m.down_bytes_per_second = std::min(rates.down, rates.both / 2);
  m.width_multiple = 8;
  m.most_head_dim = 256;
  m.micro_tokens = 16384;
  m.logits_bytes = std::min(int64_t{2} << 30, facts.memory_bytes / 32);
  m.libraries = facts.libraries;
  m.workspace_bytes = [](const OpShapes& shapes) { return CudaPlugin().WorkspaceBytes(shapes); };
  m.product_algorithms = [index, facts](const OpShapes& shapes) { return CudaProducts(index, facts, shapes); };
  return m;
}

PluginDeviceOptions Tuned(const Plan& plan) {
  PluginDeviceOptions options;
  options.product_algorithms = plan.numerics.products;
  return options;
}

}  // namespace

std::string DeviceListJson() {
  Json list = Json::array();
  int count = 0;
  try {
    count = CudaPlugin().Count();
  } catch (const Error& error) {
    if (error.code() != Code::kUnavailable) throw;
  }
  for (int index = 0; index < count; ++index) list.push_back(DescribeCuda(index));
  list.push_back(DescribeCpu());
  return list.dump(2);
}

std::string DeviceDescribeJson(const std::string& name) {
  const Choice choice = Resolve(name);
  Json json = choice.cuda < 0 ? DescribeCpu() : DescribeCuda(choice.cuda);
  json["reason"] = choice.reason;
  return json.dump(2);
}

MachineSpec DescribeMachine(const std::string& name) {
  const Choice choice = Resolve(name);
  return choice.cuda < 0 ? DescribeCpuMachine() : DescribeCudaMachine(choice.cuda);
}

std::string TimeProductsJson(const Plan& plan) {
  const int64_t layers = static_cast<int64_t>(plan.activations.size());
  const int64_t micro_batches = CeilDiv(plan.step_tokens, plan.micro_tokens);
  const DevicePlan& device = plan.devices[0];
  // The CPU's yardstick is oneDNN itself, called with nothing of ours between.
  const ProductTimes t = device.name == "cpu"
                             ? TimeProducts(device.shapes, layers, micro_batches, plan.options.seq_len)
                             : TimeDeviceProducts(*MakeDevice(plan), device.shapes, static_cast<size_t>(device.arena.workspace.bytes), layers,
                                                  micro_batches, plan.options.seq_len);
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
  const Choice choice = Resolve(plan.devices[0].name);
  if (choice.cuda >= 0) return CudaPlugin().Create(choice.cuda, Tuned(plan));
  CpuDeviceOptions options;
  options.threads = static_cast<int>(plan.numerics.threads);
  return CreateCpuDevice(options);
}

}  // namespace hlm
