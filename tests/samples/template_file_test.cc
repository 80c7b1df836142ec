// A chat template given as a file trains, scores and shows what a folder that has it does.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/samples/examples_support.h"

namespace horizon_test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Shape {
  const char* name;
  const char* text;
  const char* trained;  // what show-mask must show of the conversation below
};

// <|endoftext|> and <|im_end|> end a generation: nobody generates what a template prints behind either.
const Shape kShapes[] = {
    {"behind",
     "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|><|im_start|>\n{% endfor %}"
     "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
     "<|im_start|>user\nq<|im_end|><|im_start|>\n<|im_start|>assistant\n⟦a<|im_end|>⟧<|im_start|>\n"},
    {"named",
     "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{{ turn_token }}{% endfor %}"
     "{% if add_generation_prompt %}[assistant]{% endif %}",
     "[user]q<|endoftext|><|im_start|>[assistant]⟦a<|endoftext|>⟧<|im_start|>\n"},
    {"next",
     "{% for m in messages %}{% if m.role == 'user' %}<|im_end|>Q {{ m.content }}{% else %}[A]{{ m.content }}{% endif %}"
     "{% endfor %}{% if add_generation_prompt %}[A]{% endif %}",
     "<|im_end|>Q q[A]⟦a<|im_end|>⟧Q r[A]⟦b⟧\n"},
    {"words",
     "{% for m in messages %}<{{ m.role }}>{{ m.content }}<|im_end|> so ends a turn.\n{% endfor %}"
     "{% if add_generation_prompt %}<assistant>{% endif %}",
     "<user>q<|im_end|> so ends a turn.\n<assistant>⟦a<|im_end|>⟧ so ends a turn.\n"}};

std::string Data(const Shape& shape) {
  const std::string path = Scratch(std::string(shape.name) + ".jsonl");
  json turns = {{{"role", "user"}, {"content", "q"}}, {{"role", "assistant"}, {"content", "a"}}};
  if (shape.name == std::string("next")) {
    turns.push_back({{"role", "user"}, {"content", "r"}});
    turns.push_back({{"role", "assistant"}, {"content", "b"}});
  }
  WriteFile(path, json{{"messages", turns}}.dump() + "\n");
  return path;
}

// A model of the samples' tokenizer (<|endoftext|> 0, <|im_start|> 1, <|im_end|> 2) with this template.
std::string Folder(const std::string& name, const std::string& text) {
  static const std::string weights = [] {
    const std::string folder = Scratch("weights"), example = ExampleModel();
    const Words words = {"export", "--config", example + "/config.json", "--save-dtype", "f32", "--out", folder, "--overwrite"};
    EXPECT_EQ(Horizon(words).status, 0);
    auto config = json::parse(ReadFile(example + "/tokenizer_config.json"));
    config.erase("chat_template");
    config["turn_token"] = "<|im_start|>";
    WriteFile(folder + "/tokenizer_config.json", config.dump());
    WriteFile(folder + "/tokenizer.json", ReadFile(example + "/tokenizer.json"));
    WriteFile(folder + "/generation_config.json", R"({"eos_token_id": [0, 2]})");
    return folder;
  }();
  const std::string folder = FreshFolder(name);
  fs::remove_all(folder);
  fs::copy(weights, folder);
  WriteFile(folder + "/chat_template.jinja", text);
  return folder;
}

// One template in two ways: as a model's own, and as a file beside a model that has another.
struct Twins {
  Words own, file;

  explicit Twins(const Shape& shape) {
    const std::string path = Scratch(std::string(shape.name) + ".jinja");
    WriteFile(path, shape.text);
    own = {"--model", Folder("own", shape.text)};
    file = {"--model", Folder("other", "{{ raise_exception('not this one') }}"), "--template", path};
  }
};

TEST(TemplateFileTest, IsAsTheFoldersOwn) {
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(shape.name);
    const Twins twins(shape);
    const std::string data = Data(shape);
    const auto both = [&](const Words& words) {
      const Result expected = Horizon(With(words, twins.own));
      const Result result = Horizon(With(words, twins.file));
      EXPECT_EQ(expected.status, 0) << expected.err;
      EXPECT_EQ(result.status, 0) << result.err;
      EXPECT_EQ(result.out, expected.out);
      return result.out;
    };
    const std::string shown = both({"show-mask", "--data", data});
    EXPECT_EQ(shown.rfind(shape.trained, 0), 0u) << shown;
    both({"show-mask", "--data", data, "--json"});
    both({"logprobs", "--task", "sft", "--data", data, "--seq-len", "64", "--cache-dir", "none", "--compute", "f32", "--json"});
    const std::string choices = Scratch("choices.jsonl");
    WriteFile(choices, R"({"prompt": [{"role": "user", "content": "q"}], "choices": ["a", "b"], "answer": 0})");
    both({"eval", "--task", "choice", "--data", choices, "--compute", "f32", "--json"});
  }
}

TEST(TemplateFileTest, TrainsTheSameWeightsAndSavesThem) {
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(shape.name);
    const Twins twins(shape);
    const std::string data = Data(shape);
    const auto tune = [&](const Words& words, const std::string& out) {
      fs::remove_all(out);
      const Words task = {"train", "--task", "sft", "--data", data, "--seq-len", "64", "--batch-size", "1", "--steps", "2"};
      const Words rest = {"--compute", "f32", "--cache-dir", "none", "--threads", "1", "--optimizer-threads", "1", "--out", out};
      const Result run = Horizon(With(With(task, words), rest));
      EXPECT_EQ(run.status, 0) << run.err;
    };
    const std::string first = FreshFolder("first"), second = FreshFolder("second");
    tune(twins.own, first);
    tune(twins.file, second);
    for (const char* saved : {"model.safetensors", "chat_template.jinja", "generation_config.json", "tokenizer_config.json"})
      EXPECT_EQ(ReadFile(first + "/" + saved), ReadFile(second + "/" + saved)) << saved;
  }
}

}  // namespace
}  // namespace horizon_test
