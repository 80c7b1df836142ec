// Horizon-LM for C++: a header-only layer over the C interface (horizon_lm.h, which explains every call).
//
//   auto model = hlm::Model::Open("Qwen2.5-0.5B");
//   hlm::PlanOptions shape;                        // the structs of the C interface, with their defaults
//   shape.batch_size = 8;
//   auto plan = hlm::Plan(model, shape);
//   auto trainer = hlm::Trainer(model, plan);
//   hlm::StepMetrics metrics = trainer.Step(hlm::Batch(ids, offsets));
//
// Objects own their handle and are moved, not copied. One that was moved from, or made without arguments, is empty: false as a
// condition, only to be destroyed or assigned to. What the C interface returns as an error is thrown as hlm::Exception. Buffers are
// borrowed for the call: hlm::Span views any contiguous container without copying it. C++17 and later. Threads: as in the C interface.
#ifndef HORIZON_LM_HPP_
#define HORIZON_LM_HPP_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
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
struct TextOptions : hlm_text_options {
  TextOptions() : hlm_text_options() { hlm_text_options_init(this); }
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
struct EncodeOptions : hlm_encode_options {
  EncodeOptions() : hlm_encode_options() { hlm_encode_options_init(this); }
};
struct TemplateOptions : hlm_template_options {
  TemplateOptions() : hlm_template_options() { hlm_template_options_init(this); }
};
struct CheckpointOptions : hlm_checkpoint_options {
  CheckpointOptions() : hlm_checkpoint_options() { hlm_checkpoint_options_init(this); }
};
struct ResumeOptions : hlm_resume_options {
  ResumeOptions() : hlm_resume_options() { hlm_resume_options_init(this); }
};
struct PreferenceOptions : hlm_preference_options {
  PreferenceOptions() : hlm_preference_options() { hlm_preference_options_init(this); }
};
struct KtoOptions : hlm_kto_options {
  KtoOptions() : hlm_kto_options() { hlm_kto_options_init(this); }
};
struct PolicyOptions : hlm_policy_options {
  PolicyOptions() : hlm_policy_options() { hlm_policy_options_init(this); }
};
struct PreferenceMetrics : hlm_preference_metrics {
  PreferenceMetrics() : hlm_preference_metrics() { hlm_preference_metrics_init(this); }
};
struct KtoMetrics : hlm_kto_metrics {
  KtoMetrics() : hlm_kto_metrics() { hlm_kto_metrics_init(this); }
};
struct PolicyMetrics : hlm_policy_metrics {
  PolicyMetrics() : hlm_policy_metrics() { hlm_policy_metrics_init(this); }
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

// A function object that C calls: what it throws waits until C has returned.
template <class Fn>
struct Callee {
  std::remove_reference_t<Fn>& fn;
  int64_t size;
  std::exception_ptr thrown;

  template <class Body>
  int32_t Run(Body&& body) noexcept {
    try {
      body();
      return 0;
    } catch (...) {
      thrown = std::current_exception();
      return 1;
    }
  }
  // Throws what was thrown, else what `error` says.
  void Check(hlm_error* error) const {
    if (thrown == nullptr) return hlm::Check(error);
    hlm_error_destroy(error);
    std::rethrow_exception(thrown);
  }
};

inline std::string TakeString(char* text, size_t size) {
  struct Owner {
    char* text;
    ~Owner() { hlm_string_destroy(text); }
  } owner{text};
  return std::string(text, size);
}
inline std::string TakeString(char* text) { return TakeString(text, std::strlen(text)); }

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

inline std::string DescribeMachine(const std::string& name) {
  char* json = nullptr;
  Check(hlm_device_machine(name.c_str(), &json));
  return internal::TakeString(json);
}
// Throws where no checkpoint of so many bytes could be saved there.
inline void CheckCheckpoints(const std::string& directory, int64_t bytes) {
  Check(hlm_checkpoint_check(directory.c_str(), bytes));
}
// JSON; see hlm_checkpoint_list.
inline std::string ListCheckpoints(const std::string& directory) {
  char* json = nullptr;
  Check(hlm_checkpoint_list(directory.c_str(), &json));
  return internal::TakeString(json);
}

class Model {
 public:
  Model() = default;
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

