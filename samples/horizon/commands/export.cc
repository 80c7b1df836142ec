// horizon export
#include <cstdio>

#include "samples/horizon/commands/command.h"
#include "samples/horizon/run/engine.h"
#include "samples/horizon/run/saving.h"

namespace horizon {

int RunExport(const Options& options) {
  CheckModelOptions(options);
  if (options.run.out.empty()) throw UsageError("--out is needed: the Hugging Face folder to write");
  const Model model = OpenModel(options.model);
  CheckOut(model, options.run, false);
  const hlm_save_options save = SaveOptionsOf(options.run);
  Check(hlm_model_save(model.get(), options.run.out.c_str(), &save));
  if (options.json) {
    std::printf("%s\n", Json{{"out", options.run.out}}.dump().c_str());
  } else {
    std::printf("saved %s\n", options.run.out.c_str());
  }
  return kExitOk;
}

}  // namespace horizon
