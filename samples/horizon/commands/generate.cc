// horizon generate
#include <cstdio>
#include <string>
#include <vector>

#include "samples/horizon/base/terminal.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/commands/command.h"
#include "samples/horizon/data/tokenizer.h"
#include "samples/horizon/data/tokens.h"
#include "samples/horizon/run/engine.h"
#include "samples/horizon/run/generation.h"

namespace horizon {
namespace {

// The prompt as a user's turn, up to where the answer begins.
std::string AsChat(const Options& options) {
  const TextTools tools(options);
  if (!tools.chat_template) throw Error(options.model.folder + ": has no chat template; --chat needs one");
  return RenderPrompt(tools, Json::array({{{"role", "user"}, {"content", options.generate.prompt}}}));
}

// Whether --prompt-ids are the ids themselves and not a file's name.
bool AreWritten(const std::string& prompt_ids) {
  return !prompt_ids.empty() && prompt_ids.find_first_not_of("0123456789, []") == std::string::npos;
}

std::vector<int32_t> ReadPrompt(const Options& all, int64_t vocab_size, const Tokenizer& tokenizer) {
  const GenerateOptions& options = all.generate;
  const std::string prompt = options.chat ? AsChat(all) : options.prompt;
  std::vector<int32_t> ids;
  if (AreWritten(options.prompt_ids)) {
    ids = WrittenIds(options.prompt_ids, "--prompt-ids");
    for (const int32_t id : ids) {
      if (id >= vocab_size)
        throw Error(Format("--prompt-ids: %d is not within [0, %lld), the vocabulary", id, static_cast<long long>(vocab_size)));
    }
  } else if (!options.prompt_ids.empty()) {
    const TokenFile file(options.prompt_ids);
    if (file.shape().size() != 1) throw Error(options.prompt_ids + ": a prompt has one dimension");
    file.CheckIds(vocab_size);
    ids.resize(static_cast<size_t>(file.size()));
    file.Copy(0, ids);
  } else {
    if (!tokenizer && options.chat) throw Error(all.model.folder + ": has no tokenizer; --chat needs one");
    if (!tokenizer) CheckBytes(all.model, vocab_size);
    ids = IdsOf(tokenizer, prompt, !options.chat, vocab_size, "--prompt");
  }
  if (ids.empty()) throw Error("the prompt is empty; at least one id is needed to continue from (--prompt or --prompt-ids)");
  return ids;
}

}  // namespace

int RunGenerate(const Options& options) {
  CheckModelOptions(options);
  const GenerateOptions& generate = options.generate;
  const Model model = OpenModel(options.model);
  const Json description = DescribeModel(model);
  const int64_t vocab_size = description.at("vocab_size").get<int64_t>();
  const std::vector<int64_t> stops = generate.ignore_eos ? std::vector<int64_t>() : StopIdsOf(description);
  const Tokenizer tokenizer = TokenizerOf(options.model);
  const std::vector<int32_t> ids = ReadPrompt(options, vocab_size, tokenizer);

  const int64_t length = static_cast<int64_t>(ids.size()) + generate.max_new_tokens;
  const Plan plan = MakePlan(model, options, HLM_PURPOSE_FORWARD, 1, length);
  Trainer trainer = MakeTrainer(model, plan, options.optimizer, 0);

  StreamedText text(tokenizer, true);
  if (!options.json) {
    std::fprintf(stderr, "note: there is no cache of keys and values; the prefix is computed again for each of %s\n",
                 FormatCount(generate.max_new_tokens, "token").c_str());
    for (const int32_t id : ids) ShowWritten(text.Push(id));
  }
  Continue how = {.most = generate.max_new_tokens,
                  .stops = stops,
                  .temperature = generate.temperature,
                  .top_k = generate.top_k,
                  .seed = generate.seed};
  how.each = [&](int32_t id) {
    if (!options.json) ShowWritten(text.Push(id));
    return true;
  };
  const Continuation made = Generate(trainer, ids, vocab_size, how);
  if (options.json) {
    Json line = {{"ids", made.ids}};
    if (tokenizer) line["text"] = tokenizer.Decode(made.ids, true);
    std::printf("%s\n", line.dump().c_str());
  } else {
    ShowWritten(text.Finish() + "\n");
  }
  return kExitOk;
}

}  // namespace horizon
