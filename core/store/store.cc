#include "core/store/store.h"

#include <algorithm>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/plan/owned.h"
#include "core/store/host_memory.h"

namespace hlm {

ParameterStore::ParameterStore(const ModelLayout& layout, const Plan& plan, Device& device, int64_t rank)
    : types_{plan.numerics.compute, plan.numerics.grad_dtype, plan.numerics.states},
      pieces_(plan.pieces),
      versions_(static_cast<size_t>(plan.pieces.size()), 0),
      books_{std::make_unique<LeaseBook>(pieces_), std::make_unique<LeaseBook>(pieces_)} {
  starts_.push_back(0);
  int64_t chunks = 0;
  for (const UnitSpec& unit : layout.units) {
    starts_.push_back(starts_.back() + unit.elements);
    norm_starts_.push_back(chunks);
    chunks += CeilDiv(unit.elements, kGradientChunk);
  }
  kept_ = plan.OwnsAll() ? starts_.back() : MostOwned(plan);
  partial_ = pieces_.TrainedElements();
  if (!plan.OwnsAll()) KeepOwned(plan, rank);
  const HostMemory& planned = plan.host;
  arrays_.weights = device.AllocateHost(static_cast<size_t>(planned.weights));
  arrays_.remainders = AllocatePages(static_cast<size_t>(planned.remainders), "remainders");
  arrays_.first_moments = AllocatePages(static_cast<size_t>(planned.first_moments), "first moments");
  arrays_.second_moments = AllocatePages(static_cast<size_t>(planned.second_moments), "second moments");
  arrays_.scales = AllocatePages(static_cast<size_t>(planned.scales), "scales of moments");
  arrays_.gradients = AllocatePages(static_cast<size_t>(planned.gradients), "gradients");
  arrays_.partials = AllocatePages(static_cast<size_t>(planned.partials), "partial sums of gradients");
  arrays_.norms = AllocatePages(static_cast<size_t>(planned.norms), "gradient norms");

  const auto taken = [](const Buffer& buffer) { return static_cast<int64_t>(buffer.bytes()); };
  memory_.weights = taken(arrays_.weights);
  memory_.remainders = taken(arrays_.remainders);
  memory_.first_moments = taken(arrays_.first_moments);
  memory_.second_moments = taken(arrays_.second_moments);
  memory_.scales = taken(arrays_.scales);
  memory_.gradients = taken(arrays_.gradients);
  memory_.norms = taken(arrays_.norms);
  memory_.partials = taken(arrays_.partials);
}

void ParameterStore::KeepOwned(const Plan& plan, int64_t rank) {
  owned_.AddNothing();
  trained_.AddNothing();
  int64_t at = 0, partial = 0;
  for (int64_t p = 0; p < pieces_.size(); ++p) {
    const int64_t first = FirstElement(pieces_[p].unit);
    EachOwned(plan, pieces_[p], rank, [&](const PartPlan& range) {
      owned_.Add(first + range.begin, first + range.end, at);
      at += RoundUp(range.end - range.begin, kStateBlock);
    });
    for (const PartPlan& part : pieces_[p].trained) {
      trained_.Add(first + part.begin, first + part.end, partial);
      partial += part.end - part.begin;
    }
  }
}

namespace {
template <class T>
T* At(const Buffer& buffer, int64_t element) {
  return buffer.data() == nullptr ? nullptr : reinterpret_cast<T*>(buffer.data()) + element;
}
}  // namespace

std::byte* ParameterStore::WeightBytes(int64_t element) const {
  return arrays_.weights.data() + element * static_cast<int64_t>(SizeOf(types_.weight));
}
MomentArray ParameterStore::Moments(const Buffer& values, float* scales, int64_t of) const {
  const int64_t element = values.data() == nullptr ? 0 : owned_.PlaceOf(of);
  HLM_CHECK(scales == nullptr || element % kStateBlock == 0, element);
  return {At<std::byte>(values, StateBytes(types_.state, element)), scales == nullptr ? nullptr : scales + element / kStateBlock};
}
MomentArray ParameterStore::FirstMoments(int64_t element) const {
  return Moments(arrays_.first_moments, At<float>(arrays_.scales, 0), element);
}
MomentArray ParameterStore::SecondMoments(int64_t element) const {
  // All scales of the first moments, then those of the second.
  return Moments(arrays_.second_moments, At<float>(arrays_.scales, StateScales(types_.state, kept_)), element);
}
std::byte* ParameterStore::GradientBytes(int64_t element) const {
  if (arrays_.gradients.data() == nullptr) return nullptr;
  return arrays_.gradients.data() + owned_.PlaceOf(element) * static_cast<int64_t>(SizeOf(types_.gradient));
}
double* ParameterStore::NormOf(int64_t unit, int64_t begin) const {
  return At<double>(arrays_.norms, norm_starts_[static_cast<size_t>(unit)] + begin / kGradientChunk);
}

float* ParameterStore::PartialOf(int64_t level, int64_t element) const {
  return At<float>(arrays_.partials, level * partial_ + trained_.PlaceOf(element));
}

MasterArray ParameterStore::Master(int64_t element) const {
  MasterArray master;
  if (types_.weight == DType::kF32) {
    master.weight = reinterpret_cast<float*>(WeightBytes(element));
  } else {
    master.hi = reinterpret_cast<bf16_t*>(WeightBytes(element));
    if (arrays_.remainders.data() != nullptr) master.lo = At<uint16_t>(arrays_.remainders, owned_.PlaceOf(element));
  }
  return master;
}

void ParameterStore::TouchPages(HostPool& pool) {
  for (const Buffer* buffer : {&arrays_.first_moments, &arrays_.second_moments, &arrays_.gradients, &arrays_.partials})
    hlm::TouchPages(*buffer, pool);
}

WeightLease ParameterStore::Weights(int64_t piece) const {
  const PiecePlan& p = pieces_[piece];
  return {Lease(*books_.states, piece, LeaseKind::kRead), version(piece), WeightBytes(FirstElement(p.unit) + p.begin),
          static_cast<size_t>(p.bytes())};
}

void ParameterStore::Load(const Model& model, HostPool& pool) {
  struct Run {
    int64_t unit;
    const TensorSpec* tensor;
    int64_t begin, n;  // elements of the tensor
  };
  constexpr int64_t kRun = int64_t{1} << 20;  // 4 MiB of floats on the way
  std::vector<StateLease> leases;
  leases.reserve(static_cast<size_t>(pieces_.size()));
  std::vector<Run> runs;
  for (int64_t p = 0; p < pieces_.size(); ++p) leases.push_back(States(p, LeaseKind::kChange));
  const auto& units = model.layout().units;
  for (size_t u = 0; u < units.size(); ++u) {
    for (const TensorSpec& tensor : units[u].tensors) {
      // Whole matrices of what is transposed, which is read by them.
      const bool turned = tensor.order != nullptr && tensor.order->transposed;
      const int64_t length = turned ? std::max(kRun, tensor.elements / tensor.slices) : kRun;
      for (int64_t begin = 0; begin < tensor.elements; begin += length) {
        runs.push_back({static_cast<int64_t>(u), &tensor, begin, std::min(length, tensor.elements - begin)});
      }
    }
  }
  pool.ParallelFor(static_cast<int64_t>(runs.size()), [&](int64_t item) {
    const Run& run = runs[static_cast<size_t>(item)];
    std::vector<float> values(static_cast<size_t>(run.n));
    model.weights().Read(*run.tensor, run.begin, run.n, values.data());
    // A weight above bfloat16's largest value would be infinite on the device.
    if (types_.weight == DType::kBF16) {
      for (int64_t i = 0; i < run.n; ++i) {
        if ((SplitMaster(values[static_cast<size_t>(i)]).hi & 0x7fffu) >= 0x7f80u) {
          throw InvalidArgument("tensor ", run.tensor->name, " element ", run.begin + i, " is ", values[static_cast<size_t>(i)],
                                "; it is not finite in bf16: use f32 compute");
        }
      }
    }
    EachRun(*run.tensor, run.begin, run.n, [&](int64_t at, int64_t done, int64_t n) {
      EachPiece(pieces_, run.unit, at, n, [&](int64_t piece, int64_t from, int64_t count) {
        leases[static_cast<size_t>(piece)].WriteMaster(from, count, values.data() + done + (from - at));
      });
    });
  });
}

}  // namespace hlm
