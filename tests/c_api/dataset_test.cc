// Data sets through the C ABI, with a tokenizer and a template of this library.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "c_api/horizon_lm.h"

namespace {

// A byte-level tokenizer without merges: a token a byte, 256 to 258 for the special ones.
std::string TokenizerJson() {
  std::string vocab;
  int others = 0;
  for (int byte = 0; byte < 256; ++byte) {
    // GPT-2's alphabet: printable bytes stand for themselves, the others for code points from 256 on.
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const int code = printable ? byte : 256 + others++;
    char text[32];
    std::snprintf(text, sizeof(text), "%s\"\\u%04x\":%d", byte > 0 ? "," : "", static_cast<unsigned>(code), byte);
    vocab += text;
  }
  const auto added = [](int id, const char* content) {
    return R"({"id":)" + std::to_string(id) + R"(,"content":")" + content +
           R"(","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true})";
  };
  return R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[)" + added(256, "<|im_start|>") + "," +
         added(257, "<|im_end|>") + "," + added(258, "<|end|>") +
         R"(],"normalizer":null,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},)" +
         R"("post_processor":null,"decoder":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},"model":{"type":"BPE",)" +
         R"("dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"vocab":{)" +
         vocab + R"(},"merges":[]}})";
}

constexpr const char* kTemplate =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt "
    "%}<|im_start|>assistant\n{% endif %}";

struct Delete {
  void operator()(hlm_dataset* dataset) const { hlm_dataset_destroy(dataset); }
};
using Set = std::unique_ptr<hlm_dataset, Delete>;

class Datasets : public testing::Test {
 protected:
  Datasets() {
    std::string name = testing::TempDir() + "/datasets-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    Write("tokenizer.json", TokenizerJson());
    Write("tokenizer_config.json", R"({"eos_token": "<|end|>"})");
    Write("chat_template.jinja", kTemplate);
  }
  ~Datasets() override { std::filesystem::remove_all(folder_); }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << text;
    return folder_ + "/" + name;
  }
  // The code, and the message in message_.
  int32_t Open(const std::string& config, Set* out) {
    hlm_dataset* dataset = nullptr;
    const int32_t code = Code(hlm_dataset_open(config.c_str(), nullptr, nullptr, &dataset));
    out->reset(dataset);
    return code;
  }
  int32_t Code(hlm_error* error) {
    const int32_t code = hlm_error_code(error);
    message_ = hlm_error_message(error);
    hlm_error_destroy(error);
    return code;
  }
  std::string Config(const std::string& data, const std::string& more = "") const {
    return R"({"data": ")" + data + R"(", "model": ")" + folder_ + R"(", "seq_len": 128, "epochs": 1)" + more + "}";
  }
  hlm_dataset_batch Next(const Set& set, int64_t rows) {
    hlm_dataset_batch batch;
    hlm_dataset_batch_init(&batch);
    EXPECT_EQ(Code(hlm_dataset_next(set.get(), rows, &batch)), HLM_OK) << message_;
    return batch;
  }
  // Trained tokens as text; "$" for <|end|>, "E" for <|im_end|>.
  static std::string Trained(const hlm_dataset_batch& batch) {
    std::string text;
    for (size_t t = 0; t < batch.n_labels; ++t) {
      const int32_t label = batch.labels[t];
      if (label == -100) continue;
      text += label == 258 ? '$' : label == 257 ? 'E' : label == 256 ? 'S' : static_cast<char>(label);
    }
    return text;
  }
  std::string Position(const Set& set) {
    char* json = nullptr;
    EXPECT_EQ(Code(hlm_dataset_position(set.get(), &json)), HLM_OK);
    std::string text = json;
    hlm_string_destroy(json);
    return text;
  }
  std::string folder_, message_;
};

constexpr const char* kDialogue = R"({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]})";

