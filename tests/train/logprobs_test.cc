// Log-probabilities through a whole trainer: whose they are, and what must be the same bits.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/base/error.h"
#include "tests/train/losses_rig.h"

namespace hlm {
namespace {

TEST(LogProbs, AreThoseOfTheLogits) {
  Rig rig;
  Data data(5);
  data.batch.temperature = 0.7;
  std::vector<float> logprobs(data.tokens()), entropies(data.tokens()), best(data.tokens()), logits(data.tokens() * 61);
  rig.trainer->LogProbs(data.batch, nullptr, logprobs, entropies, best);
  rig.trainer->Logits(data.batch, {}, logits);
  for (size_t d = 0; d + 1 < data.offsets.size(); ++d) {
    for (int64_t t = data.offsets[d]; t < data.offsets[d + 1]; ++t) {
      const size_t i = static_cast<size_t>(t);
      if (t == data.offsets[d]) {
        EXPECT_EQ(logprobs[i], 0.0f);
        EXPECT_EQ(entropies[i], 0.0f);
        EXPECT_EQ(best[i], 0.0f);
        continue;
      }
      double total = 0, entropy = 0, most = -1e300;
      const float* row = &logits[(i - 1) * 61];
      for (size_t v = 0; v < 61; ++v) total += std::exp(static_cast<double>(row[v]) / 0.7);
      for (size_t v = 0; v < 61; ++v) {
        const double l = static_cast<double>(row[v]) / 0.7 - std::log(total);
        entropy -= std::exp(l) * l;
        most = std::max(most, l);
      }
      EXPECT_NEAR(logprobs[i], static_cast<double>(row[static_cast<size_t>(data.ids[i])]) / 0.7 - std::log(total), 1e-5) << t;
      EXPECT_NEAR(entropies[i], entropy, 1e-5) << t;
      EXPECT_NEAR(best[i], most, 1e-5) << t;
      EXPECT_LE(logprobs[i], best[i]);
    }
  }
}

TEST(LogProbs, LabelsSayWhoseAndIgnoredOnesAreZero) {
  Rig rig;
  Data data(3);
  std::vector<int32_t> labels(data.ids);
  labels[2] = kIgnoredLabel;
  data.batch.labels = labels;
  const auto logprobs = rig.LogProbs(data.batch);
  EXPECT_EQ(logprobs[2], 0.0f);
  data.batch.labels = {};
  auto all = rig.LogProbs(data.batch);
  EXPECT_LT(all[2], 0.0f);
  all[2] = 0;
  EXPECT_TRUE(SameBits(all, logprobs));
}

// In each numerics the bits of a batch do not depend on the pass that made them: alone, in many passes, inside a loss.
TEST(LogProbs, TheSameBitsAsInsideALossUnderEveryPolicy) {
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    for (const int64_t sweeps : {1, 2, 3}) {
      const auto numerics = [&](PlanOptions& o) {
        o.compute = compute;
        o.sweeps = sweeps;
      };
      Data data(8, 3);
      std::vector<float> expected;
      std::vector<float> gradient;
      for (const auto policy : {Activations::kKeep, Activations::kKeepCheap, Activations::kRecompute}) {
        SCOPED_TRACE(StrCat(Name(compute), ", ", sweeps, " sweeps, ", Name(policy)));
        Rig rig([&](PlanOptions& o) {
          numerics(o);
          o.activations = policy;
          o.block_inputs = policy == Activations::kRecompute ? BlockInputs::kHost : BlockInputs::kDevice;
        });
        const auto logprobs = rig.LogProbs(data.batch);
        for (const int64_t group : {1, 2, 8}) {
          std::vector<float> seen;
          rig.trainer->Accumulate(data.batch,
                                  {.group = group, .entropy = group == 2, .loss = [&](const DocumentLosses& run, double&) {
                                     EXPECT_EQ(run.first_document % group, 0);
                                     EXPECT_TRUE(run.documents % group == 0);
                                     seen.insert(seen.end(), run.logprobs.begin(), run.logprobs.end());
                                     for (size_t i = 0; i < run.logprobs.size(); ++i)
                                       run.d_logprobs[i] = -0.01 * static_cast<double>(run.logprobs[i]);
                                   }});
          EXPECT_TRUE(SameBits(seen, logprobs)) << group;
          const auto made = rig.Read(TensorKind::kGradient);
          // Another group may cut other sweeps, and so sum gradients in another order.
          if (group == 1) {
            if (gradient.empty()) gradient = made;
            EXPECT_TRUE(SameBits(gradient, made));
          }
          rig.trainer->Discard();
        }
        if (expected.empty()) expected = logprobs;
        EXPECT_TRUE(SameBits(expected, logprobs));
      }
    }
  }
}

TEST(LogProbs, OfABatchLargerThanAStepAreThoseOfItsParts) {
  Rig small([](PlanOptions& o) { o.batch_size = 2, o.sweeps = 2, o.micro_batch = 1; });
  Rig large([](PlanOptions& o) { o.batch_size = 40, o.micro_batch = 1; });
  Data data(40, 5);
  EXPECT_GT(static_cast<int64_t>(data.tokens()), 4 * small.plan->step_tokens);
  EXPECT_TRUE(SameBits(small.LogProbs(data.batch), large.LogProbs(data.batch)));
}

// Alone in a batch or packed with others: the same within rounding.
TEST(LogProbs, DoNotDependOnWhatADocumentIsPackedWith) {
  Rig rig([](PlanOptions& o) { o.micro_batch = 8; });
  Data data(8, 7);
  const auto packed = rig.LogProbs(data.batch);
  for (int64_t d = 0; d < 8; ++d) {
    const auto alone = rig.LogProbs(data.Part(d, d + 1));
    for (size_t t = 0; t < alone.size(); ++t)
      EXPECT_NEAR(alone[t], packed[static_cast<size_t>(data.offsets[static_cast<size_t>(d)]) + t], 1e-5);
  }
}

}  // namespace
}  // namespace hlm
