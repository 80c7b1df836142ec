// What operations refuse, on the caller's thread and before anything runs; and the size of the workspace.
#include "core/cpu/access.h"
#include "tests/cpu/rig.h"
#include "tests/support/step_calls.h"

namespace hlm {
namespace {

StepShapes Shapes(DType type) {
  StepShapes shapes;
  shapes.type = type;
  shapes.tokens = 300;
  shapes.longest_document = 150;
  shapes.hidden = 96;
  shapes.heads = 6;
  shapes.kv_heads = 2;
  shapes.head_dim = 16;
  shapes.intermediate = 200;
  shapes.vocab = 1000;
  shapes.head_chunk = 64;
  shapes.threads = kThreadSanitizer ? 1 : 2;  // as many as the device will have
  return shapes;
}

size_t Workspace(const StepShapes& s) {
  return StepWorkspace(s, [&](const Call& call) { return CpuWorkspaceBytes(call, s.threads); });
}

// Runs every operation that takes workspace at the largest shapes of a plan.
void RunAll(Rig* rig, const StepShapes& s) {
  const int64_t query = s.heads * s.head_dim, qkv_width = query + 2 * s.kv_heads * s.head_dim, turned = s.heads + s.kv_heads;
  const auto linear = [&](int64_t tokens, int64_t in, int64_t out, DType y_type) {
    Array x = RandomArray(s.type, tokens * in, "x"), w = RandomArray(s.type, in * out, "w"), y(y_type, tokens * out);
    Array dy = RandomArray(s.type, tokens * out, "dy"), dx(s.type, tokens * in), dw(DType::kF32, in * out);
    rig->Run(&Ops::Linear, {s.type, y_type, tokens, in, out, x.data(), w.data(), nullptr, nullptr, y.data()});
    rig->Run(&Ops::LinearBackwardInput, {s.type, tokens, in, out, dy.data(), w.data(), dx.data()});
    rig->Run(&Ops::LinearBackwardWeight, {s.type, tokens, in, out, dy.data(), x.data(), dw.floats(), nullptr, false});
  };
  linear(s.tokens, s.hidden, qkv_width, s.type);
  linear(s.tokens, query, s.hidden, s.type);
  linear(s.tokens, s.hidden, 2 * s.intermediate, s.type);
  linear(s.tokens, s.intermediate, s.hidden, s.type);
  linear(s.head_chunk, s.hidden, s.vocab, DType::kF32);
  Array x = RandomArray(s.type, s.tokens * s.hidden, "x"), w = RandomArray(s.type, s.hidden, "w"),
        rstd = RandomArray(DType::kF32, s.tokens, "r");
  Array dx(s.type, s.tokens * s.hidden), dw(DType::kF32, s.hidden);
  rig->Run(&Ops::RmsNormBackward,
           {s.type, s.tokens, s.hidden, x.data(), w.data(), rstd.floats(), x.data(), nullptr, dx.data(), dw.floats(), false});
  Array qkv = RandomArray(s.type, s.tokens * qkv_width, "qkv"), norm = RandomArray(s.type, s.head_dim, "norm");
  Array table = RandomArray(DType::kF32, s.head_dim, "table"), raw = RandomArray(s.type, s.tokens * turned * s.head_dim, "raw");
  Array raw_rstd = RandomArray(DType::kF32, s.tokens * turned, "raw_rstd"), dq(DType::kF32, s.head_dim),
        dk(DType::kF32, s.head_dim);
  const std::vector<int32_t> positions(static_cast<size_t>(s.tokens), 0);
  rig->Run(&Ops::QkRotaryBackward,
           {s.type, s.tokens, s.heads, s.kv_heads, s.head_dim, qkv.data(), positions.data(), table.floats(), norm.data(),
            norm.data(), raw.data(), raw_rstd.floats(), dq.floats(), dk.floats(), false});
  const auto longest = static_cast<int32_t>(s.longest_document);
  const std::vector<int32_t> offsets = {0, longest, static_cast<int32_t>(s.tokens)};
  const Documents documents{2, s.longest_document, offsets.data(), offsets.data()};
  Array out(s.type, s.tokens * query), lse(DType::kF32, s.tokens * s.heads), dqkv(s.type, s.tokens * qkv_width);
  rig->Run(&Ops::Attention,
           {s.type, s.tokens, s.heads, s.kv_heads, s.head_dim, 0, documents, qkv.data(), out.data(), lse.floats()});
  rig->Run(&Ops::AttentionBackward, {s.type, s.tokens, s.heads, s.kv_heads, s.head_dim, 0, documents, qkv.data(), out.data(),
                                     out.data(), lse.floats(), dqkv.data()});
}

TEST(WorkspaceTest, WhatThePlanIsToldIsEnoughAndLessIsAnError) {
  for (const DType type : {DType::kF32, DType::kBF16}) {
    const StepShapes shapes = Shapes(type);
    const size_t bytes = Workspace(shapes);
    Rig enough(2, bytes);
    RunAll(&enough, shapes);
    EXPECT_LT(bytes, size_t{8} << 20) << "small shapes take little";
    Rig less(2, bytes - 4096);
    try {
      RunAll(&less, shapes);
      FAIL() << "an operation ran without its workspace";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInternal);
      EXPECT_NE(error.message().find(std::to_string(bytes - 4096)), std::string::npos) << error.message();
    }
  }
}

TEST(WorkspaceTest, NeverFallsWhenADimensionGrows) {
  StepShapes shapes = Shapes(DType::kBF16);
  for (int64_t StepShapes::*dimension :
       {&StepShapes::tokens, &StepShapes::longest_document, &StepShapes::hidden, &StepShapes::heads, &StepShapes::kv_heads,
        &StepShapes::head_dim, &StepShapes::intermediate, &StepShapes::vocab, &StepShapes::head_chunk, &StepShapes::threads}) {
    StepShapes grown = shapes;
    size_t before = Workspace(shapes);
    for (int round = 0; round < 40; ++round) {
      grown.*dimension += 1 + grown.*dimension / 7;
      const size_t now = Workspace(grown);
      ASSERT_GE(now, before);
      before = now;
    }
  }
}

TEST(WorkspaceTest, IsModestForLargeModels) {
  StepShapes shapes;  // of a 70B model with a micro-batch of 16 Ki tokens
  shapes.type = DType::kBF16;
  shapes.tokens = 16384;
  shapes.longest_document = 4096;
  shapes.hidden = 8192;
  shapes.heads = 64;
  shapes.kv_heads = 8;
  shapes.head_dim = 128;
  shapes.intermediate = 28672;
  shapes.vocab = 128256;
  shapes.head_chunk = 1024;
  shapes.threads = 8;
  EXPECT_LE(Workspace(shapes), size_t{64} << 20);
}

class ArgumentsTest : public testing::Test {
 protected:
  template <class Args>
  void ExpectRefused(void (Ops::*operation)(Stream&, const Args&), const Args& args, const std::string& says) {
    try {
      (rig_.ops().*operation)(rig_.stream(), args);
      ADD_FAILURE() << "not refused: " << says;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInternal);
      EXPECT_NE(error.message().find(says), std::string::npos) << error.message();
    }
  }
  Rig rig_;
  float f_[64] = {};
  int32_t i_[4] = {0, 1, 2, 3};
};

