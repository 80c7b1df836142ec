// The functions of the C ABI whose arguments other languages cannot pass as they are, with the same names: structs of borrowed buffers are
// spread out, so that every buffer is pinned for the one call; and what concerns the life of a handle acts on its box.
#ifndef HORIZON_LM_BINDINGS_SWIG_FLAT_H_
#define HORIZON_LM_BINDINGS_SWIG_FLAT_H_

#include "handles.h"

typedef hlm_bind::Box<hlm_model> hlm_model_box;
typedef hlm_bind::Box<hlm_plan> hlm_plan_box;
typedef hlm_bind::Box<hlm_trainer> hlm_trainer_box;
typedef hlm_bind::Box<hlm_optimizer> hlm_optimizer_box;

#ifndef SWIG  // not for other languages
namespace hlm_bind {

inline hlm_batch MakeBatch(const int32_t* ids, size_t n_ids, const int64_t* offsets, size_t n_offsets, const int32_t* labels,
                           size_t n_labels, const float* weights, size_t n_weights, double denominator) {
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
  return batch;
}

// INVALID_ARGUMENT where a buffer has not the bytes of n elements.
inline hlm_failure* CheckBytes(const char* name, size_t bytes, int64_t n, size_t element) {
  if (n >= 0 && bytes == static_cast<size_t>(n) * element) return nullptr;
  char text[160];
  std::snprintf(text, sizeof(text), "%s has %zu bytes; %lld elements of %zu bytes take %zu", name, bytes, static_cast<long long>(n),
                element, static_cast<size_t>(n < 0 ? 0 : n) * element);
  return NewFailure(HLM_INVALID_ARGUMENT, text);
}
inline size_t BytesOf(int32_t dtype) { return dtype == HLM_DTYPE_F32 ? 4 : 2; }

}  // namespace hlm_bind
#endif

static hlm_error* hlm_flat_trainer_step(hlm_trainer* trainer, const int32_t* ids, size_t n_ids, const int64_t* offsets, size_t n_offsets,
                                        const int32_t* labels, size_t n_labels, const float* weights, size_t n_weights,
                                        double denominator, hlm_step_metrics* out_metrics) {
  const hlm_batch batch = hlm_bind::MakeBatch(ids, n_ids, offsets, n_offsets, labels, n_labels, weights, n_weights, denominator);
  return hlm_trainer_step(trainer, &batch, out_metrics);
}

static hlm_error* hlm_flat_trainer_accumulate(hlm_trainer* trainer, const int32_t* ids, size_t n_ids, const int64_t* offsets,
                                              size_t n_offsets, const int32_t* labels, size_t n_labels, const float* weights,
                                              size_t n_weights, double denominator, double* out_loss, int64_t* out_tokens) {
  const hlm_batch batch = hlm_bind::MakeBatch(ids, n_ids, offsets, n_offsets, labels, n_labels, weights, n_weights, denominator);
  return hlm_trainer_accumulate(trainer, &batch, out_loss, out_tokens);
}

static hlm_error* hlm_flat_trainer_evaluate(hlm_trainer* trainer, const int32_t* ids, size_t n_ids, const int64_t* offsets,
                                            size_t n_offsets, const int32_t* labels, size_t n_labels, const float* weights,
                                            size_t n_weights, double denominator, double* out_loss, int64_t* out_tokens) {
  const hlm_batch batch = hlm_bind::MakeBatch(ids, n_ids, offsets, n_offsets, labels, n_labels, weights, n_weights, denominator);
  return hlm_trainer_evaluate(trainer, &batch, out_loss, out_tokens);
}

static hlm_error* hlm_flat_trainer_logits(hlm_trainer* trainer, const int32_t* ids, size_t n_ids, const int64_t* offsets, size_t n_offsets,
                                          const int64_t* places, size_t n_places, float* logits, size_t n_logits) {
  const hlm_batch batch = hlm_bind::MakeBatch(ids, n_ids, offsets, n_offsets, nullptr, 0, nullptr, 0, 0);
  return hlm_trainer_logits(trainer, &batch, places, n_places, logits, n_logits);
}

static hlm_failure* hlm_flat_optimizer_step(hlm_optimizer* optimizer, int64_t step, double lr, double gradient_scale, float* weight,
                                            size_t n_weight, uint16_t* weight_bf16, size_t n_weight_bf16, uint16_t* remainder,
                                            size_t n_remainder, float* first_moment, size_t n_first_moment, float* second_moment,
                                            size_t n_second_moment, const void* gradient, size_t n_gradient, int32_t gradient_dtype,
                                            int32_t decay) {
  using hlm_bind::CheckBytes;
  const int64_t n = static_cast<int64_t>(n_first_moment);
  hlm_failure* wrong = nullptr;
  if (weight != nullptr) wrong = CheckBytes("weight", n_weight * 4, n, 4);
  if (wrong == nullptr && weight_bf16 != nullptr) wrong = CheckBytes("weight_bf16", n_weight_bf16 * 2, n, 2);
  if (wrong == nullptr && remainder != nullptr) wrong = CheckBytes("remainder", n_remainder * 2, n, 2);
  if (wrong == nullptr) wrong = CheckBytes("second_moment", n_second_moment * 4, n, 4);
  if (wrong == nullptr) wrong = CheckBytes("gradient", n_gradient, n, hlm_bind::BytesOf(gradient_dtype));
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
  return hlm_bind::Take(hlm_optimizer_step(optimizer, step, lr, gradient_scale, &arrays));
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

static hlm_failure* hlm_flat_optimizer_split(hlm_optimizer* optimizer, const float* weight, size_t n_weight, uint16_t* weight_bf16,
                                             size_t n_weight_bf16, uint16_t* remainder, size_t n_remainder) {
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

static hlm_failure* hlm_model_close(hlm_model_box* box) { return box->Close(); }
static hlm_failure* hlm_plan_close(hlm_plan_box* box) { return box->Close(); }
static hlm_failure* hlm_trainer_close(hlm_trainer_box* box) { return box->Close(); }
static hlm_failure* hlm_optimizer_close(hlm_optimizer_box* box) { return box->Close(); }

static int32_t hlm_model_closed(hlm_model_box* box) { return box->closed() ? 1 : 0; }
static int32_t hlm_plan_closed(hlm_plan_box* box) { return box->closed() ? 1 : 0; }
static int32_t hlm_trainer_closed(hlm_trainer_box* box) { return box->closed() ? 1 : 0; }
static int32_t hlm_optimizer_closed(hlm_optimizer_box* box) { return box->closed() ? 1 : 0; }

// The version that this module was compiled for. A layer refuses to work with a library of another one.
static const char* hlm_bindings_version(void) { return HLM_VERSION; }

// The last thing that happens to a box. (Python's boxes are freed by their capsules.)
[[maybe_unused]] static void hlm_model_free(hlm_model_box* box) { delete box; }
[[maybe_unused]] static void hlm_plan_free(hlm_plan_box* box) { delete box; }
[[maybe_unused]] static void hlm_trainer_free(hlm_trainer_box* box) { delete box; }
[[maybe_unused]] static void hlm_optimizer_free(hlm_optimizer_box* box) { delete box; }

#endif  // HORIZON_LM_BINDINGS_SWIG_FLAT_H_
