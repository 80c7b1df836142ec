#include "core/model/tensor_order.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/base/checked.h"
#include "core/base/error.h"

namespace hlm {
namespace {

// [rows] where the slab's rows, members one behind the other, lie on disk.
std::vector<int64_t> RowsOf(const std::vector<int64_t>& member_rows, const DiskName& name) {
  const int64_t rows = std::accumulate(member_rows.begin(), member_rows.end(), int64_t{0});
  std::vector<int64_t> of(static_cast<size_t>(rows));
  const int64_t groups = name.groups;
  HLM_CHECK(groups > 0, name.path);
  int64_t slab = 0, before = 0;  // rows of the members before this one, in a group
  for (const int64_t count : member_rows) {
    HLM_CHECK(count % groups == 0, name.path, ": ", count, " rows in ", groups, " groups");
    const int64_t share = count / groups;
    for (int64_t r = 0; r < count; ++r) of[static_cast<size_t>(slab + r)] = r / share * (rows / groups) + before + r % share;
    slab += count;
    before += share;
  }
  return of;
}

std::vector<int64_t> Inverse(const std::vector<int64_t>& row_of) {
  std::vector<int64_t> inverse(row_of.size());
  for (size_t r = 0; r < row_of.size(); ++r) inverse[static_cast<size_t>(row_of[r])] = static_cast<int64_t>(r);
  return inverse;
}

// Rows in another order: row by row.
template <class Row>
void PermuteRows(const TensorOrder& order, const ElementReader& from, int64_t begin, int64_t n, float* out,
                 const Row& source_row) {
  const int64_t matrix = order.rows * order.columns;
  for (int64_t done = 0; done < n;) {
    const int64_t at = begin + done, batch = at / matrix, row = at % matrix / order.columns, column = at % order.columns;
    const int64_t run = std::min(order.columns - column, n - done);
    from(batch * matrix + source_row(row) * order.columns + column, run, out + done);
    done += run;
  }
}

// Elements [begin, begin + n) of matrices of `width` columns and `height` rows, which `from` has as `height` columns and `width` rows. Of
// each of its rows only what becomes the rows asked for is read, some of them at a time.
void Transpose(int64_t height, int64_t width, const ElementReader& from, int64_t begin, int64_t n, float* out) {
  constexpr int64_t kMost = int64_t{1} << 20;  // elements that wait to be put in order
  const int64_t matrix = height * width, most_rows = std::max<int64_t>(kMost / width, 1);
  std::vector<float> block;
  for (int64_t done = 0; done < n;) {
    const int64_t at = begin + done, batch = at / matrix, first = at % matrix / width;
    const int64_t rows = std::min({most_rows, height - first, (at % width + (n - done) + width - 1) / width});
    block.resize(static_cast<size_t>(rows * width));
    for (int64_t column = 0; column < width; ++column)
      from(batch * matrix + column * height + first, rows, block.data() + column * rows);
    const int64_t end = std::min(n, done + rows * width - at % width);
    for (; done < end; ++done) {
      const int64_t i = (begin + done) % matrix;
      out[done] = block[static_cast<size_t>(i % width * rows + i / width - first)];
    }
  }
}

}  // namespace

TensorSpec MakeTensor(const std::vector<WeightMember>& members, const DiskName& name, const std::string& prefix) {
  TensorSpec tensor;
  tensor.name = prefix + name.path;
  tensor.shape = members.front().shape;
  tensor.offset = members.front().offset;
  tensor.init = members.front().init;
  std::vector<int64_t> rows;
  for (const WeightMember& member : members) {
    rows.push_back(member.shape.front());
    tensor.elements = CheckedAdd(tensor.elements, member.elements);
  }
  tensor.shape.front() = std::accumulate(rows.begin(), rows.end(), int64_t{0});
  if (name.order != RowOrder::kAsIs) {
    TensorOrder order;
    order.rows = tensor.shape.front();
    order.columns = tensor.elements / order.rows;
    if (name.order == RowOrder::kTransposed) {
      order.transposed = true;
      std::swap(tensor.shape.front(), tensor.shape.back());
    } else {
      order.row_of = RowsOf(rows, name);
    }
    tensor.order = std::make_shared<const TensorOrder>(std::move(order));
  }
  if (!name.shape.empty() || name.scalar) tensor.shape = name.shape;
  tensor.trains = members.front().trains;
  tensor.number = members.front().number;
  return tensor;
}

void SlabFromDisk(const TensorOrder& order, const ElementReader& disk, int64_t begin, int64_t n, float* out) {
  if (order.transposed) return Transpose(order.rows, order.columns, disk, begin, n, out);
  PermuteRows(order, disk, begin, n, out,
              [&](int64_t r) { return order.row_of.empty() ? r : order.row_of[static_cast<size_t>(r)]; });
}

void DiskFromSlab(const TensorOrder& order, const ElementReader& slab, int64_t begin, int64_t n, float* out) {
  if (order.transposed) return Transpose(order.columns, order.rows, slab, begin, n, out);
  const std::vector<int64_t> inverse = Inverse(order.row_of);
  PermuteRows(order, slab, begin, n, out, [&](int64_t r) { return inverse.empty() ? r : inverse[static_cast<size_t>(r)]; });
}

int64_t SlabIndex(const TensorOrder& order, int64_t disk) {
  const int64_t matrix = order.rows * order.columns, batch = disk / matrix, i = disk % matrix;
  const int64_t disk_row = order.transposed ? i % order.rows : i / order.columns,
                column = order.transposed ? i / order.rows : i % order.columns;
  int64_t row = disk_row;
  if (!order.row_of.empty()) row = std::find(order.row_of.begin(), order.row_of.end(), disk_row) - order.row_of.begin();
  return batch * matrix + row * order.columns + column;
}

}  // namespace hlm
