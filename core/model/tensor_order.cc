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

// Element by element of one side from the other, a whole matrix at a time where rows and columns change places, else row by row.
template <class Row, class Column>
void Permute(const TensorOrder& order, const ElementReader& from, int64_t begin, int64_t n, float* out, const Row& source_row,
             const Column& source) {
  const int64_t matrix = order.rows * order.columns;
  if (!order.transposed) {
    for (int64_t done = 0; done < n;) {
      const int64_t at = begin + done, batch = at / matrix, row = at % matrix / order.columns, column = at % order.columns;
      const int64_t run = std::min(order.columns - column, n - done);
      from(batch * matrix + source_row(row) * order.columns + column, run, out + done);
      done += run;
    }
    return;
  }
  std::vector<float> whole(static_cast<size_t>(matrix));
  for (int64_t done = 0; done < n;) {
    const int64_t at = begin + done, batch = at / matrix, first = at % matrix, run = std::min(matrix - first, n - done);
    from(batch * matrix, matrix, whole.data());
    for (int64_t i = 0; i < run; ++i) out[done + i] = whole[static_cast<size_t>(source(first + i))];
    done += run;
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
  const auto row = [&](int64_t r) { return order.row_of.empty() ? r : order.row_of[static_cast<size_t>(r)]; };
  Permute(order, disk, begin, n, out, row, [&](int64_t i) { return i % order.columns * order.rows + row(i / order.columns); });
}

void DiskFromSlab(const TensorOrder& order, const ElementReader& slab, int64_t begin, int64_t n, float* out) {
  const std::vector<int64_t> inverse = Inverse(order.row_of);
  const auto row = [&](int64_t r) { return inverse.empty() ? r : inverse[static_cast<size_t>(r)]; };
  Permute(order, slab, begin, n, out, row, [&](int64_t i) { return row(i % order.rows) * order.columns + i / order.rows; });
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
