// horizon eval
#include <chrono>
#include <cstdio>
#include <string>

#include "samples/horizon/base/text.h"
#include "samples/horizon/data/tokenizer.h"
#include "samples/horizon/eval/eval.h"
#include "samples/horizon/run/engine.h"

namespace horizon {

int RunEval(const Options& options) {
  CheckModelOptions(options);
  if (options.score.task == "perplexity") return RunPerplexity(options);
  if (options.score.task == "choice") return RunChoice(options);
  CheckOneDataFile(options);
  const Model model = OpenModel(options.model);
  const int64_t vocab_size = DescribeModel(model).at("vocab_size").get<int64_t>();
  const Dataset data(options.data.data, options.data.labels, options.shape.seq_len, vocab_size,
                     ReaderOf(options.model, vocab_size));
  const int64_t batch_size = options.shape.batch_size;
  const Plan plan = MakePlan(model, options, HLM_PURPOSE_FORWARD, batch_size, data.row_tokens());
  Trainer trainer = MakeTrainer(model, plan, options.optimizer, 0);

  const auto begin = std::chrono::steady_clock::now();
  const Evaluation result = Evaluate(trainer, data, batch_size);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (options.json) {
    const Json line = {{"loss", result.loss}, {"perplexity", result.perplexity}, {"tokens", result.tokens}};
    std::printf("%s\n", line.dump().c_str());
  } else {
    std::printf("loss %.6f, perplexity %.4f over %s (%s tokens/s)\n", result.loss, result.perplexity,
                FormatCount(result.tokens, "predicted token").c_str(),
                FormatRate(static_cast<double>(result.tokens) / seconds).c_str());
  }
  return kExitOk;
}

}  // namespace horizon
