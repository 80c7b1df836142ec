// The oneDNN primitives of AdamW for tiles of one size.
#ifndef HORIZON_LM_CPU_OPTIM_ADAMW_PRIMITIVES_H_
#define HORIZON_LM_CPU_OPTIM_ADAMW_PRIMITIVES_H_

#include <dnnl.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "cpu_optim/adamw_pipeline.h"

namespace hlm::adamw {

using Arguments = std::unordered_map<int, dnnl::memory>;

// A primitive with the arguments it is always called with; only the addresses behind them change.
struct BoundPrimitive {
  dnnl::binary primitive;
  std::string implementation;
  Arguments arguments;
  void Run(dnnl::stream& stream) const { primitive.execute(stream, arguments); }
};

// What one thread's primitives share. They hold the addresses of its scalars, so it stays where it is.
struct Context {
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::memory::desc scalar_desc{{1}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::a};
  AdamWScalars scalars{};
  float one = 1.0f;

  dnnl::memory Scalar(float* value) { return dnnl::memory(scalar_desc, engine, value); }
};

// The primitives for tiles of one size. Binary primitives with post-operations are the form that oneDNN generates code for on
// every instruction set from SSE4.1 on; its eltwise primitives take no post-operations and its reorders are slow without AVX-512.
class TilePrimitives {
 public:
  TilePrimitives(Context& context, int64_t size, float* denominator, float beta1, float beta2);

  // All arrays hold `size` elements. `gradient` is not scaled yet where `scaled_gradient` is another array.
  void Run(Context& context, float* weight, float* first_moment, float* second_moment, float* gradient, float* scaled_gradient);

  std::vector<const BoundPrimitive*> All() const { return {&scale_, &first_, &second_, &root_, &decay_, &update_}; }

 private:
  BoundPrimitive Bind(Context& context, dnnl::algorithm algorithm, const dnnl::memory& a, const dnnl::memory& b,
                      const dnnl::memory& to, const dnnl::post_ops& post_ops, Arguments post_op_arguments = {});

  size_t bytes_;
  dnnl::memory::desc desc_;
  dnnl::memory weight_, first_moment_, second_moment_, gradient_, scaled_gradient_, denominator_;
  BoundPrimitive scale_, first_, second_, root_, decay_, update_;
};

}  // namespace hlm::adamw

#endif  // HORIZON_LM_CPU_OPTIM_ADAMW_PRIMITIVES_H_
