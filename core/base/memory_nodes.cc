#include "core/base/memory_nodes.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <string_view>

#include "core/base/ascii.h"

namespace hlm {
namespace {

constexpr int kPreferred = 1;      // MPOL_PREFERRED
constexpr int kMostNodes = 1024;   // CONFIG_NODES_SHIFT is 10 at most
constexpr int kMostCores = 65536;  // of a text that is no list

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// "0-3,8,10-11"; what is no such list ends it.
std::vector<int> Numbers(std::string_view text) {
  std::vector<int> numbers;
  const auto take = [&](int& number) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<size_t>(stop - text.data()));
    return true;
  };
  int first = 0;
  while (take(first)) {
    int last = first;
    if (text.starts_with('-')) {
      text.remove_prefix(1);
      if (!take(last)) break;
    }
    for (int number = first; number <= last && number < kMostCores; ++number) numbers.push_back(number);
    if (!text.starts_with(',')) break;
    text.remove_prefix(1);
  }
  return numbers;
}

}  // namespace

MemoryNodes::MemoryNodes(const std::string& sysfs) : sysfs_(sysfs) {
  const std::string nodes = sysfs_ + "/devices/system/node/";
  for (const int node : Numbers(FirstLine(nodes + "online"))) {
    std::vector<int> cores = Numbers(FirstLine(nodes + "node" + std::to_string(node) + "/cpulist"));
    if (!cores.empty()) cores_[node] = std::move(cores);
  }
}

int MemoryNodes::OfPciDevice(std::string_view address) const {
  if (!several()) return -1;
  const std::string text = FirstLine(sysfs_ + "/bus/pci/devices/" + AsciiLower(address) + "/numa_node");
  const std::vector<int> numbers = Numbers(text);  // "-1" where the machine does not say
  return numbers.size() == 1 && cores_.contains(numbers[0]) ? numbers[0] : -1;
}

std::vector<int> MemoryNodes::Cores(int node) const {
  const auto found = cores_.find(node);
  return found == cores_.end() ? std::vector<int>() : found->second;
}

void PreferNode(void* data, size_t bytes, int node) noexcept {
  if (node < 0 || node >= kMostNodes || bytes == 0) return;
  constexpr size_t kBits = 8 * sizeof(unsigned long);
  unsigned long mask[kMostNodes / kBits] = {};
  mask[static_cast<size_t>(node) / kBits] = 1ul << (static_cast<size_t>(node) % kBits);
  (void)syscall(SYS_mbind, data, bytes, kPreferred, mask, static_cast<unsigned long>(kMostNodes), 0u);
}

}  // namespace hlm
