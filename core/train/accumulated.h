// Accumulated: what the passes since the last update have come to. A step's update makes it the step's metrics.
#ifndef HORIZON_LM_CORE_TRAIN_ACCUMULATED_H_
#define HORIZON_LM_CORE_TRAIN_ACCUMULATED_H_

#include <cstdint>

#include "core/data/batch.h"
#include "core/plan/plan.h"
#include "core/train/executor.h"
#include "core/train/router_terms.h"
#include "core/train/trainer.h"

namespace hlm {

class Accumulated {
 public:
  explicit Accumulated(bool token_metrics) : token_metrics_(token_metrics) {}

  bool any() const { return any_; }
  double loss() const { return loss_; }
  int64_t sums() const { return sums_; }  // of gradients
  const RouterTotals& routers() const { return routers_; }
  // By the caller: experts that no token chose may have a gradient.
  bool gradient_written() const { return gradient_written_; }

  void Begin();  // before each pass: a step's time begins with the first
  // A pass over these tokens that has just returned, and added so many sums of gradients.
  void Add(const BatchLoss& loss, int64_t sums, const Tokens& tokens, const Executor& executor);
  void AddNothing();  // a step of which nothing is predicted: its mean loss is NaN
  void WriteGradient() { gradient_written_ = true; }
  void Forget() { *this = Accumulated(token_metrics_); }

  // Of a step that ends now: all that does not depend on its update.
  StepMetrics Metrics(const RouterPlan& plan) const;

 private:
  void CountTokens(const Tokens& tokens, const Executor& executor);

  bool token_metrics_;
  bool any_ = false;
  double began_ = 0;  // seconds, on the trace's clock
  double loss_ = 0;
  int64_t tokens_ = 0, sums_ = 0;
  int64_t right_ = 0;   // tokens that were the likeliest, and
  double entropy_ = 0;  // the predictions' sum: with token_metrics_
  RouterTotals routers_;
  bool gradient_written_ = false;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_ACCUMULATED_H_
