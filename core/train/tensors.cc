// Reading and writing tensors of a trainer by name, and saving its model.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/train/state.h"

namespace hlm {
namespace {

constexpr int64_t kPiece = 1 << 16;  // elements on the way

const char* KindName(TensorKind kind) {
  switch (kind) {
    case TensorKind::kWeight: return "weight";
    case TensorKind::kGradient: return "gradient";
    case TensorKind::kFirstMoment: return "first moment";
    case TensorKind::kSecondMoment: return "second moment";
  }
  return "unknown kind";
}

struct Slice {
  int64_t first, count;  // elements of the tensor
};

Slice CheckSlice(const TensorSpec& tensor, size_t byte_offset, size_t bytes) {
  if (byte_offset % sizeof(float) != 0 || bytes % sizeof(float) != 0) {
    throw InvalidArgument("byte_offset is ", byte_offset, " and n_data ", bytes, "; both must be multiples of 4");
  }
  const size_t size = static_cast<size_t>(tensor.elements) * sizeof(float);
  if (byte_offset > size || bytes > size - byte_offset) {
    throw OutOfRange("tensor ", tensor.name, " has ", size, " bytes; byte_offset ", byte_offset, " and n_data ", bytes, " pass its end");
  }
  return {static_cast<int64_t>(byte_offset / sizeof(float)), static_cast<int64_t>(bytes / sizeof(float))};
}

}  // namespace

const TensorPlace& Trainer::State::Place(const std::string& name) const {
  const auto found = places.find(name);
  if (found == places.end()) throw NotFound("the model has no tensor '", name, "'");
  return found->second;
}

void Trainer::ReadTensor(const std::string& name, TensorKind kind, size_t byte_offset, void* data, size_t bytes) {
  State& s = *state_;
  const TensorPlace& place = s.Place(name);
  const Slice slice = CheckSlice(*place.tensor, byte_offset, bytes);
  if (!s.failure) Finish();
  s.CheckWhole();
  s.CheckKind(name, kind);
  std::byte* out = static_cast<std::byte*>(data);
  std::vector<float> values(static_cast<size_t>(std::min(slice.count, kPiece)));
  for (int64_t done = 0; done < slice.count; done += kPiece) {
    const int64_t n = std::min(kPiece, slice.count - done);
    s.ReadElements(place.unit, kind, place.tensor->offset + slice.first + done, n, values.data());
    std::memcpy(out + static_cast<size_t>(done) * sizeof(float), values.data(), static_cast<size_t>(n) * sizeof(float));
  }
}

void Trainer::WriteTensor(const std::string& name, TensorKind kind, size_t byte_offset, const void* data, size_t bytes) {
  State& s = *state_;
  const TensorPlace& place = s.Place(name);
  const Slice slice = CheckSlice(*place.tensor, byte_offset, bytes);
  s.CheckAlive();
  Finish();
  s.CheckWhole();
  s.CheckKind(name, kind);
  const bool bf16 = (kind == TensorKind::kWeight ? s.store.weight_type() : kind == TensorKind::kGradient ? s.store.gradient_type() : DType::kF32) ==
                    DType::kBF16;
  const std::byte* in = static_cast<const std::byte*>(data);
  const auto value = [&](int64_t i) {
    float x;
    std::memcpy(&x, in + static_cast<size_t>(i) * sizeof(float), sizeof x);
    return x;
  };
  // All values are looked at before the first is written.
  for (int64_t i = 0; i < slice.count; ++i) {
    const float x = value(i);
    const bool fits = std::isfinite(x) && (!bf16 || (SplitMaster(x).hi & 0x7fffu) < 0x7f80u);
    if (!fits) throw InvalidArgument(KindName(kind), " of ", name, ": element ", slice.first + i, " would be ", x, "; it must be finite", bf16 ? " in bf16" : "");
    if (kind == TensorKind::kSecondMoment && x < 0) {
      throw InvalidArgument("second moment of ", name, ": element ", slice.first + i, " would be ", x, "; it must not be negative");
    }
  }
  const int64_t begin = place.tensor->offset + slice.first;
  if (kind == TensorKind::kWeight) s.frozen.BeforeChange(place.unit);
  std::vector<float> values(static_cast<size_t>(std::min(slice.count, kPiece)));
  for (int64_t done = 0; done < slice.count; done += kPiece) {
    const int64_t n = std::min(kPiece, slice.count - done);
    for (int64_t i = 0; i < n; ++i) values[static_cast<size_t>(i)] = value(done + i);
    s.WriteElements(place.unit, kind, begin + done, n, values.data());
  }
  if (kind == TensorKind::kWeight) s.store.BumpVersion(place.unit);
  if (kind == TensorKind::kGradient) s.updater->RecomputeNorms(place.unit);
}

void Trainer::State::CheckKind(const std::string& name, TensorKind kind) const {
  if (kind == TensorKind::kWeight) return;
  if (kind == TensorKind::kGradient) {
    if (plan->purpose == Purpose::kForward || !plan->gradient_store) {
      throw FailedPrecondition("the gradient of ", name, " is not kept: the plan's purpose is ", hlm::Name(plan->purpose), ", its optimizer timing ",
                               hlm::Name(plan->timing));
    }
    if (!accumulated) throw FailedPrecondition("the gradient of ", name, " is not there: nothing was accumulated since the last update");
    return;
  }
  if (plan->purpose != Purpose::kTrain) {
    throw FailedPrecondition("the ", KindName(kind), " of ", name, " is not there: the plan's purpose is ", hlm::Name(plan->purpose));
  }
}

void Trainer::State::ReadElements(int64_t unit, TensorKind kind, int64_t begin, int64_t n, float* out) {
  if (kind == TensorKind::kWeight) {
    store.ReadMaster(unit, begin, n, out);
  } else if (kind == TensorKind::kGradient) {
    const std::byte* gradient = store.Gradients(unit, begin);
    if (store.gradient_type() == DType::kF32) {
      std::memcpy(out, gradient, static_cast<size_t>(n) * sizeof(float));
    } else {
      const bf16_t* values = reinterpret_cast<const bf16_t*>(gradient);
      for (int64_t i = 0; i < n; ++i) out[i] = Bf16ToFloat(values[i]);
    }
  } else {
    const MomentArray moments = kind == TensorKind::kFirstMoment ? store.FirstMoments(unit, begin) : store.SecondMoments(unit, begin);
    std::memcpy(out, moments.values, static_cast<size_t>(n) * sizeof(float));
  }
}

void Trainer::State::WriteElements(int64_t unit, TensorKind kind, int64_t begin, int64_t n, const float* values) {
  if (kind == TensorKind::kWeight) {
    store.WriteMaster(unit, begin, n, values);
  } else if (kind == TensorKind::kGradient) {
    std::byte* gradient = store.Gradients(unit, begin);
    if (store.gradient_type() == DType::kF32) {
      std::memcpy(gradient, values, static_cast<size_t>(n) * sizeof(float));
    } else {
      for (int64_t i = 0; i < n; ++i) reinterpret_cast<bf16_t*>(gradient)[i] = FloatToBf16(values[i]);
    }
  } else {
    const MomentArray moments = kind == TensorKind::kFirstMoment ? store.FirstMoments(unit, begin) : store.SecondMoments(unit, begin);
    std::memcpy(moments.values, values, static_cast<size_t>(n) * sizeof(float));
  }
}

void Trainer::SaveModel(const std::string& folder, SaveOptions options) {
  State& s = *state_;
  if (!s.failure) Finish();
  s.CheckWhole();
  const bool rounded = s.store.weight_type() == DType::kBF16 && s.plan->purpose != Purpose::kTrain;
  const bool finer = s.model->source_dtype().has_value() && *s.model->source_dtype() != DType::kBF16;
  if (rounded && finer) {
    throw FailedPrecondition("this trainer holds the ", hlm::Name(*s.model->source_dtype()), " weights rounded to bf16, as its plan's purpose is ",
                             hlm::Name(s.plan->purpose), ": save the model itself, or plan for training");
  }
  options.default_dtype = s.store.weight_type() == DType::kF32 ? DType::kF32 : DType::kBF16;
  const TensorReader read = [&s](const TensorSpec& tensor, int64_t begin, int64_t n, float* out) {
    s.store.ReadMaster(s.Place(tensor.name).unit, tensor.offset + begin, n, out);
  };
  SaveFolder(*s.model, read, folder, options);
}

}  // namespace hlm
