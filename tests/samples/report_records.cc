#include "tests/samples/report_records.h"

#include <cmath>
#include <limits>

namespace horizon_test {
namespace {

using horizon::Json;

// The same each time; nobody needs it to be random.
double Noise(int64_t step, int salt) {
  return std::fmod(std::abs(std::sin(static_cast<double>(step) * 12.9898 + salt * 78.233)) * 43758.5453, 1.0) - 0.5;
}

Json Trace() {
  Json compute = Json::array(), up = Json::array(), optimizer = Json::array();
  for (int i = 0; i < 24; ++i) {
    compute.push_back({0.05 * i, 0.05 * i + 0.041});
    up.push_back({0.05 * i + 0.002, 0.05 * i + 0.03});
    if (i % 3 == 0) optimizer.push_back({0.05 * i, 0.05 * i + 0.1});
  }
  return {{"seconds", 1.2},
          {"steps", {2, 4}},
          {"lanes",
           {{{"name", "compute"}, {"busy_seconds", 0.984}, {"spans", compute}},
            {{"name", "up"}, {"busy_seconds", 0.672}, {"spans", up}},
            {{"name", "down"}, {"busy_seconds", 0.3}, {"spans", {{0.6, 0.9}}}},
            {{"name", "optimizer"}, {"busy_seconds", 0.8}, {"spans", optimizer}}}},
          {"compute_stream",
           {{"seconds", 1.19},
            {"idle_seconds", 0.206},
            {"idle", {{"weights or block inputs (the link up)", 0.15}, {"a place for the gradient (the link down)", 0.056}}}}},
          {"links", {{{"name", "up"}, {"bytes", 31e9}}, {{"name", "down"}, {"bytes", 14e9}}}}};
}

Json Plan() {
  return {{"purpose", "train"},
          {"parameters", 7615616512},
          {"host_bytes", 107374182400},
          {"device_bytes", 21474836480},
          {"choice", "exact states and a split master: all fits; forward-backward in 2 sweeps"},
          {"memory",
           {{"host",
             {{"weights", 15231233024},
              {"remainders", 15231233024},
              {"first_moments", 30462466048},
              {"second_moments", 30462466048},
              {"gradients", 15231233024},
              {"ring", 1073741824},
              {"batch", 0}}},
            {"device",
             {{"block_slots", 1862270976},
              {"accumulator", 2181038080},
              {"stash", 9663676416},
              {"scratch", 805306368},
              {"workspace", 33554432},
              {"arena", 14545846272}}},
            {"host_reserve", 268435456}}},
          {"numerics", {{"compute", "bf16"}, {"sweeps", 2}, {"hash", "5f0c1f2b9d5c7a11"}}},
          {"prediction", {{"step_seconds", 2.41}, {"tokens_per_second", 6798.3}, {"limit", "compute"}}}};
}

}  // namespace

horizon::RunRecord LongRun(int64_t steps) {
  horizon::RunRecord run;
  run.model = std::string("models/") + kHostile;
  run.command = std::string("horizon train --model 'models/") + kHostile + "' --data pairs.jsonl --task dpo --report run.html";
  run.settings = {
      {"--model", run.model, true}, {"--lr", "1e-06", true}, {"--batch-size", "8", false}, {"--seq-len", "512", false}};
  run.version = "0.0.0";
  run.when = "2026-01-02 03:04 UTC";
  run.parameters = 7615616512;
  run.steps = run.done = steps;
  run.tokens = steps * 8192;
  run.seconds = static_cast<double>(steps) * 1.1;
  const std::vector<std::string> names = {"loss",
                                          "grad_norm",
                                          "lr",
                                          "tokens",
                                          "tokens_per_second",
                                          "rewards/chosen",
                                          "rewards/rejected",
                                          "rewards/margins",
                                          "rewards/accuracies"};
  for (const std::string& name : names) run.series.push_back({name, {}});
  horizon::Series eval_loss{"eval_loss", {}}, eval_margins{"eval_rewards/margins", {}};
  for (int64_t step = 1; step <= steps; ++step) {
    const double t = static_cast<double>(step) / static_cast<double>(steps), warm = std::min(1.0, t * 20);
    double loss = 0.25 + 0.443 * std::exp(-6 * t) + 0.12 * Noise(step, 1);
    if (step == kSpike) loss = 9.5;
    if (step == kDip) loss = 0.01;
    if (step == kNan) loss = std::numeric_limits<double>::quiet_NaN();
    if (step == kInfinity) loss = std::numeric_limits<double>::infinity();
    if (step == kNan || step == kInfinity) run.skipped.push_back(step);
    const double margin = 2.2 * (1 - std::exp(-5 * t)) + 0.8 * Noise(step, 2);
    const double values[] = {loss,
                             std::exp(1.5 - 2 * t + 1.6 * Noise(step, 3) + (step % 9973 == 0 ? 4 : 0)),
                             1e-6 * warm * (0.5 + 0.5 * std::cos(3.14159265 * t)),
                             8192,
                             7400 + 500 * Noise(step, 4) - (step % 1000 == 0 ? 2500 : 0),
                             0.4 * margin - 0.3 * t,
                             -0.6 * margin - 0.3 * t,
                             margin,
                             std::min(1.0, 0.5 + 0.42 * (1 - std::exp(-6 * t)) + 0.12 * Noise(step, 5))};
    for (size_t i = 0; i < names.size(); ++i) run.series[i].points.push_back({step, values[i]});
    if (step % std::max<int64_t>(steps / 20, 1) == 0) {
      eval_loss.points.push_back({step, 0.28 + 0.41 * std::exp(-6 * t) + 0.08 * t * t});
      eval_margins.points.push_back({step, 1.9 * (1 - std::exp(-5 * t))});
    }
  }
  run.series.push_back(eval_loss);
  run.series.push_back(eval_margins);
  run.plan = Plan();
  run.trace = Trace();
  run.metrics = {{"up_bytes", 310000000000000},
                 {"down_bytes", 140000000000000},
                 {"seconds", {{"forward_backward", 98000.0}, {"optimizer_busy", 71000.5}, {"wait_for_update", 310.2}}}};
  return run;
}

}  // namespace horizon_test
