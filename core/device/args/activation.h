// Activations: element-wise functions of products. Conventions are those of ops.h.
#ifndef HORIZON_LM_CORE_DEVICE_ARGS_ACTIVATION_H_
#define HORIZON_LM_CORE_DEVICE_ARGS_ACTIVATION_H_

#include <cstdint>

#include "core/base/dtype.h"
#include "core/device/args/row_range.h"
#include "core/device/args/view.h"

namespace hlm {

// y = silu(gate) * up; gate_up is [tokens, 2 width]: a row's gate values, then its up values.
struct SwiGluArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, width = 0;
  const void* gate_up = nullptr;
  void* y = nullptr;  // [tokens, width]
  RowRange range = {};
};
struct SwiGluBackwardArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, width = 0;
  const void* gate_up = nullptr;
  const void* dy = nullptr;  // [tokens, width]
  void* dgate_up = nullptr;  // [tokens, 2 width]; may equal gate_up
  RowRange range = {};
};

enum class ActFunction : int8_t {
  kSilu,      // x sigmoid(x)
  kSigmoid,   // of output gates
  kGelu,      // x (1 + erf(x / sqrt 2)) / 2
  kGeluTanh,  // x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
  kRelu,
  kReluSquared,
  kClip,   // min(max(x, -limit), limit)
  kScale,  // factor x
  kXielu,  // x > 0: p x^2 + beta x; else n (exp(min(x, eps)) - 1 - x) + beta x (Huang and Schlag 2024)
};
struct XieluArgs {
  const void* alpha_p = nullptr;  // one number of `type`: p = softplus(alpha_p)
  const void* alpha_n = nullptr;  // one number of `type`: n = beta + softplus(alpha_n)
  const void* beta = nullptr;     // one number of `type`; null: 0.5
  const void* epsilon = nullptr;  // one number of `type`; null: -1e-6
};

// y = act(x), or act(x) * up where up is given: a gated layer, whose x and up may be halves of one product's rows.
struct ActivateArgs {
  DType type = DType::kF32;
  ActFunction kind = ActFunction::kSilu;
  int64_t rows = 0, heads = 1, width = 0;
  View x;
  View up;           // data null: none
  MutableView y;     // may lie where x lies; must not alias up
  XieluArgs xielu;   // where kind is kXielu
  float limit = 0;   // where kind is kClip: above 0; rounded to `type`
  float factor = 1;  // where kind is kScale
  RowRange range = {};
};
// dx = dy up act'(x), dup = dy act(x); dalphas: the gradients of alpha_p and alpha_n.
struct ActivateBackwardArgs {
  DType type = DType::kF32;
  ActFunction kind = ActFunction::kSilu;
  int64_t rows = 0, heads = 1, width = 0;
  View x, up, dy;
  MutableView dx;   // may lie where x or dy lies
  MutableView dup;  // where up is given: may lie where up or dy lies
  XieluArgs xielu;
  float* dalpha_p = nullptr;  // one number each, or null
  float* dalpha_n = nullptr;
  bool accumulate = false;  // of dalphas
  float limit = 0;          // kClip without up takes its results in x as well
  float factor = 1;
  RowRange range = {};  // xIELU takes all rows
};

// gpt-oss' layer: gate and up alternate in a row; gate = min(gate, limit), up = clamp(up, -limit, limit),
// y = (up + 1) gate sigmoid(alpha gate).
struct ClampedGluArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, width = 0;
  float alpha = 1.702f, limit = 7;
  const void* gate_up = nullptr;  // [tokens, 2 width]: gate of element 0, up of element 0, gate of element 1 ...
  void* y = nullptr;              // [tokens, width]
  RowRange range = {};
};
struct ClampedGluBackwardArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, width = 0;
  float alpha = 1.702f, limit = 7;
  const void* gate_up = nullptr;
  const void* dy = nullptr;  // [tokens, width]
  void* dgate_up = nullptr;  // [tokens, 2 width]; may equal gate_up
  RowRange range = {};
};

// y = x sigmoid(gate): one number of `gate` for each head of a token.
struct GateHeadsArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, heads = 0, width = 0;
  const void* x = nullptr;     // [tokens, heads, width] type
  const void* gate = nullptr;  // [tokens, heads] type
  void* y = nullptr;           // [tokens, heads, width] type; may equal x
};
struct GateHeadsBackwardArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, heads = 0, width = 0;
  const void* x = nullptr;
  const void* gate = nullptr;
  const void* dy = nullptr;  // [tokens, heads, width] type
  void* dx = nullptr;        // [tokens, heads, width] type; may equal x or dy
  void* dgate = nullptr;     // [tokens, heads] type; may equal gate
};

// y = x + scale factor z, or scale factor z where x is null.
struct ScaleAddArgs {
  DType type = DType::kF32;
  int64_t n = 0;
  float scale = 1;
  const void* x = nullptr;       // [n] type, or null
  const void* z = nullptr;       // [n] type
  void* y = nullptr;             // [n] type; may equal x or z
  const void* factor = nullptr;  // one number of `type`; null: 1
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_ARGS_ACTIVATION_H_
