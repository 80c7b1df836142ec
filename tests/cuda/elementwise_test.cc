// SwiGLU, embedding and casts on the GPU against the CPU device's.
#include <ostream>

#include "tests/cuda/gpu.h"

namespace hlm {
namespace {

struct Case {
  DType type;
  int64_t tokens, width;
};
std::ostream& operator<<(std::ostream& out, const Case& c) { return out << Name(c.type) << "_" << c.tokens << "x" << c.width; }

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const int64_t tokens : {1, 3, 17, 130}) {
      for (const int64_t width : {8, 24, 64, 96, 128, 256}) cases.push_back({type, tokens, width});
    }
    for (const auto& [tokens, width] : {std::pair<int64_t, int64_t>{1000, 264}, {130, 3584}, {17, 8192}, {5, 18944}}) {
      cases.push_back({type, tokens, width});
    }
  }
  return cases;
}

class ElementwiseTest : public OpsTest, public testing::WithParamInterface<Case> {
 protected:
  const DType type_ = GetParam().type;
  const int64_t tokens_ = GetParam().tokens, width_ = GetParam().width;
};

TEST_P(ElementwiseTest, SwiGlu) {
  const Floats values = Randoms(tokens_ * 2 * width_, "gate_up", 3);
  Twin gate_up = Twin::Input(type_, values), y = Twin::Output(type_, tokens_ * width_),
       dy = Twin::Random(type_, tokens_ * width_, "dy");
  RunBoth(&Ops::SwiGlu, {&gate_up, &y}, [&](Side s) {
    return SwiGluArgs{.type = type_, .tokens = tokens_, .width = width_, .gate_up = gate_up.on(s), .y = y.on(s)};
  });
  ExpectClose(y, BoundOf(type_), "y");

  Twin apart = Twin::Output(type_, tokens_ * 2 * width_), in_place = Twin::Both(type_, values);
  for (Twin* d : {&apart, &in_place}) {
    RunBoth(&Ops::SwiGluBackward, {&gate_up, &dy, d}, [&](Side s) {
      return SwiGluBackwardArgs{.type = type_,
                                .tokens = tokens_,
                                .width = width_,
                                .gate_up = d == &apart ? gate_up.on(s) : d->on(s),
                                .dy = dy.on(s),
                                .dgate_up = d->on(s)};
    });
    ExpectClose(*d, BoundOf(type_), d == &apart ? "dgate_up" : "dgate_up in place");
  }
  EXPECT_TRUE(apart.gpu_bytes() == in_place.gpu_bytes());
}

class SwiGluExtremesTest : public OpsTest {};

TEST_F(SwiGluExtremesTest, LargeValuesSaturateAndNaNStays) {
  const float inf = std::numeric_limits<float>::infinity();
  const Floats gates = {-1e30f, -200, -100, -88.5f, -127, 0, 88.5f, 100, 1e30f, 127, 128, 200, 1, -1, std::nanf(""), inf};
  const auto width = static_cast<int64_t>(gates.size());
  for (const DType type : {DType::kF32, DType::kBF16}) {
    Floats values(gates);
    values.resize(2 * gates.size(), 2.0f);
    Twin gate_up = Twin::Input(type, values), y = Twin::Output(type, width), dy = Twin::Input(type, Floats(gates.size(), 1.0f));
    Twin d = Twin::Output(type, 2 * width);
    RunBoth(&Ops::SwiGlu, {&gate_up, &y}, [&](Side s) {
      return SwiGluArgs{.type = type, .tokens = 1, .width = width, .gate_up = gate_up.on(s), .y = y.on(s)};
    });
    RunBoth(&Ops::SwiGluBackward, {&gate_up, &dy, &d}, [&](Side s) {
      return SwiGluBackwardArgs{
          .type = type, .tokens = 1, .width = width, .gate_up = gate_up.on(s), .dy = dy.on(s), .dgate_up = d.on(s)};
    });
    const Floats ys = y.gpu(), ds = d.gpu(), stored = gate_up.start();
    for (size_t i = 0; i < 5; ++i) {
      EXPECT_NEAR(ys[i], 0, 1e-6) << gates[i];
      EXPECT_NEAR(ds[i], 0, 1e-6) << gates[i];
    }
    for (size_t i = 6; i < 12; ++i) {
      EXPECT_FLOAT_EQ(ys[i], 2 * stored[i]);
      EXPECT_FLOAT_EQ(ds[i], 2.0f) << gates[i];
    }
    EXPECT_TRUE(std::isnan(ys[14]) && std::isnan(ds[14]) && std::isnan(ds[14 + gates.size()]));
    EXPECT_FALSE(std::isfinite(ys[15]));
  }
}

enum class Ids { kSame, kDifferent, kZipf, kUniform };

