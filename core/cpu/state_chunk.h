// One chunk of Mamba-2's state space, of one head, on the calling thread (Dao and Gu 2024, section 6). With G the sums of g from
// the chunk's begin, D_ij = exp(G_i - G_j) for j <= i, and S the state before the chunk:
//   Y = P X + (C exp(G)) S + d X                                     P_ij = D_ij step_j c_i b_j, j <= i
//   S' = exp(G_last) S + (B step exp(G_last - G))^T X
#ifndef HORIZON_LM_CORE_CPU_STATE_CHUNK_H_
#define HORIZON_LM_CORE_CPU_STATE_CHUNK_H_

#include <cstdint>

#include "core/cpu/attention_tiles.h"

namespace hlm {

inline constexpr int64_t kStateChunk = 64;  // tokens

struct StateSizes {
  int64_t head_dim, state_dim;
  int64_t state() const { return state_dim * head_dim; }
};

class StateChunk {
 public:
  // Takes its memory from `scratch`.
  StateChunk(const StateSizes& sizes, Scratch& scratch, bool backward);

  struct Tokens {
    int64_t rows = 0;
    const float *x = nullptr, *b = nullptr, *c = nullptr;  // dense
    const float *g = nullptr, *step = nullptr;
    int64_t stride = 0;  // of g and step
    float d = 0;
  };
  void Begin(const Tokens& tokens);
  // Each returns false where a product failed.
  bool Output(const float* state, float* y);
  bool Advance(float* state);  // S becomes S'

  // dstate: of S' on entry, of S on return. db and dc are added to; dx, dg and dstep are written.
  struct Gradients {
    const float* dy;
    float *dx, *db, *dc, *dg, *dstep;
    int64_t stride;  // of dg and dstep
    double* dd;      // added to
  };
  bool Backward(const float* state, float* dstate, const Gradients& to);

 private:
  bool MakePairs();
  // What Backward is made of, in this order.
  bool InputGradients(const float* dstate, const Gradients& to);
  bool OutputVectorGradients(const float* state, const float* dstate, const Gradients& to);
  bool InputVectorGradients(const float* dstate, const Gradients& to);
  bool PairGradients(const Gradients& to);
  bool StateGradient(float* dstate, const Gradients& to);
  void WriteDecayGradients(const Gradients& to);

  StateSizes sizes_;
  Tokens t_;
  struct Decays {           // [rows]
    double* sums;           // G: differences of large sums count
    float *grown, *shrunk;  // exp(G), exp(G_last - G)
  } decays_;
  struct Decayed {
    float *c, *b_to_end;  // C exp(G), B step exp(G_last - G) [rows, state_dim]
  } decayed_;
  struct Pairs {
    float *decay, *both, *weighed;  // D, c_i b_j, P [rows, rows]
  } pairs_;
  struct BackwardArrays {
    float* pairs;  // dP [rows, rows]
    float* wide;   // of what is decayed, one after the other [rows, state_dim]
    float* gate;   // dG [rows + 1]; the last one: of G_last, by way of the state
    float* step;   // [rows]
  } d_ = {};
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_STATE_CHUNK_H_
