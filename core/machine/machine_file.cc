#include "core/machine/machine_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/cpu/cpu_device.h"
#include "core/io/json_text.h"
#include "core/io/json_writer.h"
#include "core/machine/device_list.h"

namespace hlm {
namespace {

constexpr const char* kWhere = "machine file";
constexpr double kMostBytes = 1e18, kMostRate = 1e21;

// Of a server with one H100.
MachineSpec GpuDefaults() {
  MachineSpec m;
  m.devices = {"cuda:0"};
  m.device_is_host = false;
  m.host_bytes = int64_t{128} << 30;
  m.device_bytes = int64_t{78} << 30;
  m.threads = 16;
  m.width_multiple = 8;
  m.most_head_dim = 256;
  m.micro_tokens = 16384;
  m.host_reserve_bytes = int64_t{2} << 30;
  m.device_reserve_bytes = int64_t{1} << 30;
  m.product_flops_bf16 = 780e12;
  m.product_flops_f32 = 50e12;
  m.up_bytes_per_second = m.down_bytes_per_second = 54e9;
  m.both_bytes_per_second = 91e9;
  m.host_bytes_per_second = 125e9;
  m.device_bytes_per_second = 2.8e12;
  m.disk_bytes_per_second = 1.7e9;
  m.product_share = 0.85;
  m.attention_share = 0.4;
  m.libraries = "of a machine file";
  m.workspace_bytes = GpuWorkspaceBytes;
  return m;
}

MachineSpec CpuDefaults(int64_t cores) {
  MachineSpec m;
  m.host_bytes = int64_t{128} << 30;
  m.threads = cores;
  const double n = static_cast<double>(cores);
  m.product_flops_f32 = 60e9 * n;
  m.product_flops_bf16 = 0.9 * m.product_flops_f32;
  m.up_bytes_per_second = m.down_bytes_per_second = 6e9;
  m.host_bytes_per_second = std::min(10e9 * n, 100e9);
  m.libraries = "of a machine file";
  m.workspace_bytes = [](const Call& call, int64_t threads) { return CpuWorkspaceBytes(call, threads); };
  return m;
}

// The members of the text, taken one by one; what nobody took is unknown.
class Reader {
 public:
  explicit Reader(const JsonValue& object) : object_(object) {}

  const JsonValue* Take(const char* key) {
    known_.emplace_back(key);
    return object_.Find(key);
  }
  void Text(const char* key, std::string& value) {
    const JsonValue* v = Take(key);
    if (v == nullptr) return;
    if (!v->IsString() || v->String().empty()) Refuse(key, *v, "a text that is not empty");
    value = Printable(v->String());
  }
  void Real(const char* key, double& value, double least, double most) {
    const JsonValue* v = Take(key);
    if (v == nullptr) return;
    if (!v->IsNumber() || !(v->Number() >= least && v->Number() <= most)) {
      Refuse(key, *v, StrCat("a number from ", least, " to ", most));
    }
    value = v->Number();
  }
  // Also a whole number written as 1.5e12.
  void Whole(const char* key, int64_t& value, int64_t least, double most) {
    const JsonValue* v = Take(key);
    if (v == nullptr) return;
    const bool whole = v->IsNumber() && std::floor(v->Number()) == v->Number();
    if (!whole || v->Number() < static_cast<double>(least) || v->Number() > most) {
      Refuse(key, *v, StrCat("a whole number from ", least, " to ", most));
    }
    value = v->Int() ? *v->Int() : static_cast<int64_t>(v->Number());
  }
  void RefuseOthers() const {
    for (const JsonValue::Member& member : object_.Members()) {
      if (std::find(known_.begin(), known_.end(), member.name) != known_.end()) continue;
      std::string list;
      for (const std::string& key : known_) list += (list.empty() ? "" : ", ") + key;
      throw InvalidArgument(kWhere, ": there is no key '", Printable(member.name), "'; there are ", list);
    }
  }

 private:
  [[noreturn]] static void Refuse(const char* key, const JsonValue& value, const std::string& wanted) {
    throw InvalidArgument(kWhere, ": ", key, " is ", PrintableJson(value), "; it must be ", wanted);
  }

