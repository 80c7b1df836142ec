// horizon logprobs
#include <cstdio>
#include <numeric>
#include <string>

#include "samples/horizon/data/account.h"
#include "samples/horizon/data/examples.h"
#include "samples/horizon/data/packed_text.h"
#include "samples/horizon/data/tokenizer.h"
#include "samples/horizon/eval/eval.h"
#include "samples/horizon/eval/score.h"

namespace horizon {
namespace {

void Print(const Scored& one, bool pairs, bool sums) {
  Json line = {{"document", one.index}};
  if (pairs) {
    line["pair"] = one.index / 2;
    line["chosen"] = one.index % 2 == 0;
  }
  line["tokens"] = one.tokens;
  line["logprob"] = one.sum;
  if (!sums) {
    Json each = Json::array();
    for (size_t t = 0; t < one.ids.size(); ++t) each.push_back(one.labels[t] == kIgnoredLabel ? Json() : Json(one.logprobs[t]));
    line["ids"] = one.ids;
    line["logprobs"] = each;
  }
  std::printf("%s\n", line.dump().c_str());
}

// Documents in the order of the files.
void ScoreExamples(const Model& model, Options options) {
  options.run.no_shuffle = true;
  options.text.packing = 0;
  if (options.text.too_long.empty())
    options.text.too_long = "error";  // half a document's figure would be taken for a whole one's
  const TextTools tools(options);
  Json config = ExamplesConfig(options, tools, DescribeModel(model), options.data.files, "train");
  config["epochs"] = 1;
  Examples examples(config, tools);
  for (const std::string& line : AccountLines(examples.description())) std::fprintf(stderr, "%s\n", line.c_str());
  Trainer trainer = MakeForwardTrainer(model, options);
  const bool pairs = options.task.pairs();
  Scorer scorer(trainer, options.shape.batch_size * options.shape.seq_len,
                [&](const Scored& one) { Print(one, pairs, options.score.sums); });
  hlm_dataset_batch batch;
  while (examples.Next(pairs ? 2 : 1, batch)) {
    for (size_t d = 0; d + 1 < batch.n_offsets; ++d) {
      const auto begin = batch.offsets[d], end = batch.offsets[d + 1];
      scorer.Add({batch.ids + begin, batch.ids + end}, {batch.labels + begin, batch.labels + end});
    }
  }
  scorer.Finish();
}

void ScoreRows(const Model& model, Options options) {
  CheckOneDataFile(options);
  const int64_t vocab_size = DescribeModel(model).at("vocab_size").get<int64_t>();
  const Dataset data(options.data.data, options.data.labels, options.shape.seq_len, vocab_size,
                     ReaderOf(options.model, vocab_size));
  options.shape.seq_len = data.row_tokens();
  Trainer trainer = MakeForwardTrainer(model, options);
  Scorer scorer(trainer, options.shape.batch_size * options.shape.seq_len,
                [&](const Scored& one) { Print(one, false, options.score.sums); });
  Batch row;
  for (int64_t r = 0; r < data.rows(); ++r) {
    data.Fill({&r, 1}, row);
    scorer.Add(row.ids, row.labels.empty() ? row.ids : row.labels);
  }
  scorer.Finish();
}

}  // namespace

int RunLogprobs(const Options& options) {
  CheckModelOptions(options);
  const Model model = OpenModel(options.model);
  const std::string& file = options.data.data;
  file.ends_with(".npy") || NameOfText(file).ends_with(".txt") ? ScoreRows(model, options) : ScoreExamples(model, options);
  return kExitOk;
}

}  // namespace horizon
