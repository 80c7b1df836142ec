// Horizon-LM for C++: a header-only layer over the C interface (horizon_lm.h, which explains every call).
//
//   auto model = hlm::Model::Open("Qwen2.5-0.5B");
//   hlm::PlanOptions shape;                        // the structs of the C interface, with their defaults
//   shape.batch_size = 8;
//   auto plan = hlm::Plan(model, shape);
//   auto trainer = hlm::Trainer(model, plan);
//   hlm::StepMetrics metrics = trainer.Step(hlm::Batch(ids, offsets));
//
// Objects own their handle and are moved, not copied; a moved-from one may only be destroyed or assigned to. What the C interface returns
// as an error is thrown as hlm::Exception. Buffers are borrowed for the call: hlm::Span views any contiguous container without copying it.
// C++17 and later. Threads: as in the C interface.
#ifndef HORIZON_LM_HPP_
#define HORIZON_LM_HPP_

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "horizon_lm.h"

namespace hlm {

// The numbers of horizon_lm.h, HLM_...
class Exception : public std::exception {
 public:
  Exception(int32_t code, std::string message) : code_(code), message_(std::move(message)) {}
  int32_t code() const noexcept { return code_; }
  const char* code_name() const noexcept { return hlm_code_name(code_); }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  int32_t code_;
  std::string message_;
};

// Throws what `error` says and frees it; does nothing for NULL.
inline void Check(hlm_error* error) {
  if (error == nullptr) return;
  struct Owner {
    hlm_error* error;
    ~Owner() { hlm_error_destroy(error); }
  } owner{error};
  throw Exception(hlm_error_code(error), hlm_error_message(error));
}

// Elements that lie one behind the other: a view of a vector, an array, a std::span, or a pointer and a length.
template <class T>
class Span {
 public:
  constexpr Span() = default;
  constexpr Span(T* data, size_t size) : data_(data), size_(size) {}
  template <class Container, class Data = decltype(std::declval<Container&>().data()),
            class = std::enable_if_t<std::is_convertible_v<std::remove_pointer_t<Data> (*)[], T (*)[]>>>
  constexpr Span(Container&& container) : data_(container.data()), size_(container.size()) {}
  template <size_t kSize>
  constexpr Span(T (&array)[kSize]) : data_(array), size_(kSize) {}
  constexpr T* data() const { return data_; }
  constexpr size_t size() const { return size_; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

// The structs of the C interface, which begin with their defaults.
struct PlanOptions : hlm_plan_options {
  PlanOptions() : hlm_plan_options() { hlm_plan_options_init(this); }
};
struct TrainerOptions : hlm_trainer_options {
  TrainerOptions() : hlm_trainer_options() { hlm_trainer_options_init(this); }
};
struct SaveOptions : hlm_save_options {
  SaveOptions() : hlm_save_options() { hlm_save_options_init(this); }
};
struct OptimizerOptions : hlm_optimizer_options {
  OptimizerOptions() : hlm_optimizer_options() { hlm_optimizer_options_init(this); }
};
struct OptimizerArrays : hlm_optimizer_arrays {
  OptimizerArrays() : hlm_optimizer_arrays() { hlm_optimizer_arrays_init(this); }
};
struct StepMetrics : hlm_step_metrics {
  StepMetrics() : hlm_step_metrics() { hlm_step_metrics_init(this); }
};
// Documents: views, which must live until the call has returned.
struct Batch : hlm_batch {
  Batch() : hlm_batch() { hlm_batch_init(this); }
  Batch(Span<const int32_t> own_ids, Span<const int64_t> own_offsets, Span<const int32_t> own_labels = {},
        Span<const float> own_weights = {}, double own_denominator = 0)
      : Batch() {
    ids = own_ids.data(), n_ids = own_ids.size();
    offsets = own_offsets.data(), n_offsets = own_offsets.size();
    labels = own_labels.data(), n_labels = own_labels.size();
    weights = own_weights.data(), n_weights = own_weights.size();
    denominator = own_denominator;
  }
};

struct Evaluation {
  double loss;
  int64_t tokens;
};

namespace internal {

template <class T, void (*kDestroy)(T*)>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T* handle) : handle_(handle) {}
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      kDestroy(handle_);
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Handle() { kDestroy(handle_); }
  T* get() const noexcept { return handle_; }
  T** out() noexcept { return &handle_; }

 private:
  T* handle_ = nullptr;
};

inline std::string TakeString(char* text) {
  struct Owner {
    char* text;
    ~Owner() { hlm_string_destroy(text); }
  } owner{text};
  return text;
}

}  // namespace internal

inline std::string Version() { return hlm_version(); }

// JSON; see hlm_device_list and hlm_device_describe.
inline std::string ListDevices() {
  char* json = nullptr;
  Check(hlm_device_list(&json));
  return internal::TakeString(json);
}
inline std::string DescribeDevice(const std::string& name) {
  char* json = nullptr;
  Check(hlm_device_describe(name.c_str(), &json));
  return internal::TakeString(json);
}

class Model {
 public:
  static Model Open(const std::string& folder) {
    Model model;
    Check(hlm_model_open(folder.c_str(), model.handle_.out()));
    return model;
  }
  static Model Create(const std::string& config_json, int64_t init_seed) {
    Model model;
    Check(hlm_model_create(config_json.c_str(), init_seed, model.handle_.out()));
    return model;
  }

  std::string Describe() const {
    char* json = nullptr;
    Check(hlm_model_describe(get(), &json));
    return internal::TakeString(json);
  }
  void Save(const std::string& folder, const hlm_save_options& options = SaveOptions()) const {
    Check(hlm_model_save(get(), folder.c_str(), &options));
  }
  hlm_model* get() const noexcept { return handle_.get(); }

