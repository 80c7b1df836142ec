#include "core/machine/product_times.h"

#include <algorithm>
#include <vector>

#include "core/base/checked.h"
#include "core/base/random.h"

namespace hlm {
namespace {

class Bench {
 public:
  Bench(Device& device, const OpShapes& s, size_t workspace_bytes)
      : device_(device), s_(s), stream_(device.CreateStream("products")) {
    const int64_t query = s.heads * s.head_dim, qkv = query + 2 * s.kv_heads * s.head_dim;
    const int64_t widest = std::max({qkv, s.hidden, 2 * s.intermediate, query});
    const int64_t element = static_cast<int64_t>(SizeOf(s.type));
    const int64_t activations = std::max(s.tokens * widest, s.head_chunk * s.vocab) * element;
    const int64_t weights = std::max(s.hidden * widest, s.vocab * s.hidden) * element;
    x_ = Random(activations);
    dy_ = Random(activations);
    w_ = Random(weights);
    out_ =
        device.Allocate(static_cast<size_t>(std::max({2 * activations, weights * 4 / element, int64_t{4} * s.tokens * s.heads})));
    lse_ = device.Allocate(static_cast<size_t>(4 * s.tokens * s.heads));
    workspace_ = device.Allocate(workspace_bytes);
    device.ops().SetWorkspace(workspace_.data(), workspace_.bytes());
  }
  ~Bench() { device_.ops().SetWorkspace(nullptr, 0); }

  // Mean of the later half of at least a fifth of a second of it: a chip that works all the time is slower than one that just
  // began.
  template <class Work>
  double Seconds(const Work& work) {
    constexpr double kLeast = 0.2;
    constexpr int64_t kMost = 4096;
    const auto time = [&](int64_t count) {
      const auto begin = stream_->Stamp();
      for (int64_t i = 0; i < count; ++i) work();
      const auto end = stream_->Stamp();
      stream_->Synchronize();
      return (end->Microseconds() - begin->Microseconds()) * 1e-6;
    };
    time(1);
    const double once = std::max(time(1), 1e-6);
    const int64_t count = std::clamp<int64_t>(static_cast<int64_t>(kLeast / 2 / once), 1, kMost);
    time(count);
    return time(count) / static_cast<double>(count);
  }

  double Linear(int64_t tokens, int64_t in, int64_t out, DType y_type, bool addend) {
    LinearArgs f;
    f.type = s_.type;
    f.y_type = y_type;
    LinearBackwardInputArgs i;
    LinearBackwardWeightArgs w;
    i.type = w.type = s_.type;
    f.tokens = i.tokens = w.tokens = tokens;
    f.in = i.in = w.in = in;
    f.out = i.out = w.out = out;
    f.x = w.x = x_.data();
    f.w = i.w = w_.data();
    f.addend = addend ? dy_.data() : nullptr;
    i.dy = w.dy = dy_.data();
    f.y = i.dx = out_.data();
    w.dw = reinterpret_cast<float*>(out_.data());
    Ops& ops = device_.ops();
    return Seconds([&] { ops.Linear(*stream_, f); }) + Seconds([&] { ops.LinearBackwardInput(*stream_, i); }) +
           Seconds([&] { ops.LinearBackwardWeight(*stream_, w); });
  }

  void Attention(int64_t row_length, ProductTimes* times) {
    std::vector<int32_t> offsets;
    for (int64_t at = 0; at < s_.tokens; at += row_length) offsets.push_back(static_cast<int32_t>(at));
    offsets.push_back(static_cast<int32_t>(s_.tokens));
    const Buffer on_device = device_.Allocate(offsets.size() * sizeof(int32_t));
    stream_->Copy(on_device.data(), offsets.data(), on_device.bytes());
    AttentionArgs f;
    AttentionBackwardArgs b;
    f.type = b.type = s_.type;
    f.tokens = b.tokens = s_.tokens;
    f.heads = b.heads = s_.heads;
    f.kv_heads = b.kv_heads = s_.kv_heads;
    f.head_dim = b.head_dim = s_.head_dim;
    f.documents = b.documents = {static_cast<int64_t>(offsets.size()) - 1, row_length,
                                 reinterpret_cast<const int32_t*>(on_device.data()), offsets.data()};
    f.qkv = b.qkv = x_.data();
    f.out = out_.data();
    b.out = out_.data();
    f.lse = reinterpret_cast<float*>(lse_.data());
    b.lse = f.lse;
    b.dout = dy_.data();
    b.dqkv = out_.data() + RoundUp(s_.tokens * s_.heads * s_.head_dim * static_cast<int64_t>(SizeOf(s_.type)), 256);
    times->attention_forward = Seconds([&] { device_.ops().Attention(*stream_, f); });
    times->attention_backward = Seconds([&] { device_.ops().AttentionBackward(*stream_, b); });
  }

 private:
  Buffer Random(int64_t bytes) {
    Buffer to = device_.Allocate(static_cast<size_t>(bytes));
    const uint64_t key = RandomKey(1, "products");
    std::vector<uint16_t> block(size_t{1} << 20);
    for (size_t i = 0; i < block.size(); ++i)
      block[i] = FloatToBf16(static_cast<float>(RandomBelow(key, i, 1 << 20)) * 0x1p-19f - 1);
    for (size_t at = 0; at < to.bytes(); at += 2 * block.size()) {
      stream_->Copy(to.data() + at, block.data(), std::min(2 * block.size(), to.bytes() - at));
    }
    stream_->Synchronize();
    return to;
  }

  Device& device_;
  const OpShapes& s_;
  std::unique_ptr<Stream> stream_;
  Buffer x_, dy_, w_, out_, lse_, workspace_;
};

}  // namespace

ProductTimes TimeDeviceProducts(Device& device, const OpShapes& s, size_t workspace_bytes, int64_t layers, int64_t micro_batches,
                                int64_t row_length) {
  Bench bench(device, s, workspace_bytes);
  const int64_t query = s.heads * s.head_dim, qkv = query + 2 * s.kv_heads * s.head_dim;
  ProductTimes t;
  t.qkv = bench.Linear(s.tokens, s.hidden, qkv, s.type, false);
  t.o = bench.Linear(s.tokens, query, s.hidden, s.type, true);
  t.gate_up = bench.Linear(s.tokens, s.hidden, 2 * s.intermediate, s.type, false);
  t.down = bench.Linear(s.tokens, s.intermediate, s.hidden, s.type, true);
  bench.Attention(row_length, &t);
  const double blocks = static_cast<double>(layers * micro_batches);
  for (double* part : {&t.qkv, &t.o, &t.gate_up, &t.down, &t.attention_forward, &t.attention_backward}) *part *= blocks;
  // The head goes chunk by chunk; the last chunk of a micro-batch may be a part of one.
  const double chunks = static_cast<double>(s.tokens) / static_cast<double>(s.head_chunk);
  t.head = bench.Linear(s.head_chunk, s.hidden, s.vocab, DType::kF32, false) * chunks * static_cast<double>(micro_batches);
  t.step = t.qkv + t.o + t.gate_up + t.down + t.head + t.attention_forward + t.attention_backward;
  t.form = Name(s.type);
  return t;
}

}  // namespace hlm
