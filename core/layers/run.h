// BlockRun: one (block, micro-batch) on its way forward or backward: the operations, and where everything lies.
#ifndef HORIZON_LM_CORE_LAYERS_RUN_H_
#define HORIZON_LM_CORE_LAYERS_RUN_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "core/base/dtype.h"
#include "core/device/ops.h"
#include "core/layers/declaration.h"
#include "core/layers/micro.h"

namespace hlm {

// A block's slab where it lies for the moment: at one address, or piece by piece at several.
class SlabView {
 public:
  SlabView() = default;
  SlabView(const std::byte* slab) : slab_(slab) {}  // NOLINT(google-explicit-constructor): a whole slab is its address
  // Elements [begin, ...) up to the next piece lie at `data`; pieces are added in their order.
  void Add(int64_t begin, const std::byte* data) { pieces_.push_back({begin, data}); }

  // `offset` in elements of `element_bytes` from the start of the slab.
  const std::byte* At(int64_t offset, size_t element_bytes) const {
    int64_t begin = 0;
    const std::byte* data = slab_;
    for (const Piece& piece : pieces_) {
      if (piece.begin > offset) break;
      begin = piece.begin;
      data = piece.data;
    }
    return data + (offset - begin) * static_cast<int64_t>(element_bytes);
  }

 private:
  struct Piece {
    int64_t begin;
    const std::byte* data;
  };
  const std::byte* slab_ = nullptr;
  std::vector<Piece> pieces_;
};

// What the router of a mixture does beside its choice.
struct RouterRun {
  // Records of how the choice fell (RouteLoad: counts, probabilities, a sum of squares), one behind the other; forward, once.
  float* load = nullptr;       // null: it is not asked for
  float* balanced = nullptr;   // by the experts with the largest logits, where those are not the router's choice; or null
  bool add = false;            // to both: what earlier micro-batches left there
  float* documents = nullptr;  // as `balanced`, a record for each document of the micro-batch; or null
  bool add_documents = false;  // what earlier layers left there
  // Terms of the loss, backward.
  const float* balance = nullptr;  // [experts] what a probability costs; with balance_stride of each document
  int64_t balance_stride = 0;      // 0: the same for all
  float z_scale = 0;
};

// How much of a block is computed. One with a mixture of experts may be computed in stages, so that its experts need be there in groups
// only: all before the experts, each group of them, all behind them. A stage goes through all micro-batches of a sweep.
enum class Stage { kWhole, kBefore, kGroup, kAfter };
struct StageOf {
  Stage kind = Stage::kWhole;
  int64_t first_expert = 0, experts = 0;  // kGroup
};

// Sums of gradients in fp32, where each piece of a slab has its own for the moment. Elements [begin, ...) up to the next piece lie at
// `data`; pieces are added in their order.
class AccumulatorView {
 public:
  AccumulatorView() = default;
  AccumulatorView(float* slab) {  // NOLINT(google-explicit-constructor): a whole slab is its address
    if (slab != nullptr) Add(0, slab);
  }
  void Add(int64_t begin, float* data) { pieces_.push_back({begin, data}); }
  bool empty() const { return pieces_.empty(); }
  float* At(int64_t offset) const {
    const Piece* found = nullptr;
    for (const Piece& piece : pieces_) {
      if (piece.begin > offset) break;
      found = &piece;
    }
    return found == nullptr ? nullptr : found->data + (offset - found->begin);
  }

 private:
  struct Piece {
    int64_t begin;
    float* data;
  };
  std::vector<Piece> pieces_;
};

struct BlockRun {
  Ops& ops;
  Stream& stream;
  const MicroView& micro;
  DType type;
  const float* const* rotary = nullptr;        // a table for each of the model's rotary embeddings
  const float* slopes = nullptr;               // [heads] of ALiBi
  const float* const* temperatures = nullptr;  // [positions] for each of the model's
  int64_t layer = 0;                           // of a block
  int64_t head_chunk = 0;                      // rows that the head makes logits of at a time
  bool train_pad_row = false;                  // the padding token's row has a gradient from the lookup
  RouterRun router = {};
  // What goes from one unit to later ones beside the block inputs: a row of [tokens, elements] for each of the model's sides, and its
  // gradient.
  std::vector<void*> sides = {}, side_gradients = {};
  SlabView weights = {};             // the unit's slab, in slots
  AccumulatorView accumulator = {};  // the same in fp32: sums of gradients; backward only
  SlabView shared = {};              // the slab that the block shares with others, and its sums, which all of them add to
  AccumulatorView shared_accumulator = {};
  StageOf stage = {};
  bool accumulate = false;   // false: the first micro-batch of a sweep overwrites
  std::vector<void*> saved;  // by number of the declaration
  std::vector<char> made;    // which of them are there already
  std::vector<void*> temporaries;
  std::span<const SlabRange> frozen = {}, shared_frozen = {};  // of both slabs, in order: whose gradients nobody reads

  // Null where the layer has no such weight (a negative offset).
  const void* Weight(int64_t offset) const {
    if (offset >= kSharedSlab) return shared.At(offset - kSharedSlab, SizeOf(type));
    return offset < 0 ? nullptr : weights.At(offset, SizeOf(type));
  }
  float* Gradient(int64_t offset) const {
    if (offset >= kSharedSlab) return shared_accumulator.At(offset - kSharedSlab);
    return offset < 0 ? nullptr : accumulator.At(offset);
  }
  // Whether any of `n` weights from there on trains: products whose result would be of none are left out.
  bool Trains(int64_t offset, int64_t n) const {
    if (offset < 0) return false;
    const int64_t begin = offset >= kSharedSlab ? offset - kSharedSlab : offset;
    for (const SlabRange& range : offset >= kSharedSlab ? shared_frozen : frozen) {
      if (range.begin <= begin && begin + n <= range.end) return false;
    }
    return true;
  }
  template <class T = void>
  T* Saved(int64_t number) const {
    return number < 0 ? nullptr : static_cast<T*>(saved[static_cast<size_t>(number)]);
  }
  template <class T = void>
  T* Temp(int64_t number) const {
    return number < 0 ? nullptr : static_cast<T*>(temporaries[static_cast<size_t>(number)]);
  }
  // Whether any of these has still to be made. What a policy kept is there when Forward comes by again to make the rest: so
  // recomputation is the same code with the same shapes and inputs, and cannot differ.
  bool Missing(std::initializer_list<int64_t> numbers) const {
    for (const int64_t number : numbers) {
      if (number >= 0 && made[static_cast<size_t>(number)] == 0) return true;
    }
    return false;
  }
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_RUN_H_
