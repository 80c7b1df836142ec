#include "core/save/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace hlm {

struct Checksum::State {
  XXH3_state_t xxh3;
};

Checksum::Checksum() : state_(std::make_unique<State>()) { XXH3_64bits_reset(&state_->xxh3); }
Checksum::~Checksum() = default;
void Checksum::Add(const void* data, size_t bytes) { XXH3_64bits_update(&state_->xxh3, data, bytes); }
uint64_t Checksum::Get() const { return XXH3_64bits_digest(&state_->xxh3); }

uint64_t ChecksumOf(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

std::string ChecksumText(uint64_t sum) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (size_t i = 0; i < 16; ++i) text[i] = kDigits[sum >> (60 - 4 * i) & 15];
  return text;
}

std::optional<uint64_t> ParseChecksum(std::string_view text) {
  if (text.size() != 16) return std::nullopt;
  uint64_t sum = 0;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9', letter = c >= 'a' && c <= 'f';
    if (!digit && !letter) return std::nullopt;
    sum = sum << 4 | static_cast<uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return sum;
}

}  // namespace hlm
