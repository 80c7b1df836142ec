#include "core/model/model.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "c_api/check.h"
#include "c_api/internal.h"
#include "c_api/save_options.h"
#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_text.h"
#include "core/io/json_writer.h"
#include "core/model/save_check.h"
#include "core/model/text_files.h"
#include "core/save/model.h"
#include "core/text/template/chat_template.h"

namespace hlm::capi {
namespace {

hlm_save_options Defaults() {
  const SaveOptions own;
  return {sizeof(hlm_save_options), HLM_DTYPE_AUTO, own.overwrite, own.max_shard_bytes};
}

// What ends a generation. A file that does not say it as it must is nobody's business before somebody generates, or changes it: who
// does finds no ids, and the error beside them.
void WriteStopIds(const Model& model, JsonWriter& json) {
  std::vector<int64_t> ids;
  std::string wrong;
  bool unsaid = false;
  try {
    ids = StopIds(model);
    unsaid = StopIdsAreUnsaid(model);
  } catch (const Error& error) {
    if (error.code() != Code::kInvalidArgument) throw;
    wrong = error.message();
  }
  json.Member("stop_ids", ids);
  if (unsaid) json.Member("stop_ids_unsaid", true);
  if (!wrong.empty()) json.Member("stop_ids_error", wrong);
}

hlm_text_options TextDefaults() { return {sizeof(hlm_text_options), nullptr, nullptr, nullptr}; }

std::map<std::string, std::string> TemplatesOf(const std::string& path) {
  try {
    return ChatTemplate::Open(path)->texts();
  } catch (const Error& error) {
    if (error.code() != Code::kNotFound) throw;
    return {};
  }
}

std::vector<int32_t> ReadStopIds(const char* text) {
  std::vector<int32_t> ids;
  const JsonValue list = ParseJson(text, "stop_ids_json");
  if (!list.IsArray()) throw InvalidArgument("stop_ids_json is ", list.KindInWords(), "; it must be a list of ids");
  for (const JsonValue& one : list.Items()) {
    if (!one.Int() || *one.Int() < 0 || *one.Int() > INT32_MAX) {
      throw InvalidArgument("stop_ids_json has ", PrintableJson(one), "; it must be a list of ids in [0, 2147483647]");
    }
    ids.push_back(static_cast<int32_t>(*one.Int()));
  }
  return ids;
}

TextFiles ReadTextOptions(const Model& model, const hlm_text_options* options) {
  const hlm_text_options given = ReadStruct(options, TextDefaults());
  TextFiles text;
  if (given.tokenizer != nullptr) {
    text.tokenizer = NotEmpty(given.tokenizer, "tokenizer");
    if (!IsFolder(text.tokenizer) && !IsRegularFile(text.tokenizer))
      throw NotFound(PrintablePath(text.tokenizer), ": no such file or folder");
  }
  if (given.chat_template != nullptr) {
    text.templates = ChatTemplate::Open(NotEmpty(given.chat_template, "chat_template"))->texts();
  } else if (!text.tokenizer.empty()) {
    // They may be in the tokenizer's files that go.
    if (!model.source_folder().empty()) text.templates = TemplatesOf(model.source_folder());
    const size_t slash = text.tokenizer.rfind('/');
    const std::string folder = IsFolder(text.tokenizer)     ? text.tokenizer
                               : slash == std::string::npos ? "."
                                                            : text.tokenizer.substr(0, slash + 1);
    if (text.templates.empty()) text.templates = TemplatesOf(folder);
  }
  if (given.stop_ids_json != nullptr) text.stop_ids = ReadStopIds(given.stop_ids_json);
  return text;
}

const char* RopeName(RopeSpec::Kind kind) {
  switch (kind) {
    case RopeSpec::Kind::kDefault:
      return "default";
    case RopeSpec::Kind::kLinear:
      return "linear";
    case RopeSpec::Kind::kDynamic:
      return "dynamic";
    case RopeSpec::Kind::kLlama3:
      return "llama3";
    case RopeSpec::Kind::kYarn:
      return "yarn";
    case RopeSpec::Kind::kLongRope:
      return "longrope";
    case RopeSpec::Kind::kProportional:
      return "proportional";
  }
  return "unknown";
}

// What was read: the different blocks, rotary embeddings, settings that training leaves out, and tensors that go along.
void WriteParts(const Model& model, JsonWriter& json) {
  const ModelSpec& spec = model.spec();
  json.Key("blocks").BeginArray();
  for (size_t kind = 0; kind < spec.kinds.size(); ++kind) {
    const AttentionSpec* attention = Find<AttentionSpec>(spec.kinds[kind]);
    json.BeginObject().Key("parts").BeginArray();
    for (const BranchSpec& branch : spec.kinds[kind].branches) {
      for (const BranchBody& item : branch.bodies) json.Value(BodyTitle(item.body));
    }
    json.EndArray();
    json.Member("layers", static_cast<int64_t>(std::count(spec.kind_of.begin(), spec.kind_of.end(), static_cast<int64_t>(kind))));
    json.Member("window", attention == nullptr ? 0 : attention->window)
        .Member("rope", attention == nullptr ? -1 : attention->rope);
    json.EndObject();
  }
  json.EndArray();
  json.Key("ropes").BeginArray();
  for (const RopeSpec& rope : spec.ropes) {
    json.BeginObject().Member("type", RopeName(rope.kind)).Member("theta", rope.theta).Member("dim", rope.dim);
    json.Member("factor", rope.factor).EndObject();
  }
  json.EndArray();
  json.Member("pad_token", spec.embedding.pad_token);
  json.Key("dropouts").BeginArray();
  for (const std::string& dropout : spec.dropouts) json.Value(dropout);
  json.EndArray();
  const std::vector<CarriedTensor> carried = model.weights().Carried();
  int64_t bytes = 0;
  for (const CarriedTensor& tensor : carried) bytes += tensor.bytes;
  json.Member("carried_tensors", static_cast<int64_t>(carried.size())).Member("carried_bytes", bytes);
}

std::string Describe(const Model& model) {
  const ModelSpec& spec = model.spec();
  JsonWriter json;
  json.BeginObject();
  json.Member("architecture", spec.architecture);
  json.Member("parameters", model.layout().parameters);
  json.Member("active_parameters", ActiveParameters(spec, model.layout()));
  json.Member("vocab_size", spec.vocab);
  json.Member("hidden_size", spec.hidden);
  json.Member("num_hidden_layers", spec.layers());
  // Of the first layer that has them.
  const AttentionSpec* attention = FirstOf<AttentionSpec>(spec);
  const MlpSpec* mlp = FirstOf<MlpSpec>(spec);
  json.Member("num_attention_heads", attention == nullptr ? 0 : attention->heads);
  json.Member("num_key_value_heads", attention == nullptr ? 0 : attention->kv_heads);
  json.Member("head_dim", attention == nullptr ? 0 : attention->head_dim);
  json.Member("intermediate_size", mlp == nullptr ? 0 : mlp->intermediate);
  json.Member("max_position_embeddings", spec.max_positions);
  json.Member("tied", spec.tied);
  json.Key("source_dtype");
  model.source_dtype() ? json.Value(Name(*model.source_dtype())) : json.Null();
  json.Key("source_quantization");
  model.source_quantization().empty() ? json.Null() : json.Value(model.source_quantization());
  // All layers that slide have the same window.
  const std::vector<int64_t> windows = Windows(spec);
  const auto widest = std::max_element(windows.begin(), windows.end());
  json.Key("sliding_window");
  widest != windows.end() && *widest > 0 ? json.Value(*widest) : json.Null();
  json.Member("layer_windows", windows);
  WriteStopIds(model, json);
  WriteParts(model, json);
  json.Key("tensors").BeginArray();
  for (const UnitSpec& unit : model.layout().units) {
    for (const TensorSpec& tensor : unit.tensors) {
      json.BeginObject().Member("name", tensor.name).Member("shape", tensor.shape).Member("unit", unit.name).EndObject();
    }
  }
  json.EndArray();
  json.EndObject();
  return json.Take();
}

}  // namespace

SaveOptions ReadSaveOptions(const hlm_save_options* options) {
  const hlm_save_options given = ReadStruct(options, Defaults());
  CheckEnum(given.dtype, "dtype",
            {{HLM_DTYPE_AUTO, "AUTO"},
             {HLM_DTYPE_F32, "F32"},
             {HLM_DTYPE_BF16, "BF16"},
             {HLM_DTYPE_F16, "F16"},
             {HLM_DTYPE_SOURCE, "SOURCE"}});
  CheckAtLeast(given.max_shard_bytes, 1, "max_shard_bytes");
  SaveOptions own;
  own.repack = given.dtype == HLM_DTYPE_SOURCE;
  if (given.dtype != HLM_DTYPE_AUTO && !own.repack) own.dtype = static_cast<DType>(given.dtype);
  own.overwrite = ReadBool(given.overwrite, "overwrite");
  own.max_shard_bytes = given.max_shard_bytes;
  return own;
}

}  // namespace hlm::capi

