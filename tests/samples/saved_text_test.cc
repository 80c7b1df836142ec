// What a run saves of text is what it was trained with, and a tuned model stops where its turns end.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/samples/examples_support.h"

namespace horizon_test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// A base model's folder with the samples' tokenizer (<|endoftext|> 0, <|im_start|> 1, <|im_end|> 2) and template.
std::string BaseModel(const std::string& name, const json& eos = 0) {
  const std::string folder = FreshFolder(name), example = ExampleModel();
  fs::remove_all(folder);
  auto config = json::parse(ReadFile(example + "/config.json"));
  config["eos_token_id"] = 0;
  WriteFile(Scratch(name + ".json"), config.dump());
  EXPECT_EQ(Horizon({"export", "--config", Scratch(name + ".json"), "--save-dtype", "f32", "--out", folder}).status, 0);
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"})
    WriteFile(folder + "/" + file, ReadFile(example + "/" + file));
  if (!eos.is_null()) WriteFile(folder + "/generation_config.json", json{{"eos_token_id", eos}}.dump());
  return folder;
}

std::string Chats(const std::string& name, const std::vector<json>& records) {
  std::string text;
  for (const json& record : records) text += record.dump() + "\n";
  WriteFile(Scratch(name), text);
  return Scratch(name);
}

json Chat(const std::string& question, const std::string& answer) {
  return {{"messages", {{{"role", "user"}, {"content", question}}, {{"role", "assistant"}, {"content", answer}}}}};
}

Result Tune(const std::string& model, const std::string& data, const std::string& out, const Words& more = {}) {
  fs::remove_all(out);
  const Words words = With({"train", "--task", "sft"}, more);
  return Horizon(WithDefaults(words, {"--model", model, "--compute", "f32", "--threads",    "1", "--optimizer-threads", "1",
                                      "--data",  data,  "--seq-len", "64",  "--batch-size", "2", "--cache-dir",         "none",
                                      "--steps", "1",   "--out",     out}));
}

std::vector<int64_t> EosOf(const std::string& file) {
  const json value = json::parse(ReadFile(file)).at("eos_token_id");
  return value.is_array() ? value.get<std::vector<int64_t>>() : std::vector<int64_t>{value.get<int64_t>()};
}
using Ids = std::vector<int64_t>;

// The trained text of a record, by a folder alone.
std::string Mask(const std::string& model, const std::string& data) {
  return Horizon({"show-mask", "--model", model, "--data", data}).out;
}

TEST(SavedTextTest, TheTokenizerAndTheTemplateThatWereGivenAreSaved) {
  const std::string data = Chats("chats.jsonl", {Chat("number 0", "yes 0"), Chat("number 1", "yes 1")});
  const std::string with = BaseModel("has-both"), without = BaseModel("has-none");
  const std::string tok = FreshFolder("tok");
  fs::create_directories(tok);
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"}) fs::rename(without + "/" + file, tok + "/" + file);
  const std::string own = Scratch("own.jinja");
  WriteFile(own,
            "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% if m.role == 'assistant' %}<|im_end|>{% endif %}{% endfor %}"
            "{% if add_generation_prompt %}[assistant]{% endif %}");
  struct Case {
    std::string model;
    Words options;
    bool own;
  };
  const Case cases[] = {{with, {}, false},
                        {with, {"--template", own}, true},
                        {without, {"--tokenizer", tok}, false},
                        {without, {"--tokenizer", tok + "/tokenizer.json"}, false},
                        {without, {"--tokenizer", tok, "--template", own}, true}};
  for (const Case& one : cases) {
    const std::string out = Scratch("text-out");
    const Result result = Tune(one.model, data, out, one.options);
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(ReadFile(out + "/tokenizer.json"), ReadFile(tok + "/tokenizer.json"));
    const std::string mask = Mask(out, data);
    EXPECT_EQ(mask.find("[user]number 0[assistant]") != std::string::npos, one.own) << mask;
    EXPECT_EQ(mask.find("<|im_start|>user") != std::string::npos, !one.own) << mask;
    const json config = json::parse(ReadFile(out + "/tokenizer_config.json"));
    if (one.own) {
      EXPECT_EQ(ReadFile(out + "/chat_template.jinja"), ReadFile(own));
      EXPECT_TRUE(!config.contains("chat_template") || config["chat_template"] == ReadFile(own));
    }
  }
}

