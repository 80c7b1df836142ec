// The plan as JSON. Keys are only ever added; docs/plan.md describes them.
#include <algorithm>
#include <optional>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/io/json_writer.h"
#include "core/plan/memory_fields.h"
#include "core/plan/numerics.h"
#include "core/plan/plan.h"

namespace hlm {
namespace {

void WriteActivations(const Plan& plan, JsonWriter& json) {
  json.BeginObject();
  json.Key("blocks").BeginObject();
  for (const Activations policy : {Activations::kKeep, Activations::kKeepCheap, Activations::kRecompute}) {
    json.Member(Name(policy), std::count(plan.activations.begin(), plan.activations.end(), policy));
  }
  json.EndObject();
  json.Key("by_block").BeginArray();
  for (const Activations policy : plan.activations) json.Value(Name(policy));
  json.EndArray();
  json.EndObject();
}

struct WriteSizes {
  JsonWriter& json;
  void Field(const char* key, int64_t bytes, Pages) { json.Member(key, bytes); }
  template <class... Ranges>
  void Field(const char* key, const Range& range, const Ranges&... more) {
    json.Member(key, (range.bytes + ... + more.bytes));
  }
};

void WriteHost(const HostMemory& host, JsonWriter& json) {
  json.BeginObject();
  WriteSizes write{json};
  VisitFields(write, host);
  json.EndObject();
}

void WriteDevice(const DeviceArena& arena, JsonWriter& json) {
  json.BeginObject();
  WriteSizes write{json};
  VisitFields(write, arena);
  json.Member("block_slots", arena.slots.bytes);  // names of earlier plans, which divided the space
  json.Member("wide_slot", 0);
  json.Member("norm_slot", 0);
  json.Member("arena", arena.total);
  json.EndObject();
}

void WriteMemory(const Plan& plan, JsonWriter& json) {
  json.BeginObject();
  json.Key("host");
  WriteHost(plan.host, json);
  json.Key("device");
  WriteDevice(plan.EachDevice().arena, json);
  json.Member("host_reserve", plan.host_reserve_bytes);
  json.Member("device_reserve", plan.device_reserve_bytes);
  json.EndObject();
}

void WritePrediction(const Plan& plan, JsonWriter& json) {
  const Prediction& p = plan.prediction;
  json.BeginObject();
  json.Member("step_seconds", p.step_seconds);
  json.Member("tokens_per_second", static_cast<double>(plan.step_tokens) / p.step_seconds);
  json.Member("compute_seconds", p.compute_seconds);
  json.Member("up_seconds", p.up_seconds);
  json.Member("down_seconds", p.down_seconds);
  json.Member("optimizer_seconds", p.optimizer_seconds);
  json.Member("up_bytes", p.up_bytes);
  json.Member("down_bytes", p.down_bytes);
  json.Member("peer_seconds", p.peer_seconds);
  json.Member("peer_bytes", p.peer_bytes);
  json.Member("flops", p.flops);
  json.Member("flops_seconds", p.flops_seconds);
  json.Member("moves_seconds", p.moves_seconds);
  json.Member("forward_seconds", p.forward_seconds);
  json.Member("backward_seconds", p.backward_seconds);
  json.Member("first_unit_seconds", p.first_unit_seconds);
  json.Member("host_seconds", p.host_seconds);
  json.Member("optimizer_bytes", p.optimizer_bytes);
  json.Member("accumulate_bytes", p.accumulate_bytes);
  json.Member("host_traffic_bytes", p.host_bytes);
  if (p.network_bytes > 0) {
    json.Member("network_bytes", p.network_bytes);
    json.Member("network_seconds", p.network_seconds);
  }
  json.Member("limit", p.limit);
  json.Member("save_stall_seconds", p.save_stall_seconds);
  json.EndObject();
}

void WriteSaving(const Plan& plan, JsonWriter& json) {
  json.BeginObject();
  json.Member("state_bytes", plan.state_bytes);
  json.Member("snapshot_bytes", plan.host.snapshot);
  json.Member("disk_bytes_per_second", plan.disk_bytes_per_second);
  json.Member("write_seconds", static_cast<double>(plan.own_state_bytes) / plan.disk_bytes_per_second);
  json.Member("stall_seconds", plan.prediction.save_stall_seconds);
  json.EndObject();
}

void WriteUnits(const Plan& plan, JsonWriter& json) {
  json.BeginArray();
  for (int64_t u = 0; u < plan.pieces.units(); ++u) {
    const UnitPlan& unit = plan.units[static_cast<size_t>(u)];
    json.BeginObject();
    json.Member("name", unit.name);
    json.Member("elements", unit.elements);
    json.Member("pieces", plan.pieces.Of(u).size());
    json.Member("parts", plan.pieces.Parts(u));
    json.EndObject();
  }
  json.EndArray();
}

// Of the block that has most; 0: every block is visited as a whole. What is behind a unit's first piece begins an accumulator only where
// it is a group's.
int64_t ExpertGroups(const Plan& plan) {
  std::vector<int64_t> groups(plan.units.size(), 0);
  for (int64_t p = 0; p < plan.pieces.size(); ++p) {
    const PiecePlan& piece = plan.pieces[p];
    if (piece.begin > 0 && plan.accumulators.offsets[static_cast<size_t>(p)] == 0) ++groups[static_cast<size_t>(piece.unit)];
  }
  return groups.empty() ? 0 : *std::max_element(groups.begin(), groups.end());
}

}  // namespace

std::string PlanJson(const Plan& plan) {
  JsonWriter json(JsonWriter::Style::kIndented);
  json.BeginObject();
  json.Member("purpose", Name(plan.purpose));
  std::vector<std::string> names;
  for (const DevicePlan& device : plan.devices) names.push_back(device.name);
  json.Member("device", DeviceListText(names));
  json.Member("devices", names.size());
  if (plan.options.processes > 1) {
    json.Member("processes", plan.options.processes);
    json.Member("process_states", Name(plan.sharded ? ProcessStates::kSharded : ProcessStates::kReplicate));
  }
  json.Member("parameters", plan.parameters);
  json.Member("trained_parameters", plan.parameters - plan.trained.parameters());
  if (!plan.trained.all()) {
    if (!plan.options.freeze.empty()) json.Member("freeze", plan.options.freeze);
    if (!plan.options.train_only.empty()) json.Member("train_only", plan.options.train_only);
    json.Member("first_backward", plan.first_backward);
  }
  json.Member("host_bytes", plan.host_bytes);
  json.Member("pinned_bytes", plan.host.Pinned());
  json.Member("device_bytes", plan.device_bytes);
  json.Member("bytes_per_parameter",
              static_cast<double>(plan.host.Total() - plan.host.snapshot) / static_cast<double>(plan.parameters));
  json.Key("numerics");
  WriteNumerics(plan.numerics, json);
  json.Member("step_tokens", plan.step_tokens);
  json.Member("sweep_tokens", plan.sweep_tokens);
  json.Member("micro_batch", plan.options.micro_batch);
  json.Member("micro_batch_tokens", plan.micro_tokens);
  json.Member("sweeps", plan.sweeps);
  json.Member("block_inputs", Name(plan.block_inputs));
  json.Member("slots", plan.EachDevice().slots);
  json.Member("prefetch", plan.EachDevice().prefetch);
  if (plan.devices.size() > 1) json.Member("route", Name(plan.route));
  json.Member("ring", plan.ring_entries);
  json.Member("max_part_bytes", plan.options.max_part_bytes);
  json.Member("max_piece_bytes", plan.options.max_piece_bytes);
  json.Member("expert_groups", ExpertGroups(plan));
  json.Member("experts_up", Name(plan.experts_up));
  json.Member("defers_updates", plan.DefersUpdates());
  json.Member("part_bytes", plan.part_bytes);
  json.Member("optimizer_timing", Name(plan.timing));
  json.Member("optimizer_threads", plan.optimizer_threads);
  json.Member("grad_clip", plan.grad_clip);
  json.Member("gradient_store", plan.gradient_store);
  json.Member("states", Name(plan.numerics.states));
  json.Member("master", MasterName(plan.numerics));
  json.Member("exactness", Exactness(plan.numerics));
  json.Member("snapshot_bytes", plan.host.snapshot);
  json.Member("state_bytes", plan.state_bytes);
  if (!plan.machine.empty()) json.Member("machine", plan.machine);
  if (!plan.choice.empty()) json.Member("choice", plan.choice);
  json.Key("activations");
  WriteActivations(plan, json);
  json.Key("memory");
  WriteMemory(plan, json);
  json.Key("prediction");
  WritePrediction(plan, json);
  if (plan.purpose == Purpose::kTrain) {
    json.Key("saving");
    WriteSaving(plan, json);
  }
  json.Key("units");
  WriteUnits(plan, json);
  json.EndObject();
  return json.Take();
}

int64_t PlanValue(const Plan& plan, const std::string& key) {
  const JsonValue whole = ParseJson(PlanJson(plan), "the plan");
  const JsonValue* node = &whole;
  for (size_t begin = 0; begin <= key.size();) {
    const size_t end = std::min(key.find('.', begin), key.size());
    node = node->Find(key.substr(begin, end - begin));
    if (node == nullptr) throw NotFound("the plan has no key '", key, "'");
    begin = end + 1;
  }
  const std::optional<int64_t> value = node->Int();
  if (!value) throw NotFound("the plan's key '", key, "' is not a whole number");
  return *value;
}

}  // namespace hlm
