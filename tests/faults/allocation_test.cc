// Memory that runs out: the 1st, 2nd, 3rd ... operator new of a call fails, until the call needs no more. Each time the call
// returns an error, hands out nothing, and the same call succeeds afterwards.
//
// Only allocations of the calling thread fail: those are the library's own. What its threads do between events cannot be made to
// fail at the same place twice.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "tests/faults/model_folder.h"

namespace {

constinit thread_local int64_t allocations_left = -1;  // until the one that fails; below 0: none does
constinit thread_local bool allocation_failed = false;

bool ThisOneFails() {
  if (allocations_left < 0) return false;
  if (allocations_left-- > 0) return false;
  allocation_failed = true;
  return true;
}

void* Allocate(std::size_t bytes, std::size_t alignment) {
  if (ThisOneFails()) throw std::bad_alloc();
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* data = alignment <= alignof(std::max_align_t) ? std::malloc(bytes) : std::aligned_alloc(alignment, rounded);
  if (data == nullptr) throw std::bad_alloc();
  return data;
}

}  // namespace

// All forms, so that no pair is left half to a sanitizer.
void* operator new(std::size_t bytes) { return Allocate(bytes == 0 ? 1 : bytes, 1); }
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return Allocate(bytes == 0 ? 1 : bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) { return operator new(bytes, alignment); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return operator new(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new[](std::size_t bytes, const std::nothrow_t& tag) noexcept { return operator new(bytes, tag); }
void operator delete(void* data) noexcept { std::free(data); }
void operator delete[](void* data) noexcept { std::free(data); }
void operator delete(void* data, std::size_t) noexcept { std::free(data); }
void operator delete[](void* data, std::size_t) noexcept { std::free(data); }
void operator delete(void* data, std::align_val_t) noexcept { std::free(data); }
void operator delete[](void* data, std::align_val_t) noexcept { std::free(data); }
void operator delete(void* data, std::size_t, std::align_val_t) noexcept { std::free(data); }
void operator delete[](void* data, std::size_t, std::align_val_t) noexcept { std::free(data); }
void operator delete(void* data, const std::nothrow_t&) noexcept { std::free(data); }
void operator delete[](void* data, const std::nothrow_t&) noexcept { std::free(data); }

namespace hlm_test {
namespace {

// Fails the n-th allocation (from 0) of this thread in `call`. Sets *failed where there was one.
hlm_error* WithFailure(int64_t n, bool* failed, const std::function<hlm_error*()>& call) {
  allocation_failed = false;
  allocations_left = n;
  hlm_error* error = call();
  allocations_left = -1;
  *failed = allocation_failed;
  return error;
}

// Every allocation of `call` in turn. `check` looks at what is left behind after each. Returns how many there were.
int64_t FailEach(const std::function<hlm_error*()>& call, const std::function<void(bool succeeded)>& check) {
  for (int64_t n = 0;; ++n) {
    bool failed = false;
    const Error error(WithFailure(n, &failed, call));
    if (error != nullptr) {
      EXPECT_TRUE(failed) << n << ": " << hlm_error_message(error.get());
      EXPECT_EQ(hlm_error_code(error.get()), HLM_RESOURCE_EXHAUSTED)
          << "allocation " << n << ": " << hlm_error_message(error.get());
    }
    check(error == nullptr);
    if (!failed || testing::Test::HasFailure()) return n;
  }
}

std::string Describe(const hlm_model* model) {
  char* text = nullptr;
  EXPECT_OK(hlm_model_describe(model, &text));
  return String(text).get();
}

std::string PlanText(const hlm_plan* plan) {
  char* text = nullptr;
  EXPECT_OK(hlm_plan_json(plan, &text));
  return String(text).get();
}

double StepLoss(hlm_trainer* trainer) {
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  hlm_step_metrics metrics;
  hlm_step_metrics_init(&metrics);
  EXPECT_OK(hlm_trainer_step(trainer, &batch, &metrics));
  return metrics.loss;
}

// The calls that parse: a configuration, safetensors headers, an index. `open` fails in every way that `create` does and more.
void FailEachAndDescribe(const std::function<hlm_error*(hlm_model** out)>& call, int64_t least_allocations) {
  hlm_model* model = nullptr;
  ASSERT_OK(call(&model));
  const std::string whole = Describe(model);
  hlm_model_destroy(std::exchange(model, nullptr));
  const int64_t count = FailEach([&] { return call(&model); },
                                 [&](bool succeeded) {
                                   ASSERT_EQ(model != nullptr, succeeded);
                                   if (succeeded) {
                                     EXPECT_EQ(Describe(model), whole);
                                   }
                                   hlm_model_destroy(std::exchange(model, nullptr));
                                 });
  EXPECT_GT(count, least_allocations);
}

// Every kind of value, nested: in the part of a configuration that no model asks for, but that is parsed all the same.
std::string ConfigWithNestedValues() {
  std::string config = TinyConfig();
  config.insert(
      config.find('{') + 1,
      R"("id2label": {"0": "a name too long to lie inside its string", "1": [1, -2, 2.5, true, null, {"deep": [[[]], {}]}]},)");
  return config;
}

TEST(Allocation, CreateModel) {
  const std::string config = ConfigWithNestedValues();
  FailEachAndDescribe([&](hlm_model** out) { return hlm_model_create(config.c_str(), 1, out); }, 50);
}

// A damaged text has an error of its own to make, with what was parsed so far on its hands.
TEST(Allocation, CreateModelFromADamagedText) {
  const std::string config = ConfigWithNestedValues();
  const std::string damaged[] = {config.substr(0, config.size() - 1), config.substr(0, config.size() / 2), config + "}",
                                 "{\"a\": {\"b\": [1, 2, {\"c\": 1e999}]}}", "{\"a\": {\"b\": [1, 2, {\"c\": \"\xff\"}]}}"};
  for (const std::string& text : damaged) {
    hlm_model* model = nullptr;
    for (int64_t n = 0;; ++n) {
      bool failed = false;
      const Error error(WithFailure(n, &failed, [&] { return hlm_model_create(text.c_str(), 1, &model); }));
      ASSERT_EQ(model, nullptr);
      ASSERT_NE(error, nullptr);
      EXPECT_EQ(hlm_error_code(error.get()), failed ? HLM_RESOURCE_EXHAUSTED : HLM_INVALID_ARGUMENT)
          << n << ": " << hlm_error_message(error.get());
      if (!failed || HasFailure()) break;
    }
  }
}

TEST(Allocation, OpenModel) {
  const std::vector<FileTensor> tensors = TinyTensors();
  const std::string folder = WriteModel("one_file", tensors, ConfigWithNestedValues());
  FailEachAndDescribe([&](hlm_model** out) { return hlm_model_open(folder.c_str(), out); }, 100);
}

TEST(Allocation, OpenModelInShards) {
  const std::vector<FileTensor> tensors = TinyTensors();
  const std::string first = "model-00001-of-00002.safetensors", second = "model-00002-of-00002.safetensors";
  std::vector<FileTensor> shards[2];
  std::string map;
  for (const FileTensor& tensor : tensors) {
    const bool in_first = shards[0].size() <= tensors.size() / 2;
    shards[in_first ? 0 : 1].push_back(tensor);
    map += (map.empty() ? "\"" : ",\"") + tensor.name + "\":\"" + (in_first ? first : second) + "\"";
  }
  const std::string folder =
      WriteFolder("shards", {{"config.json", TinyConfig()},
                             {"model.safetensors.index.json", R"({"metadata":{"total_size":1},"weight_map":{)" + map + "}}"},
                             {first, SafetensorsBytes(shards[0])},
                             {second, SafetensorsBytes(shards[1])}});
  FailEachAndDescribe([&](hlm_model** out) { return hlm_model_open(folder.c_str(), out); }, 100);
}

TEST(Allocation, Describe) {
  const Model model = TinyModel();
  const std::string whole = Describe(model.get());
  char* text = nullptr;
  FailEach([&] { return hlm_model_describe(model.get(), &text); },
           [&](bool succeeded) {
             ASSERT_EQ(text != nullptr, succeeded);
             if (succeeded) {
               EXPECT_EQ(text, whole);
             }
             hlm_string_destroy(std::exchange(text, nullptr));
           });
}

TEST(Allocation, Plan) {
  const Model model = TinyModel();
  const hlm_plan_options options = TinyPlanOptions();
  const std::string whole = PlanText(TinyPlan(model.get()).get());
  hlm_plan* plan = nullptr;
  const int64_t count = FailEach([&] { return hlm_plan_make(model.get(), &options, &plan); },
                                 [&](bool succeeded) {
                                   ASSERT_EQ(plan != nullptr, succeeded);
                                   if (succeeded) {
                                     EXPECT_EQ(PlanText(plan), whole);
                                   }
                                   hlm_plan_destroy(std::exchange(plan, nullptr));
                                 });
  EXPECT_GT(count, 5);
}

// From a machine's text, with a choice to make.
TEST(Allocation, PlanForAnotherMachine) {
  const Model model = TinyModel();
  hlm_plan_options options = TinyPlanOptions();
  options.device = "auto";
  options.compute = HLM_DTYPE_BF16;
  options.states = HLM_STATES_AUTO;
  options.master = HLM_MASTER_AUTO;
  options.machine_json = R"({"name": "elsewhere", "cores": 8, "host_bytes": 100e9, "assumed": ["cores"]})";
  hlm_plan* plan = nullptr;
  const int64_t count = FailEach([&] { return hlm_plan_make(model.get(), &options, &plan); },
                                 [&](bool succeeded) {
                                   ASSERT_EQ(plan != nullptr, succeeded);
                                   hlm_plan_destroy(std::exchange(plan, nullptr));
                                 });
  EXPECT_GT(count, 5);
}

// The texts that the library writes.
TEST(Allocation, PlanTexts) {
  const Model model = TinyModel();
  const Plan plan = TinyPlan(model.get());
  const std::string whole = PlanText(plan.get());
  char* text = nullptr;
  FailEach([&] { return hlm_plan_json(plan.get(), &text); },
           [&](bool succeeded) {
             ASSERT_EQ(text != nullptr, succeeded);
             if (succeeded) {
               EXPECT_EQ(text, whole);
             }
             hlm_string_destroy(std::exchange(text, nullptr));
           });
  int64_t value = -1;
  FailEach([&] { return hlm_plan_value(plan.get(), "memory.device.arena", &value); },
           [&](bool succeeded) {
             ASSERT_EQ(value > 0, succeeded);
             value = -1;
           });
}

TEST(Allocation, MetricsAndTrace) {
  const Trainer trainer = TinyTrainer();
  char* text = nullptr;
  FailEach([&] { return hlm_trainer_metrics(trainer.get(), &text); },
           [&](bool succeeded) {
             ASSERT_EQ(text != nullptr, succeeded);
             hlm_string_destroy(std::exchange(text, nullptr));
           });
  const std::string path = testing::TempDir() + "/allocation_trace.json";
  FailEach(
      [&] {
        const int64_t left = std::exchange(allocations_left, -1);
        EXPECT_OK(hlm_trainer_trace_start(trainer.get()));
        StepLoss(trainer.get());
        EXPECT_OK(hlm_trainer_finish(trainer.get()));
        allocations_left = left;
        return hlm_trainer_trace_write(trainer.get(), path.c_str());
      },
      [](bool) {});
}

TEST(Allocation, Save) {
  const std::string source = WriteModel("save_source", TinyTensors(), ConfigWithNestedValues());
  hlm_model* raw = nullptr;
  ASSERT_OK(hlm_model_open(source.c_str(), &raw));
  const Model model(raw);
  const std::string parent = WriteFolder("save_parent", {}), folder = parent + "/out";
  hlm_save_options options;
  hlm_save_options_init(&options);
  options.max_shard_bytes = 20000;  // an index is written too
  FailEach([&] { return hlm_model_save(model.get(), folder.c_str(), &options); },
           [&](bool succeeded) {
             ASSERT_EQ(std::filesystem::exists(folder), succeeded);
             std::filesystem::remove_all(folder);
             ASSERT_TRUE(std::filesystem::is_empty(parent)) << "something half written was left";
           });
}

TEST(Allocation, SaveAndResumeAState) {
  const Trainer trainer = TinyTrainer();
  StepLoss(trainer.get());
  const std::string folder = WriteFolder("state_parent", {}) + "/checkpoints", newest = folder + "/step-000000000001";
  hlm_checkpoint_options options;
  hlm_checkpoint_options_init(&options);
  options.background = 0;
  options.user_data = "a text that is too long to lie inside its string";
  ASSERT_OK(hlm_trainer_save(trainer.get(), folder.c_str(), &options));
  StepLoss(trainer.get());
  const std::string second = folder + "/step-000000000002";
  const int64_t saving = FailEach([&] { return hlm_trainer_save(trainer.get(), folder.c_str(), &options); },
                                  [&](bool succeeded) {
                                    ASSERT_EQ(std::filesystem::exists(second), succeeded);
                                    std::filesystem::remove_all(second);
                                    for (const auto& entry : std::filesystem::directory_iterator(folder))
                                      ASSERT_EQ(entry.path(), newest);
                                  });
  EXPECT_GT(saving, 50);
  char* text = nullptr;
  const int64_t listing = FailEach([&] { return hlm_checkpoint_list(folder.c_str(), &text); },
                                   [&](bool succeeded) {
                                     ASSERT_EQ(text != nullptr, succeeded);
                                     hlm_string_destroy(std::exchange(text, nullptr));
                                   });
  EXPECT_GT(listing, 50);
  const int64_t resuming = FailEach([&] { return hlm_trainer_resume(trainer.get(), folder.c_str(), nullptr, &text); },
                                    [&](bool succeeded) {
                                      ASSERT_EQ(text != nullptr, succeeded);
                                      if (succeeded) {
                                        EXPECT_NE(std::string(text).find("too long"), std::string::npos);
                                      }
                                      hlm_string_destroy(std::exchange(text, nullptr));
                                    });
  EXPECT_GT(resuming, 100);
  EXPECT_TRUE(std::isfinite(StepLoss(trainer.get())));
}

TEST(Allocation, Trainer) {
  const Model model = TinyModel();
  const Plan plan = TinyPlan(model.get());
  hlm_trainer* trainer = nullptr;
  const auto create = [&] { return hlm_trainer_create(model.get(), plan.get(), nullptr, &trainer); };
  ASSERT_OK(create());
  const double loss = StepLoss(trainer);
  hlm_trainer_destroy(std::exchange(trainer, nullptr));
  const int64_t count = FailEach(create, [&](bool succeeded) {
    ASSERT_EQ(trainer != nullptr, succeeded);
    if (succeeded) {
      EXPECT_EQ(StepLoss(trainer), loss);
    }
    hlm_trainer_destroy(std::exchange(trainer, nullptr));
  });
  EXPECT_GT(count, 20);
}

TEST(Allocation, Step) {
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  const Trainer reference = TinyTrainer();
  const double first = StepLoss(reference.get());
  Trainer trainer;
  const int64_t count = FailEach(
      [&] {
        const int64_t left = std::exchange(allocations_left, -1);
        trainer = TinyTrainer();
        allocations_left = left;
        return hlm_trainer_step(trainer.get(), &batch, nullptr);
      },
      [&](bool succeeded) {
        // A step that ran out of memory has changed nothing: the weights are readable, and its loss is what it would have been.
        std::vector<float> weight(32 * 32);
        EXPECT_OK(hlm_trainer_read_tensor(trainer.get(), "model.layers.0.self_attn.q_proj.weight", HLM_TENSOR_WEIGHT, 0,
                                          weight.data(), weight.size() * sizeof(float)));
        if (succeeded) return;
        hlm_step_metrics metrics;
        hlm_step_metrics_init(&metrics);
        const std::string again = Text(hlm_trainer_step(trainer.get(), &batch, &metrics));
        if (again.empty()) {
          EXPECT_EQ(metrics.loss, first);
          EXPECT_EQ(metrics.step, 1);
        }
      });
  EXPECT_GT(count, 20);
}

TEST(Allocation, Errors) {
  // An error that has no memory for itself is the static one: as good as any other, and destroyed as often as one likes.
  const Model model = TinyModel();
  hlm_plan_options options = TinyPlanOptions();
  options.purpose = 99;
  hlm_plan* plan = nullptr;
  int64_t n = 0;
  for (;; ++n) {
    bool failed = false;
    hlm_error* error = WithFailure(n, &failed, [&] { return hlm_plan_make(model.get(), &options, &plan); });
    ASSERT_NE(error, nullptr);
    if (!failed) {
      ExpectError(error, HLM_INVALID_ARGUMENT, {"purpose is 99", "0 (TRAIN), 1 (FORWARD_BACKWARD), 2 (FORWARD)"});
      break;
    }
    EXPECT_EQ(hlm_error_code(error), HLM_RESOURCE_EXHAUSTED) << n;
    EXPECT_STREQ(hlm_error_message(error), "out of memory") << n;
    hlm_error_destroy(error);
    EXPECT_STREQ(hlm_error_message(error), "out of memory");
    hlm_error_destroy(error);
  }
  EXPECT_GE(n, 3);
}

TEST(Allocation, Optimizer) {
  hlm_optimizer_options options;
  hlm_optimizer_options_init(&options);
  options.threads = 2;
  hlm_optimizer* optimizer = nullptr;
  FailEach([&] { return hlm_optimizer_create(&options, &optimizer); },
           [&](bool succeeded) {
             ASSERT_EQ(optimizer != nullptr, succeeded);
             hlm_optimizer_destroy(std::exchange(optimizer, nullptr));
           });
}

// Reading, tokenizing (of token ids: no tokenizer is needed), cutting and packing, and the first step.
TEST(Allocation, OpenDataset) {
  std::string folder = testing::TempDir() + "/dataset-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  std::string lines = R"({"input_ids": [1, 2, 3, 4, 5], "labels": [-100, -100, 3, 4, 5]})"
                      "\n";
  for (int i = 0; i < 4; ++i)
    lines += R"({"input_ids": [1, 2, 3, 4], "note": ["a text too long to lie inside its string", {"a": 1.5}]})"
             "\n";
  const std::string path = folder + "/d.jsonl";
  {
    std::ofstream file(path);
    file << lines;
  }
  const std::string cache = folder + "/cache";
  for (const std::string& more : {std::string(R"("cache_dir": null)"), R"("cache_dir": ")" + cache + "\""}) {
    const std::string config =
        R"({"data": ")" + path + R"(", "seq_len": 4, "evaluation": 1, "epochs": 1, "threads": 1, )" + more + "}";
    int64_t ids = 0;
    const auto call = [&]() -> hlm_error* {
      ids = 0;
      hlm_dataset* dataset = nullptr;
      if (hlm_error* error = hlm_dataset_open(config.c_str(), nullptr, nullptr, &dataset)) {
        EXPECT_EQ(dataset, nullptr);
        return error;
      }
      hlm_dataset_batch batch;
      hlm_dataset_batch_init(&batch);
      hlm_error* error = hlm_dataset_next(dataset, 8, &batch);
      if (error == nullptr) ids = static_cast<int64_t>(batch.n_ids);
      hlm_dataset_destroy(dataset);
      return error;
    };
    const int64_t count = FailEach(call, [&](bool succeeded) { EXPECT_EQ(ids, succeeded ? 16 : 0); });
    EXPECT_GT(count, 100);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace hlm_test
