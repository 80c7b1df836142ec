// Reading and writing tensors of a trainer by name.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "core/model/tensor_order.h"
#include "core/train/state.h"

namespace hlm {
namespace {

constexpr int64_t kPiece = 1 << 16;  // elements on the way

struct Slice {
  int64_t first, count;  // elements of the tensor
};

Slice CheckSlice(const TensorSpec& tensor, size_t byte_offset, size_t bytes) {
  if (byte_offset % sizeof(float) != 0 || bytes % sizeof(float) != 0) {
    throw InvalidArgument("byte_offset is ", byte_offset, " and n_data ", bytes, "; both must be multiples of 4");
  }
  const size_t size = static_cast<size_t>(tensor.elements) * sizeof(float);
  if (byte_offset > size || bytes > size - byte_offset) {
    throw OutOfRange("tensor ", tensor.name, " has ", size, " bytes; byte_offset ", byte_offset, " and n_data ", bytes,
                     " pass its end");
  }
  return {static_cast<int64_t>(byte_offset / sizeof(float)), static_cast<int64_t>(bytes / sizeof(float))};
}

}  // namespace

void Trainer::ReadTensor(const std::string& name, TensorKind kind, size_t byte_offset, void* data, size_t bytes) {
  State& s = *state_;
  if (s.tensors.IsShared(kind)) {
    std::optional<Error> own;
    try {
      s.engine.health.CheckAlive();
      const TensorPlace& place = s.tensors.Find(name);
      CheckSlice(*place.tensor, byte_offset, bytes);
      s.tensors.CheckKept(place, kind, s.accumulated.any());
    } catch (const Error& error) {
      own = error;
    }
    s.engine.all_ranks.Agree(own, StrCat("reading ", bytes, " bytes from ", byte_offset, " of the ", Name(kind), " of ", name));
  }
  const TensorPlace& place = s.tensors.Find(name);
  const Slice slice = CheckSlice(*place.tensor, byte_offset, bytes);
  if (!s.engine.health.failed()) Finish();
  s.engine.health.CheckWhole();
  s.tensors.CheckKept(place, kind, s.accumulated.any());
  if (place.tensor->order != nullptr) {
    std::vector<float> values(static_cast<size_t>(slice.count));
    const auto slab = [&](int64_t at, int64_t n, float* to) { s.tensors.Read(place, kind, at, n, to); };
    DiskFromSlab(*place.tensor->order, slab, slice.first, slice.count, values.data());
    std::memcpy(data, values.data(), bytes);
    return;
  }
  const int64_t begin = slice.first;
  const bool aligned = reinterpret_cast<uintptr_t>(data) % alignof(float) == 0;
  // One piece a thread: the C library copies what is longer than the caches without reading the target first.
  // What ranks read together they read in order.
  const bool shared = s.tensors.IsShared(kind);
  const int64_t threads = s.engine.pool.threads(), own_piece = std::max(kPiece, (slice.count + threads - 1) / threads);
  const int64_t piece = shared ? NamedTensors::kTogether : own_piece;
  const auto read = [&](int64_t item) {
    const int64_t done = item * piece, n = std::min(piece, slice.count - done);
    if (aligned) return s.tensors.Read(place, kind, begin + done, n, static_cast<float*>(data) + done);
    const int64_t most = shared ? n : kPiece;  // where the target lies must not change what ranks exchange
    std::vector<float> values(static_cast<size_t>(std::min(n, most)));
    for (int64_t i = 0; i < n; i += most) {
      const int64_t part = std::min(most, n - i);
      s.tensors.Read(place, kind, begin + done + i, part, values.data());
      std::memcpy(static_cast<std::byte*>(data) + static_cast<size_t>(done + i) * sizeof(float), values.data(),
                  static_cast<size_t>(part) * sizeof(float));
    }
  };
  const int64_t pieces = (slice.count + piece - 1) / piece;
  if (pieces > 1 && !shared) return s.engine.pool.ParallelFor(pieces, read);
  for (int64_t item = 0; item < pieces; ++item) read(item);
}

void Trainer::WriteTensor(const std::string& name, TensorKind kind, size_t byte_offset, const void* data, size_t bytes) {
  State& s = *state_;
  const TensorPlace& place = s.tensors.Find(name);
  const Slice slice = CheckSlice(*place.tensor, byte_offset, bytes);
  s.engine.health.CheckAlive();
  Finish();
  s.engine.health.CheckWhole();
  s.tensors.CheckKept(place, kind, s.accumulated.any());
  if (kind == TensorKind::kGradient) s.accumulated.WriteGradient();
  const bool bf16 = IsBf16(s.engine.store, kind);
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
    if (!fits)
      throw InvalidArgument(Name(kind), " of ", name, ": element ", slice.first + i, " would be ", x, "; it must be finite",
                            bf16 ? " in bf16" : "");
    if (kind == TensorKind::kSecondMoment && x < 0) {
      throw InvalidArgument("second moment of ", name, ": element ", slice.first + i, " would be ", x,
                            "; it must not be negative");
    }
  }
  const auto each_piece = [&](const auto& work) {
    EachPiece(s.engine.plan->pieces, place.unit, place.tensor->offset, place.tensor->end() - place.tensor->offset,
              [&](int64_t piece, int64_t, int64_t) { work(piece); });
  };
  if (kind != TensorKind::kGradient) each_piece([&](int64_t piece) { s.engine.saver.BeforeUpdate(piece); });
  if (kind == TensorKind::kWeight) each_piece([&](int64_t piece) { s.engine.frozen.BeforeChange(piece); });
  if (place.tensor->order != nullptr) {
    for (int64_t i = 0; i < slice.count; ++i) {
      const float one = value(i);
      s.tensors.Write(place, kind, SlabIndex(*place.tensor->order, slice.first + i), 1, &one);
    }
  }
  std::vector<float> values(static_cast<size_t>(std::min(slice.count, kPiece)));
  for (int64_t done = 0; place.tensor->order == nullptr && done < slice.count; done += kPiece) {
    const int64_t n = std::min(kPiece, slice.count - done);
    for (int64_t i = 0; i < n; ++i) values[static_cast<size_t>(i)] = value(done + i);
    s.tensors.Write(place, kind, slice.first + done, n, values.data());
  }
  if (kind == TensorKind::kWeight) each_piece([&](int64_t piece) { s.engine.store.States(piece, LeaseKind::kChange).Commit(); });
  if (kind == TensorKind::kGradient) each_piece([&](int64_t piece) { s.engine.updater->norms().Recompute(piece); });
}

}  // namespace hlm
