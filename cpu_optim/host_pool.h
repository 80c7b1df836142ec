// HostPool: the optimizer's own threads. Work is cut into items by the caller; which thread takes which item never matters.
#ifndef HORIZON_LM_CPU_OPTIM_HOST_POOL_H_
#define HORIZON_LM_CPU_OPTIM_HOST_POOL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace hlm {

// Threads wait on a condition variable, not in a loop: beside a compute team every core has other work. They run with the
// default floating-point environment whatever the creating thread has set (flush-to-zero would change bits), and tell OpenMP
// that its team is one thread, so that oneDNN primitives called by an item stay in that item's thread.

class HostPool {
 public:
  // threads >= 1; the calling thread of ParallelFor is not one of them. With `cores`, thread i is pinned to cores[i % size].
  // Without, nothing is pinned: only a plan that lists all cores by role knows which ones the compute team leaves free, and
  // a thread pinned to a core that the team uses as well waits for its time slice while another core is idle.
  explicit HostPool(int threads, const std::vector<int>& cores = {});
  ~HostPool();
  HostPool(const HostPool&) = delete;
  HostPool& operator=(const HostPool&) = delete;

  int threads() const;

  // Calls work(item) for every item in [0, items) on the pool's threads and returns when all are done. The first exception of
  // an item is rethrown here after the items already begun have ended; the others are not begun. One ParallelFor at a time;
  // several callers take turns in the order of their calls. FAILED_PRECONDITION from one of the pool's own threads.
  void ParallelFor(int64_t items, const std::function<void(int64_t)>& work);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CPU_OPTIM_HOST_POOL_H_
