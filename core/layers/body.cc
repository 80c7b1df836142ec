#include "core/layers/body.h"

#include "core/layers/attention.h"
#include "core/layers/channel_delta.h"
#include "core/layers/delta_rule.h"
#include "core/layers/experts.h"
#include "core/layers/gated_recurrence.h"
#include "core/layers/latent_attention.h"
#include "core/layers/layer_input.h"
#include "core/layers/mlp.h"
#include "core/layers/selective_scan.h"
#include "core/layers/shared_layer.h"
#include "core/layers/short_conv.h"
#include "core/layers/state_space.h"

namespace hlm {
namespace {

struct Maker {
  const ModelSpec& model;
  Declaration& declaration;
  std::unique_ptr<Body> operator()(const AttentionSpec& spec) const {
    return std::make_unique<AttentionBody>(spec, model, declaration);
  }
  std::unique_ptr<Body> operator()(const MlpSpec& spec) const {
    return std::make_unique<MlpBody>(spec, model.hidden, declaration);
  }
  std::unique_ptr<Body> operator()(const LatentAttentionSpec& spec) const {
    return std::make_unique<LatentAttentionBody>(spec, model, declaration);
  }
  std::unique_ptr<Body> operator()(const LayerInputSpec& spec) const {
    return std::make_unique<LayerInputBody>(spec, model, declaration);
  }
  std::unique_ptr<Body> operator()(const ShortConvSpec& spec) const {
    return std::make_unique<ShortConvBody>(spec, model.hidden, declaration);
  }
  std::unique_ptr<Body> operator()(const DeltaRuleSpec& spec) const {
    return std::make_unique<DeltaRuleBody>(spec, model.hidden, declaration);
  }
  std::unique_ptr<Body> operator()(const StateSpaceSpec& spec) const {
    return std::make_unique<StateSpaceBody>(spec, model.hidden, declaration);
  }
  std::unique_ptr<Body> operator()(const ChannelDeltaSpec& spec) const {
    return std::make_unique<ChannelDeltaBody>(spec, model.hidden, declaration);
  }
  std::unique_ptr<Body> operator()(const SelectiveScanSpec& spec) const {
    return std::make_unique<SelectiveScanBody>(spec, model.hidden, declaration);
  }
  std::unique_ptr<Body> operator()(const GatedRecurrenceSpec& spec) const {
    return std::make_unique<GatedRecurrenceBody>(spec, model.hidden, declaration);
  }
  std::unique_ptr<Body> operator()(const SharedLayerSpec& spec) const {
    return std::make_unique<SharedLayerBody>(spec, model, declaration);
  }
  std::unique_ptr<Body> operator()(const ExpertsSpec& spec) const {
    return std::make_unique<ExpertsBody>(spec, model.hidden, declaration);
  }
};

// What a body's roles begin with, and what people call it.
struct Words {
  const char *role, *title;
};

struct Namer {
  Words operator()(const AttentionSpec&) const { return {"attention", "attention"}; }
  Words operator()(const MlpSpec& spec) const { return spec.shared ? Words{"shared", "shared mlp"} : Words{"mlp", "mlp"}; }
  Words operator()(const ExpertsSpec& spec) const {
    return spec.shared ? Words{"shared", "shared experts"} : Words{"experts", "experts"};
  }
  Words operator()(const LatentAttentionSpec&) const { return {"attention", "latent attention"}; }
  Words operator()(const LayerInputSpec&) const { return {"layer_input", "layer input"}; }
  Words operator()(const ShortConvSpec&) const { return {"conv", "short convolution"}; }
  Words operator()(const DeltaRuleSpec&) const { return {"delta", "delta rule"}; }
  Words operator()(const StateSpaceSpec&) const { return {"mamba", "state space"}; }
  Words operator()(const ChannelDeltaSpec&) const { return {"delta", "kimi delta attention"}; }
  Words operator()(const SelectiveScanSpec&) const { return {"scan", "selective scan"}; }
  Words operator()(const GatedRecurrenceSpec&) const { return {"recurrence", "gated recurrence"}; }
  Words operator()(const SharedLayerSpec&) const { return {"shared_layer", "shared attention and mlp"}; }
};

}  // namespace

std::unique_ptr<Body> MakeBody(const BodySpec& spec, const ModelSpec& model, Declaration& declaration) {
  return std::visit(Maker{model, declaration}, spec);
}

const char* BodyName(const BodySpec& spec) { return std::visit(Namer{}, spec).role; }
const char* BodyTitle(const BodySpec& spec) { return std::visit(Namer{}, spec).title; }

}  // namespace hlm
