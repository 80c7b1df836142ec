// MXFP4 (OCP Microscaling Formats 1.0): numbers of four bits, two a byte, with a power of two for each 32 neighbours.
#ifndef HORIZON_LM_CORE_MODEL_MXFP4_H_
#define HORIZON_LM_CORE_MODEL_MXFP4_H_

#include <cstdint>

namespace hlm {

inline constexpr int64_t kMxfp4Block = 32;  // elements of one scale

// Elements [begin, begin + n) of numbers whose byte i holds elements 2 i (its lower half) and 2 i + 1. `bytes` begin at byte begin / 2,
// `scales` at scale begin / kMxfp4Block. Exact.
void DecodeMxfp4(const uint8_t* bytes, const uint8_t* scales, int64_t begin, int64_t n, float* out);

// The way back, for whole blocks that follow each other: n % kMxfp4Block == 0. As the specification has it (6.3): a block's scale is the
// power of two below its largest magnitude, by the largest power of two in four bits, which is 4; numbers go to the nearest, ties to
// even, and to 6 beyond it. A block of zeros has the least scale. Numbers that Decode gave come back exactly.
void EncodeMxfp4(const float* values, int64_t n, uint8_t* bytes, uint8_t* scales);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_MXFP4_H_
