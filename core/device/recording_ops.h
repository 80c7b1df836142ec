// RecordingOps: operations of no device. Calls are checked like everywhere and kept, with their facts, instead of being run: so
// whoever is given an Ops can be rehearsed, on addresses that need not be there.
#ifndef HORIZON_LM_CORE_DEVICE_RECORDING_OPS_H_
#define HORIZON_LM_CORE_DEVICE_RECORDING_OPS_H_

#include <functional>
#include <utility>
#include <vector>

#include "core/device/device.h"
#include "core/device/facts.h"

namespace hlm {

struct RecordedCall {
  Call call;  // pointers as they were given: the documents' host offsets are good as long as the caller's
  OpFacts facts;
  size_t workspace_bytes = 0;
};

class RecordingOps final : public Ops {
 public:
  // `workspace`: what the device that is meant wants for a call; none: 0.
  explicit RecordingOps(std::function<size_t(const Call&)> workspace = {}) : workspace_(std::move(workspace)) {}

  const std::vector<RecordedCall>& calls() const { return calls_; }
  size_t WorkspaceBytes(const Call& call) const override { return workspace_ ? workspace_(call) : 0; }

 protected:
  void Do(Stream&, const Call& call, OpFacts facts) override { calls_.push_back({call, std::move(facts), WorkspaceBytes(call)}); }

 private:
  const std::function<size_t(const Call&)> workspace_;
  std::vector<RecordedCall> calls_;
};

// The stream of a rehearsal: copies and fills count for nothing, and there is nothing to wait for.
class NoStream final : public Stream {
 public:
  void Record(Event&) override {}
  void Wait(Event&, const char*) override {}
  void Copy(void*, const void*, size_t) override {}
  void FillZero(void*, size_t) override {}
  void Call(std::function<void()>) override {}
  std::shared_ptr<TimeStamp> Stamp() override { return nullptr; }
  void Synchronize() override {}
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_RECORDING_OPS_H_
