#include "core/machine/devices.h"

#include <algorithm>
#include <iterator>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/cpu/cpu_device.h"
#include "core/cpu/cpu_memory.h"
#include "core/cpu/product_bench.h"
#include "core/device/load_plugin.h"
#include "core/io/json_writer.h"
#include "core/machine/calibration.h"
#include "core/machine/device_list.h"
#include "core/machine/host_rate.h"
#include "core/machine/link_rates.h"
#include "core/machine/machine_file.h"
#include "core/machine/product_times.h"
#include "core/machine/update_rate.h"
#include "core/plan/rehearse.h"

namespace hlm {
namespace {

// What a plan may take: all that the process may use, less a twentieth for everybody else.
int64_t UsableMemory() { return MemoryLimit() / 20 * 19; }

// The members of a device's object.
void WriteCpu(JsonWriter& json) {
  json.Member("name", "cpu");
  json.Member("description", "host processor");
  json.Member("threads", AvailableThreads());
  json.Member("memory_bytes", UsableMemory());
  json.Member("host_memory_bytes", MachineMemory());
  json.Member("bf16", NativeBf16() ? "native" : "by conversion");
  json.Member("libraries", CpuLibraryVersions());
}

// Measurements are kept for one GPU with its libraries.
std::string CalibrationKey(const DeviceFacts& facts) {
  return StrCat(facts.identity, "|", facts.libraries, "|driver ", facts.driver);
}

DeviceRates CudaRates(int index, const DeviceFacts& facts) {
  return CalibratedRates(CalibrationKey(facts), [index] { return CudaPlugin().Create(index, {}); });
}

// What of a list of products decides their algorithms.
std::string KeyOf(const std::vector<Call>& products) {
  std::string key;
  const auto add = [&](const char* kind, DType type, int64_t tokens, int64_t in, int64_t out, int extra) {
    const std::string one = StrCat("|", kind, Name(type), ",", tokens, ",", in, ",", out, ",", extra);
    if (key.find(one) == std::string::npos) key += one;
  };
  for (const Call& call : products) {
    if (const auto* f = std::get_if<LinearArgs>(&call)) {
      add("f", f->type, f->tokens, f->in, f->out,
          (f->bias != nullptr) + 2 * (f->addend != nullptr) + 4 * (f->y_type == DType::kF32));
    } else if (const auto* i = std::get_if<LinearBackwardInputArgs>(&call)) {
      add("i", i->type, i->tokens, i->in, i->out, 0);
    } else if (const auto* w = std::get_if<LinearBackwardWeightArgs>(&call)) {
      add("w", w->type, w->tokens, w->in, w->out, w->accumulate);
    }
  }
  return key;
}

// The algorithms of the products, timed once for a shape. Only what is kept may be used: the same run twice must give the same
// bits, and a second timing could choose otherwise.
std::string CudaProducts(int index, const DeviceFacts& facts, const std::vector<Call>& products) {
  const std::string key = StrCat("products|", CalibrationKey(facts), KeyOf(products));
  bool kept = false;
  try {
    const std::string algorithms = CalibrationFile().Get(
        key, [&] { return CudaPlugin().TuneProducts(index, products); }, &kept);
    return kept ? algorithms : "";
  } catch (const Error& error) {
    // No room to time them beside what the device holds already: a plan is possible all the same.
    if (error.code() != Code::kResourceExhausted) throw;
    return "";
  }
}

void WriteCuda(int index, JsonWriter& json) {
  const DeviceFacts facts = CudaPlugin().Describe(index);
  const DeviceRates rates = CudaRates(index, facts);
  json.Member("name", facts.name);
  json.Member("description", facts.description);
  json.Member("architecture", facts.architecture);
  json.Member("multiprocessors", facts.multiprocessors);
  json.Member("memory_bytes", facts.memory_bytes);
  json.Member("free_memory_bytes", facts.free_bytes);
  json.Member("driver", facts.driver);
  json.Member("libraries", facts.libraries);
  json.Key("rates").BeginObject();
  json.Member("up_bytes_per_second", rates.up);
  json.Member("down_bytes_per_second", rates.down);
  json.Member("both_bytes_per_second", rates.both);
  json.Member("copy_bytes_per_second", rates.copy);
  json.Member("product_bf16_flops", rates.product_bf16);
  json.Member("product_f32_flops", rates.product_f32);
  json.EndObject();
  json.Member("calibration_file", CalibrationFile().path());
}

// Every GPU of a list can be used.
void CheckGpus(const std::string& name, const DeviceList& list) {
  for (const int index : list.cuda) {
    try {
      CudaPlugin().Describe(index);
    } catch (const Error& error) {
      if (error.code() != Code::kUnavailable) throw;
      throw Error(Code::kUnavailable, StrCat("device '", name, "' cannot be used: ", error.message()));
    }
  }
}

DeviceList Resolve(const std::string& name) {
  if (IsAuto(name)) {
    try {
      CudaPlugin().Count();
      return {.cuda = {0}, .reason = "the first CUDA device"};
    } catch (const Error& error) {
      DeviceList cpu;
      cpu.reason = error.message();
      return cpu;
    }
  }
  DeviceList list = ParseDeviceList(name, [&] {
    try {
      return CudaPlugin().Count();
    } catch (const Error& error) {
      if (error.code() != Code::kUnavailable) throw;
      throw Error(Code::kUnavailable, StrCat("device '", name, "' cannot be used: ", error.message()));
    }
  });
  CheckGpus(name, list);
  return list;
}

MachineSpec DescribeHost() {
  MachineSpec m;
  m.host_bytes = m.device_bytes = UsableMemory();
  m.threads = AvailableThreads();
  m.host_bytes_per_second = std::min(10e9 * static_cast<double>(m.threads), 100e9);
  m.faster_update = [threads = static_cast<int>(m.threads)](bool split) { return FasterUpdate(split, threads); };
  return m;
}

MachineSpec DescribeCpuMachine() {
  MachineSpec m = DescribeHost();
  m.device_is_host = true;
  // Coarse rates of one core of a server processor; they choose between plans and predict times roughly.
  m.product_flops_f32 = 60e9 * static_cast<double>(m.threads);
  m.product_flops_bf16 = m.product_flops_f32 * (NativeBf16() ? 2.0 : 0.9);
  m.up_bytes_per_second = m.down_bytes_per_second = 6e9;
  m.libraries = CpuLibraryVersions();
  m.workspace_bytes = [](const Call& call, int64_t threads) { return CpuWorkspaceBytes(call, threads); };
  return m;
}

// A step's devices do the same work on the same libraries, or its bits would depend on which rows went where.
void CheckAlike(const DeviceFacts& first, const DeviceFacts& other) {
  if (first.libraries == other.libraries) return;
  throw InvalidArgument("the devices of a run must be alike: ", first.name, " is ", first.libraries, ", and ", other.name, " is ",
                        other.libraries);
}

// GPUs that reach into each other's memory.
std::vector<std::unique_ptr<Device>> ConnectedGpus(const std::vector<int>& indices) {
  std::vector<std::unique_ptr<Device>> devices;
  for (const int index : indices) {
    PluginDeviceOptions options;
    std::copy_if(indices.begin(), indices.end(), std::back_inserter(options.peers), [&](int other) { return other != index; });
    devices.push_back(CudaPlugin().Create(index, options));
  }
  return devices;
}

MachineSpec DescribeCudaMachine(const std::vector<int>& indices) {
  MachineSpec m = DescribeHost();
  const int index = indices.front();
  DeviceFacts facts = CudaPlugin().Describe(index);
  const DeviceRates rates = CudaRates(index, facts);
  std::string links_key = CalibrationKey(facts);
  for (const int other : indices) {
    if (other == index) continue;
    const DeviceFacts more = CudaPlugin().Describe(other);
    CheckAlike(facts, more);
    facts.free_bytes = std::min(facts.free_bytes, more.free_bytes);
    links_key += "|" + more.identity;
  }
  if (indices.size() > 1) {
    const LinkRates links = CalibratedLinks(links_key, [&] { return ConnectedGpus(indices); });
    m.links_bytes_per_second = links.links;
    m.peer_bytes_per_second = links.peer;
  }
  m.device_is_host = false;
  m.device_bytes = facts.free_bytes;
  m.device_reserve_bytes = facts.reserve_bytes;
  // What driver, cuBLASLt and cuDNN take in the process: about 1.5 GiB with CUDA 13; less for each further GPU.
  m.host_reserve_bytes = static_cast<int64_t>(indices.size() + 1) << 30;
  m.product_flops_f32 = rates.product_f32;
  m.product_flops_bf16 = rates.product_bf16;
  m.up_bytes_per_second = rates.up;
  m.down_bytes_per_second = rates.down;
  m.both_bytes_per_second = rates.both;
  m.device_bytes_per_second = rates.copy;
  m.host_bytes_per_second = CalibratedHostRate(CalibrationKey(facts), static_cast<int>(m.threads));
  m.product_share = 0.85;  // 16 Ki to 128 Ki tokens of a 7B shape on an H100 and an H200: 84 to 87 % of a large product alone
  m.attention_share = 0.4;
  m.width_multiple = 8;
  m.most_head_dim = 256;
  m.micro_tokens = 16384;
  m.logits_bytes = std::min(int64_t{2} << 30, facts.memory_bytes / 32);
  m.libraries = facts.libraries;
  m.workspace_bytes = [shared = facts.shared_bytes](const Call& call, int64_t) {
    return CudaPlugin().WorkspaceBytes(call, shared);
  };
  m.product_algorithms = [index, facts](const std::vector<Call>& products) { return CudaProducts(index, facts, products); };
  return m;
}

void CheckHere(const Plan& plan) {
  if (plan.machine.empty()) return;
  throw Error(Code::kFailedPrecondition,
              StrCat("the plan was made for the machine '", plan.machine, "', which is not this one: it can be read, not run"));
}

// The other GPUs of a plan.
std::vector<int> Peers(const Plan& plan, int own) {
  std::vector<int> peers;
  for (const DevicePlan& device : plan.devices) {
    const int index = Resolve(device.name).cuda.front();
    if (index != own) peers.push_back(index);
  }
  return peers;
}

PluginDeviceOptions Tuned(const Plan& plan) {
  PluginDeviceOptions options;
  options.product_algorithms = plan.numerics.products;
  return options;
}

}  // namespace

std::string DeviceListJson() {
  int count = 0;
  try {
    count = CudaPlugin().Count();
  } catch (const Error& error) {
    if (error.code() != Code::kUnavailable) throw;
  }
  JsonWriter json(JsonWriter::Style::kIndented);
  json.BeginArray();
  for (int index = 0; index < count; ++index) {
    json.BeginObject();
    WriteCuda(index, json);
    json.EndObject();
  }
  json.BeginObject();
  WriteCpu(json);
  json.EndObject();
  json.EndArray();
  return json.Take();
}

std::string DeviceDescribeJson(const std::string& name) {
  const DeviceList list = Resolve(name);
  JsonWriter json(JsonWriter::Style::kIndented);
  json.BeginObject();
  list.cuda.empty() ? WriteCpu(json) : WriteCuda(list.cuda.front(), json);
  json.Member("reason", list.reason);
  if (const std::vector<std::string> names = list.Names(); names.size() > 1) {
    json.Key("devices").BeginArray();
    for (const std::string& one : names) json.Value(one);
    json.EndArray();
  }
  json.EndObject();
  return json.Take();
}

MachineSpec DescribeMachine(const std::string& name) {
  const DeviceList list = Resolve(name);
  MachineSpec machine = list.cuda.empty() ? DescribeCpuMachine() : DescribeCudaMachine(list.cuda);
  machine.devices = list.Names();
  return machine;
}

MachineSpec DescribeMachineFile(std::string_view json, const std::string& device) {
  MachineSpec m = ParseMachine(json);
  if (IsAuto(device) || device == DeviceListText(m.devices)) return m;
  const bool gpus = m.devices.front() != "cpu";
  DeviceList list = ParseDeviceList(device, [&] { return gpus ? static_cast<int>(m.devices.size()) : 0; });
  const std::vector<std::string> names = list.Names();
  const bool there = gpus ? std::all_of(names.begin(), names.end(),
                                        [&](const std::string& one) {
                                          return std::find(m.devices.begin(), m.devices.end(), one) != m.devices.end();
                                        })
                          : list.cuda.empty() && names.size() <= m.devices.size();
  if (!there) {
    throw InvalidArgument("device is ", device, " and the machine file's is ", DeviceListText(m.devices),
                          ": pass auto, or some of these");
  }
  m.devices = names;
  return m;
}

std::string DescribeMachineJson(const std::string& name) { return MachineJson(DescribeMachine(name)); }

std::string TimeProductsJson(const Plan& plan) {
  CheckHere(plan);
  const DevicePlan& device = plan.EachDevice();
  const std::vector<CountedCall> products = StepProducts(plan);
  // The CPU's yardstick is oneDNN itself, called with nothing of ours between.
  const ProductTimes t = device.name == "cpu"
                             ? TimeProducts(products, plan.numerics.threads)
                             : TimeDeviceProducts(*MakeDevice(plan), products, static_cast<size_t>(device.arena.workspace.bytes));
  // One device's share of the step.
  const double share = 1.0 / static_cast<double>(plan.devices.size());
  JsonWriter json(JsonWriter::Style::kIndented);
  json.BeginObject();
  json.Member("seconds", t.step * share);
  json.Member("linear", t.linear * share);
  json.Member("grouped", t.grouped * share);
  json.Member("attention_forward", t.attention_forward * share);
  json.Member("attention_backward", t.attention_backward * share);
  json.Member("form", t.form);
  json.Key("products");
  json.BeginArray();
  for (const ProductTimes::Item& item : t.items) {
    json.BeginObject();
    json.Member("product", item.name);
    json.Member("times", item.times);
    json.Member("seconds", item.seconds * share);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return json.Take();
}

std::unique_ptr<Device> MakeDevice(const Plan& plan, size_t number) {
  CheckHere(plan);
  const DeviceList list = Resolve(plan.devices[number].name);
  if (!list.cuda.empty()) {
    PluginDeviceOptions options = Tuned(plan);
    if (plan.route == Route::kPeer) options.peers = Peers(plan, list.cuda.front());
    return CudaPlugin().Create(list.cuda.front(), options);
  }
  CpuDeviceOptions options;
  options.threads = static_cast<int>(plan.numerics.threads);
  return CreateCpuDevice(options);
}

std::vector<std::unique_ptr<Device>> MakeDevices(const Plan& plan) {
  std::vector<std::unique_ptr<Device>> devices;
  for (size_t d = 0; d < plan.devices.size(); ++d) devices.push_back(MakeDevice(plan, d));
  return devices;
}

}  // namespace hlm
