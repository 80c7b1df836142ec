// Reports without a browser: thinning loses no extreme, series find their charts, a trace's figures are right, no text ends the page.
#include "samples/horizon/report/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <set>

#include "samples/horizon/base/error.h"
#include "samples/horizon/report/trace.h"
#include "tests/samples/report_records.h"
#include "tests/samples/support.h"

namespace horizon {
namespace {

using horizon_test::kHostile;
using horizon_test::LongRun;
using horizon_test::ReadFile;
using horizon_test::Scratch;
using horizon_test::WriteFile;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<Point> Waves(int64_t n) {
  std::vector<Point> points;
  for (int64_t step = 1; step <= n; ++step) points.push_back({step, std::sin(static_cast<double>(step) * 0.7)});
  return points;
}

TEST(ReportSeriesTest, ThinningKeepsExtremesEndsAndWhatIsNotFinite) {
  std::vector<Point> points = Waves(100000);
  points[1234].value = 50;
  points[98765].value = -50;
  points[55555].value = kNaN;
  points[60000].value = -std::numeric_limits<double>::infinity();
  const std::vector<Point> thin = Thin(points, 2000);
  EXPECT_LE(thin.size(), 2500u);
  EXPECT_GE(thin.size(), 1000u);
  std::map<int64_t, double> kept;
  int64_t before = 0;
  for (const Point& point : thin) {
    EXPECT_GT(point.step, before) << "in order, each once";
    before = point.step;
    kept[point.step] = point.value;
    const double measured = points[static_cast<size_t>(point.step - 1)].value;
    EXPECT_TRUE(point.value == measured || (std::isnan(point.value) && std::isnan(measured))) << "values are measured ones";
  }
  EXPECT_EQ(kept.at(1235), 50);
  EXPECT_EQ(kept.at(98766), -50);
  EXPECT_TRUE(std::isnan(kept.at(55556)));
  EXPECT_TRUE(std::isinf(kept.at(60001)));
  EXPECT_TRUE(kept.count(1));
  EXPECT_TRUE(kept.count(100000));
}

TEST(ReportSeriesTest, ShortSeriesStayWhole) {
  for (const int64_t n : {0, 1, 2, 1999, 2000}) EXPECT_EQ(Thin(Waves(n), 2000).size(), static_cast<size_t>(n));
  EXPECT_TRUE(Trend(Waves(59), 100).empty());
}

TEST(ReportSeriesTest, ATrendIsMeansOfStretches) {
  std::vector<Point> points;
  for (int64_t step = 1; step <= 800; ++step) points.push_back({step, static_cast<double>(step) + (step % 2 == 0 ? 5 : -5)});
  points[3].value = kNaN;
  const std::vector<Point> trend = Trend(points, 100);
  ASSERT_EQ(trend.size(), 100u);
  EXPECT_NEAR(trend[0].value, (1 - 5 + 2 + 5 + 3 - 5 + 5 - 5 + 6 + 5 + 7 - 5 + 8 + 5) / 7.0, 1e-12)
      << "without the one that is no number";
  EXPECT_NEAR(trend[1].value, 12.5, 1e-12);
}

TEST(ReportSeriesTest, RelatedSeriesShareAChart) {
  const std::vector<Point> some = Waves(3);
  const Json charts = ChartsOf({{"clip_ratio/low", some},
                                {"tokens", some},
                                {"eval_kl", some},
                                {"kl", some},
                                {"clip_ratio/high", some},
                                {"eval_loss", some},
                                {"rewards/rejected", some},
                                {"loss", some},
                                {"rewards/chosen", some}},
                               "sft");
  std::vector<std::string> seen;
  for (const Json& chart : charts) {
    std::string line = chart["title"].get<std::string>() + ":";
    for (const Json& series : chart["series"]) line += " " + series["name"].get<std::string>();
    seen.push_back(line);
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"Loss (nats a token): loss eval_loss", "Rewards: rewards/chosen rewards/rejected",
                                            "clip_ratio: clip_ratio/low clip_ratio/high", "kl: eval_kl kl"}));
}

TEST(ReportSeriesTest, ALossIsWhatItsTaskHas) {
  const auto title = [](const std::string& task) { return ChartsOf({{"loss", Waves(3)}}, task)[0]["title"]; };
  for (const char* task : {"rows", "pretrain", "sft"}) EXPECT_EQ(title(task), "Loss (nats a token)");
  for (const char* task : {"dpo", "orpo", "simpo"}) EXPECT_EQ(title(task), "Loss (nats a pair)");
  EXPECT_EQ(title("kto"), "Loss (mean over answers)");
}

