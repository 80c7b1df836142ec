// Every JSON text that the C ABI takes, changed in all ways that a person or a program may get it wrong: each call succeeds or
// gives an error of one line. A short run with a fixed seed is an ordinary test; HLM_FUZZ_SECONDS (of each target) and
// HLM_FUZZ_SEED make it a long one. What ends the process is printed with the text that did it; put such a text among the
// target's own.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tests/c_api/handles.h"
#include "tests/fuzz/json_mutator.h"

namespace hlm_test {
namespace {

namespace fs = std::filesystem;
using Json = JsonMutator::Json;
using Dataset = std::unique_ptr<hlm_dataset, Destroyer<hlm_dataset, hlm_dataset_destroy>>;
using Template = std::unique_ptr<hlm_template, Destroyer<hlm_template, hlm_template_destroy>>;

// Of the call that is under way; a handler of signals may read it.
const char* current_target = "";
const char* current_text = "";
size_t current_bytes = 0;

void Say(const char* text, size_t bytes) {
  if (write(STDERR_FILENO, text, bytes) < 0) _exit(1);
}
void PrintTextAndDie(int number) {
  Say("\nthe process ends in the target ", 31);
  Say(current_target, std::strlen(current_target));
  Say(" by the text\n", 13);
  Say(current_text, current_bytes);
  Say("\n", 1);
  signal(number, SIG_DFL);
  raise(number);
}

// What a call may take, whatever it is given: some hundred times what reading megabytes of JSON takes.
class Bounds {
 public:
  Bounds() {
    std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins again
    before_ = Peak();
  }
  void Check(const char* target, const std::string& text) const {
    const double seconds = static_cast<double>(std::clock() - begin_) / CLOCKS_PER_SEC;
    EXPECT_LT(seconds, kSeconds) << target << ": " << text.substr(0, 80) << "... of " << text.size() << " bytes";
    EXPECT_LT(Peak() - before_, kKibibytes) << target << ": " << text.substr(0, 80) << "... of " << text.size() << " bytes";
  }

 private:
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr double kSeconds = 100;
  static constexpr int64_t kKibibytes = int64_t{8} << 20;
#else
  static constexpr double kSeconds = 30;
  static constexpr int64_t kKibibytes = int64_t{1} << 20;
#endif
  static int64_t Peak() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
      int64_t kibibytes = 0;
      if (word == "VmHWM:" && status >> kibibytes) return kibibytes;
    }
    return 0;
  }
  const std::clock_t begin_ = std::clock();
  int64_t before_ = 0;
};

