#include "core/cuda/attention_pieces.h"

#include <algorithm>
#include <bit>

#include "core/base/checked.h"
#include "core/cuda/attention.h"

namespace hlm::cuda {
namespace {

constexpr int64_t kAlignment = 256;
constexpr int64_t kSequenceStep = 128;            // cuDNN's tiles: shorter steps have met bugs in its backward pass
constexpr int64_t kSmall = int64_t{1} << 20;      // descriptors and alignment in cuDNN's part
constexpr int64_t kAllAtOnce = int64_t{2} << 30;  // workspace beyond this must be needed, not only be faster

int64_t FloorPowerOfTwo(int64_t n) { return static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(n))); }

struct Lengths {
  const int32_t* offsets;
  int64_t of(int64_t d) const { return offsets[d + 1] - offsets[d]; }
  int64_t longest(int64_t first, int64_t count) const {
    int64_t most = 0;
    for (int64_t d = first; d < first + count; ++d) most = std::max(most, of(d));
    return most;
  }
  bool same(int64_t count) const {
    for (int64_t d = 1; d < count; ++d) {
      if (of(d) != of(0)) return false;
    }
    return true;
  }
};

class Cutter {
 public:
  Cutter(const CallShape& call, const Documents& documents, size_t workspace, const CudnnBytes& cudnn_bytes,
         std::vector<Piece>* pieces, std::string* why_not)
      : call_(call),
        count_(documents.count),
        lengths_{documents.host_offsets},
        workspace_(static_cast<int64_t>(workspace)),
        cudnn_bytes_(cudnn_bytes),
        pieces_(pieces),
        why_not_(why_not) {}

  bool Cut() {
    const bool whole = lengths_.of(0) % kSequenceStep == 0 && lengths_.same(count_);
    const int64_t sequence = whole ? lengths_.of(0) : SequenceBucket(lengths_.longest(0, count_));
    int64_t most = count_;  // documents a piece, as far as we know by now: what did not fit once is not tried again
    for (int64_t first = 0; first < count_;) {
      int64_t documents = std::min(count_ - first, most);
      // Packed pieces are of a power of two documents, so that few graphs serve all counts. (Graphs for more documents than there
      // are, the surplus of length 0, are no choice: before 9.25 cuDNN's own tests leave out sequences of length 0.)
      if (!whole) documents = FloorPowerOfTwo(documents);
      Fit fit = Fit::kNo;
      while ((fit = Try(Shape(!whole, documents, sequence), first)) == Fit::kNo) {
        // For the same reason graphs are for the longest document of the call, not of the piece, unless that does not fit.
        const int64_t own = whole ? sequence : SequenceBucket(lengths_.longest(first, documents));
        if (own < sequence) fit = Try(Shape(true, documents, own), first);
        if (fit == Fit::kNo && documents == 1) fit = TryHeads(Shape(!whole, 1, own), first);
        if (fit != Fit::kNo || documents == 1) break;
        documents = whole ? CeilDiv(documents, 2) : documents / 2;
      }
      if (fit != Fit::kYes) return false;
      if (whole) most = documents;
      first += documents;
    }
    return true;
  }

 private:
  enum class Fit { kYes, kNo, kRejected };

  PieceShape Shape(bool packed, int64_t documents, int64_t sequence) const {
    PieceShape shape;
    shape.pass = call_.pass;
    shape.packed = packed;
    shape.documents = documents;
    shape.sequence = sequence;
    shape.kv_heads = call_.kv_heads;
    shape.group = call_.heads / call_.kv_heads;
    shape.head_dim = call_.head_dim;
    shape.value_dim = call_.value_dim;
    shape.window = call_.window < sequence ? call_.window : 0;
    shape.scale = call_.scale;
    shape.rows = call_.rows;
    return shape;
  }

  // Appends the pieces of these documents' heads where they fit.
  Fit Try(const PieceShape& shape, int64_t first_document) {
    const std::optional<int64_t> bytes = cudnn_bytes_(shape);
    if (!bytes) return Fit::kRejected;
    needed_ = CheckedAdd(static_cast<int64_t>(PartsOf(shape).end), *bytes);
    if (needed_ > workspace_) return Fit::kNo;
    for (int64_t head = 0; head < call_.kv_heads; head += shape.kv_heads) pieces_->push_back({shape, first_document, head});
    return Fit::kYes;
  }

  // One document in equal groups of key heads.
  Fit TryHeads(PieceShape shape, int64_t first_document) {
    for (int64_t groups = 2; groups <= call_.kv_heads; ++groups) {
      if (call_.kv_heads % groups != 0) continue;
      shape.kv_heads = call_.kv_heads / groups;
      if (const Fit fit = Try(shape, first_document); fit != Fit::kNo) return fit;
    }
    *why_not_ = StrCat("cuDNN attention of one key head in a document of ", lengths_.of(first_document), " tokens needs ",
                       needed_, " bytes of workspace, there are ", workspace_);
    return Fit::kNo;
  }

