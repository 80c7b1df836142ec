// Trains every golden's model for two steps, saves it twice and writes the logits that the library computes, so that
// tools/check_transformers.py can hold transformers' logits of the saved folders against them:
//
//   export_for_check DIR
//
// DIR/<golden>/ holds the model saved in F32, DIR/<golden>_source/ the one in the type of its source, reopened.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/golden/golden.h"
#include "tests/golden/npy.h"
#include "tests/golden/session.h"

namespace hlm_golden {
namespace {

namespace fs = std::filesystem;

void WriteLogits(const Golden& golden, hlm_trainer* trainer, const fs::path& folder) {
  const GoldenBatch& batch = golden.batches[0];
  const int64_t tokens = static_cast<int64_t>(batch.ids.size());
  WriteNpy(folder / "ids.npy", batch.ids, {tokens});
  WriteNpy(folder / "offsets.npy", batch.offsets, {static_cast<int64_t>(batch.offsets.size())});
  WriteNpy(folder / "logits.npy", Logits(trainer, batch, golden.vocab), {tokens, golden.vocab});
}

void Save(hlm_trainer* trainer, const fs::path& folder, int32_t dtype) {
  hlm_save_options options;
  hlm_save_options_init(&options);
  options.dtype = dtype;
  options.overwrite = 1;
  Check(hlm_trainer_save_model(trainer, folder.c_str(), &options));
}

void Export(const std::string& name, const fs::path& root) {
  const Golden golden = LoadGolden(name);
  const fs::path full = root / name;
  const fs::path source = root / (name + "_source");
  fs::create_directories(full);
  fs::create_directories(source);
  const TrainerHandle trainer = MakeTrainer(golden, golden.model_folder, HLM_DTYPE_F32);
  for (int i = 0; i < 2; ++i) Step(trainer.get(), golden.batches[golden.steps[i].batch]);
  Save(trainer.get(), full / "model", HLM_DTYPE_F32);
  WriteLogits(golden, trainer.get(), full);
  Save(trainer.get(), source / "model", HLM_DTYPE_SOURCE);
  const TrainerHandle reopened = MakeTrainer(golden, (source / "model").string(), HLM_DTYPE_F32);
  WriteLogits(golden, reopened.get(), source);
}

}  // namespace
}  // namespace hlm_golden

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s DIR\n", argv[0]);
    return 2;
  }
  try {
    for (const std::string& name : hlm_golden::GoldenNames()) {
      hlm_golden::Export(name, argv[1]);
      std::printf("%s\n", name.c_str());
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "export_for_check: %s\n", error.what());
    return 1;
  }
  return 0;
}
