// The closed forms in a group of processes are those of one process: the same metrics and weights to the bit, whichever rank brings
// which documents. What is by token or by document is a function of the token ids, so that each rank makes its own share.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "tests/group/fingerprint.h"
#include "tests/group/processes.h"
#include "tests/train/losses_rig.h"

namespace hlm {
namespace {

constexpr int64_t kDocuments = 8;

std::vector<float> ByToken(const Batch& batch, double phase) {
  std::vector<float> values;
  for (const int32_t id : batch.ids) values.push_back(static_cast<float>(std::sin(id + phase)) - 2);
  return values;
}

std::vector<double> ByDocument(const Batch& batch, double phase) {
  std::vector<double> values;
  for (size_t d = 0; d + 1 < batch.offsets.size(); ++d)
    values.push_back(std::sin(batch.ids[static_cast<size_t>(batch.offsets[d] - batch.offsets[0])] + phase) - 20);
  return values;
}

// Adds one batch's gradient; all of its metrics.
using Loss = std::function<std::string(Trainer&, const Batch&)>;

std::string Told(const PreferenceMetrics& m) {
  return StrCat(Bits(m.loss), m.pairs, " ", m.tokens, " ", Bits(m.accuracy), Bits(m.margin), Bits(m.reward_chosen),
                Bits(m.reward_rejected), Bits(m.logprob_chosen), Bits(m.logprob_rejected), Bits(m.sft));
}

std::string Told(const UnpairedMetrics& m) {
  return StrCat(Bits(m.loss), Bits(m.kl), m.desirable, " ", m.undesirable, " ", m.tokens, " ", Bits(m.reward_desirable),
                Bits(m.reward_undesirable), Bits(m.logprob_desirable), Bits(m.logprob_undesirable));
}

std::string Told(const PolicyMetrics& m) {
  const PolicySums& s = m.sums;
  return StrCat(Bits(s.loss), Bits(s.weight), Bits(s.policy), Bits(s.kl), Bits(s.entropy), Bits(s.ratio), Bits(s.approx_kl),
                Bits(s.clipped_low), Bits(s.clipped_high), Bits(s.importance), Bits(s.least_ratio), Bits(s.largest_ratio),
                m.tokens);
}

std::string Preferred(Trainer& trainer, const Batch& batch, Preference kind, bool by_document, bool forward_only) {
  const std::vector<float> tokens = by_document ? std::vector<float>() : ByToken(batch, 1);
  const std::vector<double> sums = by_document ? ByDocument(batch, 1) : std::vector<double>();
  PreferenceInputs in;
  in.options.kind = kind;
  in.options.sft_weight = 0.25;
  in.forward_only = forward_only;
  in.reference = {sums, tokens};
  return Told(AccumulatePreference(trainer, batch, in));
}

std::string Unpaired(Trainer& trainer, const Batch& batch, bool mismatched) {
  std::vector<int32_t> desirable;
  for (const double value : ByDocument(batch, 3)) desirable.push_back(value > -20);
  const std::vector<float> reference = ByToken(batch, 1);
  // Every answer with its tokens turned about, as if it were another's.
  Batch other = batch;
  std::vector<int32_t> ids(batch.ids.begin(), batch.ids.end());
  for (size_t d = 0; d + 1 < batch.offsets.size(); ++d)
    std::reverse(ids.begin() + batch.offsets[d] - batch.offsets[0], ids.begin() + batch.offsets[d + 1] - batch.offsets[0]);
  other.ids = ids;
  const std::vector<float> other_reference = ByToken(other, 2);
  UnpairedInputs in;
  in.options = {0.2, 1.5, 0.75};
  in.desirable = desirable;
  in.reference.logprobs = reference;
  in.kl = mismatched ? 0 : 0.125;
  if (mismatched) in.mismatched = &other, in.mismatched_reference.logprobs = other_reference;
  return Told(AccumulateUnpaired(trainer, batch, in));
}

std::string Policy(Trainer& trainer, const Batch& batch, const PolicyOptions& options, bool forward_only = false) {
  const std::vector<float> advantages = ByToken(batch, 4), old = ByToken(batch, 1), reference = ByToken(batch, 2),
                           rollout = ByToken(batch, 1.25);
  PolicyInputs in;
  in.options = options;
  in.advantages = advantages, in.old_logprobs = old, in.reference_logprobs = reference, in.rollout_logprobs = rollout;
  in.wants_entropy = true;
  in.forward_only = forward_only;
  return Told(AccumulatePolicy(trainer, batch, in));
}

// Two steps on this rank's share of the documents: what the loss says, the norms, and the weights.
std::string Train(const Loss& loss, std::shared_ptr<ProcessGroup> group, int64_t processes, int64_t first, int64_t end) {
  const auto model = Model::Create(TinyConfig(false, true, 3), 1);
  PlanOptions options;
  options.compute = DType::kF32;
  options.batch_size = kDocuments, options.seq_len = 12, options.micro_batch = 1;
  options.reduction_groups = 4;
  options.threads = 1;
  options.head_chunk = 5;
  options.processes = processes;
  const auto plan = std::make_shared<const Plan>(MakePlan(model->spec(), model->layout(), options, DescribeMachine("cpu")));
  TrainerOptions trainer_options;
  trainer_options.schedule.lr = 1e-2;
  trainer_options.group = std::move(group);
  CpuDeviceOptions device;
  device.threads = 1;
  Trainer trainer(model, plan, trainer_options, CreateCpuDevice(device));
  std::string told;
  for (uint64_t step = 1; step <= 2; ++step) {
    Data data(kDocuments, step);
    told += loss(trainer, data.Part(first, end));
    told += Bits(trainer.Apply().grad_norm);
  }
  for (const UnitSpec& unit : model->layout().units) {
    for (const TensorSpec& tensor : unit.tensors) {
      std::vector<float> values(static_cast<size_t>(tensor.elements));
      trainer.ReadTensor(tensor.name, TensorKind::kWeight, 0, values.data(), values.size() * sizeof(float));
      told += StrCat(tensor.name, " ", AllBits(values), "; ");
    }
  }
  return told;
}

void ExpectOneProcess(const Loss& loss) {
  // Also in a process of its own: this one must stay without threads.
  const std::string expected = Processes(1, [&](int64_t) { return Train(loss, nullptr, 1, 0, kDocuments); }).Results()[0];
  ASSERT_NE(expected.find("norm.weight"), std::string::npos) << expected;
  const auto expect = [&](int64_t processes, const std::function<int64_t(int64_t)>& first) {
    const int port = FreePort();
    Processes ranks(processes, [&](int64_t rank) {
      return Train(loss, ProcessGroup::Connect(LocalPlace(rank, processes, port), QuickOptions()), processes, first(rank),
                   first(rank + 1));
    });
    for (const std::string& told : ranks.Results()) EXPECT_EQ(told, expected) << processes;
  };
  expect(2, [](int64_t rank) { return rank * 4; });
  expect(4, [](int64_t rank) { return rank * 2; });
  expect(2, [](int64_t rank) { return rank == 0 ? 0 : kDocuments; });  // one brings all
}

TEST(Losses, PreferencesByToken) {
  ExpectOneProcess([](Trainer& t, const Batch& b) { return Preferred(t, b, Preference::kSigmoid, false, false); });
}

TEST(Losses, PreferencesByDocumentAfterALookAtThem) {
  ExpectOneProcess([](Trainer& t, const Batch& b) {
    return Preferred(t, b, Preference::kIpo, true, true) + Preferred(t, b, Preference::kIpo, true, false);
  });
}

TEST(Losses, GoodAndBadAnswers) {
  ExpectOneProcess([](Trainer& t, const Batch& b) { return Unpaired(t, b, false); });
}

TEST(Losses, GoodAndBadAnswersBesideThoseOfOthers) {
  ExpectOneProcess([](Trainer& t, const Batch& b) { return Unpaired(t, b, true); });
}

TEST(Losses, PoliciesByToken) {
  ExpectOneProcess([](Trainer& t, const Batch& b) {
    const PolicyOptions options{.kl_weight = 0.1, .importance_cap = 1.5, .entropy_weight = 0.01};
    return Policy(t, b, options, true) + Policy(t, b, options);
  });
}

TEST(Losses, PoliciesByAnswer) {
  ExpectOneProcess([](Trainer& t, const Batch& b) {
    return Policy(t, b,
                  {.kind = PolicyKind::kCispo,
                   .ratio = RatioLevel::kSequence,
                   .reduction = PolicyReduction::kSequenceMean,
                   .kl = KlKind::kK1,
                   .kl_weight = 0.1});
  });
}

}  // namespace
}  // namespace hlm
