#include "cpu_optim/adamw_primitives.h"

#include <utility>

#include "cpu_optim/tsan_ranges.h"

namespace hlm::adamw {
namespace {

int PostOpArgument(int index) { return DNNL_ARG_ATTR_MULTIPLE_POST_OP(index) | DNNL_ARG_SRC_1; }

}  // namespace

TilePrimitives::TilePrimitives(Context& context, int64_t size, float* denominator, float beta1, float beta2)
    : bytes_(static_cast<size_t>(size) * sizeof(float)),
      desc_({size}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::a) {
  using dnnl::algorithm;
  const auto unbound = [&] { return dnnl::memory(desc_, context.engine, nullptr); };
  weight_ = unbound();
  first_moment_ = unbound();
  second_moment_ = unbound();
  gradient_ = unbound();
  scaled_gradient_ = unbound();
  denominator_ = dnnl::memory(desc_, context.engine, denominator);

  AdamWScalars& s = context.scalars;
  const dnnl::memory::desc& scalar = context.scalar_desc;
  const auto post_op_scalar = [&](int index, float* value) {
    return std::pair<const int, dnnl::memory>(PostOpArgument(index), context.Scalar(value));
  };

  scale_ = Bind(context, algorithm::binary_mul, gradient_, context.Scalar(&s.gradient_scale), scaled_gradient_, {});

  // m = beta1 m + (1 - beta1) g
  dnnl::post_ops first;
  first.append_sum(beta1);
  first_ = Bind(context, algorithm::binary_mul, scaled_gradient_, context.Scalar(&s.gain1), first_moment_, first);

  // v = beta2 v + (1 - beta2) g g
  dnnl::post_ops second;
  second.append_binary(algorithm::binary_mul, scalar);
  second.append_sum(beta2);
  second_ = Bind(context, algorithm::binary_mul, scaled_gradient_, scaled_gradient_, second_moment_, second,
                 {post_op_scalar(0, &s.gain2)});

  // denominator = sqrt(v) / sqrt(1 - beta2^t) + eps; the product with 1 only carries the post-operations
  dnnl::post_ops root;
  root.append_eltwise(1.0f, algorithm::eltwise_sqrt, 0.0f, 0.0f);
  root.append_binary(algorithm::binary_div, scalar);
  root.append_binary(algorithm::binary_add, scalar);
  root_ = Bind(context, algorithm::binary_mul, second_moment_, context.Scalar(&context.one), denominator_, root,
               {post_op_scalar(1, &s.second_root), post_op_scalar(2, &s.eps)});

  // w = (1 - lr decay) w;  w = w - lr / (1 - beta1^t) m / denominator
  decay_ = Bind(context, algorithm::binary_mul, weight_, context.Scalar(&s.keep), weight_, {});
  dnnl::post_ops update;
  update.append_binary(algorithm::binary_mul, scalar);
  update.append_sum(1.0f);
  update_ =
      Bind(context, algorithm::binary_div, first_moment_, denominator_, weight_, update, {post_op_scalar(0, &s.negative_rate)});
}

BoundPrimitive TilePrimitives::Bind(Context& context, dnnl::algorithm algorithm, const dnnl::memory& a, const dnnl::memory& b,
                                    const dnnl::memory& to, const dnnl::post_ops& post_ops, Arguments post_op_arguments) {
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(post_ops);
  const dnnl::binary::primitive_desc desc({algorithm, a.get_desc(), b.get_desc(), to.get_desc()}, attributes, context.engine);
  Arguments arguments = std::move(post_op_arguments);
  arguments.emplace(DNNL_ARG_SRC_0, a);
  arguments.emplace(DNNL_ARG_SRC_1, b);
  arguments.emplace(DNNL_ARG_DST, to);
  return {dnnl::binary(desc), desc.impl_info_str(), std::move(arguments)};
}

void TilePrimitives::Run(Context& context, float* weight, float* first_moment, float* second_moment, float* gradient,
                         float* scaled_gradient) {
  weight_.set_data_handle(weight);
  first_moment_.set_data_handle(first_moment);
  second_moment_.set_data_handle(second_moment);
  gradient_.set_data_handle(gradient);
  scaled_gradient_.set_data_handle(scaled_gradient);
  DeclareRead(gradient, bytes_);
  DeclareWrite(weight, bytes_);
  DeclareWrite(first_moment, bytes_);
  DeclareWrite(second_moment, bytes_);
  if (scaled_gradient != gradient) scale_.Run(context.stream);
  first_.Run(context.stream);
  second_.Run(context.stream);
  root_.Run(context.stream);
  if (context.scalars.keep != 1.0f) decay_.Run(context.stream);
  update_.Run(context.stream);
}

}  // namespace hlm::adamw
