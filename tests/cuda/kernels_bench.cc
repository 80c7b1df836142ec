// The CUDA device's own kernels against the speed of a copy: bytes that an operation must move, each input read once and each
// output written once, over its time. By hand on a GPU:
//   kernels_bench [TOKENS]     default 16384; widths are those of a 7B model
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "core/base/checked.h"
#include "core/base/random.h"
#include "core/device/load_plugin.h"

namespace hlm {
namespace {

constexpr int64_t kHidden = 3584, kIntermediate = 18944, kHeads = 28, kKvHeads = 4, kHeadDim = 128, kVocab = 152064, kRows = 3328;
constexpr DType kType = DType::kBF16;

class Bench {
 public:
  explicit Bench(int64_t tokens) : tokens_(tokens), device_(CudaPlugin().Create(0, {})), stream_(device_->CreateStream("bench")) {
    arena_ = device_->Allocate(static_cast<size_t>(std::max(tokens * kIntermediate * 14, 2 * kVocab * kHidden * 4)));
    workspace_ = device_->Allocate(size_t{512} << 20);
    device_->ops().SetWorkspace(workspace_.data(), workspace_.bytes());
    std::vector<uint16_t> block(size_t{1} << 20);
    const uint64_t key = RandomKey(1, "bench");
    for (size_t i = 0; i < block.size(); ++i)
      block[i] = FloatToBf16(static_cast<float>(RandomBelow(key, i, 1 << 20)) * 0x1p-19f - 1);
    for (size_t at = 0; at < arena_.bytes(); at += 2 * block.size()) {
      stream_->Copy(arena_.data() + at, block.data(), std::min(2 * block.size(), arena_.bytes() - at));
    }
    std::vector<int32_t> ids(static_cast<size_t>(tokens)), positions(ids.size()), targets(kRows);
    for (size_t i = 0; i < ids.size(); ++i) {
      ids[i] = static_cast<int32_t>(RandomBelow(key, i, kVocab));
      positions[i] = static_cast<int32_t>(i % 1024);
    }
    for (size_t i = 0; i < targets.size(); ++i) targets[i] = static_cast<int32_t>(i);
    ids_ = Upload(ids);
    positions_ = Upload(positions);
    targets_ = Upload(targets);
    small_ = device_->Allocate(size_t{64} << 20);
    stream_->Synchronize();
  }

  int Run() {
    Report("copy", 4 * kCopy, [&] { stream_->Copy(Take<char>(2 * kCopy), Take<char>(2 * kCopy), 2 * kCopy); });
    copy_ = last_;
    const int64_t h = tokens_ * kHidden, i = tokens_ * kIntermediate, qkv = tokens_ * (kHeads + 2 * kKvHeads) * kHeadDim;
    const int64_t turned = tokens_ * (kHeads + kKvHeads) * kHeadDim;
    Ops& ops = device_->ops();
    Report("RmsNorm", 4 * h, [&] {
      ops.RmsNorm(*stream_, {.type = kType,
                             .rows = tokens_,
                             .width = kHidden,
                             .epsilon = 1e-6f,
                             .x = Take<void>(2 * h),
                             .w = small_.data(),
                             .y = Take<void>(2 * h),
                             .rstd = Small(1)});
    });
    Report("RmsNormBackward", 8 * h, [&] {
      void* gradient = Take<void>(2 * h);
      ops.RmsNormBackward(*stream_, {.type = kType,
                                     .rows = tokens_,
                                     .width = kHidden,
                                     .x = Take<void>(2 * h),
                                     .w = small_.data(),
                                     .rstd = Small(1),
                                     .dy = Take<void>(2 * h),
                                     .residual = gradient,
                                     .dx = gradient,
                                     .dw = Small(2)});
    });
    Report("QkRotary", 4 * turned, [&] {
      ops.QkRotary(*stream_, {.type = kType,
                              .tokens = tokens_,
                              .heads = kHeads,
                              .kv_heads = kKvHeads,
                              .head_dim = kHeadDim,
                              .qkv = Take<void>(2 * qkv),
                              .positions = Ints(positions_),
                              .table = Small(3)});
    });
    Report("QkRotaryBackward", 4 * turned, [&] {
      ops.QkRotaryBackward(*stream_, {.type = kType,
                                      .tokens = tokens_,
                                      .heads = kHeads,
                                      .kv_heads = kKvHeads,
                                      .head_dim = kHeadDim,
                                      .dqkv = Take<void>(2 * qkv),
                                      .positions = Ints(positions_),
                                      .table = Small(3)});
    });
    Report("SwiGlu", 6 * i, [&] {
      ops.SwiGlu(
          *stream_,
          {.type = kType, .tokens = tokens_, .width = kIntermediate, .gate_up = Take<void>(4 * i), .y = Take<void>(2 * i)});
    });
    Report("SwiGluBackward", 10 * i, [&] {
      ops.SwiGluBackward(*stream_, {.type = kType,
                                    .tokens = tokens_,
                                    .width = kIntermediate,
                                    .gate_up = Take<void>(4 * i),
                                    .dy = Take<void>(2 * i),
                                    .dgate_up = Take<void>(4 * i)});
    });
    Report("Cast f32 to bf16", 6 * kVocab * kHidden, [&] {
      ops.Cast(*stream_, {.x_type = DType::kF32,
                          .y_type = kType,
                          .n = kVocab * kHidden,
                          .x = Take<void>(4 * kVocab * kHidden),
                          .y = Take<void>(2 * kVocab * kHidden)});
    });
    Report("Embedding", 4 * h, [&] {
      ops.Embedding(*stream_, {.type = kType,
                               .tokens = tokens_,
                               .width = kHidden,
                               .vocab = kVocab,
                               .ids = Ints(ids_),
                               .table = Take<void>(2 * kVocab * kHidden),
                               .y = Take<void>(2 * h)});
    });
    Report("EmbeddingBackward", 10 * h, [&] {
      float* table = Take<float>(4 * kVocab * kHidden);
      ops.EmbeddingBackward(*stream_, {.type = kType,
                                       .tokens = tokens_,
                                       .width = kHidden,
                                       .vocab = kVocab,
                                       .ids = Ints(ids_),
                                       .dy = Take<void>(2 * h),
                                       .dtable = table});
    });
    Report("CrossEntropy", 6 * kRows * kVocab, [&] {
      ops.CrossEntropy(*stream_, {.type = kType,
                                  .rows = kRows,
                                  .vocab = kVocab,
                                  .logits = Take<float>(4 * kRows * kVocab),
                                  .targets = Ints(targets_),
                                  .weights = Small(4),
                                  .nll = Small(5),
                                  .dlogits = Take<void>(2 * kRows * kVocab)});
    });
    Report("CrossEntropy, loss only", 4 * kRows * kVocab, [&] {
      ops.CrossEntropy(*stream_, {.type = kType,
                                  .rows = kRows,
                                  .vocab = kVocab,
                                  .logits = Take<float>(4 * kRows * kVocab),
                                  .targets = Ints(targets_),
                                  .nll = Small(5)});
    });
    return 0;
  }

