#include "core/train/engine.h"

#include <sched.h>

#include <utility>

#include "core/base/memory_nodes.h"

namespace hlm {
namespace {

std::vector<Device*> Pointers(const std::vector<std::unique_ptr<Device>>& devices) {
  std::vector<Device*> pointers;
  pointers.reserve(devices.size());
  for (const auto& device : devices) pointers.push_back(device.get());
  return pointers;
}

// The processors for the optimizer's threads: those of the memory node of all devices, where the host has several nodes, that one has
// enough of them, and this process may use them. None: wherever the system puts them.
std::vector<int> CoresBeside(const std::vector<std::unique_ptr<Device>>& devices, int64_t threads) {
  const int node = devices.front()->info().memory_node;
  if (node < 0) return {};
  for (const auto& device : devices) {
    if (device->info().memory_node != node) return {};
  }
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return {};
  std::vector<int> cores = MemoryNodes().Cores(node);
  std::erase_if(cores, [&](int core) { return core >= CPU_SETSIZE || !CPU_ISSET(static_cast<size_t>(core), &allowed); });
  return static_cast<int64_t>(cores.size()) >= threads ? cores : std::vector<int>();
}

}  // namespace

Engine::Engine(std::shared_ptr<const Model> own_model, std::shared_ptr<const Plan> own_plan, OptimizerOptions optimizer,
               std::vector<std::unique_ptr<Device>> own_devices, ProcessGroup* group)
    : model(std::move(own_model)),
      plan(std::move(own_plan)),
      all_ranks(group, health),
      devices(std::move(own_devices)),
      pool(static_cast<int>(plan->optimizer_threads), CoresBeside(devices, plan->optimizer_threads)),
      store(model->layout(), *plan, device(), all_ranks.rank()),
      frozen(*plan, store, device(), pool),
      saver(*plan, store, pool, trace, device().race_checker(), plan->sharded ? all_ranks.Savers() : SaveRanks{}) {
  optimizer.algorithm = plan->numerics.algorithm;
  optimizer.path = plan->options.update_path.value_or(UpdatePath::kFused);
  // Its code is made here, not between two parts of a weight.
  if (optimizer.path == UpdatePath::kOneDnn) PrepareOptimizer(pool, optimizer);
  const auto before_update = [this](int64_t piece) {
    saver.BeforeUpdate(piece);
    frozen.BeforeChange(piece);
  };
  updater = std::make_unique<Updater>(model->spec(), model->layout(), *plan, device(), store, optimizer, pool, trace,
                                      before_update, all_ranks.group());
  executor = std::make_unique<Executor>(model->spec(), model->layout(), *plan, Pointers(devices), store, *updater, trace,
                                        interrupt, all_ranks.group());
  store.TouchPages(pool);
  store.Load(*model, pool);
}

Engine::~Engine() {
  // Updates that are still pending belong to a step that was reported: the updater ends them before anything goes.
  if (executor) executor->Abandon();
  updater.reset();
}

TokenLimits Engine::limits() const {
  const ModelSpec& spec = model->spec();
  return {.vocab = spec.vocab, .positions = spec.embedding.positions - spec.embedding.position_offset};
}

Tokens Engine::Prepare(const Batch& batch, Predictions predictions) const {
  health.CheckAlive();
  return PrepareTokens(batch, limits(), predictions);
}

void Engine::Recover() noexcept {
  executor->Abandon();
  try {
    updater->MakeUpAll();  // where the device has failed the state can still be read
    updater->WaitIdle();
  } catch (...) {  // it is the error at hand, or follows from it
  }
  if (updater->failed_update()) health.Tear();
  updater->Reset();
  executor->OpenRings();
}

void Engine::AwaitUpdates() {
  try {
    updater->WaitIdle();
  } catch (...) {
    if (updater->failed_update()) health.Tear();
    throw;
  }
}

void Engine::FinishUpdates() {
  updater->MakeUpAll();
  AwaitUpdates();
}

}  // namespace hlm
