// horizon show-mask: what is trained of a conversation, as people see it.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

std::string Template() {
  const std::string path = Scratch("chat.jinja");
  WriteFile(path,
            "{%- for m in messages %}{{ '<' + m.role + '>' + m.content + '</s>\\n' }}{%- endfor %}"
            "{%- if add_generation_prompt %}{{ '<assistant>' }}{%- endif %}");
  return path;
}

std::string Data() {
  const std::string path = Scratch("data.jsonl");
  WriteFile(path,
            "\xef\xbb\xbf{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": \"assistant\", \"content\": "
            "\"Hello\\u001b\"}]}\r\n\r\n"
            "{\"prompt\": [{\"role\": \"user\", \"content\": \"a\"}], \"completion\": [{\"role\": \"assistant\", \"content\": "
            "\"b\"}]}\n"
            "{\"text\": \"x\"}\nnonsense\n{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}]}\n");
  return path;
}

TEST(ShowMaskTest, TrainedTextStandsOut) {
  const Result plain = Horizon({"show-mask", "--template", Template(), "--data", Data()});
  EXPECT_EQ(plain.status, 0) << plain.err;
  EXPECT_EQ(plain.out, "<user>Hi</s>\n<assistant>⟦Hello\\x1b</s>⟧\n\n-- 10 of 35 bytes trained, in 1 range (spans)\n");
  const Result color = Horizon({"show-mask", "--template", Template(), "--data", Data(), "--color"});
  EXPECT_NE(color.out.find("\x1b[1;32mHello\\x1b</s>\x1b[0m"), std::string::npos) << color.out;
}

TEST(ShowMaskTest, ArgumentsAndWordsThatAreLeftOut) {
  const std::string path = Scratch("calls.jsonl"), chat = Scratch("calls.jinja");
  WriteFile(chat,
            "{% for m in messages %}{% if m.tool_calls %}{{ m.tool_calls[0].function.arguments | tojson }}{% else %}{{ m.content "
            "}}{% endif %};"
            "{% endfor %}");
  WriteFile(
      path,
      R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "I look", "tool_calls": [)"
      R"({"function": {"name": "f", "arguments": "{\"a\":1}"}}]}, {"role": "tool", "content": "1"}, {"role": "assistant", "content": "x", )"
      R"("tool_calls": [{"function": {"name": "f", "arguments": {"a": 2, "b": null}}}]}]})");
  const Result parsed = Horizon({"show-mask", "--template", chat, "--data", path});
  EXPECT_EQ(parsed.status, 0) << parsed.err;
  EXPECT_EQ(
      parsed.out,
      "q;⟦{\"a\": 1};⟧1;⟦{\"a\": 2};⟧\n-- 18 of 22 bytes trained, in 2 ranges (spans)\n"
      "-- the template leaves out 5 characters of the content of message 1: --template with a training form keeps them\n"
      "-- the template leaves out 1 character of the tool_calls of message 1: --template with a training form keeps them\n"
      "-- the template leaves out 1 character of the content of message 3: --template with a training form keeps them\n"
      "-- the template leaves out 1 character of the tool_calls of message 3: --template with a training form keeps them\n");
  const Result kept =
      Horizon({"show-mask", "--template", chat, "--data", path, "--tool-arguments", "keep", "--null-arguments", "keep"});
  EXPECT_NE(kept.out.find("⟦\"{\\\"a\\\":1}\";⟧1;⟦{\"a\": 2, \"b\": null};⟧"), std::string::npos) << kept.out;
}

// A template that reads thoughts as parts of the content does not look for the message's reasoning, which they become otherwise.
TEST(ShowMaskTest, ThoughtsThatATemplateReadsAsParts) {
  const std::string path = Scratch("parts.jsonl"), chat = Scratch("parts.jinja");
  WriteFile(chat,
            "{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}"
            "{{ '[THINK]' + p.thinking + '[/THINK]' if p.type == 'thinking' else p.text }}{% endfor %}{% endif %};{% endfor %}");
  WriteFile(path, R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": [)"
                  R"({"type": "thinking", "thinking": "hm hm"}, {"type": "text", "text": "a"}]}]})");
  const Result joined = Horizon({"show-mask", "--template", chat, "--data", path});
  EXPECT_EQ(
      joined.out,
      "q;⟦a;⟧\n-- 2 of 4 bytes trained, in 1 range (spans)\n-- the template leaves out 4 characters of the reasoning of message "
      "1: --template with a training form keeps them, or --content-parts keep where it reads parts of a content\n");
  const Result kept = Horizon({"show-mask", "--template", chat, "--data", path, "--content-parts", "keep"});
  EXPECT_EQ(kept.out.rfind("q;⟦[THINK]hm hm[/THINK]a;⟧\n", 0), 0u) << kept.out;
}

