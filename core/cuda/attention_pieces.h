// How one call of attention is cut into calls of cuDNN that fit the workspace. Host arithmetic on shapes alone: the same shapes
// and workspace give the same pieces, and so the same bits.
#ifndef HORIZON_LM_CORE_CUDA_ATTENTION_PIECES_H_
#define HORIZON_LM_CORE_CUDA_ATTENTION_PIECES_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/device/ops.h"

namespace hlm::cuda {

enum class AttentionPass : int8_t { kForward, kBackward };

// Where the tensors of a call lie: distances in elements from token to token and from head to head.
struct HeadRows {
  int64_t row = 0, head = 0;
  auto operator<=>(const HeadRows&) const = default;
};
struct CallRows {
  HeadRows q, k, v, out;
  HeadRows dout, dq, dk, dv;  // of the backward pass
  auto operator<=>(const CallRows&) const = default;
};

// What cuDNN builds a graph for.
struct PieceShape {
  AttentionPass pass = AttentionPass::kForward;
  bool packed = false;  // documents of any lengths up to `sequence`; else all are exactly that long
  int64_t documents = 0;
  int64_t sequence = 0;  // tokens
  int64_t kv_heads = 0;  // of the piece
  int64_t group = 0;     // query heads a key head
  int64_t head_dim = 0, value_dim = 0;
  int64_t window = 0;  // 0: none, also where it is as long as the sequence
  float scale = 0;     // of scores
  CallRows rows;

  int64_t heads() const { return kv_heads * group; }
  auto operator<=>(const PieceShape&) const = default;
};

struct Piece {
  PieceShape shape;
  int64_t first_document = 0, first_kv_head = 0;
};

// Where our own part of the workspace has what, in bytes from its begin; cuDNN's part begins at `end`. Lengths and offsets are
// there in packed pieces only: offsets for each distance from token to token.
struct PieceParts {
  struct Offsets {
    int64_t row = 0;
    size_t at = 0;
  };
  size_t lengths = 0, stats_offsets = 0, stats = 0, end = 0;
  std::vector<Offsets> offsets;
  size_t OffsetsOf(int64_t row) const;
};
PieceParts PartsOf(const PieceShape& shape);

// Workspace of a piece, our part and cuDNN's: what cuDNN 9.14 and 9.19 say on Hopper, and at most 1 MiB more. The backward pass
// keeps dS in bf16 whole, and dK and dV of each query head where heads share a key head. It is what AttentionWorkspaceBytes goes
// by; pieces are cut by what cuDNN says.
int64_t EstimatedBytes(const PieceShape& shape);

// The longest sequence that graphs of documents of this length are built for: a few lengths an octave, all multiples of 128.
int64_t SequenceBucket(int64_t length);

// cuDNN's own workspace in bytes; nullopt where it does not take the shape.
using CudnnBytes = std::function<std::optional<int64_t>(const PieceShape&)>;

// All documents and heads of a call in pieces of at most `workspace` bytes each, in order. False where one key head of one
// document does not fit, with the reason, or where `cudnn_bytes` said no.
struct CallShape {
  AttentionPass pass = AttentionPass::kForward;
  int64_t heads = 0, kv_heads = 0, head_dim = 0, value_dim = 0, window = 0;
  float scale = 0;
  CallRows rows;
};
bool CutAttention(const CallShape& call, const Documents& documents, size_t workspace, const CudnnBytes& cudnn_bytes,
                  std::vector<Piece>* pieces, std::string* why_not);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_ATTENTION_PIECES_H_
