// WorkspaceBytes: what the plugin says for the largest shapes of a plan is enough for all operations of these and of smaller
// shapes, and no operation writes beyond it.
#include "tests/cuda/gpu.h"
#include "tests/support/step_calls.h"

namespace hlm {
namespace {

struct Case {
  DType type;
  int64_t tokens, longest, hidden, heads, kv_heads, dim, intermediate, vocab;
};

class WorkspaceTest : public OpsTest, public testing::WithParamInterface<Case> {};

TEST_P(WorkspaceTest, SufficesAndIsNotExceeded) {
  const Case c = GetParam();
  Devices& devices = Devices::Get();
  StepShapes shapes;
  shapes.type = c.type;
  shapes.tokens = c.tokens;
  shapes.longest_document = c.longest;
  shapes.hidden = c.hidden;
  shapes.heads = c.heads;
  shapes.kv_heads = c.kv_heads;
  shapes.head_dim = c.dim;
  shapes.intermediate = c.intermediate;
  shapes.vocab = c.vocab;
  shapes.head_chunk = c.tokens;
  const size_t bytes = StepWorkspace(
      shapes, [](const Call& call) { return CudaPlugin().WorkspaceBytes(call, CudaPlugin().Describe(0).shared_bytes); });
  DeviceArray workspace(devices.gpu(), devices.gpu_stream(), bytes);
  workspace.Upload(Bytes(bytes, std::byte{0xff}));
  devices.gpu().ops().SetWorkspace(workspace.data(), bytes);
  struct Restore {
    ~Restore() { Devices::Get().UseOwnWorkspace(); }
  } restore;  // also where an operation throws: other tests follow

  const size_t size = SizeOf(c.type);
  const auto elements = [&](int64_t n) { return devices.gpu().Allocate(static_cast<size_t>(n) * size); };  // zeros
  const auto floats = [&](int64_t n) { return devices.gpu().Allocate(static_cast<size_t>(n) * sizeof(float)); };
  const auto as_floats = [](const Buffer& buffer) { return reinterpret_cast<float*>(buffer.data()); };
  const int64_t width = (c.heads + 2 * c.kv_heads) * c.dim, turned = c.heads + c.kv_heads;
  const Buffer x = elements(c.tokens * std::max({width, c.hidden, 2 * c.intermediate, c.vocab})),
               y = elements(c.tokens * 2 * c.intermediate);
  const Buffer w = elements(std::max({2 * c.intermediate, width, c.vocab}) * c.hidden),
               norm = elements(std::max({2 * c.intermediate, width, c.hidden, c.dim}));
  const Buffer dw = floats(std::max({2 * c.intermediate, width, c.vocab}) * c.hidden),
               db = floats(std::max(2 * c.intermediate, width));
  const Buffer qkv = elements(c.tokens * width), dqkv = elements(c.tokens * width), raw = elements(c.tokens * turned * c.dim);
  const Buffer out = elements(c.tokens * c.heads * c.dim), dout = elements(c.tokens * c.heads * c.dim);
  const Buffer lse = floats(c.tokens * c.heads), rstd = floats(c.tokens * turned), table = floats(c.dim),
               logits = floats(c.tokens * c.vocab);
  const Buffer ints = floats(c.tokens);  // zeros as well

  for (const int64_t tokens : {c.tokens, c.tokens / 3 + 1}) {
    for (const int64_t to : {width, 2 * c.intermediate}) {
      devices.RunOnGpu(&Ops::Linear, LinearArgs{c.type, c.type, tokens, c.hidden, to, x.data(), w.data(), norm.data(), nullptr,
                                                to == width ? qkv.data() : y.data()});
      devices.RunOnGpu(&Ops::LinearBackwardWeight, LinearBackwardWeightArgs{c.type, tokens, c.hidden, to, y.data(), x.data(),
                                                                            as_floats(dw), as_floats(db), true});
      devices.RunOnGpu(&Ops::LinearBackwardInput,
                       LinearBackwardInputArgs{c.type, tokens, c.hidden, to, y.data(), w.data(), x.data()});
    }
    devices.RunOnGpu(&Ops::Linear, LinearArgs{c.type, DType::kF32, tokens, c.hidden, c.vocab, x.data(), w.data(), nullptr,
                                              nullptr, logits.data()});
    devices.RunOnGpu(&Ops::RmsNormBackward, RmsNormBackwardArgs{c.type, tokens, c.hidden, x.data(), norm.data(), as_floats(rstd),
                                                                y.data(), nullptr, y.data(), as_floats(dw), false});
    devices.RunOnGpu(&Ops::QkRotaryBackward,
                     QkRotaryBackwardArgs{c.type, tokens, c.heads, c.kv_heads, c.dim, dqkv.data(),
                                          reinterpret_cast<int32_t*>(ints.data()), as_floats(table), norm.data(), norm.data(),
                                          raw.data(), as_floats(rstd), as_floats(dw), as_floats(db), false});
    devices.RunOnGpu(&Ops::EmbeddingBackward,
                     EmbeddingBackwardArgs{c.type, tokens, c.hidden, c.vocab, reinterpret_cast<int32_t*>(ints.data()), x.data(),
                                           as_floats(dw)});
    std::vector<int32_t> offsets = {0};
    while (offsets.back() < tokens) offsets.push_back(static_cast<int32_t>(std::min(tokens, offsets.back() + c.longest)));
    Twin on_device = Twin::Input(offsets);
    on_device.Start(Side::kGpu);
    const Documents documents{static_cast<int64_t>(offsets.size()) - 1, std::min(tokens, c.longest), on_device.ints(Side::kGpu),
                              offsets.data()};
    devices.RunOnGpu(&Ops::Attention, AttentionArgs{c.type, tokens, c.heads, c.kv_heads, c.dim, 0, documents, qkv.data(),
                                                    out.data(), as_floats(lse)});
    devices.RunOnGpu(&Ops::AttentionBackward,
                     AttentionBackwardArgs{c.type, tokens, c.heads, c.kv_heads, c.dim, 0, documents, qkv.data(), out.data(),
                                           dout.data(), as_floats(lse), dqkv.data()});
  }
  workspace.Download("workspace");
}

class AttentionFallbackTest : public OpsTest {};

// cuDNN needs workspace for its offsets and statistics; our own kernels need none to go forward.
TEST_F(AttentionFallbackTest, IsCountedWithItsReason) {
  constexpr int64_t kTokens = 100, kHeads = 2, kDim = 64;
  Devices& devices = Devices::Get();
  constexpr size_t kLargest = sizeof(float);  // both types use the same buffers
  const Buffer qkv = devices.gpu().Allocate(kTokens * 3 * kHeads * kDim * kLargest);
  const Buffer out = devices.gpu().Allocate(kTokens * kHeads * kDim * kLargest);
  const Buffer lse = devices.gpu().Allocate(kTokens * kHeads * sizeof(float));
  const std::vector<int32_t> offsets = {0, 40, kTokens};
  Twin on_device = Twin::Input(offsets);
  on_device.Start(Side::kGpu);
  const auto fallbacks_of = [&](DType type) {
    const Documents documents{2, 60, on_device.ints(Side::kGpu), offsets.data()};
    const int64_t before = devices.gpu().ops().fallbacks().attention;
    devices.RunOnGpu(&Ops::Attention, AttentionArgs{type, kTokens, kHeads, kHeads, kDim, 0, documents, qkv.data(), out.data(),
                                                    reinterpret_cast<float*>(lse.data())});
    return devices.gpu().ops().fallbacks().attention - before;
  };
  EXPECT_EQ(fallbacks_of(DType::kBF16), 0);
  EXPECT_EQ(fallbacks_of(DType::kF32), 0) << "in fp32 our own kernels are the only way";

  const Buffer small = devices.gpu().Allocate(256);
  devices.gpu().ops().SetWorkspace(small.data(), small.bytes());
  struct Restore {
    ~Restore() { Devices::Get().UseOwnWorkspace(); }
  } restore;
  EXPECT_EQ(fallbacks_of(DType::kBF16), 1);
  EXPECT_NE(devices.gpu().ops().fallbacks().reason.find("256"), std::string::npos) << devices.gpu().ops().fallbacks().reason;
}

INSTANTIATE_TEST_SUITE_P(Shapes, WorkspaceTest,
                         testing::Values(Case{DType::kF32, 500, 200, 256, 4, 2, 64, 512, 1001},
                                         Case{DType::kBF16, 500, 200, 256, 4, 2, 64, 512, 1001},
                                         Case{DType::kBF16, 1024, 1024, 512, 8, 2, 128, 1024, 32001},
                                         Case{DType::kBF16, 130, 1, 64, 1, 1, 8, 64, 61}));

}  // namespace
}  // namespace hlm
