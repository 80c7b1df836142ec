// Declaration: what a layer says of itself before anything runs: the weights that it reads in place, the tensors that its backward
// pass reads, and what it needs for a moment. Slabs, stashes and scratch space are laid out from it; nothing else knows what a layer
// consists of.
#ifndef HORIZON_LM_CORE_LAYERS_DECLARATION_H_
#define HORIZON_LM_CORE_LAYERS_DECLARATION_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/dtype.h"

namespace hlm {

// Groups of tensors start at multiples of this many elements; a slab's size is a multiple of it. Padding is always zero.
// 256: a block of 8-bit moments (cpu_optim) never crosses a border between tensors that decay and tensors that do not.
inline constexpr int64_t kSlabAlign = 256;

// A piece of a slab (core/plan/pieces.h) begins at a multiple of this many elements: sums of squares are taken by chunks of a gradient,
// and no border may cut one.
inline constexpr int64_t kPieceAlign = 4096;

// Elements [begin, end) of a slab.
struct SlabRange {
  int64_t begin = 0, end = 0;
};

// A place where a slab may be cut into pieces, or always is.
struct Seam {
  int64_t at = 0;  // elements; a multiple of kPieceAlign
  bool always = false;
};
// Seams where bodies declare them, or before each group of weights: only tests ask for that.
enum class Seams { kDeclared, kEverywhere };

enum class TensorInit { kNormal, kOne, kZero, kNumber };

struct WeightMember {
  std::string role;            // "attention.q": a family knows what it is called on disk
  std::vector<int64_t> shape;  // row-major
  TensorInit init = TensorInit::kNormal;
  int64_t offset = 0;  // elements from the start of the slab
  int64_t elements = 0;
  bool trains = true;  // false: what the model only reads; its gradient is zero
  double number = 0;   // of kNumber
};

// Neighbours without padding, which an operation reads as one: "attention.qkv".
struct WeightGroup {
  std::string role;
  std::vector<WeightMember> members;
  int64_t offset = 0;
  int64_t number = -1;  // which of several alike: an expert's
};

// What it costs to make a tensor again from those before it: next to nothing to keep, a pass over memory, a product.
enum class Remake { kCheap, kPass, kProduct };

// kNarrow: the compute type where that is narrower than f32, else nothing.
enum class TokenType { kCompute, kF32, kNarrow };

// The weights of a slab. Roles say which; offsets count from its start.
struct SlabDeclaration {
  std::vector<WeightGroup> groups;
  std::vector<Seam> seams;
  int64_t end = 0;
  int64_t elements() const { return (end + kSlabAlign - 1) / kSlabAlign * kSlabAlign; }  // padding included
};

// Weights that several blocks share lie in a slab of their own, at offsets from here on.
inline constexpr int64_t kSharedSlab = int64_t{1} << 60;

struct TokenBytes {
  int64_t elements = 0;  // a token
  TokenType type = TokenType::kCompute;
  int64_t Of(DType compute) const {
    if (type == TokenType::kNarrow && compute == DType::kF32) return 0;
    return elements * (type == TokenType::kF32 ? 4 : static_cast<int64_t>(SizeOf(compute)));
  }
};

// Where a block is computed in stages (run.h): from which of them to which a tensor must stay.
enum class Stay {
  kStages,    // from stage to stage
  kStage,     // made and read in one
  kBackward,  // from the last stage forward to the backward pass, whatever the policy: no stage there could make it again
};

struct SavedTensor {
  std::string name;
  TokenBytes bytes;
  Remake remake = Remake::kProduct;
  Stay stay = Stay::kStages;
};

struct Temporary {
  std::string name;
  TokenBytes bytes;
  bool forward = false;      // needed by the forward pass too
  int64_t branch = -1;       // those of different branches share their memory; -1: of the whole block
  int64_t fixed_bytes = 0;   // whatever the number of tokens
  Stay stay = Stay::kStage;  // kStages: it is there only where the block is computed in stages
  bool by_chunk = false;     // of the rows of a chunk, not of all tokens
};

// A width that a device may take in multiples of some number only, or of a head, which it may take up to a limit; by the name that
// people know it by.
struct DeviceWidth {
  std::string name;
  int64_t width = 0;
  bool of_head = false;
};

class Declaration {
 public:
  explicit Declaration(Seams seams = Seams::kDeclared) : everywhere_(seams == Seams::kEverywhere) {}

