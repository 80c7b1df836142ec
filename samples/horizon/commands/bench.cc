// horizon bench
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "samples/horizon/base/output.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/commands/bench.h"
#include "samples/horizon/commands/command.h"
#include "samples/horizon/data/order.h"
#include "samples/horizon/report/idle.h"
#include "samples/horizon/run/engine.h"

namespace horizon {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Rows of random ids; step after step gets new ones.
void FillRandom(const ShapeOptions& shape, int64_t vocab_size, int64_t seed, int64_t step, Batch& batch) {
  const size_t n = static_cast<size_t>(shape.batch_size) * static_cast<size_t>(shape.seq_len);
  batch.ids.resize(n);
  for (size_t i = 0; i < n; ++i) {
    batch.ids[i] = static_cast<int32_t>(RandomBelow(seed, static_cast<uint64_t>(step), i, static_cast<uint64_t>(vocab_size)));
  }
  batch.offsets.resize(static_cast<size_t>(shape.batch_size) + 1);
  for (size_t row = 0; row < batch.offsets.size(); ++row) batch.offsets[row] = static_cast<int64_t>(row) * shape.seq_len;
}

// Queries and the keys they meet in a row of a layer with this window (0: full attention): query t meets min(t + 1, window).
double AttendedPairs(int64_t seq_len, int64_t window) {
  const double n = static_cast<double>(seq_len);
  const double w = window > 0 ? std::min(static_cast<double>(window), n) : n;
  return w * (w + 1) / 2 + (n - w) * w;
}

// The arithmetic that a model must do, not what recomputation adds: 6 operations for each parameter that a token goes through (2
// forward, 4 backward), of routed experts those that it chose, and the two products of attention, 4 operations for each element of
// a query that meets a key, forward, and 8 backward.
double ModelFlops(const Json& model, const ShapeOptions& shape) {
  const double tokens = static_cast<double>(shape.batch_size) * static_cast<double>(shape.seq_len);
  const double parameters = model.at("active_parameters").get<double>();
  const double width = model.at("num_attention_heads").get<double>() * model.at("head_dim").get<double>();
  double pairs = 0;
  for (const Json& layer : model.at("layer_windows")) pairs += AttendedPairs(shape.seq_len, layer.get<int64_t>());
  return 6 * parameters * tokens + 12 * width * pairs * static_cast<double>(shape.batch_size);
}

// The change of a number that the metrics count, over the timed steps; null where the library does not count it.
Json Difference(const Json& before, const Json& after, const char* key) {
  if (!before.contains(key) || !after.contains(key) || !after[key].is_number()) return nullptr;
  return after[key].get<double>() - before[key].get<double>();
}

Json PerStep(const Json& total, int64_t steps) {
  return total.is_null() ? total : Json(total.get<double>() / static_cast<double>(steps));
}

struct Timed {
  std::vector<double> step_seconds;
  double seconds = 0;  // of all steps, with the last one's updates
};

// One step of what is measured: with its update, or forward and backward alone with the gradients down in host memory.
void Step(Trainer& trainer, const Options& options, const hlm_batch& batch) {
  if (options.purpose == HLM_PURPOSE_TRAIN) {
    trainer.Step(batch);
  } else {
    trainer.Accumulate(batch);
    trainer.Discard();
  }
}

Timed RunSteps(Trainer& trainer, const Options& options, int64_t vocab_size, int64_t first, int64_t count) {
  Timed timed;
  Batch batch;
  for (int64_t step = first; step < first + count; ++step) {
    FillRandom(options.shape, vocab_size, options.run.seed, step, batch);
    const hlm_batch view = ViewOf(batch);
    const Clock::time_point begin = Clock::now();
    Step(trainer, options, view);
    timed.step_seconds.push_back(SecondsSince(begin));
  }
  const Clock::time_point begin = Clock::now();
  trainer.Finish();
  const double last_updates = SecondsSince(begin);
  for (const double seconds : timed.step_seconds) timed.seconds += seconds;
  timed.seconds += last_updates;
  return timed;
}

Json MetricsOf(Trainer& trainer) { return Json::parse(trainer.Metrics()); }

// The matrix products of one step called one after the other, nothing else beside them: what the hardware's limit is.
Json ProductsAlone(const Plan& plan) { return Json::parse(plan.TimeProducts()); }

// One more step, traced: what the compute stream waited for. Beside the timed ones, since a trace costs a little.
Json TracedStep(Trainer& trainer, const Options& options, int64_t vocab_size) {
  std::string path = options.run.trace;
  const bool keep = !path.empty();
  if (!keep) {
    char name[] = "/tmp/horizon-trace-XXXXXX";
    const int file = mkstemp(name);
    if (file < 0) return nullptr;  // nowhere to write: no figure
    close(file);
    path = name;
  }
  trainer.TraceStart();
  RunSteps(trainer, options, vocab_size, options.bench.warm_up + options.bench.steps, 1);
  trainer.TraceWrite(path);
  std::ifstream file(path);
  const Json trace = Json::parse(file);
  if (!keep) std::remove(path.c_str());
  return IdleOf(trace);
}

Json Figures(const Options& options, const Json& model, const Json& plan, const Timed& timed, const Json& before,
             const Json& after, const Json& products, const Json& idle) {
  const int64_t steps = options.bench.steps;
  const double step_seconds = timed.seconds / static_cast<double>(steps);
  const double tokens = static_cast<double>(options.shape.batch_size) * static_cast<double>(options.shape.seq_len);
  const double flops = ModelFlops(model, options.shape);
  Json figures;
  figures["parameters"] = model.at("parameters");
  figures["active_parameters"] = model.at("active_parameters");
  figures["batch_size"] = options.shape.batch_size;
  figures["seq_len"] = options.shape.seq_len;
  figures["steps"] = steps;
  figures["step_seconds"] = step_seconds;
  figures["fastest_step_seconds"] = *std::min_element(timed.step_seconds.begin(), timed.step_seconds.end());
  figures["slowest_step_seconds"] = *std::max_element(timed.step_seconds.begin(), timed.step_seconds.end());
  figures["tokens_per_second"] = tokens / step_seconds;
  figures["model_flops"] = flops;
  figures["model_flops_per_second"] = flops / step_seconds;
  figures["six_nt_flops_per_second"] = 6 * model.at("active_parameters").get<double>() * tokens / step_seconds;
  const Json device = Json::parse(hlm::DescribeDevice(options.engine.device));
  if (device.contains("rates")) {
    const bool f32 = options.engine.compute == HLM_DTYPE_F32;
    const double rate = device["rates"][f32 ? "product_f32_flops" : "product_bf16_flops"].get<double>();
    figures["share_of_product_rate"] = flops / step_seconds / rate;
  }
  for (const char* link : {"up", "down"}) {
    const Json bytes = PerStep(Difference(before, after, (std::string(link) + "_bytes").c_str()), steps);
    figures[std::string(link) + "_bytes_per_step"] = bytes;
    figures[std::string(link) + "_bytes_per_second"] = bytes.is_null() ? bytes : Json(bytes.get<double>() / step_seconds);
  }
  figures["products_alone_seconds"] = products.at("seconds");
  figures["step_over_products"] = step_seconds / products.at("seconds").get<double>();
  figures["products"] = products;
  figures["compute_stream"] = idle;
  if (plan.contains("choice")) figures["choice"] = plan["choice"];
  figures["sweeps"] = plan.at("numerics").at("sweeps");
  figures["predicted_step_seconds"] = plan.at("prediction").at("step_seconds");
  figures["step_over_prediction"] = step_seconds / plan.at("prediction").at("step_seconds").get<double>();
  figures["prediction"] = plan.at("prediction");
  figures["host_bytes"] = plan.at("host_bytes");
  figures["device_bytes"] = plan.at("device_bytes");
  return figures;
}

void Print(const Json& f) {
  const auto real = [&f](const char* key) { return f[key].get<double>(); };
  const auto row = [](const char* name, const std::string& text) { std::printf("%-16s %s\n", name, text.c_str()); };
  const bool mixture = f["active_parameters"] != f["parameters"];
  row("model", FormatCount(f["parameters"], "parameter") +
                   (mixture ? ", of which a token goes through " + FormatCount(f["active_parameters"]) : ""));
  row("step", FormatCount(f["batch_size"], "row") + " of " + FormatCount(f["seq_len"], "token") + " in " +
                  FormatSeconds(real("step_seconds")) + " (" + FormatSeconds(real("fastest_step_seconds")) + " to " +
                  FormatSeconds(real("slowest_step_seconds")) + ", " + FormatCount(f["steps"], "step") + ")");
  row("speed", FormatRate(real("tokens_per_second")) + " tokens/s");
  row("arithmetic", Format("%.4g GFLOP/s of the model's own (6 N T and attention)", real("model_flops_per_second") / 1e9));
  row("", Format("%.4g GFLOP/s by 6 N T alone", real("six_nt_flops_per_second") / 1e9));
  if (f.contains("share_of_product_rate"))
    row("", Format("%.1f %% of the device's product rate", 100 * real("share_of_product_rate")));
  row("products alone", FormatSeconds(real("products_alone_seconds")) +
                            Format("; the step takes %.2f times as long", real("step_over_products")) + " (" +
                            f["products"]["form"].get<std::string>() + ")");
  for (const std::string link : {"up", "down"}) {
    if (!f[link + "_bytes_per_step"].is_number()) continue;
    const double bytes = real((link + "_bytes_per_step").c_str());
    row(("link " + link).c_str(), FormatBytes(static_cast<int64_t>(bytes)) + " a step" +
                                      Format(", %.3g GB/s", real((link + "_bytes_per_second").c_str()) / 1e9));
  }
  if (const Json& stream = f["compute_stream"]; stream.is_object() && stream["seconds"] > 0) {
    const double seconds = stream["seconds"];
    row("compute stream", Format("idle for %.1f %% of a traced step", 100 * stream["idle_seconds"].get<double>() / seconds));
    for (const auto& [reason, idle] : stream["idle"].items())
      row("", Format("%.1f %%: ", 100 * idle.get<double>() / seconds) + reason);
  }
  row("prediction", FormatSeconds(real("predicted_step_seconds")) +
                        Format("; the step takes %.2f times as long", real("step_over_prediction")) + " (" +
                        f["prediction"]["limit"].get<std::string>() + ")");
  if (f.contains("choice")) row("plan", WithSizes(f["choice"].get<std::string>()));
  row("host memory", FormatBytes(f["host_bytes"]));
  row("device memory", FormatBytes(f["device_bytes"]));
}

}  // namespace

