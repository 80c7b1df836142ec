// horizon generate
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "samples/horizon/commands/command.h"
#include "samples/horizon/data/examples.h"
#include "samples/horizon/data/order.h"
#include "samples/horizon/data/tokenizer.h"
#include "samples/horizon/data/tokens.h"
#include "samples/horizon/run/engine.h"
#include "samples/horizon/run/sampler.h"

namespace horizon {
namespace {

// The prompt as a user's turn, up to where the answer begins.
std::string AsChat(const Options& options) {
  const TextTools tools(options);
  if (!tools.chat_template) throw Error(options.model.folder + ": has no chat template; --chat needs one");
  const std::string messages = Json::array({{{"role", "user"}, {"content", options.generate.prompt}}}).dump();
  const std::string variables = tools.variables.dump();
  hlm_template_options request;
  hlm_template_options_init(&request);
  request.variables_json = variables.c_str();
  request.add_generation_prompt = 1;
  return TextOf(hlm_template_render, static_cast<const hlm_template*>(tools.chat_template.get()), messages.c_str(),
                static_cast<const hlm_template_options*>(&request));
}

std::vector<int32_t> ReadPrompt(const Options& all, int64_t vocab_size, const hlm_tokenizer* tokenizer) {
  const GenerateOptions& options = all.generate;
  const std::string prompt = options.chat ? AsChat(all) : options.prompt;
  std::vector<int32_t> ids;
  if (!options.prompt_ids.empty()) {
    const TokenFile file(options.prompt_ids);
    if (file.shape().size() != 1) throw Error(options.prompt_ids + ": a prompt has one dimension");
    file.CheckIds(vocab_size);
    ids.resize(static_cast<size_t>(file.size()));
    file.Copy(0, ids);
  } else if (tokenizer != nullptr) {
    ids = Encode(tokenizer, prompt, !options.chat);
    for (const int32_t id : ids) {
      if (id >= vocab_size) {
        throw Error("id " + std::to_string(id) + " of --prompt is outside the model's vocabulary [0, " +
                    std::to_string(vocab_size) + ")");
      }
    }
  } else {
    if (options.chat) throw Error(all.model.folder + ": has no tokenizer; --chat needs one");
    CheckBytes(all.model, vocab_size);
    for (const unsigned char byte : options.prompt) {
      if (byte >= vocab_size) {
        throw Error("byte " + std::to_string(byte) + " at position " + std::to_string(ids.size()) +
                    " of --prompt is outside the vocabulary [0, " + std::to_string(vocab_size) + ")");
      }
      ids.push_back(byte);
    }
  }
  if (ids.empty()) throw Error("the prompt is empty; at least one id is needed to continue from");
  return ids;
}

// Prints ids as they come: by the tokenizer, else as bytes below 256; others have no text of their own.
class Printer {
 public:
  explicit Printer(const hlm_tokenizer* tokenizer) {
    if (tokenizer == nullptr) return;
    hlm_decoder* decoder = nullptr;
    Check(hlm_decoder_create(tokenizer, 1, &decoder));
    decoder_.reset(decoder);
  }
  void Print(int32_t id) {
    if (decoder_ != nullptr) {
      char* text = nullptr;
      size_t n = 0;
      Check(hlm_decoder_push(decoder_.get(), &id, 1, &text, &n));
      Put(text, n);
    } else if (id < 256) {
      std::putchar(id);
    } else {
      std::printf("<%d>", id);
    }
    std::fflush(stdout);
  }
  void Finish() {
    if (decoder_ != nullptr) {
      char* text = nullptr;
      size_t n = 0;
      Check(hlm_decoder_finish(decoder_.get(), &text, &n));
      Put(text, n);
    }
    std::putchar('\n');
  }

 private:
  static void Put(char* text, size_t n) {
    const std::unique_ptr<char, Destroyer<hlm_string_destroy>> owner(text);
    std::fwrite(text, 1, n, stdout);
  }
  std::unique_ptr<hlm_decoder, Destroyer<hlm_decoder_destroy>> decoder_;
};

// The next id after `ids`, from one forward pass over all of them.
int32_t Next(hlm_trainer* trainer, const std::vector<int32_t>& ids, const GenerateOptions& options, int64_t index,
             std::vector<float>& logits) {
  Batch batch;
  batch.ids = ids;
  batch.offsets = {0, static_cast<int64_t>(ids.size())};
  const hlm_batch view = ViewOf(batch);
  const int64_t place = static_cast<int64_t>(ids.size()) - 1;
  Check(hlm_trainer_logits(trainer, &view, &place, 1, logits.data(), logits.size()));
  return ChooseToken(logits, options.temperature, options.top_k, RandomUniform(options.seed, 0, static_cast<uint64_t>(index)));
}

}  // namespace

int RunGenerate(const Options& options) {
  CheckModelOptions(options);
  const GenerateOptions& generate = options.generate;
  const Model model = OpenModel(options.model);
  const Json description = DescribeModel(model);
  const int64_t vocab_size = description.at("vocab_size").get<int64_t>();
  const auto stops = generate.ignore_eos ? std::vector<int64_t>() : description.at("stop_ids").get<std::vector<int64_t>>();
  const Tokenizer tokenizer = TokenizerOf(options.model);
  std::vector<int32_t> ids = ReadPrompt(options, vocab_size, tokenizer.get());
  const size_t prompt_length = ids.size();

  const int64_t length = static_cast<int64_t>(prompt_length) + generate.max_new_tokens;
  const Plan plan = MakePlan(model, options, HLM_PURPOSE_FORWARD, 1, length);
  const Trainer trainer = MakeTrainer(model, plan, options.optimizer, 0);

  Printer printer(tokenizer.get());
  if (!options.json) {
    std::fprintf(stderr, "note: there is no cache of keys and values; the prefix is computed again for each of %lld tokens\n",
                 static_cast<long long>(generate.max_new_tokens));
    for (const int32_t id : ids) printer.Print(id);
  }
  std::vector<float> logits(static_cast<size_t>(vocab_size));
  for (int64_t i = 0; i < generate.max_new_tokens; ++i) {
    ids.push_back(Next(trainer.get(), ids, generate, i, logits));
    if (std::find(stops.begin(), stops.end(), ids.back()) != stops.end()) break;
    if (!options.json) printer.Print(ids.back());
  }
  if (options.json) {
    const std::vector<int32_t> made(ids.begin() + static_cast<std::ptrdiff_t>(prompt_length), ids.end());
    Json line = {{"ids", made}};
    if (tokenizer != nullptr) line["text"] = Decode(tokenizer.get(), made, true);
    std::printf("%s\n", line.dump().c_str());
  } else {
    printer.Finish();
  }
  return kExitOk;
}

}  // namespace horizon
