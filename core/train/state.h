// Trainer::State: the parts of a trainer and what it has accumulated. Internal to core/train.
#ifndef HORIZON_LM_CORE_TRAIN_STATE_H_
#define HORIZON_LM_CORE_TRAIN_STATE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/error.h"
#include "core/save/background_save.h"
#include "core/store/frozen.h"
#include "core/train/executor.h"
#include "core/train/trainer.h"

namespace hlm {

// FAILED_PRECONDITION where the group has not as many processes as the plan.
void CheckProcesses(const Plan& plan, const TrainerOptions& options);
// What must be the same on every rank, for the steps to be: throws on all of them where it is not, or where one has `failed`.
void JoinGroup(const Model& model, const Plan& plan, const TrainerOptions& options, const std::optional<Error>& failed);

struct TensorPlace {
  int64_t unit = -1;
  const TensorSpec* tensor = nullptr;
};

struct Trainer::State {
  State(std::shared_ptr<const Model> model, std::shared_ptr<const Plan> plan, const TrainerOptions& options,
        std::vector<std::unique_ptr<Device>> devices);
  ~State();

  std::shared_ptr<const Model> model;
  std::shared_ptr<const Plan> plan;
  TrainerOptions options;
  ProcessGroup* group;  // null: this process is alone
  std::vector<std::unique_ptr<Device>> devices;
  Device* device;  // the first: host memory that all devices copy from is its
  Trace trace;
  Interrupt interrupt;
  HostPool pool;
  ParameterStore store;
  FrozenCopies frozen;   // the updater copies into them
  BackgroundSave saver;  // before the updater, whose queue may hold the beginning of a save
  std::unique_ptr<Updater> updater;
  std::unique_ptr<Executor> executor;
  std::unordered_map<std::string, TensorPlace> places;

  // Since the last update.
  bool accumulated = false;
  double loss = 0;
  int64_t tokens = 0;
  int64_t right = 0;   // tokens that were the likeliest, and
  double entropy = 0;  // the predictions' sum: where options.token_metrics asks
  int64_t sums = 0;    // of gradients
  RouterTotals routers;
  bool gradient_written = false;  // by the caller: experts that no token chose may have one
  double began = 0;               // seconds, on the trace's clock

  int64_t step = 0;     // finished, skipped ones among them: the schedule's position
  int64_t updates = 0;  // that changed weights: AdamW's bias correction
  // [routers][experts] updates of each expert, where the unrouted are skipped.
  std::vector<std::vector<int64_t>> expert_updates;
  double fixed_lr = -1;  // negative: by the schedule
  double forward_backward_seconds = 0, apply_seconds = 0;
  int64_t predicted_tokens = 0;
  RouterTotals last_routers;  // of the last step

  std::optional<Error> failure;  // the first error of the device or the optimizer; every later use of the device returns it
  bool torn = false;             // an update stopped half way: the weights are of two steps
  bool half_resumed = false;     // a resume stopped half way: the state is of no step until another succeeds

  void ResumeExpertUpdates(const std::vector<std::vector<int64_t>>& stored);
  void CheckAlive() const;
  void CheckResumed() const;
  void CheckWhole() const;
  void AwaitUpdates();  // that are pending; not of those that may wait longer
  void Forget();
  double NextRate() const { return fixed_lr >= 0 ? fixed_lr : LearningRate(options.schedule, step + 1); }

  UpdateStep NextUpdate(double lr, double gradient_scale) const;

  // Runs device work; after an error or a cancel nothing is left under way, and a failure is kept.
  template <class Work>
  void Guarded(const Work& work);
  // The same for work that all processes of the group do together: where it fails here, the others are told.
  template <class Work>
  void GuardedTogether(const Work& work);
  void Recover() noexcept;

