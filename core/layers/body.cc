#include "core/layers/body.h"

#include "core/layers/attention.h"
#include "core/layers/experts.h"
#include "core/layers/latent_attention.h"
#include "core/layers/layer_input.h"
#include "core/layers/mlp.h"

namespace hlm {
namespace {

struct Maker {
  const ModelSpec& model;
  Declaration& declaration;
  std::unique_ptr<Body> operator()(const AttentionSpec& spec) const { return std::make_unique<AttentionBody>(spec, model, declaration); }
  std::unique_ptr<Body> operator()(const MlpSpec& spec) const { return std::make_unique<MlpBody>(spec, model.hidden, declaration); }
  std::unique_ptr<Body> operator()(const LatentAttentionSpec& spec) const { return std::make_unique<LatentAttentionBody>(spec, model, declaration); }
  std::unique_ptr<Body> operator()(const LayerInputSpec& spec) const { return std::make_unique<LayerInputBody>(spec, model, declaration); }
  std::unique_ptr<Body> operator()(const ExpertsSpec& spec) const { return std::make_unique<ExpertsBody>(spec, model.hidden, declaration); }
};

struct Namer {
  const char* operator()(const AttentionSpec&) const { return "attention"; }
  const char* operator()(const MlpSpec& spec) const { return spec.shared ? "shared" : "mlp"; }
  const char* operator()(const ExpertsSpec& spec) const { return spec.shared ? "shared" : "experts"; }
  const char* operator()(const LatentAttentionSpec&) const { return "attention"; }
  const char* operator()(const LayerInputSpec&) const { return "layer_input"; }
};

}  // namespace

std::unique_ptr<Body> MakeBody(const BodySpec& spec, const ModelSpec& model, Declaration& declaration) {
  return std::visit(Maker{model, declaration}, spec);
}

const char* BodyName(const BodySpec& spec) { return std::visit(Namer{}, spec); }

}  // namespace hlm