  // With the tokenizer, the templates and the stop ids that it is trained with; see hlm_model_with_text.
  Model WithText(const hlm_text_options& options) const {
    Model model;
    Check(hlm_model_with_text(get(), &options, model.handle_.out()));
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
  // The bytes that the folder will take; throws what Save would.
  int64_t CheckSave(const std::string& folder, const hlm_save_options& options = SaveOptions()) const {
    int64_t bytes = 0;
    Check(hlm_model_check_save(get(), folder.c_str(), &options, &bytes));
    return bytes;
  }
  explicit operator bool() const noexcept { return get() != nullptr; }
  hlm_model* get() const noexcept { return handle_.get(); }

 private:
  internal::Handle<hlm_model, hlm_model_destroy> handle_;
};

class Plan {
 public:
  Plan() = default;
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
  explicit operator bool() const noexcept { return get() != nullptr; }
  hlm_plan* get() const noexcept { return handle_.get(); }

 private:
  internal::Handle<hlm_plan, hlm_plan_destroy> handle_;
};

// Any number of threads may use one at the same time.
class Tokenizer {
 public:
  Tokenizer() = default;
  static Tokenizer Open(const std::string& path) {
    Tokenizer tokenizer;
    Check(hlm_tokenizer_open(path.c_str(), tokenizer.handle_.out()));
    return tokenizer;
  }

  std::string Describe() const {
    char* json = nullptr;
    Check(hlm_tokenizer_describe(get(), &json));
    return internal::TakeString(json);
  }
  // offsets: where it is not null, begin and end of each id in the text, by turns.
  std::vector<int32_t> Encode(std::string_view text, const hlm_encode_options& options = EncodeOptions(),
                              std::vector<int64_t>* offsets = nullptr) const {
    std::vector<int32_t> ids(text.size() + 16);
    size_t n = 0;
    hlm_error* error = nullptr;
    const auto encode = [&] {
      if (offsets != nullptr) offsets->resize(2 * ids.size());
      error = hlm_tokenizer_encode(get(), text.data(), text.size(), &options, ids.data(), ids.size(),
                                   offsets != nullptr ? offsets->data() : nullptr, offsets != nullptr ? offsets->size() : 0, &n);
    };
    encode();
    if (hlm_error_code(error) == HLM_OUT_OF_RANGE) {  // a normalizer that makes texts longer
      hlm_error_destroy(error);
      Check(hlm_tokenizer_encode(get(), text.data(), text.size(), &options, nullptr, 0, nullptr, 0, &n));
      ids.resize(n);
      encode();
    }
    Check(error);
    ids.resize(n);
    if (offsets != nullptr) offsets->resize(2 * n);
    return ids;
  }
  std::string Decode(Span<const int32_t> ids, bool skip_special_tokens = false) const {
    char* text = nullptr;
    size_t n = 0;
    Check(hlm_tokenizer_decode(get(), ids.data(), ids.size(), skip_special_tokens ? 1 : 0, &text, &n));
    return internal::TakeString(text, n);
  }
  std::string Token(int32_t id) const {
    char* text = nullptr;
    size_t n = 0;
    Check(hlm_tokenizer_token(get(), id, &text, &n));
    return internal::TakeString(text, n);
  }
  int32_t Id(const std::string& token) const {
    int32_t id = 0;
    Check(hlm_tokenizer_id(get(), token.data(), token.size(), &id));
    return id;
  }
  explicit operator bool() const noexcept { return get() != nullptr; }
  hlm_tokenizer* get() const noexcept { return handle_.get(); }