  const JsonValue& object_;
  std::vector<std::string> known_;
};

// Every number of a machine, as it is read from a file and written to one.
template <class Visitor>
void VisitNumbers(Visitor&& visit, MachineSpec& m) {
  visit.Whole("host_bytes", m.host_bytes, 1, kMostBytes);
  visit.Whole("device_bytes", m.device_bytes, 1, kMostBytes);
  visit.Whole("host_reserve_bytes", m.host_reserve_bytes, 0, kMostBytes);
  visit.Whole("device_reserve_bytes", m.device_reserve_bytes, 0, kMostBytes);
  visit.Real("product_flops_bf16", m.product_flops_bf16, 1, kMostRate);
  visit.Real("product_flops_f32", m.product_flops_f32, 1, kMostRate);
  visit.Real("product_share", m.product_share, 1e-3, 1);
  visit.Real("attention_share", m.attention_share, 1e-3, 1);
  visit.Real("up_bytes_per_second", m.up_bytes_per_second, 1, kMostRate);
  visit.Real("down_bytes_per_second", m.down_bytes_per_second, 1, kMostRate);
  visit.Real("both_bytes_per_second", m.both_bytes_per_second, 0, kMostRate);
  visit.Real("host_bytes_per_second", m.host_bytes_per_second, 1, kMostRate);
  visit.Real("device_bytes_per_second", m.device_bytes_per_second, 0, kMostRate);
  visit.Real("disk_bytes_per_second", m.disk_bytes_per_second, 1, kMostRate);
  visit.Whole("width_multiple", m.width_multiple, 1, 4096);
  visit.Whole("most_head_dim", m.most_head_dim, 1, 1 << 20);
  visit.Whole("micro_tokens", m.micro_tokens, 1, 1 << 30);
  visit.Whole("logits_bytes", m.logits_bytes, 1, kMostBytes);
  visit.Real("links_bytes_per_second", m.links_bytes_per_second, 0, kMostRate);
  visit.Real("peer_bytes_per_second", m.peer_bytes_per_second, 0, kMostRate);
  visit.Real("network_bytes_per_second", m.network_bytes_per_second, 0, kMostRate);
}

// What a GPU's operations want of workspace, generously: the plan is not for this machine.
struct GpuWorkspace {
  static constexpr int64_t kProducts = int64_t{64} << 20;  // cuBLASLt's
  // Sums over columns, in parts.
  static int64_t Columns(int64_t width) { return CheckedMul(width, 4 * 512); }

  int64_t operator()(const LinearArgs&) const { return kProducts; }
  int64_t operator()(const LinearBackwardInputArgs&) const { return kProducts; }
  int64_t operator()(const LinearBackwardWeightArgs& a) const {
    return std::max(kProducts, a.dbias == nullptr ? 0 : Columns(a.out));
  }
  int64_t operator()(const RmsNormBackwardArgs& a) const { return Columns(a.width); }
  int64_t operator()(const EmbeddingBackwardArgs& a) const {
    return CheckedAdd(CheckedMul(24, a.tokens), CheckedMul(16, a.vocab));
  }
  int64_t operator()(const AttentionArgs& a) const {
    return Attention(a.type, a.tokens, a.documents.longest, a.heads, a.kv_heads, a.head_dim);
  }
  int64_t operator()(const AttentionBackwardArgs& a) const {
    return Attention(a.type, a.tokens, a.documents.longest, a.heads, a.kv_heads, a.head_dim);
  }
  // The others take little.
  template <class Args>
  int64_t operator()(const Args&) const {
    return 0;
  }

