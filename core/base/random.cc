#include "core/base/random.h"

#include <bit>
#include <cmath>
#include <numbers>

namespace hlm {

std::array<uint32_t, 4> Philox(uint64_t key, uint64_t counter_low, uint64_t counter_high) {
  std::array<uint32_t, 4> c = {static_cast<uint32_t>(counter_low), static_cast<uint32_t>(counter_low >> 32),
                               static_cast<uint32_t>(counter_high), static_cast<uint32_t>(counter_high >> 32)};
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57u} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(p1), static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1,
         static_cast<uint32_t>(p0)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

uint64_t RandomKey(int64_t seed, std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  const auto mixed = Philox(static_cast<uint64_t>(seed), hash, 0x686c6dULL);
  return (uint64_t{mixed[1]} << 32) | mixed[0];
}

namespace {
double ToUniform(uint32_t high, uint32_t low) { return static_cast<double>(((uint64_t{high} << 32) | low) >> 11) * 0x1p-53; }
}  // namespace

double RandomUniform(uint64_t key, uint64_t index) {
  const auto r = Philox(key, index, 0);
  return ToUniform(r[0], r[1]);
}

namespace {

// log(x) for a positive normal x, to 1e-10: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and log m = 2 artanh((m - 1) / (m + 1)).
double Log(double x) {
  constexpr uint64_t kMantissa = (uint64_t{1} << 52) - 1;
  constexpr uint64_t kSqrtHalf = std::bit_cast<uint64_t>(std::numbers::sqrt2 / 2);
  // Counted from sqrt(1/2), the exponent field is e: no branch.
  const uint64_t bits = std::bit_cast<uint64_t>(x) - kSqrtHalf;
  const auto exponent = static_cast<double>(static_cast<int64_t>(bits) >> 52);
  const double m = std::bit_cast<double>((bits & kMantissa) + kSqrtHalf);
  const double s = (m - 1.0) / (m + 1.0), s2 = s * s;
  const double series =
      1.0 + s2 * (1.0 / 3 + s2 * (1.0 / 5 + s2 * (1.0 / 7 + s2 * (1.0 / 9 + s2 * (1.0 / 11 + s2 * (1.0 / 13))))));
  return exponent * std::numbers::ln2 + 2.0 * s * series;
}

// Two independent normals from two 32-bit uniforms.
std::array<double, 2> NormalPair(uint32_t radius_bits, uint32_t angle_bits) {
  const double u = (static_cast<double>(radius_bits) + 1.0) * 0x1p-32;  // (0, 1]: the logarithm is finite
  const double radius = std::sqrt(-2.0 * Log(u));
  // The upper two bits choose the quadrant, the others an angle in [-pi/4, pi/4), where short Taylor series do.
  const double x = (static_cast<double>(angle_bits & 0x3fffffffu) * 0x1p-30 - 0.5) * (std::numbers::pi / 2);
  const double x2 = x * x;
  const double sine =
      x * (1.0 - x2 * (1.0 / 6 - x2 * (1.0 / 120 - x2 * (1.0 / 5040 - x2 * (1.0 / 362880 - x2 * (1.0 / 39916800))))));
  const double cosine =
      1.0 -
      x2 * (1.0 / 2 - x2 * (1.0 / 24 - x2 * (1.0 / 720 - x2 * (1.0 / 40320 - x2 * (1.0 / 3628800 - x2 * (1.0 / 479001600))))));
  // Turned by the quadrant: (c, s), (-s, c), (-c, -s), (s, -c). Without a branch, which would mostly be guessed wrong.
  const uint32_t quadrant = angle_bits >> 30;
  const double parts[2] = {radius * cosine, radius * sine};
  const double sign_first = 1.0 - 2.0 * static_cast<double>(((quadrant + 1) >> 1) & 1);
  const double sign_second = 1.0 - 2.0 * static_cast<double>(quadrant >> 1);
  return {sign_first * parts[quadrant & 1], sign_second * parts[~quadrant & 1]};
}

}  // namespace

void RandomNormals(uint64_t key, uint64_t begin, size_t n, double scale, float* out) {
  for (size_t done = 0; done < n;) {
    const uint64_t index = begin + done;
    const auto r = Philox(key, index / 4, 0);
    const auto a = NormalPair(r[0], r[1]), b = NormalPair(r[2], r[3]);
    const double four[4] = {a[0], a[1], b[0], b[1]};
    for (size_t lane = index % 4; lane < 4 && done < n; ++lane, ++done) out[done] = static_cast<float>(scale * four[lane]);
  }
}

float RandomNormal(uint64_t key, uint64_t index) {
  float value;
  RandomNormals(key, index, 1, 1.0, &value);
  return value;
}

uint64_t RandomBelow(uint64_t key, uint64_t index, uint64_t n) {
  const auto r = Philox(key, index, 0);
  const unsigned __int128 product = static_cast<unsigned __int128>((uint64_t{r[0]} << 32) | r[1]) * n;
  return static_cast<uint64_t>(product >> 64);
}

}  // namespace hlm
