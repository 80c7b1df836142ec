/* Trains a tiny model through the C API, looks at a weight and saves the result: finetune OUTPUT_FOLDER
 * samples/cpp, java, go and python hold the same program; all print the same numbers. */
#include <stdio.h>

#include "c_api/horizon_lm.h"

static const char* kConfig =
    "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", \"hidden_act\": \"silu\", \"hidden_size\": 32,"
    " \"intermediate_size\": 64, \"num_hidden_layers\": 2, \"num_attention_heads\": 4, \"num_key_value_heads\": 2,"
    " \"vocab_size\": 16, \"max_position_embeddings\": 64, \"rms_norm_eps\": 1e-5, \"rope_theta\": 10000.0,"
    " \"tie_word_embeddings\": false, \"initializer_range\": 0.02}";

/* Every call that can fail goes through this: 0 for success, else the error is printed and freed. */
static int failed(hlm_error* error) {
  int32_t code = hlm_error_code(error);
  if (code != HLM_OK) fprintf(stderr, "error: %s: %s\n", hlm_code_name(code), hlm_error_message(error));
  hlm_error_destroy(error);
  return code != HLM_OK;
}

static int run(const char* folder, hlm_model** model, hlm_plan** plan, hlm_trainer** trainer) {
  const int32_t ids[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6, 5}; /* two documents: 1 ... 8 and 9 ... 5 */
  const int64_t offsets[] = {0, 8, 13};
  hlm_plan_options shape;
  hlm_plan_options_init(&shape);
  shape.batch_size = 2;
  shape.seq_len = 8;
  hlm_trainer_options adamw;
  hlm_trainer_options_init(&adamw);
  adamw.lr = 1e-2;
  if (failed(hlm_model_create(kConfig, 1, model)) || failed(hlm_plan_make(*model, &shape, plan)) ||
      failed(hlm_trainer_create(*model, *plan, &adamw, trainer)))
    return 1;

  hlm_batch batch;
  hlm_batch_init(&batch);
  batch.ids = ids, batch.n_ids = sizeof(ids) / sizeof(ids[0]);
  batch.offsets = offsets, batch.n_offsets = sizeof(offsets) / sizeof(offsets[0]);
  for (int step = 1; step <= 30; ++step) {
    hlm_step_metrics metrics;
    hlm_step_metrics_init(&metrics);
    if (failed(hlm_trainer_step(*trainer, &batch, &metrics))) return 1;
    if (step % 5 == 0) printf("step %d  loss %.17g\n", step, metrics.loss); /* all digits: no bit is lost */
  }
  float norm[4]; /* the first weights of the last norm; read as float whatever they are stored as */
  if (failed(hlm_trainer_read_tensor(*trainer, "model.norm.weight", HLM_TENSOR_WEIGHT, 0, norm, sizeof(norm)))) return 1;
  printf("model.norm.weight begins %.9g %.9g %.9g %.9g\n", norm[0], norm[1], norm[2], norm[3]);
  return failed(hlm_trainer_save_model(*trainer, folder, NULL));
}

int main(int argc, char** argv) {
  hlm_model* model = NULL;
  hlm_plan* plan = NULL;
  hlm_trainer* trainer = NULL;
  int status = argc == 2 ? run(argv[1], &model, &plan, &trainer) : 2;
  if (argc != 2) fprintf(stderr, "usage: finetune OUTPUT_FOLDER\n");
  hlm_trainer_destroy(trainer);
  hlm_plan_destroy(plan);
  hlm_model_destroy(model);
  return status;
}
