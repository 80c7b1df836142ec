#include "core/cuda/check.h"

namespace hlm::cuda {

void Check(cudaError_t result, const char* what) {
  if (result == cudaSuccess) return;
  // Unless the GPU itself failed, an error is over once it has been reported: the next launch must not see it.
  (void)cudaGetLastError();
  const std::string text = StrCat(what, ": ", cudaGetErrorString(result), " (", cudaGetErrorName(result), ")");
  switch (result) {
    case cudaErrorMemoryAllocation:
      throw ResourceExhausted(text);
    case cudaErrorNoDevice:
    case cudaErrorInsufficientDriver:
    case cudaErrorInitializationError:
    case cudaErrorSystemDriverMismatch:
    case cudaErrorCompatNotSupportedOnDevice:
    case cudaErrorDevicesUnavailable:
    case cudaErrorInvalidDevice:
      throw Error(Code::kUnavailable, text);
    default:
      throw Internal(text);
  }
}

}  // namespace hlm::cuda