TEST(ShowMaskTest, WordsOfTheRecordThatAreInNoText) {
  const std::string path = Scratch("context.jsonl"), chat = Scratch("context.jinja");
  WriteFile(chat, "{% for m in messages if m.role != 'system' %}{{ m.content }};{% endfor %}");
  WriteFile(path, R"({"messages": [{"role": "system", "content": "be good"}, {"role": "user", "content": "q", "mood": "sad"}, )"
                  R"({"role": "assistant", "content": "a"}], "tools": [{"name": "f"}], "source": "web"})");
  const Result shown = Horizon({"show-mask", "--template", chat, "--data", path});
  EXPECT_EQ(shown.status, 0) << shown.err;
  for (const char* line : {"-- the template leaves out 6 characters of messages of the role system\n",
                           "-- the template leaves out 3 characters of the member \"mood\" of messages\n",
                           "-- the template leaves out 1 character of the tools, of which it prints nothing\n",
                           "--   1 record unused: the member \"source\" is not used; columns can name it  (first: "})
    EXPECT_NE(shown.out.find(line), std::string::npos) << line << "\n" << shown.out;
  const Result json = Horizon({"show-mask", "--template", chat, "--data", path, "--json"});
  EXPECT_EQ(json.Lines().at(0).at("sequences").at(0).at("left_out").size(), 3u) << json.out;
  EXPECT_EQ(json.Lines().at(0).at("account").at(0).at("name"), "source") << json.out;
}

// A template file beside a model folder: the words of the file, the tokens of the folder, as a run has them.
TEST(ShowMaskTest, ATemplateTakesTheTokensOfTheModel) {
  const std::string model = Scratch("mask-model"), chat = Scratch("ends.jinja"), path = Scratch("ends.jsonl");
  std::filesystem::create_directories(model);
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"})
    WriteFile(model + "/" + file, ReadFile(std::string("samples/posttraining/") + file));
  WriteFile(chat,
            "{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}"
            "{% if add_generation_prompt %}[assistant]{% endif %}");
  WriteFile(path, R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})");
  for (const Words& with : {Words{"--model", model}, Words{"--tokenizer", model}}) {
    Words words = {"show-mask", "--template", chat, "--data", path};
    words.insert(words.end(), with.begin(), with.end());
    const Result result = Horizon(words);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out.rfind("[user]q<|endoftext|>[assistant]⟦a<|endoftext|>⟧\n", 0), 0u) << result.out;
  }
  const Result none = Horizon({"show-mask", "--data", path});
  EXPECT_EQ(none.status, 2);
  EXPECT_NE(none.err.find("--model"), std::string::npos) << none.err;
}