 private:
  static constexpr int64_t kCopy = int64_t{1} << 29;

  template <class T>
  Buffer Upload(const std::vector<T>& values) {
    Buffer to = device_->Allocate(values.size() * sizeof(T));
    stream_->Copy(to.data(), values.data(), to.bytes());
    stream_->Synchronize();
    return to;
  }
  static const int32_t* Ints(const Buffer& buffer) { return reinterpret_cast<const int32_t*>(buffer.data()); }
  float* Small(int which) { return reinterpret_cast<float*>(small_.data() + which * (int64_t{8} << 20)); }
  // Further bytes of the arena, for one run of an operation.
  template <class T>
  T* Take(int64_t bytes) {
    const int64_t at = next_;
    next_ += RoundUp(bytes, 256);
    if (next_ > static_cast<int64_t>(arena_.bytes())) {
      std::fprintf(stderr, "the arena is too small\n");
      std::exit(1);
    }
    return reinterpret_cast<T*>(arena_.data() + at);
  }

  void Report(const char* name, int64_t bytes, const std::function<void()>& work) {
    std::vector<double> times;
    for (int run = 0; run < 11; ++run) {
      next_ = 0;
      const auto begin = stream_->Stamp();
      work();
      const auto end = stream_->Stamp();
      stream_->Synchronize();
      if (run > 0) times.push_back((end->Microseconds() - begin->Microseconds()) * 1e-6);
    }
    std::nth_element(times.begin(), times.begin() + 5, times.end());
    last_ = static_cast<double>(bytes) / times[5];
    std::printf("%-26s %8.1f MiB %8.3f ms %7.0f GB/s", name, static_cast<double>(bytes) / 1048576, 1e3 * times[5], last_ * 1e-9);
    if (copy_ > 0) std::printf("  %5.1f %% of a copy", 100 * last_ / copy_);
    std::printf("\n");
  }

  const int64_t tokens_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Stream> stream_;
  Buffer arena_, workspace_, ids_, positions_, targets_, small_;
  int64_t next_ = 0;
  double copy_ = 0, last_ = 0;
};

}  // namespace
}  // namespace hlm

int main(int argc, char** argv) {
  const int64_t tokens = argc > 1 ? std::atoll(argv[1]) : 16384;
  if (tokens < 1) {
    std::fprintf(stderr, "error: TOKENS must be a whole number above 0\n");
    return 2;
  }
  try {
    return hlm::Bench(tokens).Run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
