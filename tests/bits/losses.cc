// Losses on log-probabilities: preferences, KTO, policies and a caller's own.
#include <cmath>

#include "tests/bits/rig.h"

namespace hlm_bits {
namespace {

// The documents of two tokens or more, an even number of them, every token after the second one trained.
GoldenBatch Pairs(const Golden& golden) {
  GoldenBatch pairs;
  pairs.offsets.push_back(0);
  for (const GoldenBatch& batch : golden.batches) {
    for (int64_t d = 0; d < batch.Documents(); ++d) {
      const int64_t begin = batch.offsets[static_cast<size_t>(d)], end = batch.offsets[static_cast<size_t>(d) + 1];
      if (end - begin < 3 || pairs.Documents() == golden.MostDocuments() / 2 * 2) continue;
      for (int64_t t = begin; t < end; ++t) {
        pairs.ids.push_back(batch.ids[static_cast<size_t>(t)]);
        pairs.weights.push_back(t - begin < 2 ? 0.0f : 1.0f);
      }
      pairs.offsets.push_back(static_cast<int64_t>(pairs.ids.size()));
    }
  }
  if (pairs.Documents() % 2 != 0) {
    pairs.offsets.pop_back();
    pairs.ids.resize(static_cast<size_t>(pairs.offsets.back()));
    pairs.weights.resize(pairs.ids.size());
  }
  return pairs;
}

// Log-probabilities that other weights might have had.
std::vector<float> Other(const std::vector<float>& logprobs, float by) {
  std::vector<float> other;
  for (size_t i = 0; i < logprobs.size(); ++i) {
    other.push_back(logprobs[i] == 0 ? 0 : logprobs[i] + by * static_cast<float>(std::sin(1.0 + static_cast<double>(i))));
  }
  return other;
}

void End(Case& c, Rig& rig) {
  rig.Gradient("gradient");
  c.Put("norm", Digest().Number(rig.trainer().Apply().grad_norm));
  rig.State("");
}

Digest& Add(Digest& digest, const hlm_preference_metrics& m) {
  return digest.Number(m.loss)
      .Number(m.reward_chosen)
      .Number(m.reward_rejected)
      .Number(m.accuracy)
      .Number(m.margin)
      .Number(m.logprob_chosen)
      .Number(m.logprob_rejected)
      .Number(m.sft)
      .Number(m.pairs)
      .Number(m.tokens);
}
Digest& Add(Digest& digest, const hlm_kto_metrics& m) {
  return digest.Number(m.loss)
      .Number(m.kl)
      .Number(m.reward_desirable)
      .Number(m.reward_undesirable)
      .Number(m.logprob_desirable)
      .Number(m.logprob_undesirable)
      .Number(m.desirable)
      .Number(m.undesirable)
      .Number(m.tokens);
}
Digest& Add(Digest& digest, const hlm_policy_metrics& m) {
  digest.Number(m.loss).Number(m.policy).Number(m.kl).Number(m.entropy).Number(m.ratio).Number(m.least_ratio);
  digest.Number(m.largest_ratio).Number(m.approx_kl).Number(m.clipped_low).Number(m.clipped_high).Number(m.clipped_dual);
  return digest.Number(m.importance).Number(m.weight).Number(m.tokens);
}

void RunPreferences(Record& record, const Golden& golden, const GoldenBatch& pairs, int32_t compute, const std::string& prefix) {
  const char* kinds[] = {"sigmoid",  "robust",    "hinge",    "ipo",      "sigmoid_norm", "exo_pair", "nca_pair",
                         "bco_pair", "sppo_hard", "apo_zero", "apo_down", "orpo",         "simpo"};
  for (int32_t kind = HLM_PREFERENCE_SIGMOID; kind <= HLM_PREFERENCE_SIMPO; ++kind) {
    record.Run(prefix + "preference/" + kinds[kind], [&](Case& c) {
      Rig rig(c, golden, compute, [&](hlm_plan_options& o) { o.sweeps = kind % 2 + 1; });
      const bool reference = kind != HLM_PREFERENCE_ORPO && kind != HLM_PREFERENCE_SIMPO;
      const std::vector<float> logprobs = Other(rig.Logprobs(pairs), 0.1f);
      std::vector<double> sums(static_cast<size_t>(pairs.Documents()));
      hlm::SumLogprobs(View(pairs), logprobs, sums);
      hlm::PreferenceOptions options;
      options.kind = kind, options.label_smoothing = 0.1, options.gamma = 0.05, options.sft_weight = 0.2;
      if (reference && kind % 2 == 0) options.reference_sums = sums.data(), options.n_reference_sums = sums.size();
      if (reference && kind % 2 == 1)
        options.reference_logprobs = logprobs.data(), options.n_reference_logprobs = logprobs.size();
      options.forward_only = 1;
      Digest metrics;
      Add(metrics, rig.trainer().AccumulatePreference(View(pairs), options));
      options.forward_only = 0;
      c.Put("metrics", Add(metrics, rig.trainer().AccumulatePreference(View(pairs), options)));
      End(c, rig);
    });
  }
}

void RunKto(Record& record, const Golden& golden, const GoldenBatch& pairs, int32_t compute, const std::string& prefix) {
  for (const bool mismatched : {false, true}) {
    record.Run(prefix + (mismatched ? "kto_mismatched" : "kto"), [&](Case& c) {
      Rig rig(c, golden, compute);
      const std::vector<float> logprobs = Other(rig.Logprobs(pairs), 0.2f);
      std::vector<double> sums(static_cast<size_t>(pairs.Documents()));
      hlm::SumLogprobs(View(pairs), logprobs, sums);
      std::vector<int32_t> desirable;
      for (int64_t d = 0; d < pairs.Documents(); ++d) desirable.push_back(d % 3 != 1);
      const hlm::Batch other = View(pairs);
      std::vector<double> other_sums = sums;
      for (double& sum : other_sums) sum -= 0.3;
      hlm::KtoOptions options;
      options.undesirable_weight = 1.5;
      options.desirable = desirable.data(), options.n_desirable = desirable.size();
      options.reference_sums = sums.data(), options.n_reference_sums = sums.size();
      if (mismatched) {
        options.mismatched = &other;
        options.mismatched_sums = other_sums.data(), options.n_mismatched_sums = other_sums.size();
      } else {
        options.kl = 0.02;
      }
      Digest metrics;
      c.Put("metrics", Add(metrics, rig.trainer().AccumulateKto(View(pairs), options)));
      End(c, rig);
    });
  }
}

void RunPolicies(Record& record, const Golden& golden, const GoldenBatch& pairs, int32_t compute, const std::string& prefix) {
  for (int32_t kind = HLM_POLICY_CLIP; kind <= HLM_POLICY_CISPO; ++kind) {
    for (int32_t ratio = HLM_RATIO_TOKEN; ratio <= HLM_RATIO_SEQUENCE; ++ratio) {
      for (int32_t reduction = HLM_REDUCTION_TOKEN_MEAN; reduction <= HLM_REDUCTION_SEQUENCE_SUM; ++reduction) {
        const int32_t kl = (kind * 2 + ratio + reduction) % 4;
        const std::string name = "policy/" + std::string(kind == HLM_POLICY_CLIP ? "clip" : "cispo") +
                                 (ratio == HLM_RATIO_TOKEN ? "_token" : "_sequence") + "_reduction" + std::to_string(reduction) +
                                 "_kl" + std::to_string(kl);
        record.Run(prefix + name, [&](Case& c) {
          Rig rig(c, golden, compute, [&](hlm_plan_options& o) { o.sweeps = reduction == 1 ? 2 : 1; });
          const std::vector<float> now = rig.Logprobs(pairs);
          const std::vector<float> old = Other(now, 0.3f), reference = Other(now, 0.2f), rollout = Other(old, 0.05f);
          std::vector<float> advantages;
          for (size_t i = 0; i < now.size(); ++i) advantages.push_back(static_cast<float>(static_cast<int>(i * 7 % 11) - 5) / 4);
          hlm::PolicyOptions options;
          options.kind = kind, options.ratio = ratio, options.kl = kl, options.reduction = reduction;
          options.kl_weight = 0.05, options.entropy_weight = 0.01, options.dual_clip = kind == HLM_POLICY_CLIP ? 3 : 0,
          options.importance_cap = 1.02;
          options.advantages = advantages.data(), options.n_advantages = advantages.size();
          options.old_logprobs = old.data(), options.n_old_logprobs = old.size();
          options.reference_logprobs = reference.data(), options.n_reference_logprobs = reference.size();
          options.rollout_logprobs = rollout.data(), options.n_rollout_logprobs = rollout.size();
          Digest metrics;
          c.Put("metrics", Add(metrics, rig.trainer().AccumulatePolicy(View(pairs), options)));
          End(c, rig);
        });
      }
    }
  }
}

void RunOwn(Record& record, const Golden& golden, const GoldenBatch& pairs, int32_t compute, const std::string& prefix) {
  for (const int64_t group : {int64_t{2}, pairs.Documents()}) {
    record.Run(prefix + "own_group" + std::to_string(group), [&](Case& c) {
      Rig rig(c, golden, compute, [](hlm_plan_options& o) { o.sweeps = 2; });
      const hlm_loss_fn square = [](void*, int64_t, int64_t, size_t n, const float* logprobs, const float* entropies,
                                    float* d_logprobs, float* d_entropies, double* loss) -> int32_t {
        for (size_t i = 0; i < n; ++i) {
          *loss +=
              0.5 * static_cast<double>(logprobs[i]) * static_cast<double>(logprobs[i]) - 0.1 * static_cast<double>(entropies[i]);
          d_logprobs[i] = logprobs[i];
          d_entropies[i] = logprobs[i] == 0 ? 0.0f : -0.1f;
        }
        return 0;
      };
      const hlm::Evaluation result = rig.trainer().AccumulateFn(View(pairs), group, true, square, nullptr);
      c.Put("metrics", Digest().Number(result.loss).Number(result.tokens));
      End(c, rig);
    });
  }
}

}  // namespace

void RunLosses(Record& record) {
  for (const char* name : {"llama3_rope_parameters", "qwen2_tied_wide"}) {
    const Golden golden = hlm_golden::LoadGolden(name);
    const GoldenBatch pairs = Pairs(golden);
    for (const bool bf16 : {false, true}) {
      const std::string prefix = std::string("losses/") + name + (bf16 ? "/bf16/" : "/f32/");
      const int32_t compute = bf16 ? HLM_DTYPE_BF16 : HLM_DTYPE_F32;
      RunPreferences(record, golden, pairs, compute, prefix);
      RunKto(record, golden, pairs, compute, prefix);
      RunPolicies(record, golden, pairs, compute, prefix);
      RunOwn(record, golden, pairs, compute, prefix);
    }
  }
}

}  // namespace hlm_bits
