// Every option of a plan and of a trainer that forces something, on three models: untied in shards, tied with biases, and with
// windows and norms of queries and keys.
#include <cstring>

#include "tests/bits/rig.h"

namespace hlm_bits {
namespace {

struct Variant {
  std::string name;
  PlanChange plan;
  TrainerChange trainer = nullptr;
};

void AddMemory(std::vector<Variant>& variants) {
  const auto add = [&](const std::string& name, const PlanChange& change) { variants.push_back({name, change}); };
  for (const int64_t sweeps : {1, 2, 3}) {
    for (const int64_t rows : {1, 2}) {
      add("sweeps" + std::to_string(sweeps) + "_micro" + std::to_string(rows),
          [=](hlm_plan_options& o) { o.sweeps = sweeps, o.micro_batch = rows; });
    }
  }
  const std::pair<const char*, int32_t> policies[] = {
      {"keep", HLM_ACTIVATIONS_KEEP}, {"keep_cheap", HLM_ACTIVATIONS_KEEP_CHEAP}, {"recompute", HLM_ACTIVATIONS_RECOMPUTE}};
  for (const auto& [name, policy] : policies) {
    for (const bool host : {false, true}) {
      add(std::string(name) + (host ? "_inputs_host" : "_inputs_device"), [policy = policy, host](hlm_plan_options& o) {
        o.activations = policy;
        o.block_inputs = host ? HLM_BLOCK_INPUTS_HOST : HLM_BLOCK_INPUTS_DEVICE;
      });
    }
  }
  add("slots1", [](hlm_plan_options& o) { o.slots = 1, o.prefetch = 0; });
  add("slots2", [](hlm_plan_options& o) { o.slots = 2, o.prefetch = 1; });
  add("slots9", [](hlm_plan_options& o) { o.slots = 9, o.prefetch = 2; });
  add("ring1", [](hlm_plan_options& o) { o.ring = 1; });
  add("ring9", [](hlm_plan_options& o) { o.ring = 9; });
  add("parts", [](hlm_plan_options& o) { o.max_part_bytes = 16384; });
  add("parts_slots1_ring1_recompute", [](hlm_plan_options& o) {
    o.max_part_bytes = 16384, o.slots = 1, o.prefetch = 0, o.ring = 1, o.sweeps = 2;
    o.activations = HLM_ACTIVATIONS_RECOMPUTE, o.block_inputs = HLM_BLOCK_INPUTS_HOST;
  });
  add("head_chunk1", [](hlm_plan_options& o) { o.head_chunk = 1; });
  add("head_chunk5", [](hlm_plan_options& o) { o.head_chunk = 5; });
  add("threads1", [](hlm_plan_options& o) { o.threads = 1; });
  add("optimizer_threads1", [](hlm_plan_options& o) { o.optimizer_threads = 1; });
  add("optimizer_threads3", [](hlm_plan_options& o) { o.optimizer_threads = 3; });
  add("chosen", [](hlm_plan_options& o) { o.micro_batch = 0, o.sweeps = 0, o.head_chunk = 0; });
}

void AddOptimizers(std::vector<Variant>& variants, bool bf16) {
  const std::pair<const char*, int32_t> timings[] = {
      {"serial", HLM_TIMING_SERIAL}, {"backward", HLM_TIMING_BACKWARD}, {"next_forward", HLM_TIMING_NEXT_FORWARD}};
  for (const auto& [name, timing] : timings) {
    for (const int64_t part : {0, 16384}) {
      variants.push_back({std::string(name) + (part != 0 ? "_parts" : ""), [timing = timing, part](hlm_plan_options& o) {
                            o.optimizer_timing = timing, o.grad_clip = 0, o.max_part_bytes = part;
                          }});
    }
  }
  variants.push_back({"backward_two_sweeps",
                      [](hlm_plan_options& o) { o.optimizer_timing = HLM_TIMING_BACKWARD, o.grad_clip = 0, o.sweeps = 2; }});
  variants.push_back({"clip_little", [](hlm_plan_options& o) { o.grad_clip = 1e-3; }});

  const std::pair<const char*, int32_t> algorithms[] = {
      {"adamw", HLM_OPTIMIZER_ADAMW}, {"adam", HLM_OPTIMIZER_ADAM}, {"sgd", HLM_OPTIMIZER_SGD}, {"lion", HLM_OPTIMIZER_LION}};
  const std::pair<const char*, int32_t> types[] = {{"f32", HLM_STATES_F32}, {"bf16", HLM_STATES_BF16}, {"int8", HLM_STATES_INT8}};
  for (const auto& [name, algorithm] : algorithms) {
    for (const auto& [type, states] : types) {
      for (const bool split : {true, false}) {
        if (!split && !bf16) continue;
        variants.push_back({std::string(name) + "_" + type + (split ? "" : "_no_remainder"),
                            [algorithm = algorithm, states = states, split](hlm_plan_options& o) {
                              o.optimizer = algorithm, o.states = states, o.sweeps = 2;
                              o.master = split ? HLM_MASTER_SPLIT : HLM_MASTER_NONE;
                            }});
      }
    }
  }
  if (bf16) {
    variants.push_back({"grad_f32", [](hlm_plan_options& o) { o.grad_dtype = HLM_DTYPE_F32, o.sweeps = 2; }});
    variants.push_back({"grad_bf16", [](hlm_plan_options& o) { o.grad_dtype = HLM_DTYPE_BF16, o.sweeps = 3; }});
  }
}

// What an update is made of, how a step's rows are dealt and by which way devices share them, and what does not train.
void AddRoutes(std::vector<Variant>& variants) {
  const auto add = [&](const std::string& name, const PlanChange& change) { variants.push_back({name, change}); };
  add("path_fused", [](hlm_plan_options& o) { o.optimizer_path = HLM_PATH_FUSED; });
  add("path_onednn", [](hlm_plan_options& o) { o.optimizer_path = HLM_PATH_ONEDNN; });
  add("groups2", [](hlm_plan_options& o) { o.reduction_groups = 2; });
  add("groups2_sweeps2", [](hlm_plan_options& o) { o.reduction_groups = 2, o.sweeps = 2, o.micro_batch = 1; });
  add("groups4", [](hlm_plan_options& o) { o.reduction_groups = 4, o.micro_batch = 1; });
  if (device == "cpu") {  // which there are several of on every machine
    const std::pair<const char*, int32_t> routes[] = {{"host", HLM_ROUTE_HOST}, {"peer", HLM_ROUTE_PEER}};
    for (const auto& [name, route] : routes) {
      add(std::string("devices2_") + name, [route = route](hlm_plan_options& o) { o.device = "cpu:2", o.route = route; });
      add(std::string("devices2_groups4_") + name, [route = route](hlm_plan_options& o) {
        o.device = "cpu:2", o.route = route, o.reduction_groups = 4, o.micro_batch = 1, o.max_part_bytes = 16384;
      });
    }
  }
  add("train_pad_row", [](hlm_plan_options& o) { o.train_pad_row = 1; });
  add("freeze_embedding", [](hlm_plan_options& o) { o.freeze = "model.embed_tokens.*"; });
  add("freeze_projections", [](hlm_plan_options& o) { o.freeze = "*o_proj*,*down_proj*"; });
  add("train_only_last", [](hlm_plan_options& o) { o.train_only = "model.layers.1.*,model.norm.*"; });
}

void AddTrainers(std::vector<Variant>& variants) {
  const auto add = [&](const std::string& name, const TrainerChange& change) { variants.push_back({name, nullptr, change}); };
  add("constant", [](hlm_trainer_options& o) { o.schedule = HLM_SCHEDULE_CONSTANT, o.warmup_steps = 2; });
  add("linear", [](hlm_trainer_options& o) { o.schedule = HLM_SCHEDULE_LINEAR, o.total_steps = 4, o.min_lr_ratio = 0.1; });
  add("cosine", [](hlm_trainer_options& o) { o.schedule = HLM_SCHEDULE_COSINE, o.total_steps = 4, o.warmup_steps = 1; });
  add("token_metrics", [](hlm_trainer_options& o) { o.token_metrics = 1; });
}

// Plans that do not train, a batch with entropies and a temperature, and writing tensors.
void RunOthers(Record& record, const Golden& golden, int32_t compute, const std::string& prefix) {
  const GoldenBatch& batch = golden.batches.front();
  record.Run(prefix + "forward", [&](Case& c) {
    Rig rig(c, golden, compute, [](hlm_plan_options& o) { o.purpose = HLM_PURPOSE_FORWARD; });
    c.Put("evaluated", Digest().Number(rig.trainer().Evaluate(View(batch)).loss));
    c.Put("logprobs", Digest().All(rig.Logprobs(batch)));
    const std::vector<int64_t> places = {0, static_cast<int64_t>(batch.ids.size()) - 1};
    std::vector<float> logits(places.size() * static_cast<size_t>(golden.vocab));
    rig.trainer().Logits(View(batch), places, logits);
    c.Put("logits", Digest().All(logits));
  });
  record.Run(prefix + "forward_backward", [&](Case& c) {
    Rig rig(c, golden, compute, [](hlm_plan_options& o) { o.purpose = HLM_PURPOSE_FORWARD_BACKWARD, o.sweeps = 2; });
    c.Put("loss", Digest().Number(rig.trainer().Accumulate(View(batch)).loss));
    rig.Gradient("gradient");
  });
  record.Run(prefix + "entropy_temperature", [&](Case& c) {
    Rig rig(c, golden, compute);
    std::vector<float> entropy_weights;
    for (size_t i = 0; i < batch.ids.size(); ++i) entropy_weights.push_back(0.01f * static_cast<float>(i % 5));
    hlm::Batch view = View(batch);
    view.entropy_weights = entropy_weights.data(), view.n_entropy_weights = entropy_weights.size();
    view.temperature = 1.25;
    c.Put("loss", Digest().Number(rig.trainer().Accumulate(view).loss));
    rig.Gradient("gradient");
    c.Put("norm", Digest().Number(rig.trainer().Apply().grad_norm));
    rig.State("");
  });
  record.Run(prefix + "written", [&](Case& c) {
    Rig rig(c, golden, compute);
    rig.Steps("first_", 1);
    const std::string& name = golden.parameters.front().name;
    std::vector<float> values(golden.parameters.front().gradient.size());
    for (const int32_t kind : {HLM_TENSOR_WEIGHT, HLM_TENSOR_FIRST_MOMENT, HLM_TENSOR_SECOND_MOMENT}) {
      rig.trainer().ReadTensor(name, kind, values);
      for (float& value : values) value = value * 1.5f + 1e-3f;
      rig.trainer().WriteTensor(name, kind, values);
    }
    rig.trainer().SetLearningRate(3e-3);
    rig.Steps("", 2);
    rig.State("");
  });
  record.Run(prefix + "kept_weights", [&](Case& c) {
    Rig rig(c, golden, compute, [](hlm_plan_options& o) { o.frozen_copies = 1; });
    rig.Steps("first_", 1);
    const hlm::Weights kept = rig.trainer().KeepWeights();
    rig.Steps("", 2);
    c.Put("logprobs_kept", Digest().All(rig.Logprobs(batch, &kept)));
    c.Put("logprobs", Digest().All(rig.Logprobs(batch)));
    c.Put("evaluated_kept", Digest().Number(rig.trainer().Evaluate(View(batch), kept).loss));
  });
}

}  // namespace

void RunPlanOptions(Record& record) {
  for (const char* name : {"llama3_rope_parameters", "qwen2_tied_wide", "qwen3_window_wide"}) {
    const Golden golden = hlm_golden::LoadGolden(name);
    for (const bool bf16 : {false, true}) {
      const std::string prefix = std::string("options/") + name + (bf16 ? "/bf16/" : "/f32/");
      const int32_t compute = bf16 ? HLM_DTYPE_BF16 : HLM_DTYPE_F32;
      std::vector<Variant> variants;
      AddMemory(variants);
      AddOptimizers(variants, bf16);
      AddRoutes(variants);
      AddTrainers(variants);
      for (const Variant& variant : variants) {
        record.Run(prefix + variant.name, [&](Case& c) {
          Rig rig(c, golden, compute, variant.plan, variant.trainer);
          rig.Steps("", 4);
          rig.State("");
        });
      }
      RunOthers(record, golden, compute, prefix);
    }
  }
}

}  // namespace hlm_bits
