// Recurrences of single channels along a document, and the products of blocks of channels beside them. Conventions are those of
// ops.h. A document begins with a state of zeros; states are fp32.
#ifndef HORIZON_LM_CORE_DEVICE_ARGS_SCAN_H_
#define HORIZON_LM_CORE_DEVICE_ARGS_SCAN_H_

#include <cstdint>

#include "core/base/dtype.h"
#include "core/device/args/attention.h"
#include "core/device/args/view.h"

namespace hlm {

// Mamba's selective scan (Gu and Dao 2023, algorithm 2). For each channel, a state s [state_dim]:
//   step = softplus(dt + dt_bias)      s = exp(-exp(a_log) step) s + step b_t x_t      y_t = sum of c_t s + d x_t
struct SelectiveScanArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, channels = 0, state_dim = 0;
  Documents documents;
  View x, dt;                     // channels
  View b, c;                      // state_dim
  const void* a_log = nullptr;    // [channels, state_dim] type
  const void* dt_bias = nullptr;  // [channels] type
  const void* d = nullptr;        // [channels] type
  MutableView y;                  // channels
};
struct SelectiveScanBackwardArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, channels = 0, state_dim = 0;
  Documents documents;
  View x, dt, b, c;
  const void* a_log = nullptr;
  const void* dt_bias = nullptr;
  const void* d = nullptr;
  View dy;
  MutableView dx, ddt, db, dc;  // apart from each other and from all others
  float* da_log = nullptr;      // [channels, state_dim]
  float* ddt_bias = nullptr;    // [channels]
  float* dd = nullptr;          // [channels]
  bool accumulate = false;      // of these three
};

// The real-gated linear recurrent unit (De and others 2024, section 2.4). For each channel, a state s:
//   log a = -8 softplus(rate) sigmoid(decay_t)      s = a s + sqrt(1 - a^2) sigmoid(input_t) x_t      y_t = s
// A document's first token enters as sigmoid(input) x, without the root.
struct GatedRecurrenceArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, channels = 0;
  Documents documents;
  View x, input, decay;        // channels
  const void* rate = nullptr;  // [channels] type
  MutableView y;               // channels
};
// The root's slope is at most 1000.
struct GatedRecurrenceBackwardArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, channels = 0;
  Documents documents;
  View x, input, decay;
  const void* rate = nullptr;
  View dy;
  MutableView dx, dinput, ddecay;  // apart from each other and from all others
  float* drate = nullptr;          // [channels]
  bool accumulate = false;         // of drate
};

// A product with a matrix for each block of channels: y[t, h] = x[t, h] w[h] + bias[h].
struct BlockLinearArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, heads = 0, width = 0;
  View x;                      // heads of width
  const void* w = nullptr;     // [heads, width, width] type: from row to column
  const void* bias = nullptr;  // [heads, width] type
  MutableView y;               // heads of width; apart from x
};
// dx = dy w^T (+ addend); dw = sum over tokens of x^T dy, dbias that of dy.
struct BlockLinearBackwardArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, heads = 0, width = 0;
  View x, dy;
  const void* w = nullptr;
  View addend;              // heads of width; data null: none
  MutableView dx;           // may lie where addend lies
  float* dw = nullptr;      // [heads, width, width]
  float* dbias = nullptr;   // [heads, width]
  bool accumulate = false;  // of dw and dbias
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_ARGS_SCAN_H_