// A template of a text that meets a tokenizer trains what the folder of both does; what ends a generation is in the cache's key.
TEST_F(Datasets, ATemplateOfATextTakesTheTokenizersTokens) {
  const char* templates[] = {
      "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|><|im_start|>\n{% endfor %}"
      "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
      "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }} bye\n{% endfor %}{% if add_generation_prompt "
      "%}assistant: {% endif %}",
      "{% for m in messages %}{{ m.role }}: {{ m.content }}<|im_end|> bye {{ eos_token }}\n{% endfor %}{% if "
      "add_generation_prompt %}assistant: {% endif %}"};
  const char* trained[] = {"yesE", "yes$", "yesE"};
  Write("generation_config.json", R"({"eos_token_id": [257, 258]})");
  const std::string data = Write("one.jsonl", kDialogue);
  hlm_tokenizer* tokenizer = nullptr;
  ASSERT_EQ(Code(hlm_tokenizer_open(folder_.c_str(), &tokenizer)), HLM_OK) << message_;
  for (size_t i = 0; i < 3; ++i) {
    SCOPED_TRACE(templates[i]);
    Write("chat_template.jinja", templates[i]);
    Set folder;
    ASSERT_EQ(Open(Config(data), &folder), HLM_OK) << message_;
    const hlm_dataset_batch of_folder = Next(folder, 1);
    EXPECT_EQ(Trained(of_folder), trained[i]);
    Write("chat_template.jinja", "{{ raise_exception('not this one') }}");
    hlm_template* text = nullptr;
    ASSERT_EQ(Code(hlm_template_create(templates[i], &text)), HLM_OK) << message_;
    const std::string alone = R"({"data": ")" + data + R"(", "seq_len": 128, "epochs": 1})";
    for (const auto& [config, given] :
         {std::pair(Config(data), static_cast<hlm_tokenizer*>(nullptr)), std::pair(alone, tokenizer)}) {
      hlm_dataset* opened = nullptr;
      ASSERT_EQ(Code(hlm_dataset_open(config.c_str(), given, text, &opened)), HLM_OK) << message_;
      const Set set(opened);
      const hlm_dataset_batch batch = Next(set, 1);
      EXPECT_EQ(std::vector<int32_t>(batch.ids, batch.ids + batch.n_ids),
                std::vector<int32_t>(of_folder.ids, of_folder.ids + of_folder.n_ids));
      EXPECT_EQ(Trained(batch), trained[i]);
    }
    hlm_template_destroy(text);
  }
  hlm_tokenizer_destroy(tokenizer);
  // The first of them once more, where <|im_end|> ends no generation: what was tokenized before is not read.
  Write("chat_template.jinja", templates[0]);
  Write("generation_config.json", R"({"eos_token_id": 258})");
  Set other;
  ASSERT_EQ(Open(Config(data), &other), HLM_OK) << message_;
  EXPECT_EQ(Trained(Next(other, 1)), "yesES");
}

// Words that a record gives its template stand in what it makes, or are told; a single one is a switch.
TEST_F(Datasets, TellWhatTheTemplatePrintsNoneOf) {
  Write("chat_template.jinja",
        "{{ style }}{% for m in messages %}<|im_start|>{{ m.content }}{% for c in m.tool_calls or [] %}{{ c | tojson }}{% endfor "
        "%}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>{% endif %}");
  const auto account = [&](const std::string& record) {
    Set set;
    EXPECT_EQ(Open(Config(Write("d.jsonl", record)), &set), HLM_OK) << message_;
    char* json = nullptr;
    EXPECT_EQ(Code(hlm_dataset_describe(set.get(), &json)), HLM_OK);
    const std::string text = json;
    hlm_string_destroy(json);
    return text;
  };
  const std::string turns = R"({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}], )";
  const std::string lost =
      account(turns + R"("chat_template_kwargs": {"style": "be brief", "mode": "like a pirate", "effort": "high"}})");
  EXPECT_NE(lost.find(R"("what":"template_argument","name":"mode","records":1,"amount":11)"), std::string::npos) << lost;
  for (const char* kept : {"\"style\"", "\"effort\""}) EXPECT_EQ(lost.find(kept), std::string::npos) << lost;
  // What is null of a call was put there by a table, beside its arguments as well as in them.
  const std::string call =
      R"({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "", "tool_calls": [{"id": null, )"
      R"("type": "function", "function": {"name": "f", "arguments": {"a": 1}, "strict": null}}]}]})";
  EXPECT_NE(account(call).find("\"null_arguments\""), std::string::npos);
  Set set;
  ASSERT_EQ(Open(Config(Write("d.jsonl", call)), &set), HLM_OK) << message_;
  const std::string trained = Trained(Next(set, 8));
  EXPECT_NE(trained.find(R"({"type": "function", "function": {"name": "f", "arguments": {"a": 1}}})"), std::string::npos)
      << trained;
}

