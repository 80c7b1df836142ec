// Groups through the C interface: what is refused, and steps and losses of two processes against those of one.
#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>

#include <cmath>
#include <cstring>

#include "core/base/error.h"
#include "tests/c_api/handles.h"
#include "tests/group/fingerprint.h"
#include "tests/group/processes.h"

namespace hlm_test {
namespace {

using Group = std::unique_ptr<hlm_group, Destroyer<hlm_group, hlm_group_destroy>>;

hlm_group_options QuickOptions() {
  hlm_group_options options;
  hlm_group_options_init(&options);
  options.timeout_seconds = 60;
  options.silence_seconds = 10;
  options.several_per_machine = 1;
  return options;
}

void Must(hlm_error* error) {
  const std::string text = Text(error);
  if (!text.empty()) throw hlm::Internal(text);
}

TEST(GroupApi, ArgumentsAreChecked) {
  hlm_group* group = nullptr;
  ExpectError(hlm_group_connect(nullptr, 0, 2, nullptr, &group), HLM_INVALID_ARGUMENT, {"address"});
  ExpectError(hlm_group_connect("nowhere", 0, 2, nullptr, &group), HLM_INVALID_ARGUMENT, {"address is \"nowhere\"", "HOST:PORT"});
  ExpectError(hlm_group_connect("a:1", 2, 2, nullptr, &group), HLM_INVALID_ARGUMENT, {"the rank is 2", "[0, 2)"});
  ExpectError(hlm_group_connect("a:1", 0, 0, nullptr, &group), HLM_INVALID_ARGUMENT, {"the size of the group is 0"});
  ExpectError(hlm_group_connect("a:1", 0, 1, nullptr, nullptr), HLM_INVALID_ARGUMENT, {"out_group"});
  ExpectError(hlm_group_from_callback(0, 2, nullptr, nullptr, nullptr, &group), HLM_INVALID_ARGUMENT, {"all_gather"});
  const auto fails = [](void*, const void*, void*, size_t) -> int32_t { return 7; };
  ExpectError(hlm_group_from_callback(0, 2, fails, nullptr, nullptr, &group), HLM_UNAVAILABLE, {"all_gather failed with 7"});
  hlm_group_options options = QuickOptions();
  options.timeout_seconds = NAN;
  ExpectError(hlm_group_connect("a:1", 0, 1, &options, &group), HLM_INVALID_ARGUMENT, {"timeout_seconds is nan"});
  options = QuickOptions();
  options.silence_seconds = 0;
  ExpectError(hlm_group_connect("a:1", 0, 1, &options, &group), HLM_INVALID_ARGUMENT, {"silence_seconds is 0"});
  options = QuickOptions();
  options.several_per_machine = 2;
  ExpectError(hlm_group_connect("a:1", 0, 1, &options, &group), HLM_INVALID_ARGUMENT, {"several_per_machine is 2"});
  options = QuickOptions();
  options.carrier = 4;
  ExpectError(hlm_group_connect("a:1", 0, 1, &options, &group), HLM_INVALID_ARGUMENT, {"carrier is 4"});
  ExpectError(hlm_group_barrier(nullptr), HLM_INVALID_ARGUMENT, {"group"});
  EXPECT_EQ(group, nullptr);
  EXPECT_EQ(hlm_group_rank(nullptr), 0);
  EXPECT_EQ(hlm_group_size(nullptr), 1);
  hlm_group_destroy(nullptr);
}

// Without waiting for anybody, and without refusing several of a machine.
TEST(GroupApi, WhatALauncherSaysIsTold) {
  ExpectError(hlm_group_describe_environment(nullptr), HLM_INVALID_ARGUMENT, {"out_json"});
  const auto told = [](const std::vector<std::pair<const char*, const char*>>& variables) {
    hlm::Processes one(1, [&](int64_t) -> std::string {
      for (const auto& [name, value] : variables) setenv(name, value, 1);
      char* json = nullptr;
      Must(hlm_group_describe_environment(&json));
      const String text(json);
      return json;
    });
    std::string text = one.Result(0);
    std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
    return text;
  };
  EXPECT_EQ(told({}), R"({"rank":0,"size":1,"local_size":1,"launcher":""})");
  const std::vector<std::pair<const char*, const char*>> torchrun = {
      {"RANK", "3"}, {"WORLD_SIZE", "4"}, {"LOCAL_WORLD_SIZE", "2"}, {"MASTER_ADDR", "nowhere"}, {"MASTER_PORT", "1"}};
  EXPECT_EQ(told(torchrun), R"({"rank":3,"size":4,"local_size":2,"launcher":"torchrun"})");
  EXPECT_NE(told({{"RANK", "x"}, {"WORLD_SIZE", "4"}}).find("RANKis\"x\""), std::string::npos);
}

TEST(GroupApi, APlanIsForSoManyProcesses) {
  const Model model = TinyModel();
  hlm_plan_options options = TinyPlanOptions();
  options.processes = 2;
  options.reduction_groups = 6;
  hlm_plan* raw = nullptr;
  ExpectError(hlm_plan_make(model.get(), &options, &raw), HLM_INVALID_ARGUMENT,
              {"reduction_groups is 6", "2 processes", "3 each", "power of two"});
  options.reduction_groups = 3;
  ExpectError(hlm_plan_make(model.get(), &options, &raw), HLM_INVALID_ARGUMENT,
              {"reduction_groups is 3", "multiple of the 2 devices of 2 processes"});
  options.reduction_groups = 0;
  options.processes = 2;
  const Plan plan = TinyPlan(model.get(), options);
  hlm_trainer* trainer = nullptr;
  ExpectError(hlm_trainer_create(model.get(), plan.get(), nullptr, &trainer), HLM_FAILED_PRECONDITION,
              {"the plan is for 2 processes and the group has 1"});
}

// What rank 1 gives wrongly both ranks are told, and both are in the same call still.
void ExpectToldToBoth(hlm_group* group, hlm_trainer* trainer, const hlm_batch& batch, const hlm_preference_options& dpo) {
  if (hlm_group_size(group) == 1) return;
  const bool wrong = hlm_group_rank(group) == 1;
  const auto expect = [&](hlm_error* given, const std::string& text) {
    const Error error(given);
    const std::string said = error ? hlm_error_message(error.get()) : "";
    const bool named = wrong || said.starts_with("rank 1: ");
    if (hlm_error_code(error.get()) != HLM_INVALID_ARGUMENT || !named || said.find(text) == std::string::npos) {
      throw hlm::Internal("said \"", said, "\", not ", text);
    }
  };
  const auto step = [&](const hlm_batch* own, const std::string& text) { expect(hlm_trainer_step(trainer, own, nullptr), text); };
  const auto prefer = [&](const hlm_batch* own, const hlm_preference_options* options, const std::string& text) {
    expect(hlm_trainer_accumulate_preference(trainer, own, options, nullptr), text);
  };
  step(wrong ? nullptr : &batch, "batch is NULL");
  hlm_batch other = batch;
  other.labels = wrong ? batch.ids : nullptr;
  other.n_labels = wrong ? batch.n_ids - 1 : 0;
  step(&other, "n_labels is ");
  other = batch;
  if (wrong) other.ids = nullptr;
  step(&other, "ids is NULL");
  const std::vector<int64_t> offsets = {0, static_cast<int64_t>(batch.n_ids) - 2};
  other = batch;
  if (wrong) other.offsets = offsets.data();
  prefer(&other, &dpo, "offsets must rise strictly from 0 to n_ids");
  hlm_preference_options changed = dpo;
  if (wrong) changed.n_reference_sums = 0, changed.reference_sums = nullptr;
  prefer(&batch, &changed, "this loss needs reference_sums");
  if (wrong) changed = dpo, changed.kind = 99;
  if (!wrong) changed = dpo;
  prefer(&batch, &changed, "kind is 99");
}

// What a process makes of two steps and a step of DPO, and what it knows of its group.
std::string Train(hlm_group* group, bool whole, const std::string& numerics, int64_t threads = 1) {
  const int64_t rank = hlm_group_rank(group), size = hlm_group_size(group);
  hlm_plan_options options = TinyPlanOptions();
  options.processes = size;
  options.threads = threads;
  if (!numerics.empty()) options.numerics_json = numerics.c_str();
  const Model model = TinyModel();
  const Plan plan = TinyPlan(model.get(), options);
  hlm_trainer_options trainer_options;
  hlm_trainer_options_init(&trainer_options);
  trainer_options.lr = 1e-2;
  hlm_trainer* raw = nullptr;
  Must(hlm_trainer_create_in_group(model.get(), plan.get(), &trainer_options, group, &raw));
  const Trainer trainer(raw);
  // Two documents, one a rank.
  const std::vector<int32_t> ids = TinyIds();
  const std::vector<int64_t> ends = whole ? TinyOffsets() : rank == 0 ? std::vector<int64_t>{0, 16} : std::vector<int64_t>{0, 11};
  hlm_batch batch;
  hlm_batch_init(&batch);
  batch.ids = ids.data() + (whole || rank == 0 ? 0 : 16);
  batch.n_ids = static_cast<size_t>(ends.back());
  batch.offsets = ends.data();
  batch.n_offsets = ends.size();
  std::string text;
  for (int step = 0; step < 2; ++step) {
    hlm_step_metrics metrics;
    hlm_step_metrics_init(&metrics);
    Must(hlm_trainer_step(trainer.get(), &batch, &metrics));
    text += hlm::StrCat(hlm::Bits(metrics.loss), hlm::Bits(metrics.grad_norm), metrics.tokens, " ");
  }
  const std::vector<double> reference = {-30.0, -25.0};
  hlm_preference_options dpo;
  hlm_preference_options_init(&dpo);
  dpo.reference_sums = reference.data() + (whole ? 0 : rank);
  dpo.n_reference_sums = ends.size() - 1;
  ExpectToldToBoth(group, trainer.get(), batch, dpo);
  hlm_preference_metrics preference;
  hlm_preference_metrics_init(&preference);
  Must(hlm_trainer_accumulate_preference(trainer.get(), &batch, &dpo, &preference));
  hlm_step_metrics metrics;
  hlm_step_metrics_init(&metrics);
  Must(hlm_trainer_apply(trainer.get(), &metrics));
  text += hlm::StrCat("dpo ", preference.pairs, " ", hlm::Bits(preference.loss), hlm::Bits(preference.margin),
                      hlm::Bits(metrics.grad_norm));
  std::vector<float> head(48 * 32);
  Must(hlm_trainer_read_tensor(trainer.get(), "lm_head.weight", HLM_TENSOR_WEIGHT, 0, head.data(), head.size() * sizeof(float)));
  return hlm::StrCat(text, "weights ", hlm::AllBits(head));
}

TEST(GroupApi, StepsAndLossesOfTwoProcessesAreThoseOfOne) {
  std::string numerics;
  {
    // The reduction groups of the shared run are part of its numerics, which a run of one process may take over.
    hlm::Processes planner(1, [&](int64_t) -> std::string {
      hlm_plan_options options = TinyPlanOptions();
      options.processes = 2;
      const Model model = TinyModel();
      const Plan plan = TinyPlan(model.get(), options);
      char* json = nullptr;
      Must(hlm_plan_json(plan.get(), &json));
      const String owned(json);
      std::string text = json;
      for (char& c : text) c = c == '\n' ? ' ' : c;
      const size_t begin = text.find('{', text.find("\"numerics\""));
      return text.substr(begin, text.find('}', begin) + 1 - begin);
    });
    numerics = planner.Result(0);
    ASSERT_NE(numerics.find("\"reduction_groups\": 2"), std::string::npos) << numerics;
  }
  hlm::Processes one(1, [&](int64_t) { return Train(nullptr, true, numerics); });
  const std::string expected = one.Result(0);
  EXPECT_NE(expected.find("weights"), std::string::npos) << expected;
  const int port = hlm::FreePort();
  hlm::Processes two(2, [&](int64_t rank) {
    for (const auto& [name, value] : {std::pair{"RANK", std::to_string(rank)},
                                      {"WORLD_SIZE", std::string("2")},
                                      {"LOCAL_WORLD_SIZE", std::string("2")},
                                      {"MASTER_ADDR", std::string("localhost")},
                                      {"MASTER_PORT", std::to_string(port)}}) {
      setenv(name, value.c_str(), 1);
    }
    hlm_group_options options = QuickOptions();
    hlm_group* raw = nullptr;
    Must(hlm_group_from_environment(&options, &raw));
    const Group group(raw);
    Must(hlm_group_barrier(raw));
    char* json = nullptr;
    Must(hlm_group_describe(raw, &json));
    const String about(json);
    if (std::strstr(json, "torchrun") == nullptr || std::strstr(json, "gloo") == nullptr) throw hlm::Internal(json);
    const std::string own = rank == 0 ? "zero" : "one!";
    std::string all(8, ' ');
    const auto refused = [&](size_t n_own, size_t n_all, int32_t code) {
      const Error error(hlm_group_all_gather(raw, own.data(), n_own, all.data(), n_all));
      if (hlm_error_code(error.get()) != code) throw hlm::Internal(hlm_error_message(error.get()));
    };
    refused(4, rank == 1 ? 7 : 8, HLM_INVALID_ARGUMENT);
    const Error mixed(rank == 0 ? hlm_group_barrier(raw) : hlm_group_all_gather(raw, own.data(), 4, all.data(), 8));
    const std::string calls = mixed ? hlm_error_message(mixed.get()) : "";
    if (calls != "the ranks do not do the same: rank 1 is at a gather of the program's own bytes, rank 0 at a barrier") {
      throw hlm::Internal(calls);
    }
    Must(hlm_group_all_gather(raw, own.data(), 4, all.data(), 8));
    if (all != "zeroone!") throw hlm::Internal(all);
    rank == 0 ? refused(4, 8, HLM_FAILED_PRECONDITION) : refused(3, 6, HLM_FAILED_PRECONDITION);
    return Train(raw, false, "");
  });
  for (const std::string& result : two.Results()) EXPECT_EQ(result, expected);
}

// Ranks that may use other numbers of processors: each plans by itself, and both train by rank 0's plan.
TEST(GroupApi, ThreadsAreThoseOfRankZero) {
  const std::string address = "127.0.0.1:" + std::to_string(hlm::FreePort());
  hlm::Processes two(2, [&](int64_t rank) {
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) throw hlm::Internal("sched_getaffinity");
    size_t first = 0;
    while (!CPU_ISSET(first, &allowed)) ++first;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    if (rank == 1 && sched_setaffinity(0, sizeof(one), &one) != 0) throw hlm::Internal("sched_setaffinity");
    const hlm_group_options options = QuickOptions();
    hlm_group* raw = nullptr;
    Must(hlm_group_connect(address.c_str(), rank, 2, &options, &raw));
    const Group group(raw);
    return Train(raw, false, "", 0);
  });
  const std::vector<std::string> results = two.Results();
  EXPECT_NE(results[0].find("weights"), std::string::npos) << results[0];
  EXPECT_EQ(results[1], results[0]);
}

}  // namespace
}  // namespace hlm_test
