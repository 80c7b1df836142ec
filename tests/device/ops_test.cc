// What every device gets from Ops: checked arguments, and facts that are said once. Figures here are worked out by hand.
#include <gtest/gtest.h>

#include <vector>

#include "core/base/error.h"
#include "core/device/recording_ops.h"

namespace hlm {
namespace {

class OpsTest : public testing::Test {
 protected:
  template <class Args>
  void ExpectRefused(void (Ops::*operation)(Stream&, const Args&), const Args& args, const std::string& says) {
    const size_t before = ops_.calls().size();
    try {
      (ops_.*operation)(stream_, args);
      ADD_FAILURE() << "not refused: " << says;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInternal);
      EXPECT_NE(error.message().find(says), std::string::npos) << error.message();
    }
    EXPECT_EQ(ops_.calls().size(), before) << "a refused call reached the device";
  }
  // "name+8" for what is written, "name-8" for what is read, in order.
  std::string Accesses() const {
    std::string text;
    for (const Access& access : ops_.calls().back().facts.accesses) {
      text += StrCat(text.empty() ? "" : " ", access.what, access.write ? "+" : "-", access.bytes);
    }
    return text;
  }
  RecordingOps ops_;
  NoStream stream_;
  float x_[64] = {}, y_[64] = {}, z_[64] = {}, w_[64] = {};
  int32_t ids_[4] = {0, 1, 2, 3};
};

TEST_F(OpsTest, ACallIsKeptWithItsFacts) {
  ops_.Linear(
      stream_,
      {.type = DType::kBF16, .y_type = DType::kF32, .tokens = 3, .in = 4, .out = 5, .x = x_, .w = w_, .bias = z_, .y = y_});
  ASSERT_EQ(ops_.calls().size(), 1u);
  EXPECT_STREQ(ops_.calls()[0].facts.operation, "Linear");
  EXPECT_EQ(Accesses(), "Linear.x-24 Linear.w-40 Linear.bias-10 Linear.y+60");
  EXPECT_EQ(ops_.calls()[0].facts.product_flops, 2 * 3 * 4 * 5);
  EXPECT_EQ(ops_.calls()[0].facts.moved_bytes, 0);
  EXPECT_EQ(std::get<LinearArgs>(ops_.calls()[0].call).out, 5);

  ops_.SwiGlu(stream_, {.type = DType::kF32, .tokens = 2, .width = 3, .gate_up = x_, .y = y_});
  EXPECT_EQ(Accesses(), "SwiGlu.gate_up-48 SwiGlu.y+24");
  EXPECT_EQ(ops_.calls()[1].facts.moved_bytes, 48 + 24);
  EXPECT_EQ(ops_.counts().calls, 2);
  EXPECT_EQ(ops_.counts().product_flops, 120);
  EXPECT_EQ(ops_.counts().moved_bytes, 72);
}

TEST_F(OpsTest, AttentionCountsThePairsThatAreSeen) {
  const int32_t offsets[] = {0, 2, 6};
  AttentionArgs args{
      .type = DType::kF32, .tokens = 6, .heads = 2, .kv_heads = 1, .head_dim = 2, .documents = {2, 4, offsets, offsets}};
  args.qkv = x_;
  args.out = y_;
  args.lse = z_;
  ops_.Attention(stream_, args);
  // Pairs: 1 + 2 and 1 + 2 + 3 + 4; two products of a multiplication and an addition for each element of 2 heads of 2.
  EXPECT_EQ(ops_.calls().back().facts.product_flops, 13 * 2 * 2 * 2 * 2);
  args.window = 2;  // 1 + 2 and 1 + 2 + 2 + 2
  ops_.Attention(stream_, args);
  EXPECT_EQ(ops_.calls().back().facts.product_flops, 10 * 2 * 2 * 2 * 2);
}

TEST_F(OpsTest, ACallSaysTheWorkspaceOfTheDeviceThatIsMeant) {
  RecordingOps ops([](const Call& call) { return static_cast<size_t>(std::get<CastArgs>(call).n) * 7; });
  ops.Cast(stream_, {.n = 3, .x = x_, .y = y_});
  EXPECT_EQ(ops.calls()[0].workspace_bytes, 21u);
}

TEST_F(OpsTest, WhatIsMissingOrWrongIsNamed) {
  ExpectRefused(&Ops::Linear, {DType::kF16, DType::kF16, 1, 1, 1, x_, w_, nullptr, nullptr, y_}, "f16");
  ExpectRefused(&Ops::Linear, {DType::kF32, DType::kF32, 1, 0, 1, x_, w_, nullptr, nullptr, y_}, "dimension of 0");
  ExpectRefused(&Ops::Linear, {DType::kF32, DType::kF32, 1, 1, 1, x_, nullptr, nullptr, nullptr, y_}, "Linear.w is null");
  ExpectRefused(&Ops::Embedding, {DType::kF32, 1, 1, 1, nullptr, x_, y_}, "Embedding.ids is null");
}

TEST_F(OpsTest, AResultMayNotLieOnAnArgument) {
  ExpectRefused(&Ops::Linear, {DType::kF32, DType::kF32, 2, 2, 2, x_, w_, nullptr, nullptr, x_ + 3},
                "Linear.y is written and overlaps Linear.x by 4 bytes");
  ExpectRefused(&Ops::RmsNorm, {DType::kF32, 1, 4, 0, x_, w_, x_, z_}, "RmsNorm.y is written and overlaps RmsNorm.x by 16 bytes");
  // Two results.
  ExpectRefused(&Ops::RmsNorm, {DType::kF32, 1, 4, 0, x_, w_, y_, y_}, "RmsNorm.rstd");
  // In place only where the contract says so, and only exactly.
  RmsNormBackwardArgs norm{DType::kF32, 1, 4, x_, w_, z_, y_, nullptr, y_, z_ + 8, false};
  ops_.RmsNormBackward(stream_, norm);
  norm.dx = y_ + 1;
  ExpectRefused(&Ops::RmsNormBackward, norm, "RmsNormBackward.dx is written and overlaps RmsNormBackward.dy by 12 bytes");
  // Of another type it is another length.
  ExpectRefused(&Ops::CrossEntropy, {DType::kBF16, 1, 4, x_, ids_, w_, z_, x_}, "CrossEntropy.dlogits");
  ops_.CrossEntropy(stream_, {DType::kF32, 1, 4, x_, ids_, w_, z_, x_});
}

TEST_F(OpsTest, ViewsMayTakeTurnsInOneRow) {
  float rows[80] = {}, more[80] = {}, scale[4] = {};
  const int32_t offsets[] = {0, 2};
  // Rows of 20: queries of 2 heads of 4, keys and values of 1.
  ViewAttentionBackwardArgs args;
  args.kind.scale = 1;
  args.tokens = 2;
  args.heads = 2;
  args.kv_heads = 1;
  args.head_dim = args.value_dim = 4;
  args.documents = {1, 2, offsets, offsets};
  args.q = {rows, 20}, args.k = {rows + 8, 20}, args.v = {rows + 12, 20};
  args.out = {x_}, args.dout = {y_};
  args.lse = scale;
  args.dq = {more, 20}, args.dk = {more + 8, 20}, args.dv = {more + 12, 20};
  ops_.ViewAttentionBackward(stream_, args);
  EXPECT_NE(Accesses().find("ViewAttentionBackward.dv+96"), std::string::npos) << Accesses();
  args.dk.data = more + 7;
  ExpectRefused(&Ops::ViewAttentionBackward, args, "ViewAttentionBackward.dq is written and overlaps ViewAttentionBackward.dk");
  args.dk.data = more + 17;  // over the end of the row, into the next one's queries
  ExpectRefused(&Ops::ViewAttentionBackward, args, "overlaps ViewAttentionBackward.dk");
  args.dk = {rows + 16, 20};  // free in the arguments' rows
  ops_.ViewAttentionBackward(stream_, args);
}

TEST_F(OpsTest, HeadsOfAViewMustNotOverlap) {
  RotaryArgs args{
      .tokens = 2, .heads = 3, .head_dim = 4, .rotary_dim = 2, .x = {x_}, .y = {y_, 24, 3}, .positions = ids_, .table = z_};
  ExpectRefused(&Ops::Rotary, args, "Rotary.y has heads of 4 elements that lie 3 apart");
  args.y = {y_, 11, 4};
  ExpectRefused(&Ops::Rotary, args, "Rotary.y has rows of 12 elements that lie 11 apart");
  args.y = {y_, 12, 0};
  ExpectRefused(&Ops::Rotary, args, "Rotary.y has heads of 4 elements that lie 0 apart");
  args.y = {y_};
  args.x = {x_, 4, 0};  // to read, one vector may serve all heads
  ops_.Rotary(stream_, args);
  EXPECT_EQ(ops_.calls().back().facts.moved_bytes, 2 * 16 + 2 * 48 + 8);
  args.rotary_dim = 6;
  ExpectRefused(&Ops::Rotary, args, "Rotary of 6 elements of heads of 4");
}

}  // namespace
}  // namespace hlm