class JsonInputs : public testing::Test {
 protected:
  JsonInputs() {
    std::string name = testing::TempDir() + "/inputs-XXXXXX";
    folder_ = mkdtemp(name.data());
    for (const int number : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL}) signal(number, PrintTextAndDie);
  }
  ~JsonInputs() override { fs::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) const {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
    return path;
  }
  static std::string Replaced(std::string text, const std::string& what, const std::string& by) {
    for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) text.replace(at, what.size(), by);
    return text;
  }

  // An error is one line that is fit to print.
  void Take(hlm_error* raw) {
    const Error error(raw);
    if (error == nullptr) {
      ++accepted_;
      return;
    }
    ++refused_;
    const std::string message = hlm_error_message(error.get());
    EXPECT_NE(hlm_error_code(error.get()), HLM_INTERNAL) << message << "\n" << std::string(current_text, current_bytes);
    EXPECT_FALSE(message.empty());
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_LT(message.size(), 5000u) << message;
  }

  // `texts`: what the target should take, and what once was too much for it.
  void Run(const char* target, const std::vector<std::string>& texts, const std::vector<std::string>& words, int rounds,
           const std::function<void(const std::string&)>& call) {
    const auto one = [&](const std::string& text) {
      current_target = target;
      current_text = text.data();
      current_bytes = text.size();
      call(text);
      current_bytes = 0;
    };
    for (const std::string& text : texts) one(text);
    for (const std::string& text : JsonMutator::Outsized(texts.front())) {
      const Bounds bounds;
      one(text);
      bounds.Check(target, text);
    }
    const char *seconds = std::getenv("HLM_FUZZ_SECONDS"), *seed = std::getenv("HLM_FUZZ_SEED");
    JsonMutator mutator(seed == nullptr ? 11 : std::strtoull(seed, nullptr, 10), words);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds == nullptr ? 0 : std::atoi(seconds));
    int64_t done = 0;
    for (; done < rounds || std::chrono::steady_clock::now() < end; ++done) {
      std::string text = mutator.Mutate(texts[mutator.Below(texts.size())]);
      if (done % 3 == 2) text = mutator.Mutate(text);
      one(text);
      if (HasFailure()) break;
    }
    RecordProperty(target, static_cast<int>(done));
    if (seconds != nullptr) std::printf("%s: %lld texts\n", target, static_cast<long long>(done));
    EXPECT_GT(accepted_, 0) << "the target takes nothing: it tests nothing";
    EXPECT_GT(refused_, rounds / 20);
  }

  void OpenAndUse(const std::string& config) {
    hlm_dataset* opened = nullptr;
    hlm_error* error = hlm_dataset_open(config.c_str(), nullptr, nullptr, &opened);
    const Dataset set(opened);
    Take(error);
    if (set == nullptr) return;
    char* json = nullptr;
    Take(hlm_dataset_describe(set.get(), &json));
    const String owner(json);
    hlm_dataset_batch batch;
    hlm_dataset_batch_init(&batch);
    Take(hlm_dataset_next(set.get(), 4, &batch));
  }

  std::string folder_;
  int64_t accepted_ = 0, refused_ = 0;
};

const std::vector<std::string> kDataWords = {"data",          "path",
                                             "format",        "columns",
                                             "tags",          "ranking",
                                             "weight",        "num_samples",
                                             "dataset_info",  "name",
                                             "task",          "sft",
                                             "dpo",           "kto",
                                             "pretrain",      "seq_len",
                                             "packing",       "too_long",
                                             "split",         "drop",
                                             "shuffle",       "seed",
                                             "evaluation",    "part",
                                             "epochs",        "bad_records",
                                             "skip",          "cache_dir",
                                             "threads",       "ids",
                                             "text",          "messages",
                                             "sharegpt",      "alpaca",
                                             "openai",        "preference",
                                             "unpaired",      "prompt_completion",
                                             "formatting",    "file_name",
                                             "d.json",        "d.txt",
                                             "prompt",        "query",
                                             "response",      "history",
                                             "system",        "chosen",
                                             "rejected",      "kto_tag",
                                             "label",         "role_tag",
                                             "content_tag",   "user_tag",
                                             "assistant_tag", "input_ids",
                                             "labels",        "conversations",
                                             "images",        "unused_members",
                                             "count"};

TEST_F(JsonInputs, DatasetConfiguration) {
  Write("ids.jsonl", "{\"input_ids\": [1, 2, 3], \"labels\": [-100, 2, 3]}\n{\"input_ids\": [4, 5, 6, 7, 8]}\n");
  Write("dataset_info.json", R"({"d": {"file_name": "ids.jsonl", "columns": {"messages": "m"}}})");
  Run("dataset configuration",
      {R"({"data": "@/ids.jsonl", "cache_dir": null, "seq_len": 8})",
       R"({"data": [{"path": "@/ids.jsonl", "format": "ids", "columns": {"input_ids": "input_ids"}, "weight": 2, "num_samples": 1, "name": "a"}],
           "task": "sft", "train_on": "all", "seq_len": 4, "packing": false, "too_long": "split", "shuffle": false, "seed": 3, "evaluation": 1,
           "part": "train", "epochs": 2, "drop_last": true, "bad_records": "skip", "empty_answers": "keep", "content_parts": "keep",
           "tool_arguments": "parse", "unused_members": "count", "max_record_bytes": 1000, "threads": 2, "cache_dir": "@/cache", "vocab_size": 9,
           "append_eos": true, "safe_content": true, "mask": "auto", "template_date": "2026-01-02", "template_variables": {"a": [1, NaN]}})",
       R"({"data": {"dataset_info": "@", "name": "d"}, "cache_dir": null})"},
      kDataWords, 1500, [&](const std::string& text) { OpenAndUse(Replaced(text, "@", folder_)); });
}

