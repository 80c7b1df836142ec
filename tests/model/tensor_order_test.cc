// Tensors that lie otherwise on disk: every range of elements is put in order, and no more is read of the other side than it needs.
#include "core/model/tensor_order.h"

#include <gtest/gtest.h>

#include <numeric>

namespace hlm {
namespace {

// A side whose elements are their own numbers, and how many have been read of it.
struct Side {
  int64_t read = 0;
  ElementReader Reader() {
    return [this](int64_t begin, int64_t n, float* out) {
      std::iota(out, out + n, static_cast<float>(begin));
      read += n;
    };
  }
};

void ExpectAllRanges(const TensorOrder& order) {
  const int64_t all = order.batch * order.rows * order.columns;
  std::vector<int64_t> slab_of(static_cast<size_t>(all)), disk_of(slab_of);
  for (int64_t disk = 0; disk < all; ++disk) {
    slab_of[static_cast<size_t>(disk)] = SlabIndex(order, disk);
    disk_of[static_cast<size_t>(SlabIndex(order, disk))] = disk;
  }
  for (int64_t begin = 0; begin < all; ++begin) {
    for (int64_t n = 1; begin + n <= all; ++n) {
      std::vector<float> out(static_cast<size_t>(n));
      Side disk, slab;
      SlabFromDisk(order, disk.Reader(), begin, n, out.data());
      for (int64_t i = 0; i < n; ++i)
        ASSERT_EQ(out[static_cast<size_t>(i)], disk_of[static_cast<size_t>(begin + i)]) << begin << ", " << n;
      DiskFromSlab(order, slab.Reader(), begin, n, out.data());
      for (int64_t i = 0; i < n; ++i)
        ASSERT_EQ(out[static_cast<size_t>(i)], slab_of[static_cast<size_t>(begin + i)]) << begin << ", " << n;
      // The rest of the first and of the last row.
      EXPECT_LE(disk.read, n + 2 * order.columns);
      EXPECT_LE(slab.read, n + 2 * std::max(order.rows, order.columns));
    }
  }
}

TEST(TensorOrder, TransposedMatricesAreReadByPieces) {
  ExpectAllRanges({.batch = 3, .rows = 4, .columns = 5, .transposed = true, .row_of = {}});
  ExpectAllRanges({.batch = 2, .rows = 7, .columns = 1, .transposed = true, .row_of = {}});
  ExpectAllRanges({.batch = 1, .rows = 1, .columns = 6, .transposed = true, .row_of = {}});
}

TEST(TensorOrder, RowsInAnotherOrderAreReadRowByRow) {
  ExpectAllRanges({.batch = 2, .rows = 4, .columns = 3, .row_of = {2, 0, 3, 1}});
}

// Of many pieces each reads its own rows, not the whole matrix.
TEST(TensorOrder, ALargeMatrixIsReadOnceByManyPieces) {
  const TensorOrder order{.batch = 1, .rows = 3000, .columns = 1500, .transposed = true, .row_of = {}};
  constexpr int64_t kPiece = 100000;
  Side disk;
  std::vector<float> out(kPiece);
  for (int64_t begin = 0; begin < order.rows * order.columns; begin += kPiece) {
    SlabFromDisk(order, disk.Reader(), begin, kPiece, out.data());
    for (int64_t i = 0; i < kPiece; i += 997) {
      const int64_t at = begin + i;
      ASSERT_EQ(out[static_cast<size_t>(i)], static_cast<float>(at % order.columns * order.rows + at / order.columns));
    }
  }
  EXPECT_LE(disk.read, order.rows * order.columns * 11 / 10);
}

}  // namespace
}  // namespace hlm
