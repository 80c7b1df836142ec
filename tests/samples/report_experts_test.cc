// A report's maps of experts: shades by a layer's mean, moments spread over the run, tables that are none passed over.
#include <gtest/gtest.h>

#include <string>

#include "samples/horizon/report/experts.h"
#include "samples/horizon/report/report.h"
#include "tests/samples/support.h"

namespace horizon {
namespace {

size_t Count(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++count;
  return count;
}

TEST(ReportExpertsTest, ACellIsAsDarkAsItsExpertGotOfTheLayersMean) {
  // Mean 10: none, a little, the mean, twice and more; neighbours alike are one rectangle.
  const std::string map = ExpertSection({{7, {{0, 0, 2, 10, 38}, {10, 10, 10, 10, 10}}}});
  EXPECT_NE(map.find("viewBox=\"0 0 5 2\""), std::string::npos);
  EXPECT_NE(map.find("<path class=\"e0\" d=\"M0 0h2v1h-2z\"/>"), std::string::npos);
  EXPECT_NE(map.find("<path class=\"e1\" d=\"M2 0h1v1h-1z\"/>"), std::string::npos);
  EXPECT_NE(map.find("M3 0h1v1h-1zM0 1h5v1h-5z"), std::string::npos) << "the mean has one shade in both layers";
  EXPECT_NE(map.find("<path class=\"e7\" d=\"M4 0h1v1h-1z\"/>"), std::string::npos);
  EXPECT_NE(map.find("step 7, most over mean 3.8"), std::string::npos);
}

TEST(ReportExpertsTest, AFewMomentsTheFirstAndTheLastAmongThem) {
  std::vector<ExpertTokens> moments;
  for (int64_t step = 1; step <= 33; ++step) moments.push_back({step, {{1, 2}}});
  const std::string section = ExpertSection(moments);
  EXPECT_EQ(Count(section, "<figure>"), 8u);
  EXPECT_NE(section.find("step 1,"), std::string::npos);
  EXPECT_NE(section.find("step 33,"), std::string::npos);
  EXPECT_EQ(Count(ExpertSection({moments[0], moments[1]}), "<figure>"), 2u);
  EXPECT_EQ(ExpertSection({}), "");
}

TEST(ReportExpertsTest, ALayerWithoutTokensIsEmptyAndNotDividedBy) {
  const std::string section = ExpertSection({{1, {{0, 0, 0}}}});
  EXPECT_NE(section.find("class=\"e0\""), std::string::npos);
  EXPECT_EQ(section.find("nan"), std::string::npos);
}

TEST(ReportExpertsTest, TablesComeFromTheLinesOfARun) {
  const std::string path = horizon_test::Scratch("experts.html");
  {
    Report report(path);
    RunStart start;
    start.model = {{"parameters", 64}};
    start.steps = 3;
    report.Begin(start);
    report.Step({{"step", 1}, {"loss", 2.0}, {"expert_tokens", {{4, 0}, {2, 2}}}}, {});
    report.Step({{"step", 2}, {"loss", 2.0}, {"expert_tokens", "none"}, {"aux_loss", 2.5}}, {});
    report.Step({{"step", 3}, {"loss", 2.0}, {"expert_tokens", {{1, "x"}}}, {"aux_loss", 2.25}}, {});
    RunEnd end;
    end.done = 3;
    report.End(end);
    report.Close();
  }
  const std::string page = horizon_test::ReadFile(path);
  EXPECT_EQ(Count(page, "<figure>"), 1u);
  EXPECT_NE(page.find("Balancing loss of the routers"), std::string::npos);
}

}  // namespace
}  // namespace horizon