TEST_F(JsonInputs, DatasetInformation) {
  Write("d.json", R"([{"instruction": "i", "input": "x", "output": "o", "system": "s", "history": [["q", "a"]], "label": true,
                       "chosen": "c", "rejected": "r", "text": "t", "input_ids": [1, 2], "conversations": [{"from": "human", "value": "q"}],
                       "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "m": [{"r": "U", "c": "q"}]}])");
  Write("d.txt", "a line\n");
  // A tokenizer of letters and a template of nothing but contents.
  Json letters = Json::object();
  for (int i = 0; i < 26; ++i) letters[std::string(1, static_cast<char>('a' + i))] = i;
  Write("tokenizer.json", Json{{"model", {{"type", "BPE"}, {"vocab", letters}, {"merges", Json::array()}}}}.dump());
  Write("chat_template.jinja",
        "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}"
        "{{ m.content }}{% endif %}{% endfor %}");
  const char* const tasks[] = {"sft", "dpo", "kto", "pretrain"};
  size_t round = 0;
  Run("dataset information",
      {R"({"d": {"file_name": "d.json", "formatting": "sharegpt", "columns": {"prompt": "instruction"}}})",
       R"({"d": {"file_name": "d.json", "formatting": "openai", "columns": {}}})",
       R"({"d": {"file_name": "d.json", "formatting": "openai", "ranking": true, "columns": {"messages": "messages"}}})",
       R"({"d": {"file_name": "d.json", "formatting": "sharegpt", "ranking": true, "tags": {}}})",
       R"({"d": {"file_name": "d.json", "columns": {"kto_tag": "label"}}})",
       R"({"d": {"file_name": "d.json", "formatting": "alpaca", "ranking": false, "num_samples": 1, "columns": {"prompt": "instruction",
           "query": "input", "response": "output", "system": "system", "history": "history"}}})",
       R"({"d": {"file_name": "d.json", "formatting": "sharegpt", "columns": {"messages": "m", "system": "system", "tools": "tools"},
           "tags": {"role_tag": "r", "content_tag": "c", "user_tag": "U", "assistant_tag": "A", "observation_tag": "O", "function_tag": "F"}}})",
       R"({"d": {"file_name": "d.txt"}})"},
      kDataWords, 2500, [&](const std::string& text) {
        Write("dataset_info.json", text);
        OpenAndUse(R"({"data": {"dataset_info": ")" + folder_ +
                   R"(", "name": "d"}, "cache_dir": null, "threads": 1, "model": ")" + folder_ + R"(", "task": ")" +
                   tasks[round++ % 4] + "\"}");
      });
}

TEST_F(JsonInputs, DatasetPosition) {
  Write("ids.jsonl", "{\"input_ids\": [1, 2, 3]}\n{\"input_ids\": [4, 5]}\n{\"input_ids\": [6, 7]}\n");
  hlm_dataset* opened = nullptr;
  ASSERT_OK(hlm_dataset_open(("{\"data\": \"" + folder_ + "/ids.jsonl\", \"cache_dir\": null, \"packing\": false}").c_str(),
                             nullptr, nullptr, &opened));
  const Dataset set(opened);
  char* json = nullptr;
  ASSERT_OK(hlm_dataset_position(set.get(), &json));
  const String position(json);
  Run("dataset position", {position.get()}, {"order", "epoch", "row"}, 3000, [&](const std::string& text) {
    Take(hlm_dataset_seek(set.get(), text.c_str()));
    hlm_dataset_batch batch;
    hlm_dataset_batch_init(&batch);
    Take(hlm_dataset_next(set.get(), 2, &batch));
  });
}

class PlanInputs : public JsonInputs {
 protected:
  PlanInputs() : model_(TinyModel()) {}
  void Make(const hlm_plan_options& options) {
    hlm_plan* made = nullptr;
    hlm_error* error = hlm_plan_make(model_.get(), &options, &made);
    const Plan plan(made);
    Take(error);
    if (plan == nullptr) return;
    char* json = nullptr;
    Take(hlm_plan_json(plan.get(), &json));
    const String owner(json);
  }
  Model model_;
};

