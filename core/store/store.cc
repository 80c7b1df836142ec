#include "core/store/store.h"

#include <algorithm>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/plan/owned.h"
#include "core/store/host_memory.h"

namespace hlm {

ParameterStore::ParameterStore(const ModelLayout& layout, const Plan& plan, Device& device, int64_t rank)
    : weight_type_(plan.numerics.compute),
      gradient_type_(plan.numerics.grad_dtype),
      state_type_(plan.numerics.states),
      pieces_(plan.pieces),
      versions_(static_cast<size_t>(plan.pieces.size()), 0),
      states_book_(std::make_unique<LeaseBook>(pieces_)),
      gradients_book_(std::make_unique<LeaseBook>(pieces_)) {
  starts_.push_back(0);
  int64_t chunks = 0;
  for (const UnitSpec& unit : layout.units) {
    starts_.push_back(starts_.back() + unit.elements);
    norm_starts_.push_back(chunks);
    chunks += CeilDiv(unit.elements, kNormChunk);
  }
  kept_ = plan.OwnsAll() ? starts_.back() : MostOwned(plan);
  partial_ = pieces_.TrainedElements();
  if (!plan.OwnsAll()) KeepOwned(plan, rank);
  const HostMemory& planned = plan.host;
  weights_ = device.AllocateHost(static_cast<size_t>(planned.weights));
  remainders_ = AllocatePages(static_cast<size_t>(planned.remainders), "remainders");
  first_moments_ = AllocatePages(static_cast<size_t>(planned.first_moments), "first moments");
  second_moments_ = AllocatePages(static_cast<size_t>(planned.second_moments), "second moments");
  scales_ = AllocatePages(static_cast<size_t>(planned.scales), "scales of moments");
  gradients_ = AllocatePages(static_cast<size_t>(planned.gradients), "gradients");
  partials_ = AllocatePages(static_cast<size_t>(planned.partials), "partial sums of gradients");
  norms_ = AllocatePages(static_cast<size_t>(planned.norms), "gradient norms");

  const auto taken = [](const Buffer& buffer) { return static_cast<int64_t>(buffer.bytes()); };
  memory_.weights = taken(weights_);
  memory_.remainders = taken(remainders_);
  memory_.first_moments = taken(first_moments_);
  memory_.second_moments = taken(second_moments_);
  memory_.scales = taken(scales_);
  memory_.gradients = taken(gradients_);
  memory_.norms = taken(norms_);
  memory_.partials = taken(partials_);
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
  return weights_.data() + element * static_cast<int64_t>(SizeOf(weight_type_));
}
MomentArray ParameterStore::Moments(const Buffer& values, float* scales, int64_t of) const {
  const int64_t element = values.data() == nullptr ? 0 : owned_.PlaceOf(of);
  HLM_CHECK(scales == nullptr || element % kStateBlock == 0, element);
  return {At<std::byte>(values, StateBytes(state_type_, element)), scales == nullptr ? nullptr : scales + element / kStateBlock};
}
MomentArray ParameterStore::FirstMoments(int64_t element) const {
  return Moments(first_moments_, At<float>(scales_, 0), element);
}
MomentArray ParameterStore::SecondMoments(int64_t element) const {
  // All scales of the first moments, then those of the second.
  return Moments(second_moments_, At<float>(scales_, StateScales(state_type_, kept_)), element);
}
std::byte* ParameterStore::GradientBytes(int64_t element) const {
  if (gradients_.data() == nullptr) return nullptr;
  return gradients_.data() + owned_.PlaceOf(element) * static_cast<int64_t>(SizeOf(gradient_type_));
}
double* ParameterStore::NormOf(int64_t unit, int64_t begin) const {
  return At<double>(norms_, norm_starts_[static_cast<size_t>(unit)] + begin / kNormChunk);
}

float* ParameterStore::PartialOf(int64_t level, int64_t element) const {
  return At<float>(partials_, level * partial_ + trained_.PlaceOf(element));
}

MasterArray ParameterStore::Master(int64_t element) const {
  MasterArray master;
  if (weight_type_ == DType::kF32) {
    master.weight = reinterpret_cast<float*>(WeightBytes(element));
  } else {
    master.hi = reinterpret_cast<bf16_t*>(WeightBytes(element));
    if (remainders_.data() != nullptr) master.lo = At<uint16_t>(remainders_, owned_.PlaceOf(element));
  }
  return master;
}

void ParameterStore::TouchPages(HostPool& pool) {
  for (const Buffer* buffer : {&first_moments_, &second_moments_, &gradients_, &partials_}) hlm::TouchPages(*buffer, pool);
}

WeightLease ParameterStore::Weights(int64_t piece) const {
  const PiecePlan& p = pieces_[piece];
  return {Lease(*states_book_, piece, LeaseKind::kRead), version(piece), WeightBytes(FirstElement(p.unit) + p.begin),
          static_cast<size_t>(p.elements()) * SizeOf(weight_type_)};
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
    if (weight_type_ == DType::kBF16) {
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
