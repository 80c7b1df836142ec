/* Preloaded before a program: writes the addresses and lengths of the buffers that arrive at the C interface, one line a call, to the file
 * that HLM_SPY names. The tests compare them with the addresses of the buffers that the program passed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "horizon_lm.h"

static void note(const char* call, const void* first, size_t n_first, const void* second, size_t n_second) {
  FILE* file = fopen(getenv("HLM_SPY"), "a");
  if (file == NULL) abort();
  fprintf(file, "%s %p %zu %p %zu\n", call, first, n_first, second, n_second);
  fclose(file);
}

static void* real(const char* name) {
  void* library = dlopen("libhorizonlm.so", RTLD_NOLOAD | RTLD_NOW);
  if (library == NULL) library = dlopen("libhorizonlm.so.0", RTLD_NOLOAD | RTLD_NOW);
  void* found = library != NULL ? dlsym(library, name) : NULL;
  if (found == NULL) abort();
  return found;
}

HLM_API hlm_error* hlm_trainer_evaluate(hlm_trainer* trainer, const hlm_batch* batch, double* out_loss, int64_t* out_tokens) {
  note("evaluate", batch->ids, batch->n_ids, batch->weights, batch->n_weights);
  return ((hlm_error * (*)(hlm_trainer*, const hlm_batch*, double*, int64_t*)) real("hlm_trainer_evaluate"))(
      trainer, batch, out_loss, out_tokens);
}

HLM_API hlm_error* hlm_trainer_read_tensor(hlm_trainer* trainer, const char* name, int32_t kind, size_t byte_offset, void* data,
                                           size_t n_data) {
  note("read", data, n_data, NULL, 0);
  return ((hlm_error * (*)(hlm_trainer*, const char*, int32_t, size_t, void*, size_t)) real("hlm_trainer_read_tensor"))(
      trainer, name, kind, byte_offset, data, n_data);
}
