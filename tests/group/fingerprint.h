// Numbers as a process tells them to another, so that their bits can be compared.
#ifndef HORIZON_LM_TESTS_GROUP_FINGERPRINT_H_
#define HORIZON_LM_TESTS_GROUP_FINGERPRINT_H_

#include <bit>
#include <cstdint>
#include <span>
#include <string>

#include "core/base/error.h"

namespace hlm {

// The number for who reads it, and its bits.
inline std::string Bits(double value) { return StrCat(value, "=", std::bit_cast<uint64_t>(value), " "); }

// One number of all bits.
inline uint64_t AllBits(std::span<const float> values) {
  uint64_t all = 0;
  for (const float value : values) all = all * 0x9E3779B97F4A7C15u + std::bit_cast<uint32_t>(value);
  return all;
}

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_GROUP_FINGERPRINT_H_
