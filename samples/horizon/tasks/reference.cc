#include "samples/horizon/tasks/reference.h"

#define XXH_INLINE_ALL  // as in the library: no further library to be there at run time
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "samples/horizon/base/activity.h"
#include "samples/horizon/base/text.h"

namespace horizon {
namespace {

// A column holds floats; the two together hold a double's sum to 2^-48 of itself, so that the first loss is ln 2 whatever the
// sum.
constexpr const char* kSum = "reference_sum";
constexpr const char* kRest = "reference_rest";

constexpr size_t kPiece = 4 << 20;  // floats

bool ReadColumn(hlm::Dataset& set, const char* name, const std::string& key, std::vector<float>& values) {
  try {
    set.ReadColumn(name, key, values);
    return true;
  } catch (const ApiError& error) {
    if (error.code() != HLM_NOT_FOUND) throw;
    return false;
  }
}

void WriteColumn(hlm::Dataset& set, const char* name, const std::string& key, const std::vector<float>& values) {
  try {
    set.WriteColumn(name, key, values);
  } catch (const ApiError& error) {
    if (error.code() != HLM_FAILED_PRECONDITION) throw;  // no cache: the next run computes again
  }
}

}  // namespace

std::string HashWeights(Trainer& trainer, const Json& model) {
  const Activity hashing("hashing the weights");
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> hash(XXH3_createState(), XXH3_freeState);
  if (hash == nullptr) throw Error("no memory for the hash of the weights");
  XXH3_128bits_reset(hash.get());
  std::vector<float> piece(kPiece);
  for (const Json& tensor : model.at("tensors")) {
    const std::string name = tensor.at("name").get<std::string>();
    XXH3_128bits_update(hash.get(), name.data(), name.size());
    size_t size = 1;
    for (const Json& dimension : tensor.at("shape")) size *= dimension.get<size_t>();
    for (size_t at = 0; at < size; at += kPiece) {
      const size_t n = std::min(kPiece, size - at);
      trainer.ReadTensor(name, HLM_TENSOR_WEIGHT, {piece.data(), n}, at * sizeof(float));
      XXH3_128bits_update(hash.get(), piece.data(), n * sizeof(float));
    }
  }
  const XXH128_hash_t sum = XXH3_128bits_digest(hash.get());
  return Format("%016llx%016llx", static_cast<unsigned long long>(sum.high64), static_cast<unsigned long long>(sum.low64));
}

std::string ReferenceKey(const Options& options, const std::string& weights) {
  return "weights " + weights + ", compute " + (options.engine.compute == HLM_DTYPE_F32 ? "f32" : "bf16");
}

std::vector<double> SumLogProbs(Trainer& trainer, const hlm::Weights* weights, const hlm_batch& batch) {
  std::vector<float> logprobs(batch.n_ids);
  trainer.Logprobs(batch, logprobs, weights);
  std::vector<double> sums(batch.n_offsets - 1);
  hlm::SumLogprobs(batch, logprobs, sums);
  return sums;
}

void Reference::Prepare(Trainer& trainer, Examples& set, const TextTools& tools, const std::string& key, int64_t rows,
                        const Group& group, Progress& progress) {
  const auto documents = set.description().at("column_length").get<size_t>();
  const float unknown = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> sum(documents, unknown), rest(documents, unknown);
  const bool kept = ReadColumn(set.set(), kSum, key, sum) && ReadColumn(set.set(), kRest, key, rest);
  if (group.Most(kept ? 0 : 1) > 0) {  // what one rank has to compute all do
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
  int64_t computed = 0, read = 0, steps = 0;
  std::vector<double> found(documents, std::numeric_limits<double>::quiet_NaN());
  Activity computing("log-probabilities of the reference, documents");
  group.Together([&] {
    while (all.Next(rows, batch)) {
      computing.Done(computed + read, static_cast<int64_t>(documents));
      const auto known = [&](int64_t d) { return !std::isnan(sums_[static_cast<size_t>(d)]); };
      const auto count = static_cast<int64_t>(batch.n_documents);
      if (std::all_of(batch.documents, batch.documents + batch.n_documents, known)) {
        read += count;
        continue;
      }
      computed += count;
      if (steps++ % group.size() != group.rank()) continue;
      const std::vector<double> sums = SumLogProbs(trainer, nullptr, ViewOf(batch));
      for (size_t i = 0; i < sums.size(); ++i) found[static_cast<size_t>(batch.documents[i])] = sums[i];
    }
  });
  if (computed > 0) {
    group.Merge(found);
    for (size_t d = 0; d < documents; ++d) {
      if (std::isnan(found[d])) continue;
      sum[d] = static_cast<float>(found[d]);
      rest[d] = static_cast<float>(found[d] - double{sum[d]});
      sums_[d] = double{sum[d]} + double{rest[d]};
    }
    group.FirstThenOthers([&] {
      std::vector<float> there(documents);
      const auto write = [&](const char* name, const std::vector<float>& values) {
        if (group.first() || !ReadColumn(set.set(), name, key, there)) WriteColumn(set.set(), name, key, values);
      };
      write(kSum, sum);
      write(kRest, rest);
    });
  }
  progress.Say("reference: log-probabilities of " + FormatCount(computed, "document") + " computed" +
               (read > 0 ? ", of " + FormatCount(read) + " read from the cache" : ""));
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
