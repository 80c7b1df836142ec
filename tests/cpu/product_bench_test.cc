#include "core/cpu/product_bench.h"

#include "tests/cpu/rig.h"

namespace hlm {
namespace {

const std::vector<int32_t> kOffsets = {0, 64, 100, 128};  // documents of unequal lengths

std::vector<CountedCall> Products(DType type) {
  const Documents documents{3, 64, kOffsets.data(), kOffsets.data()};
  ViewAttentionArgs latent;
  latent.type = type;
  latent.tokens = 128;
  latent.heads = latent.kv_heads = 4;
  latent.head_dim = 24;
  latent.value_dim = 16;
  latent.documents = documents;
  latent.kind.window = 32;
  const std::vector<Call> calls = {
      LinearArgs{.type = type, .y_type = type, .tokens = 128, .in = 64, .out = 128},
      LinearArgs{.type = type, .y_type = DType::kF32, .tokens = 64, .in = 64, .out = 500},
      LinearBackwardInputArgs{.type = type, .tokens = 128, .in = 64, .out = 128},
      LinearBackwardWeightArgs{.type = type, .tokens = 128, .in = 64, .out = 128},
      AttentionArgs{.type = type, .tokens = 128, .heads = 4, .kv_heads = 2, .head_dim = 16, .documents = documents},
      AttentionBackwardArgs{.type = type, .tokens = 128, .heads = 4, .kv_heads = 2, .head_dim = 16, .documents = documents},
      latent};
  std::vector<CountedCall> products;
  for (const Call& call : calls) products.push_back({call, NameOfProduct(call), 3});
  return products;
}

TEST(ProductBenchTest, TimesEveryProductAndAddsThemUp) {
  for (const DType type : {DType::kF32, DType::kBF16}) {
    const std::vector<CountedCall> products = Products(type);
    const ProductTimes t = TimeProducts(products, 2);
    ASSERT_EQ(t.items.size(), products.size());
    double linear = 0, sum = 0;
    for (size_t i = 0; i < products.size(); ++i) {
      EXPECT_EQ(t.items[i].name, products[i].name);
      EXPECT_EQ(t.items[i].times, 3);
      EXPECT_GT(t.items[i].seconds, 0) << t.items[i].name;
      EXPECT_LT(t.items[i].seconds, 10) << t.items[i].name;
      sum += t.items[i].seconds;
      if (i < 4) linear += t.items[i].seconds;
    }
    EXPECT_NEAR(t.linear, linear, 1e-9);
    EXPECT_GT(t.attention_forward, 0);
    EXPECT_GT(t.attention_backward, 0);
    EXPECT_NEAR(t.step, sum, 1e-9);
    EXPECT_NEAR(t.step, t.linear + t.attention_forward + t.attention_backward, 1e-9);
    EXPECT_EQ(t.form.rfind(type == DType::kBF16 && NativeBf16() ? "bf16" : "f32", 0), 0u) << t.form;
  }
}

TEST(ProductBenchTest, NamesTellEverySizeThatCosts) {
  EXPECT_EQ(NameOfProduct(LinearArgs{.type = DType::kBF16, .y_type = DType::kF32, .tokens = 64, .in = 32, .out = 500}),
            "Linear 64 x 32 -> 500, bf16 to f32");
  ViewAttentionArgs args = std::get<ViewAttentionArgs>(Products(DType::kF32).back().call);
  EXPECT_EQ(NameOfProduct(args), "ViewAttention of 3 documents, 128 tokens, 4 heads on 4 of 24 and 16, window 32, f32");
  args.kind.window = 0;
  args.kind.soft_cap = 30;
  EXPECT_EQ(NameOfProduct(args), "ViewAttention of 3 documents, 128 tokens, 4 heads on 4 of 24 and 16, capped, f32");
}

TEST(ProductBenchTest, WhatIsNoProductHasNoName) {
  EXPECT_EQ(KindOf(RmsNormArgs{}), ProductKind::kNone);
  EXPECT_THROW(NameOfProduct(RmsNormArgs{}), Error);
}

}  // namespace
}  // namespace hlm
