// Products with a matrix for each block of channels: units of work are blocks, run by run of tokens, in fp32.
#include <algorithm>

#include "core/base/error.h"
#include "core/cpu/attention_tiles.h"
#include "core/cpu/kernels.h"
#include "core/cpu/product.h"
#include "core/cpu/scan.h"
#include "core/cpu/views.h"

namespace hlm {
namespace {

constexpr int64_t kRun = 256;  // tokens

// A thread's arrays: x and y of a run, and the matrix.
template <class Args>
struct Tiles {
  Tiles(float* scratch, int64_t thread, const Args& a) {
    const int64_t run = kRun * a.width;
    x = scratch + thread * (2 * run + a.width * a.width);
    y = x + run;
    w = y + run;
  }
  static int64_t Floats(const Args& a) { return 2 * kRun * a.width + a.width * a.width; }
  float *x, *y, *w;
};

// Rows of one head as dense floats.
void Gather(DType type, const View& view, int64_t head, int64_t row, int64_t rows, int64_t width, float* to) {
  GatherBlock(type, At(type, view.data, row * view.row + head * view.head), view.row, rows, width, to);
}

[[noreturn]] void Refused(int64_t width) { throw Internal("oneDNN refused a product of blocks of ", width, " channels"); }

}  // namespace

size_t BlockLinearFloats(const BlockLinearArgs& a, int64_t threads) {
  return static_cast<size_t>(threads * Tiles<BlockLinearArgs>::Floats(a));
}
size_t BlockLinearBackwardFloats(const BlockLinearBackwardArgs& a, int64_t threads) {
  return static_cast<size_t>(threads * Tiles<BlockLinearBackwardArgs>::Floats(a));
}

void RunBlockLinear(const BlockLinearArgs& a, int64_t threads, float* scratch) {
  const View x = Resolved(a.x, a.heads, a.width);
  const MutableView y = Resolved(a.y, a.heads, a.width);
  const int64_t matrix = a.width * a.width;
  const bool good = ForUnits(a.heads, threads, [&](int64_t head, int64_t thread) {
    const Tiles<BlockLinearArgs> tiles(scratch, thread, a);
    GatherBlock(a.type, At(a.type, a.w, head * matrix), a.width, a.width, a.width, tiles.w);
    for (int64_t row = 0; row < a.tokens; row += kRun) {
      const int64_t rows = std::min(kRun, a.tokens - row);
      Gather(a.type, x, head, row, rows, a.width, tiles.x);
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t i = 0; i < a.width; ++i) tiles.y[r * a.width + i] = HeadNumber(a.type, a.bias, head * a.width + i);
      }
      const ProductShape shape{
          .m = rows, .n = a.width, .k = a.width, .a_stride = a.width, .b_stride = a.width, .c_stride = a.width};
      if (!TryProductF32(shape, tiles.x, tiles.w, true, tiles.y)) return false;
      ScatterBlock(tiles.y, rows, a.width, a.type, At(a.type, y.data, row * y.row + head * y.head), y.row);
    }
    return true;
  });
  if (!good) Refused(a.width);
}

void RunBlockLinearBackward(const BlockLinearBackwardArgs& a, int64_t threads, float* scratch) {
  const View x = Resolved(a.x, a.heads, a.width), dy = Resolved(a.dy, a.heads, a.width),
             addend = Resolved(a.addend, a.heads, a.width);
  const MutableView dx = Resolved(a.dx, a.heads, a.width);
  const int64_t matrix = a.width * a.width;
  const bool good = ForUnits(a.heads, threads, [&](int64_t head, int64_t thread) {
    const Tiles<BlockLinearBackwardArgs> tiles(scratch, thread, a);
    float *dw = a.dw + head * matrix, *dbias = a.dbias + head * a.width;
    if (!a.accumulate) std::fill_n(dbias, a.width, 0.0f);
    GatherBlock(a.type, At(a.type, a.w, head * matrix), a.width, a.width, a.width, tiles.w);
    for (int64_t row = 0; row < a.tokens; row += kRun) {
      const int64_t rows = std::min(kRun, a.tokens - row);
      Gather(a.type, dy, head, row, rows, a.width, tiles.y);
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t i = 0; i < a.width; ++i) dbias[i] += tiles.y[r * a.width + i];
      }
      Gather(a.type, x, head, row, rows, a.width, tiles.x);
      const ProductShape weights{.m = a.width,
                                 .n = a.width,
                                 .k = rows,
                                 .transpose_a = true,
                                 .a_stride = a.width,
                                 .b_stride = a.width,
                                 .c_stride = a.width};
      if (!TryProductF32(weights, tiles.x, tiles.y, a.accumulate || row > 0, dw)) return false;
      const bool add = addend.data != nullptr;
      if (add) Gather(a.type, addend, head, row, rows, a.width, tiles.x);
      const ProductShape inputs{.m = rows,
                                .n = a.width,
                                .k = a.width,
                                .transpose_b = true,
                                .a_stride = a.width,
                                .b_stride = a.width,
                                .c_stride = a.width};
      if (!TryProductF32(inputs, tiles.y, tiles.w, add, tiles.x)) return false;
      ScatterBlock(tiles.x, rows, a.width, a.type, At(a.type, dx.data, row * dx.row + head * dx.head), dx.row);
    }
    return true;
  });
  if (!good) Refused(a.width);
}

}  // namespace hlm
