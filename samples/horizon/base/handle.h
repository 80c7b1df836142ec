// The library's handles as move-only C++ objects, and its errors as exceptions.
#ifndef HORIZON_LM_SAMPLES_HORIZON_BASE_HANDLE_H_
#define HORIZON_LM_SAMPLES_HORIZON_BASE_HANDLE_H_

#include <memory>
#include <string>

#include "c_api/horizon_lm.h"
#include "samples/horizon/base/error.h"

namespace horizon {

// An error of the library, with its code.
class ApiError : public Error {
 public:
  ApiError(int32_t code, const std::string& message) : Error(message), code_(code) {}
  int32_t code() const { return code_; }

 private:
  int32_t code_;
};

// Every call that can fail goes through here; the error object is freed on the way.
inline void Check(hlm_error* error) {
  if (error == nullptr) return;
  const std::unique_ptr<hlm_error, void (*)(hlm_error*)> owner(error, hlm_error_destroy);
  throw ApiError(hlm_error_code(error), hlm_error_message(error));
}

template <auto Destroy>
struct Destroyer {
  template <typename T>
  void operator()(T* handle) const {
    Destroy(handle);
  }
};

using Model = std::unique_ptr<hlm_model, Destroyer<hlm_model_destroy>>;
using Plan = std::unique_ptr<hlm_plan, Destroyer<hlm_plan_destroy>>;
using Trainer = std::unique_ptr<hlm_trainer, Destroyer<hlm_trainer_destroy>>;

// Calls `function(arguments..., &text)`, copies the text and frees the library's.
template <typename... Parameters, typename... Arguments>
std::string TextOf(hlm_error* (*function)(Parameters...), Arguments... arguments) {
  char* text = nullptr;
  Check(function(arguments..., &text));
  const std::unique_ptr<char, Destroyer<hlm_string_destroy>> owner(text);
  return text;
}

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_BASE_HANDLE_H_
