// Chat templates through the C ABI.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "tests/c_api/handles.h"

namespace hlm_test {
namespace {

using Template = std::unique_ptr<hlm_template, Destroyer<hlm_template, hlm_template_destroy>>;

constexpr const char* kChat =
    "{%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}";
constexpr const char* kMessages = R"([{"role": "user", "content": "Hé"}, {"role": "assistant", "content": "Hi"}])";

Template Make(const char* text) {
  hlm_template* made = nullptr;
  EXPECT_OK(hlm_template_create(text, &made));
  return Template(made);
}

std::string Render(const hlm_template* chat, const char* messages, const hlm_template_options* options = nullptr) {
  char* text = nullptr;
  const std::string failure = Text(hlm_template_render(chat, messages, options, &text));
  const String owner(text);
  return failure.empty() ? text : failure;
}

std::string RenderTraining(const hlm_template* chat, const char* messages, const hlm_template_options* options = nullptr) {
  char* text = nullptr;
  const std::string failure = Text(hlm_template_render_training(chat, messages, options, &text));
  const String owner(text);
  return failure.empty() ? text : failure;
}

hlm_template_options Options() {
  hlm_template_options options;
  hlm_template_options_init(&options);
  return options;
}

TEST(TemplateApi, Renders) {
  const Template chat = Make(kChat);
  EXPECT_EQ(Render(chat.get(), kMessages), "<|im_start|>user\nHé<|im_end|>\n<|im_start|>assistant\nHi<|im_end|>\n");
  hlm_template_options options = Options();
  options.add_generation_prompt = 1;
  EXPECT_EQ(Render(chat.get(), "[]", &options), "<|im_start|>assistant\n");
}

TEST(TemplateApi, OptionsReachTheTemplate) {
  const Template chat =
      Make("{{ tools|length if tools is not none else 'no' }} {{ x }} {{ strftime_now('%d %b %Y %H') }} {{ documents }}");
  hlm_template_options options = Options();
  options.tools_json = R"([{"type": "function"}])";
  options.variables_json = R"({"x": [1, "a"]})";
  options.documents_json = R"(["d"])";
  options.date = "2024-02-29 13:00:00";
  EXPECT_EQ(Render(chat.get(), "[]", &options), "1 [1, 'a'] 29 Feb 2024 13 ['d']");
  options.tools_json = nullptr;
  options.date = "2023-02-29";
  ExpectError(hlm_template_render(chat.get(), "[]", &options, reinterpret_cast<char**>(&options)), HLM_INVALID_ARGUMENT,
              {"2023-02-29", "YYYY-MM-DD"});
}

TEST(TemplateApi, TrainingHasProvedRanges) {
  const Template chat = Make(kChat);
  EXPECT_EQ(RenderTraining(chat.get(), kMessages),
            R"({"method":"spans","sequences":[{"text":"<|im_start|>user\nHé<|im_end|>\n<|im_start|>assistant\nHi<|im_end|>\n",)"
            R"("trained":[[53,65]],"messages":[1],"input":[[12,16],[17,20],[43,52],[53,55]],"without_stop":0}]})");
  hlm_template_options options = Options();
  options.train_on = HLM_TRAIN_ON_ALL;
  EXPECT_NE(RenderTraining(chat.get(), kMessages, &options).find(R"("trained":[[0,66]])"), std::string::npos);
  ExpectError(hlm_template_render_training(chat.get(), R"([{"role": "user", "content": "x"}])", nullptr,
                                           reinterpret_cast<char**>(&options)),
              HLM_INVALID_ARGUMENT, {"nothing to train on"});
  ExpectError(hlm_template_render_training(
                  chat.get(), R"([{"role": "user", "content": "x"}, {"role": "assistant", "content": "y", "weight": 0}])",
                  nullptr, reinterpret_cast<char**>(&options)),
              HLM_INVALID_ARGUMENT, {"nothing to train on"});
}

// What a template leaves out is told, with what would keep it.
TEST(TemplateApi, TellsWhatATemplateLeavesOut) {
  const Template chat = Make(kChat);
  EXPECT_NE(RenderTraining(
                chat.get(),
                R"([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "thinking": "why so", "tool_calls": [
                                           {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"k": "v", "n": 1}}}]}])")
                .find(R"("without_stop":0,"dropped":[{"message":1,"field":"reasoning","characters":5},)"
                      R"({"message":1,"field":"tool_calls","characters":4}],"unroll_keeps":0})"),
            std::string::npos);
  EXPECT_EQ(RenderTraining(chat.get(), kMessages).find("dropped"), std::string::npos);
  const Template tags = Make(
      "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% else %}{% generation %}{% if loop.last %}{{ "
      "m.reasoning_content }}"
      "{% endif %}{{ m.content }}.{% endgeneration %}{% endif %}{% endfor %}");
  EXPECT_NE(
      RenderTraining(tags.get(), R"([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "reasoning": "one"},
                                           {"role": "user", "content": "r"}, {"role": "assistant", "content": "b", "reasoning": "two"}])")
          .find(R"("dropped":[{"message":1,"field":"reasoning","characters":3}],"unroll_keeps":3)"),
      std::string::npos);
}