// Of a pair the chosen answer and then the rejected one, each as it is trained: what stands behind the prompt.
TEST(ShowMaskTest, PairsAndLabelledAnswers) {
  const std::string data = Scratch("pairs.jsonl");
  const std::string prompt =
      R"("prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}], )";
  WriteFile(data, "{" + prompt +
                      R"("chosen": [{"role": "assistant", "content": "d"}], "rejected": [{"role": "assistant", "content": "e"}]})"
                      "\n{" +
                      prompt + R"("completion": [{"role": "assistant", "content": ""}], "label": false})" + "\n");
  const auto show = [&](const Words& more) {
    return Horizon(With({"show-mask", "--template", Template(), "--data", data}, more));
  };
  const std::string before = "<user>a</s>\n<assistant>b</s>\n<user>c</s>\n<assistant>⟦";
  const std::string pair = show({"--task", "dpo"}).out;
  EXPECT_EQ(pair.rfind("-- chosen\n" + before + "d</s>⟧", 0), 0u) << pair;
  EXPECT_NE(pair.find("-- rejected\n" + before + "e</s>⟧"), std::string::npos) << pair;
  const auto json = show({"--task", "dpo", "--json"}).Lines().at(0);
  for (const char* answer : {"chosen", "rejected"}) EXPECT_EQ(json.at(answer).at("sequences").size(), 1u);
  const Words second = {"--task", "kto", "--index", "1"};
  const std::string label = show(second).out;
  EXPECT_EQ(label.rfind("-- undesirable\n" + before + "</s>⟧", 0), 0u) << label;
  EXPECT_NE(label.find("-- training drops this record: empty_answer\n"), std::string::npos) << label;
  EXPECT_EQ(show(With(second, {"--empty-answers", "keep"})).out.find("drops"), std::string::npos);
  EXPECT_EQ(show({}).status, 1);  // sft has no pairs
}

TEST(ShowMaskTest, TemplatesByNameAndContentInParts) {
  const std::string folder = Scratch("named"), data = Scratch("parts.jsonl");
  std::filesystem::create_directories(folder);
  WriteFile(
      folder + "/tokenizer_config.json",
      R"({"chat_template": [{"name": "default", "template": "{% for m in messages %}{{ m.content }};{% endfor %}"}, )"
      R"({"name": "parts", "template": "{% for m in messages %}{{ m.content | map(attribute='text') | join('+') }};{% endfor %}"}]})");
  WriteFile(data, R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}, )"
                  R"({"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]})");
  const auto show = [&](const Words& more) { return Horizon(With({"show-mask", "--template", folder, "--data", data}, more)); };
  EXPECT_EQ(show({}).out.rfind("q;⟦ab;⟧\n", 0), 0u) << show({}).out << show({}).err;
  const Result kept = show({"--template-name", "parts", "--content-parts", "keep"});
  EXPECT_EQ(kept.out.rfind("q;⟦a+b;⟧\n", 0), 0u) << kept.out << kept.err;
  EXPECT_NE(show({"--template-name", "none"}).err.find("no chat template is called none"), std::string::npos);
}

