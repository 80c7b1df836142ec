// Models and plans: what a caller can do wrong is an error that names it, and nothing is written.
#include <climits>
#include <functional>
#include <string>

#include "tests/c_api/handles.h"

namespace hlm_test {
namespace {

TEST(ModelMisuse, NullAndEmpty) {
  hlm_model* model = nullptr;
  char* text = nullptr;
  ExpectError(hlm_model_open(nullptr, &model), HLM_INVALID_ARGUMENT, {"folder is NULL"});
  ExpectError(hlm_model_open("", &model), HLM_INVALID_ARGUMENT, {"folder is empty"});
  ExpectError(hlm_model_open("/tmp", nullptr), HLM_INVALID_ARGUMENT, {"out_model is NULL"});
  ExpectError(hlm_model_create(nullptr, 0, &model), HLM_INVALID_ARGUMENT, {"config_json is NULL"});
  ExpectError(hlm_model_create(TinyConfig().c_str(), 0, nullptr), HLM_INVALID_ARGUMENT, {"out_model is NULL"});
  ExpectError(hlm_model_describe(nullptr, &text), HLM_INVALID_ARGUMENT, {"model is NULL"});
  ExpectError(hlm_model_describe(TinyModel().get(), nullptr), HLM_INVALID_ARGUMENT, {"out_json is NULL"});
  ExpectError(hlm_model_save(nullptr, "/tmp/x", nullptr), HLM_INVALID_ARGUMENT, {"model is NULL"});
  ExpectError(hlm_model_check_save(nullptr, "/tmp/x", nullptr, nullptr), HLM_INVALID_ARGUMENT, {"model is NULL"});
  ExpectError(hlm_model_check_save(TinyModel().get(), nullptr, nullptr, nullptr), HLM_INVALID_ARGUMENT, {"folder is NULL"});
  ExpectError(hlm_checkpoint_check(nullptr, 0), HLM_INVALID_ARGUMENT, {"directory is NULL"});
  ExpectError(hlm_checkpoint_check("/tmp", -1), HLM_INVALID_ARGUMENT, {"bytes is -1"});
  ExpectError(hlm_model_with_text(nullptr, nullptr, nullptr), HLM_INVALID_ARGUMENT, {"model is NULL"});
  ExpectError(hlm_model_with_text(TinyModel().get(), nullptr, nullptr), HLM_INVALID_ARGUMENT, {"out_model is NULL"});
  hlm_text_options words;
  hlm_text_options_init(&words);
  hlm_model* unmade = nullptr;
  for (const char* ids : {"[", "3", "[\"a\"]", "[-1]", "[4000000000]", "[1.5]"}) {
    words.stop_ids_json = ids;
    ExpectError(hlm_model_with_text(TinyModel().get(), &words, &unmade), HLM_INVALID_ARGUMENT, {"stop_ids_json"});
  }
  words.stop_ids_json = "[100000]";
  ExpectError(hlm_model_with_text(TinyModel().get(), &words, &unmade), HLM_INVALID_ARGUMENT, {"100000", "vocabulary"});
  words.stop_ids_json = nullptr;
  words.tokenizer = "/no/such/tokenizer";
  ExpectError(hlm_model_with_text(TinyModel().get(), &words, &unmade), HLM_NOT_FOUND, {"/no/such/tokenizer"});
  words.tokenizer = nullptr;
  words.chat_template = "/no/such/template";
  ExpectError(hlm_model_with_text(TinyModel().get(), &words, &unmade), HLM_NOT_FOUND, {"/no/such/template"});
  ExpectError(hlm_model_save(TinyModel().get(), nullptr, nullptr), HLM_INVALID_ARGUMENT, {"folder is NULL"});
  hlm_model_destroy(nullptr);
  EXPECT_EQ(model, nullptr);
  EXPECT_EQ(text, nullptr);
}

TEST(ModelMisuse, SaveOptions) {
  const Model model = TinyModel();
  const std::string folder = testing::TempDir() + "/never_made";
  const auto expect = [&](const std::function<void(hlm_save_options&)>& change, std::initializer_list<std::string> parts) {
    hlm_save_options options;
    hlm_save_options_init(&options);
    change(options);
    ExpectError(hlm_model_save(model.get(), folder.c_str(), &options), HLM_INVALID_ARGUMENT, parts);
  };
  expect([](auto& o) { o.dtype = 4; }, {"dtype is 4", "-1 (AUTO)", "3 (SOURCE)"});
  expect([](auto& o) { o.dtype = -2; }, {"dtype is -2"});
  expect([](auto& o) { o.overwrite = 2; }, {"overwrite is 2"});
  expect([](auto& o) { o.max_shard_bytes = 0; }, {"max_shard_bytes is 0"});
  expect([](auto& o) { o.max_shard_bytes = -5; }, {"max_shard_bytes is -5"});
}

TEST(PlanMisuse, NullAndEmpty) {
  const Model model = TinyModel();
  const Plan good = TinyPlan(model.get());
  hlm_plan* plan = nullptr;
  char* text = nullptr;
  int64_t value = 77;
  ExpectError(hlm_plan_make(nullptr, nullptr, &plan), HLM_INVALID_ARGUMENT, {"model is NULL"});
  ExpectError(hlm_plan_make(model.get(), nullptr, nullptr), HLM_INVALID_ARGUMENT, {"out_plan is NULL"});
  ExpectError(hlm_plan_json(nullptr, &text), HLM_INVALID_ARGUMENT, {"plan is NULL"});
  ExpectError(hlm_plan_json(good.get(), nullptr), HLM_INVALID_ARGUMENT, {"out_json is NULL"});
  ExpectError(hlm_plan_value(nullptr, "host_bytes", &value), HLM_INVALID_ARGUMENT, {"plan is NULL"});
  ExpectError(hlm_plan_value(good.get(), nullptr, &value), HLM_INVALID_ARGUMENT, {"key is NULL"});
  ExpectError(hlm_plan_value(good.get(), "host_bytes", nullptr), HLM_INVALID_ARGUMENT, {"out_value is NULL"});
  ExpectError(hlm_plan_value(good.get(), "no_such_key", &value), HLM_NOT_FOUND, {"no_such_key"});
  ExpectError(hlm_plan_value(good.get(), "numerics", &value), HLM_NOT_FOUND, {"numerics"});
  hlm_plan_destroy(nullptr);
  EXPECT_EQ(plan, nullptr);
  EXPECT_EQ(text, nullptr);
  EXPECT_EQ(value, 77);
  EXPECT_OK(hlm_plan_value(good.get(), "host_bytes", &value));
  EXPECT_GT(value, 0);
}

TEST(PlanMisuse, NullOptionsAreTheDefaults) {
  const Model model = TinyModel();
  hlm_plan_options options;
  hlm_plan_options_init(&options);
  const auto json = [&](const hlm_plan_options* given) {
    hlm_plan* plan = nullptr;
    EXPECT_OK(hlm_plan_make(model.get(), given, &plan));
    const Plan own(plan);
    char* text = nullptr;
    EXPECT_OK(hlm_plan_json(own.get(), &text));
    return std::string(String(text).get());
  };
  EXPECT_EQ(json(nullptr), json(&options));
}

struct WrongOption {
  const char* name;
  std::function<void(hlm_plan_options&)> change;
  std::initializer_list<std::string> parts;
};

TEST(PlanMisuse, EveryOptionOutOfRangeIsNamed) {
  const Model model = TinyModel();
  const WrongOption cases[] = {
      {"device NULL", [](auto& o) { o.device = nullptr; }, {"device is NULL"}},
      {"device empty", [](auto& o) { o.device = ""; }, {"device is empty"}},
      {"purpose", [](auto& o) { o.purpose = 3; }, {"purpose is 3", "2 (FORWARD)"}},
      {"purpose", [](auto& o) { o.purpose = -1; }, {"purpose is -1"}},
      {"compute", [](auto& o) { o.compute = HLM_DTYPE_F16; }, {"compute is 2", "1 (BF16)"}},
      {"activations", [](auto& o) { o.activations = 4; }, {"activations is 4", "3 (RECOMPUTE)"}},
      {"block_inputs", [](auto& o) { o.block_inputs = INT_MIN; }, {"block_inputs is -2147483648", "2 (HOST)"}},
      {"timing", [](auto& o) { o.optimizer_timing = 3; }, {"optimizer_timing is 3", "1 (BACKWARD)"}},
      {"grad_dtype", [](auto& o) { o.grad_dtype = HLM_DTYPE_F16; }, {"grad_dtype is 2", "0 (F32)"}},
      {"grad_dtype", [](auto& o) { o.grad_dtype = -2; }, {"grad_dtype is -2"}},
      {"batch_size", [](auto& o) { o.batch_size = 0; }, {"batch_size is 0"}},
      {"batch_size", [](auto& o) { o.batch_size = INT64_MAX; }, {"batch_size is 9223372036854775807"}},
      {"seq_len", [](auto& o) { o.seq_len = -1; }, {"seq_len is -1"}},
      {"tokens of a step",
       [](auto& o) { o.batch_size = 1 << 20, o.seq_len = 1 << 12; },
       {"batch_size * seq_len is 4294967296", "2147483647"}},
      {"peers of one device", [](auto& o) { o.route = HLM_ROUTE_PEER; }, {"route is peer", "alone", "set route to auto"}},
      {"reduction_groups", [](auto& o) { o.reduction_groups = -1; }, {"reduction_groups is -1; it must lie in [0, 1024]"}},
      {"micro_batch", [](auto& o) { o.micro_batch = 3; }, {"micro_batch is 3"}},
      {"sweeps", [](auto& o) { o.sweeps = -1; }, {"sweeps is -1"}},
      {"slots", [](auto& o) { o.slots = -1; }, {"slots is -1"}},
      {"prefetch", [](auto& o) { o.prefetch = -2; }, {"prefetch is -2"}},
      {"prefetch above slots", [](auto& o) { o.slots = 2, o.prefetch = 2; }, {"prefetch is 2"}},
      {"ring", [](auto& o) { o.ring = -1; }, {"ring is -1"}},
      {"head_chunk", [](auto& o) { o.head_chunk = -1; }, {"head_chunk is -1"}},
      {"max_part_bytes", [](auto& o) { o.max_part_bytes = 1; }, {"max_part_bytes is 1"}},
      {"max_part_bytes", [](auto& o) { o.max_part_bytes = -1; }, {"max_part_bytes is -1"}},
      {"threads", [](auto& o) { o.threads = -1; }, {"threads is -1"}},
      {"optimizer_threads", [](auto& o) { o.optimizer_threads = -1; }, {"optimizer_threads is -1"}},
      {"host_limit", [](auto& o) { o.host_limit_bytes = -1; }, {"host_limit_bytes is -1"}},
      {"device_limit", [](auto& o) { o.device_limit_bytes = -1; }, {"device_limit_bytes is -1"}},
      {"grad_clip", [](auto& o) { o.grad_clip = -1; }, {"grad_clip is -1"}},
      {"grad_clip", [](auto& o) { o.grad_clip = 0.0 / 0.0; }, {"grad_clip is", "nan"}},
      {"clip with backward", [](auto& o) { o.optimizer_timing = HLM_TIMING_BACKWARD; }, {"grad_clip", "optimizer_timing"}},
      {"timing", [](auto& o) { o.optimizer_timing = -2; }, {"optimizer_timing is -2", "-1 (AUTO)"}},
      {"optimizer", [](auto& o) { o.optimizer = 4; }, {"optimizer is 4", "3 (LION)"}},
      {"optimizer", [](auto& o) { o.optimizer = -1; }, {"optimizer is -1"}},
      {"states", [](auto& o) { o.states = 3; }, {"states is 3", "2 (INT8)", "-1 (AUTO)"}},
      {"states", [](auto& o) { o.states = -2; }, {"states is -2"}},
      {"master", [](auto& o) { o.master = 2; }, {"master is 2", "1 (NONE)", "-1 (AUTO)"}},
      {"f32 without a master",
       [](auto& o) { o.compute = HLM_DTYPE_F32, o.master = HLM_MASTER_NONE; },
       {"master is none", "compute is f32"}},
      {"snapshot_bytes", [](auto& o) { o.snapshot_bytes = -2; }, {"snapshot_bytes is -2"}},
      {"machine_json empty", [](auto& o) { o.machine_json = ""; }, {"machine_json is empty"}},
      {"machine_json no JSON", [](auto& o) { o.machine_json = "cores = 3"; }, {"machine file"}},
      {"machine_json no object", [](auto& o) { o.machine_json = "[1]"; }, {"machine file", "array"}},
      {"machine_json unknown key", [](auto& o) { o.machine_json = "{\"gpus\": 2}"; }, {"'gpus'", "device_bytes"}},
      {"machine_json twice", [](auto& o) { o.machine_json = "{\"cores\": 2, \"cores\": 3}"; }, {"cores"}},
      {"machine_json text", [](auto& o) { o.machine_json = "{\"cores\": \"two\"}"; }, {"cores is \"two\""}},
      {"machine_json part", [](auto& o) { o.machine_json = "{\"host_bytes\": 1.5}"; }, {"host_bytes is 1.5"}},
      {"machine_json zero", [](auto& o) { o.machine_json = "{\"up_bytes_per_second\": 0}"; }, {"up_bytes_per_second is 0"}},
      {"machine_json negative", [](auto& o) { o.machine_json = "{\"device_bytes\": -5}"; }, {"device_bytes is -5"}},
      {"machine_json large", [](auto& o) { o.machine_json = "{\"host_bytes\": 1e300}"; }, {"host_bytes is 1e+300"}},
      {"another device than the file's",
       [](auto& o) { o.device = "cuda:1", o.machine_json = "{\"device\": \"cuda:0\"}"; },
       {"cuda:1", "cuda:0"}},
      {"f32 with bf16 gradients",
       [](auto& o) { o.compute = HLM_DTYPE_F32, o.grad_dtype = HLM_DTYPE_BF16; },
       {"grad_dtype", "f32"}},
  };
  for (const WrongOption& wrong : cases) {
    SCOPED_TRACE(wrong.name);
    hlm_plan_options options = TinyPlanOptions();
    wrong.change(options);
    hlm_plan* plan = nullptr;
    ExpectError(hlm_plan_make(model.get(), &options, &plan), HLM_INVALID_ARGUMENT, wrong.parts);
    EXPECT_EQ(plan, nullptr);
  }
  // The model serves on after every refusal.
  EXPECT_NE(TinyPlan(model.get()), nullptr);
}

// A plan for a machine that is not here is for reading, on whatever machine.
TEST(PlanMisuse, APlanForAnotherMachineCannotRun) {
  const Model model = TinyModel();
  hlm_plan_options options = TinyPlanOptions();
  for (const char* machine : {R"({"name": "elsewhere"})", R"({"name": "elsewhere", "device": "cpu", "cores": 64})"}) {
    options.device = "auto";
    options.machine_json = machine;
    hlm_plan* raw = nullptr;
    ASSERT_OK(hlm_plan_make(model.get(), &options, &raw));
    const Plan plan(raw);
    char* text = nullptr;
    ASSERT_OK(hlm_plan_json(plan.get(), &text));
    EXPECT_NE(std::string(String(text).get()).find("\"machine\": \"elsewhere\""), std::string::npos);
    hlm_trainer* trainer = nullptr;
    ExpectError(hlm_trainer_create(model.get(), plan.get(), nullptr, &trainer), HLM_FAILED_PRECONDITION, {"elsewhere"});
    EXPECT_EQ(trainer, nullptr);
    char* products = nullptr;
    ExpectError(hlm_plan_time_products(plan.get(), &products), HLM_FAILED_PRECONDITION, {"elsewhere"});
  }
}

// What the library writes of this machine it reads again, and plans the same bytes and times from it.
TEST(PlanMisuse, ThisMachineAsAFileGivesTheSamePlan) {
  const Model model = TinyModel();
  char* machine = nullptr;
  ExpectError(hlm_device_machine(nullptr, &machine), HLM_INVALID_ARGUMENT, {"name is NULL"});
  ExpectError(hlm_device_machine("cpu", nullptr), HLM_INVALID_ARGUMENT, {"out_json is NULL"});
  ExpectError(hlm_device_machine("abacus", &machine), HLM_NOT_FOUND, {"abacus"});
  ASSERT_OK(hlm_device_machine("cpu", &machine));
  const String text(machine);
  hlm_plan_options options = TinyPlanOptions();
  options.device = "cpu";
  const auto values = [&](const char* json) {
    options.machine_json = json;
    hlm_plan* raw = nullptr;
    EXPECT_OK(hlm_plan_make(model.get(), &options, &raw));
    const Plan plan(raw);
    std::string all;
    for (const char* key : {"host_bytes", "device_bytes", "memory.device.workspace", "optimizer_threads", "sweeps",
                            "prediction.host_traffic_bytes"}) {
      int64_t value = 0;
      EXPECT_OK(hlm_plan_value(plan.get(), key, &value));
      all += std::to_string(value) + " ";
    }
    return all;
  };
  EXPECT_EQ(values(nullptr), values(text.get()));
}

TEST(PlanMisuse, UnknownDevice) {
  hlm_plan_options options = TinyPlanOptions();
  options.device = "abacus:1";
  hlm_plan* plan = nullptr;
  ExpectError(hlm_plan_make(TinyModel().get(), &options, &plan), HLM_NOT_FOUND, {"abacus:1"});
}

TEST(PlanMisuse, WhatDoesNotFitIsRefusedWithTheNumbers) {
  hlm_plan_options options = TinyPlanOptions();
  options.host_limit_bytes = 1 << 20;
  hlm_plan* plan = nullptr;
  ExpectError(hlm_plan_make(TinyModel().get(), &options, &plan), HLM_RESOURCE_EXHAUSTED, {"1048576"});
  EXPECT_EQ(plan, nullptr);
}

}  // namespace
}  // namespace hlm_test
