// Who is missed in an exchange, and what a rank hears of its hub.
#include "core/group/exchanges.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "core/group/heard.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

TEST(Exchanges, MissesWhoLeftBeforeIt) {
  Exchanges exchanges;
  EXPECT_FALSE(exchanges.Begin());
  EXPECT_FALSE(exchanges.End());
  EXPECT_FALSE(exchanges.Leave(3, 2)) << "it has been in all that this rank has begun";
  EXPECT_FALSE(exchanges.Begin());
  EXPECT_TRUE(exchanges.End()) << "the leaver waits for it";
  EXPECT_EQ(exchanges.Begin(), 3);
  EXPECT_EQ(exchanges.begun(), 3);
  EXPECT_EQ(exchanges.ended(), 2);
}

TEST(Exchanges, MissesWhoLeavesWhileItIsUnderWay) {
  Exchanges exchanges;
  exchanges.Begin();
  exchanges.Begin();
  EXPECT_EQ(exchanges.Leave(1, 1), 1);
  EXPECT_EQ(exchanges.Leave(2, 2), 1) << "the first who leaves counts";
}

TEST(Heard, TheFirstFailureIsTheVerdictOfAllThatWait) {
  Heard heard;
  int stopped = 0;
  heard.OnFailure([&] { ++stopped; });
  EXPECT_FALSE(heard.failed());
  heard.Check();
  EXPECT_FALSE(heard.AwaitFailure(0.001));
  EXPECT_FALSE(heard.AwaitGathered(0.001));
  std::vector<std::thread> waiting;
  waiting.emplace_back([&] { EXPECT_EQ(heard.AwaitFailure(60), "first"); });
  waiting.emplace_back([&] { EXPECT_FALSE(heard.AwaitGathered(60)); });
  waiting.emplace_back([&] { heard.AwaitDismissal(60); });
  heard.Fail("first");
  heard.Fail("second");
  for (std::thread& thread : waiting) thread.join();
  EXPECT_EQ(stopped, 1);
  heard.Gather({"a"});
  EXPECT_FALSE(heard.AwaitGathered(0)) << "what a failed group has gathered is no answer";
  std::string message;
  EXPECT_EQ(CodeOf([&] { heard.Check(); }, &message), Code::kUnavailable);
  EXPECT_EQ(message, "first");
  int late = 0;
  heard.OnFailure([&] { ++late; });
  EXPECT_EQ(late, 1);
}

TEST(Heard, GivesWhatWasGatheredOnce) {
  Heard heard;
  std::thread hub([&] { heard.Gather({"a", "b"}); });
  EXPECT_EQ(heard.AwaitGathered(60), (std::vector<std::string>{"a", "b"}));
  hub.join();
  EXPECT_FALSE(heard.AwaitGathered(0));
}

}  // namespace
}  // namespace hlm
