// Engine: what there is to train with: a model and its plan, devices, host memory, and who works on them beside each other.
//
//   store  --Executor-->  devices  --Executor-->  gradients  --Updater-->  store
//     |                                                           | before a piece changes
//     +--BackgroundSave: to disk     FrozenCopies: as it was  <---+
//
// Work that fails leaves nothing under way, and its error is remembered where the devices or the optimizer are of no more use.
#ifndef HORIZON_LM_CORE_TRAIN_ENGINE_H_
#define HORIZON_LM_CORE_TRAIN_ENGINE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "core/data/batch.h"
#include "core/device/device.h"
#include "core/group/group.h"
#include "core/model/model.h"
#include "core/plan/plan.h"
#include "core/save/background_save.h"
#include "core/store/frozen.h"
#include "core/store/store.h"
#include "core/stream/trace.h"
#include "core/train/all_ranks.h"
#include "core/train/executor.h"
#include "core/train/health.h"
#include "core/train/interrupt.h"
#include "core/train/updater.h"
#include "cpu_optim/host_pool.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

struct Engine {
  // Allocates what the plan says and loads the weights. `group`: null where this process is alone.
  Engine(std::shared_ptr<const Model> model, std::shared_ptr<const Plan> plan, OptimizerOptions optimizer,
         std::vector<std::unique_ptr<Device>> devices, ProcessGroup* group);
  ~Engine();

  const std::shared_ptr<const Model> model;
  const std::shared_ptr<const Plan> plan;
  Health health;
  AllRanks all_ranks;
  const std::vector<std::unique_ptr<Device>> devices;
  Trace trace;
  Interrupt interrupt;
  HostPool pool;
  ParameterStore store;
  FrozenCopies frozen;   // the updater copies into them
  BackgroundSave saver;  // before the updater, whose queue may hold the beginning of a save
  std::unique_ptr<Updater> updater;
  std::unique_ptr<Executor> executor;

  Device& device() const { return *devices.front(); }  // host memory that all devices copy from is its

  TokenLimits limits() const;
  // A batch as the devices see it, where they still work.
  Tokens Prepare(const Batch& batch, Predictions predictions) const;

  // Runs work on the devices; after an error or a cancel nothing is left under way.
  template <class Work>
  void Guarded(const Work& work);
  // The same for work that all processes of the group do together.
  template <class Work>
  void GuardedTogether(const Work& work) {
    Guarded([&] { all_ranks.Together(work); });
  }

  void AwaitUpdates();   // that are pending; not of those that may wait longer
  void FinishUpdates();  // all

 private:
  void Recover() noexcept;
};

template <class Work>
void Engine::Guarded(const Work& work) {
  interrupt.CallBegins();
  try {
    work();
  } catch (const Error& error) {
    Recover();
    // Bad arguments are found before any work begins; what is left, but for a cancel, is the devices' or the optimizer's failure.
    if (error.code() == Code::kInternal || error.code() == Code::kUnavailable) health.Fail(error);
    throw;
  } catch (...) {  // out of host memory: nothing is broken, and the next call may succeed
    Recover();
    throw;
  }
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_ENGINE_H_
