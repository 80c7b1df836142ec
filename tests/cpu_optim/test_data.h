// Data for the optimizer's tests: drawn by the counter-based generator, so that a failure can be repeated.
#ifndef HORIZON_LM_TESTS_CPU_OPTIM_TEST_DATA_H_
#define HORIZON_LM_TESTS_CPU_OPTIM_TEST_DATA_H_

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/base/dtype.h"
#include "core/base/error.h"
#include "core/base/random.h"

namespace hlm {

// Normal numbers whose magnitudes spread over about `decades` powers of ten, as gradients' do.
inline std::vector<float> RandomFloats(int64_t n, const char* name, double deviation, double decades = 0) {
  const uint64_t key = RandomKey(1, name), spread_key = RandomKey(2, name);
  std::vector<float> values(n);
  for (int64_t i = 0; i < n; ++i) {
    values[i] =
        static_cast<float>(RandomNormal(key, i) * deviation * std::pow(10.0, decades * (RandomUniform(spread_key, i) - 0.5)));
  }
  return values;
}

inline std::vector<bf16_t> ToBf16(const std::vector<float>& values) {
  std::vector<bf16_t> out(values.size());
  for (size_t i = 0; i < values.size(); ++i) out[i] = FloatToBf16(values[i]);
  return out;
}

inline std::vector<float> ToFloat(const std::vector<bf16_t>& values) {
  std::vector<float> out(values.size());
  for (size_t i = 0; i < values.size(); ++i) out[i] = Bf16ToFloat(values[i]);
  return out;
}

// Equality of bits: NaNs are equal to themselves, +0 and -0 are not.
template <class T>
::testing::AssertionResult SameBits(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return ::testing::AssertionFailure() << a.size() << " elements against " << b.size();
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::memcmp(&a[i], &b[i], sizeof(T)) != 0) {
      return ::testing::AssertionFailure() << "element " << i << " of " << a.size() << ": " << a[i] << " against " << b[i];
    }
  }
  return ::testing::AssertionSuccess();
}

// Expects an hlm::Error with this code and returns its message.
template <class Call>
std::string ExpectError(Code code, const Call& call) {
  try {
    call();
  } catch (const Error& e) {
    EXPECT_EQ(CodeName(code), std::string(CodeName(e.code()))) << e.message();
    return e.message();
  }
  ADD_FAILURE() << "no error; expected " << CodeName(code);
  return "";
}

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_CPU_OPTIM_TEST_DATA_H_