TEST_F(PlanInputs, Machine) {
  Run("machine",
      {R"({"device": "cuda:0", "cores": 8, "host_bytes": 100000000000, "device_bytes": 80000000000, "up_bytes_per_second": 5e10})",
       R"({"device": "cpu", "cores": 2, "host_bytes": 1e9})", "{}"},
      {"device", "cpu", "cuda:0", "cores", "host_bytes", "device_bytes", "up_bytes_per_second", "disk_bytes_per_second",
       "host_reserve_bytes"},
      1500, [&](const std::string& text) {
        hlm_plan_options options = TinyPlanOptions();
        options.device = "auto";
        options.machine_json = text.c_str();
        Make(options);
      });
}

TEST_F(PlanInputs, Numerics) {
  const Plan plan = TinyPlan(model_.get());
  char* json = nullptr;
  ASSERT_OK(hlm_plan_json(plan.get(), &json));
  const String owner(json);
  const Json numerics = Json::parse(owner.get()).at("numerics");
  std::vector<std::string> words = {"f32", "bf16", "x"};
  for (const auto& [key, value] : numerics.items()) words.push_back(key);
  Run("numerics", {numerics.dump()}, words, 1500, [&](const std::string& text) {
    hlm_plan_options options = TinyPlanOptions();
    options.numerics_json = text.c_str();
    Make(options);
  });
}

// Not JSON, but numbers of a struct: as far as a plan of them is made in no time.
TEST_F(PlanInputs, Options) {
  std::vector<std::pair<const char*, std::function<void(hlm_plan_options&, int64_t)>>> fields = {
      {"purpose", [](auto& o, int64_t v) { o.purpose = static_cast<int32_t>(v); }},
      {"compute", [](auto& o, int64_t v) { o.compute = static_cast<int32_t>(v); }},
      {"batch_size", [](auto& o, int64_t v) { o.batch_size = v % 3000; }},
      {"seq_len", [](auto& o, int64_t v) { o.seq_len = v % 3000; }},
      {"micro_batch", [](auto& o, int64_t v) { o.micro_batch = v; }},
      {"sweeps", [](auto& o, int64_t v) { o.sweeps = v; }},
      {"activations", [](auto& o, int64_t v) { o.activations = static_cast<int32_t>(v); }},
      {"block_inputs", [](auto& o, int64_t v) { o.block_inputs = static_cast<int32_t>(v); }},
      {"slots", [](auto& o, int64_t v) { o.slots = v; }},
      {"prefetch", [](auto& o, int64_t v) { o.prefetch = v; }},
      {"ring", [](auto& o, int64_t v) { o.ring = v; }},
      {"head_chunk", [](auto& o, int64_t v) { o.head_chunk = v; }},
      {"max_part_bytes", [](auto& o, int64_t v) { o.max_part_bytes = v; }},
      {"optimizer_timing", [](auto& o, int64_t v) { o.optimizer_timing = static_cast<int32_t>(v); }},
      {"grad_dtype", [](auto& o, int64_t v) { o.grad_dtype = static_cast<int32_t>(v); }},
      {"threads", [](auto& o, int64_t v) { o.threads = v; }},
      {"optimizer_threads", [](auto& o, int64_t v) { o.optimizer_threads = v; }},
      {"host_limit_bytes", [](auto& o, int64_t v) { o.host_limit_bytes = v; }},
      {"device_limit_bytes", [](auto& o, int64_t v) { o.device_limit_bytes = v; }},
      {"optimizer", [](auto& o, int64_t v) { o.optimizer = static_cast<int32_t>(v); }},
      {"states", [](auto& o, int64_t v) { o.states = static_cast<int32_t>(v); }},
      {"master", [](auto& o, int64_t v) { o.master = static_cast<int32_t>(v); }},
      {"snapshot_bytes", [](auto& o, int64_t v) { o.snapshot_bytes = v; }},
      {"frozen_copies", [](auto& o, int64_t v) { o.frozen_copies = v; }},
  };
  Json all = Json::object();
  std::vector<std::string> words;
  for (const auto& field : fields) {
    words.emplace_back(field.first);
    all[field.first] = 1;
  }
  Run("plan options", {"{}", R"({"states": 1, "ring": 2})", all.dump()}, words, 1500, [&](const std::string& text) {
    const nlohmann::json given =
        nlohmann::json::parse(text, nullptr, false);  // an ordered one takes a square of the members' number
    hlm_plan_options options = TinyPlanOptions();
    if (given.is_object()) {
      for (const auto& [name, set] : fields) {
        if (given.contains(name) && given[name].is_number_integer()) set(options, given[name].get<int64_t>());
      }
    }
    Make(options);
  });
}

