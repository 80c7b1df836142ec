// Base models of the kinds that people have, tuned on two conversations and asked again by what was saved alone: the answer
// comes, and stops. tools/check_saved_folders.py asks transformers the same.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/samples/examples_support.h"
#include "tests/text/folder.h"

namespace horizon_test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Kind {
  std::string name;
  std::string chat_template;
  bool given = false;              // by --template; else it is the folder's
  std::vector<std::string> added;  // tokens, from 1024 on
  json records = json::array();    // the first one's question is asked
  std::string answer;              // its first turn
  std::string stop;                // what ends it
  std::string tokenizer = {};      // of tests/text/goldens: its folder's files instead of a tokenizer.json
  int64_t eos = 0;                 // of config.json
};

json Turn(const std::string& role, const std::string& content) { return {{"role", role}, {"content", content}}; }

json Chat(const std::string& question, const std::string& answer, const json& more = json::object()) {
  json turn = Turn("assistant", answer);
  turn.update(more);
  return {{"messages", {Turn("user", question), turn}}};
}

std::vector<Kind> Kinds() {
  const json plain = {Chat("number 0", "yes it is"), Chat("number 1", "no it is not")};
  json call = json::array();
  call.push_back({{"type", "function"}, {"function", {{"name", "look"}, {"arguments", "{\"place\": \"sea\"}"}}}});
  json called = Chat("number 0", "", {{"tool_calls", call}});
  called["messages"].push_back(Turn("tool", "salt"));
  called["messages"].push_back(Turn("assistant", "yes it is"));
  return {
      {"llama",
       "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% else %} {{ m.content }} {{ eos_token "
       "}}{% endif %}{% endfor %}",
       false,
       {},
       plain,
       " yes it is ",
       "<|endoftext|>"},
      {"llama_2",
       "{% for m in messages %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + m.content + ' [/INST]' }}{% else %}{{ ' ' + "
       "m.content + "
       "' ' + eos_token }}{% endif %}{% endfor %}",
       false,
       {},
       plain,
       "yes it is ",
       "</s>",
       "llama_2",
       2},
      {"zephyr",
       "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + eos_token + '\n' }}{% endfor %}{% if "
       "add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}",
       false,
       {},
       plain,
       "yes it is",
       "<|endoftext|>"},
      {"chatml",
       "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt "
       "%}<|im_start|>assistant\n{% endif %}",
       true,
       {},
       plain,
       "yes it is",
       "<|im_end|>"},
      {"reasoning",
       "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.reasoning_content and loop.last %}<think>\n{{ "
       "m.reasoning_content }}\n</think>\n\n{% endif %}"
       "{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
       false,
       {},
       {Chat("number 0", "yes it is", {{"reasoning", "zero"}}), Chat("number 1", "no it is not", {{"reasoning", "one"}})},
       "<think>\nzero\n</think>\n\nyes it is",
       "<|im_end|>"},
      {"channels",
       "{% for m in messages %}{% if m.tool_calls %}<|start|>assistant to={{ m.tool_calls[0].function.name }}<|message|>"
       "{{ m.tool_calls[0].function.arguments | tojson }}<|call|>{% elif m.role == 'assistant' %}<|start|>assistant<|message|>{{ "
       "m.content }}"
       "{% if loop.last and not add_generation_prompt %}<|return|>{% else %}<|end|>{% endif %}{% else %}<|start|>{{ m.role "
       "}}<|message|>{{ m.content }}<|end|>{% endif %}"
       "{% endfor %}{% if add_generation_prompt %}<|start|>assistant{% endif %}",
       false,
       {"<|start|>", "<|message|>", "<|end|>", "<|return|>", "<|call|>"},
       {called, Chat("number 1", "no it is not")},
       " to=look{\"place\": \"sea\"}",
       "<|call|>"},
  };
}

// A base model that stops at <|endoftext|>, and a length that no number holds, as transformers writes it.
std::string Base(const Kind& kind) {
  const std::string folder = FreshFolder("base-" + kind.name), example = ExampleModel();
  fs::remove_all(folder);
  auto config = json::parse(ReadFile(example + "/config.json"));
  config.update({{"eos_token_id", kind.eos}, {"vocab_size", 1040}, {"hidden_size", 64}, {"intermediate_size", 128}});
  WriteFile(Scratch("kind.json"), config.dump());
  EXPECT_EQ(Horizon({"export", "--config", Scratch("kind.json"), "--save-dtype", "f32", "--out", folder}).status, 0);
  if (!kind.given) WriteFile(folder + "/chat_template.jinja", kind.chat_template);
  if (!kind.tokenizer.empty()) {
    const std::string files = hlm::WriteGoldenFolder(kind.tokenizer);
    for (const char* name : {"tokenizer.model", "tokenizer_config.json"}) fs::copy_file(files + "/" + name, folder + "/" + name);
    return folder;
  }
  auto tokenizer = json::parse(ReadFile(example + "/tokenizer.json"));
  int64_t id = 1024;
  for (const std::string& token : kind.added) {
    tokenizer["added_tokens"].push_back({{"id", id++},
                                         {"content", token},
                                         {"single_word", false},
                                         {"lstrip", false},
                                         {"rstrip", false},
                                         {"normalized", false},
                                         {"special", true}});
  }
  WriteFile(folder + "/tokenizer.json", tokenizer.dump());
  WriteFile(folder + "/tokenizer_config.json",
            R"({"eos_token": "<|endoftext|>", "model_max_length": 1000000000000000019884624838656})");
  return folder;
}

class TunedKinds : public ::testing::TestWithParam<Kind> {};

TEST_P(TunedKinds, WhatWasSavedAnswersAndStops) {
  const Kind& kind = GetParam();
  const std::string base = Base(kind), out = FreshFolder("tuned-" + kind.name), data = Scratch("kind.jsonl"),
                    given = Scratch("given.jinja");
  fs::remove_all(out);
  std::string lines;
  for (const json& record : kind.records) lines += record.dump() + "\n";
  WriteFile(data, lines);
  WriteFile(given, kind.chat_template);
  const Words more = kind.given ? Words{"--template", given} : Words{};
  const Result tuned = Horizon(With(
      {"train",        "--model", base,          "--task", "sft",     "--data", data,   "--compute", "f32",   "--seq-len", "128",
       "--batch-size", "2",       "--cache-dir", "none",   "--steps", "150",    "--lr", "5e-3",      "--out", out},
      more));
  ASSERT_EQ(tuned.status, 0) << tuned.err;
  EXPECT_EQ(ReadFile(out + "/chat_template.jinja"), kind.chat_template);
  const std::string question = kind.records[0]["messages"][0]["content"];
  const Result asked = Horizon(
      {"generate", "--model", out, "--compute", "f32", "--chat", "--prompt", question, "--max-new-tokens", "60", "--json"});
  ASSERT_EQ(asked.status, 0) << asked.err;
  const json answer = asked.Lines().back();
  EXPECT_EQ(answer["text"], kind.answer);
  const std::string last = std::to_string(answer["ids"].back().get<int64_t>());
  EXPECT_EQ(Horizon({"tokenize", "--model", out, "--ids", last}).out, kind.stop + "\n") << answer;
  EXPECT_LT(answer["ids"].size(), 60u);
}

INSTANTIATE_TEST_SUITE_P(All, TunedKinds, ::testing::ValuesIn(Kinds()), [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace horizon_test
