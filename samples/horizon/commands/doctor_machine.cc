// What of the machine, the container or the shell decides how training goes.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "samples/horizon/base/text.h"
#include "samples/horizon/commands/doctor.h"

namespace horizon {
namespace {

using Clock = std::chrono::steady_clock;

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// A number of bytes in the first line; -1: the file is not there, or says "max".
int64_t Number(const std::string& path) {
  const std::string line = FirstLine(path);
  if (line.empty() || line.find_first_not_of("0123456789") != std::string::npos || line.size() > 18) return -1;
  return std::atoll(line.c_str());
}

// Of a line "MemTotal:  24000 kB".
int64_t MemInfo(const std::string& root, const std::string& name) {
  std::ifstream file(root + "/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":")) return 1024 * std::atoll(line.c_str() + name.size() + 1);
  }
  return -1;
}

struct Limit {
  int64_t bytes = -1;  // -1: none
  std::string file;
};

// The lowest limit of the control groups that hold this process, of either version.
Limit CgroupLimit(const std::string& root) {
  Limit lowest;
  const auto look = [&](const std::string& file) {
    const int64_t bytes = Number(root + file);
    if (bytes < 0 || bytes >= int64_t{1} << 60 || (lowest.bytes >= 0 && bytes >= lowest.bytes)) return;
    lowest = {bytes, file};
  };
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string kind = line.substr(first + 1, second - first - 1);
    if (!kind.empty() && ("," + kind + ",").find(",memory,") == std::string::npos) continue;
    const std::string base = kind.empty() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory",
                      file = kind.empty() ? "/memory.max" : "/memory.limit_in_bytes";
    for (std::string group = line.substr(second + 1);; group.erase(group.rfind('/'))) {
      look(base + (group == "/" ? "" : group) + file);
      if (group.empty() || group == "/" || group.rfind('/') == std::string::npos) break;
    }
    look(base + file);
  }
  return lowest;
}

}  // namespace

Finding MemoryFinding(const std::string& root) {
  const int64_t total = MemInfo(root, "MemTotal"), available = MemInfo(root, "MemAvailable");
  if (total < 0) return {"memory", Health::kWarning, "not known: /proc/meminfo cannot be read", ""};
  const Limit limit = CgroupLimit(root);
  Finding finding = {"memory", Health::kGood,
                     FormatBytes(total) + ", " + FormatBytes(std::max<int64_t>(available, 0)) + " of it free", ""};
  if (limit.bytes >= 0 && limit.bytes < total) {
    finding.health = Health::kWarning;
    finding.value += "; this control group may use " + FormatBytes(limit.bytes) + " (" + limit.file + ")";
    finding.advice = "plans keep to this limit; a container gets more by docker run --memory, a service by MemoryMax";
  } else if (limit.bytes > total) {
    finding.health = Health::kWarning;
    finding.value += "; this control group may use more: " + FormatBytes(limit.bytes) + " (" + limit.file + ")";
    finding.advice = "plans take this limit, as of machines that grow; where this one does not, say --host-limit-bytes";
  }
  return finding;
}

Finding HugePagesFinding(const std::string& root) {
  const std::string modes = FirstLine(root + "/sys/kernel/mm/transparent_hugepage/enabled");
  const size_t open = modes.find('['), close = modes.find(']');
  if (open == std::string::npos || close == std::string::npos)
    return {"huge pages", Health::kWarning, "not known to this kernel", ""};
  const std::string mode = modes.substr(open + 1, close - open - 1);
  if (mode != "never") return {"huge pages", Health::kGood, mode + (mode == "madvise" ? ", which the library asks for" : ""), ""};
  return {"huge pages", Health::kWarning, "never: updates and copies of large weights are slower",
          "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled"};
}

Finding LockedMemoryFinding(bool has_gpu) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return {"locked memory", Health::kWarning, "the limit cannot be read", ""};
  if (limit.rlim_cur == RLIM_INFINITY) return {"locked memory", Health::kGood, "no limit", ""};
  const std::string most = "at most " + FormatBytes(static_cast<int64_t>(limit.rlim_cur));
  if (!has_gpu) return {"locked memory", Health::kGood, most + "; a CPU needs none", ""};
  return {"locked memory", Health::kWarning, most,
          "where the GPU's driver refuses to pin memory: ulimit -l unlimited, docker run --ulimit memlock=-1, or memlock in "
          "/etc/security/limits.conf"};
}

Finding DiskFinding(const std::string& folder) {
  constexpr size_t kPiece = 8 << 20, kPieces = 16;
  constexpr double kMostSeconds = 5;
  std::string path = folder + "/.horizon-doctor-XXXXXX";
  const int file = mkstemp(path.data());
  if (file < 0) {
    return {"disk", Health::kBad, folder + " cannot be written to: " + std::strerror(errno),
            "name another folder with --dir, or make this one writable"};
  }
  unlink(path.c_str());
  struct statvfs space = {};
  const int64_t free =
      fstatvfs(file, &space) == 0 ? static_cast<int64_t>(space.f_bavail) * static_cast<int64_t>(space.f_frsize) : 0;
  std::vector<char> piece(kPiece);
  for (size_t i = 0; i < piece.size(); ++i)
    piece[i] = static_cast<char>(i * 2654435761u >> 13);  // what compresses is written faster
  size_t written = 0;
  const Clock::time_point begin = Clock::now();
  const auto seconds = [&begin] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  bool failed = false;
  while (!failed && written < kPieces * kPiece && seconds() < kMostSeconds) {
    const ssize_t put = write(file, piece.data(), kPiece);
    failed = put <= 0 || fdatasync(file) != 0;
    if (!failed) written += static_cast<size_t>(put);
  }
  const double taken = seconds();
  const int failure = errno;
  close(file);
  if (written == 0)
    return {"disk", Health::kBad, folder + ": writing failed: " + std::strerror(failure),
            "free some space, or name another folder with --dir"};
  return DiskFinding(folder, free, static_cast<double>(written) / taken);
}

Finding DiskFinding(const std::string& folder, int64_t free, double rate) {
  Finding finding = {
      "disk", Health::kGood,
      folder + ": " + FormatBytes(free) + " free, " + FormatBytes(static_cast<int64_t>(rate)) + "/s written and synced", ""};
  constexpr double kSlow = 100e6;
  constexpr int64_t kLittle = int64_t{10} << 30;
  if (free < kLittle) {
    finding.health = Health::kWarning;
    finding.advice =
        "a checkpoint takes 12 bytes a parameter and a saved model 2, 7 GB for 0.5B parameters: free some space, or put "
        "--checkpoint-dir and --out on another disk";
  } else if (rate < kSlow) {
    finding.health = Health::kWarning;
    finding.advice = "a checkpoint of a 7B model (85 GB) takes " + FormatSeconds(85e9 / rate) +
                     " at this rate; put --checkpoint-dir on a faster disk";
  }
  return finding;
}

std::vector<Finding> LookAtMachine(const std::string& folder, bool has_gpu) {
  return {MemoryFinding(""), HugePagesFinding(""), LockedMemoryFinding(has_gpu), DiskFinding(folder)};
}

}  // namespace horizon
