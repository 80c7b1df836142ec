// Tokenizers and data sets, as flat.h.
#ifndef HORIZON_LM_BINDINGS_SWIG_FLAT_DATA_H_
#define HORIZON_LM_BINDINGS_SWIG_FLAT_DATA_H_

#include <algorithm>

#include "flat.h"

// out_count is how many ids there are. OUT_OF_RANGE where they do not fit; without a buffer they are counted only.
static hlm_error* hlm_flat_tokenizer_encode(const hlm_tokenizer* tokenizer, const char* text, size_t n_text,
                                            const hlm_encode_options* options, const int64_t* plain, size_t n_plain, int32_t* ids,
                                            size_t n_ids, int64_t* offsets, size_t n_offsets, int64_t* out_count) {
  hlm_encode_options own;
  hlm_encode_options_init(&own);
  if (options != nullptr) own = *options;
  own.plain = plain;
  own.n_plain = n_plain;
  size_t count = 0;
  hlm_error* error = hlm_tokenizer_encode(tokenizer, text, n_text, &own, ids, n_ids, offsets, n_offsets, &count);
  if (error == nullptr) *out_count = static_cast<int64_t>(count);
  return error;
}

#ifndef SWIG
namespace hlm_bind {

inline hlm_failure* CopyStep(hlm_error* error, const hlm_dataset_batch& step, hlm_documents** out) {
  if (error != nullptr) return Take(error);
  if (step.n_ids == 0) return nullptr;
  try {
    *out = new hlm_documents(step);
    return nullptr;
  } catch (const std::bad_alloc&) {
    return NewFailure(HLM_RESOURCE_EXHAUSTED, "out of memory");
  }
}

template <class T>
hlm_failure* CopyOut(const char* name, const std::vector<T>& from, T* to, size_t n) {
  if (n != from.size()) {
    char text[120];
    std::snprintf(text, sizeof(text), "%s has %zu elements; the step has %zu", name, n, from.size());
    return NewFailure(HLM_INVALID_ARGUMENT, text);
  }
  std::copy(from.begin(), from.end(), to);
  return nullptr;
}

}  // namespace hlm_bind
#endif

static hlm_error* hlm_flat_dataset_open(const char* config_json, const hlm_tokenizer* tokenizer_or_null,
                                        const hlm_template* template_or_null, hlm_dataset** out_dataset) {
  return hlm_dataset_open(config_json, tokenizer_or_null, template_or_null, out_dataset);
}

// Nothing comes out at the end of the last epoch.
static hlm_failure* hlm_flat_dataset_next(hlm_dataset* dataset, int64_t rows, hlm_documents** out_documents) {
  hlm_dataset_batch step;
  hlm_dataset_batch_init(&step);
  return hlm_bind::CopyStep(hlm_dataset_next(dataset, rows, &step), step, out_documents);
}
static hlm_failure* hlm_flat_dataset_mismatched(hlm_dataset* dataset, hlm_documents** out_documents) {
  hlm_dataset_batch step;
  hlm_dataset_batch_init(&step);
  return hlm_bind::CopyStep(hlm_dataset_mismatched(dataset, &step), step, out_documents);
}

static hlm_failure* hlm_documents_describe(hlm_documents* documents, hlm_documents_sizes* out_metrics) {
  out_metrics->ids = static_cast<int64_t>(documents->ids.size());
  out_metrics->documents = static_cast<int64_t>(documents->numbers.size());
  out_metrics->rows = static_cast<int64_t>(documents->rows.size());
  out_metrics->trained = documents->trained;
  out_metrics->epoch = documents->epoch;
  return nullptr;
}
static hlm_failure* hlm_documents_copy(hlm_documents* documents, int32_t* ids, size_t n_ids, int64_t* offsets, size_t n_offsets,
                                       int32_t* labels, size_t n_labels, int64_t* numbers, size_t n_numbers, int32_t* desirable,
                                       size_t n_desirable, int64_t* rows, size_t n_rows) {
  using hlm_bind::CopyOut;
  hlm_failure* wrong = CopyOut("ids", documents->ids, ids, n_ids);
  if (wrong == nullptr) wrong = CopyOut("offsets", documents->offsets, offsets, n_offsets);
  if (wrong == nullptr) wrong = CopyOut("labels", documents->labels, labels, n_labels);
  if (wrong == nullptr) wrong = CopyOut("numbers", documents->numbers, numbers, n_numbers);
  if (wrong == nullptr) wrong = CopyOut("desirable", documents->desirable, desirable, n_desirable);
  if (wrong == nullptr) wrong = CopyOut("rows", documents->rows, rows, n_rows);
  return wrong;
}

#endif  // HORIZON_LM_BINDINGS_SWIG_FLAT_DATA_H_
