// ModelSpec: the mathematics of a decoder-only model as data, read from config.json by its family. Nothing here knows files or
// memory.
//
// A block is a list of branches; a branch is x + scale * after(sum of bodies(before(x))). What a body is, its own struct says;
// core/layers has its forward and backward pass. Equal specifications compute the same: blocks are told apart by comparing them.
#ifndef HORIZON_LM_CORE_MODEL_SPEC_H_
#define HORIZON_LM_CORE_MODEL_SPEC_H_

#include <array>
#include <cstdint>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

namespace hlm {

enum class NormType { kNone, kRms, kLayer };

// RMS: x / sqrt(mean(x^2) + epsilon) w. Layer: (x - mean) / sqrt(var + epsilon) w + b.
struct NormSpec {
  NormType kind = NormType::kNone;
  double epsilon = 1e-6;
  bool weight = true;
  bool bias = false;
  bool plus_one = false;       // x (1 + w)
  bool late_rounding = false;  // the product with the weight comes before the rounding to the compute type

  bool on() const { return kind != NormType::kNone; }
  bool operator==(const NormSpec&) const = default;
};

// Rotary embedding of `dim` dimensions of each head; the others pass. One table of angles.
struct RopeSpec {
  enum class Kind { kDefault, kLinear, kDynamic, kLlama3, kYarn, kLongRope, kProportional };
  Kind kind = Kind::kDefault;
  double theta = 10000.0;
  int64_t dim = 0;                                  // even
  bool odd = false;                                 // frequencies are those of dim - 1: one more turns, for a last pair
  bool interleaved = false;                         // pairs (2 i, 2 i + 1); false: (i, i + dim / 2)
  double factor = 1.0;                              // all but kDefault
  double low_frequency_factor = 1.0;                // kLlama3
  double high_frequency_factor = 4.0;               // kLlama3
  int64_t original_max_positions = 8192;            // kLlama3, kYarn, kLongRope, kDynamic
  double beta_fast = 32, beta_slow = 1;             // kYarn
  bool truncate = true;                             // kYarn: the ramp's ends are whole dimensions
  double attention_factor = 1.0;                    // cosines and sines are multiplied by it
  double long_attention_factor = 0;                 // kLongRope: instead, where long_factors count; 0: the same
  std::vector<double> short_factors, long_factors;  // kLongRope, [dim / 2]; long: documents above original_max_positions
  int64_t still_pairs = 0;                          // the last so many pairs do not turn
  bool reversed = false;                            // turns the other way round (nanochat)

  int64_t FrequencyDim() const { return odd ? dim - 1 : dim; }
  // For a document of `length` tokens.
  double AttentionFactor(int64_t length) const {
    const bool is_long = kind == Kind::kLongRope && length > original_max_positions;
    return is_long && long_attention_factor != 0 ? long_attention_factor : attention_factor;
  }
  bool operator==(const RopeSpec&) const = default;
};

// Norm of queries and keys.
struct QkNormSpec {
  NormSpec norm;
  bool whole = false;        // over all heads at once; false: each head alone
  bool own_weights = false;  // each head has weights of its own
  bool after_rope = false;

  bool operator==(const QkNormSpec&) const = default;
};

// Queries times 1 + scale ln(1 + floor((position + shift) / span)).
struct TemperatureSpec {
  double scale = 0;
  int64_t span = 1, shift = 0;

  bool operator==(const TemperatureSpec&) const = default;
};

// Causal attention with grouped queries: query head h reads key head h / (heads / kv_heads).
struct AttentionSpec {
  int64_t heads = 0, kv_heads = 0, head_dim = 0;
  bool qkv_bias = false, o_bias = false;
  int64_t rope = 0;           // which of the model's; -1: none
  double scale = 0;           // of the scores; 0: head_dim^-1/2
  int64_t window = 0;         // w > 0: position i attends to j with i - w < j <= i
  int64_t chunk = 0;          // c > 0: only within the same run of c positions
  double softcap = 0;         // c > 0: scores become c tanh(score / c)
  bool sinks = false;         // a learnt logit a head beside the scores
  bool gate = false;          // the output is multiplied by sigmoid(x W)
  bool gate_apart = false;    // W is no part of the product of q, k and v, and has no bias
  bool gate_by_head = false;  // one number a head; apart
  bool alibi = false;         // the model's slopes
  bool value_is_key = false;  // values are the keys before their norm and rotary embedding
  double clip = 0;            // c > 0: q, k, v are held within [-c, c], q and k behind their norms
  int64_t temperature = -1;   // which of the model's; -1: none
  int64_t gives = -1;         // the side (ModelSpec) that gets its keys and values, for later layers
  int64_t takes = -1;         // the side whose keys and values it reads, instead of own ones
  int64_t in_width = 0;       // of what it reads; 0: the model's
  int64_t adapter_rank = 0;   // r > 0: q, k and v have adapters (core/layers/adapter.h)
  QkNormSpec qk_norm = {};
  NormSpec v_norm = {};

