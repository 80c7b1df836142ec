// Products of sorted rows with matrices of experts, which lie equally far apart in the slab: forward and backward.
#ifndef HORIZON_LM_CORE_LAYERS_GROUPED_LINEAR_H_
#define HORIZON_LM_CORE_LAYERS_GROUPED_LINEAR_H_

#include <cstdint>

#include "core/layers/run.h"

namespace hlm {

struct GroupedLinearPart {
  int64_t in = 0, out = 0;
  int64_t weight = -1, bias = -1;  // offsets of the first expert's in the slab
  int64_t stride = 0;              // from expert to expert

  // Of `rows` sorted rows those of the range's experts.
  void Forward(const BlockRun& run, int64_t rows, const ExpertRange& range, const void* x, void* y) const;
  // The weights' gradients, then the input's; dx may be x.
  void Backward(const BlockRun& run, int64_t rows, const ExpertRange& range, const void* dy, const void* x, void* dx) const;

  // work(range) for runs of the range's experts whose weights lie equally far apart where they are for the moment: all of them, or as
  // many as a piece of the slab holds.
  template <class Work>
  void EachRun(const BlockRun& run, const ExpertRange& range, const Work& work) const {
    for (ExpertRange next = range; next.first < range.first + range.count; next.first += next.count) {
      next.count = RunLength(run, next.first, range.first + range.count);
      work(next);
    }
  }
  // Null where it has none.
  const void* Bias(const BlockRun& run, int64_t expert) const { return Of(run, bias, expert); }

 private:
  const void* Of(const BlockRun& run, int64_t offset, int64_t expert) const {
    return offset < 0 ? nullptr : run.Weight(offset + expert * stride);
  }
  int64_t RunLength(const BlockRun& run, int64_t first, int64_t end) const;
  bool Trains(const BlockRun& run, const ExpertRange& range) const;  // any of the range's experts
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_GROUPED_LINEAR_H_