TEST(ShowMaskTest, JsonHasTheRanges) {
  const Result result = Horizon({"show-mask", "--template", Template(), "--data", Data(), "--index", "1", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const nlohmann::json sequence = result.Lines().at(0).at("sequences").at(0);
  EXPECT_EQ(sequence.at("text"), "<user>a</s>\n<assistant>b</s>\n");
  EXPECT_EQ(sequence.at("trained"), nlohmann::json::parse("[[23,28]]"));
}

// A record is read as training reads it: other formats, a system prompt beside the messages, numbers that JSON lacks.
TEST(ShowMaskTest, RecordsAreReadAsADataSetReadsThem) {
  const std::string data = Scratch("formats.jsonl");
  WriteFile(data,
            "{\"instruction\": \"Add\", \"input\": \"1\", \"output\": \"2\", \"text\": \"Below: Add 1 2\"}\n"
            "{\"score\": NaN, \"system\": \"S\", \"messages\": [{\"role\": \"user\", \"content\": \"q\"}, {\"role\": "
            "\"assistant\", \"content\": \"a\"}]}\n"
            "{\"conversations\": [{\"from\": \"human\", \"value\": \"q\"}, {\"from\": \"gpt\", \"value\": \"a\"}]}\n"
            "{\"images\": [\"c.png\"], \"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}]}\n");
  const auto show = [&](const std::string& index) {
    return Horizon({"show-mask", "--template", Template(), "--data", data, "--index", index});
  };
  EXPECT_NE(show("0").out.find("<user>Add\n1</s>\n<assistant>⟦2</s>⟧"), std::string::npos) << show("0").out << show("0").err;
  EXPECT_NE(show("1").out.find("<system>S</s>\n<user>q</s>\n<assistant>⟦a</s>⟧"), std::string::npos)
      << show("1").out << show("1").err;
  EXPECT_NE(show("2").out.find("<user>q</s>\n<assistant>⟦a</s>⟧"), std::string::npos) << show("2").out << show("2").err;
  EXPECT_EQ(show("3").status, 1);
  ExpectOneErrorLine(show("3"), {"formats.jsonl:4", "images", "only text"});
}

// What train takes as --data.
// Values that JSON does not have are shown as they are trained, and stop nobody where nobody reads them.
TEST(ShowMaskTest, NumbersBeyondJsonAreThoseOfTraining) {
  const std::string chat = Scratch("numbers.jinja"), data = Scratch("numbers.jsonl");
  WriteFile(chat,
            "{{ n }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% for c in m.tool_calls or [] %}{{ c.function.arguments "
            "| tojson }}"
            "{% endfor %}[end]{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}");
  WriteFile(data,
            R"({"messages": [{"role": "user", "content": "q", "score": NaN}, {"role": "assistant", "content": "", "tool_calls": )"
            R"([{"function": {"name": "f", "arguments": {"a": NaN, "b": 123456789012345678901234567890, "c": -Infinity}}}]}], )"
            R"("quality": Infinity, "chat_template_kwargs": {"n": 98765432109876543210987654321}})"
            "\n"
            R"({"prompt": [{"role": "user", "content": "q"}], "chosen": [{"role": "assistant", "content": "a", "n": NaN}], )"
            R"("rejected": [{"role": "assistant", "content": "b"}], "margin": NaN})"
            "\n");
  const Result shown = Horizon({"show-mask", "--template", chat, "--data", data});
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_NE(shown.out.find(R"(⟦{"a": NaN, "b": 123456789012345678901234567890, "c": -Infinity}[end])"), std::string::npos)
      << shown.out;
  EXPECT_NE(shown.out.find("98765432109876543210987654321"), std::string::npos) << shown.out;
  const Result pair = Horizon({"show-mask", "--template", chat, "--data", data, "--index", "1", "--task", "dpo"});
  EXPECT_EQ(pair.status, 0) << pair.err;
  EXPECT_NE(pair.out.find("⟦a[end]"), std::string::npos) << pair.out;
  EXPECT_NE(pair.out.find("⟦b[end]"), std::string::npos) << pair.out;
}

TEST(ShowMaskTest, SourcesAreThoseOfTraining) {
  const std::string data = Scratch("asked.jsonl"), info = Scratch("dataset_info.json");
  WriteFile(data, "{\"question\": \"q\", \"answer\": \"a\"}\n");
  WriteFile(info, R"({"asked": {"file_name": "asked.jsonl", "columns": {"prompt": "question", "response": "answer"}}})");
  for (const std::string& source :
       {R"({"path": ")" + data + R"(", "format": "alpaca", "columns": {"prompt": "question", "response": "answer"}})",
        info + ":asked"}) {
    const Result result = Horizon({"show-mask", "--template", Template(), "--data", source});
    EXPECT_NE(result.out.find("<user>q</s>\n<assistant>⟦a</s>⟧"), std::string::npos) << result.out << result.err;
  }
}

TEST(ShowMaskTest, WhatIsWrongIsSaidInOneLine) {
  const auto fails = [](const std::vector<std::string>& more, int status, const std::vector<std::string>& parts) {
    std::vector<std::string> arguments = {"show-mask"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Result result = Horizon(arguments);
    EXPECT_EQ(result.status, status);
    ExpectOneErrorLine(result, parts);
  };
  fails({"--data", Data()}, 2, {"--model", "--template"});
  fails({"--template", Template()}, 2, {"--data"});
  fails({"--template", Template(), "--data", Data(), "--index", "2"}, 1, {"data.jsonl:4", "messages"});
  fails({"--template", Template(), "--data", Data(), "--index", "3"}, 1, {"data.jsonl:5", "JSON"});
  fails({"--template", Template(), "--data", Data(), "--index", "4"}, 1, {"nothing to train on"});
  fails({"--template", Template(), "--data", Data(), "--index", "5"}, 1, {"5 rows", "--index 5"});
  fails({"--template", Template(), "--data", Data(), "--train-on", "some"}, 2, {"some", "assistant"});
  fails({"--template", Data(), "--data", Data()}, 1, {"data.jsonl"});
}

}  // namespace
}  // namespace horizon_test