int RunBench(const Options& options) {
  CheckModelOptions(options);
  CheckTrainingOptions(options);
  if (options.bench.mixed_lengths) return RunPackingBench(options);
  if (!options.run.trace.empty()) CheckOutputFile(options.run.trace);
  const Model model = OpenModel(options.model);
  const Json description = DescribeModel(model);
  const int64_t vocab_size = description.at("vocab_size").get<int64_t>();
  const Plan plan = MakePlan(model, options, options.purpose, options.shape.batch_size, options.shape.seq_len);
  const int64_t warm_up = options.bench.warm_up;
  Trainer trainer = MakeTrainer(model, plan, options.optimizer, warm_up + options.bench.steps);

  RunSteps(trainer, options, vocab_size, 0, warm_up);
  const Json before = MetricsOf(trainer);
  const Timed timed = RunSteps(trainer, options, vocab_size, warm_up, options.bench.steps);
  const Json after = MetricsOf(trainer);
  const Json idle = options.bench.no_traced_step ? Json() : TracedStep(trainer, options, vocab_size);
  const Json plan_json = DescribePlan(plan);
  trainer = {};  // the products are timed with the device to themselves
  const Json figures = Figures(options, description, plan_json, timed, before, after, ProductsAlone(plan), idle);
  if (options.json) {
    std::printf("%s\n", figures.dump().c_str());
  } else {
    Print(figures);
  }
  return kExitOk;
}

}  // namespace horizon
