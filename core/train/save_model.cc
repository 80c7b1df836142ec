// Saving a trainer's model as a folder.
#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "core/train/state.h"

namespace hlm {
namespace {

// What rank 0 needs of the others: a slice of a tensor, or with no unit nothing more.
struct Request {
  int64_t unit = -1, tensor = 0, begin = 0, n = 0;
};

// Rank 0 writes, and asks all for what it needs; at the end it says how that was. `behind`: the step, which all must have done.
void SaveTogether(AllRanks& all_ranks, const Model& model, const NamedTensors& tensors, int64_t behind, const std::string& folder,
                  const SaveOptions& options) {
  all_ranks.Agree(std::nullopt, StrCat("saving the model behind step ", behind));
  const auto tell = [&](const Request& request, const std::string& end) {
    const std::string bytes(reinterpret_cast<const char*>(&request), sizeof(request));
    return all_ranks.Gather(all_ranks.rank() == 0 ? bytes + end : "").front();
  };
  const auto& units = model.layout().units;
  if (all_ranks.rank() == 0) {
    std::optional<Error> failed;
    try {
      const TensorReader read = [&](const TensorSpec& tensor, int64_t begin, int64_t n, float* out) {
        const TensorPlace& place = tensors.Find(tensor.name);
        const int64_t number = place.tensor - units[static_cast<size_t>(place.unit)].tensors.data();
        for (int64_t done = 0; done < n; done += NamedTensors::kTogether) {
          const int64_t count = std::min(NamedTensors::kTogether, n - done);
          tell({place.unit, number, begin + done, count}, "");
          tensors.ReadToSave(place, begin + done, count, out + done);
        }
      };
      SaveFolder(model, read, folder, options);
    } catch (const Error& error) {
      failed = error;
    }
    tell({}, failed ? std::string(1, static_cast<char>(failed->code())) + failed->message() : "");
    if (failed) throw *failed;
    return;
  }
  std::vector<float> values;
  while (true) {
    const std::string told = tell({}, "");
    Request request;
    HLM_CHECK(told.size() >= sizeof(request), told.size(), " bytes of a request");
    std::memcpy(&request, told.data(), sizeof(request));
    if (request.unit < 0) {
      if (told.size() == sizeof(request)) return;
      throw Error(static_cast<Code>(told[sizeof(request)]), StrCat("rank 0: ", told.substr(sizeof(request) + 1)));
    }
    const TensorSpec& tensor = units[static_cast<size_t>(request.unit)].tensors[static_cast<size_t>(request.tensor)];
    values.resize(static_cast<size_t>(request.n));
    tensors.Read({request.unit, &tensor}, TensorKind::kWeight, request.begin, request.n, values.data());
  }
}

}  // namespace

void Trainer::SaveModel(const std::string& folder, SaveOptions options) {
  State& s = *state_;
  const Model& model = *s.engine.model;
  const Plan& plan = *s.engine.plan;
  const DType held = s.engine.store.weight_type();
  if (!s.engine.health.failed()) Finish();
  s.engine.health.CheckWhole();
  const bool rounded = held == DType::kBF16 && plan.purpose != Purpose::kTrain;
  const bool finer = model.source_dtype().has_value() && *model.source_dtype() != DType::kBF16;
  if (rounded && finer) {
    throw FailedPrecondition("this trainer holds the ", Name(*model.source_dtype()),
                             " weights rounded to bf16, as its plan's purpose is ", Name(plan.purpose),
                             ": save the model itself, or plan for training");
  }
  options.default_dtype = held == DType::kF32 ? DType::kF32 : DType::kBF16;
  AllRanks& all_ranks = s.engine.all_ranks;
  if (s.tensors.IsShared(TensorKind::kWeight)) {
    return SaveTogether(all_ranks, model, s.tensors, s.position.steps(), folder, options);
  }
  if (all_ranks.rank() != 0) return;  // every rank has the same weights, and rank 0 writes them
  const TensorReader read = [&s](const TensorSpec& tensor, int64_t begin, int64_t n, float* out) {
    s.tensors.ReadToSave(s.tensors.Find(tensor.name), begin, n, out);
  };
  SaveFolder(model, read, folder, options);
}

}  // namespace hlm