TEST(ReportTraceTest, LanesAndIdleTime) {
  const auto span = [](int lane, double begin, double end) {
    return Json{{"ph", "X"}, {"tid", lane}, {"name", "forward"}, {"ts", begin * 1e6}, {"dur", (end - begin) * 1e6}};
  };
  const auto lane = [](int id, const char* name) { return Json{{"ph", "M"}, {"tid", id}, {"args", {{"name", name}}}}; };
  // Overlapping spans count once; the gap of 0.1 ms is none that a picture shows, but time all the same.
  const Json summary = SummaryOf({{"traceEvents",
                                   {lane(1, "compute"), lane(2, "up"), lane(6, "save"), span(1, 1, 2), span(1, 3, 4),
                                    span(2, 1.5, 2.5), span(2, 2, 2.75), span(2, 2.7501, 3)}}});
  EXPECT_NEAR(summary["seconds"], 3, 1e-9);
  ASSERT_EQ(summary["lanes"].size(), 2u) << "a lane without work is left out";
  EXPECT_EQ(summary["lanes"][0]["name"], "compute");
  EXPECT_NEAR(summary["lanes"][0]["busy_seconds"], 2, 1e-9);
  EXPECT_EQ(summary["lanes"][0]["spans"].size(), 2u);
  EXPECT_NEAR(summary["lanes"][1]["busy_seconds"], 1.4999, 1e-9);
  EXPECT_EQ(summary["lanes"][1]["spans"].size(), 1u);
  EXPECT_NEAR(summary["compute_stream"]["idle_seconds"], 1, 1e-9);
}

TEST(ReportPageTest, NoTextEndsThePage) {
  RunRecord run = LongRun(50);
  run.outcome_note = kHostile;
  run.plan["choice"] = kHostile;
  run.plan[kHostile] = kHostile;
  run.series.push_back({kHostile, Waves(3)});
  const std::string page = ReportPage(run);
  EXPECT_EQ(page.find("<script>document"), std::string::npos);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_NE(page.find("&lt;img src=x onerror=&quot;"), std::string::npos);
  EXPECT_EQ(page.find('\xff'), std::string::npos) << "the page is UTF-8";
  EXPECT_NE(Escape("a\x01z").find("\xef\xbf\xbd"), std::string::npos);
  EXPECT_EQ(Escape("x < y & \"z\" '\n"), "x &lt; y &amp; &quot;z&quot; &#39;\n");
  // The two elements of our own end, and no other does.
  size_t ends = 0;
  for (size_t at = 0; (at = page.find("</script>", at)) != std::string::npos; ++at) ++ends;
  EXPECT_EQ(ends, 2u);
}

TEST(ReportPageTest, ALongRunIsASmallFile) { EXPECT_LT(ReportPage(LongRun(100000)).size(), 800'000u); }

TEST(ReportPageTest, ARunOfNothingHasAPage) {
  const std::string page = ReportPage(RunRecord{});
  EXPECT_NE(page.find("</html>"), std::string::npos);
}

TEST(ReportTest, LinesOfALogAndOfTheRunAreOneCurve) {
  const std::string log = Scratch("report.jsonl"), path = Scratch("report.html");
  WriteFile(
      log,
      "{\"step\":1,\"loss\":3.5,\"skipped\":false}\n{\"step\":2,\"loss\":null,\"skipped\":true}\n{\"step\":2,\"eval_loss\":4}\n"
      "{\"step\":3,\"loss\":9}\ngarbage\n");
  WriteFile(path, "older");
  Report report(path);
  report.ReadLog(log, 2);
  report.Begin({.model = {{"parameters", 5}}, .plan = nullptr, .task = "dpo", .steps = 9, .begun = 2});
  report.Step({{"step", 3}, {"loss", 2.5}, {"rewards/margins", 0.25}, {"tokens", 70}, {"skipped", false}}, {.seconds = 0.5});
  const RunRecord& run = report.run();
  ASSERT_EQ(run.series.size(), 4u);
  EXPECT_EQ(run.series[0].name, "loss");
  ASSERT_EQ(run.series[0].points.size(), 3u);
  EXPECT_TRUE(std::isnan(run.series[0].points[1].value));
  EXPECT_EQ(run.series[0].points[2].value, 2.5) << "the line of step 3 is of this run";
  EXPECT_EQ(run.skipped, std::vector<int64_t>{2});
  EXPECT_EQ(run.tokens, 70);
  EXPECT_EQ(ReadFile(path), "older") << "nothing is written before the end";
  RunEnd end;
  end.done = 3;
  end.outcome = Outcome::kInterrupted;
  end.note = "interrupted after step 3 of 9";
  report.End(end);
  report.Close();
  const std::string page = ReadFile(path);
  EXPECT_NE(page.find("Interrupted after step 3 of 9."), std::string::npos);
  EXPECT_NE(page.find("rewards/margins"), std::string::npos);
  EXPECT_NE(page.find("(dpo)"), std::string::npos);
}

TEST(ReportTest, ARunThatFailsLeavesItsCurves) {
  const std::string path = Scratch("failed.html");
  {
    Report report(path);
    report.Begin({.model = Json::object(), .plan = nullptr, .task = "rows", .steps = 9, .begun = 0});
    report.Step({{"step", 1}, {"loss", 2.5}}, {.seconds = 0.5});
  }
  EXPECT_NE(ReadFile(path).find("The run failed after step 1 of 9"), std::string::npos);
}

TEST(ReportTest, AFailedWriteIsToldAtTheEnd) {
  const std::string path = Scratch("gone/report.html");
  std::filesystem::create_directories(Scratch("gone"));
  Report report(path);
  report.Begin({.model = Json::object(), .plan = nullptr, .task = "rows", .steps = 1, .begun = 0});
  std::filesystem::remove_all(Scratch("gone"));
  report.End({});
  EXPECT_THROW(report.Close(), Error);
}

TEST(ReportTest, WhereItCannotBeWrittenIsKnownBefore) { EXPECT_THROW(Report(Scratch("no/such/folder/report.html")), Error); }

}  // namespace
}  // namespace horizon
