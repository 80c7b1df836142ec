// How a call ends: the code of the error that it throws, OK where it throws none.
#ifndef HORIZON_LM_TESTS_SUPPORT_CODE_OF_H_
#define HORIZON_LM_TESTS_SUPPORT_CODE_OF_H_

#include <functional>
#include <string>

#include "core/base/error.h"

namespace hlm {

inline Code CodeOf(const std::function<void()>& call, std::string* message = nullptr) {
  try {
    call();
  } catch (const Error& error) {
    if (message != nullptr) *message = error.message();
    return error.code();
  }
  return Code::kOk;
}

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_SUPPORT_CODE_OF_H_