  int64_t QueryWidth() const { return heads * head_dim; }
  int64_t KeyWidth() const { return kv_heads * head_dim; }
  int64_t QkvWidth() const { return QueryWidth() + (value_is_key ? 1 : 2) * KeyWidth(); }
  bool operator==(const AttentionSpec&) const = default;
};

// Latent attention (DeepSeek-V2, section 2.1): queries, and keys with their values, are made from narrow latents with norms;
// `rope_dim` dimensions of each query turn, and one vector that all keys share.
struct LatentAttentionSpec {
  int64_t heads = 0;
  int64_t query_rank = 0;  // 0: queries are made from x
  int64_t key_rank = 0;
  int64_t still_dim = 0, rope_dim = 0, value_dim = 0;  // of each head
  bool down_bias = false, o_bias = false;              // of the products that make latents, and the last one
  int64_t rope = 0;                                    // which of the model's; -1: none
  double scale = 0;                                    // of the scores; 0: (still_dim + rope_dim)^-1/2
  NormSpec norm = {};                                  // of the latents

  int64_t HeadDim() const { return still_dim + rope_dim; }
  bool operator==(const LatentAttentionSpec&) const = default;
};

enum class Function { kSilu, kGelu, kGeluTanh, kRelu, kRelu2, kXielu };

// down(f(gate x) * up x), or down(f(up x)) where it is not gated.
struct MlpSpec {
  int64_t intermediate = 0;
  Function function = Function::kSilu;
  bool gated = true;
  bool in_bias = false, out_bias = false;
  double gate_scale = 1;     // of what the function reads
  bool shared = false;       // beside experts: its roles begin with "shared"
  int64_t adapter_rank = 0;  // r > 0: the first product has an adapter

  bool operator==(const MlpSpec&) const = default;
};

enum class RouterScore { kSoftmax, kSoftmaxOfChosen, kSigmoid, kSparseMixer };

// From logits to weights (core/device/args/experts.h): the experts with the largest scores are chosen; their scores, divided by
// their sum where normalize, times scale, are the weights.
struct RouterSpec {
  RouterScore score = RouterScore::kSoftmax;
  bool bias = false;          // of the product
  NormSpec before = {};       // of what the product reads
  double in_scale = 1;        // of that norm's output
  bool expert_scale = false;  // a number an expert is a factor of its weights
  bool choice_bias = false;   // a number an expert, which is not trained, is added to scores for the choice alone
  bool normalize = false;
  double sum_add = 0, sum_least = 0;  // the sum is max(sum + sum_add, sum_least)
  double scale = 1;
  int64_t groups = 1, best_groups = 1;  // of neighbouring experts; only those of the best groups may be chosen
  bool group_of_two = false;            // a group is worth the sum of its two best scores; else its best
  double nearness = 0;                  // kSparseMixer

  bool operator==(const RouterSpec&) const = default;
};

// Each token goes through `chosen` of `count` MLPs.
struct ExpertsSpec {
  int64_t count = 0, chosen = 0;
  int64_t intermediate = 0;
  Function function = Function::kSilu;
  bool gated = true;
  bool in_bias = false, out_bias = false;
  double limit = 0, alpha = 0;  // limit > 0: gpt-oss' clamped layer, whose gate and up alternate
  bool weigh_input = false;     // weights stand before the experts
  bool shared = false;          // one expert beside others, with a gate of its own: its roles begin with "shared"
  NormSpec before = {};         // of what the experts read, and the router does not
  int64_t latent = 0;           // w > 0: a product narrows what the experts read to w, another widens their sum
  bool latent_bias = false;     // of both
  RouterSpec router = {};

  bool operator==(const ExpertsSpec&) const = default;
};

// Gemma's per-layer inputs: up(f(gate x) * this layer's share of the side).
struct LayerInputSpec {
  int64_t width = 0;
  Function function = Function::kGeluTanh;
  int64_t side = 0;

  bool operator==(const LayerInputSpec&) const = default;
};

// out(C conv(B x)): a causal convolution of each channel over `taps` tokens between two gates.
struct ShortConvSpec {
  int64_t taps = 0;
  bool bias = false;  // of the convolution and of both products

