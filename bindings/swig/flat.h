// The functions of the C ABI whose arguments other languages cannot pass as they are, with the same names: structs of borrowed
// buffers are spread out, so that every buffer is pinned for the one call; and what concerns the life of a handle acts on its
// box.
#ifndef HORIZON_LM_BINDINGS_SWIG_FLAT_H_
#define HORIZON_LM_BINDINGS_SWIG_FLAT_H_

#include "handles.h"

typedef hlm_bind::Box<hlm_model> hlm_model_box;
typedef hlm_bind::Box<hlm_plan> hlm_plan_box;
typedef hlm_bind::Box<hlm_group> hlm_group_box;
typedef hlm_bind::Box<hlm_trainer> hlm_trainer_box;
typedef hlm_bind::Box<hlm_optimizer> hlm_optimizer_box;
typedef hlm_bind::Box<hlm_tokenizer> hlm_tokenizer_box;
typedef hlm_bind::Box<hlm_decoder> hlm_decoder_box;
typedef hlm_bind::Box<hlm_template> hlm_template_box;
typedef hlm_bind::Box<hlm_dataset> hlm_dataset_box;
typedef hlm_bind::Box<hlm_documents> hlm_documents_box;
typedef hlm_bind::Box<hlm_weights> hlm_weights_box;

// hlm_batch, spread out.
#define HLM_BATCH_ARGUMENTS                                                                                               \
  const int32_t *ids, size_t n_ids, const int64_t *offsets, size_t n_offsets, const int32_t *labels, size_t n_labels,     \
      const float *weights, size_t n_weights, double denominator, const float *entropy_weights, size_t n_entropy_weights, \
      double temperature
#define HLM_BATCH_NAMES                                                                                                  \
  ids, n_ids, offsets, n_offsets, labels, n_labels, weights, n_weights, denominator, entropy_weights, n_entropy_weights, \
      temperature

#ifndef SWIG  // not for other languages
namespace hlm_bind {

inline hlm_batch MakeBatch(HLM_BATCH_ARGUMENTS) {
  hlm_batch batch;
  hlm_batch_init(&batch);
  batch.ids = ids;
  batch.n_ids = n_ids;
  batch.offsets = offsets;
  batch.n_offsets = n_offsets;
  batch.labels = labels;
  batch.n_labels = n_labels;
  batch.weights = weights;
  batch.n_weights = n_weights;
  batch.denominator = denominator;
  batch.entropy_weights = entropy_weights;
  batch.n_entropy_weights = n_entropy_weights;
  batch.temperature = temperature;
  return batch;
}

// INVALID_ARGUMENT where a buffer has not the bytes of n elements.
inline hlm_failure* CheckBytes(const char* name, size_t bytes, int64_t n, size_t element) {
  if (n >= 0 && bytes == static_cast<size_t>(n) * element) return nullptr;
  char text[160];
  std::snprintf(text, sizeof(text), "%s has %zu bytes; %lld elements of %zu bytes take %zu", name, bytes,
                static_cast<long long>(n), element, static_cast<size_t>(n < 0 ? 0 : n) * element);
  return NewFailure(HLM_INVALID_ARGUMENT, text);
}
inline size_t BytesOf(int32_t dtype) { return dtype == HLM_DTYPE_F32 ? 4 : 2; }

// INVALID_ARGUMENT where a moment of n elements has other bytes, or another number of scales.
inline hlm_failure* CheckState(const hlm_optimizer* optimizer, int32_t kind, int64_t n, const char* name, size_t bytes,
                               size_t scales) {
  size_t wanted = 0;
  int64_t wanted_scales = 0;
  if (hlm_error* error = hlm_optimizer_state_size(optimizer, kind, n, &wanted, &wanted_scales)) return Take(error);
  if (bytes == wanted && scales == static_cast<size_t>(wanted_scales)) return nullptr;
  char text[200];
  std::snprintf(text, sizeof(text), "%s has %zu bytes and %zu scales; %lld elements take %zu and %lld", name, bytes, scales,
                static_cast<long long>(n), wanted, static_cast<long long>(wanted_scales));
  return NewFailure(HLM_INVALID_ARGUMENT, text);
}

}  // namespace hlm_bind
#endif

static hlm_error* hlm_flat_trainer_step(hlm_trainer* trainer, HLM_BATCH_ARGUMENTS, hlm_step_metrics* out_metrics) {
  const hlm_batch batch = hlm_bind::MakeBatch(HLM_BATCH_NAMES);
  return hlm_trainer_step(trainer, &batch, out_metrics);
}

static hlm_error* hlm_flat_trainer_accumulate(hlm_trainer* trainer, HLM_BATCH_ARGUMENTS, double* out_loss, int64_t* out_tokens) {
  const hlm_batch batch = hlm_bind::MakeBatch(HLM_BATCH_NAMES);
  return hlm_trainer_accumulate(trainer, &batch, out_loss, out_tokens);
}

