/* The header alone is a C99 program: compiled with -std=c99 -Wall -Wextra -pedantic -Werror. */
#include "c_api/horizon_lm.h"

#if __STDC_VERSION__ != 199901L
#error "this file must be compiled as C99"
#endif

/* Every inline function of the header is used once, as a C99 program would. */
int hlm_test_header_c99(void);
int hlm_test_header_c99(void) {
  hlm_save_options save;
  hlm_plan_options plan;
  hlm_batch batch;
  hlm_trainer_options trainer;
  hlm_step_metrics metrics;
  hlm_optimizer_options optimizer;
  hlm_optimizer_arrays arrays;
  hlm_save_options_init(&save);
  hlm_plan_options_init(&plan);
  hlm_batch_init(&batch);
  hlm_trainer_options_init(&trainer);
  hlm_step_metrics_init(&metrics);
  hlm_optimizer_options_init(&optimizer);
  hlm_optimizer_arrays_init(&arrays);
  return save.struct_size == sizeof(save) && plan.struct_size == sizeof(plan) && batch.struct_size == sizeof(batch) &&
         trainer.struct_size == sizeof(trainer) && metrics.struct_size == sizeof(metrics) &&
         optimizer.struct_size == sizeof(optimizer) && arrays.struct_size == sizeof(arrays);
}