  const CallShape& call_;
  const int64_t count_;
  const Lengths lengths_;
  const int64_t workspace_;
  const CudnnBytes& cudnn_bytes_;
  std::vector<Piece>* pieces_;
  std::string* why_not_;
  int64_t needed_ = 0;
};

}  // namespace

size_t PieceParts::OffsetsOf(int64_t row) const {
  for (const Offsets& o : offsets) {
    if (o.row == row) return o.at;
  }
  throw Internal("attention has no offsets for rows of ", row, " elements");
}

PieceParts PartsOf(const PieceShape& shape) {
  PieceParts parts;
  int64_t at = 0;
  const auto take = [&](int64_t bytes) {
    const int64_t begin = at;
    at = RoundUp(at + bytes, kAlignment);
    return static_cast<size_t>(begin);
  };
  if (shape.packed) {
    const int64_t offsets = (shape.documents + 1) * static_cast<int64_t>(sizeof(int64_t));
    parts.lengths = take(shape.documents * static_cast<int64_t>(sizeof(int32_t)));
    const CallRows& r = shape.rows;
    for (const HeadRows& rows : {r.q, r.k, r.v, r.dq, r.dk, r.dv, r.out, r.dout}) {
      const bool known =
          std::any_of(parts.offsets.begin(), parts.offsets.end(), [&](const auto& o) { return o.row == rows.row; });
      if (rows.row > 0 && !known) parts.offsets.push_back({rows.row, take(offsets)});
    }
    parts.stats_offsets = take(offsets);
  }
  parts.stats =
      take(CheckedMul(CheckedMul(shape.documents, shape.sequence), shape.heads() * static_cast<int64_t>(sizeof(float))));
  parts.end = static_cast<size_t>(at);
  return parts;
}

int64_t EstimatedBytes(const PieceShape& shape) {
  int64_t bytes = static_cast<int64_t>(PartsOf(shape).end) + kSmall;
  if (shape.pass == AttentionPass::kForward) return bytes;
  const int64_t rows = CheckedMul(shape.documents * shape.heads(), RoundUp(shape.sequence, kSequenceStep));
  bytes = CheckedAdd(bytes, CheckedMul(rows, 2 * RoundUp(shape.sequence, kSequenceStep)));  // dS
  bytes = CheckedAdd(bytes, CheckedMul(rows, 4));                                           // row sums
  if (shape.group > 1)
    bytes = CheckedAdd(bytes, CheckedMul(rows, 2 * (RoundUp(shape.head_dim, 64) + RoundUp(shape.value_dim, 64))));  // dK, dV
  return bytes;
}

int64_t SequenceBucket(int64_t length) {
  const int64_t octave = FloorPowerOfTwo(length);
  // dS grows with the square: long sequences come in finer steps.
  return RoundUp(length, std::max(kSequenceStep, octave >= 8192 ? octave / 8 : octave / 4));
}

bool CutAttention(const CallShape& call, const Documents& documents, size_t workspace, const CudnnBytes& cudnn_bytes,
                  std::vector<Piece>* pieces, std::string* why_not) {
  pieces->clear();
  return Cutter(call, documents, workspace, cudnn_bytes, pieces, why_not).Cut();
}

size_t AttentionWorkspaceBytes(const AttentionSizes& sizes) {
  const size_t tiles = TileAttentionBackwardBytes(sizes.tokens, sizes.heads);
  if (sizes.type != DType::kBF16) return tiles;
  const int64_t longest = sizes.longest > 0 ? std::min(sizes.longest, sizes.tokens) : sizes.tokens;
  PieceShape one;
  one.pass = AttentionPass::kBackward;
  one.packed = true;
  one.documents = 1;
  one.sequence = SequenceBucket(longest);
  one.kv_heads = 1;
  one.group = sizes.heads / sizes.kv_heads;
  one.head_dim = sizes.head_dim;
  one.value_dim = sizes.value_dim;
  // Of a call on qkv; more distances take a few bytes of the margin.
  const HeadRows qkv{(sizes.heads + 2 * sizes.kv_heads) * sizes.head_dim, sizes.head_dim};
  const HeadRows out{sizes.heads * sizes.value_dim, sizes.value_dim};
  one.rows = {.q = qkv, .k = qkv, .v = qkv, .out = out, .dout = out, .dq = qkv, .dk = qkv, .dv = qkv};
  PieceShape all = one;
  all.documents = CeilDiv(sizes.tokens, longest);
  all.kv_heads = sizes.kv_heads;
  const auto with_margin = [](int64_t bytes) { return CheckedAdd(bytes, bytes / 10); };
  const int64_t cudnn = std::max(with_margin(EstimatedBytes(one)), std::min(with_margin(EstimatedBytes(all)), kAllAtOnce));
  return std::max(static_cast<size_t>(cudnn), tiles);
}

}  // namespace hlm::cuda
