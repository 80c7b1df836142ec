// Cross entropy against a plain loop in double.
#include <limits>
#include <ostream>

#include "tests/cpu/reference.h"
#include "tests/cpu/rig.h"

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
      for (const int64_t vocab : {1, 7, 1000}) cases.push_back({type, rows, vocab, 3});
    }
    cases.push_back({type, 5, 151936, 3});
    cases.push_back({type, 9, 50, 100});  // a nearly sure model: the loss is tiny or huge
  }
  return cases;
}

class CrossEntropyTest : public testing::TestWithParam<Case> {
 protected:
  CrossEntropyTest() {
    for (int64_t r = 0; r < rows_; ++r) {
      targets_.push_back(
          r % 5 == 3 ? -100 : static_cast<int32_t>(RandomBelow(3, static_cast<uint64_t>(r), static_cast<uint64_t>(vocab_))));
    }
  }
  CrossEntropyArgs Args(Array* logits, Array* nll, void* dlogits) {
    CrossEntropyArgs args;
    args.type = type_;
    args.rows = rows_;
    args.vocab = vocab_;
    args.logits = logits->floats();
    args.targets = targets_.data();
    args.weights = weights_.floats();
    args.nll = nll->floats();
    args.dlogits = dlogits;
    return args;
  }
  Rig rig_;
  const DType type_ = GetParam().type;
  const int64_t rows_ = GetParam().rows, vocab_ = GetParam().vocab;
  std::vector<int32_t> targets_;
  Array logits_ = RandomArray(DType::kF32, rows_*vocab_, "logits", GetParam().scale),
        weights_ = RandomArray(DType::kF32, rows_, "weights");
};

// Logits are taken as they are. exp(x - max): the difference is rounded, half a unit of a number that may be as large as the
// spread; a probability is off by that and some 4 units of itself. nll is log(sum) - (x - max): the same.
TEST_P(CrossEntropyTest, LossAndGradient) {
  const Array before = logits_;
  Array nll(DType::kF32, rows_), d(type_, rows_ * vocab_);
  rig_.Run(&Ops::CrossEntropy, Args(&logits_, &nll, d.data()));
  EXPECT_TRUE(logits_.SameBits(before));
  const double spread = 2 * MaxAbs(logits_.values());
  const auto vocab = static_cast<size_t>(vocab_);
  ExpectNear(nll, reference::Nll(logits_.values(), vocab, targets_), 1, 8, 1 + spread, "nll");
  const Doubles expected = reference::NllBackward(logits_.values(), vocab, targets_, weights_.values());
  const Doubles weights = weights_.values();
  ExpectWithin(
      d, expected,
      [&](size_t i) {
        const double weight = std::abs(weights[i / vocab]),
                     target = targets_[i / vocab] == static_cast<int32_t>(i % vocab) ? 1 : 0;
        const double p = std::abs(expected[i]) + target * weight;
        return UnitOf(type_) * std::abs(expected[i]) + (8 + spread) * kFloatUnit * p + 1e-37;
      },
      "dlogits");

  Array loss_only(DType::kF32, rows_);
  rig_.Run(&Ops::CrossEntropy, Args(&logits_, &loss_only, nullptr));
  EXPECT_TRUE(loss_only.SameBits(nll));
  if (type_ == DType::kF32) {
    Array again(DType::kF32, rows_);
    rig_.Run(&Ops::CrossEntropy, Args(&logits_, &again, logits_.data()));
    EXPECT_TRUE(logits_.SameBits(d)) << "in place";
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, CrossEntropyTest, testing::ValuesIn(Cases()));

// Everything at once: a temperature, entropies, and their share of the gradient, against the definitions in double. Logits of
// some units: H and its gradient are sums of terms of the size of log p.
TEST_P(CrossEntropyTest, EntropyAndTemperature) {
  for (const float scale : {1.0f, 0.5f, 1.7f}) {
    SCOPED_TRACE(scale);
    Array nll(DType::kF32, rows_), plain(DType::kF32, rows_), entropy(DType::kF32, rows_), best(DType::kF32, rows_);
    Array d(type_, rows_ * vocab_);
    Array tilts = RandomArray(DType::kF32, rows_, "entropy weights");
    CrossEntropyArgs args = Args(&logits_, &nll, d.data());
    args.scale = scale;
    args.entropy_weights = tilts.floats();
    args.entropies = entropy.floats();
    args.best = best.floats();
    rig_.Run(&Ops::CrossEntropy, args);
    CrossEntropyArgs alone = Args(&logits_, &plain, nullptr);
    alone.scale = scale;
    rig_.Run(&Ops::CrossEntropy, alone);
    EXPECT_TRUE(plain.SameBits(nll)) << "nll changes with what else is asked for";

    Doubles scaled = logits_.values();
    for (double& x : scaled) x *= static_cast<double>(scale);
    const reference::EntropyOf expected(scaled, static_cast<size_t>(vocab_), targets_);
    const double spread = 2 * MaxAbs(scaled);
    ExpectNear(nll, reference::Nll(scaled, static_cast<size_t>(vocab_), targets_), 1, 8, 1 + spread, "nll");
    ExpectNear(entropy, expected.entropies, 1, 16, 1 + spread, "entropy");
    ExpectNear(best, expected.best, 1, 8, 1 + spread, "best");
    const Doubles w = weights_.values(), h = tilts.values();
    const auto vocab = static_cast<size_t>(vocab_);
    Doubles gradient(d.values().size()), sizes(gradient.size());
    for (size_t i = 0; i < gradient.size(); ++i) {
      const size_t r = i / vocab;
      if (targets_[r] < 0) continue;
      const double p = expected.p[i], hit = targets_[r] == static_cast<int32_t>(i % vocab) ? 1 : 0;
      const double slope = p > 0 ? -p * (std::log(p) + expected.entropies[r]) : 0;
      gradient[i] = static_cast<double>(scale) * (w[r] * (p - hit) + h[r] * slope);
      sizes[i] = static_cast<double>(scale) * p * (std::abs(w[r]) + std::abs(h[r]) * (1 + spread));
    }
    ExpectWithin(
        d, gradient,
        [&](size_t i) {
          return UnitOf(type_) * std::abs(gradient[i]) + (16 + spread) * kFloatUnit * (sizes[i] + std::abs(gradient[i])) + 1e-37;
        },
        "dlogits");
    if (type_ == DType::kF32) {
      Array copy = logits_;
      CrossEntropyArgs in_place = args;
      in_place.logits = copy.floats();
      in_place.dlogits = copy.data();
      rig_.Run(&Ops::CrossEntropy, in_place);
      EXPECT_TRUE(copy.SameBits(d)) << "in place";
    }
  }
}

TEST(CrossEntropyErrorsTest, ALogitThatIsNotFiniteGivesALossThatIsNotFinite) {
  Rig rig;
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    for (const size_t place : {size_t{0}, size_t{5}, size_t{20}}) {
      std::vector<float> logits(21, 1.0f), nll(1), d(21);
      logits[place] = bad;
      const int32_t target = 5;
      const float weight = 1;
      CrossEntropyArgs args;
      args.rows = 1;
      args.vocab = 21;
      args.logits = logits.data();
      args.targets = &target;
      args.weights = &weight;
      args.nll = nll.data();
      args.dlogits = d.data();
      rig.Run(&Ops::CrossEntropy, args);
      EXPECT_FALSE(std::isfinite(nll[0])) << bad << " at " << place;
      for (const float value : d) EXPECT_FALSE(std::isfinite(value));
    }
  }
}

}  // namespace
}  // namespace hlm
