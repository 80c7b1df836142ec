// The table of embeddings. Conventions are those of ops.h.
#ifndef HORIZON_LM_CORE_DEVICE_ARGS_EMBEDDING_H_
#define HORIZON_LM_CORE_DEVICE_ARGS_EMBEDDING_H_

#include <cstdint>

#include "core/base/dtype.h"

namespace hlm {

// y[t] = scale * table[ids[t]] (+ addend[t]); rounded once.
struct EmbeddingArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, width = 0, vocab = 0;
  const int32_t* ids = nullptr;  // [tokens], each in [0, vocab); checked before it comes here
  const void* table = nullptr;   // [vocab, width] type
  void* y = nullptr;             // [tokens, width] type
  float scale = 1;
  const void* addend = nullptr;  // [tokens, width] type, or null; y itself, or apart from it
};
// dtable[ids[t]] += scale * dy[t], token after token in order (always added to).
struct EmbeddingBackwardArgs {
  DType type = DType::kF32;
  int64_t tokens = 0, width = 0, vocab = 0;
  const int32_t* ids = nullptr;
  const void* dy = nullptr;  // [tokens, width] type
  float* dtable = nullptr;   // [vocab, width]
  float scale = 1;
  int32_t skip = -1;  // the id whose row gets no gradient; -1: none
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_ARGS_EMBEDDING_H_
