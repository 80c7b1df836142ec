#include "core/device/product_times.h"

#include "core/base/error.h"
#include "core/device/same_call.h"

namespace hlm {
namespace {

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;  // clang 14 asks for it

template <class Args>
std::string Sizes(const char* operation, const Args& a) {
  return StrCat(operation, " ", a.tokens, " x ", a.in, " -> ", a.out, ", ", Name(a.type));
}

template <class Args>
std::string SizesByExpert(const char* operation, const Args& a, const void* bias) {
  return StrCat(operation, " of ", a.range.count, " of ", a.range.experts, " experts, ", a.rows, " rows x ", a.in, " -> ", a.out,
                ", ", Name(a.type), bias != nullptr ? ", bias" : "");
}

std::string Sizes(const char* operation, const ViewAttentionArgs& a) {
  std::string text = StrCat(operation, " of ", a.documents.count, " documents, ", a.tokens, " tokens, ", a.heads, " heads on ",
                            a.kv_heads, " of ", a.head_dim);
  if (a.value_dim != a.head_dim) text += StrCat(" and ", a.value_dim);
  if (a.kind.window > 0) text += StrCat(", window ", a.kind.window);
  if (a.kind.chunk > 0) text += StrCat(", chunks of ", a.kind.chunk);
  if (a.kind.soft_cap > 0) text += ", capped";
  if (a.sinks != nullptr) text += ", sinks";
  if (a.slopes != nullptr) text += ", slopes";
  return StrCat(text, ", ", Name(a.type));
}

template <class Args>
ViewAttentionArgs Shape(const Args& a) {
  ViewAttentionArgs shape;
  shape.type = a.type;
  shape.kind = a.kind;
  shape.tokens = a.tokens;
  shape.heads = a.heads;
  shape.kv_heads = a.kv_heads;
  shape.head_dim = a.head_dim;
  shape.value_dim = a.value_dim;
  shape.documents = a.documents;
  shape.sinks = a.sinks;
  shape.slopes = a.slopes;
  return shape;
}

}  // namespace

ProductKind KindOf(const Call& call) {
  return std::visit(Overloaded{[](const LinearArgs&) { return ProductKind::kLinear; },
                               [](const LinearBackwardInputArgs&) { return ProductKind::kLinear; },
                               [](const LinearBackwardWeightArgs&) { return ProductKind::kLinear; },
                               [](const GroupedLinearArgs&) { return ProductKind::kGrouped; },
                               [](const GroupedLinearBackwardInputArgs&) { return ProductKind::kGrouped; },
                               [](const GroupedLinearBackwardWeightArgs&) { return ProductKind::kGrouped; },
                               [](const AttentionArgs&) { return ProductKind::kAttentionForward; },
                               [](const ViewAttentionArgs&) { return ProductKind::kAttentionForward; },
                               [](const AttentionBackwardArgs&) { return ProductKind::kAttentionBackward; },
                               [](const ViewAttentionBackwardArgs&) { return ProductKind::kAttentionBackward; },
                               [](const auto&) { return ProductKind::kNone; }},
                    call);
}

ViewAttentionArgs AttentionShape(const Call& call) {
  return std::visit(
      Overloaded{[](const AttentionArgs& a) { return Shape(AsViews(a)); }, [](const ViewAttentionArgs& a) { return Shape(a); },
                 [](const AttentionBackwardArgs& a) { return Shape(AsViews(a)); },
                 [](const ViewAttentionBackwardArgs& a) { return Shape(a); },
                 [](const auto&) -> ViewAttentionArgs { throw Internal("the shape of attention was asked of another call"); }},
      call);
}

std::string NameOfProduct(const Call& call) {
  return std::visit(
      Overloaded{
          [](const LinearArgs& a) {
            std::string text = Sizes("Linear", a);
            if (a.y_type != a.type) text += StrCat(" to ", Name(a.y_type));
            if (a.bias != nullptr) text += ", bias";
            if (a.addend != nullptr) text += ", addend";
            return text;
          },
          [](const LinearBackwardInputArgs& a) { return Sizes("LinearBackwardInput", a); },
          [](const LinearBackwardWeightArgs& a) {
            std::string text = Sizes("LinearBackwardWeight", a);
            if (a.dbias != nullptr) text += ", bias";
            return text;
          },
          [](const GroupedLinearArgs& a) { return SizesByExpert("GroupedLinear", a, a.bias); },
          [](const GroupedLinearBackwardInputArgs& a) { return SizesByExpert("GroupedLinearBackwardInput", a, nullptr); },
          [](const GroupedLinearBackwardWeightArgs& a) { return SizesByExpert("GroupedLinearBackwardWeight", a, a.dbias); },
          [&](const AttentionArgs&) { return Sizes("Attention", AttentionShape(call)); },
          [&](const ViewAttentionArgs&) { return Sizes("ViewAttention", AttentionShape(call)); },
          [&](const AttentionBackwardArgs&) { return Sizes("AttentionBackward", AttentionShape(call)); },
          [&](const ViewAttentionBackwardArgs&) { return Sizes("ViewAttentionBackward", AttentionShape(call)); },
          [](const auto&) -> std::string { throw Internal("the name of a product was asked of a call that is none"); }},
      call);
}

void ProductTimes::Add(const CountedCall& product, double seconds_of_one) {
  const double seconds = product.times * seconds_of_one;
  items.push_back({product.name, product.times, seconds});
  step += seconds;
  switch (KindOf(product.call)) {
    case ProductKind::kLinear:
      linear += seconds;
      break;
    case ProductKind::kGrouped:
      grouped += seconds;
      break;
    case ProductKind::kAttentionForward:
      attention_forward += seconds;
      break;
    case ProductKind::kAttentionBackward:
      attention_backward += seconds;
      break;
    case ProductKind::kNone:
      break;
  }
}

}  // namespace hlm
