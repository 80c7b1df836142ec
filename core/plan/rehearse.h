// The rehearsal: every kind of block, the embedding and the head run once against operations that only record. What a step computes,
// which workspace it needs and which products there are to tune come from these lists of calls; nothing here knows what a block
// consists of.
#ifndef HORIZON_LM_CORE_PLAN_REHEARSE_H_
#define HORIZON_LM_CORE_PLAN_REHEARSE_H_

#include <array>
#include <cstdint>
#include <vector>

#include "core/device/product_times.h"
#include "core/device/recording_ops.h"
#include "core/model/layout.h"
#include "core/model/spec.h"
#include "core/plan/plan.h"

namespace hlm {

using CallList = std::vector<RecordedCall>;

// Of the products, by kind.
struct ProductFlops {
  double linear = 0, grouped = 0, attention = 0;
  double all() const { return linear + grouped + attention; }
};

// Of one micro-batch of micro_tokens tokens in documents of seq_len.
struct Rehearsal {
  struct Kind {
    int64_t blocks = 0;  // of the model that are of this kind
    CallList forward, backward;
    std::array<CallList, 3> again;  // what recomputation repeats, by policy
  };
  std::vector<Kind> kinds;
  std::vector<ProductFlops> backward_flops;  // [layers] without the products of what is frozen
  CallList embed, embed_backward;
  CallList head;           // without a gradient
  CallList head_backward;  // with losses and gradients

  template <class Work>
  void ForEach(const Work& work) const {
    for (const Kind& kind : kinds) {
      for (const CallList* list : {&kind.forward, &kind.backward}) {
        for (const RecordedCall& call : *list) work(call);
      }
    }
    for (const CallList* list : {&embed, &embed_backward, &head, &head_backward}) {
      for (const RecordedCall& call : *list) work(call);
    }
  }

 private:
  friend Rehearsal Rehearse(const ModelSpec& spec, const ModelLayout& layout, const Plan& plan, const MachineSpec& machine);
  std::vector<int32_t> offsets_;  // of the documents; the calls point there
};

// Needs of the plan: purpose, compute type, micro_tokens, seq_len, head chunk and threads.
Rehearsal Rehearse(const ModelSpec& spec, const ModelLayout& layout, const Plan& plan, const MachineSpec& machine);

// The products of one step that keeps all it computes, each distinct one once: forward, input gradient and weight gradient.
// Needs the plan's rehearsal, where the calls point.
std::vector<CountedCall> StepProducts(const Plan& plan);

ProductFlops FlopsOf(const CallList& calls);
// Of rows that are gathered for experts and combined behind them, which no saved tensor tells.
double RowBytesOf(const CallList& calls);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_REHEARSE_H_
