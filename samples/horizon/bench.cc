// horizon bench
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "samples/horizon/command.h"
#include "samples/horizon/engine.h"
#include "samples/horizon/order.h"
#include "samples/horizon/output.h"
#include "samples/horizon/text.h"

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

// The arithmetic that a model must do, not what recomputation adds: 6 operations for each parameter and token (2 forward, 4
// backward), and the two products of attention, 4 operations for each element of a query that meets a key, forward, and 8
// backward.
double ModelFlops(const Json& model, const ShapeOptions& shape) {
  const double tokens = static_cast<double>(shape.batch_size) * static_cast<double>(shape.seq_len);
  const double parameters = model.at("parameters").get<double>();
  const double width = model.at("num_attention_heads").get<double>() * model.at("head_dim").get<double>();
  const double layers = model.at("num_hidden_layers").get<double>();
  int64_t window = shape.seq_len;
  if (model.contains("sliding_window") && model["sliding_window"].is_number_integer() && model["sliding_window"] > 0) {
    window = std::min(window, model["sliding_window"].get<int64_t>());
  }
  // Query t meets min(t + 1, window) keys.
  const double w = static_cast<double>(window);
  const double pairs = w * (w + 1) / 2 + (static_cast<double>(shape.seq_len) - w) * w;
  return 6 * parameters * tokens + 12 * width * pairs * layers * static_cast<double>(shape.batch_size);
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

Timed RunSteps(hlm_trainer* trainer, const Options& options, int64_t vocab_size, int64_t first, int64_t count) {
  Timed timed;
  Batch batch;
  for (int64_t step = first; step < first + count; ++step) {
    FillRandom(options.shape, vocab_size, options.run.seed, step, batch);
    const hlm_batch view = ViewOf(batch);
    const Clock::time_point begin = Clock::now();
    Check(hlm_trainer_step(trainer, &view, nullptr));
    timed.step_seconds.push_back(SecondsSince(begin));
  }
  const Clock::time_point begin = Clock::now();
  Check(hlm_trainer_finish(trainer));
  const double last_updates = SecondsSince(begin);
  for (const double seconds : timed.step_seconds) timed.seconds += seconds;
  timed.seconds += last_updates;
  return timed;
}

Json MetricsOf(hlm_trainer* trainer) { return Json::parse(TextOf(hlm_trainer_metrics, trainer)); }

// The matrix products of one step called one after the other, nothing else beside them: what the hardware's limit is.
Json ProductsAlone(const Plan& plan) {
  return Json::parse(TextOf(hlm_plan_time_products, static_cast<const hlm_plan*>(plan.get())));
}

Json Figures(const Options& options, const Json& model, const Json& plan, const Timed& timed, const Json& before,
             const Json& after, const Json& products) {
  const int64_t steps = options.bench.steps;
  const double step_seconds = timed.seconds / static_cast<double>(steps);
  const double tokens = static_cast<double>(options.shape.batch_size) * static_cast<double>(options.shape.seq_len);
  const double flops = ModelFlops(model, options.shape);
  Json figures;
  figures["parameters"] = model.at("parameters");
  figures["batch_size"] = options.shape.batch_size;
  figures["seq_len"] = options.shape.seq_len;
  figures["steps"] = steps;
  figures["step_seconds"] = step_seconds;
  figures["fastest_step_seconds"] = *std::min_element(timed.step_seconds.begin(), timed.step_seconds.end());
  figures["slowest_step_seconds"] = *std::max_element(timed.step_seconds.begin(), timed.step_seconds.end());
  figures["tokens_per_second"] = tokens / step_seconds;
  figures["model_flops"] = flops;
  figures["model_flops_per_second"] = flops / step_seconds;
  for (const char* link : {"up", "down"}) {
    const Json bytes = PerStep(Difference(before, after, (std::string(link) + "_bytes").c_str()), steps);
    figures[std::string(link) + "_bytes_per_step"] = bytes;
    figures[std::string(link) + "_bytes_per_second"] = bytes.is_null() ? bytes : Json(bytes.get<double>() / step_seconds);
  }
  figures["products_alone_seconds"] = products.at("seconds");
  figures["step_over_products"] = step_seconds / products.at("seconds").get<double>();
  figures["products"] = products;
  figures["host_bytes"] = plan.at("host_bytes");
  figures["device_bytes"] = plan.at("device_bytes");
  return figures;
}

void Print(const Json& f) {
  const auto real = [&f](const char* key) { return f[key].get<double>(); };
  const auto row = [](const char* name, const std::string& text) { std::printf("%-16s %s\n", name, text.c_str()); };
  row("model", FormatCount(f["parameters"]) + " parameters");
  row("step", FormatCount(f["batch_size"]) + " rows of " + FormatCount(f["seq_len"]) + " tokens in " +
                  FormatSeconds(real("step_seconds")) + " (" + FormatSeconds(real("fastest_step_seconds")) + " to " +
                  FormatSeconds(real("slowest_step_seconds")) + ", " + FormatCount(f["steps"]) + " steps)");
  row("speed", FormatRate(real("tokens_per_second")) + " tokens/s");
  row("arithmetic", Format("%.4g GFLOP/s of the model's own (6 N T and attention)", real("model_flops_per_second") / 1e9));
  row("products alone", FormatSeconds(real("products_alone_seconds")) +
                            Format("; the step takes %.2f times as long", real("step_over_products")) + " (" +
                            f["products"]["form"].get<std::string>() + ")");
  for (const std::string link : {"up", "down"}) {
    if (!f[link + "_bytes_per_step"].is_number()) continue;
    const double bytes = real((link + "_bytes_per_step").c_str());
    row(("link " + link).c_str(), FormatBytes(static_cast<int64_t>(bytes)) + " a step" +
                                      Format(", %.3g GB/s", real((link + "_bytes_per_second").c_str()) / 1e9));
  }
  row("host memory", FormatBytes(f["host_bytes"]));
  row("device memory", FormatBytes(f["device_bytes"]));
}

}  // namespace

int RunBench(const Options& options) {
  CheckModelOptions(options);
  CheckTrainingOptions(options);
  if (!options.run.trace.empty()) CheckOutputFile(options.run.trace);
  const Model model = OpenModel(options.model);
  const Json description = DescribeModel(model);
  const int64_t vocab_size = description.at("vocab_size").get<int64_t>();
  const Plan plan = MakePlan(model, options, HLM_PURPOSE_TRAIN, options.shape.batch_size, options.shape.seq_len);
  const int64_t warm_up = options.bench.warm_up;
  const Trainer trainer = MakeTrainer(model, plan, options.optimizer, warm_up + options.bench.steps);

  RunSteps(trainer.get(), options, vocab_size, 0, warm_up);
  const Json before = MetricsOf(trainer.get());
  if (!options.run.trace.empty()) Check(hlm_trainer_trace_start(trainer.get()));
  const Timed timed = RunSteps(trainer.get(), options, vocab_size, warm_up, options.bench.steps);
  if (!options.run.trace.empty()) Check(hlm_trainer_trace_write(trainer.get(), options.run.trace.c_str()));
  const Json figures =
      Figures(options, description, DescribePlan(plan), timed, before, MetricsOf(trainer.get()), ProductsAlone(plan));
  if (options.json) {
    std::printf("%s\n", figures.dump().c_str());
  } else {
    Print(figures);
  }
  return kExitOk;
}

}  // namespace horizon
