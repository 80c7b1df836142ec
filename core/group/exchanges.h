// Exchanges: how many a rank has taken part in, and whether one that leaves is missed in any of them. Every rank has as many of them in the
// same calls: one that this rank has begun and the leaver has not will never end.
#ifndef HORIZON_LM_CORE_GROUP_EXCHANGES_H_
#define HORIZON_LM_CORE_GROUP_EXCHANGES_H_

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

namespace hlm {

class Exchanges {
 public:
  int64_t begun() const { return begun_; }
  int64_t ended() const { return ended_; }

  // Around each. Begin: the rank that is missed in it.
  std::optional<int64_t> Begin() {
    std::lock_guard lock(mutex_);
    ++begun_;
    return Missed();
  }
  // Whether somebody waits to hear of it.
  bool End() {
    ++ended_;
    return someone_leaves_;
  }

  // A rank said goodbye after so many exchanges; the first who does counts. The rank that is missed already.
  std::optional<int64_t> Leave(int64_t rank, int64_t exchanges) {
    std::lock_guard lock(mutex_);
    if (leaver_.rank < 0) leaver_ = {rank, exchanges};
    someone_leaves_ = true;
    return Missed();
  }

 private:
  std::optional<int64_t> Missed() const {
    return leaver_.rank >= 0 && begun_ > leaver_.exchanges ? std::optional(leaver_.rank) : std::nullopt;
  }

  std::atomic<int64_t> begun_{0}, ended_{0};
  std::atomic<bool> someone_leaves_{false};
  std::mutex mutex_;
  struct Leaver {
    int64_t rank = -1, exchanges = 0;
  } leaver_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_GROUP_EXCHANGES_H_
