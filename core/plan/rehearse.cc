#include "core/plan/rehearse.h"

#include <algorithm>

#include "core/base/checked.h"
#include "core/layers/embedding.h"
#include "core/layers/head.h"
#include "core/plan/groups.h"
#include "core/plan/places.h"

namespace hlm {
namespace {

// Addresses that nobody reads or writes: each kind of memory far from the others.
std::byte* Fake(uintptr_t which) { return reinterpret_cast<std::byte*>((which + 1) << 48); }
template <class T>
T* FakeOf(uintptr_t which) {
  return reinterpret_cast<T*>(Fake(which));
}
enum : uintptr_t {
  kWeights,
  kAccumulator,
  kSaved,
  kTemporaries,
  kInput,
  kOutput,
  kGradient,
  kBatch,
  kTables,
  kSides,
  kSideGradients,
  kLoads,
  kShared,
  kSharedAccumulator
};

constexpr Activations kPolicies[] = {Activations::kKeep, Activations::kKeepCheap, Activations::kRecompute};

class Rehearser {
 public:
  Rehearser(const ModelSpec& spec, const ModelLayout& layout, const Plan& plan, const MachineSpec& machine,
            const std::vector<int32_t>& offsets)
      : spec_(spec),
        layout_(layout),
        plan_(plan),
        machine_(machine),
        tables_(spec.ropes.size(), FakeOf<float>(kTables)),
        temperatures_(spec.temperatures.size(), FakeOf<float>(kTables)) {
    const auto array = [](uintptr_t which) { return Fake(kBatch) + (which << 36); };
    micro_.tokens = plan.micro_tokens;
    micro_.documents = {static_cast<int64_t>(offsets.size()) - 1, Longest(), reinterpret_cast<const int32_t*>(array(0)),
                        offsets.data()};
    micro_.ids = reinterpret_cast<const int32_t*>(array(1));
    micro_.targets = reinterpret_cast<const int32_t*>(array(2));
    micro_.positions = micro_.turns = reinterpret_cast<const int32_t*>(array(3));
    micro_.weights = reinterpret_cast<const float*>(array(4));
    micro_.losses = reinterpret_cast<float*>(array(5));
  }

  // On the CPU a document may be as long as a micro-batch; a GPU's workspace for attention is planned for rows.
  int64_t Longest() const {
    return machine_.device_is_host ? plan_.micro_tokens : std::min(plan_.options.seq_len, plan_.micro_tokens);
  }

  // What a router tells and is told, as a step asks for it.
  RouterRun Router(const ExpertsSpec* spec) const {
    RouterRun run;
    if (spec == nullptr) return run;
    const RouterPlan& plan = plan_.router;
    const auto place = [](uintptr_t which) { return reinterpret_cast<float*>(Fake(kLoads) + (which << 40)); };
    run.load = place(0);
    if (plan.balance != 0 && plan.by_document()) run.documents = place(1);
    if (plan.balance != 0 && !plan.by_document() && !ChoosesByLogits(spec->router)) run.balanced = place(2);
    if (plan.balance != 0) run.balance = place(3);
    if (plan.by_document()) run.balance_stride = spec->count;
    run.z_scale = static_cast<float>(plan.z);
    return run;
  }

  // `router`: of the block; null where it has none.
  Rehearsal::Kind BlockOf(const Block& block, const ExpertsSpec* router) {
    Rehearsal::Kind kind;
    const auto none = [](Remake) { return false; };
    kind.forward = Record([&](Ops& ops) {
      BlockRun run = Run(block.declaration(), ops, none);
      run.router = Router(router);
      block.Forward(run, Fake(kInput), Fake(kOutput));
    });
    if (plan_.purpose == Purpose::kForward) return kind;
    for (const Activations policy : kPolicies) {
      const auto kept = [&](Remake remake) { return Keeps(policy, remake); };
      kind.again[static_cast<size_t>(policy)] =
          Record([&](Ops& ops) { block.Forward(Run(block.declaration(), ops, kept), Fake(kInput), nullptr); });
    }
    kind.backward = BackwardOf(block, router, {}, {});
    return kind;
  }

  // Of a block of which some ranges are frozen.
  CallList BackwardOf(const Block& block, const ExpertsSpec* router, std::span<const SlabRange> frozen,
                      std::span<const SlabRange> shared_frozen) {
    return Record([&](Ops& ops) {
      BlockRun run = Run(block.declaration(), ops, [](Remake) { return true; });
      run.router = Router(router);
      run.frozen = frozen;
      run.shared_frozen = shared_frozen;
      block.Backward(run, Fake(kInput), Fake(kGradient));
    });
  }

  CallList Embed(bool backward) {
    const EmbeddingLayer& layer = *layout_.embedding;
    return Record([&](Ops& ops) {
      const BlockRun run = Run(layer.declaration(), ops, [](Remake) { return false; });
      backward ? layer.Backward(run, Fake(kGradient)) : layer.Forward(run, Fake(kOutput));
    });
  }

  CallList Head(bool backward) {
    const HeadLayer& layer = *layout_.head;
    return Record([&](Ops& ops) {
      BlockRun run = Run(layer.declaration(), ops, [](Remake) { return false; });
      run.frozen = plan_.trained.Frozen(layout_.NormUnit());
      run.shared_frozen = plan_.trained.Frozen(layout_.HeadUnit());
      layer.Norm(run, Fake(kInput));
      backward ? layer.LossAndGradient(run, Fake(kInput), Fake(kGradient)) : layer.Loss(run);
    });
  }

 private:
  template <class Work>
  CallList Record(const Work& work) {
    RecordingOps ops([this](const Call& call) { return machine_.workspace_bytes(call, plan_.numerics.threads); });
    work(ops);
    return ops.calls();
  }

