// What a router does beside its choice: it tells how the choice fell, and its logits get gradients of the terms of the loss that see them.
#include "core/layers/experts.h"

namespace hlm {
namespace {

// work(document, first token, tokens)
template <class Work>
void EachDocument(const BlockRun& r, const Work& work) {
  const int32_t* offsets = r.micro.documents.host_offsets;
  for (int64_t d = 0; d < r.micro.documents.count; ++d) work(d, offsets[d], offsets[d + 1] - offsets[d]);
}

}  // namespace

void ExpertsBody::TellLoad(const BlockRun& r, const int32_t* choice, int64_t begin, int64_t tokens, float* record,
                           bool add) const {
  r.ops.RouteLoad(r.stream, {.tokens = tokens,
                             .experts = spec_.count,
                             .chosen = spec_.chosen,
                             .logits = r.Saved<float>(logits_) + begin * spec_.count,
                             .choice = choice + begin * spec_.chosen,
                             .accumulate = add,
                             .counts = record,
                             .probabilities = record + spec_.count,
                             .squares = record + 2 * spec_.count});
}

void ExpertsBody::TellLoad(const BlockRun& r) const {
  const RouterRun& asked = r.router;
  if (spec_.shared || asked.load == nullptr) return;
  const int32_t* choice = r.Saved<int32_t>(choice_);
  TellLoad(r, choice, 0, r.micro.tokens, asked.load, asked.add);
  if (asked.balanced == nullptr && asked.documents == nullptr) return;
  if (best_ >= 0) {
    r.ops.Route(r.stream, {.type = r.type,
                           .kind = {.score = RouteScore::kSoftmaxOfChosen},
                           .tokens = r.micro.tokens,
                           .experts = spec_.count,
                           .chosen = spec_.chosen,
                           .logits = r.Saved<float>(logits_),
                           .choice = r.Temp<int32_t>(best_),
                           .weights = r.Temp<float>(best_weights_)});
    choice = r.Temp<int32_t>(best_);
  }
  if (asked.balanced != nullptr) TellLoad(r, choice, 0, r.micro.tokens, asked.balanced, asked.add);
  if (asked.documents == nullptr) return;
  EachDocument(r, [&](int64_t d, int64_t begin, int64_t tokens) {
    TellLoad(r, choice, begin, tokens, asked.documents + d * (2 * spec_.count + 1), asked.add_documents);
  });
}

void ExpertsBody::RouteBackward(const BlockRun& r) const {
  const auto rows = [&](int64_t begin, int64_t tokens, const float* balance) {
    r.ops.RouteBackward(r.stream,
                        {.type = r.type,
                         .kind = kind_,
                         .tokens = tokens,
                         .experts = spec_.count,
                         .chosen = spec_.chosen,
                         .logits = r.Saved<float>(logits_) + begin * spec_.count,
                         .choice = r.Saved<int32_t>(choice_) + begin * spec_.chosen,
                         .dweights = r.Temp<float>(dweights_) + begin * spec_.chosen,
                         .balance = balance,
                         .z_scale = spec_.shared ? 0 : r.router.z_scale,
                         .dlogits = r.Temp<std::byte>(dlogits_) + begin * spec_.count * static_cast<int64_t>(SizeOf(r.type))});
  };
  const float* balance = spec_.shared ? nullptr : r.router.balance;
  if (balance == nullptr || r.router.balance_stride == 0) return rows(0, r.micro.tokens, balance);
  EachDocument(r, [&](int64_t d, int64_t begin, int64_t tokens) { rows(begin, tokens, balance + d * r.router.balance_stride); });
}

}  // namespace hlm