// What was done to records on their way through a template stands in the account, and in what is trained.
TEST_F(Datasets, TellWhatATemplateLeavesOutAndWhatWasRepaired) {
  Write("chat_template.jinja",
        "{% for m in messages %}<|im_start|>{{ m.content.split('</think>')[-1] }}{% for c in m.tool_calls or [] %}{{ "
        "c.function.arguments | tojson }}"
        "{% endfor %}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>{% endif %}");
  const std::string data = Write(
      "d.jsonl", R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "<think>why</think>A"}]}
{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "B", "reasoning": "so so", "tool_calls": null}]}
{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]}]}
{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {"a": 2, "b": null}}}]}]}
)");
  const auto account = [&](const Set& set) {
    char* json = nullptr;
    EXPECT_EQ(Code(hlm_dataset_describe(set.get(), &json)), HLM_OK);
    const std::string text = json;
    hlm_string_destroy(json);
    const size_t begin = text.find("\"account\":");
    return text.substr(begin, text.find(']', begin) - begin);
  };
  Set set;
  ASSERT_EQ(Open(Config(data, R"(, "shuffle": false)"), &set), HLM_OK) << message_;
  EXPECT_EQ(Trained(Next(set, 8)), R"(AEBE{"a": 1}E{"a": 2}E)");
  const std::string told = account(set);
  for (const char* row : {R"("what":"template","name":"content","records":1,"amount":18)",
                          R"("what":"template","name":"reasoning","records":1,"amount":4)",
                          R"("what":"template","name":"tool_calls","records":2,"amount":2)",
                          R"("what":"tool_arguments","records":1,)", R"("what":"null_arguments","records":1,)", "d.jsonl:1"}) {
    EXPECT_NE(told.find(row), std::string::npos) << row << "\n" << told;
  }
  ASSERT_EQ(Open(Config(data, R"(, "shuffle": false, "tool_arguments": "keep", "null_arguments": "keep")"), &set), HLM_OK)
      << message_;
  EXPECT_EQ(Trained(Next(set, 8)), R"(AEBE"{\"a\":1}"E{"a": 2, "b": null}E)");
  EXPECT_EQ(account(set).find("arguments"), std::string::npos);
  EXPECT_EQ(Open(Config(data, R"(, "tool_arguments": "drop")"), &set), HLM_INVALID_ARGUMENT);
  EXPECT_EQ(message_, R"(tool_arguments is "drop"; legal are parse, keep)");
  // A template that puts arguments together as text says what keeps them.
  Write("chat_template.jinja",
        "{% for m in messages %}<|im_start|>{{ m.content }}{% for c in m.tool_calls or [] %}{{ 'f' + c.function.arguments }}{% "
        "endfor "
        "%}<|im_end|>{% endfor %}");
  EXPECT_EQ(Open(Config(data), &set), HLM_INVALID_ARGUMENT);
  EXPECT_NE(message_.find("d.jsonl:3: "), std::string::npos) << message_;
  EXPECT_NE(message_.find("tool_arguments \"keep\" leaves them"), std::string::npos) << message_;
}