static hlm_error* hlm_flat_trainer_evaluate(hlm_trainer* trainer, HLM_BATCH_ARGUMENTS, double* out_loss, int64_t* out_tokens) {
  const hlm_batch batch = hlm_bind::MakeBatch(HLM_BATCH_NAMES);
  return hlm_trainer_evaluate(trainer, &batch, out_loss, out_tokens);
}

static hlm_error* hlm_flat_trainer_logits(hlm_trainer* trainer, const int32_t* ids, size_t n_ids, const int64_t* offsets,
                                          size_t n_offsets, const int64_t* places, size_t n_places, float* logits,
                                          size_t n_logits) {
  const hlm_batch batch = hlm_bind::MakeBatch(ids, n_ids, offsets, n_offsets, nullptr, 0, nullptr, 0, 0, nullptr, 0, 0);
  return hlm_trainer_logits(trainer, &batch, places, n_places, logits, n_logits);
}

static hlm_failure* hlm_flat_optimizer_step(hlm_optimizer* optimizer, int64_t step, double lr, double gradient_scale,
                                            float* weight, size_t n_weight, uint16_t* weight_bf16, size_t n_weight_bf16,
                                            uint16_t* remainder, size_t n_remainder, float* first_moment, size_t n_first_moment,
                                            float* second_moment, size_t n_second_moment, const void* gradient, size_t n_gradient,
                                            int32_t gradient_dtype, int32_t decay, void* first_moment_packed,
                                            size_t n_first_moment_packed, void* second_moment_packed,
                                            size_t n_second_moment_packed, float* first_scales, size_t n_first_scales,
                                            float* second_scales, size_t n_second_scales, int64_t first_index, int64_t seed) {
  using hlm_bind::CheckBytes;
  const int64_t n = static_cast<int64_t>(weight != nullptr ? n_weight : n_weight_bf16);
  hlm_failure* wrong = nullptr;
  const auto check = [&wrong, n](const char* name, const void* data, size_t bytes, size_t element) {
    if (wrong == nullptr && data != nullptr) wrong = CheckBytes(name, bytes, n, element);
  };
  check("weight_bf16", weight_bf16, n_weight_bf16 * 2, 2);
  check("remainder", remainder, n_remainder * 2, 2);
  check("first_moment", first_moment, n_first_moment * 4, 4);
  check("second_moment", second_moment, n_second_moment * 4, 4);
  if (wrong == nullptr) wrong = CheckBytes("gradient", n_gradient, n, hlm_bind::BytesOf(gradient_dtype));
  // Of the packed moments the optimizer knows the sizes.
  const auto packed = [&wrong, n, optimizer](const char* name, int32_t kind, const void* data, size_t n_data, const void* scales,
                                             size_t n_scales) {
    if (wrong == nullptr && (data != nullptr || scales != nullptr))
      wrong = hlm_bind::CheckState(optimizer, kind, n, name, n_data, n_scales);
  };
  packed("first_moment_packed", HLM_TENSOR_FIRST_MOMENT, first_moment_packed, n_first_moment_packed, first_scales,
         n_first_scales);
  packed("second_moment_packed", HLM_TENSOR_SECOND_MOMENT, second_moment_packed, n_second_moment_packed, second_scales,
         n_second_scales);
  if (wrong != nullptr) return wrong;
  hlm_optimizer_arrays arrays;
  hlm_optimizer_arrays_init(&arrays);
  arrays.n = n;
  arrays.weight = weight;
  arrays.weight_bf16 = weight_bf16;
  arrays.remainder = remainder;
  arrays.first_moment = first_moment;
  arrays.second_moment = second_moment;
  arrays.gradient = gradient;
  arrays.gradient_dtype = gradient_dtype;
  arrays.decay = decay;
  arrays.first_moment_packed = first_moment_packed;
  arrays.second_moment_packed = second_moment_packed;
  arrays.first_scales = first_scales;
  arrays.second_scales = second_scales;
  arrays.first_index = first_index;
  arrays.seed = seed;
  return hlm_bind::Take(hlm_optimizer_step(optimizer, step, lr, gradient_scale, &arrays));
}

static hlm_failure* hlm_flat_optimizer_state_size(hlm_optimizer* optimizer, int32_t kind, int64_t n, int64_t* out_bytes,
                                                  int64_t* out_scales) {
  size_t bytes = 0;
  if (hlm_error* error = hlm_optimizer_state_size(optimizer, kind, n, &bytes, out_scales)) return hlm_bind::Take(error);
  *out_bytes = static_cast<int64_t>(bytes);
  return nullptr;
}

static hlm_failure* hlm_flat_optimizer_read_state(hlm_optimizer* optimizer, int32_t kind, const void* moment, size_t n_moment,
                                                  const float* scales, size_t n_scales, float* values, size_t n_values) {
  const auto n = static_cast<int64_t>(n_values);
  if (hlm_failure* wrong = hlm_bind::CheckState(optimizer, kind, n, "moment", n_moment, n_scales)) return wrong;
  return hlm_bind::Take(hlm_optimizer_read_state(optimizer, kind, n, moment, scales, values));
}

