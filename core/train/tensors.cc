// Reading and writing tensors of a trainer by name, and saving its model.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "core/model/tensor_order.h"
#include "core/plan/owned.h"
#include "core/train/group_batch.h"
#include "core/train/state.h"
#include "cpu_optim/kernels.h"

namespace hlm {
namespace {

constexpr int64_t kPiece = 1 << 16;     // elements on the way
constexpr int64_t kTogether = 1 << 22;  // those that ranks exchange at a time

const char* KindName(TensorKind kind) {
  switch (kind) {
    case TensorKind::kWeight:
      return "weight";
    case TensorKind::kGradient:
      return "gradient";
    case TensorKind::kFirstMoment:
      return "first moment";
    case TensorKind::kSecondMoment:
      return "second moment";
  }
  return "unknown kind";
}

MomentArray MomentsFrom(const StateLease& lease, bool second, int64_t begin) {
  return second ? lease.SecondMoments(begin) : lease.FirstMoments(begin);
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
    throw OutOfRange("tensor ", tensor.name, " has ", size, " bytes; byte_offset ", byte_offset, " and n_data ", bytes,
                     " pass its end");
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
  if (s.IsShared(kind)) {
    std::optional<Error> own;
    try {
      s.CheckAlive();
      CheckSlice(*s.Place(name).tensor, byte_offset, bytes);
      s.CheckKind(name, kind);
    } catch (const Error& error) {
      own = error;
    }
    s.Agreeing([&] {
      Agree(*s.group, own, StrCat("reading ", bytes, " bytes from ", byte_offset, " of the ", KindName(kind), " of ", name));
    });
  }
  const TensorPlace& place = s.Place(name);
  const Slice slice = CheckSlice(*place.tensor, byte_offset, bytes);
  if (!s.failure) Finish();
  s.CheckWhole();
  s.CheckKind(name, kind);
  if (place.tensor->order != nullptr) {
    std::vector<float> values(static_cast<size_t>(slice.count));
    const auto slab = [&](int64_t at, int64_t n, float* to) { s.ReadTensor(place, kind, at, n, to); };
    DiskFromSlab(*place.tensor->order, slab, slice.first, slice.count, values.data());
    std::memcpy(data, values.data(), bytes);
    return;
  }
  const int64_t begin = slice.first;
  const bool aligned = reinterpret_cast<uintptr_t>(data) % alignof(float) == 0;
  // One piece a thread: the C library copies what is longer than the caches without reading the target first.
  // What ranks read together they read in order.
  const bool shared = s.IsShared(kind);
  const int64_t threads = s.pool.threads(), piece = shared ? kTogether : std::max(kPiece, (slice.count + threads - 1) / threads);
  const auto read = [&](int64_t item) {
    const int64_t done = item * piece, n = std::min(piece, slice.count - done);
    if (aligned) return s.ReadTensor(place, kind, begin + done, n, static_cast<float*>(data) + done);
    const int64_t most = shared ? n : kPiece;  // where the target lies must not change what ranks exchange
    std::vector<float> values(static_cast<size_t>(std::min(n, most)));
    for (int64_t i = 0; i < n; i += most) {
      const int64_t part = std::min(most, n - i);
      s.ReadTensor(place, kind, begin + done + i, part, values.data());
      std::memcpy(static_cast<std::byte*>(data) + static_cast<size_t>(done + i) * sizeof(float), values.data(),
                  static_cast<size_t>(part) * sizeof(float));
    }
  };
  const int64_t pieces = (slice.count + piece - 1) / piece;
  if (pieces > 1 && !shared) return s.pool.ParallelFor(pieces, read);
  for (int64_t item = 0; item < pieces; ++item) read(item);
}

void Trainer::WriteTensor(const std::string& name, TensorKind kind, size_t byte_offset, const void* data, size_t bytes) {
  State& s = *state_;
  const TensorPlace& place = s.Place(name);
  const Slice slice = CheckSlice(*place.tensor, byte_offset, bytes);
  s.CheckAlive();
  Finish();
  s.CheckWhole();
  s.CheckKind(name, kind);
  s.gradient_written |= kind == TensorKind::kGradient;
  const DType moment_type = s.store.state_type() == StateType::kBF16 ? DType::kBF16 : DType::kF32;
  const bool bf16 = (kind == TensorKind::kWeight     ? s.store.weight_type()
                     : kind == TensorKind::kGradient ? s.store.gradient_type()
                                                     : moment_type) == DType::kBF16;
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
      throw InvalidArgument(KindName(kind), " of ", name, ": element ", slice.first + i, " would be ", x, "; it must be finite",
                            bf16 ? " in bf16" : "");
    if (kind == TensorKind::kSecondMoment && x < 0) {
      throw InvalidArgument("second moment of ", name, ": element ", slice.first + i, " would be ", x,
                            "; it must not be negative");
    }
  }
  const auto each_piece = [&](const auto& work) {
    EachPiece(s.plan->pieces, place.unit, place.tensor->offset, place.tensor->end() - place.tensor->offset,
              [&](int64_t piece, int64_t, int64_t) { work(piece); });
  };
  if (kind != TensorKind::kGradient) each_piece([&](int64_t piece) { s.saver.BeforeUpdate(piece); });
  if (kind == TensorKind::kWeight) each_piece([&](int64_t piece) { s.frozen.BeforeChange(piece); });
  if (place.tensor->order != nullptr) {
    for (int64_t i = 0; i < slice.count; ++i) {
      const float one = value(i);
      s.WriteTensor(place, kind, SlabIndex(*place.tensor->order, slice.first + i), 1, &one);
    }
  }
  std::vector<float> values(static_cast<size_t>(std::min(slice.count, kPiece)));
  for (int64_t done = 0; place.tensor->order == nullptr && done < slice.count; done += kPiece) {
    const int64_t n = std::min(kPiece, slice.count - done);
    for (int64_t i = 0; i < n; ++i) values[static_cast<size_t>(i)] = value(done + i);
    s.WriteTensor(place, kind, slice.first + done, n, values.data());
  }
  if (kind == TensorKind::kWeight) each_piece([&](int64_t piece) { s.store.States(piece, LeaseKind::kChange).Commit(); });
  if (kind == TensorKind::kGradient) each_piece([&](int64_t piece) { s.updater->norms().Recompute(piece); });
}

void Trainer::State::CheckKind(const std::string& name, TensorKind kind) const {
  if (kind == TensorKind::kWeight) return;
  const TensorPlace& place = Place(name);
  if (!plan->trained.Trains(place.unit, *place.tensor)) {
    throw FailedPrecondition("the ", KindName(kind), " of ", name,
                             " is not there: the plan's freeze and train_only leave it out");
  }
  if (kind == TensorKind::kGradient) {
    if (plan->purpose == Purpose::kForward || !plan->gradient_store) {
      throw FailedPrecondition("the gradient of ", name, " is not kept: the plan's purpose is ", hlm::Name(plan->purpose),
                               ", its optimizer timing ", hlm::Name(plan->timing));
    }
    if (!accumulated)
      throw FailedPrecondition("the gradient of ", name, " is not there: nothing was accumulated since the last update");
    return;
  }
  if (plan->purpose != Purpose::kTrain) {
    throw FailedPrecondition("the ", KindName(kind), " of ", name, " is not there: the plan's purpose is ",
                             hlm::Name(plan->purpose));
  }
  if (kind == TensorKind::kSecondMoment && MomentCount(plan->numerics.algorithm) < 2) {
    throw FailedPrecondition("the second moment of ", name, " is not there: optimizer ", hlm::Name(plan->numerics.algorithm),
                             " has one moment");
  }
}

// Elements of a tensor in the slab's order, wherever its slices lie.
void Trainer::State::ReadTensor(const TensorPlace& place, TensorKind kind, int64_t begin, int64_t n, float* out) {
  EachRun(*place.tensor, begin, n,
          [&](int64_t at, int64_t done, int64_t run) { ReadElements(place.unit, kind, at, run, out + done); });
}

void Trainer::State::WriteTensor(const TensorPlace& place, TensorKind kind, int64_t begin, int64_t n, const float* values) {
  EachRun(*place.tensor, begin, n,
          [&](int64_t at, int64_t done, int64_t run) { WriteElements(place.unit, kind, at, run, values + done); });
}

void Trainer::State::ReadElements(int64_t unit, TensorKind kind, int64_t begin, int64_t n, float* out) {
  EachPiece(plan->pieces, unit, begin, n,
            [&](int64_t piece, int64_t from, int64_t count) { ReadFrom(piece, kind, from, count, out + (from - begin)); });
}

void Trainer::State::WriteElements(int64_t unit, TensorKind kind, int64_t begin, int64_t n, const float* values) {
  EachPiece(plan->pieces, unit, begin, n,
            [&](int64_t piece, int64_t from, int64_t count) { WriteTo(piece, kind, from, count, values + (from - begin)); });
}

bool Trainer::State::IsShared(TensorKind kind) const {
  return plan->sharded && (kind != TensorKind::kWeight || plan->numerics.remainder);
}

void Trainer::State::ReadFrom(int64_t piece, TensorKind kind, int64_t begin, int64_t n, float* out) {
  IsShared(kind) ? ReadTogether(piece, kind, begin, n, out) : ReadOwn(piece, kind, begin, n, out);
}

void Trainer::State::ReadTogether(int64_t piece, TensorKind kind, int64_t begin, int64_t n, float* out) {
  // What is frozen has no owner, and is everywhere.
  if (kind == TensorKind::kWeight && !plan->trained.all()) ReadOwn(piece, kind, begin, n, out);
  const auto each = [&](int64_t rank, const auto& work) {
    EachOwnedIn(*plan, plan->pieces[piece], rank, begin, begin + n,
                [&](const PartPlan& range) { work(range.begin, range.end - range.begin, out + (range.begin - begin)); });
  };
  std::string own;
  each(group->rank(), [&](int64_t from, int64_t count, float* to) {
    ReadOwn(piece, kind, from, count, to);
    own.append(reinterpret_cast<const char*>(to), static_cast<size_t>(count) * sizeof(float));
  });
  const std::vector<std::string> all = group->AllGather(ProcessGroup::kCalls, own);
  for (int64_t rank = 0; rank < group->size(); ++rank) {
    const std::string& theirs = all[static_cast<size_t>(rank)];
    size_t at = 0;
    each(rank, [&](int64_t, int64_t count, float* to) {
      const size_t bytes = static_cast<size_t>(count) * sizeof(float);
      HLM_CHECK(at + bytes <= theirs.size(), theirs.size(), " bytes of rank ", rank);
      std::memcpy(to, theirs.data() + at, bytes);
      at += bytes;
    });
  }
}

void Trainer::State::ReadOwn(int64_t piece, TensorKind kind, int64_t begin, int64_t n, float* out) {
  if (kind == TensorKind::kGradient) {
    const GradientLease lease = store.Gradients(piece, LeaseKind::kRead);
    const std::byte* gradient = lease.Sums(begin);
    if (store.gradient_type() == DType::kF32) {
      std::memcpy(out, gradient, static_cast<size_t>(n) * sizeof(float));
    } else {
      kernels::WidenBf16(reinterpret_cast<const bf16_t*>(gradient), n, out);
    }
    return;
  }
  const StateLease lease = store.States(piece, LeaseKind::kRead);
  if (kind == TensorKind::kWeight) return lease.ReadMaster(begin, n, out);
  const bool second = kind == TensorKind::kSecondMoment;
  // Codes are worth something by block, and a slice may begin inside one.
  const int64_t before = begin % kStateBlock, first = begin - before;
  std::array<float, kStateBlock> block;
  const int64_t head = before == 0 ? 0 : std::min(kStateBlock - before, n);
  if (head > 0) {
    DecodeMoment(store.state_type(), second, before + head, MomentsFrom(lease, second, first), block.data());
    std::copy_n(block.data() + before, head, out);
  }
  if (n > head) DecodeMoment(store.state_type(), second, n - head, MomentsFrom(lease, second, begin + head), out + head);
}

void Trainer::State::WriteTo(int64_t piece, TensorKind kind, int64_t begin, int64_t n, const float* values) {
  if (plan->sharded && kind != TensorKind::kWeight) {
    return EachOwnedIn(*plan, plan->pieces[piece], group->rank(), begin, begin + n, [&](const PartPlan& range) {
      WriteOwn(piece, kind, range.begin, range.end - range.begin, values + (range.begin - begin));
    });
  }
  WriteOwn(piece, kind, begin, n, values);
}

void Trainer::State::WriteOwn(int64_t piece, TensorKind kind, int64_t begin, int64_t n, const float* values) {
  if (kind == TensorKind::kGradient) {
    const GradientLease lease = store.Gradients(piece, LeaseKind::kChange);
    std::byte* gradient = lease.Sums(begin);
    if (store.gradient_type() == DType::kF32) {
      std::memcpy(gradient, values, static_cast<size_t>(n) * sizeof(float));
    } else {
      for (int64_t i = 0; i < n; ++i) reinterpret_cast<bf16_t*>(gradient)[i] = FloatToBf16(values[i]);
    }
    return;
  }
  const StateLease lease = store.States(piece, LeaseKind::kChange);
  if (kind == TensorKind::kWeight) return lease.WriteMaster(begin, n, values);
  const bool second = kind == TensorKind::kSecondMoment;
  // Block by block: what lies beside the slice in a block keeps its value, to the nearest code where the block's scale changes.
  std::array<float, kStateBlock> block;
  for (int64_t done = 0; done < n;) {
    const int64_t before = (begin + done) % kStateBlock, first = begin + done - before;
    const int64_t count = std::min(kStateBlock - before, n - done),
                  length = std::min(kStateBlock, plan->pieces[piece].end - first);
    const MomentArray moments = MomentsFrom(lease, second, first);
    if (count < length) DecodeMoment(store.state_type(), second, length, moments, block.data());
    std::copy_n(values + done, count, block.data() + before);
    EncodeMoment(store.state_type(), second, length, block.data(), moments);
    done += count;
  }
}

// Frozen weights are held in the compute type. Where that is the source's value rounded, the source has it whole.
void Trainer::State::ReadToSave(const TensorPlace& place, int64_t begin, int64_t n, float* out) {
  ReadTensor(place, TensorKind::kWeight, begin, n, out);
  if (plan->trained.Trains(place.unit, *place.tensor) || store.weight_type() == DType::kF32) return;
  std::vector<float> source(static_cast<size_t>(n));
  model->weights().Read(*place.tensor, begin, n, source.data());
  for (int64_t i = 0; i < n; ++i) {
    const float whole = source[static_cast<size_t>(i)];
    if (Bf16ToFloat(SplitMaster(whole).hi) == out[i]) out[i] = whole;
  }
}

void Trainer::SaveModel(const std::string& folder, SaveOptions options) {
  State& s = *state_;
  if (!s.failure) Finish();
  s.CheckWhole();
  const bool rounded = s.store.weight_type() == DType::kBF16 && s.plan->purpose != Purpose::kTrain;
  const bool finer = s.model->source_dtype().has_value() && *s.model->source_dtype() != DType::kBF16;
  if (rounded && finer) {
    throw FailedPrecondition("this trainer holds the ", hlm::Name(*s.model->source_dtype()),
                             " weights rounded to bf16, as its plan's purpose is ", hlm::Name(s.plan->purpose),
                             ": save the model itself, or plan for training");
  }
  options.default_dtype = s.store.weight_type() == DType::kF32 ? DType::kF32 : DType::kBF16;
  const TensorReader read = [&s](const TensorSpec& tensor, int64_t begin, int64_t n, float* out) {
    s.ReadToSave(s.Place(tensor.name), begin, n, out);
  };
  if (s.IsShared(TensorKind::kWeight)) return s.SaveTogether(folder, options);
  if (s.group != nullptr && s.group->rank() != 0) return;  // every rank has the same weights, and rank 0 writes them
  SaveFolder(*s.model, read, folder, options);
}

// Rank 0 writes, and asks all for what it needs: a tensor's number and a slice, or with no number that it has ended, and how.
void Trainer::State::SaveTogether(const std::string& folder, const SaveOptions& options) {
  struct Request {
    int64_t unit = -1, tensor = 0, begin = 0, n = 0;
  };
  Agreeing([&] { Agree(*group, std::nullopt, StrCat("saving the model behind step ", step)); });
  const auto tell = [&](const Request& request, const std::string& end) {
    return group
        ->AllGather(ProcessGroup::kCalls,
                    group->rank() == 0 ? std::string(reinterpret_cast<const char*>(&request), sizeof(request)) + end : "")
        .front();
  };
  const auto& units = model->layout().units;
  if (group->rank() == 0) {
    std::optional<Error> failed;
    try {
      const TensorReader read = [&](const TensorSpec& tensor, int64_t begin, int64_t n, float* out) {
        const TensorPlace& place = Place(tensor.name);
        const int64_t number = place.tensor - units[static_cast<size_t>(place.unit)].tensors.data();
        for (int64_t done = 0; done < n; done += kTogether) {
          const int64_t count = std::min(kTogether, n - done);
          tell({place.unit, number, begin + done, count}, "");
          ReadToSave(place, begin + done, count, out + done);
        }
      };
      SaveFolder(*model, read, folder, options);
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
    ReadTensor({request.unit, &tensor}, TensorKind::kWeight, request.begin, request.n, values.data());
  }
}

}  // namespace hlm
