// One module over the C header: low-level functions of the same names in Java, Go and Python, on which each language's own layer stands.
//
// What the languages share is here; python.i, java.i and go.i say how each type crosses. A new member of an options struct or of
// the metrics appears by itself, as a setter or a getter; so does a new function whose arguments are of kinds that are there already.
// A new handle needs a line HLM_HANDLE here and one in handles.h, a new struct a line HLM_STRUCT, a new buffer a line HLM_BUFFER.
%module native

%{
#include "flat.h"
%}

// stdint.h, as far as the header needs it. The plain names of the basic types would lose the sizes.
typedef int int32_t;
typedef long int64_t;
typedef unsigned short uint16_t;
#define HLM_MUST_USE
#define HLM_API

#if defined(SWIGPYTHON)
%include "python.i"
#elif defined(SWIGJAVA)
%include "java.i"
#elif defined(SWIGGO)
%include "go.i"
#endif

// ---- Errors ----
HLM_ERROR(hlm_error)
HLM_ERROR(hlm_failure)
%ignore hlm_error_code;
%ignore hlm_error_message;
%ignore hlm_error_destroy;

// ---- Handles ----
HLM_HANDLE(hlm_model, out_model)
HLM_HANDLE(hlm_plan, out_plan)
HLM_HANDLE(hlm_trainer, out_trainer)
HLM_HANDLE(hlm_optimizer, out_optimizer)

// ---- Structs that a language fills in or reads, member by member ----
HLM_STRUCT(hlm_save_options)
HLM_STRUCT(hlm_plan_options)
HLM_STRUCT(hlm_trainer_options)
HLM_STRUCT(hlm_optimizer_options)
HLM_STRUCT(hlm_step_metrics)

HLM_METRICS_OUT(out_metrics)

