// The same shape and inputs give the same bits: run after run, at any address, whatever ran between; and the operations without
// oneDNN for any number of threads as well.
#include "tests/cpu/rig.h"

namespace hlm {
namespace {

// A copy of an array that begins at another offset from a cache line.
class Moved {
 public:
  Moved(Array& array, size_t shift) : bytes_(array.bytes() + 256, std::byte{0xff}) {
    void* aligned = bytes_.data();
    size_t space = bytes_.size();
    std::align(64, array.bytes(), aligned, space);
    data_ = static_cast<std::byte*>(aligned) + shift;
    std::memcpy(data_, array.data(), array.bytes());
  }
  void* data() { return data_; }
  float* floats() { return reinterpret_cast<float*>(data_); }
  bool Holds(Array& array) const { return std::memcmp(data_, array.data(), array.bytes()) == 0; }

 private:
  std::vector<std::byte> bytes_;
  std::byte* data_;
};

constexpr int64_t kTokens = 150, kHeads = 6, kKvHeads = 2, kDim = 24, kHidden = 136, kWidth = (kHeads + 2 * kKvHeads) * kDim;
constexpr int32_t kOffsets[] = {0, 100, 101, 150};
constexpr Documents kDocuments{3, 100, kOffsets, kOffsets};

class SameBitsTest : public testing::TestWithParam<DType> {
 protected:
  const DType type_ = GetParam();
};

TEST_P(SameBitsTest, ProductsAndAttentionAtAnyAddress) {
  Rig rig;
  Array x = RandomArray(type_, kTokens * kHidden, "x"), w = RandomArray(type_, kWidth * kHidden, "w"),
        b = RandomArray(type_, kWidth, "b");
  Array y(type_, kTokens * kWidth), dx(type_, kTokens * kHidden), dw(DType::kF32, kWidth * kHidden), db(DType::kF32, kWidth);
  Array out(type_, kTokens * kHeads * kDim), lse(DType::kF32, kTokens * kHeads), dy(type_, kTokens * kWidth);
  Array dout = RandomArray(type_, kTokens * kHeads * kDim, "dout");
  const auto run = [&](void* xp, void* wp, void* bp, void* yp, void* dxp, float* dwp, float* dbp, void* outp, float* lsep,
                       void* doutp, void* dyp) {
    rig.Run(&Ops::Linear, {type_, type_, kTokens, kHidden, kWidth, xp, wp, bp, nullptr, yp});
    rig.Run(&Ops::Attention, {type_, kTokens, kHeads, kKvHeads, kDim, 40, kDocuments, yp, outp, lsep});
    rig.Run(&Ops::AttentionBackward, {type_, kTokens, kHeads, kKvHeads, kDim, 40, kDocuments, yp, outp, doutp, lsep, dyp});
    rig.Run(&Ops::LinearBackwardInput, {type_, kTokens, kHidden, kWidth, dyp, wp, dxp});
    rig.Run(&Ops::LinearBackwardWeight, {type_, kTokens, kHidden, kWidth, dyp, xp, dwp, dbp, false});
  };
  run(x.data(), w.data(), b.data(), y.data(), dx.data(), dw.floats(), db.floats(), out.data(), lse.floats(), dout.data(),
      dy.data());
  for (const size_t shift : {0, 4, 8, 28, 32, 60}) {
    Moved mx(x, shift), mw(w, shift), mb(b, shift), my(y, shift), mdx(dx, shift), mdw(dw, shift), mdb(db, shift),
        mout(out, shift), mlse(lse, shift), mdout(dout, shift), mdy(dy, shift);
    run(mx.data(), mw.data(), mb.data(), my.data(), mdx.data(), mdw.floats(), mdb.floats(), mout.data(), mlse.floats(),
        mdout.data(), mdy.data());
    EXPECT_TRUE(my.Holds(y)) << shift;
    EXPECT_TRUE(mout.Holds(out)) << shift;
    EXPECT_TRUE(mlse.Holds(lse)) << shift;
    EXPECT_TRUE(mdy.Holds(dy)) << shift;
    EXPECT_TRUE(mdx.Holds(dx)) << shift;
    EXPECT_TRUE(mdw.Holds(dw)) << shift;
    EXPECT_TRUE(mdb.Holds(db)) << shift;
  }
}

TEST_P(SameBitsTest, OperationsWithoutProductsForAnyNumberOfThreads) {
  constexpr int64_t kRows = 700, kVocab = 3000;
  const auto run = [&](int threads) {
    Rig rig(threads);
    std::vector<Array> results;
    const auto blank = [&](DType type, int64_t n) { return Array(type, n); };
    Array x = RandomArray(type_, kRows * kHidden, "x"), w = RandomArray(type_, kHidden, "w"),
          dy = RandomArray(type_, kRows * kHidden, "dy");
    Array y = blank(type_, kRows * kHidden), rstd = blank(DType::kF32, kRows), dx = y, dw = blank(DType::kF32, kHidden);
    rig.Run(&Ops::RmsNorm, {type_, kRows, kHidden, 1e-5f, x.data(), w.data(), y.data(), rstd.floats()});
    rig.Run(&Ops::RmsNormBackward,
            {type_, kRows, kHidden, x.data(), w.data(), rstd.floats(), dy.data(), y.data(), dx.data(), dw.floats(), false});
    for (Array* a : {&y, &rstd, &dx, &dw}) results.push_back(*a);

    std::vector<int32_t> ids, positions;
    for (uint64_t t = 0; t < kRows; ++t)
      ids.push_back(static_cast<int32_t>(RandomBelow(5, t, 9))), positions.push_back(static_cast<int32_t>(t % 50));
    Array dtable(DType::kF32, Doubles(9 * kHidden));
    rig.Run(&Ops::EmbeddingBackward, {type_, kRows, kHidden, 9, ids.data(), dy.data(), dtable.floats()});
    results.push_back(dtable);

    constexpr int64_t kTurned = kHeads + kKvHeads;
    Array qkv = RandomArray(type_, kRows * kWidth, "qkv"), table = RandomArray(DType::kF32, 50 * kDim, "table"),
          q = RandomArray(type_, kDim, "q");
    Array raw = blank(type_, kRows * kTurned * kDim), raw_rstd = blank(DType::kF32, kRows * kTurned),
          dq = blank(DType::kF32, kDim), dk = dq;
    rig.Run(&Ops::QkRotary, {type_, kRows, kHeads, kKvHeads, kDim, 1e-6f, qkv.data(), positions.data(), table.floats(), q.data(),
                             q.data(), raw.data(), raw_rstd.floats()});
    results.push_back(qkv);
    rig.Run(&Ops::QkRotaryBackward, {type_, kRows, kHeads, kKvHeads, kDim, qkv.data(), positions.data(), table.floats(), q.data(),
                                     q.data(), raw.data(), raw_rstd.floats(), dq.floats(), dk.floats(), false});
    for (Array* a : {&qkv, &dq, &dk}) results.push_back(*a);

    Array logits = RandomArray(DType::kF32, kRows * kVocab / 10, "logits"), nll = blank(DType::kF32, kRows / 10);
    Array d = blank(type_, kRows * kVocab / 10), weights = RandomArray(DType::kF32, kRows / 10, "weights");
    rig.Run(&Ops::CrossEntropy,
            {type_, kRows / 10, kVocab, logits.floats(), ids.data(), weights.floats(), nll.floats(), d.data()});
    results.push_back(nll);
    results.push_back(d);
    return results;
  };
  const std::vector<Array> one = run(1);
  for (const int threads : {1, 2, 3, 7}) {
    const std::vector<Array> other = run(threads);
    for (size_t i = 0; i < one.size(); ++i)
      EXPECT_TRUE(one[i].SameBits(other[i])) << "result " << i << " with " << threads << " threads";
  }
}

INSTANTIATE_TEST_SUITE_P(Types, SameBitsTest, testing::Values(DType::kF32, DType::kBF16),
                         [](const auto& info) { return std::string(Name(info.param)); });

}  // namespace
}  // namespace hlm