  static int64_t Attention(DType type, int64_t tokens, int64_t longest, int64_t heads, int64_t kv_heads, int64_t dim) {
    const int64_t least = CheckedMul(CheckedMul(tokens, heads), 4);
    if (type != DType::kBF16) return least;
    // cuDNN's deterministic backward pass keeps dS of a group of heads whole, in bf16, for a length rounded up to a quarter octave, row
    // sums, and dK and dV of each query head. All documents at once up to 2 GiB, and what one document needs in any case.
    longest = longest > 0 ? std::min(longest, tokens) : tokens;
    const int64_t octave = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(longest)));
    const int64_t length = RoundUp(longest, std::max<int64_t>(octave / 4, 128));
    const int64_t row = 2 * length + 4 + 4 + 4 * RoundUp(dim, 64);
    const int64_t one = CheckedMul(CheckedMul(CeilDiv(heads, kv_heads), length), row);
    const int64_t all = CheckedMul(CheckedMul(CheckedMul(CeilDiv(tokens, longest), heads), length), row);
    const auto with_margin = [](int64_t bytes) { return CheckedAdd(bytes, bytes / 8 + (int64_t{4} << 20)); };
    return std::max({least, with_margin(one), std::min(with_margin(all), int64_t{2} << 30)});
  }
};

class Writer {
 public:
  explicit Writer(JsonWriter& json) : json_(json) {}
  void Whole(const char* key, int64_t value, int64_t, double) { json_.Member(key, value); }
  void Real(const char* key, double value, double, double) { json_.Member(key, value); }

 private:
  JsonWriter& json_;
};

}  // namespace

size_t GpuWorkspaceBytes(const Call& call, int64_t) { return static_cast<size_t>(std::visit(GpuWorkspace{}, call)); }

MachineSpec ParseMachine(std::string_view json) {
  const JsonValue object = ParseJson(json, kWhere, /*unique_keys=*/true);
  if (!object.IsObject()) throw InvalidArgument(kWhere, ": found ", object.KindName(), " where an object is needed");
  Reader reader(object);
  std::string device = "cuda:0", name = "a machine of a file", note;
  int64_t cores = 16;
  reader.Text("name", name);
  reader.Text("device", device);
  reader.Text("note", note);
  reader.Whole("cores", cores, 1, 4096);
  std::vector<std::string> devices;
  try {
    devices = ParseDeviceList(device, []() -> int {
                throw InvalidArgument("a machine file says how many there are: cuda:0-7");
              }).Names();
  } catch (const Error& error) {
    throw InvalidArgument(kWhere, ": device is '", device, "': ", error.message());
  }
  MachineSpec m = devices.front() == "cpu" ? CpuDefaults(cores) : GpuDefaults();
  m.name = name;
  m.devices = std::move(devices);
  m.threads = cores;
  m.device_bytes = m.device_is_host ? 0 : m.device_bytes;
  m.logits_bytes = 0;
  VisitNumbers(reader, m);
  if (m.device_bytes == 0) m.device_bytes = m.host_bytes;  // the CPU's arenas lie in host memory
  if (m.logits_bytes == 0) {
    m.logits_bytes = m.device_is_host ? int64_t{64} << 20 : std::clamp<int64_t>(m.device_bytes / 32, 1 << 20, int64_t{2} << 30);
  }
  reader.Text("libraries", m.libraries);
  int64_t workspace = 0;
  reader.Whole("workspace_bytes", workspace, 1, kMostBytes);
  if (workspace > 0) m.workspace_bytes = [workspace](const Call&, int64_t) { return static_cast<size_t>(workspace); };
  if (const JsonValue* assumed = reader.Take("assumed"); assumed != nullptr) {
    const bool texts = assumed->IsArray() && std::all_of(assumed->Items().begin(), assumed->Items().end(),
                                                         [](const JsonValue& item) { return item.IsString(); });
    if (!texts) throw InvalidArgument(kWhere, ": assumed is ", PrintableJson(*assumed), "; it must be an array of keys");
  }
  reader.RefuseOthers();
  return m;
}

std::string MachineJson(const MachineSpec& machine) {
  MachineSpec m = machine;
  JsonWriter json(JsonWriter::Style::kIndented);
  json.BeginObject();
  const std::string device = DeviceListText(m.devices);
  json.Member("name", m.name.empty() ? device : m.name);
  json.Member("device", device);
  json.Member("cores", m.threads);
  Writer writer(json);
  VisitNumbers(writer, m);
  json.Member("libraries", m.libraries);
  json.EndObject();
  return json.Take();
}

}  // namespace hlm
