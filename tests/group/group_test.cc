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

TEST(Group, SumsAreThoseOfTheBalancedTree) {
  constexpr size_t kElements = 300000;  // more than a socket holds
  for (const int64_t size : {2, 4, 8}) {
    std::vector<std::vector<float>> terms;
    for (int64_t r = 0; r < size; ++r) terms.push_back(Values(r, kElements));
    for (size_t step = 1; step < terms.size(); step *= 2) {
      for (size_t r = 0; r < terms.size(); r += 2 * step) AddTo(terms[r].data(), terms[r + step].data(), kElements);
    }
    const int port = FreePort();
    Processes ranks(size, [&](int64_t rank) -> std::string {
      const auto group = ProcessGroup::Connect(LocalPlace(rank, size, port), QuickOptions());
      std::vector<float> values = Values(rank, kElements), room(kElements);
      group->SumByTree(kChannel, values.data(), room.data(), kElements, AddTo);
      return std::memcmp(values.data(), terms[0].data(), kElements * sizeof(float)) == 0 ? "same" : "other";
    });
    for (const std::string& result : ranks.Results()) EXPECT_EQ(result, "same");
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
      // A tree is for powers of two only: exchanges of bytes.
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
