// A group's exchanges, and what its ranks hear of one that is gone.
#include "core/group/group.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstring>

#include "core/base/error.h"
#include "core/base/random.h"
#include "tests/group/processes.h"

namespace hlm {
namespace {

constexpr ProcessGroup::Channel kChannel = ProcessGroup::kGradients;

void AddTo(float* to, const float* from, size_t n) {
  for (size_t i = 0; i < n; ++i) to[i] += from[i];
}

std::vector<float> Values(int64_t rank, size_t n) {
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = static_cast<float>(RandomBelow(RandomKey(rank, "values"), i, 1u << 30)) * 1e-7f - 30;
  return values;
}

TEST(Group, EveryRankGetsTheBytesOfAllInTheirOrder) {
  for (const int64_t size : {1, 2, 3, 4}) {
    const int port = FreePort();
    Processes ranks(size, [&](int64_t rank) {
      const auto group = ProcessGroup::Connect(LocalPlace(rank, size, port), QuickOptions());
      std::string text;
      for (int round = 0; round < 3; ++round) {
        // Of different lengths, none among them.
        for (const std::string& bytes :
             group->AllGather(ProcessGroup::kCalls, std::string(static_cast<size_t>(rank * round), 'a'))) {
          text += StrCat(bytes.size(), " ");
        }
      }
      std::vector<size_t> starts = {0};
      for (int64_t r = 0; r < size; ++r) starts.push_back(starts.back() + static_cast<size_t>(r));
      std::string array(starts.back(), '.');
      for (size_t i = starts[static_cast<size_t>(rank)]; i < starts[static_cast<size_t>(rank) + 1]; ++i)
        array[i] = static_cast<char>('0' + rank);
      group->AllGatherInPlace(kChannel, reinterpret_cast<std::byte*>(array.data()), starts);
      group->Barrier();
      return text + array;
    });
    std::string expected, array;
    for (int round = 0; round < 3; ++round) {
      for (int64_t r = 0; r < size; ++r) expected += StrCat(r * round, " ");
    }
    for (int64_t r = 0; r < size; ++r) array += std::string(static_cast<size_t>(r), static_cast<char>('0' + r));
    for (const std::string& result : ranks.Results()) EXPECT_EQ(result, expected + array);
  }
}

// Of ranks [begin, end): the largest power of two that leaves some for the right side, and the rest.
std::vector<float> Tree(int64_t begin, int64_t end, size_t n) {
  if (end - begin == 1) return Values(begin, n);
  int64_t left = 1;
  while (2 * left < end - begin) left *= 2;
  std::vector<float> sum = Tree(begin, begin + left, n);
  AddTo(sum.data(), Tree(begin + left, end, n).data(), n);
  return sum;
}

TEST(Group, SumsAreThoseOfTheTree) {
  constexpr size_t kElements = 300000;  // more than a socket holds
  for (const int64_t size : {2, 3, 4, 5, 6, 7, 8}) {
    for (const size_t n : {kElements, size_t{3}}) {
      const std::vector<float> expected = Tree(0, size, n);
      const int port = FreePort();
      Processes ranks(size, [&](int64_t rank) -> std::string {
        const auto group = ProcessGroup::Connect(LocalPlace(rank, size, port), QuickOptions());
        std::vector<float> values = Values(rank, n), room(n + static_cast<size_t>(size));
        group->SumByTree(kChannel, values.data(), room.data(), n, AddTo);
        return std::memcmp(values.data(), expected.data(), n * sizeof(float)) == 0 ? "same" : "other";
      });
      for (const std::string& result : ranks.Results()) EXPECT_EQ(result, "same") << size << " ranks, " << n << " values";
    }
  }
}

// A group of `size` that exchanges until something happens to rank `victim`.
std::string Exchange(int64_t rank, int64_t size, int port, const GroupOptions& options, int64_t victim,
                     const std::function<void(ProcessGroup&)>& happens) {
  const auto group = ProcessGroup::Connect(LocalPlace(rank, size, port), options);
  std::vector<float> values(100000), room(values.size());
  for (int round = 0;; ++round) {
    group->SumByTree(kChannel, values.data(), room.data(), values.size(), AddTo);
    group->AllGather(ProcessGroup::kCalls, "x");
    if (round == 3) Processes::Say("going");
    if (round == 5 && rank == victim) happens(*group);
  }
}

std::string Expected(const std::string& what) { return "UNAVAILABLE: " + what; }

TEST(Failures, ARankThatIsKilledIsNamedByAllOthers) {
  for (const int64_t size : {2, 4}) {
    for (const int64_t victim : {int64_t{0}, size - 1}) {
      const int port = FreePort();
      Processes ranks(size, [&](int64_t rank) {
        return Exchange(rank, size, port, QuickOptions(), victim, [](ProcessGroup&) { raise(SIGKILL); });
      });
      for (int64_t r = 0; r < size; ++r) {
        const std::string why = victim == 0 ? "rank 0 died: its connections were closed"
                                            : StrCat("rank ", victim, " died: its connection to rank 0 was closed");
        EXPECT_EQ(ranks.Result(r), r == victim ? "" : Expected(why));
      }
    }
  }
}

TEST(Failures, ARankThatStopsIsNamedByAllOthersWithinTheTime) {
  for (const int64_t victim : {0, 2}) {
    const int port = FreePort();
    const double begin = SteadySeconds();
    Processes ranks(4, [&](int64_t rank) {
      return Exchange(rank, 4, port, QuickOptions(60, 1.5), victim, [](ProcessGroup&) { raise(SIGSTOP); });
    });
    for (int64_t r = 0; r < 4; ++r) {
      if (r == victim) continue;
      EXPECT_EQ(ranks.Result(r), Expected(StrCat("rank ", victim, " hangs: nothing was heard of it for 1.5 s")));
    }
    EXPECT_LT(SteadySeconds() - begin, 30);
    // One that goes on finds that it is no longer in the group.
    kill(ranks.pid(victim), SIGCONT);
    EXPECT_TRUE(ranks.Result(victim).starts_with("UNAVAILABLE: rank ")) << victim;
  }
}

TEST(Failures, ARankThatDoesNotTakePartIsNamedAfterTheTimeOut) {
  const int port = FreePort();
  Processes ranks(
      4, [&](int64_t rank) { return Exchange(rank, 4, port, QuickOptions(2, 30), 3, [](ProcessGroup&) { sleep(1000); }); });
  for (int64_t r = 0; r < 3; ++r) {
    EXPECT_EQ(ranks.Result(r), Expected("rank 3 does not take part: the others waited for 2 s"));
  }
}

TEST(Failures, ARankThatGivesUpTellsWhy) {
  const int port = FreePort();
  Processes ranks(4, [&](int64_t rank) {
    return Exchange(rank, 4, port, QuickOptions(), 1, [](ProcessGroup& group) {
      group.GiveUp("out of memory");
      throw ResourceExhausted("out of memory");
    });
  });
  for (int64_t r = 0; r < 4; ++r) {
    EXPECT_EQ(ranks.Result(r), r == 1 ? "RESOURCE_EXHAUSTED: out of memory" : Expected("rank 1 gave up: out of memory"));
  }
}

TEST(Failures, ARankThatLeavesIsNamed) {
  const int port = FreePort();
  struct Done {};
  Processes ranks(3, [&](int64_t rank) -> std::string {
    try {
      const auto group = ProcessGroup::Connect(LocalPlace(rank, 3, port), QuickOptions(3, 30));
      for (int round = 0;; ++round) {
        group->AllGather(ProcessGroup::kCalls, "x");
        if (round == 5 && rank == 1) throw Done();
      }
    } catch (const Done&) {
      return "left";
    }
  });
  EXPECT_EQ(ranks.Result(1), "left");
  for (const int64_t r : {0, 2}) EXPECT_EQ(ranks.Result(r), Expected("rank 1 has left the group"));
}

// Seconds that leaving took each of three ranks, of which rank 2 comes late to the second exchange, in which ranks 1 and 2 send nothing: rank
// 1 is through with it as soon as rank 0 is there, and rank 0 only when rank 2 is. Behind it rank 0 does something else.
std::vector<double> Leave(int64_t late_microseconds, int64_t busy_microseconds) {
  const int port = FreePort();
  Processes ranks(3, [&](int64_t rank) {
    auto group = ProcessGroup::Connect(LocalPlace(rank, 3, port), QuickOptions());
    std::vector<std::byte> array(100000);
    const std::vector<size_t> starts = {0, array.size(), array.size(), array.size()};
    group->AllGatherInPlace(kChannel, array.data(), starts);
    if (rank == 2) usleep(static_cast<useconds_t>(late_microseconds));
    group->AllGatherInPlace(kChannel, array.data(), starts);
    if (rank == 0) usleep(static_cast<useconds_t>(busy_microseconds));
    const double begin = SteadySeconds();
    group.reset();
    return StrCat(SteadySeconds() - begin);
  });
  std::vector<double> seconds;
  for (const std::string& result : ranks.Results()) seconds.push_back(std::stod(result));
  return seconds;
}

TEST(Leaving, ARankThatIsDoneStaysWhileAnotherIsInTheLastExchange) { EXPECT_GT(Leave(1500000, 0)[1], 1); }

TEST(Leaving, WhatAnotherDoesBehindTheLastExchangeKeepsNobody) {
  const std::vector<double> seconds = Leave(0, 3000000);
  EXPECT_LT(seconds[1], 1.5);
  EXPECT_LT(seconds[2], 1.5);
}

TEST(Failures, AGroupThatHasFailedStaysSo) {
  const int port = FreePort();
  Processes ranks(2, [&](int64_t rank) -> std::string {
    const auto group = ProcessGroup::Connect(LocalPlace(rank, 2, port), QuickOptions());
    if (rank == 1) raise(SIGKILL);
    std::string text;
    for (int i = 0; i < 3; ++i) {
      try {
        i == 1 ? group->Barrier() : static_cast<void>(group->AllGather(kChannel, "x"));
      } catch (const Error& error) {
        text += StrCat(CodeName(error.code()), " ");
      }
    }
    return text;
  });
  EXPECT_EQ(ranks.Result(0), "UNAVAILABLE UNAVAILABLE UNAVAILABLE ");
}

}  // namespace
}  // namespace hlm
