/* Supervised fine-tuning on a file of examples: sft MODEL_FOLDER EXAMPLES.jsonl OUTPUT_FOLDER
 * The model's folder holds its weights, its tokenizer and its chat template; examples are conversations, prompts with
 * completions, or texts. samples/java, go and python hold the same program; all print the same numbers. */
#include <stdio.h>

#include "c_api/horizon_lm.h"

enum { kRows = 2, kSeqLen = 128 };

static int failed(hlm_error* error) {
  int32_t code = hlm_error_code(error);
  if (code != HLM_OK) fprintf(stderr, "error: %s: %s\n", hlm_code_name(code), hlm_error_message(error));
  hlm_error_destroy(error);
  return code != HLM_OK;
}

static int run(char** argv, hlm_dataset** data, hlm_model** model, hlm_plan** plan, hlm_trainer** trainer) {
  char config[4096]; /* paths without quotation marks: they go into JSON as they are */
  int n = snprintf(config, sizeof(config), "{\"data\": \"%s\", \"model\": \"%s\", \"seq_len\": %d, \"epochs\": 20}", argv[2],
                   argv[1], kSeqLen);
  if (n < 0 || n >= (int)sizeof(config)) return 2;
  hlm_plan_options shape;
  hlm_plan_options_init(&shape);
  shape.batch_size = kRows;
  shape.seq_len = kSeqLen;
  hlm_trainer_options adamw;
  hlm_trainer_options_init(&adamw);
  adamw.lr = 3e-3;
  if (failed(hlm_dataset_open(config, NULL, NULL, data)) || failed(hlm_model_open(argv[1], model)) ||
      failed(hlm_plan_make(*model, &shape, plan)) || failed(hlm_trainer_create(*model, *plan, &adamw, trainer)))
    return 1;

  for (;;) {
    hlm_dataset_batch next;
    hlm_dataset_batch_init(&next);
    if (failed(hlm_dataset_next(*data, kRows, &next))) return 1;
    if (next.n_ids == 0) break; /* the last epoch has ended */
    hlm_batch batch;
    hlm_batch_init(&batch);
    batch.ids = next.ids, batch.n_ids = next.n_ids;
    batch.offsets = next.offsets, batch.n_offsets = next.n_offsets;
    batch.labels = next.labels, batch.n_labels = next.n_labels;
    hlm_step_metrics metrics;
    hlm_step_metrics_init(&metrics);
    if (failed(hlm_trainer_step(*trainer, &batch, &metrics))) return 1;
    printf("step %d  epoch %d  loss %.17g\n", (int)metrics.step, (int)next.epoch, metrics.loss);
  }
  return failed(hlm_trainer_save_model(*trainer, argv[3], NULL));
}

int main(int argc, char** argv) {
  hlm_dataset* data = NULL;
  hlm_model* model = NULL;
  hlm_plan* plan = NULL;
  hlm_trainer* trainer = NULL;
  int status = argc == 4 ? run(argv, &data, &model, &plan, &trainer) : 2;
  if (argc != 4) fprintf(stderr, "usage: sft MODEL_FOLDER EXAMPLES.jsonl OUTPUT_FOLDER\n");
  hlm_trainer_destroy(trainer);
  hlm_plan_destroy(plan);
  hlm_model_destroy(model);
  hlm_dataset_destroy(data);
  return status;
}