 private:
  internal::Handle<hlm_tokenizer, hlm_tokenizer_destroy> handle_;
};

// Decodes ids as they are generated; the tokenizer may be gone before it.
class Decoder {
 public:
  Decoder() = default;
  explicit Decoder(const Tokenizer& tokenizer, bool skip_special_tokens = false) {
    Check(hlm_decoder_create(tokenizer.get(), skip_special_tokens ? 1 : 0, handle_.out()));
  }

  std::string Push(Span<const int32_t> ids) {
    char* text = nullptr;
    size_t n = 0;
    Check(hlm_decoder_push(get(), ids.data(), ids.size(), &text, &n));
    return internal::TakeString(text, n);
  }
  std::string Push(int32_t id) { return Push(Span<const int32_t>(&id, 1)); }
  std::string Finish() {
    char* text = nullptr;
    size_t n = 0;
    Check(hlm_decoder_finish(get(), &text, &n));
    return internal::TakeString(text, n);
  }
  explicit operator bool() const noexcept { return get() != nullptr; }
  hlm_decoder* get() const noexcept { return handle_.get(); }

 private:
  internal::Handle<hlm_decoder, hlm_decoder_destroy> handle_;
};

// Chat templates. Any number of threads may render from one at the same time.
class Template {
 public:
  Template() = default;
  static Template Open(const std::string& path) {
    Template chat_template;
    Check(hlm_template_open(path.c_str(), chat_template.handle_.out()));
    return chat_template;
  }
  static Template Create(const std::string& text) {
    Template chat_template;
    Check(hlm_template_create(text.c_str(), chat_template.handle_.out()));
    return chat_template;
  }
  // With the tokens of a tokenizer; see hlm_template_with_tokenizer.
  Template WithTokenizer(const Tokenizer& tokenizer) const {
    Template chat_template;
    Check(hlm_template_with_tokenizer(get(), tokenizer.get(), chat_template.handle_.out()));
    return chat_template;
  }

  std::string Describe() const {
    char* json = nullptr;
    Check(hlm_template_describe(get(), &json));
    return internal::TakeString(json);
  }
  std::string Render(const std::string& messages_json, const hlm_template_options& options = TemplateOptions()) const {
    char* text = nullptr;
    Check(hlm_template_render(get(), messages_json.c_str(), &options, &text));
    return internal::TakeString(text);
  }
  // JSON; see hlm_template_render_training.
  std::string RenderTraining(const std::string& messages_json, const hlm_template_options& options = TemplateOptions()) const {
    char* json = nullptr;
    Check(hlm_template_render_training(get(), messages_json.c_str(), &options, &json));
    return internal::TakeString(json);
  }
  explicit operator bool() const noexcept { return get() != nullptr; }
  hlm_template* get() const noexcept { return handle_.get(); }

 private:
  internal::Handle<hlm_template, hlm_template_destroy> handle_;
};

// A step of a data set: views, which hold until the data set's next one.
struct Documents : hlm_dataset_batch {
  Documents() : hlm_dataset_batch() { hlm_dataset_batch_init(this); }
  // False at the end of the last epoch.
  explicit operator bool() const noexcept { return n_ids != 0; }
  hlm::Batch Batch() const {
    return {Span<const int32_t>(ids, n_ids), Span<const int64_t>(offsets, n_offsets), Span<const int32_t>(labels, n_labels)};
  }
};

class Dataset {
 public:
  Dataset() = default;
  // The config's "model" names a folder with tokenizer and template; or they are given, and may be gone afterwards.
  explicit Dataset(const std::string& config_json, const Tokenizer* tokenizer = nullptr,
                   const Template* chat_template = nullptr) {
    Check(hlm_dataset_open(config_json.c_str(), tokenizer != nullptr ? tokenizer->get() : nullptr,
                           chat_template != nullptr ? chat_template->get() : nullptr, handle_.out()));
  }

  // Record `index` of the files as it would be read, as JSON.
  static std::string ReadRecord(const std::string& config_json, int64_t index) {
    char* json = nullptr;
    Check(hlm_dataset_read_record(config_json.c_str(), index, &json));
    return internal::TakeString(json);
  }

