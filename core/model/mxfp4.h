// MXFP4 (OCP Microscaling Formats 1.0): numbers of four bits, two a byte, with a power of two for each 32 neighbours.
#ifndef HORIZON_LM_CORE_MODEL_MXFP4_H_
#define HORIZON_LM_CORE_MODEL_MXFP4_H_

#include <cstdint>

namespace hlm {

inline constexpr int64_t kMxfp4Block = 32;  // elements of one scale

// Elements [begin, begin + n) of numbers whose byte i holds elements 2 i (its lower half) and 2 i + 1. `bytes` begin at byte begin / 2,
// `scales` at scale begin / kMxfp4Block. Exact.
void DecodeMxfp4(const uint8_t* bytes, const uint8_t* scales, int64_t begin, int64_t n, float* out);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_MXFP4_H_