  bool operator==(const ShortConvSpec&) const = default;
};

// The gated delta rule behind a convolution of queries, keys and values, with a norm of each head's output times silu(x W).
struct DeltaRuleSpec {
  int64_t heads = 0;  // of values
  int64_t key_heads = 0, key_dim = 0, value_dim = 0;
  int64_t taps = 0;                     // of the convolution
  Function function = Function::kSilu;  // behind the convolution, as in the other mixers
  double beta_scale = 1;                // beta is beta_scale sigmoid(x W)
  NormSpec norm = {};

  bool operator==(const DeltaRuleSpec&) const = default;
};

// Mamba-2's state space behind a convolution, with a gate and a norm over groups of channels.
struct StateSpaceSpec {
  int64_t heads = 0, head_dim = 0, groups = 0, state_dim = 0;
  int64_t taps = 0;  // of the convolution
  Function function = Function::kSilu;
  bool in_bias = false, conv_bias = false, out_bias = false;
  double least_step = 0, most_step = 0;  // limits of a step; most 0: none
  NormSpec norm = {};
  int64_t norm_groups = 1;
  bool norm_before_gate = false;
  std::array<double, 5> scales = {1, 1, 1, 1, 1};  // of the first product's z, x, B, C and dt

  bool operator==(const StateSpaceSpec&) const = default;
};

// Kimi Delta Attention: the delta rule with a decay for each channel of the keys. Decays and the output's gate, a sigmoid, come
// through two products each, with `rank` numbers a token between them.
struct ChannelDeltaSpec {
  int64_t heads = 0, key_dim = 0, value_dim = 0;
  int64_t taps = 0;  // of the convolution
  int64_t rank = 0;
  Function function = Function::kSilu;
  NormSpec norm = {};

  bool operator==(const ChannelDeltaSpec&) const = default;
};

// Mamba's selective scan behind a convolution, with a gate; step, B and C have norms of their own where `norm` is one.
struct SelectiveScanSpec {
  int64_t channels = 0, state_dim = 0;
  int64_t rank = 0;  // numbers a token from which the steps are made
  int64_t taps = 0;  // of the convolution
  Function function = Function::kSilu;
  bool in_bias = false, conv_bias = false, out_bias = false;
  NormSpec norm = {};

  bool operator==(const SelectiveScanSpec&) const = default;
};

// Griffin's recurrent block: a gated linear recurrence of each channel (RG-LRU) behind a convolution, times f(x W). Its gates
// read `heads` blocks of neighbouring channels, each block its own.
struct GatedRecurrenceSpec {
  int64_t channels = 0, heads = 0;
  int64_t taps = 0;  // of the convolution
  Function function = Function::kGeluTanh;

  bool operator==(const GatedRecurrenceSpec&) const = default;
};

// Zamba's layer of attention and MLP, whose weights several blocks share: linear(mlp(norm(attention(norm([x, side]))))), without
// residual connections. Adapters and the last product are each block's own.
struct SharedLayerSpec {
  AttentionSpec attention;
  MlpSpec mlp;
  NormSpec norm = {};  // before both
  int64_t side = 0;    // the side that stands beside x in what attention reads

  bool operator==(const SharedLayerSpec&) const = default;
};

using BodySpec =
    std::variant<AttentionSpec, MlpSpec, LatentAttentionSpec, LayerInputSpec, ShortConvSpec, DeltaRuleSpec, StateSpaceSpec,
                 ExpertsSpec, ChannelDeltaSpec, SelectiveScanSpec, GatedRecurrenceSpec, SharedLayerSpec>;

struct BranchBody {
  BodySpec body;
  NormSpec before = {};  // of this body alone
  double in_scale = 1, out_scale = 1;
  NormSpec after = {};  // of this body alone, before its scale

  bool operator==(const BranchBody&) const = default;
};

struct BranchSpec {
  NormSpec before = {};  // what all bodies of the branch read
  std::vector<BranchBody> bodies = {};
  NormSpec after = {};
  double scale = 1;
  bool normed_residual = false;  // before(x) takes the place of x
  bool whole_residual = false;   // the block's input takes the place of x: what branches before this one added is left out
  NormSpec last = {};            // of the sum with x

  bool operator==(const BranchSpec&) const = default;
};

struct BlockSpec {
  std::vector<BranchSpec> branches;
  bool scaled = false;  // the block's output is multiplied by a number of its own, which is not trained
  int64_t shared =
      -1;  // the slab that it reads beside its own, with other blocks; numbered from 0 in the order of their first users

