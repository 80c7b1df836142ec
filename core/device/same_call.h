// One call in the words of another operation: the narrow operations are forms of the wide ones, and the other way round.
#ifndef HORIZON_LM_CORE_DEVICE_SAME_CALL_H_
#define HORIZON_LM_CORE_DEVICE_SAME_CALL_H_

#include <cmath>
#include <cstddef>

#include "core/device/args/all.h"

namespace hlm {

// RmsNorm and RmsNormBackward are Norm and NormBackward of one dense head, with Llama's order of rounding.
inline bool IsDense(const View& view, int64_t width) {
  const View v = Resolved(view, 1, width);
  return v.row == width;
}
inline bool IsRmsNorm(const NormArgs& a) {
  const bool kind = !a.kind.center && !a.kind.one_plus && (a.kind.round_first || a.type == DType::kF32);
  return kind && a.heads == 1 && a.w != nullptr && a.bias == nullptr && IsDense(a.x, a.width) && IsDense(a.y, a.width);
}
inline RmsNormArgs AsRmsNorm(const NormArgs& a) { return {a.type, a.rows, a.width, a.epsilon, a.x.data, a.w, a.y.data, a.rstd}; }
inline bool IsRmsNorm(const NormBackwardArgs& a) {
  const bool kind = !a.kind.center && !a.kind.one_plus && (a.kind.round_first || a.type == DType::kF32);
  return kind && a.heads == 1 && a.w != nullptr && a.dw != nullptr && a.dbias == nullptr && IsDense(a.x, a.width) &&
         IsDense(a.dy, a.width) && IsDense(a.dx, a.width) && (a.residual.data == nullptr || IsDense(a.residual, a.width));
}
inline RmsNormBackwardArgs AsRmsNorm(const NormBackwardArgs& a) {
  return {a.type, a.rows, a.width, a.x.data, a.w, a.rstd, a.dy.data, a.residual.data, a.dx.data, a.dw, a.accumulate};
}

// Attention is ViewAttention of the three parts of qkv.
namespace internal {
template <class Wide, class Narrow>
Wide PartsOfQkv(const Narrow& a) {
  Wide wide;
  wide.type = a.type;
  wide.kind.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(a.head_dim)));
  wide.kind.window = a.window;
  wide.tokens = a.tokens;
  wide.heads = a.heads;
  wide.kv_heads = a.kv_heads;
  wide.head_dim = wide.value_dim = a.head_dim;
  wide.documents = a.documents;
  return wide;
}
template <class Bytes, class AnyView>
void SetParts(Bytes* data, DType type, int64_t heads, int64_t kv_heads, int64_t dim, AnyView* q, AnyView* k, AnyView* v) {
  const int64_t row = (heads + 2 * kv_heads) * dim;
  const auto at = [&](int64_t head) { return data == nullptr ? nullptr : data + static_cast<size_t>(head * dim) * SizeOf(type); };
  *q = {at(0), row, dim};
  *k = {at(heads), row, dim};
  *v = {at(heads + kv_heads), row, dim};
}
}  // namespace internal

inline ViewAttentionArgs AsViews(const AttentionArgs& a) {
  auto wide = internal::PartsOfQkv<ViewAttentionArgs>(a);
  internal::SetParts(static_cast<const std::byte*>(a.qkv), a.type, a.heads, a.kv_heads, a.head_dim, &wide.q, &wide.k, &wide.v);
  wide.out.data = a.out;
  wide.lse = a.lse;
  return wide;
}
inline ViewAttentionBackwardArgs AsViews(const AttentionBackwardArgs& a) {
  auto wide = internal::PartsOfQkv<ViewAttentionBackwardArgs>(a);
  internal::SetParts(static_cast<const std::byte*>(a.qkv), a.type, a.heads, a.kv_heads, a.head_dim, &wide.q, &wide.k, &wide.v);
  internal::SetParts(static_cast<std::byte*>(a.dqkv), a.type, a.heads, a.kv_heads, a.head_dim, &wide.dq, &wide.dk, &wide.dv);
  wide.out.data = a.out;
  wide.dout.data = a.dout;
  wide.lse = a.lse;
  return wide;
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_SAME_CALL_H_