// Also of a checkpoint, and of a model without a folder.
TEST(SavedTextTest, ACheckpointHasItToo) {
  const std::string data = Chats("chats.jsonl", {Chat("number 0", "yes 0"), Chat("number 1", "yes 1")});
  const std::string model = ExampleModel(), ckpt = FreshFolder("text-ckpt"), out = Scratch("from-ckpt");
  const Result result = Horizon({"train",
                                 "--config",
                                 model + "/config.json",
                                 "--tokenizer",
                                 model,
                                 "--compute",
                                 "f32",
                                 "--task",
                                 "sft",
                                 "--data",
                                 data,
                                 "--seq-len",
                                 "64",
                                 "--batch-size",
                                 "2",
                                 "--cache-dir",
                                 "none",
                                 "--steps",
                                 "2",
                                 "--checkpoint-dir",
                                 ckpt});
  ASSERT_EQ(result.status, 0) << result.err;
  fs::remove_all(out);
  ASSERT_EQ(Horizon({"export", "--model", ckpt + "/step-000000000002", "--out", out}).status, 0);
  EXPECT_NE(Mask(out, data).find("⟦yes 0<|im_end|>⟧"), std::string::npos);
  EXPECT_EQ(EosOf(out + "/generation_config.json"), Ids{2});
}

// Names with a dot, and files in sub-folders, are a checkpoint's as well.
TEST(SavedTextTest, ACheckpointOfADownloadedFolderIsGood) {
  const std::string data = Chats("chats.jsonl", {Chat("number 0", "yes 0"), Chat("number 1", "yes 1")});
  const std::string model = BaseModel("downloaded"), ckpt = FreshFolder("downloaded-ckpt");
  WriteFile(model + "/.gitattributes", "x");
  WriteFile(model + "/README.md", "x");
  fs::create_directories(model + "/additional_chat_templates");
  WriteFile(model + "/additional_chat_templates/rag.jinja", "rag");
  const std::string out = Scratch("downloaded-out");
  ASSERT_EQ(Tune(model, data, out, {"--checkpoint-dir", ckpt}).status, 0);
  const Result more = Tune(model, data, out, {"--checkpoint-dir", ckpt, "--resume", "--steps", "2"});
  EXPECT_EQ(more.status, 0) << more.err;
  EXPECT_NE(more.out.find("resumed after step 1"), std::string::npos) << more.out;
  EXPECT_EQ(ReadFile(out + "/additional_chat_templates/rag.jinja"), "rag");
  EXPECT_EQ(ReadFile(out + "/.gitattributes"), "x");
}

TEST(SavedTextTest, WhatEndsTheTurnsEndsAGeneration) {
  const std::string data = Chats("chats.jsonl", {Chat("number 0", "yes 0"), Chat("number 1", "yes 1")});
  struct Case {
    json before;
    Ids after;
  };
  for (const Case& one : {Case{0, {0, 2}}, Case{json::array({5, 0}), {5, 0, 2}}, Case{nullptr, {0, 2}}}) {
    const std::string model = BaseModel("base-eos", one.before), out = Scratch("eos-out");
    const Result result = Tune(model, data, out);
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_NE(result.out.find("<|im_end|>"), std::string::npos) << result.out;
    EXPECT_EQ(EosOf(out + "/generation_config.json"), one.after);
    EXPECT_EQ(EosOf(out + "/config.json"), (Ids{0, 2}));
    const Result kept = Tune(model, data, out, {"--keep-eos"});
    EXPECT_NE(kept.err.find("<|im_end|>"), std::string::npos) << "it is said all the same";
    EXPECT_EQ(EosOf(out + "/config.json"), Ids{0});
    EXPECT_EQ(fs::exists(out + "/generation_config.json"), !one.before.is_null());
  }
  // A folder that stops there already is left as it is.
  const std::string chat = BaseModel("chat-eos", json::array({0, 2})), out = Scratch("eos-out");
  const Result result = Tune(chat, data, out);
  EXPECT_EQ(result.out.find("eos_token_id"), std::string::npos) << result.out;
  EXPECT_EQ(ReadFile(out + "/generation_config.json"), ReadFile(chat + "/generation_config.json"));
  EXPECT_EQ(EosOf(out + "/config.json"), Ids{0});
}

// transformers reads generation_config.json alone: where that says no id, those of config.json end nothing.
TEST(SavedTextTest, AFileThatSaysNoIdsGetsThem) {
  const std::string data = Chats("chats.jsonl", {Chat("number 0", "yes 0"), Chat("number 1", "yes 1")});
  const std::string model = BaseModel("unsaid-eos"), out = Scratch("unsaid-out");
  json config = json::parse(ReadFile(model + "/config.json"));
  config["eos_token_id"] = 2;
  WriteFile(model + "/config.json", config.dump());
  for (const std::string file : {"{}", R"({"do_sample": true})", R"({"eos_token_id": null})"}) {
    WriteFile(model + "/generation_config.json", file);
    const Result result = Tune(model, data, out);
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_NE(result.out.find("<|im_end|>"), std::string::npos) << result.out;
    EXPECT_EQ(EosOf(out + "/generation_config.json"), Ids{2}) << file;
  }
}

