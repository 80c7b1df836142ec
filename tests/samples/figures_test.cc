// horizon devices, plan, eval and bench: the figures they print.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

Result Succeed(const Words& words) {
  const Result result = Horizon(words);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  return result;
}

TEST(FiguresTest, TheCpuIsAlwaysADevice) {
  const auto devices = nlohmann::json::parse(Succeed({"devices", "--json"}).out);
  ASSERT_FALSE(devices.empty());
  EXPECT_EQ(devices.back()["name"], "cpu");
  EXPECT_EQ(nlohmann::json::parse(Succeed({"devices", "--json", "--device", "cpu"}).out)["name"], "cpu");
  const std::string text = Succeed({"devices"}).out;
  EXPECT_NE(text.find("cpu"), std::string::npos);
  EXPECT_NE(text.find("auto takes"), std::string::npos);
}

TEST(FiguresTest, APlanIsPrintedForPeopleAndAsJson) {
  const auto plan = nlohmann::json::parse(Succeed({"plan", "--preset", "tiny", "--json"}).out);
  EXPECT_EQ(plan["parameters"], 131648);
  const std::string text = Succeed({"plan", "--preset", "tiny"}).out;
  for (const char* part : {"Memory: host", "Memory: device", "first moments", "KiB", "Prediction"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
  // Exact bytes stand beside the rounded ones.
  std::string digits = plan["memory"]["host"]["weights"].dump();
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<size_t>(at), 1, ',');
  EXPECT_NE(text.find(digits), std::string::npos) << digits;
}

// Forward takes the weights alone: 2 bytes a parameter.
TEST(FiguresTest, AForwardPlanHasNoStates) {
  const auto plan = nlohmann::json::parse(Succeed({"plan", "--preset", "tiny", "--purpose", "forward", "--json"}).out);
  EXPECT_EQ(plan["memory"]["host"]["first_moments"], 0);
  EXPECT_EQ(plan["memory"]["host"]["remainders"], 0);
  // Groups of tensors begin at multiples of 256 elements: a small model has a little padding.
  const int64_t weights = plan["memory"]["host"]["weights"], parameters = plan["parameters"];
  EXPECT_GE(weights, 2 * parameters);
  EXPECT_LT(weights, 2 * parameters * 1.02);
}

TEST(FiguresTest, EvalsLastLineIsItsResult) {
  const Words eval = {"eval", "--config", SmallConfig(), "--data", WriteRows("e.npy", 8, SomeIds(80)), "--compute", "f32"};
  Words json = eval;
  json.push_back("--json");
  const Result result = Succeed(json);
  const auto line = result.Lines().back();
  EXPECT_EQ(line["tokens"], 70);
  EXPECT_NEAR(line["perplexity"].get<double>(), std::exp(line["loss"].get<double>()), 1e-9);
  // Random weights know next to nothing: the loss is near that of equal chances.
  EXPECT_NEAR(line["loss"].get<double>(), std::log(static_cast<double>(kSmallVocabulary)), 0.5);
  EXPECT_NE(Succeed(eval).out.find("perplexity"), std::string::npos);
}

TEST(FiguresTest, BenchCountsTheModelsArithmetic) {
  const Words bench = {"bench", "--preset", "tiny", "--batch-size", "2", "--seq-len", "32", "--steps", "3", "--warm-up", "1"};
  Words json = bench;
  json.push_back("--json");
  const auto figures = Succeed(json).Lines().back();
  // 6 for each parameter and token; and for 2 rows, 2 layers and 4 heads of 16: 12 for each of the 32 * 33 / 2 pairs.
  const double flops = 6.0 * 131648 * 64 + 12.0 * 64 * (32 * 33 / 2) * 2 * 2;
  EXPECT_EQ(figures["model_flops"].get<double>(), flops);
  const double seconds = figures["step_seconds"];
  EXPECT_GT(seconds, 0);
  EXPECT_NEAR(figures["tokens_per_second"].get<double>(), 64 / seconds, 1e-6 * 64 / seconds);
  EXPECT_LE(figures["fastest_step_seconds"].get<double>(), seconds);
  // Gradients of bf16 come down once a step; weights go up at least once.
  EXPECT_GE(figures["down_bytes_per_step"].get<double>(), 2.0 * 131648);
  EXPECT_GE(figures["up_bytes_per_step"].get<double>(), 2.0 * 131648);
  EXPECT_NE(Succeed(bench).out.find("tokens/s"), std::string::npos);
}

// A query meets no more keys than its window holds, in the layers that have one.
TEST(FiguresTest, BenchCountsAttentionWithinTheWindow) {
  const auto flops = [](const nlohmann::json& changes) {
    auto config = nlohmann::json::parse(ReadFile(SmallConfig()));
    config.update(changes);
    WriteFile(Scratch("window.json"), config.dump());
    return Succeed({"bench", "--config", Scratch("window.json"), "--batch-size", "2", "--seq-len", "32", "--steps", "1",
                    "--warm-up", "0", "--compute", "f32", "--json"})
        .Lines()
        .back();
  };
  // What is not attention, and for 2 rows and 4 heads of 8: 12 for each pair of a query and a key. With a window of w, query t
  // of 32 meets min(t + 1, w) keys.
  const auto expected = [](const nlohmann::json& figures, const std::vector<int64_t>& windows) {
    double pairs = 0;
    for (const int64_t window : windows) {
      for (int64_t t = 0; t < 32; ++t) pairs += static_cast<double>(std::min(t + 1, window));
    }
    return 6.0 * figures["parameters"].get<double>() * 64 + 12.0 * 32 * pairs * 2;
  };
  const nlohmann::json mistral = {{"architectures", {"MistralForCausalLM"}}, {"model_type", "mistral"}};
  const nlohmann::json qwen2 = {{"architectures", {"Qwen2ForCausalLM"}}, {"model_type", "qwen2"}, {"use_sliding_window", true}};
  const auto with = [](nlohmann::json family, const nlohmann::json& changes) {
    family.update(changes);
    return family;
  };
  const auto all = flops(with(mistral, {{"sliding_window", 8}})), none = flops(with(mistral, {{"sliding_window", nullptr}}));
  const auto longer = flops(with(mistral, {{"sliding_window", 33}}));
  const auto one = flops(with(qwen2, {{"sliding_window", 5}, {"max_window_layers", 1}}));
  EXPECT_EQ(all["model_flops"].get<double>(), expected(all, {8, 8}));
  EXPECT_EQ(none["model_flops"].get<double>(), expected(none, {32, 32}));
  EXPECT_EQ(longer["model_flops"].get<double>(), expected(longer, {32, 32}));
  EXPECT_EQ(one["model_flops"].get<double>(), expected(one, {32, 5}));
}

// A token goes through the experts that it chose; the products of all that a step chooses are timed by expert.
TEST(FiguresTest, BenchCountsTheExpertsThatATokenChooses) {
  auto config = nlohmann::json::parse(ReadFile(SmallConfig()));
  const nlohmann::json mixture = {
      {"architectures", {"MixtralForCausalLM"}}, {"model_type", "mixtral"}, {"num_local_experts", 5}, {"num_experts_per_tok", 2}};
  config.update(mixture);
  WriteFile(Scratch("mixture.json"), config.dump());
  const Words bench = {"bench",     "--config", Scratch("mixture.json"), "--batch-size", "2", "--seq-len", "32", "--steps", "1",
                       "--warm-up", "0"};
  Words json = bench;
  json.push_back("--json");
  const auto figures = Succeed(json).Lines().back();
  const double layers = config["num_hidden_layers"],
               expert = 3.0 * config["hidden_size"].get<double>() * config["intermediate_size"].get<double>();
  const double active = figures["parameters"].get<double>() - layers * 3 * expert;
  EXPECT_EQ(figures["active_parameters"].get<double>(), active);
  const double width = config["hidden_size"];
  EXPECT_EQ(figures["model_flops"].get<double>(), 6 * active * 64 + 12 * width * (32 * 33 / 2) * 2 * layers);
  EXPECT_NEAR(figures["six_nt_flops_per_second"].get<double>() * figures["step_seconds"].get<double>(), 6 * active * 64, 1);
  const auto& products = figures["products"];
  EXPECT_GT(products["grouped"].get<double>(), 0);
  EXPECT_LT(products["grouped"].get<double>(), products["seconds"].get<double>());
  // The plan's arithmetic is that of the same experts, and what its policies compute again.
  EXPECT_GE(figures["prediction"]["flops"].get<double>(), 0.8 * figures["model_flops"].get<double>());
  EXPECT_LE(figures["prediction"]["flops"].get<double>(), 1.5 * figures["model_flops"].get<double>());
  EXPECT_NE(Succeed(bench).out.find("of which a token goes through"), std::string::npos);
}

}  // namespace
}  // namespace horizon_test
