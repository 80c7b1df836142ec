// Which documents share a row.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_PACKING_H_
#define HORIZON_LM_CORE_TEXT_DATASET_PACKING_H_

#include <cstdint>
#include <span>
#include <vector>

namespace hlm::dataset {

// Lists of items, one behind the other: row r holds items[offsets[r]] up to items[offsets[r + 1]].
struct Rows {
  std::vector<int64_t> items;
  std::vector<int64_t> offsets = {0};

  int64_t size() const { return static_cast<int64_t>(offsets.size()) - 1; }
  std::span<const int64_t> operator[](int64_t row) const {
    return std::span(items).subspan(
        static_cast<size_t>(offsets[static_cast<size_t>(row)]),
        static_cast<size_t>(offsets[static_cast<size_t>(row) + 1] - offsets[static_cast<size_t>(row)]));
  }
};

// Best fit decreasing (Johnson 1973): items by falling length, equal ones in their order; each goes into the row with the least
// space that suffices, the oldest of equal ones, else into a new row. At most 11/9 of the fewest rows possible, plus 6/9 (Dosa
// 2007). O(n log capacity / log 64). Lengths lie in [1, capacity].
Rows PackBestFit(std::span<const int64_t> lengths, int64_t capacity);

// A row for each item, in order.
Rows OneEach(int64_t items);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_PACKING_H_
