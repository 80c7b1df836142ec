// The report in a real browser: headless Chromium runs its script, and the curves are counted in the page that comes out.
// Skips, and says so, where there is no `chromium`; tests/long.sh installs it.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "tests/samples/report_records.h"
#include "tests/samples/support.h"

namespace horizon_test {
namespace {

bool HasChromium() { return std::system("command -v chromium >/dev/null 2>&1") == 0; }

#define NEED_CHROMIUM() \
  if (!HasChromium()) GTEST_SKIP() << "NOT TESTED: there is no chromium here (Debian's package `chromium`)"

// What `chromium` prints with these arguments for the page. Nothing it does may reach a network or last for ever.
std::string Chromium(const std::string& arguments, const std::string& page) {
  const std::string command = "HOME='" + Scratch("home") +
                              "' timeout 120 chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars" +
                              " --disable-background-networking --user-data-dir='" + Scratch("profile") +
                              "' --virtual-time-budget=3000 " + arguments + " 'file://" + page + "' 2>/dev/null";
  std::FILE* pipe = popen(command.c_str(), "r");
  std::string out;
  char buffer[65536];
  for (size_t n; (n = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;) out.append(buffer, n);
  EXPECT_EQ(pclose(pipe), 0) << command;
  return out;
}

struct Curve {
  size_t points = 0;                          // of the line of measured values
  std::vector<std::pair<double, double>> at;  // in pixels
  size_t odd = 0;                             // marks of values that are not finite
  bool trend = false;
};

// The curves of a page as the browser has drawn them, by the series' names.
std::map<std::string, Curve> Curves(const std::string& dom) {
  std::map<std::string, Curve> curves;
  const std::string mark = "<g class=\"series\" data-series=\"";
  for (size_t at = 0; (at = dom.find(mark, at)) != std::string::npos;) {
    at += mark.size();
    const std::string name = dom.substr(at, dom.find('"', at) - at);
    const std::string group = dom.substr(at, dom.find("</g>", at) - at);
    Curve curve;
    const size_t line = group.find("<path class=\"line");
    const size_t begin = group.find(" d=\"", line) + 4;
    const std::string path = group.substr(begin, group.find('"', begin) - begin);
    double x = 0, y = 0;
    for (size_t i = 0; i < path.size(); ++i) {
      if (path[i] != 'M' && path[i] != 'L') continue;
      EXPECT_EQ(std::sscanf(path.c_str() + i + 1, "%lf %lf", &x, &y), 2) << path.substr(i, 20);
      curve.at.emplace_back(x, y);
    }
    curve.points = curve.at.size();
    curve.trend = group.find("class=\"trend\"") != std::string::npos;
    if (const size_t odd = group.find("class=\"odd\""); odd != std::string::npos) {
      const size_t d = group.find(" d=\"", odd) + 4;
      const std::string marks = group.substr(d, group.find('"', d) - d);
      for (const char c : marks) curve.odd += c == 'M';
    }
    curves[name] = curve;
  }
  return curves;
}

std::string Write(const std::string& name, const horizon::RunRecord& run) {
  const std::string path = Scratch(name);
  WriteFile(path, horizon::ReportPage(run));
  return path;
}

TEST(ReportInABrowser, ALongRunKeepsItsExtremes) {
  NEED_CHROMIUM();
  const std::string dom = Chromium("--window-size=1280,2000 --dump-dom", Write("long.html", LongRun(100000)));
  const auto curves = Curves(dom);
  ASSERT_EQ(curves.size(), 10u) << "loss, held-out loss, norm, rate, speed, two rewards, two margins, accuracies";
  for (const auto& [name, curve] : curves) {
    SCOPED_TRACE(name);
    const bool held_out = name.rfind("eval_", 0) == 0;
    EXPECT_GE(curve.points, held_out ? 20u : 1000u);
    EXPECT_LE(curve.points, held_out ? 20u : 2500u);
    EXPECT_EQ(curve.trend, !held_out);
    for (const auto& [x, y] : curve.at)
      ASSERT_TRUE(std::isfinite(x) && std::isfinite(y) && x >= 0 && x <= 1280 && y >= 0 && y <= 400);
  }
  // The spike and the dip are where they belong and far from all others; the step that was no number is marked.
  const Curve& loss = curves.at("loss");
  const double left = loss.at.front().first, right = loss.at.back().first;
  const auto x_of = [&](int64_t step) { return left + (right - left) * static_cast<double>(step - 1) / 99999; };
  auto highest = loss.at[0], lowest = loss.at[0];
  for (const auto& point : loss.at) {
    if (point.second < highest.second) highest = point;
    if (point.second > lowest.second) lowest = point;
  }
  EXPECT_NEAR(highest.first, x_of(kSpike), 0.5);
  EXPECT_NEAR(lowest.first, x_of(kDip), 0.5);
  EXPECT_GE(loss.odd, 1u);
  // A user's text is text.
  EXPECT_EQ(dom.find("<img"), std::string::npos);
  EXPECT_NE(dom.find("training run</title>"), std::string::npos) << "the hostile name did not change the title";
}

TEST(ReportInABrowser, ValuesThatAreNotFiniteAreGapsWithMarks) {
  NEED_CHROMIUM();
  horizon::RunRecord run = LongRun(12);
  std::vector<horizon::Point>& loss = run.series[0].points;
  loss[4].value = std::nan("");
  loss[6].value = HUGE_VAL;
  loss[7].value = -HUGE_VAL;
  for (horizon::Point& point : run.series[1].points) point.value = std::nan("");
  const std::string dom = Chromium("--window-size=500,900 --dump-dom", Write("odd.html", run));
  const auto curves = Curves(dom);
  EXPECT_EQ(curves.at("loss").points, 9u);
  EXPECT_EQ(curves.at("loss").odd, 3u);
  EXPECT_EQ(curves.at("grad_norm").points, 0u);
  EXPECT_EQ(curves.at("grad_norm").odd, 12u);
  EXPECT_NE(dom.find("no finite value"), std::string::npos);
}

TEST(ReportInABrowser, ARealRun) {
  NEED_CHROMIUM();
  const std::string report = Scratch("run.html");
  const Result result = Horizon({"train", "--config", SmallConfig(), "--data", WriteRows("r.npy", 16, SomeIds(16 * 40)),
                                 "--batch-size", "4", "--steps", "12", "--eval-data", WriteRows("re.npy", 16, SomeIds(16 * 8)),
                                 "--eval-every", "4", "--lr", "1e-3", "--report", report});
  ASSERT_EQ(result.status, 0) << result.err;
  const std::string dom = Chromium("--window-size=1280,2400 --dump-dom", report);
  const auto curves = Curves(dom);
  for (const char* name : {"loss", "grad_norm", "lr", "tokens_per_second"}) EXPECT_EQ(curves.at(name).points, 12u) << name;
  EXPECT_EQ(curves.at("eval_loss").points, 3u);
  for (const char* part : {"id=\"trace\"", "compute stream: idle for", "GB/s", "id=\"plan\"", "Prediction for one step",
                           "id=\"settings\"", "--eval-every"}) {
    EXPECT_NE(dom.find(part), std::string::npos) << part;
  }
  // Each is drawn as wide as its place: loss and speed across the page, norm and rate side by side.
  std::vector<int> widths;
  for (size_t at = 0; (at = dom.find("viewBox=\"0 0 ", at)) != std::string::npos; ++at)
    widths.push_back(std::atoi(dom.c_str() + at + 13));
  ASSERT_EQ(widths.size(), 4u);
  EXPECT_GT(widths[0], 1000);
  EXPECT_LT(widths[1], 600);
  EXPECT_LT(widths[2], 600);
  EXPECT_GT(widths[3], 1000);
  // Pictures for people; that they are not blank is all that is tested.
  const char* outputs = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  for (const char* size : {"1280,2400", "500,3600"}) {
    const std::string picture = (outputs != nullptr ? std::string(outputs) + "/" : Scratch("")) + "report-" + size + ".png";
    Chromium(std::string("--window-size=") + size + " --screenshot='" + picture + "'", report);
    const std::string png = ReadFile(picture);
    EXPECT_EQ(png.substr(1, 3), "PNG");
    EXPECT_GT(png.size(), 40'000u);
  }
}

}  // namespace
}  // namespace horizon_test
