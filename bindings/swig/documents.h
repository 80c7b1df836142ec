// A step of a data set as an object of its own: the library's arrays live until its next call only, which objects of a
// garbage-collected language cannot promise to heed. They are copied once, here, and from here into the language's own arrays.
#ifndef HORIZON_LM_BINDINGS_SWIG_DOCUMENTS_H_
#define HORIZON_LM_BINDINGS_SWIG_DOCUMENTS_H_

#include <cstdint>
#include <vector>

#include "horizon_lm.h"

struct hlm_documents {
  explicit hlm_documents(const hlm_dataset_batch& b)
      : ids(b.ids, b.ids + b.n_ids),
        offsets(b.offsets, b.offsets + b.n_offsets),
        labels(b.labels, b.labels + b.n_labels),
        numbers(b.documents, b.documents + b.n_documents),
        desirable(b.desirable, b.desirable + b.n_desirable),
        rows(b.rows, b.rows + b.n_rows),
        trained(b.trained),
        epoch(b.epoch) {}
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets;
  std::vector<int32_t> labels;
  std::vector<int64_t> numbers;
  std::vector<int32_t> desirable;
  std::vector<int64_t> rows;
  int64_t trained;
  int64_t epoch;
};
inline void hlm_documents_destroy(hlm_documents* documents) { delete documents; }

// How long its arrays are.
struct hlm_documents_sizes {
  size_t struct_size;
  int64_t ids;
  int64_t documents;
  int64_t rows;  // entries of the array: rows + 1
  int64_t trained;
  int64_t epoch;
};

namespace hlm_bind {

template <class Visit>
void VisitMembers(const hlm_documents_sizes& m, Visit&& visit) {
  visit(m.ids);
  visit(m.documents);
  visit(m.rows);
  visit(m.trained);
  visit(m.epoch);
}

}  // namespace hlm_bind

#endif  // HORIZON_LM_BINDINGS_SWIG_DOCUMENTS_H_