  std::string Describe() {
    char* json = nullptr;
    Check(hlm_dataset_describe(get(), &json));
    return internal::TakeString(json);
  }
  Documents Next(int64_t rows) {
    Documents documents;
    Check(hlm_dataset_next(get(), rows, &documents));
    return documents;
  }
  Documents Mismatched() {
    Documents documents;
    Check(hlm_dataset_mismatched(get(), &documents));
    return documents;
  }
  std::string Position() {
    char* json = nullptr;
    Check(hlm_dataset_position(get(), &json));
    return internal::TakeString(json);
  }
  void Seek(const std::string& position) { Check(hlm_dataset_seek(get(), position.c_str())); }
  void WriteColumn(const std::string& name, const std::string& key, Span<const float> values) {
    Check(hlm_dataset_write_column(get(), name.c_str(), key.c_str(), values.data(), values.size()));
  }
  void ReadColumn(const std::string& name, const std::string& key, Span<float> values) {
    Check(hlm_dataset_read_column(get(), name.c_str(), key.c_str(), values.data(), values.size()));
  }
  explicit operator bool() const noexcept { return get() != nullptr; }
  hlm_dataset* get() const noexcept { return handle_.get(); }

 private:
  internal::Handle<hlm_dataset, hlm_dataset_destroy> handle_;
};

// Weights that a trainer kept; they may outlive it.
class Weights {
 public:
  Weights() = default;
  explicit operator bool() const noexcept { return get() != nullptr; }
  hlm_weights* get() const noexcept { return handle_.get(); }

 private:
  friend class Trainer;
  internal::Handle<hlm_weights, hlm_weights_destroy> handle_;
};

// What the losses do with log-probabilities first; sums and tokens: one a document.
inline void SumLogprobs(const hlm_batch& batch, Span<const float> logprobs, Span<double> sums, Span<double> tokens = {}) {
  Check(hlm_batch_sum_logprobs(&batch, logprobs.data(), logprobs.size(), sums.data(), sums.size(), tokens.data(), tokens.size()));
}

struct GroupOptions : hlm_group_options {
  GroupOptions() : hlm_group_options() { hlm_group_options_init(this); }
};

// The processes of a run on several machines.
class Group {
 public:
  Group() = default;
  static Group FromEnvironment(const hlm_group_options& options = GroupOptions()) {
    Group group;
    Check(hlm_group_from_environment(&options, group.handle_.out()));
    return group;
  }
  // What the launcher says of this process, as JSON.
  static std::string DescribeEnvironment() {
    char* json = nullptr;
    Check(hlm_group_describe_environment(&json));
    return internal::TakeString(json);
  }
  static Group Connect(const std::string& address, int64_t rank, int64_t size,
                       const hlm_group_options& options = GroupOptions()) {
    Group group;
    Check(hlm_group_connect(address.c_str(), rank, size, &options, group.handle_.out()));
    return group;
  }
  static Group FromCallback(int64_t rank, int64_t size, hlm_all_gather_fn all_gather, void* user_data,
                            const hlm_group_options& options = GroupOptions()) {
    Group group;
    Check(hlm_group_from_callback(rank, size, all_gather, user_data, &options, group.handle_.out()));
    return group;
  }
  // The same with a function object: own bytes to a vector of everybody's, in the order of ranks. What it throws is thrown from here.
  template <class Fn, class = std::enable_if_t<std::is_invocable_r_v<std::vector<std::string>, Fn&, const std::string&>>>
  static Group FromCallback(int64_t rank, int64_t size, Fn&& all_gather, const hlm_group_options& options = GroupOptions()) {
    internal::Callee<Fn> callee{all_gather, size, nullptr};
    const auto run = [](void* user_data, const void* own, void* all, size_t n_bytes) -> int32_t {
      auto& to = *static_cast<internal::Callee<Fn>*>(user_data);
      return to.Run([&] {
        const std::vector<std::string> ranks = to.fn(std::string(static_cast<const char*>(own), n_bytes));
        if (ranks.size() != static_cast<size_t>(to.size)) {
          throw Exception(HLM_INVALID_ARGUMENT, "all_gather gave bytes of " + std::to_string(ranks.size()) +
                                                    " ranks; the group has " + std::to_string(to.size));
        }
        char* place = static_cast<char*>(all);
        for (const std::string& one : ranks) {
          if (one.size() != n_bytes) {
            throw Exception(HLM_INVALID_ARGUMENT, "all_gather gave " + std::to_string(one.size()) +
                                                      " bytes of a rank; every rank has " + std::to_string(n_bytes));
          }
          std::memcpy(place, one.data(), n_bytes);
          place += n_bytes;
        }
      });
    };
    Group group;
    callee.Check(hlm_group_from_callback(rank, size, run, &callee, &options, group.handle_.out()));
    return group;
  }

