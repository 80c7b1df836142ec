// Attention, forward and backward, against loops over single queries and keys in double.
#include <algorithm>
#include <ostream>

#include "tests/cpu/attention_reference.h"
#include "tests/cpu/rig.h"

namespace hlm {
namespace {

struct Case {
  DType type;
  std::vector<int32_t> lengths;
  int64_t heads, kv_heads, dim, window;
};
std::ostream& operator<<(std::ostream& out, const Case& c) {
  out << Name(c.type) << "_docs";
  for (const int32_t length : c.lengths) out << "_" << length;
  return out << "_heads_" << c.heads << "_" << c.kv_heads << "x" << c.dim << "_window_" << c.window;
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const int64_t dim : {2, 6, 64, 80, 128}) {
      cases.push_back({type, {1}, 1, 1, dim, 0});
      cases.push_back({type, {3}, 2, 1, dim, 0});
      cases.push_back({type, {17, 1, 5}, 4, 2, dim, 0});
      cases.push_back({type, {1, 130, 2, 33}, 3, 1, dim, 0});
      cases.push_back({type, {130}, 6, 2, dim, 7});
    }
    for (const int64_t window : {1, 2, 16, 129, 130, 1000}) cases.push_back({type, {130, 7}, 2, 2, 8, window});
    // Several spans of keys and queries; windows that begin inside a span, are one span, and are shorter than a tile.
    for (const int64_t window : {0, 3, 300, 512, 700}) cases.push_back({type, {1100, 520, 1}, 2, 1, 10, window});
    cases.push_back({type, {513, 512, 129, 128, 127}, 2, 2, 16, 0});
  }
  return cases;
}

class AttentionTest : public testing::TestWithParam<Case> {
 protected:
  AttentionTest() {
    reference_.h = {static_cast<size_t>(c_.heads), static_cast<size_t>(c_.kv_heads), static_cast<size_t>(c_.dim)};
    reference_.window = static_cast<size_t>(c_.window);
    reference_.offsets = {0};
    for (const int32_t length : c_.lengths) reference_.offsets.push_back(reference_.offsets.back() + length);
    tokens_ = reference_.offsets.back();
    documents_.count = static_cast<int64_t>(c_.lengths.size());
    documents_.longest = *std::max_element(c_.lengths.begin(), c_.lengths.end());
    documents_.offsets = documents_.host_offsets = reference_.offsets.data();
  }

  // The part of an array [tokens, stride] that holds the columns [begin, end).
  Doubles Columns(const Doubles& all, size_t begin, size_t end) const {
    Doubles part;
    for (size_t t = 0; t < reference_.tokens(); ++t) {
      for (size_t i = begin; i < end; ++i) part.push_back(all[t * reference_.h.stride() + i]);
    }
    return part;
  }

  const Case c_ = GetParam();
  reference::Attention reference_;
  int64_t tokens_ = 0;
  Documents documents_;
};

// Everything but the bf16 roundings of inputs (exact here: the reference takes them as stored) and of results is fp32. A score is
// a dot product whose rounding errors, some sqrt(dim) units of the sizes of its terms, become relative errors of the probability:
// with scores of up to 10 or so that is some ten units (10 were seen), of the largest element of a result since sums mix small
// and large ones.
constexpr double kUnits = 25;

