// How processes find each other, and what they hear where they do not.
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "core/base/error.h"
#include "core/group/group.h"
#include "tests/group/processes.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

std::string Ranks(ProcessGroup& group) {
  std::string text;
  for (const std::string& bytes : group.AllGather(ProcessGroup::kCalls, StrCat(group.rank()))) text += bytes;
  return text;
}

TEST(Meeting, RanksMayComeInAnyOrder) {
  const int port = FreePort();
  Processes ranks(4, [&](int64_t rank) {
    usleep(static_cast<useconds_t>(300000 * ((rank + 1) % 4)));  // rank 0 among the last
    return Ranks(*ProcessGroup::Connect(LocalPlace(rank, 4, port), QuickOptions()));
  });
  for (const std::string& result : ranks.Results()) EXPECT_EQ(result, "0123");
}

// Memory that processes share, for an all-gather of the test's own.
struct Shared {
  pthread_barrier_t barrier;
  char bytes[4][4096];
};

TEST(Meeting, AnEngineThatGathersBytesSuffices) {
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  Shared& shared = *static_cast<Shared*>(memory);
  pthread_barrierattr_t attributes;
  pthread_barrierattr_init(&attributes);
  pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_barrier_init(&shared.barrier, &attributes, 4);
  Processes ranks(4, [&](int64_t rank) {
    RankAddress place;
    place.rank = rank;
    place.size = 4;
    int calls = 0;
    const auto group = ProcessGroup::Connect(place, QuickOptions(), [&](const void* own, void* all, size_t bytes) {
      ++calls;
      std::memcpy(shared.bytes[rank], own, bytes);
      pthread_barrier_wait(&shared.barrier);
      for (size_t r = 0; r < 4; ++r) std::memcpy(static_cast<char*>(all) + r * bytes, shared.bytes[r], bytes);
    });
    return StrCat(Ranks(*group), " ", calls);
  });
  for (const std::string& result : ranks.Results()) EXPECT_EQ(result, "0123 1");
  munmap(memory, sizeof(Shared));
}

TEST(Meeting, WhoDoesNotFindRankZeroSaysWhere) {
  const int port = FreePort();
  Processes ranks(1, [&](int64_t) { return Ranks(*ProcessGroup::Connect(LocalPlace(1, 2, port), QuickOptions(1))); });
  EXPECT_EQ(ranks.Result(0),
            StrCat("UNAVAILABLE: rank 1 cannot reach rank 0 at 127.0.0.1:", port, " within 1 s: Connection refused"));
}

TEST(Meeting, WhoIsAloneSaysSo) {
  const int port = FreePort();
  Processes ranks(1, [&](int64_t) { return Ranks(*ProcessGroup::Connect(LocalPlace(0, 2, port), QuickOptions(1))); });
  EXPECT_EQ(ranks.Result(0),
            "UNAVAILABLE: rank 0 waited at its address for 1 s and not all of the 2 ranks came: rank 0 came, rank 1 did not");
}

TEST(Meeting, CarriersMustBeTheSame) {
  const int port = FreePort();
  Processes ranks(2, [&](int64_t rank) {
    GroupOptions options = QuickOptions(20);
    options.carrier = rank == 0 ? Carrier::kGloo : Carrier::kMpi;
    return Ranks(*ProcessGroup::Connect(LocalPlace(rank, 2, port), options));
  });
  for (const std::string& result : ranks.Results()) {
    EXPECT_EQ(result, "FAILED_PRECONDITION: the carrier is mpi on rank 1 and gloo on rank 0; give all the same");
  }
}

// As by hlm_group_connect: nobody has said how many processes this machine has.
RankAddress PlaceByAddress(int64_t rank, int64_t size, int port) {
  RankAddress place = LocalPlace(rank, size, port);
  place.local_size = 1;
  return place;
}

TEST(Meeting, ProcessesOfAMachineAreCounted) {
  const int port = FreePort();
  Processes ranks(3, [&](int64_t rank) {
    return StrCat(ProcessGroup::Connect(PlaceByAddress(rank, 3, port), QuickOptions())->place().local_size);
  });
  for (const std::string& result : ranks.Results()) EXPECT_EQ(result, "3");
}

// What has a kernel of its own, or as a container a name of its own, is a machine. Making one takes the rights to.
TEST(Meeting, HostsOfOtherNamesAreOtherMachines) {
  const int port = FreePort();
  Processes ranks(2, [&](int64_t rank) -> std::string {
    if (unshare(CLONE_NEWUTS) != 0) return "may not";
    const std::string name = StrCat("host-", rank);
    if (sethostname(name.data(), name.size()) != 0) return "may not";
    const auto group = ProcessGroup::Connect(PlaceByAddress(rank, 2, port), QuickOptions());
    return StrCat(Ranks(*group), " ", group->place().local_size);
  });
  const std::vector<std::string> results = ranks.Results();
  if (results[0] == "may not") GTEST_SKIP() << "this process may not give itself another host name";
  for (const std::string& result : results) EXPECT_EQ(result, "01 1");
}