  int64_t Rank() const noexcept { return hlm_group_rank(get()); }
  int64_t Size() const noexcept { return hlm_group_size(get()); }
  std::string Describe() const {
    char* json = nullptr;
    Check(hlm_group_describe(get(), &json));
    return internal::TakeString(json);
  }
  void Barrier() { Check(hlm_group_barrier(get())); }
  // Everybody's bytes, in the order of ranks; of all ranks as many.
  std::vector<std::string> AllGather(const std::string& own) {
    std::string all(own.size() * static_cast<size_t>(Size()), '\0');
    Check(hlm_group_all_gather(get(), own.data(), own.size(), &all[0], all.size()));
    std::vector<std::string> of_ranks;
    for (int64_t r = 0; r < Size(); ++r) of_ranks.push_back(all.substr(static_cast<size_t>(r) * own.size(), own.size()));
    return of_ranks;
  }
  explicit operator bool() const noexcept { return get() != nullptr; }
  hlm_group* get() const noexcept { return handle_.get(); }

 private:
  internal::Handle<hlm_group, hlm_group_destroy> handle_;
};

class Trainer {
 public:
  Trainer() = default;
  Trainer(const Model& model, const Plan& plan, const hlm_trainer_options& options = TrainerOptions()) {
    Check(hlm_trainer_create(model.get(), plan.get(), &options, handle_.out()));
  }
  // An empty group: this process alone.
  Trainer(const Model& model, const Plan& plan, const Group& group, const hlm_trainer_options& options = TrainerOptions()) {
    Check(hlm_trainer_create_in_group(model.get(), plan.get(), &options, group.get(), handle_.out()));
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
  void Save(const std::string& directory, const hlm_checkpoint_options& options = CheckpointOptions()) {
    Check(hlm_trainer_save(get(), directory.c_str(), &options));
  }
  bool SaveWait(double seconds = -1) {
    int32_t done = 0;
    Check(hlm_trainer_save_wait(get(), seconds, &done));
    return done != 0;
  }
  // JSON; see hlm_trainer_resume.
  std::string Resume(const std::string& path, const hlm_resume_options& options = ResumeOptions()) {
    char* json = nullptr;
    Check(hlm_trainer_resume(get(), path.c_str(), &options, &json));
    return internal::TakeString(json);
  }
  Weights KeepWeights() {
    Weights weights;
    Check(hlm_trainer_keep_weights(get(), weights.handle_.out()));
    return weights;
  }
  // One float an id; kept: NULL for the current weights.
  void Logprobs(const hlm_batch& batch, Span<float> logprobs, const Weights* kept = nullptr, Span<float> entropies = {},
                Span<float> greedy = {}) {
    Check(hlm_trainer_logprobs(get(), kept != nullptr ? kept->get() : nullptr, &batch, logprobs.data(), logprobs.size(),
                               entropies.data(), entropies.size(), greedy.data(), greedy.size()));
  }
  Evaluation Evaluate(const hlm_batch& batch, const Weights& kept) {
    Evaluation result{};
    Check(hlm_trainer_evaluate_weights(get(), kept.get(), &batch, &result.loss, &result.tokens));
    return result;
  }
  PreferenceMetrics AccumulatePreference(const hlm_batch& batch, const hlm_preference_options& options) {
    PreferenceMetrics metrics;
    Check(hlm_trainer_accumulate_preference(get(), &batch, &options, &metrics));
    return metrics;
  }
  KtoMetrics AccumulateKto(const hlm_batch& batch, const hlm_kto_options& options) {
    KtoMetrics metrics;
    Check(hlm_trainer_accumulate_kto(get(), &batch, &options, &metrics));
    return metrics;
  }
  PolicyMetrics AccumulatePolicy(const hlm_batch& batch, const hlm_policy_options& options) {
    PolicyMetrics metrics;
    Check(hlm_trainer_accumulate_policy(get(), &batch, &options, &metrics));
    return metrics;
  }
  // A loss of the caller's own: hlm_loss_fn, and what it is called with. `user_data` is passed on.
  Evaluation AccumulateFn(const hlm_batch& batch, int64_t group, bool entropies, hlm_loss_fn fn, void* user_data) {
    Evaluation result{};
    Check(hlm_trainer_accumulate_fn(get(), &batch, group, entropies ? 1 : 0, fn, user_data, &result.loss, &result.tokens));
    return result;
  }
  // The same with a function object, which returns the loss of its documents: fn(first_document, n_documents, logprobs, entropies,
  // d_logprobs, d_entropies), spans of one float an id, those of entropies empty where they are not asked for. What it throws is thrown
  // from here, and what was accumulated is dropped.
  template <class Fn, class = std::enable_if_t<std::is_invocable_r_v<double, Fn&, int64_t, int64_t, Span<const float>,
                                                                     Span<const float>, Span<float>, Span<float>>>>
  Evaluation AccumulateFn(const hlm_batch& batch, int64_t group, bool entropies, Fn&& fn) {
    internal::Callee<Fn> callee{fn, 0, nullptr};
    const auto run = [](void* user_data, int64_t first_document, int64_t n_documents, size_t n_tokens, const float* logprobs,
                        const float* own_entropies, float* d_logprobs, float* d_entropies, double* loss) -> int32_t {
      auto& to = *static_cast<internal::Callee<Fn>*>(user_data);
      const size_t n_entropies = own_entropies != nullptr ? n_tokens : 0;
      return to.Run([&] {
        *loss = to.fn(first_document, n_documents, Span<const float>(logprobs, n_tokens),
                      Span<const float>(own_entropies, n_entropies), Span<float>(d_logprobs, n_tokens),
                      Span<float>(d_entropies, n_entropies));
      });
    };
    Evaluation result{};
    callee.Check(hlm_trainer_accumulate_fn(get(), &batch, group, entropies ? 1 : 0, run, &callee, &result.loss, &result.tokens));
    return result;
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
  explicit operator bool() const noexcept { return get() != nullptr; }
  hlm_trainer* get() const noexcept { return handle_.get(); }

 private:
  internal::Handle<hlm_trainer, hlm_trainer_destroy> handle_;
};

// An optimizer on the caller's arrays.
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
  // Bytes of a moment of n elements, and the number of its scales.
  std::pair<size_t, int64_t> StateSize(int32_t kind, int64_t n) const {
    size_t bytes = 0;
    int64_t scales = 0;
    Check(hlm_optimizer_state_size(get(), kind, n, &bytes, &scales));
    return {bytes, scales};
  }
  void ReadState(int32_t kind, int64_t n, const void* moment, const float* scales, float* values) const {
    Check(hlm_optimizer_read_state(get(), kind, n, moment, scales, values));
  }
  void WriteState(int32_t kind, int64_t n, const float* values, void* moment, float* scales) const {
    Check(hlm_optimizer_write_state(get(), kind, n, values, moment, scales));
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