std::vector<int32_t> MakeIds(Ids kind, int64_t tokens, int64_t vocab) {
  std::vector<int32_t> ids;
  for (int64_t t = 0; t < tokens; ++t) {
    const double u = RandomUniform(11, static_cast<uint64_t>(t));
    int64_t id = 0;
    switch (kind) {
      case Ids::kSame:
        id = vocab - 1;
        break;
      case Ids::kDifferent:
        id = (t * 7919) % vocab;
        break;  // a prime that divides no vocabulary here
      case Ids::kZipf:
        id = static_cast<int64_t>(std::pow(static_cast<double>(vocab), u)) - 1;
        break;  // P(id) as 1 / (id + 1)
      case Ids::kUniform:
        id = static_cast<int64_t>(u * static_cast<double>(vocab));
        break;
    }
    ids.push_back(static_cast<int32_t>(std::clamp<int64_t>(id, 0, vocab - 1)));
  }
  return ids;
}

void CheckEmbedding(DType type, int64_t tokens, int64_t width, int64_t vocab, Ids kind) {
  SCOPED_TRACE(StrCat(Name(type), ", ", tokens, " tokens, width ", width, ", vocab ", vocab, ", ids ", static_cast<int>(kind)));
  Twin ids = Twin::Input(MakeIds(kind, tokens, vocab)), table = Twin::Random(type, vocab * width, "table");
  Twin y = Twin::Output(type, tokens * width), dy = Twin::Random(type, tokens * width, "dy");
  Twin dtable = Twin::Both(DType::kF32, Randoms(vocab * width, "dtable"));
  RunBoth(&Ops::Embedding, {&ids, &table, &y}, [&](Side s) {
    return EmbeddingArgs{
        .type = type, .tokens = tokens, .width = width, .vocab = vocab, .ids = ids.ints(s), .table = table.on(s), .y = y.on(s)};
  });
  ExpectSame(y, "y");
  RunBoth(&Ops::EmbeddingBackward, {&ids, &dy, &dtable}, [&](Side s) {
    return EmbeddingBackwardArgs{.type = type,
                                 .tokens = tokens,
                                 .width = width,
                                 .vocab = vocab,
                                 .ids = ids.ints(s),
                                 .dy = dy.on(s),
                                 .dtable = dtable.floats(s)};
  });
  ExpectClose(dtable, kFloatBound, "dtable");
  ExpectSame(dtable, "dtable");  // token after token in order: not a bit apart
}

TEST_P(ElementwiseTest, Embedding) {
  for (const Ids kind : {Ids::kSame, Ids::kDifferent, Ids::kZipf, Ids::kUniform})
    CheckEmbedding(type_, tokens_, width_, 61, kind);
}

INSTANTIATE_TEST_SUITE_P(Shapes, ElementwiseTest, testing::ValuesIn(Cases()));

class EmbeddingVocabTest : public OpsTest {};

TEST_F(EmbeddingVocabTest, OneRowAndMany) {
  for (const DType type : {DType::kF32, DType::kBF16}) {
    CheckEmbedding(type, 130, 24, 1, Ids::kSame);
    for (const Ids kind : {Ids::kSame, Ids::kDifferent, Ids::kZipf}) {
      CheckEmbedding(type, 1000, 64, 1000, kind);
      CheckEmbedding(type, 4097, 24, 32001, kind);
    }
    CheckEmbedding(type, 1000, 8, 152064, Ids::kZipf);
  }
}

class CastTest : public OpsTest {};

TEST_F(CastTest, EveryPairBitForBit) {
  const float inf = std::numeric_limits<float>::infinity();
  const Floats special = {0.0f,     -0.0f,    1.0f,   0x1.01p0f, 0x1.03p0f,     0x1.010002p0f,    -0x1.01p0f, 3.4e38f,
                          -3.4e38f, 0x1p126f, 1e-40f, -1e-45f,   std::nanf(""), -std::nanf("77"), inf,        -inf};
  for (const DType from : {DType::kF32, DType::kBF16}) {
    for (const DType to : {DType::kF32, DType::kBF16}) {
      for (const int64_t n : {1, 3, 7, 8, 9, 255, 4097, (1 << 20) + 13, 5 * (1 << 20) + 1}) {
        Floats values = Randoms(n, "x", 100);
        for (size_t i = 0; i < std::min(values.size(), special.size()); ++i) values[values.size() - 1 - i] = special[i];
        SCOPED_TRACE(StrCat(Name(from), " to ", Name(to), ", n ", n));
        Twin x = Twin::Input(from, values), y = Twin::Output(to, n);
        RunBoth(&Ops::Cast, {&x, &y},
                [&](Side s) { return CastArgs{.x_type = from, .y_type = to, .n = n, .x = x.on(s), .y = y.on(s)}; });
        ExpectSame(y, "y");
        if (from != to) continue;
        Twin in_place = Twin::Both(from, values);
        RunBoth(&Ops::Cast, {&in_place},
                [&](Side s) { return CastArgs{.x_type = from, .y_type = to, .n = n, .x = in_place.on(s), .y = in_place.on(s)}; });
        ExpectSame(in_place, "x in place");
      }
    }
  }
}

}  // namespace
}  // namespace hlm
