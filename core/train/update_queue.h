// UpdateQueue: the jobs of the optimizer in the order in which they were decided, and the one thread that does them.
//
//   | take 7.0 | take 7.1 | take 6.0 | ... | update 0 | update 1 | ... |     oldest first; pieces and their parts
//
// Jobs have two kinds of errors. One on the gradient's side drops the other gradients of the step and is forgotten with it. One inside an
// update stays: the weights are then of two steps. Updates that were decided before the first kind are still owed, and run.
#ifndef HORIZON_LM_CORE_TRAIN_UPDATE_QUEUE_H_
#define HORIZON_LM_CORE_TRAIN_UPDATE_QUEUE_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/device/device.h"
#include "core/device/hand_over.h"

namespace hlm {

class UpdateQueue {
 public:
  struct Job {
    std::function<void()> work;
    bool is_update = false;
    bool always = false;  // runs after an error too
    int64_t piece = -1;   // that is no longer pending afterwards
    HandOver handed = {};
  };

  // `update_failed` is called by the queue's thread when a job that is an update has failed.
  UpdateQueue(int64_t pieces, RaceChecker* checker, std::function<void(const std::exception_ptr& error)> update_failed);
  ~UpdateQueue();  // what is queued is finished first: no update of a trained step is lost

  void Add(Job job);
  void AddAll(std::vector<Job> jobs);  // or, if memory runs out, none: a step is never half decided
  void AddBehindOwn(Job job);          // behind other jobs of its piece, and before those of others

  void WaitForPiece(int64_t piece);  // until no job of the piece is pending; throws the error of an update
  void WaitIdle();                   // until the queue is empty; throws the first error since the last Forget
  void Forget();                     // an error of the gradient's side

  // For jobs that update although most of their work is on the gradient's side.
  void KeepUpdateError(const std::exception_ptr& error);
  std::exception_ptr update_error() const;
  double busy_seconds() const;

 private:
  void Run();
  std::exception_ptr End(Job job, bool skip);  // its error, if it has one

  RaceChecker* const checker_;
  const std::function<void(const std::exception_ptr& error)> update_failed_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::vector<int64_t> pending_;  // [pieces] jobs not done yet
  bool busy_ = false, stop_ = false;
  std::exception_ptr error_, update_error_;
  double busy_seconds_ = 0;
  HandOver done_;
  std::thread thread_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_UPDATE_QUEUE_H_