TEST(Meeting, WhoDoesNotBelongIsToldWhy) {
  const auto refused = [](const std::function<void(RankAddress&)>& change) {
    const int port = FreePort();
    Processes ranks(2, [&](int64_t rank) {
      RankAddress place = LocalPlace(rank, 3, port);
      if (rank == 1) change(place);
      return Ranks(*ProcessGroup::Connect(place, QuickOptions(3)));
    });
    const std::string why = ranks.Result(1);
    // Rank 0 goes on waiting for those who do, and tells at last who came and did not belong.
    const std::string waited = ranks.Result(0);
    EXPECT_TRUE(waited.find("not all of the 3 ranks came") != std::string::npos) << waited;
    const std::string reason = why.substr(why.find(": ") + 2);
    EXPECT_TRUE(waited.ends_with("rank 0 came, rank 1, 2 did not; sent away: " + reason)) << waited;
    return why;
  };
  EXPECT_EQ(refused([](RankAddress& place) { place.size = 2; }),
            "UNAVAILABLE: rank 1 was started for a group of 2, rank 0 for one of 3");
  EXPECT_EQ(refused([](RankAddress& place) { place.token = "job 7"; }),
            "UNAVAILABLE: rank 0 at this address belongs to another run (, this one is job 7)");
}

TEST(Meeting, ARankThatIsThereTwiceIsToldSo) {
  const int port = FreePort();
  Processes ranks(3, [&](int64_t process) {
    if (process == 2) usleep(700000);
    return Ranks(*ProcessGroup::Connect(LocalPlace(std::min<int64_t>(process, 1), 3, port), QuickOptions(3)));
  });
  EXPECT_EQ(ranks.Result(2), "UNAVAILABLE: rank 1 is in the group already");
}

TEST(Meeting, StrangersDoNotDisturb) {
  const int port = FreePort();
  Processes ranks(2, [&](int64_t rank) {
    if (rank == 1) {
      std::string why;
      std::vector<Socket> strangers;
      for (const std::string& says : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(100, '\xff'), std::string()}) {
        Socket stranger;
        while (!(stranger = TryConnect({"127.0.0.1", port}, 5, why))) usleep(10000);
        SendAll(stranger, says);
        strangers.push_back(std::move(stranger));
      }
      const auto group = ProcessGroup::Connect(LocalPlace(1, 2, port), QuickOptions());
      return Ranks(*group);
    }
    return Ranks(*ProcessGroup::Connect(LocalPlace(rank, 2, port), QuickOptions()));
  });
  for (const std::string& result : ranks.Results()) EXPECT_EQ(result, "01");
}

TEST(Meeting, APortThatIsTakenIsNamed) {
  Processes ranks(1, [&](int64_t) {
    const Socket taken = Listen(0);
    try {
      ProcessGroup::Connect(LocalPlace(0, 2, taken.LocalPort()), QuickOptions(1));
    } catch (const Error& error) {
      return StrCat(error.message() == StrCat("rank 0 cannot listen on port ", taken.LocalPort(), ": Address already in use"));
    }
    return std::string("connected");
  });
  EXPECT_EQ(ranks.Result(0), "1");
}

TEST(Meeting, PlacesThatAreNoneAreRefused) {
  const auto code = [](int64_t rank, int64_t size, const char* address) {
    RankAddress place;
    place.rank = rank;
    place.size = size;
    place.address = address;
    return CodeOf([&] { ProcessGroup::Connect(place, QuickOptions(1)); });
  };
  EXPECT_EQ(code(0, 0, "a:1"), Code::kInvalidArgument);
  EXPECT_EQ(code(0, 5000, "a:1"), Code::kInvalidArgument);
  EXPECT_EQ(code(2, 2, "a:1"), Code::kInvalidArgument);
  EXPECT_EQ(code(-1, 2, "a:1"), Code::kInvalidArgument);
  for (const char* address : {"", "host", "host:", ":1", "host:0", "host:65536", "host:12x", "host:-1"}) {
    EXPECT_EQ(code(1, 2, address), Code::kInvalidArgument) << address;
  }
  EXPECT_EQ(code(0, 1, "not looked at"), Code::kOk);
}

}  // namespace
}  // namespace hlm
