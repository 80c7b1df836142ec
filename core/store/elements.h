// Elements of a store as floats, in whatever type they are kept: what callers read and write.
#ifndef HORIZON_LM_CORE_STORE_ELEMENTS_H_
#define HORIZON_LM_CORE_STORE_ELEMENTS_H_

#include <cstdint>

#include "core/store/store.h"

namespace hlm {

enum class TensorKind { kWeight = 0, kGradient = 1, kFirstMoment = 2, kSecondMoment = 3 };
const char* Name(TensorKind kind);  // "weight", "first moment", ...

// Elements [begin, begin + n) of a piece, which the store must have.
void ReadElements(const ParameterStore& store, int64_t piece, TensorKind kind, int64_t begin, int64_t n, float* out);
void WriteElements(ParameterStore& store, int64_t piece, TensorKind kind, int64_t begin, int64_t n, const float* values);

// Whether elements of a kind are kept in bf16, in which a value must be finite.
bool IsBf16(const ParameterStore& store, TensorKind kind);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_STORE_ELEMENTS_H_
