#include "core/cuda/cuda_device.h"

#include <atomic>

#include "core/base/error.h"
#include "core/base/memory_nodes.h"
#include "core/cuda/cuda_ops.h"
#include "core/cuda/cuda_stream.h"
#include "core/cuda/pinned_memory.h"

namespace hlm::cuda {
namespace {

// What driver, cuBLASLt and cuDNN take on a GPU beside the arenas: 0.6 to 0.9 GiB on an H100 and an H200 with CUDA 13 and
// cuDNN 9.
constexpr int64_t kReserveBytes = int64_t{1} << 30;

int NodeOf(int index) {
  char address[32] = {};  // "0000:3B:00.0"
  if (cudaDeviceGetPCIBusId(address, sizeof(address), index) == cudaSuccess) return MemoryNodes().OfPciDevice(address);
  (void)cudaGetLastError();
  return -1;
}

class CudaDevice final : public Device {
 public:
  CudaDevice(int index, const PluginDeviceOptions& options)
      : context_(std::make_shared<Context>(index, options)), facts_(DescribeDevice(index)), ops_(context_) {
    info_.name = facts_.name;
    info_.description = facts_.description;
    info_.memory_bytes = facts_.memory_bytes;
    info_.memory_node = NodeOf(index);
    if (options.check_races) context_->checker = options.races != nullptr ? options.races : std::make_shared<RaceChecker>();
    for (const int peer : options.peers) ReachInto(peer);
  }

  const DeviceInfo& info() const override { return info_; }
  DeviceUsage usage() const override { return {device_bytes_.load(), host_bytes_.load()}; }
  std::unique_ptr<Stream> CreateStream(const std::string& name) override { return std::make_unique<CudaStream>(context_, name); }
  std::unique_ptr<Event> CreateEvent() override { return std::make_unique<CudaEvent>(context_); }
  Ops& ops() override { return ops_; }
  RaceChecker* race_checker() override { return context_->checker.get(); }

  Buffer Allocate(size_t bytes) override {
    CountAllocation(bytes);
    if (bytes == 0) return {};
    context_->Activate();
    void* data = nullptr;
    const cudaError_t result = cudaMalloc(&data, bytes);
    if (result == cudaErrorMemoryAllocation) {
      (void)cudaGetLastError();
      size_t free = 0, total = 0;
      (void)cudaMemGetInfo(&free, &total);
      throw ResourceExhausted("no memory on ", info_.name, " for ", bytes, " bytes: ", free, " of ", total, " bytes are free");
    }
    Check(result, "cudaMalloc");
    Check(cudaMemset(data, 0, bytes), "cudaMemset");
    Check(cudaDeviceSynchronize(), "cudaMemset");  // the fill is asynchronous, and the streams do not wait for the default one
    device_bytes_ += bytes;
    return {data, bytes, [this](void* released, size_t size) {
              Forget(released, size);
              cudaFree(released);
              device_bytes_ -= size;
            }};
  }

  Buffer AllocateHost(size_t bytes) override {
    CountAllocation(bytes);
    if (bytes == 0) return {};
    context_->Activate();
    void* data = PinMemory(bytes, info_.memory_node);
    host_bytes_ += bytes;
    return {data, bytes, [this](void* released, size_t size) {
              Forget(released, size);
              UnpinMemory(released, size);
              host_bytes_ -= size;
            }};
  }

 private:
  // This GPU's streams copy from and to the other's memory without a way through the host, where the two can: else such copies are slow.
  void ReachInto(int peer) {
    int can = 0;
    Check(cudaDeviceCanAccessPeer(&can, context_->index, peer), "cudaDeviceCanAccessPeer");
    if (can == 0) return;
    context_->Activate();
    const cudaError_t result = cudaDeviceEnablePeerAccess(peer, 0);
    if (result != cudaErrorPeerAccessAlreadyEnabled) return Check(result, "cudaDeviceEnablePeerAccess");
    (void)cudaGetLastError();  // by an earlier run of this process
  }

  void CountAllocation(size_t bytes) {
    const int64_t index = allocations_.fetch_add(1);
    if (index == context_->options.fail_allocation) {
      throw ResourceExhausted("no memory for ", bytes, " bytes: allocation ", index, " fails, as the test asked for");
    }
  }

  void Forget(const void* released, size_t bytes) {
    if (context_->checker != nullptr) context_->checker->Forget(released, bytes);
  }

  const std::shared_ptr<Context> context_;
  const DeviceFacts facts_;
  DeviceInfo info_;
  CudaOps ops_;
  std::atomic<size_t> device_bytes_{0}, host_bytes_{0};
  std::atomic<int64_t> allocations_{0};
};

std::string DriverVersion() {
  int version = 0;
  Check(cudaDriverGetVersion(&version), "cudaDriverGetVersion");
  return StrCat("CUDA ", version / 1000, ".", version % 1000 / 10);
}

std::string RuntimeVersion() {
  int version = 0;
  Check(cudaRuntimeGetVersion(&version), "cudaRuntimeGetVersion");
  return StrCat("CUDA ", version / 1000, ".", version % 1000 / 10);
}

std::string Identity(const cudaDeviceProp& p) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : p.uuid.bytes) {
    text += kDigits[(byte >> 4) & 15];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace

int DeviceCount() {
  int count = 0;
  const cudaError_t result = cudaGetDeviceCount(&count);
  if (result == cudaErrorInsufficientDriver) {
    throw Error(Code::kUnavailable,
                StrCat("the NVIDIA driver is too old: it offers ", DriverVersion(), ", ", RuntimeVersion(), " is needed"));
  }
  Check(result, "counting GPUs");
  if (count == 0) throw Error(Code::kUnavailable, "there is no GPU that CUDA can use");
  return count;
}

DeviceFacts DescribeDevice(int index) {
  const int count = DeviceCount();
  if (index < 0 || index >= count) throw NotFound("there is no device 'cuda:", index, "'; CUDA devices are 0 to ", count - 1);
  cudaDeviceProp p{};
  Check(cudaGetDeviceProperties(&p, index), "cudaGetDeviceProperties");
  DeviceFacts facts;
  facts.name = StrCat("cuda:", index);
  facts.architecture = StrCat(p.major, ".", p.minor);
  facts.driver = DriverVersion();
  facts.libraries = StrCat(p.name, ", compute capability ", facts.architecture, ", ", RuntimeVersion(), ", ", Products::Version(),
                           ", ", CudnnAttention::Version());
  facts.description = StrCat(facts.libraries, ", driver ", facts.driver);
  facts.identity = Identity(p);
  facts.multiprocessors = p.multiProcessorCount;
  facts.memory_bytes = static_cast<int64_t>(p.totalGlobalMem);
  facts.shared_bytes = static_cast<int64_t>(p.sharedMemPerBlockOptin);
  Check(cudaSetDevice(index), "cudaSetDevice");
  size_t free = 0, total = 0;
  Check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  facts.free_bytes = static_cast<int64_t>(free);
  facts.reserve_bytes = kReserveBytes;
  return facts;
}

std::unique_ptr<Device> CreateCudaDevice(int index, const PluginDeviceOptions& options) {
  DescribeDevice(index);  // a name that is none, a driver that is none
  return std::make_unique<CudaDevice>(index, options);
}

}  // namespace hlm::cuda
