// ERNIE 4.5 (MoE): a softmax with a bias for the choice, shared experts, dense layers at the begin and the end.
#include "core/model/families/mixture.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 4, .max_positions = 131072, .tied = true, .pad_token = 0}, spec);
  ReadBalancing(config, 0.001, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 5e5, .interleaved = true})};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  const bool bias = config.BoolOr("use_bias", false);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = bias;
  ExpertsSpec experts = ReadExperts(config, {.count = {"num_local_experts", "moe_num_experts"},
                                             .chosen = "moe_k",
                                             .likely_count = 64,
                                             .likely_chosen = 6,
                                             .likely_width = 1536});
  experts.router = {.choice_bias = true, .normalize = true, .sum_least = config.RealOr("moe_norm_min", 1e-12, 0, 1)};
  std::vector<BodySpec> bodies = {experts};
  const int64_t beside = config.IntOr("moe_num_shared_experts", 2, 0, 1024);
  if (beside > 0) {
    MlpSpec shared = Shared(experts.intermediate * beside);
    shared.in_bias = shared.out_bias = bias;
    bodies.push_back(shared);
  }
  const int64_t first = config.IntOr("moe_layer_start_index", 1, 0, kMostLayers),
                interval = config.IntOr("moe_layer_interval", 1, 1, kMostLayers);
  const int64_t end = config.IntOr("moe_layer_end_index", -1, -1, kMostLayers), last = end < 0 ? sizes.layers - 1 : end;
  const BlockSpec dense = PreNormBlock(norm, attention, {.intermediate = sizes.intermediate, .in_bias = bias, .out_bias = bias});
  const BlockSpec sparse = WithBodies(dense, bodies);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    spec.AddLayer((layer + 1) % interval == 0 && layer >= first && layer <= last ? sparse : dense);
  }
  spec.head.norm = norm;
  spec.head.bias = bias;
  NameExperts({}, names);
  // Layers that predict further tokens: no part of the model that transformers reads.
  config.Take("num_nextn_predict_layers");
  names.carried_below.push_back("mtp_");
  names.layer["experts.choice_bias"] = {.path = "mlp.moe_statics.e_score_correction_bias", .shape = {1, experts.count}};
  names.other_layers.back()["experts.choice_bias"] = {.path = "mlp.gate.moe_statics.e_score_correction_bias",
                                                      .shape = {1, experts.count}};
}

}  // namespace

extern const Family kErnie45MoeFamily;
const Family kErnie45MoeFamily = {"Ernie4_5_MoeForCausalLM", "ernie4_5_moe", Read};

}  // namespace hlm
