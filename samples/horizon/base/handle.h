// The library's C++ interface, under the names that the command has for it.
#ifndef HORIZON_LM_SAMPLES_HORIZON_BASE_HANDLE_H_
#define HORIZON_LM_SAMPLES_HORIZON_BASE_HANDLE_H_

#include "c_api/horizon_lm.hpp"
#include "samples/horizon/base/error.h"

namespace horizon {

// An error of the library, with its code.
using ApiError = hlm::Exception;

using hlm::Check;
using hlm::Model;
using hlm::Plan;
using hlm::Tokenizer;
using hlm::Trainer;

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_BASE_HANDLE_H_
