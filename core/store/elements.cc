#include "core/store/elements.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "cpu_optim/kernels.h"

namespace hlm {
namespace {

MomentArray MomentsFrom(const StateLease& lease, bool second, int64_t begin) {
  return second ? lease.SecondMoments(begin) : lease.FirstMoments(begin);
}

// Codes are worth something by block, and a slice may begin inside one.
void ReadMoments(const ParameterStore& store, const StateLease& lease, bool second, int64_t begin, int64_t n, float* out) {
  const int64_t before = begin % kStateBlock, first = begin - before;
  std::array<float, kStateBlock> block;
  const int64_t head = before == 0 ? 0 : std::min(kStateBlock - before, n);
  if (head > 0) {
    DecodeMoment(store.state_type(), second, before + head, MomentsFrom(lease, second, first), block.data());
    std::copy_n(block.data() + before, head, out);
  }
  if (n > head) DecodeMoment(store.state_type(), second, n - head, MomentsFrom(lease, second, begin + head), out + head);
}

// Block by block: what lies beside the slice in a block keeps its value, to the nearest code where the block's scale changes. `end`: of
// the piece.
void WriteMoments(const ParameterStore& store, const StateLease& lease, bool second, int64_t begin, int64_t n, int64_t end,
                  const float* values) {
  std::array<float, kStateBlock> block;
  for (int64_t done = 0; done < n;) {
    const int64_t before = (begin + done) % kStateBlock, first = begin + done - before;
    const int64_t count = std::min(kStateBlock - before, n - done), length = std::min(kStateBlock, end - first);
    const MomentArray moments = MomentsFrom(lease, second, first);
    if (count < length) DecodeMoment(store.state_type(), second, length, moments, block.data());
    std::copy_n(values + done, count, block.data() + before);
    EncodeMoment(store.state_type(), second, length, block.data(), moments);
    done += count;
  }
}

}  // namespace

const char* Name(TensorKind kind) {
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

void ReadElements(const ParameterStore& store, int64_t piece, TensorKind kind, int64_t begin, int64_t n, float* out) {
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
  ReadMoments(store, lease, kind == TensorKind::kSecondMoment, begin, n, out);
}

void WriteElements(ParameterStore& store, int64_t piece, TensorKind kind, int64_t begin, int64_t n, const float* values) {
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
  WriteMoments(store, lease, kind == TensorKind::kSecondMoment, begin, n, store.pieces()[piece].end, values);
}

bool IsBf16(const ParameterStore& store, TensorKind kind) {
  if (kind == TensorKind::kWeight) return store.weight_type() == DType::kBF16;
  if (kind == TensorKind::kGradient) return store.gradient_type() == DType::kBF16;
  return store.state_type() == StateType::kBF16;
}

}  // namespace hlm
