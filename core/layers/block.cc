#include "core/layers/block.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "core/device/device.h"
#include "core/layers/experts.h"

namespace hlm {
namespace {

// y = x + scale z; x may be null, and y may be either.
void AddScaled(const BlockRun& run, int64_t n, const void* x, double scale, const void* z, void* y) {
  run.ops.ScaleAdd(run.stream, {.type = run.type, .n = n, .scale = static_cast<float>(scale), .x = x, .z = z, .y = y});
}

}  // namespace

Block::Block(const BlockSpec& spec, const ModelSpec& model, Seams seams) : hidden_(model.hidden), declaration_(seams) {
  const bool past = std::any_of(spec.branches.begin(), spec.branches.end(), [](const BranchSpec& b) { return b.whole_residual; });
  if (past) dinput_ = declaration_.Temp("d input", hidden_);
  for (size_t b = 0; b < spec.branches.size(); ++b) {
    Declare(spec.branches[b], model, static_cast<int64_t>(b), b + 1 == spec.branches.size());
  }
  if (spec.scaled) {
    declaration_.BeginBody("block");
    number_ = declaration_.Number("scale", 1);
  }
  FindStages();
}

void Block::FindStages() {
  const Branch& last = branches_.back();
  if (last.last.on()) return;
  const ExpertsBody* found = nullptr;
  for (const Branch& branch : branches_) {
    for (size_t i = 0; i < branch.items.size(); ++i) {
      const ExpertsBody* experts = branch.items[i].body->AsExperts();
      if (experts == nullptr || !experts->InStages()) continue;
      if (found != nullptr || &branch != &last) return;
      found = experts;
      experts_item_ = i;
    }
  }
  experts_ = found;
  if (found == nullptr) return;
  // What stands beside the experts waits until all of them are done.
  for (const Item& item : last.items) {
    if (!HasExperts(item)) declaration_.StayInStage(item.first_saved, item.end_saved);
  }
  const Item& item = last.items[experts_item_];
  if (last.after.on()) declaration_.StayForBackward(last.sum);
  if (item.after.on()) declaration_.StayForBackward(item.unnormed);
  if (!last.after.on() && !item.after.on() && !found->Narrow()) return;
  dexperts_ = declaration_.BetweenStages("d of the experts", found->Width());
  unused_ = declaration_.FixedTemp("gradients of another stage", std::max(last.after.UnusedBytes(), item.after.UnusedBytes()));
}

void Block::Declare(const BranchSpec& spec, const ModelSpec& model, int64_t number, bool last) {
  Declaration& d = declaration_;
  d.BeginBranch(number);
  d.BeginBody(BodyName(spec.bodies.front().body));
  Branch branch;
  branch.scale = spec.scale;
  branch.normed_residual = spec.normed_residual;
  branch.whole_residual = spec.whole_residual;
  // The gradient that goes past the branches before has one place.
  HLM_CHECK(!spec.whole_residual || (last && !spec.normed_residual), "a whole residual elsewhere than in the last branch");
  const auto normed = [&] { return d.Saved("normed", hidden_, Remake::kPass); };
  if (spec.before.on()) {
    branch.before = NormPart(spec.before, {.width = hidden_}, "before", d);
    branch.normed = normed();
  }
  for (const BranchBody& from : spec.bodies) {
    d.BeginBody(BodyName(from.body));
    Item item;
    item.first_saved = d.saved_count();
    if (from.before.on()) {
      item.before = NormPart(from.before, {.width = hidden_}, "before", d);
      item.normed = normed();
    }
    item.in_scale = from.in_scale, item.out_scale = from.out_scale;
    if (from.in_scale != 1) item.scaled = d.Saved("scaled", hidden_, Remake::kPass);
    item.body = MakeBody(from.body, model, d);
    if (from.after.on()) {
      item.after = NormPart(from.after, {.width = hidden_}, "behind", d);
      item.unnormed = d.Saved("before its norm", hidden_, Remake::kProduct);
    }
    item.end_saved = d.saved_count();
    if (!item.plain()) {
      item.output = d.Temp("before its scale", hidden_, true);
      item.doutput = d.Temp("d before its scale", hidden_);
    }
    item.gradient = d.Temp("d normed", hidden_);
    branch.items.push_back(std::move(item));
  }
  d.BeginBody(BodyName(spec.bodies.front().body));
  if (branch.items.size() > 1) branch.partial = d.Temp("partial sum", 2 * hidden_, true);
  if (spec.after.on()) {
    branch.after = NormPart(spec.after, {.width = hidden_}, "after", d);
    branch.sum = d.Saved("sum of the bodies", hidden_, Remake::kProduct);
  } else if (!branch.plain()) {
    branch.sum = d.Temp("sum of the bodies", hidden_, true);
  }
  if (!branch.plain() || spec.last.on()) branch.scaled = d.Temp("behind the norm", hidden_, true);
  if (!branch.plain()) branch.dsum = d.Temp("d sum", hidden_);
  if (spec.last.on()) {
    branch.last = NormPart(spec.last, {.width = hidden_}, "last", d);
    branch.unnormed = d.Saved("sum with x", hidden_, Remake::kProduct);
  }
  if (!last) branch.output = d.Saved("output", hidden_, spec.last.on() ? Remake::kPass : Remake::kProduct);
  branches_.push_back(std::move(branch));
}

void Block::Forward(const BlockRun& run, const void* input, void* output) const {
  if (run.stage.kind == Stage::kGroup) return experts_->ForwardGroup(run, ExpertsInput(run, input), output != nullptr);
  const void* x = input;
  for (const Branch& branch : branches_) {
    if (run.stage.kind == Stage::kAfter && &branch != &branches_.back()) {
      x = run.Saved(branch.output);
      continue;
    }
    // The last branch's output is the block's; those between are saved.
    void* y = branch.output < 0 ? output : run.Missing({branch.output}) ? run.Saved(branch.output) : nullptr;
    Forward(run, branch, input, x, y);
    x = run.Saved(branch.output);
  }
  if (number_ < 0 || output == nullptr) return;
  run.ops.ScaleAdd(run.stream,
                   {.type = run.type, .n = run.micro.tokens * hidden_, .z = output, .y = output, .factor = run.Weight(number_)});
}

const void* Block::ExpertsInput(const BlockRun& run, const void* input) const {
  const size_t last = branches_.size() - 1;
  const void* x = last == 0 ? input : run.Saved(branches_[last - 1].output);
  return Input(run, branches_[last], branches_[last].items[experts_item_], x);
}

// Where it does not wait it is made anew for each group: memory for a moment serves another micro-batch in between.
const void* Block::ExpertsGradient(const BlockRun& run, const void* gradient) const {
  if (dexperts_ >= 0) return run.Temp(dexperts_);
  const Branch& branch = branches_.back();
  return BodyGradient(run, branch.items[experts_item_], SumGradient(run, branch, gradient));
}

void Block::MakeExpertsGradient(const BlockRun& run, const void* gradient) const {
  const Branch& branch = branches_.back();
  const Item& item = branch.items[experts_item_];
  // What the norms read is kept, their statistics may not be.
  if (branch.after.on() && branch.after.Missing(run))
    branch.after.Forward(run, {run.Saved(branch.sum)}, {run.Temp(branch.scaled)});
  if (item.after.on() && item.after.Missing(run)) item.after.Forward(run, {run.Saved(item.unnormed)}, {run.Temp(item.output)});
  const void* dy = BodyGradient(run, item, SumGradient(run, branch, gradient));
  if (experts_->Narrow()) return experts_->BackwardSum(run, dy, run.Temp(dexperts_));
  AddScaled(run, run.micro.tokens * hidden_, nullptr, 1, dy, run.Temp(dexperts_));
}

void Block::NormGradient(const BlockRun& run, const NormPart& norm, const void* x, const void* dy, void* dx) const {
  if (run.stage.kind == Stage::kBefore) return norm.BackwardInput(run, {x}, {dy}, {dx}, run.Temp<float>(unused_));
  norm.Backward(run, {x}, {dy}, {}, {dx});
}

const void* Block::SumGradient(const BlockRun& run, const Branch& branch, const void* gradient) const {
  const void* dsum = gradient;
  if (branch.scale != 1) {
    AddScaled(run, run.micro.tokens * hidden_, nullptr, branch.scale, dsum, run.Temp(branch.dsum));
    dsum = run.Temp(branch.dsum);
  }
  if (branch.after.on()) {
    NormGradient(run, branch.after, run.Saved(branch.sum), dsum, run.Temp(branch.dsum));
    dsum = run.Temp(branch.dsum);
  }
  return dsum;
}

const void* Block::BodyGradient(const BlockRun& run, const Item& item, const void* dsum) const {
  const void* dy = dsum;
  if (item.out_scale != 1) {
    AddScaled(run, run.micro.tokens * hidden_, nullptr, item.out_scale, dy, run.Temp(item.doutput));
    dy = run.Temp(item.doutput);
  }
  if (item.after.on()) {
    NormGradient(run, item.after, run.Saved(item.unnormed), dy, run.Temp(item.doutput));
    dy = run.Temp(item.doutput);
  }
  return dy;
}

const void* Block::Normed(const BlockRun& run, const Branch& branch, const Item& item, const void* x) const {
  return item.before.on() ? run.Saved(item.normed) : branch.before.on() ? run.Saved(branch.normed) : x;
}

const void* Block::Input(const BlockRun& run, const Branch& branch, const Item& item, const void* x) const {
  return item.scaled >= 0 ? run.Saved(item.scaled) : Normed(run, branch, item, x);
}

// What the body reads, where it is missing.
void Block::Prepare(const BlockRun& run, const Branch& branch, const Item& item, const void* x) const {
  if (item.before.on() && (run.Missing({item.normed}) || item.before.Missing(run)))
    item.before.Forward(run, {x}, {run.Saved(item.normed)});
  if (run.Missing({item.scaled}))
    AddScaled(run, run.micro.tokens * hidden_, nullptr, item.in_scale, Normed(run, branch, item, x), run.Saved(item.scaled));
}

// y = out_scale after(body(in_scale normed)) + addend.
void Block::Forward(const BlockRun& run, const Branch& branch, const Item& item, const void* x, const void* addend,
                    void* y) const {
  const int64_t n = run.micro.tokens * hidden_;
  const void* in = Input(run, branch, item, x);
  if (!item.after.on()) {
    if (item.plain() || y == nullptr) return item.body->Forward(run, in, addend, y);
    item.body->Forward(run, in, nullptr, run.Temp(item.output));
    return AddScaled(run, n, addend, item.out_scale, run.Temp(item.output), y);
  }
  item.body->Forward(run, in, nullptr, run.Missing({item.unnormed}) ? run.Saved(item.unnormed) : nullptr);
  if (y != nullptr || item.after.Missing(run)) item.after.Forward(run, {run.Saved(item.unnormed)}, {run.Temp(item.output)});
  if (y != nullptr) AddScaled(run, n, addend, item.out_scale, run.Temp(item.output), y);
}

void Block::Forward(const BlockRun& run, const Branch& branch, const void* input, const void* x, void* y) const {
  if (!branch.last.on()) return MakeSum(run, branch, input, x, y);
  void* sum = run.Saved(branch.unnormed);
  MakeSum(run, branch, input, x, run.Missing({branch.unnormed}) ? sum : nullptr);
  // The block's output is not made again, but its last norm's statistics may have to be.
  if (y != nullptr || branch.last.Missing(run)) branch.last.Forward(run, {sum}, {y != nullptr ? y : run.Temp(branch.scaled)});
}

void Block::MakeSum(const BlockRun& run, const Branch& branch, const void* input, const void* x, void* y) const {
  const int64_t n = run.micro.tokens * hidden_;
  const bool last = &branch == &branches_.back();
  const bool behind = last && run.stage.kind == Stage::kAfter;
  if (!behind && branch.before.on() && (run.Missing({branch.normed}) || branch.before.Missing(run)))
    branch.before.Forward(run, {x}, {run.Saved(branch.normed)});
  if (last && run.stage.kind == Stage::kBefore) {
    const Item& item = branch.items[experts_item_];
    Prepare(run, branch, item, x);
    return item.body->Forward(run, Input(run, branch, item, x), nullptr, nullptr);
  }
  const bool sums = branch.after.on() ? y != nullptr || run.Missing({branch.sum}) || branch.after.Missing(run) : y != nullptr;
  const bool made = branch.after.on() && !run.Missing({branch.sum});
  const void* residual = branch.normed_residual ? run.Saved(branch.normed) : branch.whole_residual ? input : x;
  const void* addend = branch.plain() ? residual : nullptr;
  for (size_t i = 0; i < branch.items.size(); ++i) {
    const Item& item = branch.items[i];
    if (!behind || !HasExperts(item)) Prepare(run, branch, item, x);
    void* to = branch.plain() ? y : branch.after.on() ? run.Saved(branch.sum) : run.Temp(branch.sum);
    if (i + 1 < branch.items.size()) {
      // Two halves take turns: an operation must not add to what it writes.
      to = run.Temp<std::byte>(branch.partial) + static_cast<int64_t>(i % 2) * n * static_cast<int64_t>(SizeOf(run.type));
    }
    Forward(run, branch, item, x, addend, sums && !made ? to : nullptr);
    addend = to;
  }
  if (branch.plain()) return;
  const void* sum = branch.after.on() ? run.Saved(branch.sum) : run.Temp(branch.sum);
  if (branch.after.on() && (y != nullptr || branch.after.Missing(run))) {
    branch.after.Forward(run, {sum}, {run.Temp(branch.scaled)});
    sum = run.Temp(branch.scaled);
  }
  if (y != nullptr) {
    AddScaled(run, n, residual, branch.scale, sum, y);
  }
}

void Block::Backward(const BlockRun& run, const void* input, void* gradient) const {
  if (run.stage.kind == Stage::kGroup)
    return experts_->BackwardGroup(run, ExpertsInput(run, input), ExpertsGradient(run, gradient));
  if (number_ >= 0 && run.stage.kind != Stage::kAfter) {
    run.ops.ScaleAdd(
        run.stream,
        {.type = run.type, .n = run.micro.tokens * hidden_, .z = gradient, .y = gradient, .factor = run.Weight(number_)});
  }
  if (run.stage.kind == Stage::kBefore) {
    if (dexperts_ >= 0) MakeExpertsGradient(run, gradient);
    return;
  }
  for (size_t b = branches_.size(); b-- > 0;) {
    Backward(run, branches_[b], b == 0 ? input : run.Saved(branches_[b - 1].output), gradient);
  }
  if (dinput_ >= 0) AddScaled(run, run.micro.tokens * hidden_, gradient, 1, run.Temp(dinput_), gradient);
}

// gradient: of the branch's output on entry, of its input on return.
void Block::Backward(const BlockRun& run, const Branch& branch, const void* x, void* gradient) const {
  const int64_t n = run.micro.tokens * hidden_;
  if (branch.last.on()) branch.last.Backward(run, {run.Saved(branch.unnormed)}, {gradient}, {}, {gradient});
  const void* dsum = SumGradient(run, branch, gradient);
  // All bodies first: where nothing stands between, the gradient that they read is the one that is added to below.
  for (const Item& item : branch.items) {
    const void* dy = BodyGradient(run, item, dsum);
    void* own = run.Temp(item.gradient);
    item.body->Backward(run, Input(run, branch, item, x), dy, own);
    if (item.in_scale != 1) AddScaled(run, n, nullptr, item.in_scale, own, own);
  }
  if (branch.whole_residual) {
    AddScaled(run, n, nullptr, 1, gradient, run.Temp(dinput_));
    run.stream.FillZero(gradient, static_cast<size_t>(n) * SizeOf(run.type));
  }
  void* shared = nullptr;  // gradient of what the bodies share
  for (const Item& item : branch.items) {
    void* own = run.Temp(item.gradient);
    if (item.before.on()) {
      item.before.Backward(run, {x}, {own}, {gradient}, {gradient});
    } else if (shared == nullptr) {
      shared = own;
    } else {
      AddScaled(run, n, shared, 1, own, shared);
    }
  }
  if (shared == nullptr) return;
  if (branch.normed_residual) {
    AddScaled(run, n, shared, 1, gradient, shared);
    branch.before.Backward(run, {x}, {shared}, {}, {gradient});
  } else if (branch.before.on()) {
    branch.before.Backward(run, {x}, {shared}, {gradient}, {gradient});
  } else {
    AddScaled(run, n, gradient, 1, shared, gradient);
  }
}

}  // namespace hlm
