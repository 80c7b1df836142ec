// tokenizer.json as llama.cpp has it: "gpt2" is BPE over bytes, "llama" BPE over characters with bytes to fall back to.
#include <unistd.h>

#include <algorithm>
#include <map>

#include "samples/horizon/base/error.h"
#include "samples/horizon/data/data_file.h"
#include "samples/horizon/gguf/gguf_model.h"

namespace horizon {
namespace {

constexpr size_t kLargestFile = size_t{256} << 20;

// Kinds of tokens there.
constexpr int32_t kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6;

// Their names in published templates.
constexpr const char* kEndsOfTurns[] = {"<|eot_id|>", "<|im_end|>", "<end_of_turn>",  "<turn|>",
                                        "<|end|>",    "<|eot|>",    "<|end_of_turn|>"};

Json ReadJson(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) return Json();
  return Json::parse(ReadTextFile(path, kLargestFile), nullptr, false);
}

// As it stands in a JSON text.
std::string InJson(const char* pattern) {
  const std::string quoted = Json(pattern).dump();
  return quoted.substr(1, quoted.size() - 2);
}

// Whether the parts of a pre-tokenizer are Digits, each by itself, then the pattern of bytes.
bool IsDigitsThenBytes(const Json& pre_tokenizer) {
  if (pre_tokenizer.value("type", "") != "Sequence") return false;
  const Json parts = pre_tokenizer.value("pretokenizers", Json::array());
  return parts.size() == 2 && parts[0].value("type", "") == "Digits" && parts[0].value("individual_digits", false) &&
         parts[1].value("type", "") == "ByteLevel" && parts[1].value("use_regex", true) &&
         !parts[1].value("add_prefix_space", true);
}

// How text is cut before merges, by the name that llama.cpp has for it. Refused where it has none: ids would be others.
std::string PreTokenizer(const Json& tokenizer) {
  const Json none = Json::object();
  const Json& own =
      tokenizer.contains("pre_tokenizer") && tokenizer["pre_tokenizer"].is_object() ? tokenizer["pre_tokenizer"] : none;
  const std::string text = own.dump();
  const std::string qwen =
      InJson(R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
  std::string llama = qwen;
  llama.replace(llama.find("|\\\\p{N}|") + 1, 6, "\\\\p{N}{1,3}");
  // Large letters, then small ones; a letter without a size, and a mark, goes with both.
  const std::string tekken = InJson(R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
                                    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
                                    R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
  if (text.find(qwen) != std::string::npos) return "qwen2";
  if (text.find(llama) != std::string::npos) return "llama-bpe";
  if (text.find('"' + tekken + '"') != std::string::npos) return "tekken";
  if (IsDigitsThenBytes(own)) return "smollm";
  const bool split = text.find("\"Split\"") != std::string::npos, bytes = text.find("\"ByteLevel\"") != std::string::npos;
  if (bytes && !split && text.find("\"use_regex\":false") == std::string::npos && text.find("\"Digits\"") == std::string::npos)
    return "gpt-2";
  throw Error("--gguf: the tokenizer cuts text in a way that llama.cpp has no name for that is known here");
}

struct Tokens {
  std::vector<std::string> texts;
  std::vector<int32_t> kinds;
  std::vector<float> scores;
};

// Whether a text begins as one does that stands behind a space.
bool PrependsSpace(const Json& tokenizer) {
  const auto text = [&](const char* part) { return tokenizer.contains(part) ? tokenizer[part].dump() : std::string(); };
  const std::string cut = text("pre_tokenizer");
  const bool metaspace = cut.find("\"Metaspace\"") != std::string::npos &&
                         cut.find("\"prepend_scheme\":\"never\"") == std::string::npos &&
                         cut.find("\"add_prefix_space\":false") == std::string::npos;
  return metaspace || text("normalizer").find("\"Prepend\"") != std::string::npos;
}

// All ids of the model, those without a token as unused.
Tokens TokensOf(const Json& tokenizer, size_t vocab_size, bool byte_fallback) {
  Tokens tokens;
  for (size_t id = 0; id < vocab_size; ++id) tokens.texts.push_back("[PAD" + std::to_string(id) + "]");
  tokens.kinds.assign(vocab_size, kUnused);
  tokens.scores.assign(vocab_size, 0);
  const auto put = [&](const std::string& text, size_t id, int32_t kind) {
    if (id >= vocab_size)
      throw Error("--gguf: the token '" + text + "' has id " + std::to_string(id) + "; the model has " +
                  std::to_string(vocab_size));
    tokens.texts[id] = text;
    tokens.kinds[id] = kind;
  };
  for (const auto& [text, id] : tokenizer.at("model").at("vocab").items()) {
    const bool byte = byte_fallback && text.size() == 6 && text.starts_with("<0x") && text.ends_with('>');
    put(text, id.get<size_t>(), byte ? kByte : kNormal);
  }
  for (const Json& added : tokenizer.value("added_tokens", Json::array())) {
    put(added.at("content").get<std::string>(), added.at("id").get<size_t>(),
        added.value("special", false) ? kControl : kUserDefined);
  }
  const Json& model = tokenizer["model"];
  if (model.contains("unk_token") && model["unk_token"].is_string()) {
    const auto unknown = std::find(tokens.texts.begin(), tokens.texts.end(), model["unk_token"].get<std::string>());
    if (unknown != tokens.texts.end()) tokens.kinds[static_cast<size_t>(unknown - tokens.texts.begin())] = kUnknown;
  }
  return tokens;
}

// "a b", of either form of the file.
std::vector<std::string> Merges(const Json& tokenizer) {
  std::vector<std::string> merges;
  for (const Json& merge : tokenizer.at("model").value("merges", Json::array())) {
    merges.push_back(merge.is_array() ? merge.at(0).get<std::string>() + " " + merge.at(1).get<std::string>()
                                      : merge.get<std::string>());
  }
  return merges;
}

// An id of tokenizer_config.json's "bos_token" and the like, which is a text or an object with one.
int64_t SpecialId(const Json& config, const char* key, const Tokens& tokens) {
  if (!config.is_object() || !config.contains(key)) return -1;
  const Json& token = config[key];
  const std::string text = token.is_string() ? token.get<std::string>() : token.is_object() ? token.value("content", "") : "";
  const auto found = std::find(tokens.texts.begin(), tokens.texts.end(), text);
  return text.empty() || found == tokens.texts.end() ? -1 : found - tokens.texts.begin();
}

// What llama.cpp calls eot: the end of a turn, and not of a text or of a message that a tool answers.
bool EndsTurn(const Tokens& tokens, int64_t id) {
  if (id >= static_cast<int64_t>(tokens.texts.size())) return false;
  const std::string& text = tokens.texts[static_cast<size_t>(id)];
  return std::any_of(std::begin(kEndsOfTurns), std::end(kEndsOfTurns), [&](const char* end) { return text == end; });
}

void AddSpecials(const std::string& folder, const Json& config, const Tokens& tokens, GgufWriter& writer) {
  const Json own = ReadJson(folder + "/tokenizer_config.json"), generation = ReadJson(folder + "/generation_config.json");
  // What ends a generation goes before what the tokenizer calls its end: of several the first.
  int64_t eos = SpecialId(own, "eos_token", tokens);
  std::vector<int64_t> further;
  for (const Json* file : {&config, &generation}) {
    if (!file->is_object() || !file->contains("eos_token_id")) continue;
    const Json& ids = (*file)["eos_token_id"];
    if (ids.is_number_unsigned()) eos = ids.get<int64_t>();
    if (!ids.is_array() || ids.empty() || !ids[0].is_number_unsigned()) continue;
    eos = ids[0].get<int64_t>();
    further.clear();
    for (const Json& id : ids) {
      if (id.is_number_unsigned() && id != eos) further.push_back(id.get<int64_t>());
    }
  }
  const auto turn = std::find_if(further.begin(), further.end(), [&](int64_t id) { return EndsTurn(tokens, id); });
  const std::pair<const char*, int64_t> specials[] = {{"bos", SpecialId(own, "bos_token", tokens)},
                                                      {"eos", eos},
                                                      {"eot", turn == further.end() ? -1 : *turn},
                                                      {"unknown", SpecialId(own, "unk_token", tokens)},
                                                      {"padding", SpecialId(own, "pad_token", tokens)}};
  for (const auto& [name, id] : specials) {
    if (id >= 0) writer.Add(std::string("tokenizer.ggml.") + name + "_token_id", static_cast<uint32_t>(id));
  }
  if (own.is_object() && own.contains("add_bos_token") && own["add_bos_token"].is_boolean())
    writer.Add("tokenizer.ggml.add_bos_token", own["add_bos_token"].get<bool>());
  std::string chat = own.is_object() && own.contains("chat_template") && own["chat_template"].is_string()
                         ? own["chat_template"].get<std::string>()
                         : "";
  if (access((folder + "/chat_template.jinja").c_str(), F_OK) == 0)
    chat = ReadTextFile(folder + "/chat_template.jinja", kLargestFile);
  if (!chat.empty()) writer.Add("tokenizer.chat_template", chat);
}

}  // namespace

void AddTokenizer(const std::string& folder, const Json& config, GgufWriter& writer) {
  const Json tokenizer = ReadJson(folder + "/tokenizer.json");
  if (tokenizer.is_null()) {
    writer.Add("tokenizer.ggml.model", "no_vocab");
    return;
  }
  if (!tokenizer.is_object() || !tokenizer.contains("model") || tokenizer["model"].value("type", "") != "BPE") {
    throw Error("--gguf: " + folder + "/tokenizer.json is no BPE, which is the one kind that is written");
  }
  const bool byte_fallback = tokenizer["model"].value("byte_fallback", false);
  Tokens tokens = TokensOf(tokenizer, config.at("vocab_size").get<size_t>(), byte_fallback);
  const std::vector<std::string> merges = Merges(tokenizer);
  writer.Add("tokenizer.ggml.model", byte_fallback ? "llama" : "gpt2");
  if (!byte_fallback) writer.Add("tokenizer.ggml.pre", PreTokenizer(tokenizer));
  if (byte_fallback) {
    // There the better of two neighbours is merged first: the earlier a merge, the higher what it makes.
    std::map<std::string, size_t> ids;
    for (size_t id = 0; id < tokens.texts.size(); ++id) ids[tokens.texts[id]] = id;
    std::vector<bool> made(tokens.texts.size());
    for (size_t rank = 0; rank < merges.size(); ++rank) {
      std::string whole = merges[rank];
      whole.erase(whole.find(' '), 1);
      const auto found = ids.find(whole);
      if (found == ids.end() || made[found->second]) continue;
      made[found->second] = true;
      tokens.scores[found->second] = -static_cast<float>(rank + 1);
    }
    writer.Add("tokenizer.ggml.scores", tokens.scores);
    writer.Add("tokenizer.ggml.add_space_prefix", PrependsSpace(tokenizer));
  } else {
    writer.Add("tokenizer.ggml.merges", merges);
  }
  writer.Add("tokenizer.ggml.tokens", tokens.texts);
  writer.Add("tokenizer.ggml.token_type", tokens.kinds);
  AddSpecials(folder, config, tokens, writer);
}

}  // namespace horizon
