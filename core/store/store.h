// ParameterStore: the authoritative home of parameters, optimizer states and gradients, in host memory.
//
// One buffer a kind (weights, remainders, moments, gradients), all units one behind the other in the layout's order. The weights
// that are streamed lie in the device's host memory (pinned on a GPU); nothing else needs to be. The only way to them is a lease.
//
//   weights      [unit 0 | unit 1 | ...]   bf16 or fp32         remainders  the same order, 16 bits each
//   moments      the same order, by type   scales: one a block  gradients   the same order, by type
//
// Where tensors are frozen (core/plan/trained.h), or states sharded over processes (core/plan/owned.h), remainders, moments and gradients
// are those of the ranges alone that train and are owned, one behind the other; partials of what trains; weights and norms of all elements.
//
//   partials     fp32, a level of the tree of reduction groups behind the other
//   norms        one double for each chunk of kGradientChunk elements of each unit
#ifndef HORIZON_LM_CORE_STORE_STORE_H_
#define HORIZON_LM_CORE_STORE_STORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/dtype.h"
#include "core/device/device.h"
#include "core/model/model.h"
#include "core/plan/plan.h"
#include "core/store/kept_ranges.h"
#include "core/store/lease.h"
#include "cpu_optim/host_pool.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

class ParameterStore {
 public:
  // `rank`: of this process, where states are sharded.
  ParameterStore(const ModelLayout& layout, const Plan& plan, Device& device, int64_t rank = 0);

  // Takes the pages of moments and gradients now, on the pool's threads: a lack of memory shows here, and the first step is not slower
  // than the others.
  void TouchPages(HostPool& pool);

  // Pulls every tensor from the model's source into its place, on the pool's threads.
  void Load(const Model& model, HostPool& pool);

  // The bytes of a piece; see lease.h.
  WeightLease Weights(int64_t piece) const;
  StateLease States(int64_t piece, LeaseKind kind) const { return {*this, piece, kind}; }
  GradientLease Gradients(int64_t piece, LeaseKind kind) const { return {*this, piece, kind}; }

  int64_t version(int64_t piece) const { return versions_[static_cast<size_t>(piece)]; }
  const PieceList& pieces() const { return pieces_; }

  // Where a unit's slab begins in the order of all elements: the counter of stochastic rounding.
  int64_t FirstElement(int64_t unit) const { return starts_[unit]; }
  int64_t Elements(int64_t unit) const { return starts_[unit + 1] - starts_[unit]; }
  int64_t units() const { return static_cast<int64_t>(norm_starts_.size()); }
  DType weight_type() const { return types_.weight; }
  DType gradient_type() const { return types_.gradient; }
  StateType state_type() const { return types_.state; }

  // Bytes that were allocated, by kind: equal to the plan's.
  const HostMemory& memory() const { return memory_; }

 private:
  friend class StateLease;
  friend class GradientLease;

  void KeepOwned(const Plan& plan, int64_t rank);

  // By element in the order of all elements. Null where the plan has none of that kind.
  MasterArray Master(int64_t element) const;
  std::byte* WeightBytes(int64_t element) const;
  MomentArray FirstMoments(int64_t element) const;
  MomentArray SecondMoments(int64_t element) const;
  std::byte* GradientBytes(int64_t element) const;
  double* NormOf(int64_t unit, int64_t begin) const;
  float* PartialOf(int64_t level, int64_t element) const;
  MomentArray Moments(const Buffer& values, float* scales, int64_t of) const;

  struct Types {
    DType weight, gradient;
    StateType state;
  };
  struct Books {
    std::unique_ptr<LeaseBook> states, gradients;
  };
  struct Arrays {
    Buffer weights, remainders, first_moments, second_moments, scales, gradients, norms, partials;
  };

  Types types_;
  std::vector<int64_t> starts_;       // [units + 1] elements
  std::vector<int64_t> norm_starts_;  // [units] chunks
  KeptRanges owned_, trained_;        // whose states, and partial sums, there are
  int64_t kept_, partial_;            // elements of each that there is room for
  PieceList pieces_;
  mutable std::vector<int64_t> versions_;  // [pieces]; changed under a lease
  Books books_;
  Arrays arrays_;
  HostMemory memory_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_STORE_STORE_H_
