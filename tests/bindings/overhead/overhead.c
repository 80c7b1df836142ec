/* The median step, of 8 rows of 128 tokens, of a model of the size of the preset `tiny`, in seconds, and the median of what a step takes beside the engine's own time: overhead STEPS */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "horizon_lm.h"

static void check(hlm_error* error) {
  if (error == NULL) return;
  fprintf(stderr, "%s\n", hlm_error_message(error));
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int less(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

int main(int argc, char** argv) {
  const char* config =
      "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", \"hidden_act\": \"silu\", \"hidden_size\": 64,"
      " \"intermediate_size\": 192, \"num_hidden_layers\": 2, \"num_attention_heads\": 4, \"num_key_value_heads\": 2,"
      " \"vocab_size\": 256, \"max_position_embeddings\": 128, \"rms_norm_eps\": 1e-5, \"rope_theta\": 10000.0,"
      " \"tie_word_embeddings\": false, \"initializer_range\": 0.02}";
  static int32_t ids[8 * 128];
  int64_t offsets[9];
  for (int i = 0; i < 8 * 128; ++i) ids[i] = i % 251;
  for (int row = 0; row <= 8; ++row) offsets[row] = row * 128;
  const int steps = argc == 2 ? atoi(argv[1]) : 0;
  if (steps < 1) return 2;
  hlm_model* model;
  hlm_plan* plan;
  hlm_trainer* trainer;
  hlm_plan_options shape;
  hlm_plan_options_init(&shape);
  shape.device = "cpu", shape.batch_size = 8, shape.seq_len = 128;
  check(hlm_model_create(config, 1, &model));
  check(hlm_plan_make(model, &shape, &plan));
  check(hlm_trainer_create(model, plan, NULL, &trainer));
  double* whole = malloc((size_t)steps * sizeof(double));
  double* beside = malloc((size_t)steps * sizeof(double));
  if (whole == NULL || beside == NULL) return 1;
  for (int i = 0; i < steps; ++i) {
    const double begin = now();
    hlm_batch batch;
    hlm_step_metrics metrics;
    hlm_batch_init(&batch);
    batch.ids = ids, batch.n_ids = 8 * 128, batch.offsets = offsets, batch.n_offsets = 9;
    hlm_step_metrics_init(&metrics);
    check(hlm_trainer_step(trainer, &batch, &metrics));
    whole[i] = now() - begin;
    beside[i] = whole[i] - metrics.seconds;
  }
  qsort(whole, (size_t)steps, sizeof(double), less);
  qsort(beside, (size_t)steps, sizeof(double), less);
  printf("%.9f %.9f\n", whole[steps / 2], beside[steps / 2]);
  hlm_trainer_destroy(trainer);
  hlm_plan_destroy(plan);
  hlm_model_destroy(model);
  free(whole);
  free(beside);
  return 0;
}
