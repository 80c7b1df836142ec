// The fused update: one pass over weights, moments and gradient, compiled for each instruction set and chosen at run time. The
// bits are the same on all of them: additions, products, divisions and square roots that IEEE rounds exactly, in one order,
// without fused multiply-adds (which the narrow instruction sets lack); NaNs are made canonical before they are stored.
#ifndef HORIZON_LM_CPU_OPTIM_UPDATE_KERNELS_H_
#define HORIZON_LM_CPU_OPTIM_UPDATE_KERNELS_H_

#include <cstdint>

#include "cpu_optim/optimizer.h"

namespace hlm {

// The numbers of one update, computed in double and rounded once.
struct UpdateScalars {
  float gradient_scale;
  float keep;         // 1 - lr * decay (AdamW, Lion), or 1
  float added_decay;  // decay (Adam, SGD), or 0
  float beta1, beta2;
  float gain1, gain2;  // 1 - beta1, 1 - beta2
  float inverse_root;  // 1 / sqrt(1 - beta2^step)
  float eps;
  float negative_rate;  // -lr / (1 - beta1^step) (AdamW, Adam), -lr
};
UpdateScalars MakeUpdateScalars(const OptimizerOptions& options, const UpdateStep& step, bool decay);

namespace kernels {

// `blocks` whole blocks of kStateBlock elements. Any alignment; no two arrays overlap.
struct UpdateBlocks {
  UpdateScalars scalars;
  int64_t blocks = 0;
  MasterArray master;
  StateType states = StateType::kF32;
  MomentArray first, second;
  const void* gradient = nullptr;
  DType gradient_type = DType::kF32;
  uint64_t key = 0, first_block = 0;  // of the random bits
};

void UpdateAdamW(const UpdateBlocks& arrays);
void UpdateAdam(const UpdateBlocks& arrays);
void UpdateSgd(const UpdateBlocks& arrays);
void UpdateLion(const UpdateBlocks& arrays);

}  // namespace kernels
}  // namespace hlm

#endif  // HORIZON_LM_CPU_OPTIM_UPDATE_KERNELS_H_
