// bf16 products where oneDNN has no bf16: panels of both operands become floats, the panels are multiplied by oneDNN in f32.
//
// Panels are as deep as possible, so that a result is rarely added to twice, and each panel of B serves all of A before the next
// one is converted. A converted element then takes part in at least 512 multiplications, so converting costs a few percent.
#include <algorithm>

#include "core/base/checked.h"
#include "core/cpu/kernels.h"
#include "core/cpu/product.h"

namespace hlm {
namespace {

constexpr int64_t kMostDepth = 4096;               // of a panel, in k
constexpr int64_t kMostA = int64_t{2} << 20;       // floats: 8 MiB
constexpr int64_t kMostB = int64_t{4} << 20;       // floats: 16 MiB
constexpr int64_t kMostResult = int64_t{2} << 20;  // floats: 8 MiB, where the result is rounded afterwards
constexpr int64_t kMostColumns = 4096;             // of a panel: keeps the result's panel from being flat
constexpr int64_t kPad = 16;                       // panels begin on a cache line

int64_t Bounded(int64_t a, int64_t b, int64_t most) { return a > most / b ? most : a * b; }

// The size of pieces of at most `most` that cut `total` evenly.
int64_t EvenPiece(int64_t total, int64_t most) {
  const int64_t pieces = CeilDiv(total, most);
  return std::min(most, RoundUp(CeilDiv(total, pieces), kPad));
}

struct Panels {
  int64_t m, n, k;  // at most; the last ones are smaller
  explicit Panels(const ProductShape& shape) {
    k = EvenPiece(shape.k, kMostDepth);
    n = EvenPiece(shape.n, std::min(kMostColumns, kMostB / k));
    m = EvenPiece(shape.m, std::min(kMostA / k, kMostResult / n));
  }
};

// Converts the lines [line, line + lines) of an operand (rows of A, columns of B) in depth [k0, k0 + k). Stored either line by
// line, or across: depth by depth.
void ConvertPanel(const bf16_t* from, bool across, int64_t stride, int64_t line, int64_t lines, int64_t k0, int64_t k,
                  float* to) {
  if (across) {
    WidenBlock(from + k0 * stride + line, stride, k, lines, to);
  } else {
    WidenBlock(from + line * stride + k0, stride, lines, k, to);
  }
}

int64_t PanelA(int64_t m, int64_t k) { return RoundUp(Bounded(m, k, kMostA), kPad); }
int64_t PanelB(int64_t n, int64_t k) { return RoundUp(Bounded(n, k, kMostB), kPad); }

// For each panel of the result, in order: tile(row, rows, column, columns, A panel, B panel, k0, k).
template <class Tile>
void ForPanels(const ProductShape& s, const bf16_t* a, const bf16_t* b, float* scratch, const Tile& tile) {
  const Panels panels(s);
  float* panel_b = scratch;
  float* panel_a = scratch + PanelB(s.n, s.k);
  for (int64_t n0 = 0; n0 < s.n; n0 += panels.n) {
    const int64_t n = std::min(panels.n, s.n - n0);
    for (int64_t m0 = 0; m0 < s.m; m0 += panels.m) {
      const int64_t m = std::min(panels.m, s.m - m0);
      for (int64_t k0 = 0; k0 < s.k; k0 += panels.k) {
        const int64_t k = std::min(panels.k, s.k - k0);
        const bool kept = m0 > 0 && panels.k == s.k;  // B's only panel in depth is still there from the rows before
        if (!kept) ConvertPanel(b, !s.transpose_b, s.b_stride, n0, n, k0, k, panel_b);
        ConvertPanel(a, s.transpose_a, s.a_stride, m0, m, k0, k, panel_a);
        tile(m0, m, n0, n, k0, k, panel_a, panel_b);
      }
    }
  }
}

ProductShape PanelShape(const ProductShape& s, int64_t m, int64_t n, int64_t k, int64_t c_stride) {
  return {m, n, k, s.transpose_a, s.transpose_b, s.transpose_a ? m : k, s.transpose_b ? k : n, c_stride};
}

}  // namespace

size_t ConvertedProductFloats(int64_t m, int64_t n, int64_t k) { return static_cast<size_t>(PanelA(m, k) + PanelB(n, k)); }

void ConvertedProduct(const ProductShape& s, const bf16_t* a, const bf16_t* b, bool accumulate, float* c, float* scratch) {
  ForPanels(s, a, b, scratch,
            [&](int64_t m0, int64_t m, int64_t n0, int64_t n, int64_t k0, int64_t k, const float* panel_a, const float* panel_b) {
              ProductF32(PanelShape(s, m, n, k, s.c_stride), panel_a, panel_b, accumulate || k0 > 0, c + m0 * s.c_stride + n0);
            });
}

size_t ConvertedRoundedProductFloats(int64_t m, int64_t n, int64_t k) {
  return ConvertedProductFloats(m, n, k) + static_cast<size_t>(Bounded(m, n, kMostResult));
}

void ConvertedRoundedProduct(const ProductShape& s, const bf16_t* a, const bf16_t* b, const bf16_t* bias, const bf16_t* addend,
                             bf16_t* y, float* scratch) {
  float* sums = scratch + ConvertedProductFloats(s.m, s.n, s.k);
  ForPanels(s, a, b, scratch,
            [&](int64_t m0, int64_t m, int64_t n0, int64_t n, int64_t k0, int64_t k, const float* panel_a, const float* panel_b) {
              ProductF32(PanelShape(s, m, n, k, n), panel_a, panel_b, k0 > 0, sums);
              if (k0 + k < s.k) return;
              const int64_t at = m0 * s.c_stride + n0;
              EpilogueArgs epilogue;
              epilogue.rows = m;
              epilogue.cols = n;
              epilogue.sums = sums;
              epilogue.bias_type = DType::kBF16;
              epilogue.bias = bias == nullptr ? nullptr : bias + n0;
              epilogue.y_type = DType::kBF16;
              epilogue.addend = addend == nullptr ? nullptr : addend + at;
              epilogue.y = y + at;
              epilogue.stride = s.c_stride;
              EpilogueKernel(epilogue);
            });
}

}  // namespace hlm
