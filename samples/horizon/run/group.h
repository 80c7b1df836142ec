// The processes that share a run: this one alone, or one on each of several machines, which make the same calls in the same order.
#ifndef HORIZON_LM_SAMPLES_HORIZON_RUN_GROUP_H_
#define HORIZON_LM_SAMPLES_HORIZON_RUN_GROUP_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "samples/horizon/base/handle.h"
#include "samples/horizon/base/json.h"
#include "samples/horizon/options/options.h"

namespace horizon {

class Group {
 public:
  Group() = default;  // alone
  // By --group-address, or as the launcher says in the environment. Waits until all are there.
  explicit Group(const GroupOptions& options);

  const hlm::Group& handle() const { return group_; }  // empty: this process is alone
  int64_t rank() const { return group_.Rank(); }
  int64_t size() const { return group_.Size(); }
  bool first() const { return rank() == 0; }  // who writes and tells
  std::string Who() const { return "rank " + std::to_string(rank()); }

  // Which of n things are this rank's: neighbours, in whole runs of `run`. One rank's behind the other's they are all of them.
  std::pair<int64_t, int64_t> ShareOf(int64_t n, int64_t run = 1) const;

  // Work that can fail on one rank alone: then it has failed on all of them, where it did with its own error, elsewhere with the rank and
  // its error.
  void Together(const std::function<void()>& work) const;
  // The same, where the others find what the first has left for them.
  void FirstThenOthers(const std::function<void()>& work) const;

  // Throws on every rank, naming a rank, the member and both values, where an object is not the same everywhere.
  void CheckSame(const Json& own) const;

  // The largest of all ranks' numbers.
  int64_t Most(int64_t own) const;
  // Everybody's numbers, as many on each rank, one rank's behind the other's.
  std::vector<double> Gather(std::span<const double> own) const;
  // By place what any rank knows of it; NaN where none does.
  void Merge(std::span<double> values) const;

 private:
  std::vector<char> GatherBytes(const void* own, size_t bytes) const;

  hlm::Group group_;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_RUN_GROUP_H_
