#include "core/cpu/product_bench.h"

#include "tests/cpu/rig.h"

namespace hlm {
namespace {

TEST(ProductBenchTest, TimesEveryKindAndAddsThemUp) {
  OpShapes shapes;
  shapes.tokens = 128;
  shapes.longest_document = 64;
  shapes.hidden = 64;
  shapes.heads = 4;
  shapes.kv_heads = 2;
  shapes.head_dim = 16;
  shapes.intermediate = 96;
  shapes.vocab = 500;
  shapes.head_chunk = 64;
  shapes.threads = 2;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    shapes.type = type;
    const ProductTimes t = TimeProducts(shapes, 3, 2, 64);
    for (const double seconds : {t.qkv, t.o, t.gate_up, t.down, t.head, t.attention_forward, t.attention_backward}) {
      EXPECT_GT(seconds, 0);
      EXPECT_LT(seconds, 10);
    }
    EXPECT_NEAR(t.step, t.qkv + t.o + t.gate_up + t.down + t.head + t.attention_forward + t.attention_backward, 1e-9);
    EXPECT_EQ(t.form.rfind(type == DType::kBF16 && NativeBf16() ? "bf16" : "f32", 0), 0u) << t.form;
  }
  EXPECT_THROW(TimeProducts(shapes, 1, 1, 65), Error);
}

}  // namespace
}  // namespace hlm
