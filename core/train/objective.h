// Objective: a loss that is a function of the log-probabilities (and entropies) of whole documents, not a weighted sum that is known
// beforehand. The trainer hands over what the head's first pass has made; the objective answers with the derivatives.
#ifndef HORIZON_LM_CORE_TRAIN_OBJECTIVE_H_
#define HORIZON_LM_CORE_TRAIN_OBJECTIVE_H_

#include <cstdint>
#include <functional>
#include <span>

namespace hlm {

// A run of documents. Arrays are by token: place 0 is the first token of the first document.
struct DocumentLosses {
  int64_t first_document = 0, documents = 0;
  int64_t first_token = 0;                // in the batch
  std::span<const float> logprobs = {};   // of each token's label given the tokens before it; 0 where nothing is predicted
  std::span<const float> entropies = {};  // of the predictions; empty where the objective does not want them
  std::span<double> d_logprobs = {};      // out: dloss / dlogprob; zero at first, and without effect where nothing is predicted
  std::span<double> d_entropies = {};     // out: dloss / dentropy; empty with entropies
};

struct Objective {
  int64_t group = 1;  // documents [k group, (k + 1) group) are handed over together; the last group may be smaller
  bool entropy = false;
  double share = 1;  // of the step, for terms of the loss that are means over a batch
  // Called once or several times, in order, for all documents of a batch; adds their share to `loss`: document by document, so that the
  // sum has the same bits however many calls there are. What it throws ends the call, and what was accumulated is dropped.
  std::function<void(const DocumentLosses&, double& loss)> loss;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_OBJECTIVE_H_
