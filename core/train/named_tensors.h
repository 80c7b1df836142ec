// NamedTensors: the tensors of a model in training by the names that they have on disk: where each lies, and its elements as floats,
// whichever pieces and ranks keep them.
#ifndef HORIZON_LM_CORE_TRAIN_NAMED_TENSORS_H_
#define HORIZON_LM_CORE_TRAIN_NAMED_TENSORS_H_

#include <cstdint>
#include <string>
#include <unordered_map>

#include "core/model/model.h"
#include "core/plan/plan.h"
#include "core/store/elements.h"
#include "core/store/store.h"
#include "core/train/all_ranks.h"

namespace hlm {

struct TensorPlace {
  int64_t unit = -1;
  const TensorSpec* tensor = nullptr;
};

class NamedTensors {
 public:
  static constexpr int64_t kTogether = 1 << 22;  // elements that ranks exchange at a time

  NamedTensors(const Model& model, const Plan& plan, ParameterStore& store, const AllRanks& all_ranks);

  const TensorPlace& Find(const std::string& name) const;  // NOT_FOUND where there is none
  // FAILED_PRECONDITION where the plan keeps no elements of a kind, or gradients were not `accumulated`.
  void CheckKept(const TensorPlace& place, TensorKind kind, bool accumulated) const;
  // Whether each rank keeps a share of the elements of a kind. Then all must read the same at the same time.
  bool IsShared(TensorKind kind) const;

  // Elements [begin, begin + n) of a tensor in the slab's order, wherever its slices lie.
  void Read(const TensorPlace& place, TensorKind kind, int64_t begin, int64_t n, float* out) const;
  void Write(const TensorPlace& place, TensorKind kind, int64_t begin, int64_t n, const float* values);
  // Weights as a saved model has them.
  void ReadToSave(const TensorPlace& place, int64_t begin, int64_t n, float* out) const;

 private:
  void ReadPiece(int64_t piece, TensorKind kind, int64_t begin, int64_t n, float* out) const;
  void ReadTogether(int64_t piece, TensorKind kind, int64_t begin, int64_t n, float* out) const;
  void WritePiece(int64_t piece, TensorKind kind, int64_t begin, int64_t n, const float* values);

  const Model& model_;
  const Plan& plan_;
  ParameterStore& store_;
  const AllRanks& all_ranks_;
  std::unordered_map<std::string, TensorPlace> places_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_NAMED_TENSORS_H_
