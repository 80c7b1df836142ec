// Attention on the GPU, our own kernels' and cuDNN's, against the CPU device's.
#include <algorithm>
#include <ostream>

#include "tests/cuda/gpu.h"

namespace hlm {
namespace {

using Lengths = std::vector<int32_t>;

struct Case {
  DType type;
  Lengths lengths;
  int64_t heads, kv_heads, dim, window;
};
std::ostream& operator<<(std::ostream& out, const Case& c) {
  out << Name(c.type) << "_docs";
  for (const int32_t length : c.lengths) out << "_" << length;
  return out << "_heads_" << c.heads << "_" << c.kv_heads << "x" << c.dim << "_window_" << c.window;
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  const DType f32 = DType::kF32, bf16 = DType::kBF16;
  for (const int64_t dim : {8, 24, 64, 80, 96, 128, 192, 256}) {
    cases.push_back({f32, {1}, 1, 1, dim, 0});
    cases.push_back({f32, {3}, 2, 1, dim, 0});
    cases.push_back({f32, {17, 1, 5}, 4, 2, dim, 0});
    cases.push_back({f32, {1, 130, 2, 33}, 3, 1, dim, 0});
    cases.push_back({f32, {130}, 6, 2, dim, 7});
  }
  // Windows that begin inside a tile, are one tile, are shorter and longer than a document.
  for (const int64_t window : {1, 2, 16, 129, 130, 1000}) cases.push_back({f32, {130, 7}, 2, 2, 8, window});
  for (const int64_t window : {0, 3, 64, 128, 200}) cases.push_back({f32, {300, 257, 1}, 2, 1, 64, window});
  cases.push_back({f32, {128, 128, 128}, 4, 2, 64, 0});
  cases.push_back({f32, {1, 1, 1, 1, 1}, 2, 2, 16, 0});
  cases.push_back({f32, {1000}, 8, 2, 128, 0});
  cases.push_back({f32, {130, 3}, 28, 4, 128, 0});
  // cuDNN builds a graph for each form of a call, which takes its time: fewer in bf16.
  for (const int64_t dim : {8, 24, 80, 256}) cases.push_back({bf16, {17, 1, 5}, 4, 2, dim, 0});
  for (const int64_t dim : {64, 128}) {
    cases.push_back({bf16, {1}, 1, 1, dim, 0});
    cases.push_back({bf16, {1, 130, 2, 33}, 3, 1, dim, 0});
    cases.push_back({bf16, {128, 128, 128, 128}, 4, 2, dim, 0});
  }
  cases.push_back({bf16, {3}, 2, 1, 64, 0});
  cases.push_back({bf16, {130}, 6, 2, 64, 7});
  cases.push_back({bf16, {130, 7}, 2, 2, 64, 1});
  cases.push_back({bf16, {130, 7}, 2, 2, 64, 1000});
  cases.push_back({bf16, {600, 300, 1, 128}, 4, 2, 128, 128});
  cases.push_back({bf16, {256, 256}, 4, 4, 128, 100});
  cases.push_back({bf16, {1, 1, 1, 1, 1}, 2, 2, 64, 0});
  cases.push_back({bf16, {64, 64, 64}, 8, 1, 96, 0});
  cases.push_back({bf16, {1000}, 8, 2, 128, 0});
  cases.push_back({bf16, {130, 3}, 28, 4, 128, 0});
  return cases;
}

// The documents' offsets, and what both operations take of them.
struct Packed {
  explicit Packed(const Lengths& lengths) {
    for (const int32_t length : lengths) offsets.push_back(offsets.back() + length);
    longest = *std::max_element(lengths.begin(), lengths.end());
    twin = std::make_unique<Twin>(Twin::Input(offsets));
  }
  int64_t tokens() const { return offsets.back(); }
  Documents On(Side s) { return {static_cast<int64_t>(offsets.size()) - 1, longest, twin->ints(s), offsets.data()}; }

