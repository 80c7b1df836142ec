// One chunk of the delta rule, of one value head, on the calling thread (Yang and others 2024, section 3.2): what its tokens add to
// the state is the solution of a triangular system, and all else is products.
//
// With G the sums of g from the chunk's begin, D_ij = exp(G_i - G_j) for j <= i, and S the state before the chunk:
//   (I + L) U = diag(beta) (V - (K exp(G)) S)     L_ij = beta_i D_ij k_i k_j, j < i
//   out = (Q exp(G)) S + P U                      P_ij = D_ij q_i k_j, j <= i
//   S' = exp(G_last) S + (K exp(G_last - G))^T U
// Where each channel decays by itself, G and D have one number a channel. Decays are never divided by: their differences are at
// most 0.
#ifndef HORIZON_LM_CORE_CPU_DELTA_CHUNK_H_
#define HORIZON_LM_CORE_CPU_DELTA_CHUNK_H_

#include <algorithm>
#include <cstdint>

#include "core/cpu/attention_tiles.h"

namespace hlm {

struct DeltaSizes {
  int64_t key_dim, value_dim;
  bool by_channel;

  // Pairs whose decays differ by channel are no product.
  int64_t chunk() const { return by_channel ? 16 : 64; }
  int64_t gates() const { return by_channel ? key_dim : 1; }  // numbers of a token
  int64_t state() const { return key_dim * value_dim; }
};

class DeltaChunk {
 public:
  // Takes its memory from `scratch`.
  DeltaChunk(const DeltaSizes& sizes, Scratch& scratch, bool backward);

  // The chunk's tokens: normed queries (times the scale) and keys, values, gates and betas by token, of which the next lie
  // `stride` apart.
  struct Tokens {
    int64_t rows = 0;
    const float *q = nullptr, *k = nullptr, *v = nullptr;  // dense
    const float *g = nullptr, *beta = nullptr;
    int64_t g_stride = 0, beta_stride = 0;
  };
  // Each returns false where a product failed.
  bool Begin(const Tokens& tokens, const float* state);  // up to U
  bool Output(const float* state, float* out);
  bool Advance(float* state);  // S becomes S'

  // Behind Begin(tokens, state). dstate: of S' on entry, of S on return. dq and dk are added to; dv [rows, value_dim], dg and dbeta
  // are written.
  struct Gradients {
    const float* dout;
    float *dq, *dk, *dv, *dg, *dbeta;
    int64_t dg_stride, dbeta_stride;
  };
  bool Backward(const float* state, float* dstate, const Gradients& to);

 private:
  void MakeDecays();
  bool MakePairs();
  void MakeChannelPairs();
  void Solve();
  // What Backward is made of, in this order.
  bool FreshGradients(const float* dstate, const Gradients& to);
  bool ReadGradients(const float* state, const float* dstate, const Gradients& to);
  void SolveTransposed(const Gradients& to);
  bool RestGradients(const float* state, const Gradients& to);
  bool StateGradient(float* dstate, const Gradients& to);
  bool PairGradients(const Gradients& to);
  void ChannelPairGradients(const Gradients& to);
  void WriteDecayGradients(const Gradients& to);
  void Give(const float* decayed, const float* factor, float sign, float* d);
  int64_t GateOf(int64_t row, int64_t c) const { return row * sizes_.gates() + (sizes_.gates() > 1 ? c : 0); }

  DeltaSizes sizes_;
  Tokens t_;
  struct Decays {
    double* sums;           // G [rows, gates]: differences of large sums count
    float *grown, *shrunk;  // exp(G), exp(G_last - G) [rows, gates]
    float* last;            // exp(G_last) [key_dim]
  } decays_;
  struct Decayed {
    float *q, *k, *k_to_end;  // Q exp(G), K exp(G), K exp(G_last - G) [rows, key_dim]
  } decayed_;
  struct Pairs {
    float *decay, *queries, *keys;  // D, P, D_ij k_i k_j for j < i [rows, rows]
  } pairs_;
  float *rest_, *fresh_;  // V - (K exp(G)) S, U [rows, value_dim]
  struct BackwardArrays {
    float* fresh;           // dU [rows, value_dim]
    float *queries, *keys;  // of the pairs [rows, rows]
    float* wide;            // of what is decayed, one after the other [rows, key_dim]
    float* gate;            // dG [rows + 1, gates]; the last one: of G_last, by way of the state
  } d_ = {};
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_DELTA_CHUNK_H_
