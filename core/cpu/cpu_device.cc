#include "core/cpu/cpu_device.h"

#include <oneapi/dnnl/dnnl.hpp>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "core/base/error.h"
#include "core/base/map_memory.h"
#include "core/cpu/cgroup.h"
#include "core/cpu/cpu_memory.h"
#include "core/cpu/cpu_ops.h"
#include "core/cpu/cpu_stream.h"
#include "core/cpu/kernels.h"
#include "core/cpu/product.h"
#include "hwy/highway.h"

namespace hlm {
namespace {

const char* ProductTarget() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
      return "SSE4.1";
    case dnnl::cpu_isa::avx:
      return "AVX";
    case dnnl::cpu_isa::avx2:
      return "AVX2";
    case dnnl::cpu_isa::avx2_vnni:
      return "AVX2 VNNI";
    case dnnl::cpu_isa::avx512_core:
      return "AVX-512";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "AVX-512 VNNI";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "AVX-512 bf16";
    case dnnl::cpu_isa::avx512_core_amx:
      return "AMX";
    default:
      return "other instructions";
  }
}

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(const CpuDeviceOptions& options) : context_(std::make_shared<CpuContext>()), ops_(context_) {
    if (options.threads < 0) throw InvalidArgument("the CPU device cannot have ", options.threads, " threads");
    context_->options = options;
    context_->threads = kThreadSanitizer ? 1 : options.threads > 0 ? options.threads : AvailableThreads();
    if (options.check_races) context_->checker = options.races != nullptr ? options.races : std::make_shared<RaceChecker>();
    info_.name = "cpu";
    info_.description =
        StrCat("CPU, ", context_->threads, context_->threads == 1 ? " thread, " : " threads, ", CpuLibraryVersions());
    info_.memory_bytes = MemoryLimit();
  }

  const DeviceInfo& info() const override { return info_; }
  Buffer Allocate(size_t bytes) override { return Take(bytes, &device_bytes_); }
  Buffer AllocateHost(size_t bytes) override { return Take(bytes, &host_bytes_); }
  DeviceUsage usage() const override { return {device_bytes_.load(), host_bytes_.load()}; }
  std::unique_ptr<Stream> CreateStream(const std::string& name) override { return std::make_unique<CpuStream>(context_, name); }
  std::unique_ptr<Event> CreateEvent() override { return std::make_unique<CpuEvent>(context_); }
  Ops& ops() override { return ops_; }
  RaceChecker* race_checker() override { return context_->checker.get(); }
  void LeaveOut(std::function<bool()> asked) override { context_->leaves_out = std::move(asked); }

 private:
  Buffer Take(size_t bytes, std::atomic<size_t>* used) {
    const int64_t index = allocations_.fetch_add(1);
    if (index == context_->options.fail_allocation) {
      throw ResourceExhausted("no memory for ", bytes, " bytes: allocation ", index, " fails, as the test asked for");
    }
    if (bytes == 0) return {};
    void* data = MapMemory(bytes);
    used->fetch_add(bytes);
    return {data, bytes, [this, used](void* released, size_t size) {
              if (context_->checker != nullptr) context_->checker->Forget(released, size);
              UnmapMemory(released, size);
              used->fetch_sub(size);
            }};
  }

  DeviceInfo info_;
  std::shared_ptr<CpuContext> context_;
  CpuOps ops_;
  std::atomic<size_t> device_bytes_{0}, host_bytes_{0};
  std::atomic<int64_t> allocations_{0};
};

}  // namespace

std::unique_ptr<Device> CreateCpuDevice(const CpuDeviceOptions& options) { return std::make_unique<CpuDevice>(options); }

int AvailableThreads() {
  int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) threads = std::min(threads, CPU_COUNT(&set));
  const double limit = CgroupCpuLimit();
  if (limit > 0) threads = std::min(threads, static_cast<int>(std::ceil(std::min(limit, 1e6))));
  // As OpenMP programs take it: of a list for nested teams the first. What is no number, libgomp has complained of.
  if (const char* wanted = std::getenv("OMP_NUM_THREADS")) {
    int64_t number = 0;
    const char* end = wanted + std::strlen(wanted);
    while (wanted < end && *wanted == ' ') ++wanted;
    if (std::from_chars(wanted, end, number).ec == std::errc() && number >= 1) {
      threads = static_cast<int>(std::min<int64_t>(threads, number));
    }
  }
  return std::max(1, threads);
}

bool NativeBf16() { return NativeBf16Products(); }

std::string CpuLibraryVersions() {
  const dnnl_version_t* version = dnnl_version();
  return StrCat("oneDNN ", version->major, ".", version->minor, ".", version->patch, " ", ProductTarget(), ", Highway ",
                HWY_MAJOR, ".", HWY_MINOR, ".", HWY_PATCH, " ", SimdTarget(), ", bf16 ",
                NativeBf16() ? "native" : "by conversion");
}

}  // namespace hlm
