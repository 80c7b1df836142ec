// NcclLink: a link between the GPUs of the ranks. What is sent goes from host memory up to this rank's GPU, by NCCL to the other one, and
// down to host memory there, in chunks, so that the three ways are used at the same time. Of NCCL only sends and receives are used: the
// order of sums is ours.
//
// Nothing waits inside NCCL or CUDA: the communicator does not block, and whoever waits looks again and again whether the transfer has
// ended, has failed, was aborted or is late. Then the communicator is aborted, which ends its kernels, and the link is of no more use.
#ifndef HORIZON_LM_CORE_NCCL_NCCL_LINK_H_
#define HORIZON_LM_CORE_NCCL_NCCL_LINK_H_

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>

#include "core/group/link.h"

namespace hlm {

class NcclLink final : public Link {
 public:
  explicit NcclLink(const LinkOptions& options);
  ~NcclLink() override;
  Result Move(const Transfer& transfer, double seconds) override;
  void Abort() override { aborted_ = true; }

 private:
  // An exchange waits for its turn among the GPU's kernels: chunks are large, and several under way. All places take a 256th of the GPU's
  // memory at most, and no more than 512 MiB.
  static constexpr size_t kPlaces = 4, kMostChunkBytes = size_t{64} << 20, kLeastChunkBytes = size_t{1} << 20, kShareOfGpu = 256;
  // Memory of the GPU for a chunk of each way; chunks take them by turns.
  struct Place {
    std::byte *send = nullptr, *receive = nullptr;
    cudaEvent_t up = nullptr, exchanged = nullptr, down = nullptr;
  };
  // A part of a transfer.
  struct Chunk {
    const std::byte* send;
    size_t send_bytes;
    std::byte* receive;
    size_t receive_bytes;
  };

  void Allocate();
  void Connect(const LinkOptions& options);
  void Free() noexcept;
  Result Exchange(const Transfer& transfer, const Chunk& chunk, Place& place, double deadline);
  void TakeDown(const Chunk& chunk, const Place& place);
  // Until `ended` says so, or something is wrong. ended: true, false, or throws.
  Result Await(const std::function<bool()>& ended, double deadline);
  Result AwaitEvent(cudaEvent_t event, double deadline);
  // False where the communicator is still at it.
  bool Ready();
  Result GiveUp(Outcome outcome, const std::string& why);

  const int device_;
  size_t chunk_bytes_ = 0;
  ncclComm_t communicator_ = nullptr;
  cudaStream_t up_ = nullptr, exchange_ = nullptr, down_ = nullptr;
  Place places_[kPlaces];
  std::atomic<bool> aborted_{false};
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_NCCL_NCCL_LINK_H_
