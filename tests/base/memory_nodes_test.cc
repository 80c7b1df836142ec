// What sysfs says of memory nodes, from folders made for it.
#include "core/base/memory_nodes.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/base/map_memory.h"

namespace hlm {
namespace {

class Sysfs {
 public:
  explicit Sysfs(const std::string& name) : root(testing::TempDir() + "/" + name) { std::filesystem::remove_all(root); }
  Sysfs& Put(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root + "/" + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << "\n";
    return *this;
  }
  const std::string root;
};

TEST(MemoryNodes, TwoProcessorsAndTheGpusBesideThem) {
  Sysfs sysfs("two");
  sysfs.Put("devices/system/node/online", "0-2")
      .Put("devices/system/node/node0/cpulist", "0-3,8-9")
      .Put("devices/system/node/node1/cpulist", "4-7,10,11")
      .Put("devices/system/node/node2/cpulist", "")  // memory without a processor
      .Put("bus/pci/devices/0000:3b:00.0/numa_node", "1")
      .Put("bus/pci/devices/0000:af:00.0/numa_node", "-1")
      .Put("bus/pci/devices/0000:b0:00.0/numa_node", "2");
  const MemoryNodes nodes(sysfs.root);
  EXPECT_TRUE(nodes.several());
  EXPECT_EQ(nodes.Cores(0), (std::vector<int>{0, 1, 2, 3, 8, 9}));
  EXPECT_EQ(nodes.Cores(1), (std::vector<int>{4, 5, 6, 7, 10, 11}));
  EXPECT_TRUE(nodes.Cores(2).empty());
  EXPECT_EQ(nodes.OfPciDevice("0000:3B:00.0"), 1);  // CUDA's way to write it
  EXPECT_EQ(nodes.OfPciDevice("0000:af:00.0"), -1);
  EXPECT_EQ(nodes.OfPciDevice("0000:b0:00.0"), -1);
  EXPECT_EQ(nodes.OfPciDevice("0000:00:00.0"), -1);
}

TEST(MemoryNodes, OneNodeIsNone) {
  Sysfs sysfs("one");
  sysfs.Put("devices/system/node/online", "0")
      .Put("devices/system/node/node0/cpulist", "0-3")
      .Put("bus/pci/devices/0000:3b:00.0/numa_node", "0");
  const MemoryNodes nodes(sysfs.root);
  EXPECT_FALSE(nodes.several());
  EXPECT_EQ(nodes.OfPciDevice("0000:3b:00.0"), -1);
}

TEST(MemoryNodes, AMachineThatSaysNothingHasNone) {
  EXPECT_FALSE(MemoryNodes(testing::TempDir() + "/nowhere").several());
  Sysfs sysfs("wrong");
  sysfs.Put("devices/system/node/online", "all").Put("devices/system/node/node0/cpulist", "0-");
  EXPECT_FALSE(MemoryNodes(sysfs.root).several());
}

// Whatever this machine has: memory stays memory.
TEST(MemoryNodes, APreferenceIsOnlyAWish) {
  constexpr size_t kBytes = size_t{1} << 20;
  for (const int node : {-1, 0, 1000, 5000}) {
    auto* data = static_cast<char*>(MapMemory(kBytes));
    PreferNode(data, kBytes, node);
    data[0] = data[kBytes - 1] = 'x';
    EXPECT_EQ(data[0], 'x');
    UnmapMemory(data, kBytes);
  }
}

}  // namespace
}  // namespace hlm