// A token that stands inside turns would cut them off; one that ends no last turn may end messages only.
TEST(SavedTextTest, ATokenThatStandsInsideTurnsDoesNotStopThem) {
  const std::string model = BaseModel("inside"), out = Scratch("inside-out"), own = Scratch("channels.jinja");
  // Thought and answer are messages of their own, as gpt-oss writes them: <|im_end|> behind the first, <|endoftext|> behind the
  // second.
  WriteFile(own,
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' and m.thinking %}{{ m.thinking "
            "}}<|im_end|>final {% endif %}"
            "{{ m.content }}{% if m.role == 'assistant' and loop.last %}<|endoftext|>{% else %}<|im_end|>{% endif %}{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}");
  json record = Chat("number 0", "yes 0");
  record["messages"][1]["thinking"] = "zero";
  WriteFile(model + "/generation_config.json", R"({"eos_token_id": 7})");
  const Result result = Tune(model, Chats("thoughts.jsonl", {record, record}), out, {"--template", own});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(EosOf(out + "/generation_config.json"), (Ids{7, 0}));
}

TEST(SavedTextTest, TurnsWithoutAStopAreTold) {
  const std::string model = BaseModel("no-stop"), out = Scratch("no-stop-out"), own = Scratch("no-stop.jinja");
  WriteFile(
      own,
      "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}");
  const std::string data = Chats("chats.jsonl", {Chat("number 0", "yes 0"), Chat("number 1", "yes 1")});
  const Result result = Tune(model, data, out, {"--template", own});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.err.find("2 of 2 trained turns do not end with an added token"), std::string::npos) << result.err;
  EXPECT_EQ(EosOf(out + "/generation_config.json"), Ids{0});
}

TEST(SavedTextTest, GenerateStopsAndChats) {
  const std::string model = BaseModel("learn"), out = Scratch("learned");
  const std::string data = Chats("one.jsonl", {Chat("number 0", "yes 0"), Chat("number 0", "yes 0")});
  ASSERT_EQ(Tune(model, data, out, {"--steps", "120", "--lr", "1e-2"}).status, 0);
  const auto generate = [&](const Words& more) {
    const Result result =
        Horizon(With({"generate", "--model", out, "--compute", "f32", "--max-new-tokens", "24", "--json"}, more));
    EXPECT_EQ(result.status, 0) << result.err;
    return result.Lines().back();
  };
  const json answer = generate({"--prompt", "number 0", "--chat"});
  EXPECT_EQ(answer["text"], "yes 0");
  EXPECT_EQ(answer["ids"].back(), 2);
  EXPECT_EQ(std::count(answer["ids"].begin(), answer["ids"].end(), 2), 1);
  EXPECT_EQ(generate({"--prompt", "number 0", "--chat", "--ignore-eos"})["ids"].size(), 24u);
  // The same prompt, rendered by hand.
  EXPECT_EQ(generate({"--prompt", "<|im_start|>user\nnumber 0<|im_end|>\n<|im_start|>assistant\n"}), answer);
  const std::string plain = BaseModel("no-template");
  WriteFile(plain + "/tokenizer_config.json", "{}");
  const Result refused = Horizon({"generate", "--model", plain, "--prompt", "a", "--chat"});
  EXPECT_EQ(refused.status, 1);
  ExpectOneErrorLine(refused, {"no chat template"});
}