  template <class Kept>
  BlockRun Run(const Declaration& declaration, Ops& ops, const Kept& kept) {
    BlockRun run{.ops = ops,
                 .stream = stream_,
                 .micro = micro_,
                 .type = plan_.numerics.compute,
                 .rotary = tables_.data(),
                 .slopes = FakeOf<float>(kTables),
                 .temperatures = temperatures_.data(),
                 .head_chunk = plan_.numerics.head_chunk,
                 .weights = Fake(kWeights),
                 .accumulator = FakeOf<float>(kAccumulator),
                 .shared = Fake(kShared),
                 .shared_accumulator = FakeOf<float>(kSharedAccumulator),
                 .saved = {},
                 .made = {},
                 .temporaries = {}};
    const TensorPlaces saved = ScratchOf(declaration, plan_), temporaries = TemporariesOf(declaration, plan_);
    for (size_t t = 0; t < saved.offsets.size(); ++t) {
      run.saved.push_back(Fake(kSaved) + saved.offsets[t]);
      run.made.push_back(kept(declaration.saved()[t].remake));
    }
    for (uintptr_t side = 0; side < spec_.sides.size(); ++side) {
      run.sides.push_back(Fake(kSides) + (side << 40));
      run.side_gradients.push_back(Fake(kSideGradients) + (side << 40));
    }
    for (const int64_t at : temporaries.offsets) run.temporaries.push_back(at < 0 ? nullptr : Fake(kTemporaries) + at);
    return run;
  }

  const ModelSpec& spec_;
  const ModelLayout& layout_;
  const Plan& plan_;
  const MachineSpec& machine_;
  NoStream stream_;
  MicroView micro_;
  std::vector<const float*> tables_, temperatures_;
};

}  // namespace

Rehearsal Rehearse(const ModelSpec& spec, const ModelLayout& layout, const Plan& plan, const MachineSpec& machine) {
  Rehearsal r;
  for (int64_t at = 0; at < plan.micro_tokens; at += plan.options.seq_len) r.offsets_.push_back(static_cast<int32_t>(at));
  r.offsets_.push_back(static_cast<int32_t>(plan.micro_tokens));
  Rehearser stage(spec, layout, plan, machine, r.offsets_);
  const bool backward = plan.purpose != Purpose::kForward;
  for (size_t k = 0; k < layout.kinds.size(); ++k) r.kinds.push_back(stage.BlockOf(*layout.kinds[k], FindRouter(spec.kinds[k])));
  for (const auto kind : layout.kind_of) ++r.kinds[static_cast<size_t>(kind)].blocks;
  r.embed = stage.Embed(false);
  r.head = stage.Head(false);
  if (backward) {
    r.embed_backward = stage.Embed(true);
    r.head_backward = stage.Head(true);
  }
  for (int64_t layer = 0; backward && layer < layout.layers(); ++layer) {
    const size_t kind = static_cast<size_t>(layout.kind_of[static_cast<size_t>(layer)]);
    const auto frozen = plan.trained.Frozen(layout.BlockUnit(layer));
    const int64_t shared = layout.SharedUnit(layer);
    const auto shared_frozen = shared < 0 ? std::span<const SlabRange>() : plan.trained.Frozen(shared);
    r.backward_flops.push_back(
        FlopsOf(frozen.empty() && shared_frozen.empty()
                    ? r.kinds[kind].backward
                    : stage.BackwardOf(*layout.kinds[kind], FindRouter(spec.kinds[kind]), frozen, shared_frozen)));
  }
  return r;
}

std::vector<CountedCall> StepProducts(const Plan& plan) {
  const Rehearsal& rehearsal = *plan.rehearsal;
  const auto micro_batches = static_cast<double>(CeilDiv(plan.step_tokens, plan.micro_tokens));
  std::vector<CountedCall> products;
  const auto add = [&](const CallList& calls, double times) {
    for (const RecordedCall& recorded : calls) {
      if (KindOf(recorded.call) == ProductKind::kNone) continue;
      const std::string name = NameOfProduct(recorded.call);
      const auto found = std::find_if(products.begin(), products.end(), [&](const CountedCall& p) { return p.name == name; });
      if (found == products.end()) {
        products.push_back({recorded.call, name, times});
      } else {
        found->times += times;
      }
    }
  };
  for (const Rehearsal::Kind& kind : rehearsal.kinds) {
    const double blocks = static_cast<double>(kind.blocks) * micro_batches;
    add(kind.forward, blocks);
    add(kind.backward, blocks);
  }
  const bool backward = plan.purpose != Purpose::kForward;
  add(rehearsal.embed, micro_batches);
  add(rehearsal.embed_backward, micro_batches);
  add(backward ? rehearsal.head_backward : rehearsal.head, micro_batches);
  return products;
}

ProductFlops FlopsOf(const CallList& calls) {
  ProductFlops flops;
  for (const RecordedCall& call : calls) {
    const ProductKind kind = KindOf(call.call);
    const bool attention = kind == ProductKind::kAttentionForward || kind == ProductKind::kAttentionBackward;
    const bool grouped = kind == ProductKind::kGrouped;
    (attention ? flops.attention : grouped ? flops.grouped : flops.linear) += call.facts.product_flops;
  }
  return flops;
}

double RowBytesOf(const CallList& calls) {
  double bytes = 0;
  for (const RecordedCall& call : calls) {
    const bool rows = std::holds_alternative<GatherRowsArgs>(call.call) || std::holds_alternative<CombineRowsArgs>(call.call) ||
                      std::holds_alternative<RowDotsArgs>(call.call);
    if (rows) bytes += call.facts.moved_bytes;
  }
  return bytes;
}

}  // namespace hlm