  // The batch as the device sees it, where the device still works.
  Tokens Prepare(const Batch& batch, Predictions predictions) const;
  // The same of the batches of all processes, which agree on what they are about to do. Cancels and deadlines act here.
  Tokens PrepareTogether(const Batch& batch, Predictions predictions, const char* call);
  Ranks ranks() const { return group != nullptr ? Ranks{group->rank(), group->size()} : Ranks{}; }
  int64_t rank() const { return group != nullptr ? group->rank() : 0; }
  // All go on, or none does: see Agree. A group that has failed is a failure of the trainer. The squared norm of the whole gradient.
  double AgreeToApply();
  // Where states are sharded: the norms of everybody's chunks, on all ranks.
  void ShareNorms(const std::string& same, const std::optional<Error>& own = std::nullopt);
  // What a save that all ranks write needs of the group.
  SaveRanks SaversGroup() const;
  // Masters without a remainder are everywhere; all else is with its owner.
  bool IsShared(TensorKind kind) const;
  template <class Work>
  void Agreeing(const Work& work);
  // Forward and backward. `update`: timing `backward`.
  BatchLoss Accumulate(const Tokens& prepared, const std::optional<UpdateStep>& update, const Objective* objective = nullptr);
  void CountTokens(const Tokens& prepared);  // of the pass that has just returned: which were right, how sure the model was
  void CheckAccumulates() const;
  void CheckFrozen(const FrozenWeights* weights) const;
  // Negative log-likelihoods and what else is wanted, by place; as many passes as it takes (logprobs.cc).
  struct Places {
    std::vector<float> losses, entropies, best;
  };
  Places LogProbs(const Tokens& prepared, const FrozenWeights* weights, bool entropies, bool best, Ranks ranks = {});
  StepMetrics Apply();
  // A step of which nothing is predicted.
  StepMetrics Skip(const Tokens& prepared);
  void TellRouters(StepMetrics& metrics);
  StepMetrics Finish(double lr, double squared_norm, bool skipped, int64_t skipped_units);

  // Elements of a slab by kind, as float (tensors.cc).
  const TensorPlace& Place(const std::string& name) const;
  void CheckKind(const std::string& name, TensorKind kind) const;
  void ReadTensor(const TensorPlace& place, TensorKind kind, int64_t begin, int64_t n, float* out);
  void ReadToSave(const TensorPlace& place, int64_t begin, int64_t n, float* out);
  void WriteTensor(const TensorPlace& place, TensorKind kind, int64_t begin, int64_t n, const float* values);
  void ReadElements(int64_t unit, TensorKind kind, int64_t begin, int64_t n, float* out);
  void WriteElements(int64_t unit, TensorKind kind, int64_t begin, int64_t n, const float* values);
  void ReadFrom(int64_t piece, TensorKind kind, int64_t begin, int64_t n, float* out);
  void ReadOwn(int64_t piece, TensorKind kind, int64_t begin, int64_t n, float* out);
  void WriteOwn(int64_t piece, TensorKind kind, int64_t begin, int64_t n, const float* values);
  void PrepareSave(BackgroundSave::Request request);
  std::optional<Error> AgreeOnResume(const std::string& path, const std::optional<Error>& own);
  void SaveTogether(const std::string& folder, const SaveOptions& options);
  // Of elements that other ranks own, too: all ranks read the same at the same time.
  void ReadTogether(int64_t piece, TensorKind kind, int64_t begin, int64_t n, float* out);
  void WriteTo(int64_t piece, TensorKind kind, int64_t begin, int64_t n, const float* values);
};

template <class Work>
void Trainer::State::Guarded(const Work& work) {
  interrupt.CallBegins();
  try {
    work();
  } catch (const Error& error) {
    Recover();
    const bool asked = error.code() == Code::kCancelled || error.code() == Code::kDeadlineExceeded;
    // Bad arguments are found before any work begins; what is left is the device's or the optimizer's failure.
    if (!asked && (error.code() == Code::kInternal || error.code() == Code::kUnavailable) && !failure) failure = error;
    throw;
  } catch (...) {  // out of host memory: nothing is broken, and the next call may succeed
    Recover();
    throw;
  }
}

template <class Work>
void Trainer::State::GuardedTogether(const Work& work) {
  Guarded([&] {
    try {
      work();
    } catch (const Error& error) {
      // Before anything is waited for here: the others must not wait for this one meanwhile.
      if (group != nullptr) group->GiveUp(StrCat(CodeName(error.code()), ": ", error.message()));
      throw;
    } catch (...) {
      if (group != nullptr) group->GiveUp("out of memory");
      throw;
    }
  });
}

template <class Work>
void Trainer::State::Agreeing(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    if (error.code() == Code::kUnavailable && !failure) failure = error;
    throw;
  }
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_STATE_H_
