#include "core/text/template/limits.h"

#include "core/base/error.h"

namespace hlm::jinja {

thread_local Budget* Budget::current_ = nullptr;

void Budget::FailWork() const {
  throw ResourceExhausted("the template works through more than ", limits_.max_output_bytes * kWorkFactor, " bytes (",
                          kWorkFactor, " x max_output_bytes)");
}
void Budget::FailSize() const {
  throw ResourceExhausted("the template makes a string of more than max_output_bytes = ", limits_.max_output_bytes);
}
void Budget::FailIterations() const {
  throw ResourceExhausted("the template loops and calls more often than max_iterations = ", limits_.max_iterations);
}
void Budget::FailSteps() const {
  throw ResourceExhausted("the template takes more than ", limits_.max_iterations * kStepFactor, " steps (", kStepFactor,
                          " x max_iterations)");
}
void Budget::FailDepth() {
  --depth_;  // the Level that failed has no destructor
  throw ResourceExhausted("the template nests or recurses deeper than max_depth = ", limits_.max_depth);
}

}  // namespace hlm::jinja
