// The random bits of stochastic rounding: a function of (key, index of the element), so any thread may draw any element's.
//
// A block of kRandomBlock elements takes one Philox block of its own, which keys a mixing function of the element's place in it.
// Philox for each element would cost more than the update: 16 bits by it are 2.7 vector instructions an element, three times a
// step; here 32 bits are about one. The mixing function is a bijection (multiplications by odd numbers and xor-shifts), with the
// constants of C. Wellons' search for low avalanche bias ("lowbias32", 2018).
#ifndef HORIZON_LM_CPU_OPTIM_UPDATE_RANDOM_H_
#define HORIZON_LM_CPU_OPTIM_UPDATE_RANDOM_H_

#include <array>
#include <cstdint>

#include "core/base/random.h"

namespace hlm {

inline constexpr uint64_t kRandomBlock = 256;
inline constexpr uint32_t kRandomStride = 0x9E3779B9u, kRandomFactor1 = 0x7FEB352Du, kRandomFactor2 = 0x846CA68Bu;

// Words 0 and 1 key the bits of the moments, 2 and 3 those of the weight.
using BlockRandomKey = std::array<uint32_t, 4>;
inline BlockRandomKey MakeBlockRandomKey(uint64_t key, uint64_t block) { return Philox(key, block, 0x757064617465ull); }

inline uint32_t MixRandom(uint32_t start, uint32_t key, uint32_t place) {
  uint32_t x = start + place * kRandomStride;
  x = (x ^ (x >> 16)) * kRandomFactor1;
  x = (x ^ (x >> 15) ^ key) * kRandomFactor2;
  return x ^ (x >> 16);
}

// Of the element at `place` in its block: 16 bits each.
struct UpdateRandom {
  uint16_t first_moment, second_moment, weight;
};
inline UpdateRandom RandomOfUpdate(const BlockRandomKey& key, uint32_t place) {
  const uint32_t moments = MixRandom(key[0], key[1], place);
  return {static_cast<uint16_t>(moments), static_cast<uint16_t>(moments >> 16),
          static_cast<uint16_t>(MixRandom(key[2], key[3], place))};
}

}  // namespace hlm

#endif  // HORIZON_LM_CPU_OPTIM_UPDATE_RANDOM_H_