// One table: on the terminal, in the log and in the report.
TEST(SavedTextTest, WhatBecameOfTheRecordsIsToldAtTheStart) {
  const std::string model = BaseModel("account"), out = Scratch("account-out");
  json noted = Chat("number 0", "yes 0"), call = Chat("number 1", "yes 1"), empty = Chat("number 2", "");
  noted["source_url"] = "somewhere";
  const std::string data = Chats("account.jsonl", {noted, noted, empty, call});
  const Result result = Tune(model, data, out, {"--log-json", Scratch("account.json"), "--report", Scratch("account.html")});
  ASSERT_EQ(result.status, 0) << result.err;
  const std::string page = ReadFile(Scratch("account.html"));
  const json first = Curve(Scratch("account.json")).front();
  ASSERT_TRUE(first.contains("account")) << first;
  EXPECT_EQ(first["step"], 0);
  for (const char* part :
       {"2 records unused: the member", "source_url", "1 record dropped: their answers are empty", "account.jsonl:1"}) {
    EXPECT_NE(result.out.find(part), std::string::npos) << part << " not in " << result.out;
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
  EXPECT_LT(result.out.find("beside reading the records"), result.out.find("step 1/1"));
  const Result scored = Horizon({"logprobs", "--model", model, "--compute", "f32", "--task", "sft", "--data", data, "--seq-len",
                                 "64", "--cache-dir", "none"});
  EXPECT_EQ(scored.status, 0);
  EXPECT_NE(scored.err.find("source_url"), std::string::npos) << scored.err;
  EXPECT_EQ(scored.Lines().size(), 3u) << "standard output has the lines alone";
}

TEST(SavedTextTest, WhatBecameOfHeldOutRecordsIsToldBesideIt) {
  const std::string model = BaseModel("held-account"), out = Scratch("held-account-out");
  json noted = Chat("number 0", "yes 0");
  noted["source_url"] = "somewhere";
  const std::string data = Chats("held-train.jsonl", {Chat("number 1", "yes 1"), Chat("number 3", "yes 3")});
  const std::string held = Chats("held-eval.jsonl", {noted, Chat("number 2", "")});
  const Words logs = {"--log-json", Scratch("held.json"), "--report", Scratch("held.html")};
  const Result result = Tune(model, data, out, With({"--eval-data", held}, logs));
  ASSERT_EQ(result.status, 0) << result.err;
  const json account = Curve(Scratch("held.json")).front().at("account");
  ASSERT_EQ(account.size(), 2u) << account;
  for (const json& row : account) EXPECT_EQ(row.at("held_out"), true) << row;
  const std::string page = ReadFile(Scratch("held.html"));
  for (const char* part : {"held out: 1 record unused: the member", "held out: 1 record dropped: their answers are empty"}) {
    EXPECT_NE(result.out.find(part), std::string::npos) << part << " not in " << result.out;
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
  // A part of the same set is in its account already.
  std::vector<json> many;
  for (int i = 0; i < 16; ++i) {
    many.push_back(Chat("number " + std::to_string(i), "yes"));
    many.back()["source_url"] = "somewhere";
  }
  const Result fraction = Tune(model, Chats("held-many.jsonl", many), out, With({"--eval-fraction", "0.5"}, logs));
  ASSERT_EQ(fraction.status, 0) << fraction.err;
  EXPECT_NE(fraction.out.find("16 records unused: the member"), std::string::npos) << fraction.out;
  EXPECT_EQ(fraction.out.find("held out: 1"), std::string::npos) << fraction.out;
}

TEST(SavedTextTest, ATemplateThatDropsWordsIsTold) {
  const std::string model = BaseModel("cuts"), out = Scratch("cuts-out"), own = Scratch("cuts.jinja");
  WriteFile(own,
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content.split('</think>')[-1] }}<|im_end|>\n{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}");
  const std::string data =
      Chats("thought.jsonl", {Chat("number 0", "<think>zero it is</think>yes 0"), Chat("number 1", "yes 1")});
  const Result result = Tune(model, data, out, {"--template", own});
  ASSERT_EQ(result.status, 0) << result.err;
  for (const char* part : {"1 record cut: the template leaves out", "characters of their content", "training form"})
    EXPECT_NE(result.out.find(part), std::string::npos) << part << " not in " << result.out;
}

// A folder whose generation_config.json does not say what ends a generation: whoever generates is told, others go on.
TEST(SavedTextTest, IdsThatAreNoneAreToldToWhoGenerates) {
  const std::string model = BaseModel("no-ids");
  for (const auto& [ids, said] : {std::pair("\"2\"", "eos_token_id is \"2\""), std::pair("NaN", "eos_token_id is NaN"),
                                  std::pair("[0, 900000]", "eos_token_id has 900000, which lies outside the vocabulary [0, ")}) {
    WriteFile(model + "/generation_config.json", std::string("{\"eos_token_id\": ") + ids + "}");
    const Words generate = {"generate", "--model", model, "--compute", "f32", "--prompt", "a", "--max-new-tokens", "1"};
    const Result told = Horizon(generate);
    EXPECT_EQ(told.status, 1) << told.out;
    EXPECT_NE(told.err.find(model + "/generation_config.json: " + said), std::string::npos) << told.err;
    EXPECT_EQ(Horizon(With(generate, {"--ignore-eos"})).status, 0);
  }
}

}  // namespace
}  // namespace horizon_test
