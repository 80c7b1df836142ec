// Checks of what a caller hands over: pointers, lengths, enumerations, and structs that carry their size.
#ifndef HORIZON_LM_C_API_CHECK_H_
#define HORIZON_LM_C_API_CHECK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>

#include "c_api/horizon_lm.h"
#include "core/base/dtype.h"
#include "core/base/error.h"
#include "cpu_optim/optimizer.h"

namespace hlm::capi {

// INVALID_ARGUMENT naming the argument where it is NULL.
void NotNull(const void* pointer, const char* name);

// `text` is neither NULL nor empty.
std::string NotEmpty(const char* text, const char* name);

// A buffer of n elements of `element_bytes`, which is also the alignment that it must have. NULL is legal only with n = 0.
void CheckBuffer(const void* data, size_t n, size_t element_bytes, const char* name);

template <class T>
std::span<T> Buffer(T* data, size_t n, const char* name) {
  CheckBuffer(data, n, sizeof(T), name);
  return {data, n};
}

struct Choice {
  int32_t value;
  const char* name;
};
// INVALID_ARGUMENT naming the value and the legal ones where `value` is none of `choices`.
void CheckEnum(int32_t value, const char* name, std::initializer_list<Choice> choices);

// A boolean of the ABI: 0 or 1.
bool ReadBool(int64_t value, const char* name);

DType ReadDType(int32_t value, const char* name, std::initializer_list<Choice> choices);

// INVALID_ARGUMENT where a number is outside its range.
void CheckAtLeast(int64_t value, int64_t least, const char* name);
void CheckOptimizer(const OptimizerOptions& options);

// For each struct of the ABI: its name, and its size in version 0.1.0, up to the end of its last member then. A first size never
// changes.
template <class T>
struct Versioned;
#define HLM_VERSIONED(type, first_size)              \
  template <>                                        \
  struct Versioned<type> {                           \
    static constexpr const char* kName = #type;      \
    static constexpr size_t kFirstSize = first_size; \
  }
HLM_VERSIONED(hlm_save_options, 24);
HLM_VERSIONED(hlm_text_options, 32);
HLM_VERSIONED(hlm_encode_options, 40);
HLM_VERSIONED(hlm_plan_options, 152);
HLM_VERSIONED(hlm_group_options, 32);
HLM_VERSIONED(hlm_batch, 80);
HLM_VERSIONED(hlm_trainer_options, 80);
HLM_VERSIONED(hlm_step_metrics, 72);
HLM_VERSIONED(hlm_optimizer_options, 48);
HLM_VERSIONED(hlm_optimizer_arrays, 72);
HLM_VERSIONED(hlm_template_options, 96);
HLM_VERSIONED(hlm_checkpoint_options, 32);
HLM_VERSIONED(hlm_resume_options, 16);
HLM_VERSIONED(hlm_preference_options, 96);
HLM_VERSIONED(hlm_preference_metrics, 88);
HLM_VERSIONED(hlm_kto_options, 120);
HLM_VERSIONED(hlm_kto_metrics, 80);
HLM_VERSIONED(hlm_policy_options, 144);
HLM_VERSIONED(hlm_policy_metrics, 120);
HLM_VERSIONED(hlm_dataset_batch, 120);
#undef HLM_VERSIONED

// No struct will ever be this large: a size above it was never set.
inline constexpr size_t kLargestStruct = 4096;

// INVALID_ARGUMENT naming the sizes where `given` is below the first version's or absurd.
void CheckStructSize(const char* name, size_t given, size_t first, size_t own);
// INVALID_ARGUMENT where the bytes that this library does not know, from `own` to `given`, are not all zero.
void CheckUnknownTail(const char* name, const void* data, size_t given, size_t own);

// The caller's struct, of an older, the same or a newer version, as this library's: what it does not reach keeps its default.
template <class T>
T ReadStruct(const T* given, const T& defaults) {
  T own = defaults;
  if (given == nullptr) return own;
  size_t size;
  std::memcpy(&size, given, sizeof(size));
  CheckStructSize(Versioned<T>::kName, size, Versioned<T>::kFirstSize, sizeof(T));
  CheckUnknownTail(Versioned<T>::kName, given, size, sizeof(T));
  std::memcpy(static_cast<void*>(&own), given, std::min(size, sizeof(T)));
  own.struct_size = sizeof(T);
  return own;
}

// Fills a struct of `size` bytes at `out`: defaults, the caller's size, and zero in a tail that this library does not know.
template <class T>
void InitStruct(T* out, size_t size, const T& defaults) {
  if (out == nullptr || size < sizeof(size_t)) return;
  T own = defaults;
  own.struct_size = size;
  std::memset(static_cast<void*>(out), 0, size);
  std::memcpy(static_cast<void*>(out), &own, std::min(size, sizeof(T)));
}

// Writes results into a caller's struct, whose struct_size was checked before the work began and stays.
template <class T>
void WriteStruct(T result, T* out) {
  if (out == nullptr) return;
  std::memcpy(&result.struct_size, out, sizeof(size_t));
  std::memcpy(static_cast<void*>(out), &result, std::min(result.struct_size, sizeof(T)));
}
template <class T>
void CheckOutStruct(const T* out) {
  if (out != nullptr) CheckStructSize(Versioned<T>::kName, out->struct_size, Versioned<T>::kFirstSize, sizeof(T));
}

}  // namespace hlm::capi

#endif  // HORIZON_LM_C_API_CHECK_H_
