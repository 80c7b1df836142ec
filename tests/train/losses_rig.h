// What the tests of losses share: documents with prompts, and a trainer of a tiny model whose tensors can be read and written.
#ifndef HORIZON_LM_TESTS_TRAIN_LOSSES_RIG_H_
#define HORIZON_LM_TESTS_TRAIN_LOSSES_RIG_H_

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/cpu/cpu_device.h"
#include "core/machine/devices.h"
#include "core/objective/objectives.h"
#include "core/train/trainer.h"
#include "tests/equivalence/run.h"

namespace hlm {

// Documents of 2 to 12 tokens; the first few of each are a prompt, whose weights are 0.
struct Data {
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets = {0};
  std::vector<float> mask;
  Batch batch;

  explicit Data(int64_t documents, uint64_t seed = 1, int64_t longest = 12) {
    uint64_t counter = 0;
    const auto below = [&](int64_t n) { return static_cast<int64_t>(RandomBelow(seed, counter++, static_cast<uint64_t>(n))); };
    for (int64_t d = 0; d < documents; ++d) {
      const int64_t length = 3 + below(longest - 2), prompt = 1 + below(length - 1);
      for (int64_t t = 0; t < length; ++t) {
        ids.push_back(static_cast<int32_t>(below(61)));
        mask.push_back(t < prompt ? 0.0f : 1.0f);
      }
      offsets.push_back(static_cast<int64_t>(ids.size()));
    }
    Point();
  }
  void Point() {
    batch.ids = ids;
    batch.offsets = offsets;
    batch.weights = mask;
  }
  Data(const Data&) = delete;
  size_t tokens() const { return ids.size(); }
  // Documents [first, end) as a batch of its own.
  Batch Part(int64_t first, int64_t end) {
    const size_t begin = static_cast<size_t>(offsets[static_cast<size_t>(first)]),
                 stop = static_cast<size_t>(offsets[static_cast<size_t>(end)]);
    parts_.emplace_back();
    for (int64_t d = first; d <= end; ++d) parts_.back().push_back(offsets[static_cast<size_t>(d)] - static_cast<int64_t>(begin));
    Batch part = batch;
    part.ids = std::span(ids).subspan(begin, stop - begin);
    part.weights = std::span(mask).subspan(begin, stop - begin);
    part.offsets = parts_.back();
    return part;
  }

 private:
  std::vector<std::vector<int64_t>> parts_ = [] {
    std::vector<std::vector<int64_t>> all;
    all.reserve(64);  // spans into it stay where they are
    return all;
  }();
};

using Change = std::function<void(PlanOptions&)>;

struct Rig {
  std::shared_ptr<const Model> model;
  std::shared_ptr<const Plan> plan;
  std::unique_ptr<Trainer> trainer;

  explicit Rig(
      const Change& change = [](PlanOptions&) {}, int64_t seed = 1, CpuDeviceOptions device = {}, bool tied = false) {
    model = Model::Create(TinyConfig(tied, true, 3), seed);
    PlanOptions options;
    options.compute = DType::kF32;
    options.batch_size = 8, options.seq_len = 12, options.micro_batch = 2;
    options.threads = 1;
    options.head_chunk = 5;
    options.grad_clip = 0;
    change(options);
    plan = std::make_shared<const Plan>(MakePlan(model->spec(), model->layout(), options, DescribeMachine("cpu")));
    TrainerOptions trainer_options;
    trainer_options.schedule.lr = 1e-2;
    device.threads = 1;
    trainer = std::make_unique<Trainer>(model, plan, trainer_options, CreateCpuDevice(device));
  }
  std::vector<float> LogProbs(const Batch& batch, const FrozenWeights* weights = nullptr) {
    std::vector<float> out(batch.ids.size());
    trainer->LogProbs(batch, weights, out, {}, {});
    return out;
  }
  // All of a kind, in the model's order.
  std::vector<float> Read(TensorKind kind) {
    std::vector<float> all;
    for (const UnitSpec& unit : model->layout().units) {
      for (const TensorSpec& tensor : unit.tensors) {
        std::vector<float> values(static_cast<size_t>(tensor.elements));
        trainer->ReadTensor(tensor.name, kind, 0, values.data(), values.size() * sizeof(float));
        all.insert(all.end(), values.begin(), values.end());
      }
    }
    return all;
  }
  float ReadOne(const std::string& name, TensorKind kind, size_t element) {
    float value;
    trainer->ReadTensor(name, kind, element * 4, &value, 4);
    return value;
  }
  void WriteOne(const std::string& name, size_t element, float value) {
    trainer->WriteTensor(name, TensorKind::kWeight, element * 4, &value, 4);
  }
};

inline bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

inline double Norm(const std::vector<float>& x) {
  double sum = 0;
  for (const float v : x) sum += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(sum);
}
inline double Distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
  return std::sqrt(sum);
}

// The sums of a reference, which is the tiny model of another seed.
inline std::vector<double> ReferenceOf(const Batch& batch, int64_t seed) {
  Rig reference([](PlanOptions&) {}, seed);
  return SumDocuments(batch, reference.LogProbs(batch)).logprobs;
}

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_TRAIN_LOSSES_RIG_H_