  bool operator==(const BlockSpec&) const = default;
};

struct HeadSpec {
  NormSpec norm;
  bool bias = false;
  double scale = 1;    // of the logits
  double softcap = 0;  // c > 0: logits become c tanh(logits / c)
  int64_t width = 0;   // w > 0: a product narrows the normed states to it before the matrix

  bool operator==(const HeadSpec&) const = default;
};

// A second table, whose rows are cut up among the layers, beside a product of the first one's:
//   side = sum_scale (norm(product(x)) + table_scale table[id])
struct LayerInputsSpec {
  int64_t vocab = 0;  // rows; 0: there is none
  int64_t width = 0;  // a layer
  double table_scale = 1, sum_scale = 1;
  NormSpec norm = {};  // over each layer's share
  int64_t side = 0;

  bool operator==(const LayerInputsSpec&) const = default;
};

struct EmbeddingSpec {
  int64_t width = 0;  // of the table, w > 0: a product widens its rows to the model's
  double scale = 1;
  bool rounded_scale = false;   // the scale is held in the compute type
  int64_t positions = 0;        // rows of a table of learnt positions; 0: none
  int64_t position_offset = 0;  // row of position 0
  NormSpec norm = {};
  int64_t pad_token = -1;  // its row gets no gradient from the lookup
  LayerInputsSpec layer_inputs = {};
  int64_t side = -1;  // that gets the embedding as well, for later layers

  bool operator==(const EmbeddingSpec&) const = default;
};

struct ModelSpec {
  std::string architecture;  // "LlamaForCausalLM"
  std::string family;        // "llama": the file under core/model/families
  int64_t vocab = 0;
  int64_t hidden = 0;
  int64_t max_positions = 0;  // what the model was made for; longer documents are legal
  double initializer_range = 0.02;
  bool tied = false;  // the head uses the embedding's matrix
  EmbeddingSpec embedding;
  std::vector<BlockSpec> kinds;  // the different blocks
  std::vector<int64_t> kind_of;  // [layers] which of them each layer is
  std::vector<RopeSpec> ropes;
  std::vector<double> slopes;  // [heads] of ALiBi
  std::vector<TemperatureSpec> temperatures;
  double balance = 0;          // the coefficient of the routers' balancing loss; 0: there is none
  std::vector<int64_t> sides;  // elements a token of what goes from one unit to later ones beside the block inputs
  HeadSpec head;
  std::vector<std::string> dropouts;  // settings of the file above 0: "attention_dropout = 0.1"; nothing here applies them

  int64_t layers() const { return static_cast<int64_t>(kind_of.size()); }
  const BlockSpec& block(int64_t layer) const { return kinds[static_cast<size_t>(kind_of[static_cast<size_t>(layer)])]; }
  // Appends a layer; equal blocks become one kind.
  void AddLayer(const BlockSpec& block);

  bool operator==(const ModelSpec&) const = default;
};

// The first body of the type in a block, or within a shared layer; null where it has none.
template <class Body>
const Body* Find(const BlockSpec& block) {
  for (const BranchSpec& branch : block.branches) {
    for (const BranchBody& item : branch.bodies) {
      if (const Body* body = std::get_if<Body>(&item.body)) return body;
      [[maybe_unused]] const SharedLayerSpec* layer = std::get_if<SharedLayerSpec>(&item.body);
      if constexpr (std::is_same_v<Body, AttentionSpec>) {
        if (layer != nullptr) return &layer->attention;
      } else if constexpr (std::is_same_v<Body, MlpSpec>) {
        if (layer != nullptr) return &layer->mlp;
      }
    }
  }
  return nullptr;
}
// Of the first layer that has one.
template <class Body>
const Body* FirstOf(const ModelSpec& spec) {
  for (const int64_t kind : spec.kind_of) {
    if (const Body* body = Find<Body>(spec.kinds[static_cast<size_t>(kind)])) return body;
  }
  return nullptr;
}

// [layers] the window of each layer's attention; 0: none, or no attention.
std::vector<int64_t> Windows(const ModelSpec& spec);

// The experts among which a router chooses; null where a block has none.
const ExpertsSpec* FindRouter(const BlockSpec& block);

// Rotary frequencies theta_i, i in [0, dim / 2), after scaling, for a document of `length` tokens; kDynamic and kLongRope go by
// it.
std::vector<double> RotaryFrequencies(const RopeSpec& rope, int64_t length = 0);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_SPEC_H_
