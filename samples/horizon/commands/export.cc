// horizon export
#include <cstdio>

#include "samples/horizon/base/output.h"
#include "samples/horizon/commands/command.h"
#include "samples/horizon/run/engine.h"

namespace horizon {

int RunExport(const Options& options) {
  CheckModelOptions(options);
  if (options.run.out.empty()) throw UsageError("--out is needed: the Hugging Face folder to write");
  CheckOutputFolder(options.run.out, options.run.overwrite);
  const Model model = OpenModel(options.model);
  hlm_save_options save;
  hlm_save_options_init(&save);
  save.dtype = options.run.save_dtype;
  save.overwrite = options.run.overwrite ? 1 : 0;
  Check(hlm_model_save(model.get(), options.run.out.c_str(), &save));
  if (options.json) {
    std::printf("%s\n", Json{{"out", options.run.out}}.dump().c_str());
  } else {
    std::printf("saved %s\n", options.run.out.c_str());
  }
  return kExitOk;
}

}  // namespace horizon
