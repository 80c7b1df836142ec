// TrainedSet: which tensors of a model train, and the runs of each unit's slab that therefore have gradients, states and updates.
//
//   slab    | q, k, v   | o       | norm | gate, up        | down    | norm |      frozen: o, gate and up
//   runs    [ ............. )   [ ....... )              [ ................. )     whole chunks of kGradientChunk elements
//   held                [ . )   [ . )   [ )              [ )                       what is frozen in them
//
// A slab keeps its order: what one product reads stays together, weights go up as ever, and a set that trains everything changes no
// byte. Runs are widened to whole chunks, whose squares are summed as one; what is frozen within them has a gradient of zero and does
// not decay, so that no update changes it.
#ifndef HORIZON_LM_CORE_PLAN_TRAINED_H_
#define HORIZON_LM_CORE_PLAN_TRAINED_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/model/layout.h"

namespace hlm {

class TrainedSet {
 public:
  TrainedSet() = default;  // everything trains
  // Patterns of names on disk (core/base/glob.h). `train_only`: nothing else trains; empty: all do. `freeze`: of those, these do not.
  // INVALID_ARGUMENT for a pattern that stands for no tensor, and where nothing is left to train; UNIMPLEMENTED where what is frozen
  // shares a block of 8-bit moments with what decays.
  TrainedSet(const ModelLayout& layout, const std::string& freeze, const std::string& train_only);

  bool all() const { return units_.empty(); }
  bool Trains(int64_t unit, int64_t element) const;
  bool Trains(int64_t unit, const TensorSpec& tensor) const { return Trains(unit, tensor.offset); }
  bool Decays(int64_t unit, const TensorSpec& tensor) const { return tensor.Decays() && Trains(unit, tensor); }

  // Of a unit's slab, in order.
  std::vector<SlabRange> Runs(int64_t unit, int64_t elements) const;
  std::span<const SlabRange> Frozen(int64_t unit) const;
  std::span<const SlabRange> Held(int64_t unit) const;

  int64_t parameters() const { return parameters_; }  // that are frozen
  // Says which set it is: "9 of 12 tensors, 0123456789abcdef"; empty where everything trains. Part of the numerics.
  const std::string& identity() const { return identity_; }

 private:
  struct Unit {
    std::vector<SlabRange> runs, frozen, held;
  };
  std::vector<Unit> units_;
  int64_t parameters_ = 0;
  std::string identity_;
};

// The first layer whose backward pass a gradient needs: everything before it is frozen. -1: the embedding trains; the number of layers
// where only the head does.
int64_t FirstBackward(const ModelLayout& layout, const TrainedSet& trained);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_TRAINED_H_
