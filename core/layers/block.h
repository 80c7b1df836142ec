// Block: a list of branches, last(x + scale * after(sum of bodies(before(x)))), written once against Ops; the block's input may take the
// place of the x that is added to, and the output may be multiplied by a number that is not trained. Code and shapes, no weights:
// they are read in place from whatever slot holds the block's slab.
#ifndef HORIZON_LM_CORE_LAYERS_BLOCK_H_
#define HORIZON_LM_CORE_LAYERS_BLOCK_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "core/layers/body.h"
#include "core/layers/declaration.h"
#include "core/layers/norm.h"
#include "core/layers/run.h"
#include "core/model/spec.h"

namespace hlm {

class Block {
 public:
  // `model`: for its width and its rotary embeddings.
  Block(const BlockSpec& spec, const ModelSpec& model, Seams seams = Seams::kDeclared);

  const Declaration& declaration() const { return declaration_; }

  // The mixture of a block that may be computed in stages (run.h); null: it is computed as a whole. Its experts are in the last branch.
  const ExpertsBody* experts() const { return experts_; }

  // Makes what is missing of the saved tensors and, where output is not null, the block's output. Recomputation is this with what the
  // policy kept marked as made and no output. In stages: before the experts without an output, then each group, then the rest.
  void Forward(const BlockRun& run, const void* input, void* output) const;

  // gradient [tokens, hidden]: of the output on entry, of the input on return. Every saved tensor is there. In stages: Forward and
  // Backward of one stage, then of the next; the gradient is the input's behind the last.
  void Backward(const BlockRun& run, const void* input, void* gradient) const;

 private:
  struct Item {
    std::unique_ptr<Body> body;
    NormPart before;        // of this body alone
    int64_t normed = -1;    // saved
    int64_t gradient = -1;  // d normed, for a moment
    NormPart after;         // of this body alone
    int64_t unnormed = -1;  // saved: what that norm reads
    double in_scale = 1, out_scale = 1;
    int64_t scaled = -1;                // saved: what the body reads, where that is not the norm's output itself
    int64_t output = -1, doutput = -1;  // for a moment, where the body's output has a norm or a scale
    int64_t first_saved = 0, end_saved = 0;
    bool plain() const { return !after.on() && out_scale == 1; }
  };
  struct Branch {
    NormPart before, after, last;
    bool normed_residual = false, whole_residual = false;
    std::vector<Item> items;
    double scale = 1;
    int64_t normed = -1, sum = -1, output = -1;                  // saved: before(x), the bodies' sum, x behind the branch
    int64_t unnormed = -1;                                       // saved: what the last norm reads
    int64_t partial = -1, scaled = -1, dsum = -1, dnormed = -1;  // for a moment
    bool plain() const { return !after.on() && scale == 1; }
  };
  void Declare(const BranchSpec& spec, const ModelSpec& model, int64_t number, bool last);
  void FindStages();
  bool HasExperts(const Item& item) const { return experts_ != nullptr && item.body->AsExperts() == experts_; }
  // What the experts read.
  const void* ExpertsInput(const BlockRun& run, const void* input) const;
  // The gradient of what they make, from the block's. A norm or a product behind them needs the core's weights: then it is made before
  // their stages and waits.
  const void* ExpertsGradient(const BlockRun& run, const void* gradient) const;
  void MakeExpertsGradient(const BlockRun& run, const void* gradient) const;
  // The gradient of the bodies' sum from that of what the branch adds, and of a body's own output from that of the sum. In no stage but
  // the last, where weights' gradients are added up.
  const void* SumGradient(const BlockRun& run, const Branch& branch, const void* gradient) const;
  const void* BodyGradient(const BlockRun& run, const Item& item, const void* dsum) const;
  void NormGradient(const BlockRun& run, const NormPart& norm, const void* x, const void* dy, void* dx) const;
  // input: of the block.
  void Forward(const BlockRun& run, const Branch& branch, const void* input, const void* x, void* y) const;
  void MakeSum(const BlockRun& run, const Branch& branch, const void* input, const void* x, void* y) const;
  void Backward(const BlockRun& run, const Branch& branch, const void* x, void* gradient) const;
  const void* Normed(const BlockRun& run, const Branch& branch, const Item& item, const void* x) const;
  // What the body reads.
  void Prepare(const BlockRun& run, const Branch& branch, const Item& item, const void* x) const;
  const void* Input(const BlockRun& run, const Branch& branch, const Item& item, const void* x) const;
  void Forward(const BlockRun& run, const Branch& branch, const Item& item, const void* x, const void* addend, void* y) const;

  int64_t hidden_;
  Declaration declaration_;
  int64_t number_ = -1;  // weight: the output's factor
  int64_t dinput_ = -1;  // for a moment: what goes past branches to the block's input
  std::vector<Branch> branches_;
  const ExpertsBody* experts_ = nullptr;
  size_t experts_item_ = 0;  // of the last branch
  int64_t dexperts_ = -1;    // from stage to stage, where the experts' gradient waits
  int64_t unused_ = -1;      // for a moment: gradients that are another stage's
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_BLOCK_H_