TEST_F(JsonInputs, Manifest) {
  const Trainer trainer = TinyTrainer();
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  ASSERT_OK(hlm_trainer_step(trainer.get(), &batch, nullptr));
  hlm_checkpoint_options options;
  hlm_checkpoint_options_init(&options);
  options.background = 0;
  ASSERT_OK(hlm_trainer_save(trainer.get(), folder_.c_str(), &options));
  std::string path;
  for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
    if (entry.path().filename() == "manifest.json") path = entry.path();
  }
  std::ifstream file(path);
  const std::string whole((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  // The sum stands at the end, over all before its digits. A changed manifest has its right one: what reads it is to be tested.
  constexpr size_t kDigits = 16;
  const size_t end = whole.rfind('"'), comma = whole.rfind(',');
  ASSERT_GT(end, kDigits);
  const std::string key = whole.substr(comma, end - kDigits - comma), tail = whole.substr(end);
  const auto with_sum = [&](std::string body) {
    body += key;
    char digits[kDigits + 1];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(XXH3_64bits(body.data(), body.size())));
    return body + digits + tail;
  };
  ASSERT_EQ(with_sum(whole.substr(0, comma)), whole);
  const std::string object = whole.substr(0, comma) + "}";
  std::vector<std::string> words = {"units", "files",    "name", "bytes",    "arrays", "kind",
                                    "begin", "elements", "step", "numerics", "../x"};
  const Json members = Json::parse(object);
  for (const auto& [name, value] : members.items()) words.push_back(name);
  Run("manifest", {object}, words, 600, [&](const std::string& text) {
    const size_t close = text.rfind('}');
    std::ofstream(path, std::ios::binary) << with_sum(close == std::string::npos ? text : text.substr(0, close));
    char* json = nullptr;
    Take(hlm_checkpoint_list(folder_.c_str(), &json));
    const String list(std::exchange(json, nullptr));
    Take(hlm_trainer_resume(trainer.get(), folder_.c_str(), nullptr, &json));
    const String said(json);
  });
}

TEST_F(JsonInputs, Conversations) {
  const std::string path =
      Write("t.jinja",
            "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% if m.tool_calls %}{{ m.tool_calls|tojson }}{% endif %}"
            "{% generation %}{% endgeneration %}{% endfor %}{% for t in tools or [] %}{{ t|tojson }}{% endfor %}{{ x }}");
  hlm_template* opened = nullptr;
  ASSERT_OK(hlm_template_open(path.c_str(), &opened));
  const Template chat(opened);
  Run("conversations",
      {R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": [{"type": "text", "text": "a"}],
           "tool_calls": [{"function": {"name": "f", "arguments": {"x": [1, 2.5, null]}}}]}], "tools": [{"name": "f"}], "variables": {"x": 1}})"},
      {"role", "content", "tool_calls", "function", "arguments", "name", "user", "assistant", "tools", "x"}, 2000,
      [&](const std::string& text) {
        // Its parts are texts of their own; one that is far too deep is for the library alone.
        const nlohmann::json all = text.size() > 100'000 ? nlohmann::json() : nlohmann::json::parse(text, nullptr, false);
        const auto part = [&](const char* name) {
          return all.is_object() && all.contains(name) ? all[name].dump(-1, ' ', false, Json::error_handler_t::replace) : text;
        };
        const std::string messages = part("messages"), tools = part("tools"), variables = part("variables");
        hlm_template_options options;
        hlm_template_options_init(&options);
        options.tools_json = tools.c_str();
        options.variables_json = variables.c_str();
        char* out = nullptr;
        Take(hlm_template_render(chat.get(), messages.c_str(), &options, &out));
        const String rendered(out);
      });
}

