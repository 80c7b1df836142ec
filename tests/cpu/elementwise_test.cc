// SwiGLU, embedding and casts against plain loops.
#include <limits>

#include "tests/cpu/reference.h"
#include "tests/cpu/rig.h"

namespace hlm {
namespace {

struct Case {
  DType type;
  int64_t tokens, width;
};
std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const int64_t tokens : {1, 3, 17, 130}) {
      for (const int64_t width : {1, 7, 8, 65, 300}) cases.push_back({type, tokens, width});
    }
  }
  return cases;
}
std::ostream& operator<<(std::ostream& out, const Case& c) { return out << Name(c.type) << "_" << c.tokens << "x" << c.width; }

class ElementwiseTest : public testing::TestWithParam<Case> {
 protected:
  Rig rig_;
  const DType type_ = GetParam().type;
  const int64_t tokens_ = GetParam().tokens, width_ = GetParam().width;
};

// exp is good to 2 units and what follows adds one each: 8 units of the result (f32), or its one rounding (bf16). In the gradient
// 1 + g (1 - s) cancels near its zero at g = -1.28; its terms are below 2 + |g|, so that is the scale of the absolute part.
TEST_P(ElementwiseTest, SwiGlu) {
  Array gate_up = RandomArray(type_, tokens_ * 2 * width_, "gate_up", 3), y(type_, tokens_ * width_);
  rig_.Run(&Ops::SwiGlu, {type_, tokens_, width_, gate_up.data(), y.data()});
  const double own = type_ == DType::kF32 ? 8 : 1.01;
  ExpectNear(y, reference::SwiGlu(gate_up.values(), static_cast<size_t>(width_)), own, 0, 0, "y");

  Array dy = RandomArray(type_, tokens_ * width_, "dy"), d(type_, tokens_ * 2 * width_), in_place = gate_up;
  rig_.Run(&Ops::SwiGluBackward, {type_, tokens_, width_, gate_up.data(), dy.data(), d.data()});
  rig_.Run(&Ops::SwiGluBackward, {type_, tokens_, width_, in_place.data(), dy.data(), in_place.data()});
  const double scale = (2 + MaxAbs(gate_up.values())) * MaxAbs(gate_up.values()) * MaxAbs(dy.values());
  ExpectNear(d, reference::SwiGluBackward(gate_up.values(), dy.values(), static_cast<size_t>(width_)), own, 8, scale, "dgate_up");
  EXPECT_TRUE(d.SameBits(in_place));
}

TEST_P(ElementwiseTest, Embedding) {
  constexpr int64_t kVocab = 23;
  Array table = RandomArray(type_, kVocab * width_, "table"), y(type_, tokens_ * width_),
        dy = RandomArray(type_, tokens_ * width_, "dy");
  std::vector<int32_t> ids;
  for (int64_t t = 0; t < tokens_; ++t) ids.push_back(static_cast<int32_t>(RandomBelow(7, static_cast<uint64_t>(t), kVocab)));
  rig_.Run(&Ops::Embedding, {type_, tokens_, width_, kVocab, ids.data(), table.data(), y.data()});
  Array dtable = RandomArray(DType::kF32, kVocab * width_, "dtable");
  std::vector<float> expected;
  for (size_t i = 0; i < dtable.size(); ++i) expected.push_back(static_cast<float>(dtable[i]));
  for (int64_t t = 0; t < tokens_; ++t) {
    for (int64_t i = 0; i < width_; ++i) {
      const auto from = static_cast<size_t>(t * width_ + i), to = static_cast<size_t>(ids[static_cast<size_t>(t)] * width_ + i);
      ASSERT_EQ(y[from], table[to]);
      expected[to] += static_cast<float>(dy[from]);  // in the order of tokens: the same bits
    }
  }
  EXPECT_TRUE(y.GuardsIntact());
  rig_.Run(&Ops::EmbeddingBackward, {type_, tokens_, width_, kVocab, ids.data(), dy.data(), dtable.floats()});
  for (size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(dtable[i], expected[i]) << i;
  EXPECT_TRUE(dtable.GuardsIntact());
}

INSTANTIATE_TEST_SUITE_P(Shapes, ElementwiseTest, testing::ValuesIn(Cases()));

TEST(SwiGluExtremesTest, LargeValuesSaturateAndNaNStays) {
  Rig rig;
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> gates = {-1e30f, -200, -100, -88.5f, 0, 88.5f, 100, 1e30f, std::nanf(""), inf};
  std::vector<float> gate_up(gates);
  gate_up.resize(2 * gates.size(), 2.0f);
  std::vector<float> y(gates.size()), dy(gates.size(), 1.0f), d(2 * gates.size());
  const auto width = static_cast<int64_t>(gates.size());
  rig.Run(&Ops::SwiGlu, {DType::kF32, 1, width, gate_up.data(), y.data()});
  rig.Run(&Ops::SwiGluBackward, {DType::kF32, 1, width, gate_up.data(), dy.data(), d.data()});
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(y[i], 0, 1e-6) << gates[i];
    EXPECT_NEAR(d[i], gates[i] == 0 ? 1.0 : 0.0, 1e-6) << gates[i];
  }
  for (size_t i = 5; i < 8; ++i) {
    EXPECT_FLOAT_EQ(y[i], 2 * gates[i]);
    EXPECT_FLOAT_EQ(d[i], 2.0f);
  }
  EXPECT_TRUE(std::isnan(y[8]) && std::isnan(d[8]) && std::isnan(d[8 + gates.size()]));
  EXPECT_FALSE(std::isfinite(y[9]));
}

TEST(CastTest, RoundsToNearestEvenAndWidensExactly) {
  Rig rig;
  std::vector<float> x = {0.0f,
                          -0.0f,
                          1.0f,
                          0x1.01p0f,
                          0x1.03p0f,
                          0x1.010002p0f,
                          3.4e38f,
                          -3.4e38f,
                          1e-40f,
                          std::nanf(""),
                          std::numeric_limits<float>::infinity()};
  const Doubles more = Normals(40000, "x", 100);  // more than two blocks, and a rest
  for (const double v : more) x.push_back(static_cast<float>(v));
  std::vector<bf16_t> y(x.size());
  const auto n = static_cast<int64_t>(x.size());
  rig.Run(&Ops::Cast, {DType::kF32, DType::kBF16, n, x.data(), y.data()});
  for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], FloatToBf16(x[i])) << i << ": " << x[i];
  std::vector<float> back(x.size()), copy(x.size());
  rig.Run(&Ops::Cast, {DType::kBF16, DType::kF32, n, y.data(), back.data()});
  rig.Run(&Ops::Cast, {DType::kF32, DType::kF32, n, x.data(), copy.data()});
  EXPECT_EQ(std::memcmp(copy.data(), x.data(), x.size() * sizeof(float)), 0);
  for (size_t i = 0; i < x.size(); ++i) {
    const float expected = Bf16ToFloat(y[i]);
    ASSERT_EQ(std::memcmp(&back[i], &expected, 4), 0) << i;
  }
}

}  // namespace
}  // namespace hlm