  std::vector<int32_t> offsets = {0};
  int64_t longest = 0;
  std::unique_ptr<Twin> twin;
};

void RunForward(const Case& c, Packed* packed, Twin* qkv, Twin* out, Twin* lse) {
  RunBoth(&Ops::Attention, {packed->twin.get(), qkv, out, lse}, [&](Side s) {
    return AttentionArgs{.type = c.type,
                         .tokens = packed->tokens(),
                         .heads = c.heads,
                         .kv_heads = c.kv_heads,
                         .head_dim = c.dim,
                         .window = c.window,
                         .documents = packed->On(s),
                         .qkv = qkv->on(s),
                         .out = out->on(s),
                         .lse = lse->floats(s)};
  });
}

class AttentionTest : public OpsTest, public testing::WithParamInterface<Case> {
 protected:
  // The columns [begin, end) of an array [tokens, width].
  Floats Columns(const Floats& all, int64_t begin, int64_t end) const {
    Floats part;
    for (size_t row = 0; row < all.size(); row += static_cast<size_t>(width_)) {
      part.insert(part.end(), all.begin() + static_cast<int64_t>(row) + begin, all.begin() + static_cast<int64_t>(row) + end);
    }
    return part;
  }
  const Case c_ = GetParam();
  const int64_t width_ = (c_.heads + 2 * c_.kv_heads) * c_.dim, out_width_ = c_.heads * c_.dim;
};

// fp32: a score's rounding errors are relative errors of its probability; still some units only.
// bf16: the CPU device keeps probabilities in fp32, cuDNN rounds them and dS to bf16 (half a unit, 2^-9, each) before the second
// product: sums of many terms of either sign are off by as much of the largest, 2 % at the most, and 2^-9 * 0.6 in the norm, to
// which the roundings of both results add.
constexpr Bound kForwardBound{0x1p-7, 0.02, 6e-3}, kBackwardBound{0x1p-7, 0.02, 8e-3};
// lse is fp32, from exp2 and log2 of the processor in bf16.
constexpr Bound kLseBound{0, 1e-4, 1e-4};

TEST_P(AttentionTest, ForwardAndBackward) {
  const bool f32 = c_.type == DType::kF32;
  Packed packed(c_.lengths);
  const int64_t tokens = packed.tokens();
  const Floats qkvs = Randoms(tokens * width_, "qkv"), douts = Randoms(tokens * out_width_, "dout");
  Twin qkv = Twin::Input(c_.type, qkvs), out = Twin::Output(c_.type, tokens * out_width_);
  Twin lse = Twin::Output(DType::kF32, tokens * c_.heads);
  RunForward(c_, &packed, &qkv, &out, &lse);
  ExpectClose(out, f32 ? kFloatBound : kForwardBound, "out");
  ExpectClose(lse, f32 ? kFloatBound : kLseBound, "lse", 1);

  // Both sides start from the CPU's result.
  Twin stored_out = Twin::Input(c_.type, out.cpu()), stored_lse = Twin::Input(DType::kF32, lse.cpu());
  Twin dout = Twin::Input(c_.type, douts), dqkv = Twin::Output(c_.type, tokens * width_);
  RunBoth(&Ops::AttentionBackward, {packed.twin.get(), &qkv, &stored_out, &stored_lse, &dout, &dqkv}, [&](Side s) {
    return AttentionBackwardArgs{.type = c_.type,
                                 .tokens = tokens,
                                 .heads = c_.heads,
                                 .kv_heads = c_.kv_heads,
                                 .head_dim = c_.dim,
                                 .window = c_.window,
                                 .documents = packed.On(s),
                                 .qkv = qkv.on(s),
                                 .out = stored_out.on(s),
                                 .dout = dout.on(s),
                                 .lse = stored_lse.floats(s),
                                 .dqkv = dqkv.on(s)};
  });
  const Floats actual = dqkv.gpu(), expected = dqkv.cpu();
  const int64_t q = out_width_, kv = c_.kv_heads * c_.dim;
  // With a single key dq and dk are differences of equal terms.
  const bool cancels = packed.longest == 1 || c_.window == 1;
  const double terms = cancels ? MaxAbs(qkvs) * MaxAbs(douts) : 0;
  const Bound bound = f32 ? kFloatBound : kBackwardBound;
  ExpectClose(Columns(actual, 0, q), Columns(expected, 0, q), bound, "dq", terms);
  ExpectClose(Columns(actual, q, q + kv), Columns(expected, q, q + kv), bound, "dk", terms);
  ExpectClose(Columns(actual, q + kv, width_), Columns(expected, q + kv, width_), bound, "dv");
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionTest, testing::ValuesIn(Cases()));

class AttentionExtremesTest : public OpsTest, public testing::WithParamInterface<DType> {};

// Scores of +-1e4: only the largest key counts, nothing overflows.
TEST_P(AttentionExtremesTest, LargeScoresStaySoftmax) {
  constexpr size_t kTokens = 40, kDim = 64;
  const Case c{GetParam(), {kTokens}, 1, 1, kDim, 0};
  Floats values(kTokens * 3 * kDim);
  for (size_t t = 0; t < kTokens; ++t) {
    float* row = &values[t * 3 * kDim];
    row[0] = 256;
    row[kDim] = t == 10 ? 512.0f : t % 2 == 0 ? 256.0f : -256.0f;
    row[2 * kDim] = static_cast<float>(t);
  }
  Packed packed(c.lengths);
  Twin qkv = Twin::Input(c.type, values), out = Twin::Output(c.type, kTokens * kDim), lse = Twin::Output(DType::kF32, kTokens);
  RunForward(c, &packed, &qkv, &out, &lse);
  const Floats outs = out.gpu(), lses = lse.gpu();
  for (size_t t = 10; t < kTokens; ++t) {
    EXPECT_FLOAT_EQ(outs[t * kDim], 10.0f) << t;
    EXPECT_NEAR(lses[t], 256.0f * 512.0f / 8.0f, 0.05) << t;
  }
}

// A document may lie in one tile with the next one, whose NaNs are masked there: 0 times NaN must not be added.
TEST_P(AttentionExtremesTest, ANaNReachesItsDocumentAndNoOther) {
  constexpr size_t kTokens = 20, kDim = 64;
  const Case c{GetParam(), {10, 10}, 1, 1, kDim, 0};
  for (const size_t part : {0, 1, 2}) {  // q, k, v of the second document's third token
    Floats values = Randoms(kTokens * 3 * kDim, "qkv");
    for (size_t i = 0; i < kDim; ++i) values[(12 * 3 + part) * kDim + i] = std::nanf("");
    Packed packed(c.lengths);
    Twin qkv = Twin::Input(c.type, values), out = Twin::Output(c.type, kTokens * kDim), lse = Twin::Output(DType::kF32, kTokens);
    RunForward(c, &packed, &qkv, &out, &lse);
    const Floats outs = out.gpu(), lses = lse.gpu();
    for (size_t i = 0; i < 10 * kDim; ++i) ASSERT_TRUE(std::isfinite(outs[i])) << "part " << part << ", element " << i;
    for (size_t t = 0; t < 10; ++t) ASSERT_TRUE(std::isfinite(lses[t])) << "part " << part << ", token " << t;
    EXPECT_FALSE(std::isfinite(outs[12 * kDim])) << "part " << part;
    if (part < 2) {
      EXPECT_FALSE(std::isfinite(lses[12])) << "part " << part;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, AttentionExtremesTest, testing::Values(DType::kF32, DType::kBF16));

}  // namespace
}  // namespace hlm
