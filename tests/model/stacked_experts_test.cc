// Folders with the experts as transformers' classes have them: its save_pretrained leaves that where it is told to save no other way,
// and so does a state_dict that something else wrote.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/model/test_folder.h"

namespace hlm {
namespace {

using Bytes = std::map<std::string, std::string>;  // by name

// Every value is another one.
Bytes Values(const Model& model) {
  Bytes values;
  float next = 0;
  for (const UnitSpec& unit : model.layout().units) {
    for (const TensorSpec& tensor : unit.tensors) {
      std::string& bytes = values[tensor.name];
      for (int64_t i = 0; i < tensor.elements; ++i) {
        next += 0.5f;
        bytes.append(reinterpret_cast<const char*>(&next), sizeof(next));
      }
    }
  }
  return values;
}

// What the slabs of all units hold.
std::vector<std::vector<float>> Slabs(const Model& model) {
  std::vector<std::vector<float>> slabs;
  for (const UnitSpec& unit : model.layout().units) {
    std::vector<float>& slab = slabs.emplace_back(static_cast<size_t>(unit.elements));
    for (const TensorSpec& tensor : unit.tensors) {
      const std::vector<float> values = ReadAll(model, tensor);
      EachRun(tensor, 0, tensor.elements,
              [&](int64_t at, int64_t done, int64_t n) { std::copy_n(values.begin() + done, n, slab.begin() + at); });
    }
  }
  return slabs;
}

struct Case {
  const char *config, *router, *experts, *gate, *up, *down;  // names of the hub
  const char *own_router, *own_experts;                      // of the class
};

TEST(StackedExperts, AreTheSameModelUnderTheirOwnNames) {
  const Case cases[] = {
      {R"("model_type": "mixtral", "intermediate_size": 6, "num_local_experts": 3)", "block_sparse_moe.gate.weight",
       "block_sparse_moe.experts.", "w1", "w3", "w2", "mlp.gate.weight", "mlp.experts."},
      {R"("model_type": "qwen3_moe", "intermediate_size": 12, "moe_intermediate_size": 6, "num_experts": 3)", "mlp.gate.weight",
       "mlp.experts.", "gate_proj", "up_proj", "down_proj", "mlp.gate.weight", "mlp.experts."},
      {R"("model_type": "olmoe", "intermediate_size": 6, "num_experts": 3)", "mlp.gate.weight", "mlp.experts.", "gate_proj",
       "up_proj", "down_proj", "mlp.gate.weight", "mlp.experts."}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.config);
    const std::string config = StrCat("{", c.config, R"(, "vocab_size": 16, "hidden_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "num_experts_per_tok": 2})");
    const auto reference = Model::Create(config, 0);
    const Bytes values = Values(*reference);
    FileBuilder apart, stacked;
    for (const UnitSpec& unit : reference->layout().units) {
      for (const TensorSpec& tensor : unit.tensors) {
        apart.AddRaw(tensor.name, "F32", tensor.shape, values.at(tensor.name));
        const size_t router = tensor.name.find(c.router);
        if (router != std::string::npos) {
          stacked.AddRaw(tensor.name.substr(0, router) + c.own_router, "F32", tensor.shape, values.at(tensor.name));
        } else if (tensor.name.find(c.experts) == std::string::npos) {
          stacked.AddRaw(tensor.name, "F32", tensor.shape, values.at(tensor.name));
        }
      }
    }
    for (const char* layer : {"model.layers.0.", "model.layers.1."}) {
      std::string gate_up, down;
      for (const char* expert : {"0.", "1.", "2."}) {
        const std::string at = StrCat(layer, c.experts, expert);
        gate_up += values.at(at + c.gate + ".weight") + values.at(at + c.up + ".weight");
        down += values.at(at + c.down + ".weight");
      }
      stacked.AddRaw(StrCat(layer, c.own_experts, "gate_up_proj"), "F32", {3, 12, 16}, gate_up);
      stacked.AddRaw(StrCat(layer, c.own_experts, "down_proj"), "F32", {3, 16, 6}, down);
    }
    const TestFolder one, other;
    for (const auto& [folder, file] : {std::pair{&one, &apart}, std::pair{&other, &stacked}}) {
      WriteText(*folder / "config.json", config);
      WriteText(*folder / "model.safetensors", file->Bytes());
    }
    const auto opened = Model::Open(other.path());
    EXPECT_EQ(Slabs(*opened), Slabs(*Model::Open(one.path())));
    size_t names = 0;
    for (const UnitSpec& unit : opened->layout().units) {
      for (const TensorSpec& tensor : unit.tensors) names += stacked.header.contains(tensor.name) ? 1 : 0;
    }
    EXPECT_EQ(names, stacked.header.size());
  }
}

}  // namespace
}  // namespace hlm
