#include "core/machine/link_rates.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "core/base/c_locale.h"
#include "core/base/error.h"
#include "core/machine/calibration.h"

namespace hlm {
namespace {

constexpr size_t kCopy = size_t{256} << 20;
constexpr int kCopies = 4;  // one behind the other, so that all devices are at it together

struct Ends {
  std::unique_ptr<Stream> up, down;
  Buffer memory, to, from;  // two copies on the device; one each way on the host
};

// The best of three rounds; the first is for warming up.
double Seconds(const std::function<void()>& enqueue, const std::function<void()>& synchronize) {
  double best = 0;
  for (int round = 0; round < 4; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    enqueue();
    synchronize();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (round == 1 || (round > 1 && seconds < best)) best = seconds;
  }
  return std::max(best, 1e-9);
}

}  // namespace

LinkRates MeasureLinks(std::span<Device* const> devices) {
  HLM_CHECK(devices.size() >= 2, devices.size(), " devices have no links among them");
  std::vector<Ends> ends;
  for (Device* device : devices) {
    ends.push_back({device->CreateStream("up"), device->CreateStream("down"), device->Allocate(2 * kCopy),
                    device->AllocateHost(kCopy), device->AllocateHost(kCopy)});
  }
  const auto synchronize = [&] {
    for (Ends& end : ends) {
      end.up->Synchronize();
      end.down->Synchronize();
    }
  };
  const double bytes = static_cast<double>(kCopy) * kCopies, count = static_cast<double>(ends.size());
  LinkRates rates;
  rates.links = 2 * count * bytes /
                Seconds(
                    [&] {
                      for (int i = 0; i < kCopies; ++i) {
                        for (Ends& end : ends) {
                          end.up->Copy(end.memory.data(), end.from.data(), kCopy);
                          end.down->Copy(end.to.data(), end.memory.data() + kCopy, kCopy);
                        }
                      }
                    },
                    synchronize);
  rates.peer = bytes / Seconds(
                           [&] {
                             for (int i = 0; i < kCopies; ++i) {
                               for (size_t d = 0; d < ends.size(); ++d) {
                                 const Ends& neighbour = ends[(d + 1) % ends.size()];
                                 ends[d].up->Copy(ends[d].memory.data(), neighbour.memory.data() + kCopy, kCopy);
                               }
                             }
                           },
                           synchronize);
  return rates;
}

LinkRates CalibratedLinks(const std::string& key, const std::function<std::vector<std::unique_ptr<Device>>()>& make) {
  const auto text = [&] {
    const std::vector<std::unique_ptr<Device>> devices = make();
    std::vector<Device*> pointers;
    pointers.reserve(devices.size());
    for (const auto& device : devices) pointers.push_back(device.get());
    const LinkRates rates = MeasureLinks(pointers);
    char line[64];
    const CLocale point;
    std::snprintf(line, sizeof line, "%.6g %.6g", rates.links, rates.peer);
    return std::string(line);
  };
  bool kept = false;
  std::string line = CalibrationFile().Get("links|" + key, text, &kept);
  LinkRates rates;
  const auto read = [&] {
    const CLocale point;
    return std::sscanf(line.c_str(), "%lg %lg", &rates.links, &rates.peer) == 2 && std::min(rates.links, rates.peer) > 0;
  };
  if (read()) return rates;
  line = text();  // a damaged file
  read();
  return rates;
}

}  // namespace hlm