// So is what else the record says: a system message, tools, members of messages; of a pair once.
// OpenAI's records from before tool_calls: the tokens, and those that are trained, are those of the same conversation in the form that
// templates know (Qwen2.5's lines for tools, calls and results).
TEST_F(Datasets, TheOlderFormOfCallsHasThePresentOnesTokens) {
  Write("chat_template.jinja",
        "{% for t in tools or [] %}{{ t | tojson }}{% endfor %}{% for m in messages %}{% if m.role == 'tool' %}<|im_start|>user\n"
        "<tool_response>{{ m.content }}</tool_response>{% else %}<|im_start|>{{ m.role }}\n{{ m.content or '' }}"
        "{% for c in m.tool_calls or [] %}<tool_call>{\"name\": \"{{ c.function.name }}\", \"arguments\": "
        "{{ c.function.arguments | tojson }}}</tool_call>{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}");
  const std::string function = R"({"name": "add", "arguments": "{\"x\": 1}"})",
                    described = R"({"name": "add", "parameters": {}})";
  const auto record = [](const std::string& tools, const std::string& call, const std::string& role) {
    return "{" + tools + R"(, "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": null, )" + call +
           R"(}, {"role": ")" + role + R"(", "name": "add", "content": "2"}, {"role": "assistant", "content": "it is 2"}]})";
  };
  const std::string older =
      Write("older.jsonl", record("\"functions\": [" + described + "]", "\"function_call\": " + function, "function"));
  const std::string present =
      Write("present.jsonl", record(R"("tools": [{"type": "function", "function": )" + described + "}]",
                                    R"("tool_calls": [{"type": "function", "function": )" + function + "}]", "tool"));
  const auto read = [&](const std::string& data) {
    Set set;
    EXPECT_EQ(Open(R"({"data": ")" + data + R"(", "model": ")" + folder_ + R"(", "seq_len": 512, "epochs": 1})", &set), HLM_OK)
        << message_;
    const hlm_dataset_batch batch = Next(set, 1);
    EXPECT_EQ(Trained(batch), R"(<tool_call>{"name": "add", "arguments": {"x": 1}}</tool_call>Eit is 2E)");
    char* json = nullptr;
    EXPECT_EQ(Code(hlm_dataset_describe(set.get(), &json)), HLM_OK);
    const std::string told = json;
    hlm_string_destroy(json);
    EXPECT_EQ(
        told.find("function_call and functions, OpenAI's older form, were read as tool_calls and tools") != std::string::npos,
        data == older)
        << told;
    return std::pair(std::vector<int32_t>(batch.ids, batch.ids + batch.n_ids),
                     std::vector<int32_t>(batch.labels, batch.labels + batch.n_labels));
  };
  EXPECT_EQ(read(older), read(present));
}

TEST_F(Datasets, TellWhatATemplateLeavesOutOfAnswersContext) {
  Write("chat_template.jinja",
        "{% for m in messages %}{% if m.role in ['user', 'assistant'] %}<|im_start|>{{ m.content }}<|im_end|>{% endif %}{% "
        "endfor %}"
        "{% if add_generation_prompt %}<|im_start|>{% endif %}");
  const auto account = [&](const std::string& records, const std::string& task) {
    Set set;
    EXPECT_EQ(Open(Config(Write("d.jsonl", records), R"(, "task": ")" + task + "\""), &set), HLM_OK) << message_;
    char* json = nullptr;
    EXPECT_EQ(Code(hlm_dataset_describe(set.get(), &json)), HLM_OK);
    const std::string text = json;
    hlm_string_destroy(json);
    return text.substr(text.find("\"account\":"));
  };
  const std::string sft = account(
      R"({"system": "be good", "tools": [{"name": "lookup"}], "messages": [{"role": "user", "content": "q", "mood": "sad", "name": "q"}, {"role": "assistant", "content": "yes"}]})",
      "sft");
  for (const char* row :
       {R"("what":"context","name":"system","records":1,"amount":6,)", R"("what":"tools","records":1,"amount":6,)",
        R"("did":"unused","what":"message_member","name":"mood","records":1,"amount":3,)"})
    EXPECT_NE(sft.find(row), std::string::npos) << row << "\n" << sft;
  EXPECT_EQ(sft.find(R"("name":"name")"), std::string::npos) << "its word is in the text: " << sft;
  const std::string pairs = account(R"({"system": "be good", "question": "q", "chosen": "yes", "rejected": "no"})", "dpo");
  EXPECT_NE(pairs.find(R"("what":"context","name":"system","records":1,"amount":6,)"), std::string::npos) << pairs;
}

