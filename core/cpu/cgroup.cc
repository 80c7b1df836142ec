#include "core/cpu/cgroup.h"

#include <fstream>
#include <functional>
#include <sstream>
#include <vector>

namespace hlm {
namespace {

struct Group {
  std::string controllers;  // "cpu,cpuacct"; empty in version 2
  std::string path;         // "/a/b"
};

std::vector<Group> Groups(const std::string& proc) {
  std::vector<Group> groups;
  std::ifstream file(proc);
  for (std::string line; std::getline(file, line);) {  // "4:memory:/a/b" or "0::/a/b"
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    groups.push_back({line.substr(first + 1, second - first - 1), line.substr(second + 1)});
  }
  return groups;
}

bool Lists(const std::string& controllers, const std::string& name) {
  std::istringstream parts(controllers);
  for (std::string part; std::getline(parts, part, ',');) {
    if (part == name) return true;
  }
  return false;
}

// Calls visit(folder, version) for the group's folder of a controller and each one above it. In a container the path of the
// group is often not visible below the mount: the mount itself, which is the last one visited, is then the group.
void VisitFolders(const std::string& proc, const std::string& mount, const std::string& controller,
                  const std::function<void(const std::string&, int)>& visit) {
  for (const Group& group : Groups(proc)) {
    const int version = group.controllers.empty() ? 2 : 1;
    if (version == 1 && !Lists(group.controllers, controller)) continue;
    const std::string root = version == 2 ? mount : mount + "/" + controller;
    std::string path = group.path == "/" ? "" : group.path;
    for (;;) {
      visit(root + path, version);
      if (path.empty()) break;
      path.erase(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    }
  }
}

// The first word of a file as a number; false for "max" and where there is no such file.
bool ReadNumber(std::istream& in, double* value) { return static_cast<bool>(in >> *value); }

template <class T>
void KeepLower(T value, T* lowest) {
  if (value > 0 && (*lowest == 0 || value < *lowest)) *lowest = value;
}

}  // namespace

double CgroupCpuLimit(const std::string& proc, const std::string& mount) {
  double lowest = 0;
  VisitFolders(proc, mount, "cpu", [&](const std::string& folder, int version) {
    double quota = 0, period = 0;
    if (version == 2) {
      std::ifstream file(folder + "/cpu.max");  // "200000 100000" or "max 100000"
      if (!ReadNumber(file, &quota) || !ReadNumber(file, &period)) return;
    } else {
      std::ifstream quota_file(folder + "/cpu.cfs_quota_us"), period_file(folder + "/cpu.cfs_period_us");
      if (!ReadNumber(quota_file, &quota) || !ReadNumber(period_file, &period)) return;
    }
    if (quota > 0 && period > 0) KeepLower(quota / period, &lowest);
  });
  return lowest;
}

int64_t CgroupMemoryLimit(const std::string& proc, const std::string& mount) {
  int64_t lowest = 0;
  VisitFolders(proc, mount, "memory", [&](const std::string& folder, int version) {
    std::ifstream file(folder + (version == 2 ? "/memory.max" : "/memory.limit_in_bytes"));
    double bytes = 0;
    // Version 1 says "no limit" by a number near 2^63.
    if (ReadNumber(file, &bytes) && bytes < 4e18) KeepLower(static_cast<int64_t>(bytes), &lowest);
  });
  return lowest;
}

}  // namespace hlm
