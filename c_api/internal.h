// What every file behind the C ABI shares: the handles, and the guard that no exception passes.
#ifndef HORIZON_LM_C_API_INTERNAL_H_
#define HORIZON_LM_C_API_INTERNAL_H_

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "c_api/horizon_lm.h"
#include "core/base/error.h"
#include "core/group/group.h"
#include "core/model/model.h"
#include "core/model/spec.h"
#include "core/plan/plan.h"
#include "core/text/template/chat_template.h"
#include "core/text/tokenizer/tokenizer.h"
#include "core/train/trainer.h"
#include "cpu_optim/host_pool.h"
#include "cpu_optim/optimizer.h"

namespace hlm::capi {

// The thread whose call is in a handle; none where there is no such call.
using User = std::atomic<std::thread::id>;

// Whether a call is in a handle, and which process made it. A forked child has the parent's memory and none of its threads: what
// waits for one would wait for ever.
struct InUse {
  User now{};
  const pid_t process = getpid();
  bool InForkedChild() const { return getpid() != process; }
};

}  // namespace hlm::capi

struct hlm_error {
  int32_t code;
  std::string message;
};

struct hlm_model {
  std::shared_ptr<const hlm::Model> model;
};

struct hlm_tokenizer {
  std::shared_ptr<const hlm::Tokenizer> tokenizer;
};

struct hlm_decoder {
  hlm_decoder(std::shared_ptr<const hlm::Tokenizer> tokenizer, bool skip) : decoder(std::move(tokenizer), skip) {}
  hlm::StreamDecoder decoder;
  hlm::capi::User in_use{};
};

struct hlm_template {
  std::shared_ptr<const hlm::ChatTemplate> chat;
};

struct hlm_plan {
  std::shared_ptr<const hlm::Plan> plan;
  hlm::ModelSpec spec;  // of the model that it was made for: a trainer compares
  // What it was made from: a rank of a group makes it again with rank 0's choices.
  hlm::PlanOptions options;
  hlm::MachineSpec machine;
};

struct hlm_group {
  std::shared_ptr<hlm::ProcessGroup> group;  // trainers of it keep it
  hlm::capi::InUse in_use;
};

struct hlm_trainer {
  std::unique_ptr<hlm::Trainer> trainer;
  hlm::capi::InUse in_use;
};

struct hlm_weights {
  std::unique_ptr<hlm::FrozenWeights> weights;
  hlm::capi::InUse in_use;
};

struct hlm_optimizer {
  hlm_optimizer(const hlm::OptimizerOptions& own, hlm::StateType own_states, int threads)
      : options(own), states(own_states), pool(threads) {}
  hlm::OptimizerOptions options;
  hlm::StateType states;
  hlm::HostPool pool;
  hlm::capi::InUse in_use;
};

namespace hlm::capi {

// The exception in flight as an error object. Called in a catch block only. Where there is no memory for one: a static object.
hlm_error* CurrentError() noexcept;

// Runs `body`; what it throws becomes the returned error. A body assigns its outputs last, with assignments that cannot throw.
template <class Body>
[[nodiscard]] hlm_error* Guard(Body&& body) noexcept {
  try {
    std::forward<Body>(body)();
    return nullptr;
  } catch (...) {
    return CurrentError();
  }
}

// Marks a handle as in use while it lives. Two threads in one handle, or a function of the caller's that uses the handle from whose call
// it is called, is the caller's bug; it is reported instead of corrupting memory, and a forked child is told so instead of waiting for
// threads that it does not have.
class Use {
 public:
  Use(User& in_use, const char* what) : in_use_(in_use) {
    std::thread::id user{};
    const std::thread::id own = std::this_thread::get_id();
    if (in_use_.compare_exchange_strong(user, own, std::memory_order_acquire)) return;
    if (user != own) throw FailedPrecondition(what, " is in use by another thread");
    throw FailedPrecondition(what,
                             " is in use by the call from which this one is made: a function that is called back may not use it");
  }
  // Of a handle that has threads.
  Use(InUse& in_use, const char* what) : Use(Here(in_use, what), what) {}
  ~Use() { in_use_.store({}, std::memory_order_release); }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

 private:
  static User& Here(InUse& in_use, const char* what) {
    if (!in_use.InForkedChild()) return in_use.now;
    throw FailedPrecondition(what, " was made in process ", in_use.process, " and has no threads in its forked child ", getpid(),
                             ": make one in the child");
  }

  User& in_use_;
};

// Frees a handle that has threads, or memory that threads of its device hand back; in a forked child it stays, since freeing it
// would wait for them.
template <class Handle>
void Destroy(Handle* handle) noexcept {
  if (handle != nullptr && !handle->in_use.InForkedChild()) delete handle;
}

// A copy that hlm_string_destroy frees.
char* CopyString(const std::string& text);

}  // namespace hlm::capi

#endif  // HORIZON_LM_C_API_INTERNAL_H_
