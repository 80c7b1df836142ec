#include "tests/golden/golden.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace hlm_golden {
namespace {

using nlohmann::json;

constexpr int32_t kIgnored = -100;

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in || text.empty()) throw std::runtime_error("cannot read " + path);
  return text;
}

// The arrays of arrays.bin, by the index in golden.json. Files are little-endian, as is every machine this runs on.
class Arrays {
 public:
  Arrays(std::string data, const json& index) : data_(std::move(data)), index_(index) {}

  bool Has(const std::string& name) const { return index_.contains(name); }

  template <class T>
  std::vector<T> Read(const std::string& name, const char* type) const {
    const json& entry = index_.at(name);
    if (entry.at("dtype").get<std::string>() != type) throw std::runtime_error(name + " is not " + type);
    size_t n = 1;
    for (const json& dimension : entry.at("shape")) n *= dimension.get<size_t>();
    const size_t offset = entry.at("offset").get<size_t>();
    if (offset + n * sizeof(T) > data_.size()) throw std::runtime_error(name + " passes the end of arrays.bin");
    std::vector<T> values(n);
    std::memcpy(values.data(), data_.data() + offset, n * sizeof(T));
    return values;
  }

 private:
  std::string data_;
  const json& index_;
};

GoldenBatch ReadBatch(const Arrays& arrays, const json& entry, const std::string& at) {
  GoldenBatch batch;
  batch.ids = arrays.Read<int32_t>(at + "ids", "<i4");
  batch.offsets = arrays.Read<int64_t>(at + "offsets", "<i8");
  if (arrays.Has(at + "labels")) batch.labels = arrays.Read<int32_t>(at + "labels", "<i4");
  if (arrays.Has(at + "weights")) batch.weights = arrays.Read<float>(at + "weights", "<f4");
  batch.denominator = entry.at("denominator").get<double>();
  batch.tokens = entry.at("tokens").get<int64_t>();
  return batch;
}

GoldenTraining ReadTraining(const json& entry) {
  GoldenTraining training;
  training.lr = entry.at("lr");
  training.beta1 = entry.at("beta1");
  training.beta2 = entry.at("beta2");
  training.eps = entry.at("eps");
  training.weight_decay = entry.at("weight_decay");
  training.min_lr_ratio = entry.at("min_lr_ratio");
  training.grad_clip = entry.at("grad_clip");
  training.schedule = entry.at("schedule");
  training.warmup_steps = entry.at("warmup_steps");
  training.total_steps = entry.at("total_steps");
  return training;
}

std::vector<int64_t> WidthsOfConfig(const json& config) {
  const int64_t hidden = config.at("hidden_size");
  int64_t head_dim = hidden / config.at("num_attention_heads").get<int64_t>();
  if (config.contains("head_dim") && !config.at("head_dim").is_null()) head_dim = config.at("head_dim");
  return {hidden, head_dim, config.at("intermediate_size")};
}

GoldenBf16 ReadBf16(const std::string& name) {
  std::ifstream in(GoldenFolder() + "/bf16.json");
  if (!in) return {};
  const json measured = json::parse(in);
  if (!measured.contains(name)) throw std::runtime_error("bf16.json lacks " + name);
  const json& entry = measured.at(name);
  return {entry.at("early_losses"), entry.at("losses"), entry.at("gradients")};
}

}  // namespace

int64_t GoldenBatch::Longest() const {
  int64_t longest = 0;
  for (size_t d = 0; d + 1 < offsets.size(); ++d) longest = std::max(longest, offsets[d + 1] - offsets[d]);
  return longest;
}

GoldenBatch GoldenBatch::Slice(int64_t begin, int64_t end) const {
  const int64_t first = offsets[begin];
  const int64_t last = offsets[end];
  GoldenBatch part;
  part.ids.assign(ids.begin() + first, ids.begin() + last);
  if (!labels.empty()) part.labels.assign(labels.begin() + first, labels.begin() + last);
  if (!weights.empty()) part.weights.assign(weights.begin() + first, weights.begin() + last);
  for (int64_t d = begin; d <= end; ++d) part.offsets.push_back(offsets[d] - first);
  part.denominator = denominator;
  for (int64_t d = begin; d < end; ++d) {
    for (int64_t t = offsets[d] + 1; t < offsets[d + 1]; ++t) part.tokens += labels.empty() || labels[t] != kIgnored;
  }
  return part;
}

