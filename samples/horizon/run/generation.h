// Continuing ids one by one: what generate, chat and the samples of a training run have in common.
#ifndef HORIZON_LM_SAMPLES_HORIZON_RUN_GENERATION_H_
#define HORIZON_LM_SAMPLES_HORIZON_RUN_GENERATION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "samples/horizon/base/handle.h"
#include "samples/horizon/base/json.h"
#include "samples/horizon/data/examples.h"

namespace horizon {

// The conversation in the chat template, up to where the answer begins.
std::string RenderPrompt(const TextTools& tools, const Json& messages, const std::string& date = "");

// A text's ids, by the tokenizer or, where it is empty, its bytes; throws for one outside the vocabulary. `what` is how the text is called.
std::vector<int32_t> IdsOf(const Tokenizer& tokenizer, const std::string& text, bool special_tokens, int64_t vocab_size,
                           const std::string& what);

// Text as ids come, in whole characters: by the tokenizer, else ids below 256 as bytes; others have no text of their own. By the tokenizer
// special tokens are left out where `skip_special`.
class StreamedText {
 public:
  StreamedText(const Tokenizer& tokenizer, bool skip_special);
  std::string Push(int32_t id);
  std::string Finish();

 private:
  hlm::Decoder decoder_;
};

// What ends a generation, of a model's description; throws where its folder does not say it as it must.
std::vector<int64_t> StopIdsOf(const Json& model);

struct Continuation {
  std::vector<int32_t> ids;  // the new ones, with the one that ended it
  bool stopped = false;      // by an id that ends a generation
};

struct Continue {
  int64_t most = 0;  // new ids
  std::vector<int64_t> stops = {};
  double temperature = 0;
  int64_t top_k = 0;
  int64_t seed = 0;
  int64_t draw = 0;  // the first draw's number: another one each time
  // Each new id but one that ends it; false: enough.
  std::function<bool(int32_t)> each = nullptr;
};

// One forward pass over all ids for each new one.
Continuation Generate(Trainer& trainer, std::vector<int32_t> ids, int64_t vocab_size, const Continue& how);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_RUN_GENERATION_H_
