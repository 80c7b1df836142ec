// Sums and norms of gradients: one pass over memory, chunk by chunk, so that the norm reads what the sum left in the cache.
#include <algorithm>
#include <cstring>

#include "cpu_optim/kernels.h"
#include "cpu_optim/optimizer.h"
#include "cpu_optim/tiles.h"

namespace hlm {
namespace {

double SquaredNormOfChunk(const void* chunk, DType type, int64_t n) {
  if (type == DType::kF32) return kernels::SquaredNormF32(static_cast<const float*>(chunk), n);
  return kernels::SquaredNormBf16(static_cast<const bf16_t*>(chunk), n);
}

void AddChunk(void* sum, DType sum_type, const void* gradient, DType gradient_type, int64_t n, uint64_t key,
              uint64_t first_index) {
  const auto* f32 = static_cast<const float*>(gradient);
  const auto* bf16 = static_cast<const bf16_t*>(gradient);
  const bool from_f32 = gradient_type == DType::kF32;
  if (sum_type == DType::kF32) {
    auto* to = static_cast<float*>(sum);
    from_f32 ? kernels::AddF32(f32, n, to) : kernels::AddBf16(bf16, n, to);
  } else {
    auto* to = static_cast<bf16_t*>(sum);
    from_f32 ? kernels::AddStochasticF32(f32, n, key, first_index, to)
             : kernels::AddStochasticBf16(bf16, n, key, first_index, to);
  }
}

void ConvertChunk(const void* from, DType from_type, void* to, DType to_type, int64_t n) {
  if (from_type == to_type) {
    std::memcpy(to, from, static_cast<size_t>(n) * SizeOf(to_type));
  } else if (to_type == DType::kF32) {
    kernels::WidenBf16(static_cast<const bf16_t*>(from), n, static_cast<float*>(to));
  } else {
    kernels::NarrowToBf16(static_cast<const float*>(from), n, static_cast<bf16_t*>(to));
  }
}

void CheckTerms(int64_t n, EarlierTerms earlier, DType gradient_type) {
  if (!earlier.empty() && gradient_type != DType::kF32) {
    throw InvalidArgument("earlier terms of a gradient of type ", Name(gradient_type), "; f32 is possible");
  }
  for (const float* term : earlier) CheckArray(n, term, "earlier term of the gradient");
}

// The chunk's gradient with its earlier terms: the gradient itself, or `room`.
const float* WithTerms(EarlierTerms earlier, const float* gradient, int64_t chunk, int64_t n, float* room) {
  if (earlier.empty()) return gradient + chunk;
  kernels::SumF32(earlier[0] + chunk, gradient + chunk, n, room);
  for (const float* term : earlier.subspan(1)) kernels::AddF32(term + chunk, n, room);
  return room;
}

template <class Work>
void ForEachChunk(HostPool& pool, int64_t n, const Work& work) {
  ForEachTile(pool, n, kPassTile, [&](int64_t begin, int64_t count) {
    for (int64_t chunk = begin; chunk < begin + count; chunk += kGradientChunk) {
      work(chunk, std::min(kGradientChunk, begin + count - chunk));
    }
  });
}

const char* At(const void* array, DType type, int64_t i) {
  return static_cast<const char*>(array) + static_cast<size_t>(i) * SizeOf(type);
}
char* At(void* array, DType type, int64_t i) { return static_cast<char*>(array) + static_cast<size_t>(i) * SizeOf(type); }

}  // namespace

void SquaredNorms(HostPool& pool, int64_t n, const void* gradient, DType type, double* chunk_sums) {
  CheckCount(n);
  CheckF32OrBf16(type, "gradient");
  CheckArray(n, gradient, "gradient");
  CheckArray(n, chunk_sums, "array of chunk sums");
  ForEachChunk(pool, n, [&](int64_t chunk, int64_t count) {
    chunk_sums[chunk / kGradientChunk] = SquaredNormOfChunk(At(gradient, type, chunk), type, count);
  });
}

void AddTerms(HostPool& pool, int64_t n, EarlierTerms earlier, const float* gradient, float* sum) {
  CheckCount(n);
  CheckTerms(n, earlier, DType::kF32);
  CheckArray(n, gradient, "gradient");
  CheckArray(n, sum, "sum");
  ForEachChunk(pool, n, [&](int64_t chunk, int64_t count) {
    if (sum == gradient) {
      for (const float* term : earlier) kernels::AddF32(term + chunk, count, sum + chunk);
      return;
    }
    float room[kGradientChunk];
    kernels::StreamF32(WithTerms(earlier, gradient, chunk, count, room), count, sum + chunk);
  });
}

void Accumulate(HostPool& pool, int64_t n, void* sum, DType sum_type, const void* gradient, DType gradient_type, bool accumulate,
                uint64_t key, int64_t first_index, double* chunk_sums, EarlierTerms earlier) {
  CheckCount(n);
  CheckF32OrBf16(sum_type, "sum");
  CheckF32OrBf16(gradient_type, "gradient");
  CheckArray(n, sum, "sum");
  CheckArray(n, gradient, "gradient");
  CheckTerms(n, earlier, gradient_type);
  if (first_index < 0) throw InvalidArgument("index of the first element ", first_index, " is below 0");
  ForEachChunk(pool, n, [&](int64_t chunk, int64_t count) {
    void* to = At(sum, sum_type, chunk);
    float room[kGradientChunk];
    const void* from = At(gradient, gradient_type, chunk);
    if (!earlier.empty()) from = WithTerms(earlier, static_cast<const float*>(gradient), chunk, count, room);
    if (accumulate) {
      AddChunk(to, sum_type, from, gradient_type, count, key, static_cast<uint64_t>(first_index) + static_cast<uint64_t>(chunk));
    } else {
      ConvertChunk(from, gradient_type, to, sum_type, count);
    }
    if (chunk_sums != nullptr) chunk_sums[chunk / kGradientChunk] = SquaredNormOfChunk(to, sum_type, count);
  });
}

void Convert(HostPool& pool, int64_t n, const void* from, DType from_type, void* to, DType to_type) {
  CheckCount(n);
  CheckF32OrBf16(from_type, "source");
  CheckF32OrBf16(to_type, "destination");
  CheckArray(n, from, "source");
  CheckArray(n, to, "destination");
  ForEachTile(pool, n, kPassTile, [&](int64_t begin, int64_t count) {
    ConvertChunk(At(from, from_type, begin), from_type, At(to, to_type, begin), to_type, count);
  });
}

void SplitMasters(HostPool& pool, int64_t n, const float* weight, bf16_t* hi, uint16_t* lo) {
  CheckCount(n);
  CheckArray(n, weight, "weight");
  CheckArray(n, hi, "bf16 weight");
  CheckArray(n, lo, "remainder");
  ForEachTile(pool, n, kPassTile,
              [&](int64_t begin, int64_t count) { kernels::SplitMasters(weight + begin, count, hi + begin, lo + begin); });
}

void JoinMasters(HostPool& pool, int64_t n, const bf16_t* hi, const uint16_t* lo, float* weight) {
  CheckCount(n);
  CheckArray(n, hi, "bf16 weight");
  CheckArray(n, lo, "remainder");
  CheckArray(n, weight, "weight");
  ForEachTile(pool, n, kPassTile,
              [&](int64_t begin, int64_t count) { kernels::JoinMasters(hi + begin, lo + begin, count, weight + begin); });
}

}  // namespace hlm