TEST_F(JsonInputs, ModelConfiguration) {
  Run("model configuration",
      {R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2,
           "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 32, "rms_norm_eps": 1e-5, "max_position_embeddings": 64,
           "rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
           "original_max_position_embeddings": 16}, "tie_word_embeddings": true, "eos_token_id": [1, 2]})",
       R"({"model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "hidden_size": 8, "intermediate_size": 12,
           "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "vocab_size": 32, "num_experts": 4,
           "num_experts_per_tok": 2, "moe_intermediate_size": 4, "decoder_sparse_step": 1, "mlp_only_layers": [0]})"},
      {"model_type", "gemma3", "mamba2", "layer_types", "full_attention", "text_config", "quantization_config", "head_dim",
       "sliding_window", "hidden_act", "num_hidden_layers", "attention_bias"},
      1500, [&](const std::string& text) {
        hlm_model* made = nullptr;
        hlm_error* error = hlm_model_create(text.c_str(), 1, &made);
        const Model model(made);
        Take(error);
        if (model == nullptr) return;
        char* json = nullptr;
        Take(hlm_model_describe(model.get(), &json));
        const String owner(json);
      });
}

TEST_F(JsonInputs, StopIds) {
  const Model model = TinyModel();
  Run("stop ids", {"[1, 2]", "[]"}, {"1"}, 600, [&](const std::string& text) {
    hlm_text_options options;
    hlm_text_options_init(&options);
    options.stop_ids_json = text.c_str();
    hlm_model* made = nullptr;
    hlm_error* error = hlm_model_with_text(model.get(), &options, &made);
    const Model with_text(made);
    Take(error);
  });
}

TEST_F(JsonInputs, TokenizerFiles) {
  const std::string config = Write("tokenizer_config.json", R"({"model_max_length": 1e30, "eos_token": "b"})");
  const std::string file = R"({"added_tokens": [{"id": 3, "content": "<s>", "special": true, "normalized": false}],
      "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Prepend", "prepend": "a"}]},
      "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "a+"}, "behavior": "Isolated", "invert": false}, "post_processor": null,
      "decoder": {"type": "Fuse"}, "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]], "unk_token": null}})";
  Run("tokenizer file", {file},
      {"type", "BPE", "Unigram", "WordPiece", "ByteLevel", "Split", "Regex", "String", "ab", "<s>", "vocab", "merges"}, 1500,
      [&](const std::string& text) {
        Write("tokenizer.json", text);
        hlm_tokenizer* made = nullptr;
        hlm_error* error = hlm_tokenizer_open(folder_.c_str(), &made);
        const std::unique_ptr<hlm_tokenizer, Destroyer<hlm_tokenizer, hlm_tokenizer_destroy>> tokenizer(made);
        Take(error);
        if (tokenizer == nullptr) return;
        char* json = nullptr;
        Take(hlm_tokenizer_describe(tokenizer.get(), &json));
        const String owner(json);
      });
}

TEST_F(JsonInputs, Records) {
  Run("records",
      {R"([{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "tool_calls": [{"function": {"name": "f",
           "arguments": "{}"}}]}], "tools": [{"name": "f"}], "system": "s"}])",
       R"([{"instruction": "q", "input": "", "output": "a", "history": [["q", "a"]]}, {"prompt": "q", "chosen": "a", "rejected": "b"}])"},
      kDataWords, 1500, [&](const std::string& text) {
        Write("r.json", text);
        char* json = nullptr;
        Take(hlm_dataset_read_record((R"({"data": ")" + folder_ + R"(/r.json", "task": "sft"})").c_str(), 0, &json));
        const String owner(json);
      });
}

}  // namespace
}  // namespace hlm_test
