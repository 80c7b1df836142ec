// The body of latent attention (DeepSeek-V2, section 2.1): queries, and keys with their values, come out of narrow latents.
//
//   q = norm(x Wqa) Wqb     c, r = x Wkva     k', v = norm(c) Wkvb     k = [k', rope(r)]     a = softmax(q k^T) v     y = a Wo
//
// r is one vector that the keys of all heads share. Where query_rank is 0, q = x Wq.
#ifndef HORIZON_LM_CORE_LAYERS_LATENT_ATTENTION_H_
#define HORIZON_LM_CORE_LAYERS_LATENT_ATTENTION_H_

#include "core/layers/body.h"
#include "core/layers/linear.h"
#include "core/layers/norm.h"

namespace hlm {

class LatentAttentionBody : public Body {
 public:
  LatentAttentionBody(const LatentAttentionSpec& spec, const ModelSpec& model, Declaration& declaration);

  void Forward(const BlockRun& run, const void* x, const void* addend, void* y) const override;
  void Backward(const BlockRun& run, const void* x, const void* dy, void* dx) const override;

 private:
  int64_t Queries() const { return spec_.heads * spec_.HeadDim(); }
  int64_t Values() const { return spec_.heads * spec_.value_dim; }
  int64_t Latents() const { return spec_.key_rank + spec_.rope_dim; }     // a row of x Wkva
  int64_t Expanded() const { return spec_.still_dim + spec_.value_dim; }  // of a head: a key's share and its value
  bool narrow() const { return spec_.query_rank > 0; }

  void MakeQueries(const BlockRun& run, const void* x) const;
  void MakeKeys(const BlockRun& run, const void* x) const;
  // Turns rope_dim dimensions of each of `heads`; x may be y.
  void Turn(const BlockRun& run, int64_t heads, const View& x, const MutableView& y, bool back) const;
  // Copies the part of each key that does not turn.
  void CopyStill(const BlockRun& run, const View& x, const MutableView& y) const;
  AttentionKind Kind() const;

  LatentAttentionSpec spec_;
  RopeSpec rope_;
  LinearPart query_down_, query_, key_down_, key_value_, o_;
  NormPart query_norm_, key_norm_;
  struct Saved {  // numbers of the tensors that it saves; -1: it has none
    int64_t query_latent = -1, query_normed = -1, q = -1, key_latent = -1, key_normed = -1, expanded = -1, k = -1, out = -1,
            lse = -1;
  } saved_;
  struct Temps {  // numbers of the tensors that it needs for a moment; -1: it has none
    int64_t dout = -1, dq = -1, dk = -1, dexpanded = -1, dkey_normed = -1, dkey_latent = -1, dquery_normed = -1, dx = -1;
  } temps_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_LATENT_ATTENTION_H_
