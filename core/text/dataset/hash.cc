#include "core/text/dataset/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <new>

namespace hlm::dataset {

uint64_t Hash64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::string Hex(uint64_t value) {
  std::string text(16, '0');
  for (size_t i = 16; i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

Hasher::Hasher() : state_(XXH3_createState()) {
  if (state_ == nullptr) throw std::bad_alloc();
  XXH3_128bits_reset(static_cast<XXH3_state_t*>(state_));
}

Hasher::~Hasher() { XXH3_freeState(static_cast<XXH3_state_t*>(state_)); }

void Hasher::Add(const void* bytes, size_t n) { XXH3_128bits_update(static_cast<XXH3_state_t*>(state_), bytes, n); }

void Hasher::AddText(std::string_view text) {
  AddNumber(static_cast<int64_t>(text.size()));
  Add(text.data(), text.size());
}

uint64_t Hasher::Digest() const { return XXH3_128bits_digest(static_cast<const XXH3_state_t*>(state_)).low64; }

std::string Hasher::DigestHex() const {
  const XXH128_hash_t digest = XXH3_128bits_digest(static_cast<const XXH3_state_t*>(state_));
  return Hex(digest.high64) + Hex(digest.low64);
}

}  // namespace hlm::dataset
