#include "samples/horizon/reference.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "samples/horizon/text.h"

namespace horizon {
namespace {

// A column holds floats; the two together hold a double's sum to 2^-48 of itself, so that the first loss is ln 2 whatever the
// sum.
constexpr const char* kSum = "reference_sum";
constexpr const char* kRest = "reference_rest";

constexpr size_t kPiece = 16 << 20;

bool ReadColumn(hlm_dataset* set, const char* name, const std::string& key, std::vector<float>& values) {
  hlm_error* error = hlm_dataset_read_column(set, name, key.c_str(), values.data(), values.size());
  if (hlm_error_code(error) == HLM_NOT_FOUND) {
    hlm_error_destroy(error);
    return false;
  }
  Check(error);
  return true;
}

void WriteColumn(hlm_dataset* set, const char* name, const std::string& key, const std::vector<float>& values) {
  hlm_error* error = hlm_dataset_write_column(set, name, key.c_str(), values.data(), values.size());
  if (hlm_error_code(error) == HLM_FAILED_PRECONDITION) return hlm_error_destroy(error);  // no cache: the next run computes again
  Check(error);
}

}  // namespace

void ContentHash::Add(const void* data, size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (size_t at = 0; at < size; at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes + at, std::min<size_t>(8, size - at));
    // Two multiplications by odd constants, each of which takes in every bit of the word and of what came before.
    a_ = std::rotl((a_ ^ word) * 0x9e3779b97f4a7c15u, 29);
    b_ = (std::rotl(b_, 31) + word) * 0xbf58476d1ce4e5b9u ^ a_ >> 7;
  }
}

std::string ContentHash::Hex() const {
  const auto finish = [](uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  };
  return Format("%016llx%016llx", static_cast<unsigned long long>(finish(a_)), static_cast<unsigned long long>(finish(b_ + a_)));
}

std::string HashWeights(hlm_trainer* trainer, const Json& model) {
  ContentHash hash;
  std::vector<char> piece(kPiece);
  for (const Json& tensor : model.at("tensors")) {
    const std::string name = tensor.at("name").get<std::string>();
    hash.Add(name.data(), name.size());
    size_t bytes = sizeof(float);
    for (const Json& dimension : tensor.at("shape")) bytes *= dimension.get<size_t>();
    for (size_t at = 0; at < bytes; at += kPiece) {
      const size_t n = std::min(kPiece, bytes - at);
      Check(hlm_trainer_read_tensor(trainer, name.c_str(), HLM_TENSOR_WEIGHT, at, piece.data(), n));
      hash.Add(piece.data(), n);
    }
  }
  return hash.Hex();
}

std::string ReferenceKey(const Options& options, const std::string& weights) {
  return "weights " + weights + ", compute " + (options.engine.compute == HLM_DTYPE_F32 ? "f32" : "bf16");
}

std::vector<double> SumLogProbs(hlm_trainer* trainer, const hlm_weights* weights, const hlm_batch& batch) {
  std::vector<float> logprobs(batch.n_ids);
  Check(hlm_trainer_logprobs(trainer, weights, &batch, logprobs.data(), logprobs.size(), nullptr, 0, nullptr, 0));
  std::vector<double> sums(batch.n_offsets - 1);
  Check(hlm_batch_sum_logprobs(&batch, logprobs.data(), logprobs.size(), sums.data(), sums.size(), nullptr, 0));
  return sums;
}

void Reference::Prepare(hlm_trainer* trainer, Examples& set, const TextTools& tools, const std::string& key, int64_t rows,
                        Progress& progress) {
  const auto documents = set.description().at("column_length").get<size_t>();
  const float unknown = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> sum(documents, unknown), rest(documents, unknown);
  if (!ReadColumn(set.get(), kSum, key, sum) || !ReadColumn(set.get(), kRest, key, rest)) {
    sum.assign(documents, unknown);
    rest.assign(documents, unknown);
  }
  sums_.resize(documents);
  for (size_t d = 0; d < documents; ++d) sums_[d] = double{sum[d]} + double{rest[d]};

  // Once through everything: with shares an epoch need not hold every example.
  Json config = set.config();
  for (Json& source : config["data"]) source.erase("weight");
  config["epochs"] = 1;
  Examples all(config, tools);
  hlm_dataset_batch batch;
  int64_t computed = 0, read = 0;
  while (all.Next(rows, batch)) {
    const auto known = [&](int64_t d) { return !std::isnan(sums_[static_cast<size_t>(d)]); };
    if (std::all_of(batch.documents, batch.documents + batch.n_documents, known)) {
      read += static_cast<int64_t>(batch.n_documents);
      continue;
    }
    const std::vector<double> sums = SumLogProbs(trainer, nullptr, ViewOf(batch));
    for (size_t i = 0; i < sums.size(); ++i) {
      const auto d = static_cast<size_t>(batch.documents[i]);
      sum[d] = static_cast<float>(sums[i]);
      rest[d] = static_cast<float>(sums[i] - double{sum[d]});
      sums_[d] = double{sum[d]} + double{rest[d]};
    }
    computed += static_cast<int64_t>(sums.size());
  }
  if (computed > 0) {
    WriteColumn(set.get(), kSum, key, sum);
    WriteColumn(set.get(), kRest, key, rest);
  }
  progress.Say("reference: log-probabilities of " + FormatCount(computed) + " documents computed, of " + FormatCount(read) +
               " read");
}

std::vector<double> Reference::SumsOf(const hlm_dataset_batch& batch) const {
  std::vector<double> sums(batch.n_documents);
  for (size_t i = 0; i < sums.size(); ++i) {
    sums[i] = sums_.at(static_cast<size_t>(batch.documents[i]));
    if (std::isnan(sums[i])) throw Error("the reference says nothing of document " + std::to_string(batch.documents[i]));
  }
  return sums;
}

}  // namespace horizon
