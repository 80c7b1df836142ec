// The library as the command uses it: the classes of horizon_lm.hpp by their short names.
#ifndef HORIZON_LM_SAMPLES_HORIZON_BASE_HANDLE_H_
#define HORIZON_LM_SAMPLES_HORIZON_BASE_HANDLE_H_

#include "c_api/horizon_lm.hpp"
#include "samples/horizon/base/error.h"

namespace horizon {

using ApiError = hlm::Exception;  // an error of the library, with its code
using hlm::Model;
using hlm::Plan;
using hlm::Trainer;

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_BASE_HANDLE_H_
