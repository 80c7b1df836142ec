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

RedZones::RedZones(std::byte* arena, const std::vector<Range>& zones)
    : arena_(arena), zones_(zones), paint_(Longest(zones), kPaint), seen_(paint_.size()) {}

void RedZones::Paint(Stream& stream) {
  if (zones_.empty()) return;
  for (const Range& zone : zones_) stream.Copy(arena_ + zone.offset, paint_.data(), static_cast<size_t>(zone.bytes));
  stream.Synchronize();
}

void RedZones::Check(Stream& stream) {
  for (const Range& zone : zones_) {
    stream.Copy(seen_.data(), arena_ + zone.offset, static_cast<size_t>(zone.bytes));
    stream.Synchronize();
    for (int64_t i = 0; i < zone.bytes; ++i) {
      HLM_CHECK(seen_[static_cast<size_t>(i)] == kPaint, "byte ", zone.offset + i,
                " of the device arena, between two ranges, was overwritten");
    }
  }
}

}  // namespace hlm
