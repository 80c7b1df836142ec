// Times every operation of the CPU device at the shapes of a 12-layer model with hidden size 768, beside its bare oneDNN product,
// and adds both up to a step. Arguments: f32 or bf16, threads (0: all).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/cpu/cpu_device.h"
#include "core/cpu/product_bench.h"
#include "core/device/device.h"
#include "core/device/ops.h"
#include "tests/support/step_calls.h"

namespace hlm {
namespace {

constexpr int64_t kLayers = 12, kTokens = 2048, kRow = 512, kHidden = 768, kHeads = 12, kDim = 64, kWide = 2048, kVocab = 32768;
constexpr int64_t kQkv = 3 * kHidden, kChunk = 512;

class Bench {
 public:
  Bench(DType type, int threads) : type_(type) {
    CpuDeviceOptions options;
    options.threads = threads;
    device_ = CreateCpuDevice(options);
    stream_ = device_->CreateStream("compute");
    StepShapes& s = shapes_;
    s.type = type;
    s.tokens = kTokens;
    s.longest_document = kRow;
    s.hidden = kHidden;
    s.heads = s.kv_heads = kHeads;
    s.head_dim = kDim;
    s.intermediate = kWide;
    s.vocab = kVocab;
    s.head_chunk = kChunk;
    s.threads = threads > 0 ? threads : AvailableThreads();
    workspace_ = device_->Allocate(StepWorkspace(s, [&](const Call& call) { return CpuWorkspaceBytes(call, s.threads); }));
    device_->ops().SetWorkspace(workspace_.data(), workspace_.bytes());
    std::printf("%s\nworkspace %.1f MiB\n", device_->info().description.c_str(),
                static_cast<double>(workspace_.bytes()) / (1 << 20));
  }

  void* New(int64_t n, DType type) {
    buffers_.push_back(device_->Allocate(static_cast<size_t>(n) * SizeOf(type)));
    void* data = buffers_.back().data();
    for (int64_t i = 0; i < n; ++i) {
      const float value = static_cast<float>(RandomUniform(1, static_cast<uint64_t>(i)) - 0.5);
      if (type == DType::kF32) {
        static_cast<float*>(data)[i] = value;
      } else {
        static_cast<bf16_t*>(data)[i] = FloatToBf16(value);
      }
    }
    return data;
  }
  void* New(int64_t n) { return New(n, type_); }
  float* Floats(int64_t n) { return static_cast<float*>(New(n, DType::kF32)); }

