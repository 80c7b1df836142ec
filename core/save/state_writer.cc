#include "core/save/state_writer.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/store/host_memory.h"

namespace hlm {
namespace {

constexpr int64_t kCopyItem = int64_t{4} << 20;  // bytes that one thread of the pool copies at a time

int64_t Bytes(const std::vector<CheckpointArray>& arrays) {
  int64_t bytes = 0;
  for (const CheckpointArray& array : arrays) bytes += static_cast<int64_t>(array.bytes);
  return bytes;
}

// In the order in which the pieces are updated: those of a backward pass, or forward.
std::vector<int64_t> UpdateOrder(const Plan& plan) {
  std::vector<int64_t> order(static_cast<size_t>(plan.pieces.size()));
  std::iota(order.begin(), order.end(), 0);
  if (plan.timing == Timing::kBackward) std::reverse(order.begin(), order.end());
  return order;
}

}  // namespace

StateWriter::StateWriter(const Plan& plan, const ParameterStore& store, HostPool& pool, Trace& trace, RaceChecker* checker,
                         int64_t rank)
    : plan_(plan),
      store_(store),
      pool_(pool),
      trace_(trace),
      checker_(checker),
      rank_(rank),
      snapshot_(AllocatePages(static_cast<size_t>(plan.host.snapshot), "snapshots of pieces that are saved")),
      order_(UpdateOrder(plan)),
      places_(order_.size(), -1),
      at_risk_(order_.size(), checker) {
  int64_t taken = 0;
  for (const int64_t piece : order_) {
    const int64_t bytes = RoundUp(Bytes(ArraysOf(piece)), 64);
    if (bytes > plan.host.snapshot - taken) break;  // all behind it are updated later: they are the ones to be written first
    places_[static_cast<size_t>(piece)] = taken;
    taken += bytes;
  }
  TouchPages(snapshot_, pool_);
}

void StateWriter::Begin() {
  at_risk_.Begin();
  begun_.Give(checker_);
}

void StateWriter::BeforeUpdate(int64_t piece) {
  const double seconds = at_risk_.Wait(piece);
  if (seconds == 0 || !trace_.on()) return;
  const double end = Trace::Now();
  trace_.Add(Trace::kOptimizer, StrCat("wait until ", plan_.pieces[piece].name, " is saved"), end - seconds * 1e6, end);
}

void StateWriter::Write(CheckpointWriter& to) {
  begun_.Take(checker_);
  for (const int64_t piece : order_) {
    if (!Copied(piece)) continue;
    CopyPiece(piece);
    at_risk_.MarkSafe(piece);
  }
  // Units with bytes at risk first; a unit is one file, whatever its pieces come from.
  std::vector<bool> written(plan_.units.size(), false);
  const auto write = [&](int64_t unit) {
    if (written[static_cast<size_t>(unit)]) return;
    written[static_cast<size_t>(unit)] = true;
    WriteUnit(unit, to);
  };
  for (const int64_t piece : order_) {
    if (!Copied(piece)) write(plan_.pieces[piece].unit);
  }
  for (const int64_t piece : order_) write(plan_.pieces[piece].unit);
}

std::vector<CheckpointArray> StateWriter::CopiedArrays(int64_t piece) const {
  std::vector<CheckpointArray> arrays = ArraysOf(piece);
  const std::byte* at = snapshot_.data() + places_[static_cast<size_t>(piece)];
  for (CheckpointArray& array : arrays) {
    array.data = at;
    at += array.bytes;
  }
  return arrays;
}

void StateWriter::CopyPiece(int64_t piece) {
  const double begin = Trace::Now();
  const StateLease lease = store_.States(piece, LeaseKind::kRead);
  std::vector<CheckpointArray> from = ArraysOf(piece);
  PointInto(lease, from);
  const std::vector<CheckpointArray> to = CopiedArrays(piece);
  struct Item {
    std::byte* to;
    const std::byte* from;
    size_t bytes;
  };
  std::vector<Item> items;
  for (size_t a = 0; a < from.size(); ++a) {
    const int64_t bytes = static_cast<int64_t>(from[a].bytes);
    DeclareAccess(checker_, from[a].data, from[a].bytes, false, "state that is copied to be saved");
    for (int64_t done = 0; done < bytes; done += kCopyItem) {
      std::byte* target = snapshot_.data() + (static_cast<const std::byte*>(to[a].data) - snapshot_.data()) + done;
      items.push_back(
          {target, static_cast<const std::byte*>(from[a].data) + done, static_cast<size_t>(std::min(kCopyItem, bytes - done))});
    }
  }
  pool_.ParallelFor(static_cast<int64_t>(items.size()), [&](int64_t i) {
    const Item& item = items[static_cast<size_t>(i)];
    std::memcpy(item.to, item.from, item.bytes);
  });
  trace_.Add(Trace::kSave, StrCat("copy ", plan_.pieces[piece].name), begin, Trace::Now());
}

void StateWriter::WriteUnit(int64_t unit, CheckpointWriter& to) {
  const double begin = Trace::Now();
  const std::string& name = plan_.units[static_cast<size_t>(unit)].name;
  std::vector<CheckpointArray> arrays;
  std::vector<StateLease> leases;
  const int64_t first = plan_.pieces.First(unit), end = plan_.pieces.First(unit + 1);
  for (int64_t piece = first; piece < end; ++piece) {
    std::vector<CheckpointArray> more = Copied(piece) ? CopiedArrays(piece) : ArraysOf(piece);
    if (!Copied(piece)) PointInto(leases.emplace_back(store_, piece, LeaseKind::kRead), more);
    arrays.insert(arrays.end(), more.begin(), more.end());
  }
  for (const CheckpointArray& array : arrays)
    DeclareAccess(checker_, array.data, array.bytes, false, "state that is being saved");
  // Of a unit of which a rank owns nothing the first writes a file all the same.
  if (!arrays.empty() || rank_ == 0) to.WriteUnit(name, arrays);
  leases.clear();
  for (int64_t piece = first; piece < end; ++piece) {
    if (!Copied(piece)) at_risk_.MarkSafe(piece);
  }
  written_bytes_ += Bytes(arrays);
  trace_.Add(Trace::kSave, StrCat("write ", name), begin, Trace::Now());
}

}  // namespace hlm
