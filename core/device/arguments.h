// Checks of an operation's arguments that every device makes. They find mistakes of our own code: INTERNAL.
#ifndef HORIZON_LM_CORE_DEVICE_ARGUMENTS_H_
#define HORIZON_LM_CORE_DEVICE_ARGUMENTS_H_

#include <initializer_list>

#include "core/base/error.h"
#include "core/device/ops.h"

namespace hlm {

inline void CheckType(const char* operation, DType type) {
  HLM_CHECK(type == DType::kF32 || type == DType::kBF16, operation, " computes in f32 or bf16, not ", Name(type));
}
inline void CheckSizes(const char* operation, std::initializer_list<int64_t> sizes) {
  for (const int64_t size : sizes) HLM_CHECK(size >= 1, operation, " with a dimension of ", size);
}
inline void CheckPointers(const char* operation, std::initializer_list<const void*> pointers) {
  for (const void* pointer : pointers) HLM_CHECK(pointer != nullptr, operation, " without one of its arrays");
}
inline void CheckHeads(const char* operation, int64_t heads, int64_t kv_heads) {
  HLM_CHECK(heads % kv_heads == 0, operation, " with ", heads, " heads, no multiple of ", kv_heads, " key heads");
}
inline void CheckDocuments(const char* operation, const Documents& documents, int64_t tokens) {
  CheckSizes(operation, {documents.count, documents.longest});
  CheckPointers(operation, {documents.offsets, documents.host_offsets});
  const int32_t* at = documents.host_offsets;
  HLM_CHECK(at[0] == 0 && at[documents.count] == tokens, operation, " of ", tokens, " tokens with documents from ", at[0], " to ",
            at[documents.count]);
  for (int64_t d = 0; d < documents.count; ++d) {
    HLM_CHECK(at[d + 1] > at[d] && at[d + 1] - at[d] <= documents.longest, operation, ": document ", d, " of ", at[d + 1] - at[d],
              " tokens, the longest is said to have ", documents.longest);
  }
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_ARGUMENTS_H_