TEST_F(Datasets, AnswersOfConversationsAreTrained) {
  Set set;
  ASSERT_EQ(Open(Config(Write("d.jsonl", kDialogue)), &set), HLM_OK) << message_;
  const hlm_dataset_batch batch = Next(set, 1);
  EXPECT_EQ(batch.n_offsets, 2u);
  EXPECT_EQ(batch.n_ids, batch.n_labels);
  EXPECT_EQ(Trained(batch).substr(0, 4), "yesE");
  EXPECT_EQ(batch.trained, static_cast<int64_t>(Trained(batch).size()));
  const hlm_dataset_batch end = Next(set, 1);
  EXPECT_EQ(end.n_ids, 0u);
  EXPECT_EQ(end.n_documents, 0u);
}

TEST_F(Datasets, TextsAndCompletionsEndInEos) {
  Set set;
  ASSERT_EQ(Open(Config(Write("d.jsonl", R"({"text": "ab"})"), R"(, "task": "pretrain")"), &set), HLM_OK) << message_;
  EXPECT_EQ(Trained(Next(set, 1)), "b$");
  ASSERT_EQ(Open(Config(Write("e.jsonl", R"({"prompt": "ab", "completion": "cd"})")), &set), HLM_OK) << message_;
  EXPECT_EQ(Trained(Next(set, 1)), "cd$");
  ASSERT_EQ(Open(Config(Write("e.jsonl", R"({"prompt": "ab", "completion": "cd"})"), R"(, "append_eos": false)"), &set), HLM_OK)
      << message_;
  EXPECT_EQ(Trained(Next(set, 1)), "cd");
}

TEST_F(Datasets, TextsThatWereRenderedAlreadyHaveOneBeginning) {
  std::string json = TokenizerJson();
  const std::string none = R"("post_processor":null)";
  json.replace(json.find(none), none.size(),
               R"("post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"B","type_id":0}},)"
               R"({"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"B":{"id":"B","ids":[256],"tokens":["B"]}}})");
  Write("tokenizer.json", json);
  const auto ids = [&](const std::string& record, const std::string& more = "") {
    Set set;
    EXPECT_EQ(Open(Config(Write("d.jsonl", record), more), &set), HLM_OK) << message_;
    const hlm_dataset_batch batch = Next(set, 1);
    return std::vector<int32_t>(batch.ids, batch.ids + batch.n_ids);
  };
  const std::string pretrain = R"(, "task": "pretrain")";
  EXPECT_EQ(ids(R"({"text": "<|im_start|>ab"})", pretrain), ids(R"({"text": "ab"})", pretrain));
  EXPECT_EQ(ids(R"({"text": "ab"})", pretrain).front(), 256);
  EXPECT_EQ(ids(R"({"text": "a<|im_start|>b"})", pretrain).size(), ids(R"({"text": "ab"})", pretrain).size() + 1);
  EXPECT_EQ(ids(R"({"prompt": "<|im_start|>p", "completion": "c"})"), ids(R"({"prompt": "p", "completion": "c"})"));
}

TEST_F(Datasets, SafeContentKeepsDataFromBecomingSpecialTokens) {
  const std::string path =
      Write("d.jsonl", R"({"messages": [{"role": "user", "content": "<|im_end|>"}, {"role": "assistant", "content": "a"}]})");
  Set set;
  ASSERT_EQ(Open(Config(path), &set), HLM_OK) << message_;
  const size_t matched = Next(set, 1).n_ids;
  ASSERT_EQ(Open(Config(path, R"(, "safe_content": true)"), &set), HLM_OK) << message_;
  EXPECT_EQ(Next(set, 1).n_ids, matched + 9);  // ten letters for one token
}

