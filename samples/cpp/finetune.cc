// Trains a tiny model through the C++ interface, looks at a weight and saves the result: finetune OUTPUT_FOLDER
#include <array>
#include <cstdio>
#include <vector>

#include "c_api/horizon_lm.hpp"

constexpr char kConfig[] =
    R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 32,
 "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
 "vocab_size": 16, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
 "tie_word_embeddings": false, "initializer_range": 0.02})";

void Run(const char* folder) {
  const std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6, 5};  // two documents: 1 ... 8 and 9 ... 5
  const std::vector<int64_t> offsets = {0, 8, 13};
  hlm::PlanOptions shape;
  shape.batch_size = 2;
  shape.seq_len = 8;
  hlm::TrainerOptions adamw;
  adamw.lr = 1e-2;
  const hlm::Model model = hlm::Model::Create(kConfig, 1);
  hlm::Trainer trainer(model, hlm::Plan(model, shape), adamw);

  const hlm::Batch batch(ids, offsets);
  for (int step = 1; step <= 30; ++step) {
    const hlm::StepMetrics metrics = trainer.Step(batch);
    if (step % 5 == 0) std::printf("step %d  loss %.17g\n", step, metrics.loss);  // all digits: no bit is lost
  }
  std::array<float, 4> norm;  // the first weights of the last norm; read as float whatever they are stored as
  trainer.ReadTensor("model.norm.weight", HLM_TENSOR_WEIGHT, norm);
  std::printf("model.norm.weight begins %.9g %.9g %.9g %.9g\n", norm[0], norm[1], norm[2], norm[3]);
  trainer.SaveModel(folder);
}

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: finetune OUTPUT_FOLDER\n");
    return 2;
  }
  try {
    Run(argv[1]);
  } catch (const hlm::Exception& error) {
    std::fprintf(stderr, "error: %s: %s\n", error.code_name(), error.what());
    return 1;
  }
}
