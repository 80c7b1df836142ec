// Trainers: the calls that look at one without training it, and those that read and write its state.
#include "c_api/batch.h"
#include "c_api/check.h"
#include "c_api/internal.h"
#include "c_api/save_options.h"

namespace hlm::capi {
namespace {

TensorKind ReadKind(int32_t kind) {
  CheckEnum(kind, "kind",
            {{HLM_TENSOR_WEIGHT, "WEIGHT"},
             {HLM_TENSOR_GRADIENT, "GRADIENT"},
             {HLM_TENSOR_FIRST_MOMENT, "FIRST_MOMENT"},
             {HLM_TENSOR_SECOND_MOMENT, "SECOND_MOMENT"}});
  static_assert(static_cast<int32_t>(TensorKind::kSecondMoment) == HLM_TENSOR_SECOND_MOMENT);
  return static_cast<TensorKind>(kind);
}

// A tensor's bytes may lie at any address: they are copied, never read as floats in place.
void CheckBytes(size_t byte_offset, const void* data, size_t n_data) {
  CheckBuffer(data, n_data, 1, "data");
  if (byte_offset % sizeof(float) != 0) throw InvalidArgument("byte_offset is ", byte_offset, "; it must be a multiple of 4");
  if (n_data % sizeof(float) != 0) throw InvalidArgument("n_data is ", n_data, "; it must be a multiple of 4");
}

}  // namespace
}  // namespace hlm::capi

using namespace hlm::capi;  // NOLINT: the functions below are this file's purpose

extern "C" {

hlm_error* hlm_trainer_evaluate(hlm_trainer* trainer, const hlm_batch* batch, double* out_loss, int64_t* out_tokens) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const Use use(trainer->in_use, "the trainer");
    const hlm::BatchLoss loss = trainer->trainer->Evaluate(ReadSharedBatch(batch));
    if (out_loss != nullptr) *out_loss = loss.loss;
    if (out_tokens != nullptr) *out_tokens = loss.tokens;
  });
}

hlm_error* hlm_trainer_logits(hlm_trainer* trainer, const hlm_batch* batch, const int64_t* places, size_t n_places, float* logits,
                              size_t n_logits) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const Use use(trainer->in_use, "the trainer");
    const hlm::Batch own = ReadBatch(batch);
    const auto own_places = Buffer(places, n_places, "places");
    if (places != nullptr && n_places == 0) throw hlm::InvalidArgument("n_places is 0; for all places pass NULL with it");
    NotNull(logits, "logits");
    trainer->trainer->Logits(own, own_places, Buffer(logits, n_logits, "logits"));
  });
}

hlm_error* hlm_trainer_read_tensor(hlm_trainer* trainer, const char* name, int32_t kind, size_t byte_offset, void* data,
                                   size_t n_data) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const std::string tensor = NotEmpty(name, "name");
    const hlm::TensorKind own_kind = ReadKind(kind);
    CheckBytes(byte_offset, data, n_data);
    const Use use(trainer->in_use, "the trainer");
    trainer->trainer->ReadTensor(tensor, own_kind, byte_offset, data, n_data);
  });
}

hlm_error* hlm_trainer_write_tensor(hlm_trainer* trainer, const char* name, int32_t kind, size_t byte_offset, const void* data,
                                    size_t n_data) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const std::string tensor = NotEmpty(name, "name");
    const hlm::TensorKind own_kind = ReadKind(kind);
    CheckBytes(byte_offset, data, n_data);
    const Use use(trainer->in_use, "the trainer");
    trainer->trainer->WriteTensor(tensor, own_kind, byte_offset, data, n_data);
  });
}

hlm_error* hlm_trainer_save_model(hlm_trainer* trainer, const char* folder, const hlm_save_options* options) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const std::string path = NotEmpty(folder, "folder");
    const hlm::SaveOptions save = ReadSaveOptions(options);
    const Use use(trainer->in_use, "the trainer");
    trainer->trainer->SaveModel(path, save);
  });
}

hlm_error* hlm_trainer_metrics(hlm_trainer* trainer, char** out_json) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    NotNull(out_json, "out_json");
    const Use use(trainer->in_use, "the trainer");
    *out_json = CopyString(trainer->trainer->MetricsJson());
  });
}

hlm_error* hlm_trainer_trace_start(hlm_trainer* trainer) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const Use use(trainer->in_use, "the trainer");
    trainer->trainer->TraceStart();
  });
}

hlm_error* hlm_trainer_trace_write(hlm_trainer* trainer, const char* path) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const std::string file = NotEmpty(path, "path");
    const Use use(trainer->in_use, "the trainer");
    trainer->trainer->TraceWrite(file);
  });
}

}  // extern "C"