TEST(TemplateApi, ArgumentsOfToolCalls) {
  const Template chat = Make("{% for m in messages %}{{ m.tool_calls[0].function.arguments | tojson }}{% endfor %}");
  const auto render = [&](const std::string& arguments, int32_t parse, int32_t drop) {
    hlm_template_options options = Options();
    options.parse_arguments = parse;
    options.drop_null_arguments = drop;
    return Render(chat.get(),
                  (R"([{"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": )" +
                   arguments + "}}]}]")
                      .c_str(),
                  &options);
  };
  EXPECT_EQ(render(R"("{\"a\":1}")", 0, 0), R"("{\"a\":1}")");
  EXPECT_EQ(render(R"("{\"a\":1}")", 1, 0), R"({"a": 1})");
  EXPECT_EQ(render(R"("")", 1, 0), "{}");
  EXPECT_EQ(render(R"("")", 0, 1), R"("")");
  EXPECT_EQ(render(R"("{\"a\":null}")", 1, 1), R"({"a": null})");
  EXPECT_EQ(render(R"({"a":null,"b":[null]})", 0, 0), R"({"a": null, "b": [null]})");
  EXPECT_EQ(render(R"({"a":null,"b":[null]})", 0, 1), R"({"b": [null]})");
  EXPECT_NE(render(R"("{")", 1, 0).find("message 0: the arguments of the tool call f: not valid JSON"), std::string::npos);
  EXPECT_NE(render("{}", 2, 0).find("parse_arguments is 2"), std::string::npos);
}

TEST(TemplateApi, RefusesWhatItCannotUse) {
  hlm_template* made = nullptr;
  ExpectError(hlm_template_create(nullptr, &made), HLM_INVALID_ARGUMENT, {"text", "NULL"});
  ExpectError(hlm_template_create("x", nullptr), HLM_INVALID_ARGUMENT, {"out_template", "NULL"});
  ExpectError(hlm_template_create("a\n{% for %}", &made), HLM_INVALID_ARGUMENT, {"line 2"});
  ExpectError(hlm_template_create("{% include 'x' %}", &made), HLM_UNIMPLEMENTED, {"include"});
  ExpectError(hlm_template_open("/nowhere/at/all", &made), HLM_NOT_FOUND, {"/nowhere/at/all"});
  EXPECT_EQ(made, nullptr);
  const Template chat = Make(kChat);
  char* out = nullptr;
  for (const char* messages :
       {"", "{}", "[1]", "[{}]", "[{\"role\": 1}]", "[{\"role\": \"user\", \"content\": \"\\ud83d\"}]", "[", "nul"}) {
    ExpectError(hlm_template_render(chat.get(), messages, nullptr, &out), HLM_INVALID_ARGUMENT, {"message"});
  }
  ExpectError(hlm_template_render(nullptr, "[]", nullptr, &out), HLM_INVALID_ARGUMENT, {"chat_template"});
  hlm_template_options options = Options();
  options.train_on = 9;
  ExpectError(hlm_template_render_training(chat.get(), kMessages, &options, &out), HLM_INVALID_ARGUMENT,
              {"train_on", "9", "ASSISTANT"});
  options = Options();
  options.max_depth = 601;
  ExpectError(hlm_template_render(chat.get(), kMessages, &options, &out), HLM_INVALID_ARGUMENT, {"max_depth", "601"});
  options = Options();
  options.max_iterations = std::numeric_limits<int64_t>::max();
  ExpectError(hlm_template_render(chat.get(), kMessages, &options, &out), HLM_INVALID_ARGUMENT,
              {"max_iterations is 9223372036854775807", "1 to 1000000000000000"});
  options = Options();
  options.max_iterations = 1'000'000'000'000'000;
  ASSERT_EQ(hlm_template_render(chat.get(), kMessages, &options, &out), nullptr);
  hlm_string_destroy(out);
  out = nullptr;
  options = Options();
  options.max_output_bytes = 10;
  ExpectError(hlm_template_render(chat.get(), kMessages, &options, &out), HLM_RESOURCE_EXHAUSTED, {"max_output_bytes = 10"});
  options = Options();
  options.variables_json = "[1]";
  ExpectError(hlm_template_render(chat.get(), kMessages, &options, &out), HLM_INVALID_ARGUMENT, {"variables"});
  options = Options();
  options.name = "rag";
  ExpectError(hlm_template_render(chat.get(), kMessages, &options, &out), HLM_NOT_FOUND, {"rag", "default"});
  EXPECT_EQ(out, nullptr);
  hlm_template_destroy(nullptr);
}

class Folder {
 public:
  Folder() {
    std::string pattern = std::string(std::getenv("TEST_TMPDIR")) + "/templateXXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  void Write(const std::string& name, const std::string& text) const {
    const std::string path = path_ + "/" + name;
    if (const size_t slash = name.find('/'); slash != std::string::npos) {
      EXPECT_EQ(std::system(("mkdir -p " + path_ + "/" + name.substr(0, slash)).c_str()), 0);
    }
    std::FILE* file = std::fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr);
    std::fputs(text.c_str(), file);
    std::fclose(file);
  }
  const char* path() const { return path_.c_str(); }

 private:
  std::string path_;
};

TEST(TemplateApi, AddedTokensThatAreNoJsonAreSaidWithTheirFile) {
  const Folder folder;
  folder.Write("tokenizer_config.json", R"({"chat_template": "x"})");
  hlm_template* made = nullptr;
  // A file may begin with a byte order mark.
  folder.Write("tokenizer.json", "\xef\xbb\xbf{\"added_tokens\": []}");
  ASSERT_OK(hlm_template_open(folder.path(), &made));
  hlm_template_destroy(made);
  for (const char* text :
       {R"({"added_tokens": [{"id" 2}]})", R"({"added_tokens": [], "model": {)", R"({"added_tokens": []} x)"}) {
    folder.Write("tokenizer.json", text);
    ExpectError(hlm_template_open(folder.path(), &made), HLM_INVALID_ARGUMENT, {"tokenizer.json", "at byte"});
  }
}

// tokenizer_config.json may name some of the added tokens only: those of tokenizer.json end turns as well.
TEST(TemplateApi, AddedTokensAreThoseOfBothFiles) {
  const Folder folder;
  folder.Write("tokenizer_config.json",
               R"({"eos_token": "</s>", "added_tokens_decoder": {"2": {"content": "</s>"}, "7": {"content": "<|eot|>"}},
      "chat_template": "{% for m in messages %}{{ m.content }}<|im_end|>{{ '\\n' }}{% endfor %}"})");
  folder.Write("tokenizer.json",
               R"({"truncation": {"max_length": 1000000000000000000019884624838656, "n": NaN},
      "added_tokens": [{"id": 2, "content": "</s>"}, {"id": 5, "content": "<|im_end|>"}], "model": {}})");
  folder.Write("generation_config.json", R"({"eos_token_id": [2, 5]})");
  hlm_template* made = nullptr;
  ASSERT_OK(hlm_template_open(folder.path(), &made));
  const Template chat(made);
  char* json = nullptr;
  ASSERT_OK(hlm_template_describe(chat.get(), &json));
  const std::string described = String(json).get();
  EXPECT_NE(described.find(R"("added_tokens":["<|im_end|>","<|eot|>","</s>"],"stop_tokens":["</s>","<|im_end|>"])"),
            std::string::npos)
      << described;
  ASSERT_OK(hlm_template_render_training(
      chat.get(), R"([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}])", nullptr, &json));
  const std::string training = String(json).get();
  EXPECT_NE(training.find(R"("trained":[[12,23]])"), std::string::npos) << training;
  EXPECT_NE(training.find(R"("without_stop":0)"), std::string::npos) << training;
}

// What transformers (5.24) gives a template: tokens with a role, a model's own too, and no lists of them. special_tokens_map.json
// stands above tokenizer_config.json, but beside "added_tokens_decoder" it does not count.
TEST(TemplateApi, TheTokensWithARoleAreVariables) {
  constexpr const char* kPrint =
      "{{ bos_token }}|{{ eos_token }}|{{ image_token }}|{{ think_end }}|{{ foo_token }}|{{ vision_token }}|"
      "{{ additional_special_tokens }}{{ extra_special_tokens }}{{ add_bos_token }}";
  const std::pair<const char*, const char*> cases[] = {
      {R"({"bos_token": "<s>", "eos_token": "</s>", "image_token": "<img>", "additional_special_tokens": ["<x>"],
           "add_bos_token": true, "foo_token": {"__type": "AddedToken", "content": "<aud>"}})",
       "<s>|</s>|<img>||<aud>|<v>|"},
      {R"({"bos_token": "<x>", "extra_special_tokens": {"image_token": "<img>", "think_end": "<x>"}})",
       "<s>|</s>|<img>|<x>||<v>|"},
      {R"({"bos_token": "<x>", "extra_special_tokens": ["<x>"], "added_tokens_decoder": {}})", "<x>||||||"},
      {R"({"eos_token": "<x>", "model_specific_special_tokens": {"think_end": "<t>"}, "added_tokens_decoder": {}})",
       "|<x>||<t>|||"},
  };
  const Folder folder;
  folder.Write("special_tokens_map.json", R"({"bos_token": "<s>", "eos_token": {"content": "</s>"}, "vision_token": "<v>"})");
  folder.Write("chat_template.jinja", kPrint);
  for (const auto& [config, printed] : cases) {
    folder.Write("tokenizer_config.json", config);
    hlm_template* made = nullptr;
    ASSERT_OK(hlm_template_open(folder.path(), &made));
    EXPECT_EQ(Render(Template(made).get(), "[]"), printed) << config;
  }
}

// A file or a text alone, with a tokenizer, is what the folder of both is.
TEST(TemplateApi, ATokenizerGivesATemplateItsTokens) {
  const Folder folder;
  folder.Write("tokenizer.json",
               R"({"added_tokens": [{"id": 0, "content": "<s>", "special": true}, {"id": 1, "content": "</s>", "special": true},
      {"id": 2, "content": "<|end|>", "special": true}, {"id": 3, "content": "<|user|>", "special": false}],
      "model": {"type": "BPE", "vocab": {"<s>": 0, "</s>": 1, "<|end|>": 2, "<|user|>": 3, "a": 4}, "merges": []}})");
  folder.Write("tokenizer_config.json", R"({"bos_token": "<s>", "eos_token": "</s>", "turn_token": "<|user|>"})");
  folder.Write("generation_config.json", R"({"eos_token_id": [1, 2]})");
  constexpr const char* kTwo = R"([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"},
      {"role": "user", "content": "r"}, {"role": "assistant", "content": "b"}])";
  struct Case {
    const char* text;
    const char* rendered;
    const char* trained;
  };
  const Case cases[] = {
      // What stands behind a token that ends a generation belongs to no turn.
      {"{{ bos_token }}{% for m in messages %}{{ m.content }}<|end|><|user|>{% endfor %}",
       "<s>q<|end|><|user|>a<|end|><|user|>r<|end|><|user|>b<|end|><|user|>", R"("trained":[[19,27],[51,59]])"},
      // The end of a turn is printed by the next one.
      {"{% for m in messages %}{% if m.role == 'user' %}<|end|>{% else %};{% endif %}{{ m.content }}{% endfor %}"
       "{% if add_generation_prompt %};{% endif %}",
       "<|end|>q;a<|end|>r;b", R"("trained":[[9,17],[19,20]])"},
      {"{% for m in messages %}{{ m.content }}{{ eos_token }} so it ends.\n{% endfor %}",
       "q</s> so it ends.\na</s> so it ends.\nr</s> so it ends.\nb</s> so it ends.\n", R"("trained":[[18,23],[54,59]])"},
      {"{% for m in messages %}{{ m.content }}<|end|>{{ turn_token }}{% endfor %}",
       "q<|end|><|user|>a<|end|><|user|>r<|end|><|user|>b<|end|><|user|>", R"("trained":[[16,24],[48,56]])"},
  };
  hlm_tokenizer* opened = nullptr;
  ASSERT_OK(hlm_tokenizer_open(folder.path(), &opened));
  const std::unique_ptr<hlm_tokenizer, Destroyer<hlm_tokenizer, hlm_tokenizer_destroy>> tokenizer(opened);
  const auto describe = [](const hlm_template* chat) {
    char* json = nullptr;
    EXPECT_OK(hlm_template_describe(chat, &json));
    return std::string(String(json).get());
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.text);
    folder.Write("chat_template.jinja", one.text);
    hlm_template *own = nullptr, *with = nullptr;
    ASSERT_OK(hlm_template_open(folder.path(), &own));
    const Template of_folder(own);
    ASSERT_OK(hlm_template_with_tokenizer(Make(one.text).get(), tokenizer.get(), &with));
    const Template of_text(with);
    EXPECT_EQ(Render(of_text.get(), kTwo), one.rendered);
    EXPECT_NE(RenderTraining(of_text.get(), kTwo).find(one.trained), std::string::npos) << RenderTraining(of_text.get(), kTwo);
    EXPECT_EQ(RenderTraining(of_text.get(), kTwo), RenderTraining(of_folder.get(), kTwo));
    EXPECT_EQ(describe(of_text.get()), describe(of_folder.get()));
    // Once more, and on top of a folder's own tokens, nothing changes.
    ASSERT_OK(hlm_template_with_tokenizer(of_folder.get(), tokenizer.get(), &with));
    EXPECT_EQ(describe(Template(with).get()), describe(of_folder.get()));
  }
  hlm_template* made = nullptr;
  const Template text = Make("x");
  ExpectError(hlm_template_with_tokenizer(nullptr, tokenizer.get(), &made), HLM_INVALID_ARGUMENT, {"chat_template", "NULL"});
  ExpectError(hlm_template_with_tokenizer(text.get(), nullptr, &made), HLM_INVALID_ARGUMENT, {"tokenizer", "NULL"});
  ExpectError(hlm_template_with_tokenizer(text.get(), tokenizer.get(), nullptr), HLM_INVALID_ARGUMENT, {"out_template", "NULL"});
  folder.Write("generation_config.json", R"({"eos_token_id": "</s>"})");
  ASSERT_OK(hlm_tokenizer_open(folder.path(), &opened));
  const std::unique_ptr<hlm_tokenizer, Destroyer<hlm_tokenizer, hlm_tokenizer_destroy>> unsaid(opened);
  ExpectError(hlm_template_with_tokenizer(text.get(), unsaid.get(), &made), HLM_INVALID_ARGUMENT,
              {"generation_config.json: eos_token_id is \"</s>\""});
}

