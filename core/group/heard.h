// Heard: what a rank has heard of the hub, for the threads that wait for it: that the group has failed, what all have gathered, that it may
// go.
#ifndef HORIZON_LM_CORE_GROUP_HEARD_H_
#define HORIZON_LM_CORE_GROUP_HEARD_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace hlm {

class Heard {
 public:
  // Called once, by whom it fails, when the group has failed. Set before anything that it stops can begin.
  void OnFailure(std::function<void()> stop);

  void Fail(const std::string& why);  // the first reason stays: the verdict
  void Gather(std::vector<std::string> all);
  void Dismiss();

  bool failed();
  void Check();  // throws UNAVAILABLE where the group has failed

  // Each waits for so many seconds at most, and no longer once the group has failed.
  std::optional<std::vector<std::string>> AwaitGathered(double seconds);
  void AwaitDismissal(double seconds);
  std::optional<std::string> AwaitFailure(double seconds);  // the verdict

 private:
  template <class Come>
  void Await(std::unique_lock<std::mutex>& lock, double seconds, const Come& come);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::string> failure_;
  std::function<void()> on_failure_;
  std::optional<std::vector<std::string>> gathered_;
  bool dismissed_ = false;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_GROUP_HEARD_H_
