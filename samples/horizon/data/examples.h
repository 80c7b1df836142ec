// Files of examples (JSONL) as steps of documents: the library's data sets, opened as the options say.
#ifndef HORIZON_LM_SAMPLES_HORIZON_DATA_EXAMPLES_H_
#define HORIZON_LM_SAMPLES_HORIZON_DATA_EXAMPLES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "samples/horizon/base/activity.h"
#include "samples/horizon/base/handle.h"
#include "samples/horizon/base/json.h"
#include "samples/horizon/data/tokenizer.h"
#include "samples/horizon/options/options.h"

namespace horizon {

// What makes tokens of examples: --tokenizer or --model's, and --template or what lies beside the tokenizer. Either may be empty:
// token ids need neither, texts no template.
struct TextTools {
  Tokenizer tokenizer;
  std::string why_no_tokenizer;  // what --model's folder has instead; "": none was looked for, or it is there
  hlm::Template chat_template;
  std::string template_name;        // which of several templates; "": as Hugging Face chooses
  Json variables = Json::object();  // --template-variables

  explicit TextTools(const Options& options);
};

// "FILE", "FILE=WEIGHT", ".../dataset_info.json:NAME[=WEIGHT]" or a JSON object, as hlm_dataset_open takes a source.
Json ParseSource(const std::string& text);

// The configuration of hlm_dataset_open for these sources; `part`: "train" or "evaluation".
Json ExamplesConfig(const Options& options, const TextTools& tools, const Json& model, const std::vector<std::string>& sources,
                    const std::string& part);

class Examples {
 public:
  Examples(const Json& config, const TextTools& tools);

  // The next step; its arrays live until the next call. False: the last epoch has ended.
  bool Next(int64_t rows, hlm_dataset_batch& batch);
  hlm_dataset_batch Mismatched();
  std::string Position();
  void Seek(const std::string& position);

  // A hash of the files, the words that are made of them and their order.
  const std::string& order() const { return order_; }
  const Json& description() const { return description_; }
  const Json& config() const { return config_; }
  hlm::Dataset& set() { return set_; }
  int64_t steps_per_epoch(int64_t rows) const;
  std::string Summary() const;  // for people

 private:
  Json config_;
  hlm::Dataset set_;
  Json description_;
  std::string order_;
};

// The documents of a step as a trainer takes them.
hlm_batch ViewOf(const hlm_dataset_batch& batch);

// The data of a task on examples: the set trained on, the one held out, and where a run is in them.
class ExampleData {
 public:
  ExampleData(const Options& options, const Json& model);

  const TextTools& tools() const { return tools_; }
  Examples& train() { return *train_; }
  Examples* evaluation() { return evaluation_.get(); }  // null where nothing is held out
  bool has_evaluation() const { return evaluation_ != nullptr; }
  // Of the set trained on; its account has that of a held-out set of other files as well, whose rows say so.
  Json Description() const;
  const Examples& train() const { return *train_; }
  int64_t rows() const { return options_.shape.batch_size; }
  int64_t steps_per_epoch() const { return train_->steps_per_epoch(rows()); }

  // The step's documents. An epoch follows upon the other without end.
  hlm_dataset_batch Next();
  int64_t step_tokens() const { return step_tokens_; }  // of the documents that Next gave last
  // "epoch" and "num_tokens" after the step that Next gave.
  void Tell(int64_t step, Json& more) const;

  Json Identity() const;
  Json Contents() const;
  Json Position();
  void Seek(const Json& position);

  std::string Summary() const;

  // Calls f(batch) for each step of the held-out set.
  template <class F>
  void ForEachHeldOut(F f) {
    const std::string begin = evaluation_->Position();
    try {
      hlm_dataset_batch batch;
      Activity evaluating("evaluating, steps");
      for (int64_t step = 0; evaluation_->Next(rows(), batch); ++step) {
        evaluating.Done(step, evaluation_->steps_per_epoch(rows()));
        f(batch);
      }
    } catch (...) {
      evaluation_->Seek(begin);
      throw;
    }
    evaluation_->Seek(begin);
  }

 private:
  const Options& options_;
  TextTools tools_;
  std::unique_ptr<Examples> train_, evaluation_;
  int64_t step_tokens_ = 0;
  int64_t num_tokens_ = 0;  // of all steps so far, predicted or not
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_DATA_EXAMPLES_H_
