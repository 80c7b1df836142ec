// Counters of a trainer as JSON; docs/metrics.md describes the keys.
#include <algorithm>

#include "core/io/json_writer.h"
#include "core/plan/memory_fields.h"
#include "core/train/state.h"

namespace hlm {
namespace {

// How the choices of the last step fell.
void WriteExperts(const RouterTotals& routers, JsonWriter& json) {
  json.BeginObject();
  json.Member("layers", routers.layers);
  const auto list = [&](const char* name, const auto& value) {
    json.Key(name).BeginArray();
    for (const std::vector<double>& choices : routers.choices) value(choices);
    json.EndArray();
  };
  list("tokens", [&](const std::vector<double>& choices) {
    json.BeginArray();
    for (const double count : choices) json.Value(static_cast<int64_t>(count));
    json.EndArray();
  });
  list("imbalance", [&](const std::vector<double>& choices) { json.Value(Imbalance(choices)); });
  list("unrouted", [&](const std::vector<double>& choices) {
    json.Value(static_cast<double>(std::count(choices.begin(), choices.end(), 0.0)) / static_cast<double>(choices.size()));
  });
  json.EndObject();
}

// Host memory as it was taken, which the plan has foretold.
HostMemory Taken(const Engine& engine, const Executor::Counters& counters) {
  HostMemory host = engine.store.memory();
  host.snapshot = static_cast<int64_t>(engine.saver.snapshot_bytes());
  host.ring = static_cast<int64_t>(counters.ring_bytes);
  host.block_inputs = static_cast<int64_t>(counters.block_input_bytes);
  host.batch = static_cast<int64_t>(counters.batch_bytes);
  host.frozen = engine.frozen.bytes();
  host.exchange = static_cast<int64_t>(engine.updater->exchange_bytes());
  host.loads = static_cast<int64_t>(counters.load_bytes);
  return host;
}

struct WriteSizes {
  JsonWriter& json;
  void Field(const char* key, int64_t bytes, Pages) { json.Member(key, bytes); }
};

}  // namespace

std::string Trainer::MetricsJson() {
  State& s = *state_;
  Engine& engine = s.engine;
  if (!engine.health.failed()) engine.AwaitUpdates();
  const Executor::Counters counters = engine.executor->counters();
  const MoveCounters& moves = counters.moves;
  const HostMemory host = Taken(engine, counters);
  DeviceUsage usage;
  Fallbacks fallbacks;
  for (const auto& device : engine.devices) {
    usage.device_bytes += device->usage().device_bytes;
    usage.host_bytes += device->usage().host_bytes;
    const Fallbacks own = device->ops().fallbacks();
    fallbacks.attention += own.attention;
    if (fallbacks.reason.empty()) fallbacks.reason = own.reason;
  }
  JsonWriter json(JsonWriter::Style::kIndented);
  json.BeginObject();
  json.Member("steps", s.position.steps());
  json.Member("updates", s.position.updates());
  json.Member("predicted_tokens", s.counters.predicted_tokens);
  json.Member("deferred_updates", engine.updater->deferred());
  json.Member("up_bytes", moves.up_bytes);
  json.Member("down_bytes", moves.down_bytes);
  json.Member("peer_bytes", moves.peer_bytes);
  json.Member("weight_uploads", moves.uploads);
  json.Member("weight_reuses", moves.reused);

  json.Key("seconds").BeginObject();
  json.Member("forward_backward", s.counters.forward_backward_seconds);
  json.Member("apply", s.counters.apply_seconds);
  json.Member("optimizer_busy", engine.updater->busy_seconds());
  json.Member("wait_for_update", counters.update_wait_seconds);
  json.Member("wait_for_ring", counters.ring_wait_seconds);
  json.EndObject();
  json.Member("ring_waits", counters.ring_waits);
  json.Member("attention_fallbacks", fallbacks.attention);
  json.Member("attention_fallback_reason", fallbacks.reason);

  if (!s.counters.last_routers.choices.empty()) {
    json.Key("experts");
    WriteExperts(s.counters.last_routers, json);
  }

  const BackgroundSave::Counters saving = engine.saver.counters();
  json.Key("saving").BeginObject();
  json.Member("saves", saving.saves);
  json.Member("failures", saving.failures);
  json.Member("bytes", saving.bytes);
  json.Member("write_seconds", saving.write_seconds);
  json.Member("stall_seconds", saving.stall_seconds);
  json.EndObject();

  json.Key("memory").BeginObject();
  json.Member("device_arena", counters.arena_bytes);
  json.Member("device_bytes", usage.device_bytes);
  json.Member("pinned_bytes", usage.host_bytes);
  WriteSizes write{json};
  VisitFields(write, host);
  json.Member("batch_and_block_inputs", host.batch + host.block_inputs);
  json.Member("frozen_copied", engine.frozen.copied_bytes());
  json.EndObject();
  json.EndObject();
  return json.Take();
}

}  // namespace hlm
