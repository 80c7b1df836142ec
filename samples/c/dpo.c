/* Direct preference optimization on pairs of answers: dpo MODEL_FOLDER PAIRS.jsonl OUTPUT_FOLDER
 * The reference is the model as it was: its weights are kept, and copied only where they change. The first loss is ln 2.
 * samples/java, go and python hold the same program; all print the same numbers. */
#include <stdio.h>
#include <stdlib.h>

#include "c_api/horizon_lm.h"

enum { kRows = 4, kSeqLen = 128, kSteps = 12 };

static int failed(hlm_error* error) {
  int32_t code = hlm_error_code(error);
  if (code != HLM_OK) fprintf(stderr, "error: %s: %s\n", hlm_code_name(code), hlm_error_message(error));
  hlm_error_destroy(error);
  return code != HLM_OK;
}

typedef struct {
  hlm_dataset* data;
  hlm_model* model;
  hlm_plan* plan;
  hlm_trainer* trainer;
  hlm_weights* reference;
  float* logprobs; /* one for each token of a step */
} state;

static int run(char** argv, state* s) {
  char config[4096]; /* paths without quotation marks: they go into JSON as they are */
  int n = snprintf(config, sizeof(config), "{\"data\": \"%s\", \"model\": \"%s\", \"task\": \"dpo\", \"seq_len\": %d}", argv[2],
                   argv[1], kSeqLen);
  if (n < 0 || n >= (int)sizeof(config)) return 2;
  hlm_plan_options shape;
  hlm_plan_options_init(&shape);
  shape.batch_size = kRows;
  shape.seq_len = kSeqLen;
  shape.frozen_copies = 1; /* room for the reference */
  hlm_trainer_options adamw;
  hlm_trainer_options_init(&adamw);
  adamw.lr = 1e-3;
  if (failed(hlm_dataset_open(config, NULL, NULL, &s->data)) || failed(hlm_model_open(argv[1], &s->model)) ||
      failed(hlm_plan_make(s->model, &shape, &s->plan)) || failed(hlm_trainer_create(s->model, s->plan, &adamw, &s->trainer)) ||
      failed(hlm_trainer_keep_weights(s->trainer, &s->reference)))
    return 1;
  s->logprobs = malloc(kRows * kSeqLen * sizeof(float));
  if (s->logprobs == NULL) return 1;

  for (int step = 1; step <= kSteps; ++step) {
    hlm_dataset_batch next; /* documents 2i are preferred to documents 2i + 1 */
    hlm_dataset_batch_init(&next);
    if (failed(hlm_dataset_next(s->data, kRows, &next))) return 1;
    hlm_batch batch;
    hlm_batch_init(&batch);
    batch.ids = next.ids, batch.n_ids = next.n_ids;
    batch.offsets = next.offsets, batch.n_offsets = next.n_offsets;
    batch.labels = next.labels, batch.n_labels = next.n_labels;
    if (failed(hlm_trainer_logprobs(s->trainer, s->reference, &batch, s->logprobs, next.n_ids, NULL, 0, NULL, 0))) return 1;
    hlm_preference_options dpo;
    hlm_preference_options_init(&dpo);
    dpo.reference_logprobs = s->logprobs, dpo.n_reference_logprobs = next.n_ids;
    hlm_preference_metrics metrics;
    hlm_preference_metrics_init(&metrics);
    if (failed(hlm_trainer_accumulate_preference(s->trainer, &batch, &dpo, &metrics)) ||
        failed(hlm_trainer_apply(s->trainer, NULL)))
      return 1;
    printf("step %d  loss %.17g  accuracy %.17g  margin %.17g\n", step, metrics.loss, metrics.accuracy, metrics.margin);
  }
  return failed(hlm_trainer_save_model(s->trainer, argv[3], NULL));
}

int main(int argc, char** argv) {
  state s = {NULL, NULL, NULL, NULL, NULL, NULL};
  int status = argc == 4 ? run(argv, &s) : 2;
  if (argc != 4) fprintf(stderr, "usage: dpo MODEL_FOLDER PAIRS.jsonl OUTPUT_FOLDER\n");
  free(s.logprobs);
  hlm_weights_destroy(s.reference);
  hlm_trainer_destroy(s.trainer);
  hlm_plan_destroy(s.plan);
  hlm_model_destroy(s.model);
  hlm_dataset_destroy(s.data);
  return status;
}