double GoldenBatch::Denominator() const {
  if (denominator > 0) return denominator;
  double sum = 0;
  for (size_t d = 0; d + 1 < offsets.size(); ++d) {
    for (int64_t t = offsets[d] + 1; t < offsets[d + 1]; ++t) {
      if (labels.empty() || labels[t] != kIgnored) sum += weights.empty() ? 1.0 : weights[t];
    }
  }
  return sum;
}

int64_t Golden::LongestDocument() const {
  int64_t longest = 0;
  for (const GoldenBatch& batch : batches) longest = std::max(longest, batch.Longest());
  return longest;
}

int64_t Golden::MostDocuments() const {
  int64_t most = 0;
  for (const GoldenBatch& batch : batches) most = std::max(most, batch.Documents());
  return most;
}

bool Golden::WidthsAreMultiplesOf(int64_t n) const {
  return std::all_of(widths.begin(), widths.end(), [n](int64_t width) { return width % n == 0; });
}

std::string GoldenFolder() {
  if (const char* folder = std::getenv("HLM_GOLDENS")) return folder;
  const char* root = std::getenv("TEST_SRCDIR");
  const char* workspace = std::getenv("TEST_WORKSPACE");
  if (root == nullptr || workspace == nullptr) return "tests/golden/data";  // started by hand from the repository's root
  return std::string(root) + "/" + workspace + "/tests/golden/data";
}

std::vector<std::string> GoldenNames() {
  const json manifest = json::parse(ReadFile(GoldenFolder() + "/manifest.json"));
  std::vector<std::string> names;
  for (const auto& item : manifest.at("goldens").items()) names.push_back(item.key());
  return names;
}

Golden LoadGolden(const std::string& name) {
  const std::string folder = GoldenFolder() + "/" + name;
  const json text = json::parse(ReadFile(folder + "/golden.json"));
  const Arrays arrays(ReadFile(folder + "/arrays.bin"), text.at("arrays"));
  Golden golden;
  golden.name = name;
  golden.model_folder = folder + "/model";
  golden.training = ReadTraining(text.at("training"));
  for (const json& entry : text.at("batches")) {
    golden.batches.push_back(ReadBatch(arrays, entry, "batch" + std::to_string(golden.batches.size()) + "/"));
  }
  golden.logits = arrays.Read<float>("logits", "<f4");
  golden.vocab = text.at("arrays").at("logits").at("shape").at(1);
  golden.widths = text.contains("widths") ? text.at("widths").get<std::vector<int64_t>>()
                                          : WidthsOfConfig(json::parse(ReadFile(golden.model_folder + "/config.json")));
  golden.loss = text.at("loss");
  golden.final_loss = text.at("final_loss");
  for (const json& entry : text.at("steps")) {
    golden.steps.push_back({entry.at("batch"), entry.at("loss"), entry.at("grad_norm"), entry.at("lr"), entry.at("tokens")});
  }
  golden.bf16 = ReadBf16(name);
  golden.freeze = text.value("freeze", "");
  golden.train_only = text.value("train_only", "");
  for (const json& name : text.value("buffers", json::array())) golden.buffers.push_back(name.get<std::string>());
  for (const json& entry : text.at("parameters")) {
    GoldenParameter parameter;
    parameter.name = entry.at("name");
    parameter.shape = entry.at("shape").get<std::vector<int64_t>>();
    parameter.gradient = arrays.Read<float>("gradient/" + parameter.name, "<f4");
    parameter.final = arrays.Read<float>("final/" + parameter.name, "<f4");
    golden.parameters.push_back(std::move(parameter));
  }
  return golden;
}

}  // namespace hlm_golden
