// BlockTemplate: a transformer block, written once against Ops. Code and shapes, no weights: they are read in place from
// whatever slot holds the block's slab.
//
//   n1 = rmsnorm(x0)    qkv = rotary(norm(n1 Wqkv))    a = attention(qkv)    x1 = x0 + a Wo
//   n2 = rmsnorm(x1)    g, u = n2 Wgate, n2 Wup        p = silu(g) u         x2 = x1 + p Wdown
#ifndef HORIZON_LM_CORE_LAYERS_BLOCK_H_
#define HORIZON_LM_CORE_LAYERS_BLOCK_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/device/ops.h"
#include "core/layers/micro.h"
#include "core/model/layout.h"
#include "core/plan/activations.h"

namespace hlm {

// Where the tensors of one (block, micro-batch) lie: in the stash where the policy keeps them, else in the scratch space.
struct BlockTensors {
  const void* input = nullptr;  // [tokens, hidden]
  void* output = nullptr;       // [tokens, hidden]; forward only
  std::array<void*, kActivationCount> at{};
  template <class T = void>
  T* operator[](Activation a) const {
    return static_cast<T*>(at[static_cast<int>(a)]);
  }
};

struct BlockGradients {
  void* gradient = nullptr;  // [tokens, hidden]: of the output on entry, of the input on return
  std::array<void*, kBackwardBufferCount> at{};
  float* accumulator = nullptr;  // the block's slab in fp32
  bool accumulate = false;       // false: the first micro-batch of a sweep overwrites
  void* operator[](BackwardBuffer b) const { return at[static_cast<int>(b)]; }
};

class BlockTemplate {
 public:
  BlockTemplate(const ModelSpec& spec, const BlockOffsets& offsets, DType type, const float* rotary_table)
      : spec_(spec), at_(offsets), type_(type), rotary_(rotary_table) {}

  void Forward(Ops& ops, Stream& stream, int64_t layer, const std::byte* weights, const MicroView& micro, const BlockTensors& t) const;

  // Makes again what the policy dropped, by the same operations with the same shapes and inputs: the same bits.
  void Recompute(Ops& ops, Stream& stream, int64_t layer, const std::byte* weights, const MicroView& micro, const BlockTensors& t,
                 Activations policy) const;

  // Needs every tensor of `t` but the output.
  void Backward(Ops& ops, Stream& stream, int64_t layer, const std::byte* weights, const MicroView& micro, const BlockTensors& t,
                const BlockGradients& g) const;

 private:
  const void* Weight(const std::byte* weights, int64_t offset) const {
    return offset < 0 ? nullptr : weights + offset * static_cast<int64_t>(SizeOf(type_));
  }
  void Norm(Ops& ops, Stream& stream, const std::byte* weights, int64_t offset, const MicroView& micro, const void* x, void* y, float* rstd) const;
  void AttentionHalf(Ops& ops, Stream& stream, int64_t layer, const std::byte* weights, const MicroView& micro, const BlockTensors& t) const;
  void GateUp(Ops& ops, Stream& stream, const std::byte* weights, const MicroView& micro, const BlockTensors& t) const;
  void Product(Ops& ops, Stream& stream, const MicroView& micro, const BlockTensors& t) const;

  const ModelSpec& spec_;
  BlockOffsets at_;
  DType type_;
  const float* rotary_;  // [positions, head_dim], device
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_BLOCK_H_