// An id that is none would be no stop token, and nobody would know.
TEST(TemplateApi, IdsThatEndAGenerationAreIds) {
  const Folder folder;
  folder.Write("chat_template.jinja", "J");
  hlm_template* made = nullptr;
  for (const auto& [ids, said] : {std::pair("NaN", "is NaN"), std::pair("\"2\"", "is \"2\""), std::pair("[2, 2.5]", "has 2.5")}) {
    folder.Write("generation_config.json", std::string("{\"eos_token_id\": ") + ids + "}");
    ExpectError(hlm_template_open(folder.path(), &made), HLM_INVALID_ARGUMENT, {"generation_config.json: eos_token_id ", said});
  }
  for (const char* ids : {"null", "[]", "2", "[2, 900000]"}) {
    folder.Write("generation_config.json", std::string("{\"temperature\": NaN, \"eos_token_id\": ") + ids + "}");
    ASSERT_OK(hlm_template_open(folder.path(), &made));
    const Template chat(made);
  }
}

// Processors of pictures and text have a file of their own for it, which is read where there is no other.
TEST(TemplateApi, AProcessorsTemplateIsReadWhereThereIsNoOther) {
  const Folder folder;
  folder.Write("chat_template.json", R"({"chat_template": "P"})");
  hlm_template* made = nullptr;
  ASSERT_OK(hlm_template_open(folder.path(), &made));
  Template chat(made);
  EXPECT_EQ(Render(chat.get(), "[]"), "P");
  folder.Write("tokenizer_config.json", R"({"chat_template": "T"})");
  ASSERT_OK(hlm_template_open(folder.path(), &made));
  chat.reset(made);
  EXPECT_EQ(Render(chat.get(), "[]"), "T");
}

