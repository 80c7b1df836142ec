// What fp8 and MXFP4 are, in plain double arithmetic: a search of all codes for the nearest.
#ifndef HORIZON_LM_TESTS_MODEL_PACKING_H_
#define HORIZON_LM_TESTS_MODEL_PACKING_H_

#include <cmath>
#include <cstdint>

namespace hlm {

// (-1)^s 2^(e - 7) (1 + m / 8), and 2^-6 m / 8 where e is 0; code 127 is none.
inline double E4m3ByHand(unsigned code) {
  const double sign = (code & 128u) != 0 ? -1 : 1;
  const unsigned e = (code >> 3) & 15u, m = code & 7u;
  return e == 0 ? sign * std::pow(2.0, -6) * m / 8 : sign * std::pow(2.0, static_cast<double>(e) - 7) * (1 + m / 8.0);
}

// (-1)^s 2^(e - 1) (1 + m / 2), and m / 2 where e is 0.
inline double E2m1ByHand(unsigned code) {
  const double sign = (code & 8u) != 0 ? -1 : 1;
  const unsigned e = (code >> 1) & 3u, m = code & 1u;
  return e == 0 ? sign * 0.5 * m : sign * std::pow(2.0, static_cast<double>(e) - 1) * (1 + 0.5 * m);
}

// The code of [0, codes) whose number is nearest to `magnitude`; of two as near the even one; with `sign` where the value is negative.
template <class Number>
unsigned NearestByHand(double value, unsigned codes, unsigned sign, const Number& number) {
  unsigned best = 0;
  for (unsigned code = 1; code < codes; ++code) {
    const double here = std::fabs(number(code) - std::fabs(value)), there = std::fabs(number(best) - std::fabs(value));
    if (here < there || (here == there && code % 2 == 0)) best = code;
  }
  return std::signbit(value) ? best | sign : best;
}

inline uint8_t NearestE4m3ByHand(double value) { return static_cast<uint8_t>(NearestByHand(value, 127, 128, E4m3ByHand)); }
inline uint8_t NearestE2m1ByHand(double value) { return static_cast<uint8_t>(NearestByHand(value, 8, 8, E2m1ByHand)); }

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_MODEL_PACKING_H_
