// What tools/goldens/make_goldens.py wrote: a model folder, batches, and what float64 arithmetic makes of them. Read with
// nothing of the library, so that an error of the library's readers cannot hide itself.
#ifndef HORIZON_LM_TESTS_GOLDEN_GOLDEN_H_
#define HORIZON_LM_TESTS_GOLDEN_GOLDEN_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace hlm_golden {

struct GoldenBatch {
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets;
  std::vector<int32_t> labels;  // empty: the ids
  std::vector<float> weights;   // empty: ones
  double denominator = 0;       // 0: the sum of the weights
  int64_t tokens = 0;           // predicted

  int64_t Documents() const { return static_cast<int64_t>(offsets.size()) - 1; }
  int64_t Longest() const;
  // The documents [begin, end) as a batch of their own, with the same labels, weights and denominator.
  GoldenBatch Slice(int64_t begin, int64_t end) const;
  // The sum of the weights of the predicted tokens, or the batch's own denominator.
  double Denominator() const;
};

struct GoldenTraining {
  double lr, beta1, beta2, eps, weight_decay, min_lr_ratio, grad_clip;
  std::string schedule;  // "constant", "linear", "cosine"
  int64_t warmup_steps, total_steps;
};

struct GoldenStep {
  int64_t batch;  // index
  double loss;    // before the update
  double grad_norm, lr;
  int64_t tokens;
};

struct GoldenParameter {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> gradient;  // of the first batch's loss at the first weights
  std::vector<float> final;     // the weight after all steps
};

// How far PyTorch's own bf16 is from the golden (bf16.json): losses of three steps, and of all, relative; the furthest gradient of a
// parameter, relative to its norm. Zeros where nobody measured it.
struct GoldenBf16 {
  double early_losses = 0, losses = 0, gradients = 0;
};

struct Golden {
  std::string name;
  std::string model_folder;
  GoldenTraining training;
  std::vector<GoldenBatch> batches;
  std::vector<float> logits;  // [tokens of the first batch, vocab]
  int64_t vocab = 0;
  std::vector<int64_t> widths;  // that products and heads have: of golden.json, or hidden, head and intermediate of config.json
  double loss = 0;              // of the first batch at the first weights
  double final_loss = 0;        // of the first batch after all steps
  std::vector<GoldenStep> steps;
  std::vector<GoldenParameter> parameters;
  GoldenBf16 bf16;
  std::string freeze, train_only;    // patterns of tensors, as the plan's options have them; the others are the parameters
  std::vector<std::string> buffers;  // what the model's files have beside them

  int64_t LongestDocument() const;  // of all batches
  int64_t MostDocuments() const;    // in a batch
  bool WidthsAreMultiplesOf(int64_t n) const;
};

// The folder of the goldens: among the test's files, or $HLM_GOLDENS.
std::string GoldenFolder();
// The names that the manifest lists. Throws std::runtime_error where it cannot be read.
std::vector<std::string> GoldenNames();
Golden LoadGolden(const std::string& name);

}  // namespace hlm_golden

#endif  // HORIZON_LM_TESTS_GOLDEN_GOLDEN_H_
