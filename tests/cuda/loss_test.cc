// Cross entropy on the GPU against the CPU device's.
#include <ostream>

#include "tests/cuda/gpu.h"

namespace hlm {
namespace {

struct Case {
  DType type;
  int64_t rows, vocab;
  double scale;  // of the logits
};
std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << Name(c.type) << "_" << c.rows << "x" << c.vocab << "_" << c.scale;
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const int64_t rows : {1, 3, 17, 130}) {
      for (const int64_t vocab : {1, 7, 61, 1000}) cases.push_back({type, rows, vocab, 3});
    }
    cases.push_back({type, 1000, 61, 3});
    cases.push_back({type, 17, 32001, 3});
    // On both sides of what a multiprocessor's shared memory holds, and rows that do not begin on a 16-byte border.
    for (const int64_t vocab : {57599, 58111, 152064, 262147}) cases.push_back({type, 5, vocab, 3});
    cases.push_back({type, 9, 50, 100});  // a nearly sure model: the loss is tiny or huge
  }
  return cases;
}

std::vector<int32_t> Targets(int64_t rows, int64_t vocab) {
  std::vector<int32_t> targets;
  for (int64_t r = 0; r < rows; ++r) {
    targets.push_back(r % 5 == 3 ? -100
                                 : static_cast<int32_t>(RandomBelow(3, static_cast<uint64_t>(r), static_cast<uint64_t>(vocab))));
  }
  return targets;
}

class CrossEntropyTest : public OpsTest, public testing::WithParamInterface<Case> {};

TEST_P(CrossEntropyTest, LossAndGradient) {
  const auto [type, rows, vocab, scale] = GetParam();
  const Floats values = Randoms(rows * vocab, "logits", scale);
  Twin logits = Twin::Input(DType::kF32, values), targets = Twin::Input(Targets(rows, vocab));
  Twin weights = Twin::Random(DType::kF32, rows, "weights"), nll = Twin::Output(DType::kF32, rows);
  Twin loss_only = Twin::Output(DType::kF32, rows), in_place = Twin::Both(DType::kF32, values),
       again = Twin::Output(DType::kF32, rows);
  Twin d = Twin::Output(type, rows * vocab);
  const auto args = [&, type = type, rows = rows, vocab = vocab](Side s, Twin& from, Twin& loss, Twin* gradient) {
    return CrossEntropyArgs{.type = type,
                            .rows = rows,
                            .vocab = vocab,
                            .logits = from.floats(s),
                            .targets = targets.ints(s),
                            .weights = gradient != nullptr ? weights.floats(s) : nullptr,
                            .nll = loss.floats(s),
                            .dlogits = gradient != nullptr ? gradient->on(s) : nullptr};
  };
  RunBoth(&Ops::CrossEntropy, {&logits, &targets, &weights, &nll, &d}, [&](Side s) { return args(s, logits, nll, &d); });
  // The logarithm of the sum is rounded to a unit of the largest logit, which is a relative error of every probability: 3e-5 in
  // the case with logits of some hundreds, nothing in the others.
  Bound bound = type == DType::kF32 ? kFloatBound : RoundedBound();
  if (scale > 10) bound.scale = std::max(bound.scale, 1e-4), bound.norm = std::max(bound.norm, 1e-4);
  const double most = MaxAbs(values);
  ExpectClose(nll, kFloatBound, "nll", 1 + most);
  ExpectClose(d, bound, "dlogits", vocab < 10 ? MaxAbs(weights.start()) : 0);  // of few classes: 1 - 1
  const Floats gradient = d.gpu(), losses = nll.gpu();
  const std::vector<int32_t> target = Targets(rows, vocab);
  for (size_t r = 0; r < target.size(); ++r) {
    if (target[r] >= 0) continue;
    EXPECT_EQ(losses[r], 0.0f) << r;
    for (size_t i = 0; i < static_cast<size_t>(vocab); ++i) ASSERT_EQ(gradient[r * static_cast<size_t>(vocab) + i], 0.0f) << r;
  }

  RunBoth(&Ops::CrossEntropy, {&logits, &targets, &loss_only}, [&](Side s) { return args(s, logits, loss_only, nullptr); });
  ExpectClose(loss_only, kFloatBound, "nll without a gradient", 1 + most);
  EXPECT_TRUE(loss_only.gpu_bytes() == nll.gpu_bytes()) << "nll changes with the gradient";
  if (type != DType::kF32) return;
  RunBoth(&Ops::CrossEntropy, {&in_place, &targets, &weights, &again},
          [&](Side s) { return args(s, in_place, again, &in_place); });
  EXPECT_TRUE(in_place.gpu_bytes() == d.gpu_bytes()) << "dlogits in place";
  EXPECT_TRUE(again.gpu_bytes() == nll.gpu_bytes()) << "nll in place";
}