TEST(TemplateApi, FoldersKeepTemplatesWhereHuggingFaceDoes) {
  const Folder folder;
  folder.Write("tokenizer_config.json", R"({"bos_token": "<s>", "eos_token": {"content": "</s>"},
      "added_tokens_decoder": {"7": {"content": "<|eot|>", "special": true}},
      "chat_template": [{"name": "default", "template": "D{{ bos_token }}"}, {"name": "tool_use", "template": "T{{ eos_token }}"}]})");
  folder.Write("generation_config.json", R"({"eos_token_id": [7, 9]})");
  hlm_template* made = nullptr;
  ASSERT_OK(hlm_template_open(folder.path(), &made));
  Template chat(made);
  EXPECT_EQ(Render(chat.get(), "[]"), "D<s>");
  hlm_template_options options = Options();
  options.tools_json = "[]";
  EXPECT_EQ(Render(chat.get(), "[]", &options), "T</s>");
  options.name = "default";
  EXPECT_EQ(Render(chat.get(), "[]", &options), "D<s>");
  char* json = nullptr;
  ASSERT_OK(hlm_template_describe(chat.get(), &json));
  EXPECT_STREQ(String(json).get(),
               R"({"names":["default","tool_use"],"generation":[],"special_tokens":{"bos_token":"<s>","eos_token":"</s>"},)"
               R"("added_tokens":["<|eot|>","</s>"],"stop_tokens":["</s>","<|eot|>"]})");
  folder.Write("chat_template.jinja", "J");
  folder.Write("additional_chat_templates/rag.jinja", "R");
  ASSERT_OK(hlm_template_open(folder.path(), &made));
  chat.reset(made);
  EXPECT_EQ(Render(chat.get(), "[]"), "J");
  options.name = "rag";
  EXPECT_EQ(Render(chat.get(), "[]", &options), "R");
}

TEST(TemplateApi, ManyThreadsRenderFromOneHandle) {
  const Template chat = Make(kChat);
  const std::string expected = RenderTraining(chat.get(), kMessages);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) wrong += RenderTraining(chat.get(), kMessages) != expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace hlm_test