 private:
  Model() = default;
  internal::Handle<hlm_model, hlm_model_destroy> handle_;
};

class Plan {
 public:
  explicit Plan(const Model& model, const hlm_plan_options& options = PlanOptions()) {
    Check(hlm_plan_make(model.get(), &options, handle_.out()));
  }

  std::string Json() const {
    char* json = nullptr;
    Check(hlm_plan_json(get(), &json));
    return internal::TakeString(json);
  }
  int64_t Value(const std::string& key) const {
    int64_t value = 0;
    Check(hlm_plan_value(get(), key.c_str(), &value));
    return value;
  }
  std::string TimeProducts() const {
    char* json = nullptr;
    Check(hlm_plan_time_products(get(), &json));
    return internal::TakeString(json);
  }
  hlm_plan* get() const noexcept { return handle_.get(); }

 private:
  internal::Handle<hlm_plan, hlm_plan_destroy> handle_;
};

class Trainer {
 public:
  Trainer(const Model& model, const Plan& plan, const hlm_trainer_options& options = TrainerOptions()) {
    Check(hlm_trainer_create(model.get(), plan.get(), &options, handle_.out()));
  }

  StepMetrics Step(const hlm_batch& batch) {
    StepMetrics metrics;
    Check(hlm_trainer_step(get(), &batch, &metrics));
    return metrics;
  }
  Evaluation Accumulate(const hlm_batch& batch) {
    Evaluation result{};
    Check(hlm_trainer_accumulate(get(), &batch, &result.loss, &result.tokens));
    return result;
  }
  StepMetrics Apply() {
    StepMetrics metrics;
    Check(hlm_trainer_apply(get(), &metrics));
    return metrics;
  }
  void Discard() { Check(hlm_trainer_discard(get())); }
  void SetLearningRate(double lr) { Check(hlm_trainer_set_learning_rate(get(), lr)); }
  Evaluation Evaluate(const hlm_batch& batch) {
    Evaluation result{};
    Check(hlm_trainer_evaluate(get(), &batch, &result.loss, &result.tokens));
    return result;
  }
  void Logits(const hlm_batch& batch, Span<const int64_t> places, Span<float> logits) {
    Check(hlm_trainer_logits(get(), &batch, places.data(), places.size(), logits.data(), logits.size()));
  }
  // Lengths in floats; offsets in bytes, as in the C interface.
  void ReadTensor(const std::string& name, int32_t kind, Span<float> data, size_t byte_offset = 0) {
    Check(hlm_trainer_read_tensor(get(), name.c_str(), kind, byte_offset, data.data(), data.size() * sizeof(float)));
  }
  void WriteTensor(const std::string& name, int32_t kind, Span<const float> data, size_t byte_offset = 0) {
    Check(hlm_trainer_write_tensor(get(), name.c_str(), kind, byte_offset, data.data(), data.size() * sizeof(float)));
  }
  void SaveModel(const std::string& folder, const hlm_save_options& options = SaveOptions()) {
    Check(hlm_trainer_save_model(get(), folder.c_str(), &options));
  }
  std::string Metrics() {
    char* json = nullptr;
    Check(hlm_trainer_metrics(get(), &json));
    return internal::TakeString(json);
  }
  void TraceStart() { Check(hlm_trainer_trace_start(get())); }
  void TraceWrite(const std::string& path) { Check(hlm_trainer_trace_write(get(), path.c_str())); }
  // From any thread.
  void Cancel() noexcept { hlm_trainer_cancel(get()); }
  void SetDeadline(double seconds) { Check(hlm_trainer_set_deadline(get(), seconds)); }
  void Finish() { Check(hlm_trainer_finish(get())); }
  hlm_trainer* get() const noexcept { return handle_.get(); }

 private:
  internal::Handle<hlm_trainer, hlm_trainer_destroy> handle_;
};

// AdamW on the caller's arrays.
class Optimizer {
 public:
  explicit Optimizer(const hlm_optimizer_options& options = OptimizerOptions()) {
    Check(hlm_optimizer_create(&options, handle_.out()));
  }

  void Step(int64_t step, double lr, const hlm_optimizer_arrays& arrays, double gradient_scale = 1) {
    Check(hlm_optimizer_step(get(), step, lr, gradient_scale, &arrays));
  }
  void Accumulate(int64_t n, void* sum, int32_t sum_dtype, const void* gradient, int32_t gradient_dtype, int64_t seed) {
    Check(hlm_optimizer_accumulate(get(), n, sum, sum_dtype, gradient, gradient_dtype, seed));
  }
  double SquaredNorm(int64_t n, const void* gradient, int32_t gradient_dtype) {
    double sum = 0;
    Check(hlm_optimizer_squared_norm(get(), n, gradient, gradient_dtype, &sum));
    return sum;
  }
  void Split(int64_t n, const float* weight, uint16_t* weight_bf16, uint16_t* remainder) {
    Check(hlm_optimizer_split(get(), n, weight, weight_bf16, remainder));
  }
  void Join(int64_t n, const uint16_t* weight_bf16, const uint16_t* remainder, float* weight) {
    Check(hlm_optimizer_join(get(), n, weight_bf16, remainder, weight));
  }
  hlm_optimizer* get() const noexcept { return handle_.get(); }

 private:
  internal::Handle<hlm_optimizer, hlm_optimizer_destroy> handle_;
};

}  // namespace hlm

#endif  // HORIZON_LM_HPP_
