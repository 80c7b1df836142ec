// --sample-prompts: how the model continues a few prompts, seen again and again while it is trained.
#ifndef HORIZON_LM_SAMPLES_HORIZON_RUN_SAMPLES_H_
#define HORIZON_LM_SAMPLES_HORIZON_RUN_SAMPLES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "c_api/horizon_lm.h"
#include "samples/horizon/base/json.h"
#include "samples/horizon/data/examples.h"
#include "samples/horizon/options/options.h"

namespace horizon {

class Samples {
 public:
  // Reads the prompts. Throws where one leaves no room in a row of `row_tokens` ids for anything new.
  Samples(const Options& options, const Json& model, int64_t row_tokens);

  bool Due(int64_t step, bool last) const;

  // [{"prompt", "text"}] under the weights as they are; each id is the likeliest one.
  Json Round(Trainer& trainer) const;

 private:
  struct Prompt {
    std::string shown;
    std::vector<int32_t> ids;
  };
  void Read(const std::string& path);
  void AddRecord(const Json& record, const std::string& where);
  void AddText(const std::string& text);
  void AddConversation(const Json& messages, const std::string& where);

  const RunOptions& run_;
  const Options& options_;
  int64_t vocab_size_, row_tokens_;
  std::vector<int64_t> stops_;
  TextTools tools_;
  std::vector<Prompt> prompts_;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_RUN_SAMPLES_H_