// Everything at once: a temperature, entropies, their share of the gradient, and the likeliest token's loss.
TEST_P(CrossEntropyTest, EntropyAndTemperature) {
  const auto [type, rows, vocab, scale] = GetParam();
  const Floats values = Randoms(rows * vocab, "logits", scale);
  const double most = MaxAbs(values);
  for (const float logit_scale : {1.0f, 0.5f, 1.7f}) {
    SCOPED_TRACE(logit_scale);
    Twin logits = Twin::Input(DType::kF32, values), targets = Twin::Input(Targets(rows, vocab));
    Twin weights = Twin::Random(DType::kF32, rows, "weights"), tilts = Twin::Random(DType::kF32, rows, "entropy weights");
    Twin nll = Twin::Output(DType::kF32, rows), alone = Twin::Output(DType::kF32, rows),
         entropies = Twin::Output(DType::kF32, rows);
    Twin best = Twin::Output(DType::kF32, rows), d = Twin::Output(type, rows * vocab);
    RunBoth(&Ops::CrossEntropy, {&logits, &targets, &weights, &tilts, &nll, &entropies, &best, &d},
            [&, type = type, rows = rows, vocab = vocab](Side s) {
              return CrossEntropyArgs{.type = type,
                                      .rows = rows,
                                      .vocab = vocab,
                                      .logits = logits.floats(s),
                                      .targets = targets.ints(s),
                                      .weights = weights.floats(s),
                                      .nll = nll.floats(s),
                                      .dlogits = d.on(s),
                                      .entropy_weights = tilts.floats(s),
                                      .entropies = entropies.floats(s),
                                      .best = best.floats(s),
                                      .scale = logit_scale};
            });
    RunBoth(&Ops::CrossEntropy, {&logits, &targets, &alone}, [&, rows = rows, vocab = vocab](Side s) {
      return CrossEntropyArgs{.rows = rows,
                              .vocab = vocab,
                              .logits = logits.floats(s),
                              .targets = targets.ints(s),
                              .nll = alone.floats(s),
                              .scale = logit_scale};
    });
    const double spread = 1 + 2 * most * static_cast<double>(logit_scale);
    Bound bound = type == DType::kF32 ? kFloatBound : RoundedBound();
    if (scale > 10) bound.scale = std::max(bound.scale, 1e-4), bound.norm = std::max(bound.norm, 1e-4);
    ExpectClose(nll, kFloatBound, "nll", spread);
    ExpectClose(entropies, kFloatBound, "entropies", spread);
    ExpectClose(best, kFloatBound, "best", spread);
    // Few classes: differences of terms as large as the weights times the spread.
    ExpectClose(d, bound, "dlogits", vocab < 10 ? spread * (MaxAbs(weights.start()) + MaxAbs(tilts.start())) : 0);
    EXPECT_TRUE(alone.gpu_bytes() == nll.gpu_bytes()) << "nll changes with what else is asked for";
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, CrossEntropyTest, testing::ValuesIn(Cases()));

class CrossEntropyErrorsTest : public OpsTest {};

// Also below: -inf for a class that is not the target would be good mathematics, but a diverged model must not look like a good
// one.
TEST_F(CrossEntropyErrorsTest, ALogitThatIsNotFiniteGivesALossThatIsNotFinite) {
  constexpr size_t kRows = 3;
  const float inf = std::numeric_limits<float>::infinity();
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const float bad : {std::nanf(""), inf, -inf}) {
      for (const auto& [vocab, place] : std::initializer_list<std::pair<size_t, size_t>>{
               {2001, 0}, {2001, 5}, {2001, 1024}, {2001, 2000}, {70001, 0}, {70001, 35000}, {70001, 70000}}) {
        SCOPED_TRACE(StrCat(Name(type), ", ", bad, " at ", place, " of ", vocab));
        Floats values = Randoms(kRows * vocab, "logits");
        values[vocab + place] = bad;  // of the second row
        Twin logits = Twin::Input(DType::kF32, values), targets = Twin::Input(std::vector<int32_t>(kRows, 5));
        Twin weights = Twin::Input(DType::kF32, Floats(kRows, 1.0f)), nll = Twin::Output(DType::kF32, kRows);
        Twin d = Twin::Output(type, kRows * vocab);
        RunBoth(&Ops::CrossEntropy, {&logits, &targets, &weights, &nll, &d}, [&](Side s) {
          return CrossEntropyArgs{.type = type,
                                  .rows = kRows,
                                  .vocab = static_cast<int64_t>(vocab),
                                  .logits = logits.floats(s),
                                  .targets = targets.ints(s),
                                  .weights = weights.floats(s),
                                  .nll = nll.floats(s),
                                  .dlogits = d.on(s)};
        });
        const Floats losses = nll.gpu(), gradient = d.gpu();
        for (size_t r = 0; r < kRows; ++r) {
          EXPECT_EQ(std::isfinite(losses[r]), r != 1) << "row " << r << ": " << losses[r];
          for (size_t i = 0; i < vocab; ++i)
            ASSERT_EQ(std::isfinite(gradient[r * vocab + i]), r != 1) << "row " << r << ", " << i;
        }
      }
    }
  }
}

}  // namespace
}  // namespace hlm