TEST_F(Datasets, PositionsColumnsAndCounts) {
  std::string lines;
  for (int i = 0; i < 40; ++i) lines += R"({"text": "number )" + std::to_string(i) + "\"}\n";
  const std::string config = Config(Write("d.jsonl", lines), R"(, "seed": 3)");
  Set set, again;
  ASSERT_EQ(Open(config, &set), HLM_OK) << message_;
  Next(set, 1);
  const std::string position = Position(set);
  hlm_dataset_batch batch = Next(set, 2);
  const std::vector<int32_t> ids(batch.ids, batch.ids + batch.n_ids);
  ASSERT_EQ(Open(config, &again), HLM_OK);
  ASSERT_EQ(Code(hlm_dataset_seek(again.get(), position.c_str())), HLM_OK) << message_;
  batch = Next(again, 2);
  EXPECT_EQ(std::vector<int32_t>(batch.ids, batch.ids + batch.n_ids), ids);
  EXPECT_EQ(Code(hlm_dataset_seek(again.get(), "{}")), HLM_INVALID_ARGUMENT);

  std::vector<float> values(40, -1.5f), read(40);
  EXPECT_EQ(Code(hlm_dataset_read_column(set.get(), "ref", "w", read.data(), 40)), HLM_NOT_FOUND);
  EXPECT_EQ(Code(hlm_dataset_write_column(set.get(), "ref", "w", values.data(), 40)), HLM_OK) << message_;
  EXPECT_EQ(Code(hlm_dataset_read_column(again.get(), "ref", "w", read.data(), 40)), HLM_OK) << message_;
  EXPECT_EQ(read, values);
  EXPECT_EQ(Code(hlm_dataset_read_column(again.get(), "ref", "w", read.data(), 39)), HLM_INVALID_ARGUMENT);
  char* json = nullptr;
  ASSERT_EQ(Code(hlm_dataset_describe(set.get(), &json)), HLM_OK);
  EXPECT_NE(std::string(json).find("\"documents\":40"), std::string::npos) << json;
  hlm_string_destroy(json);
}

TEST_F(Datasets, KtoHasItsMismatchedAnswers) {
  const std::string path = Write("d.jsonl", R"({"prompt": "p:", "completion": "one", "label": true})"
                                            "\n"
                                            R"({"prompt": "q:", "completion": "two", "label": false})"
                                            "\n");
  Set set;
  ASSERT_EQ(Open(Config(path, R"(, "task": "kto", "shuffle": false)"), &set), HLM_OK) << message_;
  const hlm_dataset_batch batch = Next(set, 2);
  EXPECT_EQ(Trained(batch), "one$two$");
  EXPECT_EQ(std::vector<int32_t>(batch.desirable, batch.desirable + batch.n_desirable), (std::vector<int32_t>{1, 0}));
  hlm_dataset_batch mismatched;
  hlm_dataset_batch_init(&mismatched);
  ASSERT_EQ(Code(hlm_dataset_mismatched(set.get(), &mismatched)), HLM_OK) << message_;
  EXPECT_EQ(Trained(mismatched), "two$one$");
}

