// Data sets: the C ABI over core/text/dataset, with this library's tokenizer and chat templates.
#include "core/text/dataset/dataset.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>

#include "c_api/check.h"
#include "c_api/dataset_pipeline.h"
#include "c_api/internal.h"
#include "core/base/counted.h"
#include "core/cpu/cpu_device.h"
#include "core/text/dataset/read_record.h"

struct hlm_dataset {
  std::unique_ptr<hlm::dataset::Dataset> dataset;
  hlm::dataset::Step mismatched;
  hlm::capi::User in_use{};  // no threads: a forked child may go on with it
};

namespace hlm::capi {
namespace {

hlm_dataset_batch DefaultBatch() {
  hlm_dataset_batch batch{};
  batch.struct_size = sizeof(batch);
  return batch;
}

hlm_dataset_batch View(const dataset::Step& step) {
  hlm_dataset_batch view = DefaultBatch();
  const bool empty = step.documents.empty();
  view.ids = empty ? nullptr : step.ids.data();
  view.n_ids = step.ids.size();
  view.offsets = step.offsets.data();
  view.n_offsets = step.offsets.size();
  view.labels = empty ? nullptr : step.labels.data();
  view.n_labels = step.labels.size();
  view.documents = empty ? nullptr : step.documents.data();
  view.n_documents = step.documents.size();
  view.desirable = empty ? nullptr : step.desirable.data();
  view.n_desirable = step.desirable.size();
  view.rows = step.rows.data();
  view.n_rows = step.rows.size();
  view.trained = step.trained;
  view.epoch = step.epoch;
  return view;
}

}  // namespace
}  // namespace hlm::capi

using namespace hlm::capi;  // NOLINT: the functions below are this file's purpose

extern "C" {

void hlm_dataset_batch_init_sized(hlm_dataset_batch* batch, size_t struct_size) {
  InitStruct(batch, struct_size, DefaultBatch());
}

hlm_error* hlm_dataset_open(const char* config_json, const hlm_tokenizer* tokenizer, const hlm_template* chat_template,
                            hlm_dataset** out_dataset) {
  return Guard([&] {
    const std::string config = NotEmpty(config_json, "config_json");
    NotNull(out_dataset, "out_dataset");
    PipelineConfig parts = SplitDatasetConfig(config);
    if (tokenizer != nullptr) parts.tokenizer = tokenizer->tokenizer;
    if (chat_template != nullptr) parts.chat = chat_template->chat;
    hlm::dataset::DatasetOptions options = hlm::dataset::ReadDatasetOptions(parts.dataset_json);
    if (options.threads == 0) options.threads = hlm::AvailableThreads();
    auto opened = std::make_unique<hlm_dataset>();
    opened->dataset = hlm::dataset::Dataset::Open(std::move(options), MakePipeline(parts));
    *out_dataset = opened.release();
  });
}

hlm_error* hlm_dataset_read_record(const char* config_json, int64_t index, char** out_json) {
  return Guard([&] {
    const std::string config = NotEmpty(config_json, "config_json");
    NotNull(out_json, "out_json");
    const PipelineConfig parts = SplitDatasetConfig(config);
    *out_json = CopyString(hlm::dataset::ReadRecordAsJson(hlm::dataset::ReadDatasetOptions(parts.dataset_json), index));
  });
}

hlm_error* hlm_dataset_describe(hlm_dataset* dataset, char** out_json) {
  return Guard([&] {
    NotNull(dataset, "dataset");
    NotNull(out_json, "out_json");
    const Use use(dataset->in_use, "the data set");
    *out_json = CopyString(dataset->dataset->Describe());
  });
}

hlm_error* hlm_dataset_next(hlm_dataset* dataset, int64_t rows, hlm_dataset_batch* out_batch) {
  return Guard([&] {
    NotNull(dataset, "dataset");
    NotNull(out_batch, "out_batch");
    CheckOutStruct(out_batch);
    const Use use(dataset->in_use, "the data set");
    WriteStruct(View(dataset->dataset->Next(rows)), out_batch);
  });
}

hlm_error* hlm_dataset_mismatched(hlm_dataset* dataset, hlm_dataset_batch* out_batch) {
  return Guard([&] {
    NotNull(dataset, "dataset");
    NotNull(out_batch, "out_batch");
    CheckOutStruct(out_batch);
    const Use use(dataset->in_use, "the data set");
    dataset->mismatched = dataset->dataset->Mismatched();
    WriteStruct(View(dataset->mismatched), out_batch);
  });
}

hlm_error* hlm_dataset_position(hlm_dataset* dataset, char** out_json) {
  return Guard([&] {
    NotNull(dataset, "dataset");
    NotNull(out_json, "out_json");
    const Use use(dataset->in_use, "the data set");
    *out_json = CopyString(dataset->dataset->Position());
  });
}

hlm_error* hlm_dataset_seek(hlm_dataset* dataset, const char* position_json) {
  return Guard([&] {
    NotNull(dataset, "dataset");
    const std::string position = NotEmpty(position_json, "position_json");
    const Use use(dataset->in_use, "the data set");
    dataset->dataset->Seek(position);
  });
}

hlm_error* hlm_dataset_write_column(hlm_dataset* dataset, const char* name, const char* key, const float* values,
                                    size_t n_values) {
  return Guard([&] {
    NotNull(dataset, "dataset");
    const std::string column = NotEmpty(name, "name"), of = NotEmpty(key, "key");
    const std::span<const float> given = Buffer(values, n_values, "values");
    const Use use(dataset->in_use, "the data set");
    dataset->dataset->WriteColumn(column, of, given);
  });
}

hlm_error* hlm_dataset_read_column(hlm_dataset* dataset, const char* name, const char* key, float* values, size_t n_values) {
  return Guard([&] {
    NotNull(dataset, "dataset");
    const std::string column = NotEmpty(name, "name"), of = NotEmpty(key, "key");
    const std::span<float> out = Buffer(values, n_values, "values");
    const Use use(dataset->in_use, "the data set");
    const int64_t documents = dataset->dataset->documents();
    if (static_cast<int64_t>(out.size()) != documents) {
      throw hlm::InvalidArgument("n_values is ", out.size(), "; a column of this data set has ",
                                 hlm::Counted(documents, "value"));
    }
    const std::optional<std::vector<float>> read = dataset->dataset->ReadColumn(column, of);
    if (!read) throw hlm::NotFound("the data set has no column ", column, " of this key");
    std::copy(read->begin(), read->end(), out.begin());
  });
}

void hlm_dataset_destroy(hlm_dataset* dataset) { delete dataset; }

}  // extern "C"
