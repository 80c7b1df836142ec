#include <gtest/gtest.h>

#include "tests/ops/op_case.h"

namespace hlm::ops_test {
namespace {

constexpr int64_t kRows = 70, kWidth = 72, kHeads = 4, kKvHeads = 2, kDim = 16, kQkv = (kHeads + 2 * kKvHeads) * kDim;

void ExpectSame(const DeviceArray& a, const DeviceArray& b, const char* what) { EXPECT_TRUE(a.Bytes() == b.Bytes()) << what; }

void CheckNorm(Rig& rig, DType type) {
  constexpr size_t kAll = kRows * kWidth;
  DeviceArray &x = rig.Put(type, Normals(kAll, "x")), &w = rig.Put(type, Normals(kWidth, "w"));
  DeviceArray &d = rig.Put(type, Normals(kAll, "dy")), &past = rig.Put(type, Normals(kAll, "residual"));
  DeviceArray &y = rig.New(type, kAll), &y2 = rig.New(type, kAll), &dx = rig.New(type, kAll), &dx2 = rig.New(type, kAll);
  DeviceArray &rstd = rig.New(DType::kF32, kRows), &rstd2 = rig.New(DType::kF32, kRows);
  DeviceArray &dw = rig.New(DType::kF32, kWidth), &dw2 = rig.New(DType::kF32, kWidth);
  rig.Run(&Ops::RmsNorm, {type, kRows, kWidth, 1e-5f, x.data(), w.data(), y.data(), rstd.floats()});
  const NormKind kind{.round_first = true};
  rig.Run(&Ops::Norm, {.type = type,
                       .kind = kind,
                       .rows = kRows,
                       .width = kWidth,
                       .epsilon = 1e-5f,
                       .x = {x.data()},
                       .w = w.data(),
                       .y = {y2.data()},
                       .rstd = rstd2.floats()});
  ExpectSame(y, y2, "y of a norm");
  ExpectSame(rstd, rstd2, "rstd");
  rig.Run(&Ops::RmsNormBackward,
          {type, kRows, kWidth, x.data(), w.data(), rstd.floats(), d.data(), past.data(), dx.data(), dw.floats(), false});
  rig.Run(&Ops::NormBackward, {.type = type,
                               .kind = kind,
                               .rows = kRows,
                               .width = kWidth,
                               .x = {x.data()},
                               .w = w.data(),
                               .rstd = rstd.floats(),
                               .dy = {d.data()},
                               .residual = {past.data()},
                               .dx = {dx2.data()},
                               .dw = dw2.floats()});
  ExpectSame(dx, dx2, "dx of a norm");
  ExpectSame(dw, dw2, "dw of a norm");
}

void CheckAttention(Rig& rig, DType type) {
  const std::vector<int32_t> offsets = {0, 1, 30, kRows};
  const Documents documents{3, 40, rig.PutInts(offsets), offsets.data()};
  DeviceArray &qkv = rig.Put(type, Normals(kRows * kQkv, "qkv")), &dout = rig.Put(type, Normals(kRows * kHeads * kDim, "dout"));
  DeviceArray *out[2], *lse[2], *dqkv[2];
  for (int i = 0; i < 2; ++i) {
    out[i] = &rig.New(type, kRows * kHeads * kDim);
    lse[i] = &rig.New(DType::kF32, kRows * kHeads);
    dqkv[i] = &rig.New(type, kRows * kQkv);
  }
  rig.Run(&Ops::Attention, {type, kRows, kHeads, kKvHeads, kDim, 7, documents, qkv.data(), out[0]->data(), lse[0]->floats()});
  rig.Run(&Ops::AttentionBackward, {type, kRows, kHeads, kKvHeads, kDim, 7, documents, qkv.data(), out[0]->data(), dout.data(),
                                    lse[0]->floats(), dqkv[0]->data()});

  const auto part = [&](const DeviceArray& array, int64_t head) {
    return MutableView{static_cast<char*>(array.data()) + static_cast<size_t>(head * kDim) * SizeOf(type), kQkv, kDim};
  };
  ViewAttentionArgs forward;
  forward.type = type;
  forward.kind = {.scale = 0.25f, .window = 7};  // 1 / sqrt(16)
  forward.tokens = kRows, forward.heads = kHeads, forward.kv_heads = kKvHeads;
  forward.head_dim = forward.value_dim = kDim;
  forward.documents = documents;
  forward.q = part(qkv, 0), forward.k = part(qkv, kHeads), forward.v = part(qkv, kHeads + kKvHeads);
  forward.out = {out[1]->data()};
  forward.lse = lse[1]->floats();
  rig.Run(&Ops::ViewAttention, forward);
  ViewAttentionBackwardArgs backward;
  backward.type = type;
  backward.kind = forward.kind;
  backward.tokens = kRows, backward.heads = kHeads, backward.kv_heads = kKvHeads;
  backward.head_dim = backward.value_dim = kDim;
  backward.documents = documents;
  backward.q = forward.q, backward.k = forward.k, backward.v = forward.v;
  backward.out = {out[1]->data()};
  backward.dout = {dout.data()};
  backward.lse = lse[1]->floats();
  backward.dq = part(*dqkv[1], 0), backward.dk = part(*dqkv[1], kHeads), backward.dv = part(*dqkv[1], kHeads + kKvHeads);
  rig.Run(&Ops::ViewAttentionBackward, backward);
  ExpectSame(*out[0], *out[1], "out of attention");
  ExpectSame(*lse[0], *lse[1], "lse of attention");
  ExpectSame(*dqkv[0], *dqkv[1], "gradients of attention");
}

}  // namespace

void CheckNarrowForms(Rig& rig, DType type) {
  rig.Clear();
  CheckNorm(rig, type);
  CheckAttention(rig, type);
}

}  // namespace hlm::ops_test
