// What a reference model says of each document: its sum of log-probabilities, computed once, before training, and kept beside the
// tokens under the content of the weights, so that the next run with the same weights and data reads it.
#ifndef HORIZON_LM_SAMPLES_HORIZON_TASKS_REFERENCE_H_
#define HORIZON_LM_SAMPLES_HORIZON_TASKS_REFERENCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "samples/horizon/base/json.h"
#include "samples/horizon/data/examples.h"
#include "samples/horizon/run/group.h"
#include "samples/horizon/run/progress.h"

namespace horizon {

// 32 hexadecimal digits that follow from every weight of the trainer as it is now (the fp32 master) and from the tensors' names.
std::string HashWeights(Trainer& trainer, const Json& model);

// What kept reference values were computed with.
std::string ReferenceKey(const Options& options, const std::string& weights);

// A sum for each document, of its trained tokens, under `weights`, or the trainer's as they are where it is null.
std::vector<double> SumLogProbs(Trainer& trainer, const hlm::Weights* weights, const hlm_batch& batch);

class Reference {
 public:
  // Reads what is kept for these weights, and computes the rest: each document of the set once, in the steps of the first epoch,
  // so that the first step's are the same bits as those that training will see. Says through `progress` which it was. Ranks take the
  // steps by turns.
  void Prepare(Trainer& trainer, Examples& set, const TextTools& tools, const std::string& key, int64_t rows, const Group& group,
               Progress& progress);

  // Of a step's documents.
  std::vector<double> SumsOf(const hlm_dataset_batch& batch) const;

 private:
  std::vector<double> sums_;  // by a document's number; NaN: not known
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_TASKS_REFERENCE_H_
