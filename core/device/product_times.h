// What the products of a training step cost alone: which calls they are, and the times of them.
#ifndef HORIZON_LM_CORE_DEVICE_PRODUCT_TIMES_H_
#define HORIZON_LM_CORE_DEVICE_PRODUCT_TIMES_H_

#include <string>
#include <vector>

#include "core/device/ops.h"

namespace hlm {

// kGrouped: products by expert, whose rows are taken to fall evenly.
enum class ProductKind { kNone, kLinear, kGrouped, kAttentionForward, kAttentionBackward };
ProductKind KindOf(const Call& call);
// The shape of attention in a call of it, forward or backward; without data.
ViewAttentionArgs AttentionShape(const Call& call);
// A product's operation and sizes: "Linear 512 x 768 -> 2304, bf16". Calls of the same name cost the same.
std::string NameOfProduct(const Call& call);

// A product, as it was rehearsed, and how often a step has it.
struct CountedCall {
  Call call;
  std::string name;
  double times = 0;
};

struct ProductTimes {
  struct Item {
    std::string name;
    double times = 0, seconds = 0;  // of all of them
  };
  std::vector<Item> items;
  double linear = 0, grouped = 0, attention_forward = 0, attention_backward = 0;
  double step = 0;   // the sum
  std::string form;  // how they were computed: "f32", "bf16", or "f32, as oneDNN has no bf16 on this processor"

  void Add(const CountedCall& product, double seconds_of_one);
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_PRODUCT_TIMES_H_
