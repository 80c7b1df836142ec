#include "c_api/batch.h"

#include "c_api/check.h"

namespace hlm::capi {
namespace {

hlm_batch Defaults() {
  hlm_batch batch{};
  batch.struct_size = sizeof(batch);
  return batch;
}

// An optional array: NULL with 0, or one value for each id.
template <class T>
std::span<const T> PerId(const T* data, size_t n, size_t n_ids, const char* name) {
  const std::span<const T> values = Buffer(data, n, name);
  if (data != nullptr && n != n_ids) throw InvalidArgument("n_", name, " is ", n, ", but n_ids is ", n_ids);
  return values;
}

}  // namespace

Batch ReadBatch(const hlm_batch* batch) {
  NotNull(batch, "batch");
  const hlm_batch given = ReadStruct(batch, Defaults());
  Batch own;
  own.ids = Buffer(given.ids, given.n_ids, "ids");
  own.offsets = Buffer(given.offsets, given.n_offsets, "offsets");
  own.labels = PerId(given.labels, given.n_labels, given.n_ids, "labels");
  own.weights = PerId(given.weights, given.n_weights, given.n_ids, "weights");
  own.denominator = given.denominator;
  own.entropy_weights = PerId(given.entropy_weights, given.n_entropy_weights, given.n_ids, "entropy_weights");
  own.temperature = given.temperature;
  return own;
}

Batch ReadSharedBatch(const hlm_batch* batch) {
  Batch own;
  ReadBeside(own, [&] { own = ReadBatch(batch); });
  return own;
}

}  // namespace hlm::capi

extern "C" void hlm_batch_init_sized(hlm_batch* batch, size_t struct_size) {
  hlm::capi::InitStruct(batch, struct_size, hlm::capi::Defaults());
}
