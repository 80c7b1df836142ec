// horizon plan on a machine that is too small: the plan, what is too little, and options by which it fits, which do.
#include <gtest/gtest.h>

#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

using nlohmann::json;

Words Split(const std::string& text) {
  std::istringstream stream(text);
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

const Words k7B = {"plan",         "--preset", "qwen2.5-7b", "--machine", "samples/machines/h100-80g.json",
                   "--batch-size", "16",       "--seq-len",  "1024"};

json Short(const Words& words) {
  const Result result = Horizon(With(words, {"--json"}));
  EXPECT_EQ(result.status, 1);
  ExpectOneErrorLine(result, {"the plan needs", "GiB"});
  EXPECT_EQ(result.err.find("would fit better"), std::string::npos) << "what fits is printed: " << result.err;
  return json::parse(result.out);
}

TEST(PlanFitTest, EachOptionThatIsToldMakesItFit) {
  for (const std::string limit : {"100GiB", "80GiB"}) {
    const Words words = With(k7B, {"--host-limit-bytes", limit});
    const json plan = Short(words);
    EXPECT_EQ(plan["fits"], false);
    const json& how = plan["how_it_fits"];
    ASSERT_EQ(how["short"].size(), 1u);
    EXPECT_EQ(how["short"][0]["memory"], "host");
    EXPECT_GT(how["short"][0]["needed_bytes"], how["short"][0]["usable_bytes"]);
    EXPECT_EQ(plan["host_bytes"], how["short"][0]["needed_bytes"]);
    ASSERT_FALSE(how["alone"].empty()) << limit;
    for (const json& row : how["alone"]) {
      const Result fits = Horizon(With(words, With(Split(row["options"]), {"--json"})));
      EXPECT_EQ(fits.status, 0) << row << fits.err;
      if (fits.status == 0) {
        EXPECT_EQ(json::parse(fits.out)["host_bytes"], row["host_bytes"]);
      }
    }
  }
}

TEST(PlanFitTest, WhatFitsIsSaidInShortAtTheEnd) {
  const Result fits = Horizon(k7B);
  ASSERT_EQ(fits.status, 0) << fits.err;
  const size_t last = fits.out.rfind('\n', fits.out.size() - 2) + 1;
  const json plan = json::parse(Horizon(With(k7B, {"--json"})).out);
  char rate[64];
  std::snprintf(rate, sizeof rate, "%.0f", plan["prediction"]["tokens_per_second"].get<double>());
  std::string line = fits.out.substr(last);
  EXPECT_TRUE(line.starts_with("Fits: host memory ")) << line;
  std::erase(line, ',');
  EXPECT_NE(line.find(std::string(rate) + " tokens/s"), std::string::npos) << line << rate;
}

TEST(PlanFitTest, WhereNoneIsEnoughAsFewAsAre) {
  const Words words = With(k7B, {"--host-limit-bytes", "42GiB"});
  const json how = Short(words)["how_it_fits"];
  EXPECT_TRUE(how["alone"].empty());
  ASSERT_TRUE(how["together"].is_object());
  const Words options = Split(how["together"]["options"]);
  EXPECT_EQ(Horizon(With(words, options)).status, 0);
  // Each is needed: options come in pairs of a name and a value, and backward goes with --grad-clip 0.
  for (size_t i = 0; i < options.size(); i += 2) {
    if (options[i] == "--grad-clip" || options[i] == "--optimizer-timing") continue;
    Words fewer = options;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i), fewer.begin() + static_cast<std::ptrdiff_t>(i) + 2);
    EXPECT_EQ(Horizon(With(words, fewer)).status, 1) << options[i] << " is not needed";
  }
}

// With a budget the states are chosen: none of them fits, and what the smallest needs is told.
TEST(PlanFitTest, ABudgetThatIsTooSmallForAllStates) {
  const json how = Short(With(k7B, {"--budget-host", "20GiB"}))["how_it_fits"];
  ASSERT_EQ(how["short"].size(), 1u);
  EXPECT_EQ(how["short"][0]["memory"], "host");
  EXPECT_LT(how["short"][0]["needed_bytes"], int64_t{60} << 30) << "not that of fp32 states";
  EXPECT_FALSE(how["presets"].empty());
}

TEST(PlanFitTest, TheDeviceMayBeTooSmallAsWell) {
  const json how = Short(With(k7B, {"--host-limit-bytes", "20GiB", "--device-limit-bytes", "2GiB"}))["how_it_fits"];
  ASSERT_EQ(how["short"].size(), 2u);
  EXPECT_EQ(how["short"][1]["memory"], "device");
  EXPECT_TRUE(how["alone"].empty());
  EXPECT_TRUE(how["together"].is_null());
  EXPECT_FALSE(how["presets"].empty());
  EXPECT_EQ(how["presets"][0], "tiny");
}

TEST(PlanFitTest, PeopleReadGiB) {
  const Result result = Horizon(With(k7B, {"--host-limit-bytes", "80GiB"}));
  EXPECT_EQ(result.status, 1);
  for (const std::string part : {"Plan\n", "Memory: host\n", "Does not fit\n", "GiB needed, 80.00 GiB may be used",
                                 "Fits with one of\n", "--states bf16"}) {
    EXPECT_NE(result.out.find(part), std::string::npos) << part << " not in\n" << result.out;
  }
}

}  // namespace
}  // namespace horizon_test