  // The next weights may be of another piece than those before them: experts, which move in groups. `always`: they are.
  void Cut(bool always = false);
  // Weights from here to EndShared belong to the slab that the block shares with others.
  void BeginShared() { sharing_ = true; }
  void EndShared() { sharing_ = false; }
  // The same as Weight, but of the block's own slab wherever it stands.
  int64_t OwnWeight(const std::string& role, std::vector<int64_t> shape, TensorInit init);
  // Offset of the group in elements from the start of the slab. Roles are given without the body's name, which is put before them.
  int64_t Weights(const std::string& role, std::vector<WeightMember> members);
  int64_t Weight(const std::string& role, std::vector<int64_t> shape, TensorInit init) {
    return Weights(role, {{role, shape, init, 0, 0}});
  }
  // One number that is read and not trained.
  int64_t Number(const std::string& role, double number) {
    return Weights(role, {{role, {1}, TensorInit::kNumber, 0, 0, false, number}});
  }
  // A number by which the tensor is found in a BlockRun.
  int64_t Saved(const std::string& name, int64_t elements, Remake remake, TokenType type = TokenType::kCompute);
  int64_t Temp(const std::string& name, int64_t elements, bool forward = false, TokenType type = TokenType::kCompute);

  // Of the rows that the head makes logits of at a time.
  int64_t ChunkTemp(const std::string& name, int64_t elements, bool forward, TokenType type);
  // Goes from stage to stage; of no use where a block is computed as a whole.
  int64_t BetweenStages(const std::string& name, int64_t elements, TokenType type = TokenType::kCompute);
  int64_t saved_count() const { return static_cast<int64_t>(saved_.size()); }
  // The saved tensors [first, end) are made and read in one stage.
  void StayInStage(int64_t first, int64_t end);
  // The saved tensor is made behind all experts, and the backward pass reads it before it comes to them.
  void StayForBackward(int64_t tensor) { saved_[static_cast<size_t>(tensor)].stay = Stay::kBackward; }

  // Needed by the forward pass too, of one size for any number of tokens.
  int64_t FixedTemp(const std::string& name, int64_t bytes);

  void Width(const std::string& name, int64_t width) { widths_.push_back({name, width, false}); }
  void HeadWidth(const std::string& name, int64_t width) { widths_.push_back({name, width, true}); }

  // The next weights are those of expert `number`; -1: of none.
  void BeginNumber(int64_t number) { number_ = number; }
  void BeginBody(const std::string& name) { body_ = name + "."; }
  void BeginBranch(int64_t branch) { branch_ = branch; }

  const SlabDeclaration& own() const { return own_; }
  const SlabDeclaration& shared() const { return shared_; }
  const std::vector<WeightGroup>& groups() const { return own_.groups; }
  const std::vector<SavedTensor>& saved() const { return saved_; }
  const std::vector<Temporary>& temporaries() const { return temporaries_; }
  const std::vector<DeviceWidth>& widths() const { return widths_; }

 private:
  SlabDeclaration& Into() { return sharing_ ? shared_ : own_; }

  bool everywhere_;
  std::string body_;
  int64_t branch_ = -1, number_ = -1;
  bool sharing_ = false;
  SlabDeclaration own_, shared_;
  std::vector<SavedTensor> saved_;
  std::vector<Temporary> temporaries_;
  std::vector<DeviceWidth> widths_;
};

// Byte offsets of some of a declaration's tensors in a range of memory, -1 for those that are not there, and its size.
struct TensorPlaces {
  std::vector<int64_t> offsets;
  int64_t total = 0;
};

// The tensors that are wanted, for `tokens` tokens.
TensorPlaces PlaceSaved(const Declaration& declaration, DType compute, int64_t tokens,
                        const std::function<bool(const SavedTensor&)>& wanted);
// `chunk`: rows that the head makes logits of at a time.
TensorPlaces PlaceTemporaries(const Declaration& declaration, DType compute, int64_t tokens, int64_t chunk, bool forward_only);

// What goes from stage to stage of a sweep's `tokens` tokens: saved tensors that are not kept anyway, and temporaries.
struct StagePlaces {
  std::vector<int64_t> saved, temporaries;  // as TensorPlaces::offsets
  int64_t total = 0;
};
StagePlaces PlaceBetweenStages(const Declaration& declaration, DType compute, int64_t tokens,
                               const std::function<bool(Remake)>& kept);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_DECLARATION_H_
