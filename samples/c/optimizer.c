/* The optimizer alone, on arrays of the program's own: fits a line of weights to a target with 8-bit moments and the exact split
 * of an fp32 master. optimizer [N] */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "c_api/horizon_lm.h"

/* Every call that can fail goes through this: 0 for success, else the error is printed and freed. */
static int failed(hlm_error* error) {
  int32_t code = hlm_error_code(error);
  if (code != HLM_OK) fprintf(stderr, "error: %s: %s\n", hlm_code_name(code), hlm_error_message(error));
  hlm_error_destroy(error);
  return code != HLM_OK;
}

/* All arrays of one parameter tensor of n elements. */
typedef struct {
  float* weight; /* of the first values, and to look at the result */
  uint16_t* hi;
  uint16_t* lo;
  void* moment[2];
  float* scales[2];
  float* gradient;
} tensor;

static float target(int64_t i) { return (float)(i % 101) / 100.0f - 0.5f; }

static int run(int64_t n, hlm_optimizer** optimizer, tensor* t) {
  hlm_optimizer_options options;
  hlm_optimizer_options_init(&options);
  options.algorithm = HLM_OPTIMIZER_ADAMW;
  options.states = HLM_STATES_INT8;
  options.weight_decay = 0;
  if (failed(hlm_optimizer_create(&options, optimizer))) return 1;

  size_t bytes = 0, state_bytes = 0;
  for (int k = 0; k < 2; ++k) {
    int64_t scales = 0;
    if (failed(hlm_optimizer_state_size(*optimizer, HLM_TENSOR_FIRST_MOMENT + k, n, &bytes, &scales))) return 1;
    t->moment[k] = calloc(bytes, 1); /* moments begin at zero */
    t->scales[k] = calloc((size_t)scales, sizeof(float));
    state_bytes += bytes + (size_t)scales * sizeof(float);
    if (t->moment[k] == NULL || t->scales[k] == NULL) return 1;
  }
  t->weight = calloc((size_t)n, sizeof(float));
  t->hi = calloc((size_t)n, sizeof(uint16_t));
  t->lo = calloc((size_t)n, sizeof(uint16_t));
  t->gradient = calloc((size_t)n, sizeof(float));
  if (t->weight == NULL || t->hi == NULL || t->lo == NULL || t->gradient == NULL) return 1;
  printf("%.2f bytes of moments a weight\n", (double)state_bytes / (double)n);

  hlm_optimizer_arrays arrays;
  hlm_optimizer_arrays_init(&arrays);
  arrays.n = n;
  arrays.weight_bf16 = t->hi;
  arrays.remainder = t->lo;
  arrays.first_moment_packed = t->moment[0], arrays.first_scales = t->scales[0];
  arrays.second_moment_packed = t->moment[1], arrays.second_scales = t->scales[1];
  arrays.gradient = t->gradient;
  arrays.gradient_dtype = HLM_DTYPE_F32;
  if (failed(hlm_optimizer_split(*optimizer, n, t->weight, t->hi, t->lo))) return 1;
  for (int step = 1; step <= 200; ++step) {
    double loss = 0, squared_norm = 0;
    if (failed(hlm_optimizer_join(*optimizer, n, t->hi, t->lo, t->weight))) return 1;
    for (int64_t i = 0; i < n; ++i) { /* loss = sum (w - target)^2 / 2 */
      t->gradient[i] = t->weight[i] - target(i);
      loss += 0.5 * t->gradient[i] * t->gradient[i] / (double)n;
    }
    if (step == 1 || step % 50 == 0) printf("step %d  loss %.6f\n", step, loss);
    /* Nothing that is not finite reaches the moments; a norm above 1e3 is clipped. */
    if (failed(hlm_optimizer_squared_norm(*optimizer, n, t->gradient, HLM_DTYPE_F32, &squared_norm))) return 1;
    if (!(squared_norm < 1e30)) return 1;
    if (failed(hlm_optimizer_step(*optimizer, step, 1e-2 * (200 - step) / 200, squared_norm > 1e6 ? 1e-3 : 1.0, &arrays)))
      return 1;
  }
  return 0;
}

int main(int argc, char** argv) {
  hlm_optimizer* optimizer = NULL;
  tensor t = {0};
  int64_t n = argc > 1 ? strtoll(argv[1], NULL, 10) : 100003;
  int status = argc <= 2 && n > 0 ? run(n, &optimizer, &t) : 2;
  if (argc > 2 || n <= 0) fprintf(stderr, "usage: optimizer [N], elements, 1 or more\n");
  for (int k = 0; k < 2; ++k) free(t.moment[k]), free(t.scales[k]);
  free(t.weight), free(t.hi), free(t.lo), free(t.gradient);
  hlm_optimizer_destroy(optimizer);
  return status;
}