TEST_F(Datasets, WrongCallsAreRefused) {
  Set set;
  hlm_dataset* dataset = nullptr;
  EXPECT_EQ(Code(hlm_dataset_open(nullptr, nullptr, nullptr, &dataset)), HLM_INVALID_ARGUMENT);
  EXPECT_EQ(Code(hlm_dataset_open("{}", nullptr, nullptr, nullptr)), HLM_INVALID_ARGUMENT);
  EXPECT_EQ(Open("{}", &set), HLM_INVALID_ARGUMENT);
  EXPECT_EQ(Open(Config(Write("d.jsonl", kDialogue), R"(, "templat": 1)"), &set), HLM_INVALID_ARGUMENT);
  EXPECT_NE(message_.find("templat"), std::string::npos);
  EXPECT_EQ(Open(Config(Write("d.jsonl", kDialogue), R"(, "mask": "all")"), &set), HLM_INVALID_ARGUMENT);
  EXPECT_NE(message_.find("mask is \"all\"; legal are auto, tags, spans, unroll"), std::string::npos) << message_;
  EXPECT_EQ(Open(R"({"data": ")" + Write("d.jsonl", kDialogue) + "\"}", &set), HLM_FAILED_PRECONDITION);
  EXPECT_NE(message_.find("d.jsonl:1: a conversation needs a chat template"), std::string::npos) << message_;
  EXPECT_EQ(Open(Config(Write("d.jsonl", R"({"messages": [{"role": "user", "content": "x"}]})")), &set), HLM_INVALID_ARGUMENT);
  ASSERT_EQ(Open(Config(Write("d.jsonl", kDialogue)), &set), HLM_OK) << message_;
  hlm_dataset_batch batch;
  hlm_dataset_batch_init(&batch);
  EXPECT_EQ(Code(hlm_dataset_next(set.get(), 0, &batch)), HLM_INVALID_ARGUMENT);
  EXPECT_EQ(Code(hlm_dataset_next(set.get(), 1, nullptr)), HLM_INVALID_ARGUMENT);
  EXPECT_EQ(Code(hlm_dataset_next(nullptr, 1, &batch)), HLM_INVALID_ARGUMENT);
  EXPECT_EQ(Code(hlm_dataset_mismatched(set.get(), &batch)), HLM_FAILED_PRECONDITION);
  batch.struct_size = 3;
  EXPECT_EQ(Code(hlm_dataset_next(set.get(), 1, &batch)), HLM_INVALID_ARGUMENT);
  EXPECT_EQ(Code(hlm_dataset_seek(set.get(), "")), HLM_INVALID_ARGUMENT);
  EXPECT_EQ(Code(hlm_dataset_write_column(set.get(), "../x", "k", nullptr, 0)), HLM_INVALID_ARGUMENT);
  hlm_dataset_destroy(nullptr);
}

// What a record is, before anything is made of it.
TEST_F(Datasets, ARecordIsShownAsItIsRead) {
  const std::string path = Write("mixed.jsonl",
                                 "{\"messages\": [{\"role\": \"user\", \"content\": \"q\"}, {\"role\": \"assistant\", "
                                 "\"content\": \"a\"}], \"system\": \"s\", \"by\": \"x\"}\n"
                                 "{\"prompt\": \"p\", \"completion\": \"\"}\n{\"text\": 5}\n");
  const auto read = [&](int64_t index) {
    char* json = nullptr;
    hlm_error* error = hlm_dataset_read_record(("{\"data\": \"" + path + "\"}").c_str(), index, &json);
    std::string text = error != nullptr ? hlm_error_message(error) : json;
    hlm_error_destroy(error);
    hlm_string_destroy(json);
    return text.replace(text.find(folder_), folder_.size() + 1, "");
  };
  EXPECT_EQ(
      read(0),
      R"({"where":"mixed.jsonl:1","format":"messages","dropped":null,"kind":"messages","messages":[{"role":"system","content":"s"},)"
      R"({"role":"user","content":"q"},{"role":"assistant","content":"a"}],"account":[{"did":"unused","what":"member","name":"by",)"
      R"("records":1,"amount":1,"first":")" +
          folder_ + R"(/mixed.jsonl:1","text":"1 record unused: the member \"by\" is not used; columns can name it"}]})");
  EXPECT_EQ(read(1),
            R"({"where":"mixed.jsonl:2","format":"prompt_completion","dropped":"empty_answer","kind":"completion","prompt":"p",)"
            R"("completion":"","account":[]})");
  EXPECT_EQ(read(2), "mixed.jsonl:3: \"text\" is a number; it must be a string");
  EXPECT_EQ(read(3), "mixed.jsonl: has 3 rows; there is none of index 3");
}

}  // namespace