// ---- Structs that are spread out over the arguments of a function of flat.h ----
%define HLM_SPREAD_STRUCT(TYPE)
%ignore TYPE;
%ignore TYPE##_init;
%ignore TYPE##_init_sized;
%enddef
HLM_SPREAD_STRUCT(hlm_batch)
HLM_SPREAD_STRUCT(hlm_optimizer_arrays)
%define HLM_FLAT(OBJECT, VERB)
%ignore hlm_##OBJECT##_##VERB;
%rename(hlm_##OBJECT##_##VERB) hlm_flat_##OBJECT##_##VERB;
%enddef
HLM_FLAT(trainer, step)
HLM_FLAT(trainer, accumulate)
HLM_FLAT(trainer, evaluate)
HLM_FLAT(trainer, logits)
HLM_FLAT(trainer, cancel)
HLM_FLAT(optimizer, step)
HLM_FLAT(optimizer, accumulate)
HLM_FLAT(optimizer, squared_norm)
HLM_FLAT(optimizer, split)
HLM_FLAT(optimizer, join)

// ---- Buffers: pinned for the call, never copied. HLM_BUFFER(type, name): read; HLM_BUFFER_OUT: written ----
HLM_BUFFER(int32_t, ids)
HLM_BUFFER(int64_t, offsets)
HLM_BUFFER(int32_t, labels)
HLM_BUFFER(float, weights)
HLM_BUFFER(int64_t, places)
HLM_BUFFER_OUT(float, logits)
HLM_BUFFER(void, data)
HLM_BUFFER_OUT(void, data)
HLM_BUFFER(float, weight)
HLM_BUFFER_OUT(float, weight)
HLM_BUFFER(uint16_t, weight_bf16)
HLM_BUFFER_OUT(uint16_t, weight_bf16)
HLM_BUFFER(uint16_t, remainder)
HLM_BUFFER_OUT(uint16_t, remainder)
HLM_BUFFER_OUT(float, first_moment)
HLM_BUFFER_OUT(float, second_moment)
HLM_BUFFER(void, gradient)
HLM_BUFFER_OUT(void, sum)

// ---- Results ----
HLM_OUT(double, out_loss)
HLM_OUT(int64_t, out_tokens)
HLM_OUT(int64_t, out_value)
HLM_OUT(double, out_sum)
HLM_OUT_TEXT(out_json)
%ignore hlm_string_destroy;

// Not in the bindings yet: checkpoints, chat templates, losses on log-probabilities, and plans for machines of files.
%ignore hlm_batch_sum_logprobs;
%ignore hlm_checkpoint_list;
%ignore hlm_checkpoint_options;
%ignore hlm_checkpoint_options_init;
%ignore hlm_checkpoint_options_init_sized;
%ignore hlm_device_machine;
%ignore hlm_kto_metrics;
%ignore hlm_kto_metrics_init;
%ignore hlm_kto_metrics_init_sized;
%ignore hlm_kto_options;
%ignore hlm_kto_options_init;
%ignore hlm_kto_options_init_sized;
%ignore hlm_loss_fn;
%ignore hlm_optimizer_read_state;
%ignore hlm_optimizer_state_size;
%ignore hlm_optimizer_write_state;
%ignore hlm_policy_metrics;
%ignore hlm_policy_metrics_init;
%ignore hlm_policy_metrics_init_sized;
%ignore hlm_policy_options;
%ignore hlm_policy_options_init;
%ignore hlm_policy_options_init_sized;
%ignore hlm_preference_metrics;
%ignore hlm_preference_metrics_init;
%ignore hlm_preference_metrics_init_sized;
%ignore hlm_preference_options;
%ignore hlm_preference_options_init;
%ignore hlm_preference_options_init_sized;
%ignore hlm_resume_options;
%ignore hlm_resume_options_init;
%ignore hlm_resume_options_init_sized;
%ignore hlm_template;
%ignore hlm_template_create;
%ignore hlm_template_describe;
%ignore hlm_template_destroy;
%ignore hlm_template_init;
%ignore hlm_template_open;
%ignore hlm_template_options;
%ignore hlm_template_options_init;
%ignore hlm_template_options_init_sized;
%ignore hlm_template_render;
%ignore hlm_template_render_training;
%ignore hlm_trainer_accumulate_fn;
%ignore hlm_trainer_accumulate_kto;
%ignore hlm_trainer_accumulate_policy;
%ignore hlm_trainer_accumulate_preference;
%ignore hlm_trainer_evaluate_weights;
%ignore hlm_trainer_keep_weights;
%ignore hlm_trainer_logprobs;
%ignore hlm_trainer_resume;
%ignore hlm_trainer_save;
%ignore hlm_trainer_save_wait;
%ignore hlm_weights;
%ignore hlm_weights_destroy;
%ignore hlm_weights_init;

%ignore hlm_dataset;
%ignore hlm_dataset_batch;
%ignore hlm_dataset_batch_init;
%ignore hlm_dataset_batch_init_sized;
%ignore hlm_dataset_describe;
%ignore hlm_dataset_destroy;
%ignore hlm_dataset_mismatched;
%ignore hlm_dataset_next;
%ignore hlm_dataset_open;
%ignore hlm_dataset_position;
%ignore hlm_dataset_read_column;
%ignore hlm_dataset_seek;
%ignore hlm_dataset_write_column;
%ignore hlm_decoder;
%ignore hlm_decoder_create;
%ignore hlm_decoder_destroy;
%ignore hlm_decoder_finish;
%ignore hlm_decoder_push;
%ignore hlm_encode_options;
%ignore hlm_encode_options_init;
%ignore hlm_encode_options_init_sized;
%ignore hlm_tokenizer;
%ignore hlm_tokenizer_decode;
%ignore hlm_tokenizer_describe;
%ignore hlm_tokenizer_destroy;
%ignore hlm_tokenizer_encode;
%ignore hlm_tokenizer_id;
%ignore hlm_tokenizer_open;
%ignore hlm_tokenizer_token;

%ignore HLM_VERSION;
%include "horizon_lm.h"
%include "flat.h"
