// Counter-based random numbers: a value depends on (key, index) alone, so any thread may draw any element in any order.
#ifndef HORIZON_LM_CORE_BASE_RANDOM_H_
#define HORIZON_LM_CORE_BASE_RANDOM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hlm {

// Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3).
std::array<uint32_t, 4> Philox(uint64_t key, uint64_t counter_low, uint64_t counter_high);

// A 64-bit key from a seed and a name (FNV-1a over the name, mixed with the seed); streams of different names are independent.
uint64_t RandomKey(int64_t seed, std::string_view name);

// Uniform in [0, 1) with 53 bits, element `index` of the stream `key`.
double RandomUniform(uint64_t key, uint64_t index);

// Standard normal, element `index` of the stream `key`; |value| < 6.7. Box-Muller on 32-bit uniforms, four elements to a Philox
// block. Logarithm and sine are computed here from additions, products, divisions and square roots: the same bits whatever the C
// library and its processor.
float RandomNormal(uint64_t key, uint64_t index);

// out[i] = scale * element (begin + i), rounded once, for i < n. About 15 ns an element on one core.
void RandomNormals(uint64_t key, uint64_t begin, size_t n, double scale, float* out);

// Uniform in [0, n) for n >= 1; the bias is below n / 2^64.
uint64_t RandomBelow(uint64_t key, uint64_t index, uint64_t n);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_BASE_RANDOM_H_
