#include "core/device/race_checker.h"

#include <algorithm>
#include <atomic>
#include <unordered_map>

#include "core/base/error.h"

namespace hlm {
namespace {

std::atomic<uint64_t> next_id{1};

int64_t At(const Clock& clock, int participant) {
  return static_cast<size_t>(participant) < clock.size() ? clock[static_cast<size_t>(participant)] : 0;
}

}  // namespace

RaceChecker::RaceChecker() : id_(next_id.fetch_add(1)) {}

int RaceChecker::NewParticipant(const std::string& name) {
  std::lock_guard lock(mutex_);
  const int participant = static_cast<int>(clocks_.size());
  clocks_.emplace_back(static_cast<size_t>(participant) + 1, 0);
  clocks_.back()[static_cast<size_t>(participant)] = 1;
  names_.push_back(name);
  return participant;
}

int RaceChecker::ThisThread() {
  // Keyed by the checker's number, not its address: a new checker may lie where an old one was.
  thread_local std::unordered_map<uint64_t, int> participants;
  const auto found = participants.find(id_);
  if (found != participants.end()) return found->second;
  static std::atomic<int> host_threads{0};
  const int participant = NewParticipant(StrCat("host thread ", host_threads.fetch_add(1)));
  participants.emplace(id_, participant);
  return participant;
}

Clock RaceChecker::Release(int participant) {
  std::lock_guard lock(mutex_);
  Clock& own = clocks_.at(static_cast<size_t>(participant));
  Clock result = own;
  ++own[static_cast<size_t>(participant)];
  return result;
}

void RaceChecker::Acquire(int participant, const Clock& clock) {
  std::lock_guard lock(mutex_);
  Clock& own = clocks_.at(static_cast<size_t>(participant));
  if (own.size() < clock.size()) own.resize(clock.size(), 0);
  for (size_t i = 0; i < clock.size(); ++i) {
    if (i != static_cast<size_t>(participant)) own[i] = std::max(own[i], clock[i]);
  }
}

bool RaceChecker::Covers(int participant, const Past& past) const {
  return past.participant < 0 || past.participant == participant ||
         At(clocks_[static_cast<size_t>(participant)], past.participant) >= past.time;
}

void RaceChecker::SplitAt(uintptr_t address) {
  auto next = cells_.upper_bound(address);
  if (next == cells_.begin()) return;
  const auto cell = std::prev(next);
  if (cell->first == address || cell->second.end <= address) return;
  Cell upper = cell->second;
  cell->second.end = address;
  cells_.emplace_hint(next, address, std::move(upper));
}

RaceChecker::Cells::iterator RaceChecker::Cover(uintptr_t begin, uintptr_t end) {
  SplitAt(begin);
  SplitAt(end);
  uintptr_t at = begin;
  auto cell = cells_.lower_bound(begin);
  while (at < end) {
    if (cell == cells_.end() || cell->first > at) {
      Cell gap;
      gap.end = cell == cells_.end() ? end : std::min(end, cell->first);
      cell = cells_.emplace_hint(cell, at, std::move(gap));
    }
    at = cell->second.end;
    ++cell;
  }
  return cells_.find(begin);
}

void RaceChecker::Access(int participant, const void* data, size_t bytes, bool write, const char* what) {
  if (bytes == 0) return;
  std::lock_guard lock(mutex_);
  const auto begin = reinterpret_cast<uintptr_t>(data);
  const uintptr_t end = begin + bytes;
  const Past now{participant, clocks_.at(static_cast<size_t>(participant))[static_cast<size_t>(participant)], what};

  std::map<std::string, size_t> conflicts;  // bytes by kind
  const auto conflict = [&](const Past& past, bool past_write, size_t size) {
    conflicts[StrCat(past_write ? " wrote '" : " read '", past.what, "'\n", names_[static_cast<size_t>(past.participant)])] +=
        size;
  };
  const auto first = Cover(begin, end);
  for (auto cell = first; cell != cells_.end() && cell->first < end; ++cell) {
    Cell& c = cell->second;
    const size_t size = c.end - cell->first;
    if (!Covers(participant, c.writer)) conflict(c.writer, true, size);
    if (write) {
      for (const Past& reader : c.readers) {
        if (!Covers(participant, reader)) conflict(reader, false, size);
      }
      c.writer = now;
      c.readers.clear();
    } else {
      const auto same =
          std::find_if(c.readers.begin(), c.readers.end(), [&](const Past& r) { return r.participant == participant; });
      if (same == c.readers.end()) {
        c.readers.push_back(now);
      } else {
        *same = now;
      }
    }
  }
  if (write) {  // the cells now look the same: they become one again
    first->second.end = end;
    cells_.erase(std::next(first), cells_.lower_bound(end));
  }
  for (const auto& [key, size] : conflicts) {
    const size_t line = key.find('\n');
    const std::string kind = StrCat(names_[static_cast<size_t>(participant)], write ? " writes '" : " reads '", what, "'");
    const std::string other = StrCat(key.substr(line + 1), key.substr(0, line));
    if (seen_[kind + other]++ > 0) continue;
    reports_.push_back(StrCat(kind, " (", size, " bytes) after ", other, " there, with no order between them"));
  }
}

void RaceChecker::Forget(const void* data, size_t bytes) {
  if (bytes == 0) return;
  std::lock_guard lock(mutex_);
  const auto begin = reinterpret_cast<uintptr_t>(data);
  SplitAt(begin);
  SplitAt(begin + bytes);
  cells_.erase(cells_.lower_bound(begin), cells_.lower_bound(begin + bytes));
}

std::vector<std::string> RaceChecker::reports() const {
  std::lock_guard lock(mutex_);
  return reports_;
}

}  // namespace hlm