  // Median seconds of one call, times the calls of a step.
  template <class Args>
  void Time(const char* name, double calls, void (Ops::*operation)(Stream&, const Args&), const Args& args) {
    if (KindOf(args) != ProductKind::kNone) products_.push_back({args, NameOfProduct(args), calls});
    std::vector<double> times;
    for (int round = 0; round < 9; ++round) {
      const auto begin = std::chrono::steady_clock::now();
      (device_->ops().*operation)(*stream_, args);
      stream_->Synchronize();
      times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    std::sort(times.begin(), times.end());
    const double seconds = times[times.size() / 2];
    total_ += calls * seconds;
    std::printf("%-24s %9.3f ms  x %3.0f = %7.3f s\n", name, 1e3 * seconds, calls, calls * seconds);
  }

  void Linear(const std::string& name, double calls, int64_t tokens, int64_t in, int64_t out, DType y_type, bool addend) {
    void *x = New(tokens * in), *w = New(in * out), *y = New(tokens * out, y_type), *dy = New(tokens * out),
         *dx = New(tokens * in);
    float* dw = Floats(in * out);
    Time((name + " forward").c_str(), calls, &Ops::Linear,
         {type_, y_type, tokens, in, out, x, w, nullptr, addend ? y : nullptr, y});
    Time((name + " d input").c_str(), calls, &Ops::LinearBackwardInput, {type_, tokens, in, out, dy, w, dx});
    Time((name + " d weight").c_str(), calls, &Ops::LinearBackwardWeight, {type_, tokens, in, out, dy, x, dw, nullptr, true});
    buffers_.clear();
  }

  void Attention() {
    for (int64_t t = 0; t <= kTokens; t += kRow) offsets_.push_back(static_cast<int32_t>(t));
    const Documents documents{kTokens / kRow, kRow, offsets_.data(), offsets_.data()};
    void *qkv = New(kTokens * kQkv), *out = New(kTokens * kHidden), *dqkv = New(kTokens * kQkv);
    float* lse = Floats(kTokens * kHeads);
    Time("attention forward", kLayers, &Ops::Attention, {type_, kTokens, kHeads, kHeads, kDim, 0, documents, qkv, out, lse});
    Time("attention backward", kLayers, &Ops::AttentionBackward,
         {type_, kTokens, kHeads, kHeads, kDim, 0, documents, qkv, out, New(kTokens * kHidden), lse, dqkv});
    std::vector<int32_t> positions;
    for (int64_t t = 0; t < kTokens; ++t) positions.push_back(static_cast<int32_t>(t % kRow));
    const float* table = Floats(kRow * kDim);
    Time("rotary forward", kLayers, &Ops::QkRotary,
         {type_, kTokens, kHeads, kHeads, kDim, 0, qkv, positions.data(), table, nullptr, nullptr, nullptr, nullptr});
    Time("rotary backward", kLayers, &Ops::QkRotaryBackward,
         {type_, kTokens, kHeads, kHeads, kDim, dqkv, positions.data(), table, nullptr, nullptr, nullptr, nullptr, nullptr,
          nullptr, false});
    buffers_.clear();
  }

  void Elementwise() {
    void *x = New(kTokens * kHidden), *w = New(kHidden), *y = New(kTokens * kHidden), *dx = New(kTokens * kHidden);
    float *rstd = Floats(kTokens), *dw = Floats(kHidden);
    Time("norm forward", 2 * kLayers + 1, &Ops::RmsNorm, {type_, kTokens, kHidden, 1e-5f, x, w, y, rstd});
    Time("norm backward", 2 * kLayers + 1, &Ops::RmsNormBackward, {type_, kTokens, kHidden, x, w, rstd, y, x, dx, dw, true});
    void *gate_up = New(kTokens * 2 * kWide), *act = New(kTokens * kWide), *d = New(kTokens * 2 * kWide);
    Time("swiglu forward", kLayers, &Ops::SwiGlu, {type_, kTokens, kWide, gate_up, act});
    Time("swiglu backward", kLayers, &Ops::SwiGluBackward, {type_, kTokens, kWide, gate_up, act, d});
    float *logits = Floats(kChunk * kVocab), *weights = Floats(kChunk), *nll = Floats(kChunk);
    std::vector<int32_t> ids;
    for (uint64_t t = 0; t < kTokens; ++t) ids.push_back(static_cast<int32_t>(RandomBelow(2, t, kVocab)));
    Time("loss", kTokens / kChunk, &Ops::CrossEntropy,
         {type_, kChunk, kVocab, logits, ids.data(), weights, nll, type_ == DType::kF32 ? logits : New(kChunk * kVocab)});
    void* table = New(kVocab * kHidden);
    Time("embedding forward", 1, &Ops::Embedding, {type_, kTokens, kHidden, kVocab, ids.data(), table, y});
    Time("embedding backward", 1, &Ops::EmbeddingBackward,
         {type_, kTokens, kHidden, kVocab, ids.data(), y, Floats(kVocab * kHidden)});
    Time("cast of a block", kLayers, &Ops::Cast,
         {DType::kF32, DType::kBF16, kHidden * (4 * kHidden + 3 * kWide), Floats(kHidden * (4 * kHidden + 3 * kWide)),
          New(kHidden * (4 * kHidden + 3 * kWide), DType::kBF16)});
    buffers_.clear();
  }

  void Run() {
    Linear("qkv", kLayers, kTokens, kHidden, kQkv, type_, false);
    Linear("o", kLayers, kTokens, kHidden, kHidden, type_, true);
    Linear("gate_up", kLayers, kTokens, kHidden, 2 * kWide, type_, false);
    Linear("down", kLayers, kTokens, kWide, kHidden, type_, true);
    Linear("head", kTokens / kChunk, kChunk, kHidden, kVocab, DType::kF32, false);
    Attention();
    Elementwise();
    const ProductTimes t = TimeProducts(products_, shapes_.threads);
    std::printf("products alone (%s): linear %.3f, attention %.3f + %.3f s\n", t.form.c_str(), t.linear, t.attention_forward,
                t.attention_backward);
    std::printf("operations %.3f s, products alone %.3f s: %.3f times\n", total_, t.step, total_ / t.step);
  }

 private:
  DType type_;
  StepShapes shapes_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Stream> stream_;
  Buffer workspace_;
  std::vector<Buffer> buffers_;
  std::vector<int32_t> offsets_;  // of the documents
  std::vector<CountedCall> products_;
  double total_ = 0;
};

}  // namespace
}  // namespace hlm

int main(int argc, char** argv) {
  const hlm::DType type = argc > 1 && std::string(argv[1]) == "bf16" ? hlm::DType::kBF16 : hlm::DType::kF32;
  hlm::Bench(type, argc > 2 ? std::atoi(argv[2]) : 0).Run();
  return 0;
}
