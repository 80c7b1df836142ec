// oneDNN's matmul primitive as MatmulProduct wraps it: every transposition, strides, bias, accumulation and type that it has
// here.
#include "core/cpu/product.h"

#include <gtest/gtest.h>

#include "tests/cpu/reference.h"
#include "tests/cpu/rig.h"

namespace hlm {
namespace {

void CheckMatmul(DType type, DType c_type, bool transpose_a, bool transpose_b, bool with_bias, bool accumulate) {
  constexpr int64_t kM = 13, kN = 21, kK = 34, kGap = 3;  // rows lie further apart than they are long
  const ProductShape shape{
      kM, kN, kK, transpose_a, transpose_b, (transpose_a ? kM : kK) + kGap, (transpose_b ? kK : kN) + kGap, kN + kGap};
  Array a = RandomArray(type, (transpose_a ? kK : kM) * shape.a_stride, "a"),
        b = RandomArray(type, (transpose_b ? kN : kK) * shape.b_stride, "b");
  Array bias = RandomArray(type, kN, "bias"), old = RandomArray(c_type, kM * shape.c_stride, "c"), c = old;
  ASSERT_TRUE(MatmulProduct(shape, type, a.data(), b.data(), with_bias ? bias.data() : nullptr, accumulate, c_type, c.data()));
  Doubles expected(c.size());
  double size = 2;
  for (int64_t i = 0; i < kM; ++i) {
    for (int64_t j = 0; j < shape.c_stride; ++j) {
      const auto at = static_cast<size_t>(i * shape.c_stride + j);
      if (j >= kN) {
        ASSERT_EQ(c[at], old[at]) << "written between two rows";
        expected[at] = old[at];
        continue;
      }
      double sum = (with_bias ? bias[static_cast<size_t>(j)] : 0) + (accumulate ? old[at] : 0), sizes = std::abs(sum);
      for (int64_t p = 0; p < kK; ++p) {
        const double x = a[static_cast<size_t>(transpose_a ? p * shape.a_stride + i : i * shape.a_stride + p)];
        const double y = b[static_cast<size_t>(transpose_b ? j * shape.b_stride + p : p * shape.b_stride + j)];
        sum += x * y;
        sizes += std::abs(x * y);
      }
      expected[at] = sum;
      size = std::max(size, sizes);
    }
  }
  ExpectNear(c, expected, c_type == DType::kF32 ? 0 : 1, static_cast<double>(kK + 3), size, "c");
}

TEST(MatmulProductTest, EveryFormOfTheTypesThatOneDnnHas) {
  std::vector<std::pair<DType, DType>> types = {{DType::kF32, DType::kF32}};
  if (NativeBf16Products()) types.insert(types.end(), {{DType::kBF16, DType::kBF16}, {DType::kBF16, DType::kF32}});
  for (const auto& [type, c_type] : types) {
    for (int form = 0; form < 16; ++form) {
      SCOPED_TRACE(StrCat(Name(type), " to ", Name(c_type), ", form ", form));
      for (int round = 0; round < 2; ++round)
        CheckMatmul(type, c_type, form & 1, form & 2, form & 4, form & 8);  // made, then kept
    }
  }
}

TEST(MatmulProductTest, AFormThatOneDnnLacksIsSaidAndNothingIsDone) {
  if (NativeBf16Products()) GTEST_SKIP() << "this processor multiplies bf16";
  std::vector<bf16_t> a(4), b(4), c(4, 7);
  EXPECT_FALSE(
      MatmulProduct({2, 2, 2, false, false, 2, 2, 2}, DType::kBF16, a.data(), b.data(), nullptr, false, DType::kBF16, c.data()));
  EXPECT_EQ(c, std::vector<bf16_t>(4, 7));
}

TEST(MatmulProductTest, MoreShapesThanAreKept) {
  std::vector<float> a(2000, 1.0f), b(2000, 1.0f), c(1);
  for (int64_t k = 1; k <= 700; ++k) {
    ASSERT_TRUE(
        MatmulProduct({1, 1, k, false, false, k, 1, 1}, DType::kF32, a.data(), b.data(), nullptr, false, DType::kF32, c.data()));
    ASSERT_EQ(c[0], static_cast<float>(k));
  }
}

}  // namespace
}  // namespace hlm
