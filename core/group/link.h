// Link: what carries arrays between ranks: Gloo, MPI or NCCL, loaded at run time. The interface is C++ between two libraries of one build,
// as a device's (core/device/plugin.h); the entry point refuses every other build.
#ifndef HORIZON_LM_CORE_GROUP_LINK_H_
#define HORIZON_LM_CORE_GROUP_LINK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace hlm {

class Link {
 public:
  virtual ~Link() = default;

  enum class Outcome { kDone, kAborted, kLate, kLost };
  struct Result {
    Outcome outcome = Outcome::kDone;
    std::string why;  // of kLost
  };
  // One rank's side of a transfer: sends to a rank and receives from a rank, both at the same time; waits for both. Of one channel on
  // one thread at a time; what is sent to a rank on a channel arrives in order. No bytes: nothing is sent or received.
  struct Transfer {
    uint64_t channel = 0;
    int64_t to = 0;
    const void* send = nullptr;
    size_t send_bytes = 0;
    int64_t from = 0;
    void* receive = nullptr;
    size_t receive_bytes = 0;
  };
  virtual Result Move(const Transfer& transfer, double seconds) = 0;

  // From any thread: whoever waits in Move returns, now and from now on.
  virtual void Abort() = 0;
};

struct LinkOptions {
  int64_t rank = 0, size = 0;
  std::string address = {};                                                         // of this machine, where the others reach it
  double timeout = 0;                                                               // seconds for the connections to be made
  std::function<std::vector<std::string>(const std::string& own)> all_gather = {};  // everybody's bytes, by rank
  std::function<void()> check;                                                      // throws where the group has failed meanwhile
  int device = -1;  // the GPU through whose memory arrays travel; NCCL only
};

class LinkPlugin {
 public:
  virtual ~LinkPlugin() = default;
  // Throws UNAVAILABLE with the reason.
  virtual std::unique_ptr<Link> Connect(const LinkOptions& options) = 0;
};

// Each in a library that lies beside the library (or program) that holds this code: libhorizonlm_gloo.so, and libhorizonlm_cuda.so, which is
// the CUDA device's as well. Loaded at the first call and kept. Throws UNAVAILABLE with the reason: no such library, a library that it
// needs, another build.
LinkPlugin& GlooPlugin();
LinkPlugin& NcclPlugin();
// By the machine's MPI, which core/mpi loads.
LinkPlugin& MpiPlugin();

}  // namespace hlm

// The entry point: the plugin where `stamp` is that of the plugin's own build (link_stamp.h), else null. Lives for ever.
extern "C" __attribute__((visibility("default"))) hlm::LinkPlugin* hlm_link_plugin(const char* stamp);

#endif  // HORIZON_LM_CORE_GROUP_LINK_H_
