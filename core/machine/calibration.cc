#include "core/machine/calibration.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "core/base/c_locale.h"
#include "core/base/dtype.h"
#include "core/base/random.h"
#include "core/device/ops.h"

namespace hlm {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

// Median of some repetitions; the first one is for warming up.
double Seconds(Stream& stream, const std::function<void()>& work) {
  std::vector<double> times;
  for (int i = 0; i < 6; ++i) {
    const auto begin = stream.Stamp();
    work();
    const auto end = stream.Stamp();
    stream.Synchronize();
    if (i > 0) times.push_back((end->Microseconds() - begin->Microseconds()) * 1e-6);
  }
  std::nth_element(times.begin(), times.begin() + 2, times.end());
  return std::max(times[2], 1e-9);
}

// Bytes of random bf16 or fp32 numbers of moderate size on the device: products of zeros draw less power and run faster.
void FillRandom(Stream& stream, DType type, void* to, size_t bytes, Buffer& host) {
  const uint64_t key = RandomKey(1, "calibration");
  const size_t element = SizeOf(type), block = std::min(bytes, size_t{4} * kMiB);
  for (size_t i = 0; i < block / element; ++i) {
    const float value = static_cast<float>(static_cast<double>(RandomBelow(key, i, 1 << 20)) / (1 << 19) - 1);
    if (type == DType::kF32) {
      reinterpret_cast<float*>(host.data())[i] = value;
    } else {
      reinterpret_cast<bf16_t*>(host.data())[i] = FloatToBf16(value);
    }
  }
  for (size_t at = 0; at < bytes; at += block) {
    stream.Copy(static_cast<std::byte*>(to) + at, host.data(), std::min(block, bytes - at));
  }
  stream.Synchronize();
}

double ProductRate(Device& device, Stream& stream, DType type, int64_t n, const Buffer& memory, Buffer& host) {
  const size_t bytes = static_cast<size_t>(n * n) * SizeOf(type);
  std::byte* x = memory.data();
  FillRandom(stream, type, x, 2 * bytes, host);
  LinearArgs args;
  args.type = args.y_type = type;
  args.tokens = args.in = args.out = n;
  args.x = x;
  args.w = x + bytes;
  args.y = x + 2 * bytes;
  return 2.0 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n) /
         Seconds(stream, [&] { device.ops().Linear(stream, args); });
}

std::string DefaultPath() {
  if (const char* path = std::getenv("HORIZON_LM_CALIBRATION")) return path;
  std::string folder;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0') {
    folder = cache;
  } else if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    folder = std::string(home) + "/.cache";
    mkdir(folder.c_str(), 0777);
  } else {
    return "";
  }
  folder += "/horizon-lm";
  mkdir(folder.c_str(), 0777);
  return folder + "/calibration.txt";
}

// Values may have several lines; a line of the file may not.
std::string Escape(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ';');
  return text;
}
std::string Unescape(std::string text) {
  std::replace(text.begin(), text.end(), ';', '\n');
  return text;
}

}  // namespace

DeviceRates MeasureRates(Device& device) {
  constexpr int64_t kBf16Size = 8192, kF32Size = 4096;
  constexpr size_t kCopy = 256 * kMiB, kMemory = 2048 * kMiB;
  const auto up = device.CreateStream("up"), down = device.CreateStream("down");
  const auto started = device.CreateEvent(), ended = device.CreateEvent();
  const Buffer memory = device.Allocate(kMemory), workspace = device.Allocate(64 * kMiB);
  Buffer to = device.AllocateHost(kCopy), from = device.AllocateHost(kCopy);
  device.ops().SetWorkspace(workspace.data(), workspace.bytes());

  DeviceRates rates;
  const double bytes = static_cast<double>(kCopy);
  rates.up = bytes / Seconds(*up, [&] { up->Copy(memory.data(), from.data(), kCopy); });
  rates.down = bytes / Seconds(*up, [&] { up->Copy(to.data(), memory.data(), kCopy); });
  rates.both = 2 * bytes / Seconds(*up, [&] {
                 up->Record(*started);
                 down->Wait(*started, "the other way begins");
                 up->Copy(memory.data(), from.data(), kCopy);
                 down->Copy(to.data(), memory.data() + kCopy, kCopy);
                 down->Record(*ended);
                 up->Wait(*ended, "the other way has ended");
               });
  rates.copy =
      static_cast<double>(kMemory) / Seconds(*up, [&] { up->Copy(memory.data() + kMemory / 2, memory.data(), kMemory / 2); });
  rates.product_bf16 = ProductRate(device, *up, DType::kBF16, kBf16Size, memory, from);
  rates.product_f32 = ProductRate(device, *up, DType::kF32, kF32Size, memory, from);
  device.ops().SetWorkspace(nullptr, 0);
  return rates;
}

CalibrationFile::CalibrationFile() : path_(DefaultPath()) {}

std::string CalibrationFile::Get(const std::string& key, const std::function<std::string()>& make, bool* kept) {
  *kept = false;
  if (path_.empty()) return make();
  // One process measures at a time, and others wait for what it finds.
  const int fd = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return make();
  flock(fd, LOCK_EX);
  std::string value;
  try {
    std::ifstream lines(path_);
    for (std::string line; !*kept && std::getline(lines, line);) {
      const size_t tab = line.find('\t');
      if (tab == std::string::npos || line.compare(0, tab, key) != 0) continue;
      value = Unescape(line.substr(tab + 1));
      *kept = true;
    }
    if (!*kept) {
      value = make();
      const std::string line = key + "\t" + Escape(value) + "\n";
      *kept = lseek(fd, 0, SEEK_END) >= 0 && write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    }
  } catch (...) {
    close(fd);
    throw;
  }
  close(fd);
  return value;
}

DeviceRates CalibratedRates(const std::string& key, const std::function<std::unique_ptr<Device>()>& make) {
  const auto text = [&] {
    const std::unique_ptr<Device> device = make();
    const DeviceRates r = MeasureRates(*device);
    char line[256];
    const CLocale point;
    std::snprintf(line, sizeof line, "%.6g %.6g %.6g %.6g %.6g %.6g", r.up, r.down, r.both, r.copy, r.product_bf16,
                  r.product_f32);
    return std::string(line);
  };
  bool kept = false;
  std::string line = CalibrationFile().Get("rates|" + key, text, &kept);
  DeviceRates r;
  const auto read = [&] {
    const CLocale point;
    return std::sscanf(line.c_str(), "%lg %lg %lg %lg %lg %lg", &r.up, &r.down, &r.both, &r.copy, &r.product_bf16,
                       &r.product_f32) == 6 &&
           std::min({r.up, r.down, r.both, r.copy, r.product_bf16, r.product_f32}) > 0;
  };
  if (read()) return r;
  line = text();  // a damaged file
  read();
  return r;
}

}  // namespace hlm
