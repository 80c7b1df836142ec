// RaceChecker: finds work that touches the same bytes without an order between it, from declared ranges and vector clocks.
//
// ThreadSanitizer cannot see into JIT code and needs the race to be near in time; this checker needs neither. Every
// participant (a stream, a host thread) has a clock; an event or a hand-over carries the clock of who signalled to who waited;
// an access conflicts with an earlier one of another participant that its clock does not cover, if the ranges overlap and one
// of them writes. Deterministic given the order of accesses, whatever the timing. Used by tests; not in production paths.
//
// A device declares what its streams touch when work is enqueued, and moves clocks at Record, Wait and Synchronize; the host
// thread that enqueues hands its own clock to the stream. A host thread that touches device or pinned memory itself says so:
//   checker->Access(checker->ThisThread(), data, bytes, write, "what");
// and a hand-over between two host threads (a queue, a future) carries a clock along with the data:
//   giver:  Clock clock = checker->Release(checker->ThisThread());  ... put clock into the message ...
//   taker:  checker->Acquire(checker->ThisThread(), clock);
#ifndef HORIZON_LM_CORE_DEVICE_RACE_CHECKER_H_
#define HORIZON_LM_CORE_DEVICE_RACE_CHECKER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace hlm {

using Clock = std::vector<int64_t>;  // [participant]: how much of that participant's work is known to be done

class RaceChecker {
 public:
  RaceChecker();
  virtual ~RaceChecker() = default;

  // A new participant (a stream). Host threads are given one at their first call of ThisThread, which is virtual: a plugin and
  // the library have a copy of this code each, and a thread must be one participant to both. The copy that made the checker counts.
  int NewParticipant(const std::string& name);
  virtual int ThisThread();

  // The participant's clock as it is now; ticks it, so that later work of the participant is not covered by the result.
  Clock Release(int participant);
  // The participant has waited for work that had this clock.
  void Acquire(int participant, const Clock& clock);

  // Declares that the participant touches [data, data + bytes) now. `what` must live as long as the checker (a literal).
  void Access(int participant, const void* data, size_t bytes, bool write, const char* what);

  // The memory was given back: whoever gets the same addresses later has nothing to do with its past.
  void Forget(const void* data, size_t bytes);

  // One line for each kind of conflict found so far, the first of its kind with its size:
  // "compute writes 'dx' (4096 bytes) after up read 'copy' there, with no order between them".
  std::vector<std::string> reports() const;

 private:
  struct Past {
    int participant = -1;
    int64_t time = 0;
    const char* what = "";
  };
  struct Cell {  // accesses of one range [begin, end); begin is the key in cells_
    uintptr_t end = 0;
    Past writer;
    std::vector<Past> readers;  // since the last write; one a participant
  };
  using Cells = std::map<uintptr_t, Cell>;

  // Makes [begin, end) a row of whole cells without gaps; returns the first.
  Cells::iterator Cover(uintptr_t begin, uintptr_t end);
  void SplitAt(uintptr_t address);
  bool Covers(int participant, const Past& past) const;

  const uint64_t id_;  // of this checker among all of the process: what a thread remembers its number by
  mutable std::mutex mutex_;
  std::vector<Clock> clocks_;
  std::vector<std::string> names_;
  Cells cells_;  // disjoint
  std::vector<std::string> reports_;
  std::map<std::string, size_t> seen_;  // kinds of conflicts already reported
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_RACE_CHECKER_H_
