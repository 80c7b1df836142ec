// Body: one map of a block, [tokens, hidden] to [tokens, hidden], with its hand-written backward pass. A body declares what it needs
// when it is made, and holds no memory.
#ifndef HORIZON_LM_CORE_LAYERS_BODY_H_
#define HORIZON_LM_CORE_LAYERS_BODY_H_

#include <cstdint>
#include <memory>

#include "core/layers/declaration.h"
#include "core/layers/run.h"
#include "core/model/spec.h"

namespace hlm {

class ExpertsBody;

class Body {
 public:
  virtual ~Body() = default;

  // Makes what is missing of the saved tensors and, where y is not null, y = body(x) (+ addend), rounded once. y overlaps nothing.
  virtual void Forward(const BlockRun& run, const void* x, const void* addend, void* y) const = 0;

  // dx = d body / dx for dy, overwritten; weight gradients go to the accumulator. Every saved tensor is there.
  virtual void Backward(const BlockRun& run, const void* x, const void* dy, void* dx) const = 0;

  // Null where it is no mixture of experts.
  virtual const ExpertsBody* AsExperts() const { return nullptr; }
};

std::unique_ptr<Body> MakeBody(const BodySpec& spec, const ModelSpec& model, Declaration& declaration);
const char* BodyName(const BodySpec& spec);   // "attention": what its roles begin with
const char* BodyTitle(const BodySpec& spec);  // "latent attention": what people call it

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_BODY_H_
