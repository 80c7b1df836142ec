// The plan as JSON. Keys are only ever added; docs/plan.md describes them.
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/plan/plan.h"

namespace hlm {
namespace {

using Json = nlohmann::ordered_json;

Json NumericsJson(const Numerics& n) {
  return {{"compute", Name(n.compute)},
          {"sweeps", n.sweeps},
          {"micro_batch_tokens", n.micro_batch_tokens},
          {"head_chunk", n.head_chunk},
          {"grad_dtype", Name(n.grad_dtype)},
          {"moment_dtype", Name(n.moment_dtype)},
          {"threads", n.threads},
          {"libraries", n.libraries},
          {"optimizer", n.optimizer},
          {"hash", n.hash}};
}

Json HostJson(const HostMemory& h) {
  return {{"weights", h.weights},
          {"remainders", h.remainders},
          {"first_moments", h.first_moments},
          {"second_moments", h.second_moments},
          {"gradients", h.gradients},
          {"norms", h.norms},
          {"ring", h.ring},
          {"block_inputs", h.block_inputs},
          {"batch", h.batch}};
}

Json DeviceJson(const DeviceArena& a) {
  return {{"slots", a.block_slots.bytes + a.wide_slot.bytes + a.norm_slot.bytes},
          {"block_slots", a.block_slots.bytes},
          {"wide_slot", a.wide_slot.bytes},
          {"norm_slot", a.norm_slot.bytes},
          {"accumulator", a.accumulator.bytes + a.tied_accumulator.bytes},
          {"staging", a.staging.bytes},
          {"block_inputs", a.block_inputs.bytes},
          {"gradient", a.gradient.bytes},
          {"stash", a.stash.bytes},
          {"scratch", a.scratch.bytes},
          {"backward", a.backward.bytes},
          {"head", a.head.bytes},
          {"batch", a.batch.bytes},
          {"rotary", a.rotary.bytes},
          {"workspace", a.workspace.bytes},
          {"arena", a.total}};
}

Json MakeJson(const Plan& plan) {
  Json json = {{"purpose", Name(plan.purpose)},
               {"device", plan.devices[0].name},
               {"parameters", plan.parameters},
               {"host_bytes", plan.host_bytes},
               {"pinned_bytes", plan.host.Pinned()},
               {"device_bytes", plan.device_bytes},
               {"bytes_per_parameter", static_cast<double>(plan.host.Total()) / static_cast<double>(plan.parameters)},
               {"numerics", NumericsJson(plan.numerics)},
               {"step_tokens", plan.step_tokens},
               {"sweep_tokens", plan.sweep_tokens},
               {"micro_batch", plan.options.micro_batch},
               {"micro_batch_tokens", plan.micro_tokens},
               {"sweeps", plan.numerics.sweeps},
               {"block_inputs", Name(plan.block_inputs)},
               {"slots", plan.devices[0].slots},
               {"prefetch", plan.devices[0].prefetch},
               {"ring", plan.ring_entries},
               {"max_part_bytes", plan.options.max_part_bytes},
               {"part_bytes", plan.part_bytes},
               {"optimizer_timing", Name(plan.timing)},
               {"optimizer_threads", plan.optimizer_threads},
               {"grad_clip", plan.grad_clip},
               {"gradient_store", plan.gradient_store}};
  Json policies = Json::object();
  Json blocks = Json::array();
  for (const Activations policy : {Activations::kKeep, Activations::kKeepCheap, Activations::kRecompute}) policies[Name(policy)] = 0;
  for (const Activations policy : plan.activations) {
    policies[Name(policy)] = policies[Name(policy)].get<int64_t>() + 1;
    blocks.push_back(Name(policy));
  }
  json["activations"] = {{"blocks", policies}, {"by_block", blocks}};
  json["memory"] = {{"host", HostJson(plan.host)},
                    {"device", DeviceJson(plan.devices[0].arena)},
                    {"host_reserve", plan.host_reserve_bytes},
                    {"device_reserve", plan.device_reserve_bytes}};
  const Prediction& p = plan.prediction;
  json["prediction"] = {{"step_seconds", p.step_seconds},
                        {"tokens_per_second", static_cast<double>(plan.step_tokens) / p.step_seconds},
                        {"compute_seconds", p.compute_seconds},
                        {"up_seconds", p.up_seconds},
                        {"down_seconds", p.down_seconds},
                        {"optimizer_seconds", p.optimizer_seconds},
                        {"up_bytes", p.up_bytes},
                        {"down_bytes", p.down_bytes},
                        {"flops", p.flops}};
  json["units"] = Json::array();
  for (const UnitPlan& unit : plan.units) {
    json["units"].push_back({{"name", unit.name}, {"elements", unit.elements}, {"parts", unit.parts.size()}});
  }
  return json;
}

}  // namespace

std::string PlanJson(const Plan& plan) { return MakeJson(plan).dump(2); }

int64_t PlanValue(const Plan& plan, const std::string& key) {
  Json node = MakeJson(plan);
  size_t begin = 0;
  while (begin <= key.size()) {
    const size_t end = std::min(key.find('.', begin), key.size());
    const std::string part = key.substr(begin, end - begin);
    if (!node.is_object() || !node.contains(part)) throw NotFound("the plan has no key '", key, "'");
    node = Json(node[part]);
    begin = end + 1;
  }
  if (!node.is_number_integer()) throw NotFound("the plan's key '", key, "' is not a whole number");
  return node.get<int64_t>();
}

}  // namespace hlm