static hlm_failure* hlm_flat_optimizer_write_state(hlm_optimizer* optimizer, int32_t kind, const float* values, size_t n_values,
                                                   void* moment, size_t n_moment, float* scales, size_t n_scales) {
  const auto n = static_cast<int64_t>(n_values);
  if (hlm_failure* wrong = hlm_bind::CheckState(optimizer, kind, n, "moment", n_moment, n_scales)) return wrong;
  return hlm_bind::Take(hlm_optimizer_write_state(optimizer, kind, n, values, moment, scales));
}

static hlm_failure* hlm_flat_optimizer_accumulate(hlm_optimizer* optimizer, void* sum, size_t n_sum, int32_t sum_dtype,
                                                  const void* gradient, size_t n_gradient, int32_t gradient_dtype, int64_t seed) {
  const int64_t n = static_cast<int64_t>(n_sum / hlm_bind::BytesOf(sum_dtype));
  hlm_failure* wrong = hlm_bind::CheckBytes("sum", n_sum, n, hlm_bind::BytesOf(sum_dtype));
  if (wrong == nullptr) wrong = hlm_bind::CheckBytes("gradient", n_gradient, n, hlm_bind::BytesOf(gradient_dtype));
  if (wrong != nullptr) return wrong;
  return hlm_bind::Take(hlm_optimizer_accumulate(optimizer, n, sum, sum_dtype, gradient, gradient_dtype, seed));
}

static hlm_failure* hlm_flat_optimizer_squared_norm(hlm_optimizer* optimizer, const void* gradient, size_t n_gradient,
                                                    int32_t gradient_dtype, double* out_sum) {
  const int64_t n = static_cast<int64_t>(n_gradient / hlm_bind::BytesOf(gradient_dtype));
  hlm_failure* wrong = hlm_bind::CheckBytes("gradient", n_gradient, n, hlm_bind::BytesOf(gradient_dtype));
  if (wrong != nullptr) return wrong;
  return hlm_bind::Take(hlm_optimizer_squared_norm(optimizer, n, gradient, gradient_dtype, out_sum));
}

static hlm_failure* hlm_flat_optimizer_split(hlm_optimizer* optimizer, const float* weight, size_t n_weight,
                                             uint16_t* weight_bf16, size_t n_weight_bf16, uint16_t* remainder,
                                             size_t n_remainder) {
  const int64_t n = static_cast<int64_t>(n_weight);
  hlm_failure* wrong = hlm_bind::CheckBytes("weight_bf16", n_weight_bf16 * 2, n, 2);
  if (wrong == nullptr) wrong = hlm_bind::CheckBytes("remainder", n_remainder * 2, n, 2);
  if (wrong != nullptr) return wrong;
  return hlm_bind::Take(hlm_optimizer_split(optimizer, n, weight, weight_bf16, remainder));
}

static hlm_failure* hlm_flat_optimizer_join(hlm_optimizer* optimizer, const uint16_t* weight_bf16, size_t n_weight_bf16,
                                            const uint16_t* remainder, size_t n_remainder, float* weight, size_t n_weight) {
  const int64_t n = static_cast<int64_t>(n_weight);
  hlm_failure* wrong = hlm_bind::CheckBytes("weight_bf16", n_weight_bf16 * 2, n, 2);
  if (wrong == nullptr) wrong = hlm_bind::CheckBytes("remainder", n_remainder * 2, n, 2);
  if (wrong != nullptr) return wrong;
  return hlm_bind::Take(hlm_optimizer_join(optimizer, n, weight_bf16, remainder, weight));
}

// Legal from any thread and at any time: on a trainer that is closed it does nothing.
static void hlm_flat_trainer_cancel(hlm_trainer_box* box) {
  hlm_bind::Use<hlm_trainer> use;
  hlm_failure* closed = use.Begin(box);
  if (closed == nullptr) hlm_trainer_cancel(use.get());
  hlm_bind::Free(closed);
}

// What each kind of handle has. (Python's boxes are freed by their capsules.)
#define HLM_LIFE(OBJECT)                                                                                            \
  static hlm_failure* hlm_##OBJECT##_close(hlm_##OBJECT##_box* box) {                                               \
    return box != nullptr ? box->Close() : hlm_bind::NoBox<hlm_##OBJECT>();                                         \
  }                                                                                                                 \
  static int32_t hlm_##OBJECT##_closed(hlm_##OBJECT##_box* box) { return box == nullptr || box->closed() ? 1 : 0; } \
  [[maybe_unused]] static void hlm_##OBJECT##_free(hlm_##OBJECT##_box* box) { delete box; }
HLM_LIFE(model)
HLM_LIFE(plan)
HLM_LIFE(group)
HLM_LIFE(trainer)
HLM_LIFE(optimizer)
HLM_LIFE(tokenizer)
HLM_LIFE(decoder)
HLM_LIFE(template)
HLM_LIFE(dataset)
HLM_LIFE(documents)
HLM_LIFE(weights)

// The version that this module was compiled for. A layer refuses to work with a library of another one.
static const char* hlm_bindings_version(void) { return HLM_VERSION; }

#endif  // HORIZON_LM_BINDINGS_SWIG_FLAT_H_
