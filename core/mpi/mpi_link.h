// MpiLink: a link by MPI's sends and receives. The processes were started by MPI's launcher, which ends all of them where one ends badly.
#ifndef HORIZON_LM_CORE_MPI_MPI_LINK_H_
#define HORIZON_LM_CORE_MPI_MPI_LINK_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/group/link.h"
#include "core/mpi/mpi_api.h"

namespace hlm {

class MpiLink final : public Link {
 public:
  explicit MpiLink(const LinkOptions& options);
  Result Move(const Transfer& transfer, double seconds) override;
  void Abort() override { aborted_ = true; }

 private:
  struct Request {
    MpiApi::Handle handle = 0;
    bool done = true;
  };
  Result Wait(Request& receive, Request& send, double deadline);

  MpiApi& mpi_;
  std::mutex& calls_;  // MPI takes one call at a time
  MpiApi::Handle communicator_ = 0;
  std::vector<int> ranks_;  // MPI's, by rank of the group
  std::atomic<bool> aborted_{false};
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MPI_MPI_LINK_H_