TEST_F(ArgumentsTest, AreCheckedWhenEnqueued) {
  ExpectRefused(&Ops::Linear, {DType::kF16, DType::kF16, 1, 1, 1, f_, f_, nullptr, nullptr, f_}, "f16");
  ExpectRefused(&Ops::Linear, {DType::kF32, DType::kBF16, 1, 1, 1, f_, f_, nullptr, nullptr, f_}, "bf16");
  ExpectRefused(&Ops::Linear, {DType::kF32, DType::kF32, 0, 1, 1, f_, f_, nullptr, nullptr, f_}, "dimension of 0");
  ExpectRefused(&Ops::Linear, {DType::kF32, DType::kF32, 1, 1, 1, nullptr, f_, nullptr, nullptr, f_},
                "without one of its arrays");
  ExpectRefused(&Ops::RmsNorm, {DType::kF32, 1, -4, 0, f_, f_, f_, f_}, "dimension of -4");
  QkRotaryArgs rotary{DType::kF32, 1, 1, 1, 3, 0, f_, i_, f_, nullptr, nullptr, nullptr, nullptr};
  ExpectRefused(&Ops::QkRotary, rotary, "odd head_dim of 3");
  rotary.head_dim = 2;
  rotary.q_norm = f_;
  ExpectRefused(&Ops::QkRotary, rotary, "without one of its arrays");
  ExpectRefused(&Ops::CrossEntropy, {DType::kF32, 1, 2, f_, i_, nullptr, f_, f_}, "without one of its arrays");
  ExpectRefused(&Ops::Cast, {DType::kF16, DType::kF32, 1, f_, f_}, "f16");
  const int32_t offsets[] = {0, 2, 3};
  AttentionArgs attention{DType::kF32, 3, 2, 1, 2, 0, {2, 2, offsets, offsets}, f_, f_, f_};
  attention.heads = 3;
  attention.kv_heads = 2;
  ExpectRefused(&Ops::Attention, attention, "3 heads");
  attention.heads = 2;
  attention.kv_heads = 1;
  attention.documents.longest = 1;
  ExpectRefused(&Ops::Attention, attention, "document 0 of 2 tokens");
  attention.documents.longest = 2;
  attention.tokens = 4;
  ExpectRefused(&Ops::Attention, attention, "4 tokens");
  rig_.stream().Synchronize();  // nothing of all this reached the stream
}

}  // namespace
}  // namespace hlm