using namespace hlm::capi;  // NOLINT: the functions below are this file's purpose

extern "C" {

hlm_error* hlm_model_open(const char* folder, hlm_model** out_model) {
  return Guard([&] {
    const std::string path = NotEmpty(folder, "folder");
    NotNull(out_model, "out_model");
    *out_model = new hlm_model{hlm::OpenModelOrCheckpoint(path)};
  });
}

hlm_error* hlm_model_create(const char* config_json, int64_t init_seed, hlm_model** out_model) {
  return Guard([&] {
    const std::string config = NotEmpty(config_json, "config_json");
    NotNull(out_model, "out_model");
    *out_model = new hlm_model{hlm::Model::Create(config, init_seed)};
  });
}

hlm_error* hlm_model_describe(const hlm_model* model, char** out_json) {
  return Guard([&] {
    NotNull(model, "model");
    NotNull(out_json, "out_json");
    *out_json = CopyString(Describe(*model->model));
  });
}

void hlm_save_options_init_sized(hlm_save_options* options, size_t struct_size) { InitStruct(options, struct_size, Defaults()); }

void hlm_text_options_init_sized(hlm_text_options* options, size_t struct_size) {
  InitStruct(options, struct_size, TextDefaults());
}

hlm_error* hlm_model_with_text(const hlm_model* model, const hlm_text_options* options, hlm_model** out_model) {
  return Guard([&] {
    NotNull(model, "model");
    NotNull(out_model, "out_model");
    const hlm::TextFiles text = ReadTextOptions(*model->model, options);
    *out_model = new hlm_model{hlm::WithTextFiles(*model->model, text)};
  });
}

hlm_error* hlm_model_save(const hlm_model* model, const char* folder, const hlm_save_options* options) {
  return Guard([&] {
    NotNull(model, "model");
    const std::string path = NotEmpty(folder, "folder");
    const hlm::SaveOptions save = ReadSaveOptions(options);
    const hlm::WeightSource& weights = model->model->weights();
    const hlm::TensorReader read = [&](const hlm::TensorSpec& tensor, int64_t begin, int64_t n, float* out) {
      weights.Read(tensor, begin, n, out);
    };
    hlm::SaveFolder(*model->model, read, path, save);
  });
}

hlm_error* hlm_model_check_save(const hlm_model* model, const char* folder, const hlm_save_options* options, int64_t* out_bytes) {
  return Guard([&] {
    NotNull(model, "model");
    const std::string path = NotEmpty(folder, "folder");
    const int64_t bytes = hlm::CheckSave(*model->model, path, ReadSaveOptions(options));
    if (out_bytes != nullptr) *out_bytes = bytes;
  });
}

void hlm_model_destroy(hlm_model* model) { delete model; }

}  // extern "C"
