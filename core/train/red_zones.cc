#include "core/train/red_zones.h"

#include <algorithm>

#include "core/base/error.h"

namespace hlm {
namespace {

constexpr std::byte kPaint{0xa5};

size_t Longest(const std::vector<Range>& zones) {
  int64_t bytes = 0;
  for (const Range& zone : zones) bytes = std::max(bytes, zone.bytes);
  return static_cast<size_t>(bytes);
}

}  // namespace

RedZones::RedZones(Stream& stream, std::byte* arena, const std::vector<Range>& zones) : arena_(arena), zones_(zones) {
  if (zones_.empty()) return;
  const std::vector<std::byte> paint(Longest(zones_), kPaint);
  for (const Range& zone : zones_) stream.Copy(arena_ + zone.offset, paint.data(), static_cast<size_t>(zone.bytes));
  stream.Synchronize();
}

void RedZones::Check(Stream& stream) const {
  if (zones_.empty()) return;
  std::vector<std::byte> seen(Longest(zones_));
  for (const Range& zone : zones_) {
    stream.Copy(seen.data(), arena_ + zone.offset, static_cast<size_t>(zone.bytes));
    stream.Synchronize();
    for (int64_t i = 0; i < zone.bytes; ++i) {
      HLM_CHECK(seen[static_cast<size_t>(i)] == kPaint, "byte ", zone.offset + i,
                " of the device arena, between two ranges, was overwritten");
    }
  }
}

}  // namespace hlm
