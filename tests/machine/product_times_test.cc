// The products of a plan, timed through a device's operations: here the CPU device's, whose streams are those of any other.
#include "core/machine/product_times.h"

#include <gtest/gtest.h>

#include "core/cpu/cpu_device.h"

namespace hlm {
namespace {

// As a rehearsal has them: addresses that nobody could read, the parts of one array beside each other.
template <class T>
T* Nowhere(uintptr_t which, uintptr_t offset = 0) {
  return reinterpret_cast<T*>(((which + 1) << 48) + offset);
}

TEST(ProductTimes, EveryProductRunsOnArraysOfItsOwn) {
  const std::vector<int32_t> offsets = {0, 20, 48};
  const Documents documents{2, 28, Nowhere<const int32_t>(0), offsets.data()};
  constexpr int64_t kTokens = 48, kHeads = 4, kKvHeads = 2, kDim = 16, kWidth = (kHeads + 2 * kKvHeads) * kDim;
  const auto head = [](int64_t index) { return static_cast<uintptr_t>(index * kDim * 4); };  // bytes within a row
  ViewAttentionArgs views;
  views.tokens = kTokens;
  views.heads = kHeads;
  views.kv_heads = kKvHeads;
  views.head_dim = views.value_dim = kDim;
  views.documents = documents;
  views.kind.scale = 0.25F;
  views.q = {Nowhere<const void>(1), kWidth, kDim};
  views.k = {Nowhere<const void>(1, head(kHeads)), kWidth, kDim};
  views.v = {Nowhere<const void>(1, head(kHeads + kKvHeads)), kWidth, kDim};
  views.out.data = Nowhere<void>(2);
  views.lse = Nowhere<float>(3);
  views.slopes = Nowhere<const float>(4);
  const std::vector<Call> calls = {LinearArgs{.tokens = kTokens,
                                              .in = 32,
                                              .out = 64,
                                              .x = Nowhere<const void>(1),
                                              .w = Nowhere<const void>(2),
                                              .bias = Nowhere<const void>(3),
                                              .addend = Nowhere<const void>(4),
                                              .y = Nowhere<void>(4)},
                                   LinearBackwardInputArgs{.tokens = kTokens,
                                                           .in = 32,
                                                           .out = 64,
                                                           .dy = Nowhere<const void>(1),
                                                           .w = Nowhere<const void>(2),
                                                           .dx = Nowhere<void>(3)},
                                   LinearBackwardWeightArgs{.tokens = kTokens,
                                                            .in = 32,
                                                            .out = 64,
                                                            .dy = Nowhere<const void>(1),
                                                            .x = Nowhere<const void>(2),
                                                            .dw = Nowhere<float>(3),
                                                            .dbias = Nowhere<float>(4),
                                                            .accumulate = true},
                                   AttentionArgs{.tokens = kTokens,
                                                 .heads = kHeads,
                                                 .kv_heads = kKvHeads,
                                                 .head_dim = kDim,
                                                 .documents = documents,
                                                 .qkv = Nowhere<const void>(1),
                                                 .out = Nowhere<void>(2),
                                                 .lse = Nowhere<float>(3)},
                                   AttentionBackwardArgs{.tokens = kTokens,
                                                         .heads = kHeads,
                                                         .kv_heads = kKvHeads,
                                                         .head_dim = kDim,
                                                         .documents = documents,
                                                         .qkv = Nowhere<const void>(1),
                                                         .out = Nowhere<const void>(2),
                                                         .dout = Nowhere<const void>(3),
                                                         .lse = Nowhere<const float>(4),
                                                         .dqkv = Nowhere<void>(5)},
                                   views,
                                   // Two of the experts' matrices with a bias between them, as they lie in a slab.
                                   GroupedLinearArgs{.rows = 2 * kTokens,
                                                     .in = 32,
                                                     .out = 64,
                                                     .range = {4, 0, 4, Nowhere<const int32_t>(0)},
                                                     .x = Nowhere<const void>(1),
                                                     .w = Nowhere<const void>(2),
                                                     .w_stride = 4096,
                                                     .bias = Nowhere<const void>(2, 32 * 64 * 4),
                                                     .bias_stride = 4096,
                                                     .y = Nowhere<void>(4)},
                                   GroupedLinearBackwardInputArgs{.rows = 2 * kTokens,
                                                                  .in = 32,
                                                                  .out = 64,
                                                                  .range = {4, 0, 4, Nowhere<const int32_t>(0)},
                                                                  .dy = Nowhere<const void>(1),
                                                                  .w = Nowhere<const void>(2),
                                                                  .w_stride = 4096,
                                                                  .dx = Nowhere<void>(3)},
                                   GroupedLinearBackwardWeightArgs{.rows = 2 * kTokens,
                                                                   .in = 32,
                                                                   .out = 64,
                                                                   .range = {4, 0, 4, Nowhere<const int32_t>(0)},
                                                                   .dy = Nowhere<const void>(1),
                                                                   .x = Nowhere<const void>(2),
                                                                   .dw = Nowhere<float>(3),
                                                                   .dw_stride = 4096,
                                                                   .dbias = Nowhere<float>(3, 32 * 64 * 4),
                                                                   .dbias_stride = 4096,
                                                                   .accumulate = true}};
  std::vector<CountedCall> products;
  size_t workspace = 4096;
  for (const Call& call : calls) {
    products.push_back({call, NameOfProduct(call), 2});
    workspace = std::max(workspace, CpuWorkspaceBytes(call, 1));
  }
  CpuDeviceOptions options;
  options.threads = 1;
  const std::unique_ptr<Device> device = CreateCpuDevice(options);
  const ProductTimes times = TimeDeviceProducts(*device, products, workspace);
  ASSERT_EQ(times.items.size(), calls.size());
  for (const ProductTimes::Item& item : times.items) EXPECT_GT(item.seconds, 0) << item.name;
  EXPECT_NEAR(times.step, times.linear + times.grouped + times.attention_forward + times.attention_backward, 1e-9);
  EXPECT_GT(times.grouped, 0);
  EXPECT_EQ(products.back().name, "GroupedLinearBackwardWeight of 4 of 4 experts, 96 rows x 32 -> 64, f32, bias");
  EXPECT_EQ(times.form, "f32");
}

}  // namespace
}  // namespace hlm
