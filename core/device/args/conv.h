// Convolutions along a document. Conventions are those of ops.h.
#ifndef HORIZON_LM_CORE_DEVICE_ARGS_CONV_H_
#define HORIZON_LM_CORE_DEVICE_ARGS_CONV_H_

#include <cstdint>

#include "core/base/dtype.h"
#include "core/device/args/view.h"

namespace hlm {

inline constexpr int64_t kMostConvTaps = 32;

// A causal convolution of each channel by itself, with gates in front of it and behind it:
//   u = before x      z[t, c] = bias[c] + sum over j of w[c, j] u[t - taps + 1 + j, c]      y = after f(z)
// where f is SiLU or nothing, and what lies before a document's first token counts as 0. All in fp32; y is rounded once.
struct CausalConvArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, channels = 0;
  int64_t taps = 0;  // at most kMostConvTaps
  bool silu = false;
  const int32_t* positions = nullptr;  // [tokens], from 0 in each document
  View x;                              // rows of channels, as all views here
  View before;                         // data null: 1
  View after;                          // data null: 1
  const void* w = nullptr;             // [channels, taps] type
  const void* bias = nullptr;          // [channels] type, or null: 0
  MutableView y;                       // apart from all others
};

// Its gradients: dx, dbefore and dafter are overwritten, those of the gates where the gates are given.
struct CausalConvBackwardArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, channels = 0, taps = 0;
  bool silu = false;
  const int32_t* positions = nullptr;
  View x, before, after;
  const void* w = nullptr;
  const void* bias = nullptr;
  View dy;
  MutableView dx, dbefore, dafter;  // apart from each other and from all others
  float* dw = nullptr;              // [channels, taps]
  float* dbias = nullptr;           // [channels]; where bias is given
  bool accumulate = false;          // of dw and dbias
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_ARGS_CONV_H_
