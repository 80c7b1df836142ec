/* Writes a small model with seeded weights for the samples: make_model CONFIG.json OUTPUT_FOLDER */
#include <stdio.h>

#include "horizon_lm.h"

static int failed(hlm_error* error) {
  if (error != NULL) fprintf(stderr, "%s\n", hlm_error_message(error));
  hlm_error_destroy(error);
  return error != NULL;
}

int main(int argc, char** argv) {
  static char config[65536];
  FILE* file = argc == 3 ? fopen(argv[1], "r") : NULL;
  if (file == NULL) return 2;
  config[fread(config, 1, sizeof(config) - 1, file)] = '\0';
  fclose(file);
  hlm_model* model = NULL;
  hlm_save_options options;
  hlm_save_options_init(&options);
  options.overwrite = 1;
  int status = failed(hlm_model_create(config, 1, &model)) || failed(hlm_model_save(model, argv[2], &options));
  hlm_model_destroy(model);
  return status;
}
