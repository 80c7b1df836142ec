// The memory nodes of this machine: processors with memory of their own, beside which devices are attached. From sysfs.
#ifndef HORIZON_LM_CORE_BASE_MEMORY_NODES_H_
#define HORIZON_LM_CORE_BASE_MEMORY_NODES_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hlm {

class MemoryNodes {
 public:
  explicit MemoryNodes(const std::string& sysfs = "/sys");

  // False: memory is the same from everywhere, or nothing is known of it. Then no device has a node.
  bool several() const { return cores_.size() > 1; }
  // Of the device at an address on the PCI bus, "0000:3B:00.0"; -1: it has none.
  int OfPciDevice(std::string_view address) const;
  // The processors of a node, in the order of their numbers.
  std::vector<int> Cores(int node) const;

 private:
  std::string sysfs_;
  std::map<int, std::vector<int>> cores_;  // by node; those without a processor are memory of another kind
};

// Pages of the memory that are not there yet come from the node while it has some. It is a wish: nothing depends on it.
void PreferNode(void* data, size_t bytes, int node) noexcept;

}  // namespace hlm

#endif  // HORIZON_LM_CORE_BASE_MEMORY_NODES_H_
