// ParameterStore: the authoritative home of parameters, optimizer states and gradients, in host memory.
//
// One buffer a kind (weights, remainders, moments, gradients), all units one behind the other in the layout's order. The weights
// that are streamed lie in the device's host memory (pinned on a GPU); nothing else needs to be.
#ifndef HORIZON_LM_CORE_STORE_STORE_H_
#define HORIZON_LM_CORE_STORE_STORE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/dtype.h"
#include "core/device/device.h"
#include "core/model/model.h"
#include "core/plan/plan.h"
#include "cpu_optim/host_pool.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

// The weights of one piece as they are to be sent up: valid until the piece's next update begins.
struct WeightLease {
  int64_t version = 0;  // rises with each update of the piece
  const std::byte* data = nullptr;
  size_t bytes = 0;
};

class ParameterStore {
 public:
  ParameterStore(const ModelLayout& layout, const Plan& plan, Device& device);

  // Takes the pages of moments and gradients now, on the pool's threads: a lack of memory shows here, and the first step is not slower
  // than the others.
  void TouchPages(HostPool& pool);

  // Pulls every tensor from the model's source into its place, on the pool's threads.
  void Load(const Model& model, HostPool& pool);

  WeightLease Lease(int64_t piece) const;
  void BumpVersion(int64_t piece) { ++versions_[piece]; }
  int64_t version(int64_t piece) const { return versions_[piece]; }
  const PieceList& pieces() const { return pieces_; }

  // Element `begin` of a unit's slab, in each kind of memory. Null where the plan has none of that kind.
  MasterArray Master(int64_t unit, int64_t begin) const;
  std::byte* Weights(int64_t unit, int64_t begin) const;
  MomentArray FirstMoments(int64_t unit, int64_t begin) const;   // begin: a multiple of kStateBlock for 8-bit moments
  MomentArray SecondMoments(int64_t unit, int64_t begin) const;
  std::byte* Gradients(int64_t unit, int64_t begin) const;
  double* Norms(int64_t unit, int64_t begin) const;  // the chunk sum of element `begin`, a multiple of kNormChunk

  // n elements of the fp32 master from element `begin` of a unit's slab on.
  void ReadMaster(int64_t unit, int64_t begin, int64_t n, float* out) const;
  void WriteMaster(int64_t unit, int64_t begin, int64_t n, const float* values);

  // Where a unit's slab begins in the order of all elements: the counter of stochastic rounding.
  int64_t FirstElement(int64_t unit) const { return starts_[unit]; }
  int64_t Elements(int64_t unit) const { return starts_[unit + 1] - starts_[unit]; }
  int64_t units() const { return static_cast<int64_t>(norm_starts_.size()); }
  DType weight_type() const { return weight_type_; }
  DType gradient_type() const { return gradient_type_; }
  StateType state_type() const { return state_type_; }

  // Bytes that were allocated, by kind: equal to the plan's.
  const HostMemory& memory() const { return memory_; }

 private:
  DType weight_type_, gradient_type_;
  StateType state_type_;
  std::vector<int64_t> starts_;        // [units + 1] elements
  std::vector<int64_t> norm_starts_;   // [units] chunks
  PieceList pieces_;
  std::vector<int64_t> versions_;      // [pieces]
  Buffer weights_, remainders_, first_moments_, second_moments_, scales_, gradients_, norms_;
  MomentArray Moments(const Buffer& values, float* scales, int64_t element) const;
  HostMemory memory_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_STORE_STORE_H_
