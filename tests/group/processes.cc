#include "tests/group/processes.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/group/socket.h"

#ifdef HLM_GCOV
extern "C" void __gcov_dump();
#endif

namespace hlm {
namespace {

int own_pipe = -1;  // of a process
constexpr char kEnd = '\x01';

void WriteAll(int fd, const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const ssize_t n = write(fd, text.data() + at, text.size() - at);
    if (n <= 0) return;
    at += static_cast<size_t>(n);
  }
}

}  // namespace

int FreePort() { return Listen(0).LocalPort(); }

Processes::Processes(int64_t count, const RankWork& work) {
  for (int64_t rank = 0; rank < count; ++rank) {
    int ends[2];
    if (pipe(ends) != 0) throw Internal("no pipe");
    const pid_t pid = fork();
    if (pid == 0) {
      close(ends[0]);
      own_pipe = ends[1];
      std::string result;
      try {
        result = work(rank);
      } catch (const Error& error) {
        result = StrCat(CodeName(error.code()), ": ", error.message());
      } catch (const std::exception& error) {
        result = StrCat("exception: ", error.what());
      }
      WriteAll(own_pipe, result + kEnd);
#ifdef HLM_GCOV
      __gcov_dump();  // _exit would lose what this process has counted
#endif
      _exit(0);
    }
    close(ends[1]);
    pids_.push_back(pid);
    pipes_.push_back(ends[0]);
    said_.emplace_back();
  }
}

Processes::~Processes() {
  for (size_t r = 0; r < pids_.size(); ++r) {
    if (pids_[r] > 0) {
      kill(pids_[r], SIGKILL);
      waitpid(pids_[r], nullptr, 0);
    }
    close(pipes_[r]);
  }
}

void Processes::Say(const std::string& text) { WriteAll(own_pipe, text + "\n"); }

// False at the end, or where nothing came for so long.
bool Processes::Read(int64_t rank, double seconds) {
  pollfd wait{pipes_[static_cast<size_t>(rank)], POLLIN, 0};
  if (poll(&wait, 1, static_cast<int>(seconds * 1000)) <= 0) return false;
  char buffer[4096];
  const ssize_t n = read(wait.fd, buffer, sizeof(buffer));
  if (n <= 0) return false;
  said_[static_cast<size_t>(rank)].append(buffer, static_cast<size_t>(n));
  return true;
}

void Processes::Await(int64_t rank, const std::string& text) {
  const double until = SteadySeconds() + 60;
  std::string& said = said_[static_cast<size_t>(rank)];
  while (said.find(text + "\n") == std::string::npos) {
    if (SteadySeconds() > until || !Read(rank, 60)) {
      ADD_FAILURE() << "rank " << rank << " did not say " << text << " but " << said;
      return;
    }
  }
}

std::string Processes::Result(int64_t rank) {
  std::string& said = said_[static_cast<size_t>(rank)];
  const double until = SteadySeconds() + 120;
  while (said.empty() || said.back() != kEnd) {
    if (SteadySeconds() > until) {
      ADD_FAILURE() << "rank " << rank << " hangs";
      kill(pid(rank), SIGKILL);
    }
    if (!Read(rank, 1)) {
      if (waitpid(pid(rank), nullptr, WNOHANG) == pid(rank)) {
        pids_[static_cast<size_t>(rank)] = -1;
        if (said.empty() || said.back() != kEnd) return "";
      }
    }
  }
  if (pid(rank) > 0) waitpid(pid(rank), nullptr, 0);
  pids_[static_cast<size_t>(rank)] = -1;
  const size_t begin = said.rfind('\n');
  return said.substr(begin == std::string::npos ? 0 : begin + 1, said.size() - 1 - (begin == std::string::npos ? 0 : begin + 1));
}

std::vector<std::string> Processes::Results() {
  std::vector<std::string> results;
  for (size_t r = 0; r < pids_.size(); ++r) results.push_back(Result(static_cast<int64_t>(r)));
  return results;
}

RankAddress LocalPlace(int64_t rank, int64_t size, int port) {
  RankAddress place;
  place.rank = rank;
  place.size = place.local_size = size;
  place.address = StrCat("127.0.0.1:", port);
  return place;
}

GroupOptions QuickOptions(double timeout, double silence) {
  GroupOptions options;
  options.times = {timeout, silence};
  options.several_per_machine = true;
  return options;
}

}  // namespace hlm
