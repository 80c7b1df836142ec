// Ops: every operation that a layer may call. All are asynchronous on the given stream and deterministic: the same shape,
// inputs, device and thread count give the same bits, and no operation reads an output range before it wrote it unless said.
//
// Conventions: matrices are row-major and dense; `type` is the compute type (f32 or bf16) of activations and weights;
// "fp32" buffers are float always. In bf16, sums are taken in fp32 and rounded once when stored. Gradient of weights are fp32
// and either overwritten (accumulate = false) or added to (accumulate = true). tokens, rows may be any number >= 1; the
// CPU device takes any width. Pointers are device pointers unless named host. Row widths in elements.
//
// An operation is a struct of arguments with its contract (args/), a line of HLM_OPERATIONS, its facts (facts.h) and what each
// device does for it. The public method checks the arguments and says the facts; a device sees only calls that are right.
#ifndef HORIZON_LM_CORE_DEVICE_OPS_H_
#define HORIZON_LM_CORE_DEVICE_OPS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "core/base/dtype.h"
#include "core/device/args/all.h"

namespace hlm {

class Stream;
struct OpFacts;

// The one list of operations: X(Name) stands for Ops::Name with its NameArgs.
#define HLM_OPERATIONS(X)        \
  X(Linear)                      \
  X(LinearBackwardInput)         \
  X(LinearBackwardWeight)        \
  X(RmsNorm)                     \
  X(RmsNormBackward)             \
  X(Norm)                        \
  X(NormBackward)                \
  X(QkRotary)                    \
  X(QkRotaryBackward)            \
  X(Rotary)                      \
  X(SumHeads)                    \
  X(Attention)                   \
  X(AttentionBackward)           \
  X(ViewAttention)               \
  X(ViewAttentionBackward)       \
  X(SwiGlu)                      \
  X(SwiGluBackward)              \
  X(Activate)                    \
  X(ActivateBackward)            \
  X(ClampedGlu)                  \
  X(ClampedGluBackward)          \
  X(GateHeads)                   \
  X(GateHeadsBackward)           \
  X(ScaleAdd)                    \
  X(CausalConv)                  \
  X(CausalConvBackward)          \
  X(DecayGates)                  \
  X(DecayGatesBackward)          \
  X(DeltaRule)                   \
  X(DeltaRuleBackward)           \
  X(StateSpace)                  \
  X(StateSpaceBackward)          \
  X(SelectiveScan)               \
  X(SelectiveScanBackward)       \
  X(GatedRecurrence)             \
  X(GatedRecurrenceBackward)     \
  X(BlockLinear)                 \
  X(BlockLinearBackward)         \
  X(Embedding)                   \
  X(EmbeddingBackward)           \
  X(CrossEntropy)                \
  X(CapLogits)                   \
  X(Route)                       \
  X(RouteBackward)               \
  X(ScaleChoices)                \
  X(ScaleChoicesBackward)        \
  X(RouteLoad)                   \
  X(SortChoices)                 \
  X(GatherRows)                  \
  X(CombineRows)                 \
  X(RowDots)                     \
  X(GroupedLinear)               \
  X(GroupedLinearBackwardInput)  \
  X(GroupedLinearBackwardWeight) \
  X(Cast)

template <class Nothing, class... Args>
struct CallOf {
  using Type = std::variant<Args...>;
};
#define HLM_COMMA_ARGS(Name) , Name##Args
// One call of an operation as data.
using Call = CallOf<void HLM_OPERATIONS(HLM_COMMA_ARGS)>::Type;
#undef HLM_COMMA_ARGS

// Calls that went a slower way than the device's own best, whose library would not take them.
struct Fallbacks {
  int64_t attention = 0;
  std::string reason;  // of the last
};

// What the calls so far came to.
struct OpCounts {
  int64_t calls = 0;
  double product_flops = 0, moved_bytes = 0;  // as OpFacts has them
};

class Ops {
 public:
  virtual ~Ops() = default;

  // The one workspace of the compute stream. An operation that does not find enough throws INTERNAL with both numbers. Must be
  // set before the first operation that takes some.
  void SetWorkspace(void* data, size_t bytes) {
    workspace_ = data;
    workspace_bytes_ = bytes;
  }
  // Workspace that the device wants for a call: pure, of sizes and types alone (pointers only say whether an argument is given),
  // and never falls when a dimension grows.
  virtual size_t WorkspaceBytes(const Call& call) const = 0;

#define HLM_METHOD(Name) \
  void Name(Stream& stream, const Name##Args& args) { Run(stream, args); }
  HLM_OPERATIONS(HLM_METHOD)
#undef HLM_METHOD

  // A call as data.
  void Run(Stream& stream, const Call& call);

  const OpCounts& counts() const { return counts_; }
  virtual Fallbacks fallbacks() const { return {}; }

 protected:
  // Enqueues a call whose arguments have been checked. `facts.accesses` is what it touches beside the workspace.
  virtual void Do(Stream& stream, const Call& call, OpFacts facts) = 0;

  // The workspace where it is that large.
  void* Workspace(const char* operation, size_t bytes) const;
  void* workspace() const { return workspace_; }
  size_t workspace_bytes() const { return workspace_bytes_; }

 private:
  void* workspace_ = nullptr;
  size_t workspace_bytes_ = 0;
  OpCounts counts_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_OPS_H_