TEST_P(AttentionTest, ForwardAndBackward) {
  const int64_t width = (c_.heads + 2 * c_.kv_heads) * c_.dim, out_width = c_.heads * c_.dim;
  const double own = c_.type == DType::kF32 ? 0 : 1;
  Array qkv = RandomArray(c_.type, tokens_ * width, "qkv"), dout = RandomArray(c_.type, tokens_ * out_width, "dout");
  Doubles out_exact, lse_exact;
  reference_.Forward(qkv.values(), &out_exact, &lse_exact);
  // The backward pass starts from a forward result as it would be stored.
  Array out_stored(c_.type, out_exact), lse_stored(DType::kF32, lse_exact);
  const Doubles exact = reference_.Backward(qkv.values(), out_stored.values(), lse_stored.values(), dout.values());

  for (const int threads : {1, 2, 16}) {  // 16: fewer units than threads in many cases, so the team works inside the products
    Rig rig(threads);
    Array out(c_.type, tokens_ * out_width), lse(DType::kF32, tokens_ * c_.heads), dqkv(c_.type, tokens_ * width);
    rig.Run(&Ops::Attention,
            {c_.type, tokens_, c_.heads, c_.kv_heads, c_.dim, c_.window, documents_, qkv.data(), out.data(), lse.floats()});
    ExpectNear(out, out_exact, own, kUnits, MaxAbs(out_exact), "out");
    ExpectNear(lse, lse_exact, 1, kUnits, 1 + MaxAbs(lse_exact) / 10, "lse");

    rig.Run(&Ops::AttentionBackward, {c_.type, tokens_, c_.heads, c_.kv_heads, c_.dim, c_.window, documents_, qkv.data(),
                                      out_stored.data(), dout.data(), lse_stored.floats(), dqkv.data()});
    ASSERT_TRUE(dqkv.GuardsIntact());
    const size_t q = reference_.h.heads * reference_.h.dim, kv = reference_.h.kv_heads * reference_.h.dim;
    const std::pair<const char*, std::pair<size_t, size_t>> parts[] = {
        {"dq", {0, q}}, {"dk", {q, q + kv}}, {"dv", {q + kv, q + 2 * kv}}};
    for (const auto& [what, columns] : parts) {
      const Doubles expected = Columns(exact, columns.first, columns.second);
      // dq and dk are differences of terms as large as dv's and out's: with a single key they cancel to 0.
      const double scale = MaxAbs(expected) + MaxAbs(qkv.values()) * MaxAbs(dout.values());
      const Array actual(c_.type, Columns(dqkv.values(), columns.first, columns.second));
      ExpectNear(actual, expected, own, kUnits, scale, what);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionTest, testing::ValuesIn(Cases()));

TEST(AttentionExtremesTest, LargeScoresStaySoftmax) {
  // Scores of +-1e4: only the largest key counts, nothing overflows.
  Rig rig;
  constexpr int64_t kTokens = 40;
  std::vector<float> qkv(kTokens * 3 * 2), out(kTokens * 2), lse(kTokens);
  for (size_t t = 0; t < kTokens; ++t) {
    qkv[t * 6] = 100.0f;
    qkv[t * 6 + 2] = t % 2 == 0 ? 150.0f : -150.0f + static_cast<float>(t);
    qkv[t * 6 + 4] = static_cast<float>(t);
  }
  qkv[6 * 10 + 2] = 200.0f;  // key 10 beats all others
  const int32_t offsets[] = {0, kTokens};
  AttentionArgs args;
  args.tokens = kTokens;
  args.heads = args.kv_heads = 1;
  args.head_dim = 2;
  args.documents = {1, kTokens, offsets, offsets};
  args.qkv = qkv.data();
  args.out = out.data();
  args.lse = lse.data();
  rig.Run(&Ops::Attention, args);
  for (size_t t = 10; t < kTokens; ++t) {
    EXPECT_FLOAT_EQ(out[t * 2], 10.0f);
    EXPECT_FLOAT_EQ(lse[t], 100.0f * 200.0f / std::sqrt(2.0f));
  }
}

TEST(AttentionExtremesTest, ANaNReachesItsDocumentAndNoOther) {
  Rig rig;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    Doubles values = Normals(20 * 3 * 4, "qkv");
    values[12 * 12] = std::nan("");  // a query of the second document
    Array qkv(type, values), out(type, 20 * 4), lse(DType::kF32, 20);
    const int32_t offsets[] = {0, 10, 20};
    AttentionArgs args;
    args.type = type;
    args.tokens = 20;
    args.heads = args.kv_heads = 1;
    args.head_dim = 4;
    args.documents = {2, 10, offsets, offsets};
    args.qkv = qkv.data();
    args.out = out.data();
    args.lse = lse.floats();
    rig.Run(&Ops::Attention, args);
    for (size_t i = 0; i < 40; ++i) EXPECT_TRUE(std::isfinite(out[i]));
    EXPECT_TRUE(std::isnan(out[12 * 4]));
    EXPECT_TRUE(std::isnan(lse[12]));
  }
}

}  // namespace
}  // namespace hlm
