#include "core/machine/device_list.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "core/base/ascii.h"
#include "core/base/error.h"
#include "core/io/json_text.h"

namespace hlm {
namespace {

constexpr int kMostCpus = 64, kMostGpus = 1024;

[[noreturn]] void RefuseName(const std::string& text, std::string_view part) {
  const std::string within = part == text ? std::string() : StrCat(" in '", Printable(text), "'");
  throw NotFound("there is no device '", Printable(part), "'", within,
                 "; devices are auto, cpu, cpu:2 (that many of the CPU's, at most ", kMostCpus,
                 "), cuda (all), cuda:0, cuda:1 and lists as cuda:0,cuda:1 or cuda:0-3");
}

std::optional<int> Number(std::string_view digits, int most) {
  int value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  const bool plain = !digits.empty() && digits.front() >= '0' && digits.front() <= '9';
  if (!plain || error != std::errc() || stop != end || value > most) return std::nullopt;
  return value;
}

std::vector<std::string_view> SplitAtCommas(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t comma = text.find(',');
    std::string_view part = text.substr(0, comma);
    part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
    parts.push_back(part.substr(0, part.find_last_not_of(' ') + 1));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

void AddGpu(const std::string& text, int index, DeviceList& list) {
  if (std::find(list.cuda.begin(), list.cuda.end(), index) != list.cuda.end()) {
    throw InvalidArgument("device cuda:", index, " is named twice in '", Printable(text),
                          "'; each device of a run is another one");
  }
  list.cuda.push_back(index);
}

// "", "0", ":0", ":0-3" behind "cuda".
bool AddGpus(const std::string& text, std::string_view digits, const std::function<int()>& count, DeviceList& list) {
  if (digits.empty()) {
    for (int i = 0, n = count(); i < n; ++i) AddGpu(text, i, list);
    return true;
  }
  if (digits.front() == ':') digits.remove_prefix(1);
  const size_t dash = digits.find('-');
  const std::optional<int> first = Number(digits.substr(0, dash), kMostGpus);
  const std::optional<int> last = dash == std::string_view::npos ? first : Number(digits.substr(dash + 1), kMostGpus);
  if (!first || !last || *last < *first) return false;
  for (int i = *first; i <= *last; ++i) AddGpu(text, i, list);
  return true;
}

}  // namespace

std::vector<std::string> DeviceList::Names() const {
  if (cuda.empty()) return std::vector<std::string>(static_cast<size_t>(cpus), "cpu");
  std::vector<std::string> names;
  for (const int index : cuda) names.push_back(StrCat("cuda:", index));
  return names;
}

bool IsAuto(const std::string& text) { return SameWord(text, "auto"); }

DeviceList ParseDeviceList(const std::string& given, const std::function<int()>& count) {
  const std::string text = AsciiLower(given);
  DeviceList list;
  bool cpu = false;
  for (const std::string_view part : SplitAtCommas(text)) {
    if (part == "cpu" || part.substr(0, 4) == "cpu:") {
      if (cpu) throw InvalidArgument("device cpu is named twice in '", Printable(text), "'; several of the CPU's are cpu:2");
      cpu = true;
      const std::optional<int> cpus = part == "cpu" ? 1 : Number(part.substr(4), kMostCpus);
      if (!cpus || *cpus < 1) RefuseName(text, part);
      list.cpus = *cpus;
    } else if (part.substr(0, 4) != "cuda" || !AddGpus(text, part.substr(4), count, list)) {
      RefuseName(text, part);
    }
  }
  if (cpu && !list.cuda.empty()) {
    throw InvalidArgument("device is '", Printable(text),
                          "'; the devices of a run are of one kind, and cpu is another one than cuda:", list.cuda.front());
  }
  return list;
}

}  // namespace hlm
