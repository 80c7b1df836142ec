// Rounding fp32 to bf16 up or down with the probabilities that make it right on average.
#ifndef HORIZON_LM_CPU_OPTIM_STOCHASTIC_ROUNDING_H_
#define HORIZON_LM_CPU_OPTIM_STOCHASTIC_ROUNDING_H_

#include <bit>
#include <cstdint>

#include "core/base/dtype.h"
#include "cpu_optim/update_random.h"

namespace hlm {

// Element `index` of a stream's 16-bit numbers: as the first moment's (cpu_optim/update_random.h).
inline uint16_t RandomBits16(uint64_t key, uint64_t index) {
  const BlockRandomKey block = MakeBlockRandomKey(key, index / kRandomBlock);
  return static_cast<uint16_t>(MixRandom(block[0], block[1], static_cast<uint32_t>(index % kRandomBlock)));
}

// Adds the random bits below the last bit that stays and drops the rest: up with probability (x - below) / (above - below).
// A value that bf16 has is never changed, infinities and NaNs stay what they are, and a finite value never becomes infinite:
// above the largest bf16 it is that one (a bias of at most half an ulp, where nearest-even would have made an infinity).
inline bf16_t RoundStochastically(float x, uint16_t random) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<bf16_t>((bits >> 16) | 0x40u);
  if (magnitude == 0x7f800000u) return static_cast<bf16_t>(bits >> 16);
  const uint32_t rounded = magnitude + random;
  const uint32_t finite = rounded < 0x7f7fffffu ? rounded : 0x7f7fffffu;
  return static_cast<bf16_t>(((bits & 0x80000000u) | finite) >> 16);
}

}  // namespace hlm

#endif  // HORIZON_LM_CPU_OPTIM_STOCHASTIC_ROUNDING_H_
