// One module over the C header: low-level functions of the same names in Java, Go and Python, on which each language's own layer stands.
//
// What the languages share is here; python.i, java.i and go.i say how each type crosses. A new member of an options struct or of
// the metrics appears by itself, as a setter or a getter; so does a new function whose arguments are of kinds that are there already.
// A new handle needs a line HLM_HANDLE here and one in handles.h, a new struct a line HLM_STRUCT, a new buffer a line HLM_BUFFER.
%module native

%{
#include "flat.h"
#include "flat_data.h"
#include "flat_group.h"
#include "flat_losses.h"
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
#elif defined(SWIGCSHARP)
%include "csharp.i"
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
HLM_HANDLE(hlm_group, out_group)
HLM_HANDLE(hlm_trainer, out_trainer)
HLM_HANDLE(hlm_optimizer, out_optimizer)
HLM_HANDLE(hlm_tokenizer, out_tokenizer)
HLM_HANDLE(hlm_decoder, out_decoder)
HLM_HANDLE(hlm_template, out_template)
HLM_HANDLE(hlm_dataset, out_dataset)
HLM_HANDLE(hlm_documents, out_documents)
HLM_HANDLE(hlm_weights, out_weights)
// That may be absent.
HLM_OPTIONAL_HANDLE(hlm_tokenizer, tokenizer_or_null)
HLM_OPTIONAL_HANDLE(hlm_template, template_or_null)
HLM_OPTIONAL_HANDLE(hlm_weights, kept)

// ---- Structs that a language fills in or reads, member by member ----
HLM_STRUCT(hlm_save_options)
HLM_STRUCT(hlm_text_options)
HLM_STRUCT(hlm_plan_options)
HLM_STRUCT(hlm_group_options)
HLM_STRUCT(hlm_trainer_options)
HLM_STRUCT(hlm_optimizer_options)
HLM_STRUCT(hlm_encode_options)
HLM_STRUCT(hlm_template_options)
HLM_STRUCT(hlm_checkpoint_options)
HLM_STRUCT(hlm_resume_options)
HLM_STRUCT(hlm_preference_options)
HLM_STRUCT(hlm_kto_options)
HLM_STRUCT(hlm_policy_options)
%ignore hlm_template_options::reserved;
%ignore hlm_resume_options::reserved;
%ignore hlm_group_options::reserved;
%ignore hlm_optimizer_options::reserved;
// Members that are buffers are arguments of the call.
%define HLM_MEMBER_BUFFER(TYPE, NAME)
%ignore TYPE::NAME;
%ignore TYPE::n_##NAME;
%enddef
HLM_MEMBER_BUFFER(hlm_encode_options, plain)
HLM_MEMBER_BUFFER(hlm_preference_options, reference_sums)
HLM_MEMBER_BUFFER(hlm_preference_options, reference_logprobs)
HLM_MEMBER_BUFFER(hlm_kto_options, desirable)
HLM_MEMBER_BUFFER(hlm_kto_options, reference_sums)
HLM_MEMBER_BUFFER(hlm_kto_options, reference_logprobs)
HLM_MEMBER_BUFFER(hlm_kto_options, mismatched)
HLM_MEMBER_BUFFER(hlm_kto_options, mismatched_sums)
HLM_MEMBER_BUFFER(hlm_kto_options, mismatched_weights)
HLM_MEMBER_BUFFER(hlm_policy_options, advantages)
HLM_MEMBER_BUFFER(hlm_policy_options, old_logprobs)
HLM_MEMBER_BUFFER(hlm_policy_options, reference_logprobs)
HLM_MEMBER_BUFFER(hlm_policy_options, rollout_logprobs)

// ---- Structs that a call hands over whole ----
HLM_STRUCT(hlm_step_metrics)
HLM_STRUCT(hlm_preference_metrics)
HLM_STRUCT(hlm_kto_metrics)
HLM_STRUCT(hlm_policy_metrics)
HLM_METRICS_OUT(hlm_step_metrics, out_metrics)
HLM_METRICS_OUT(hlm_preference_metrics, out_metrics)
HLM_METRICS_OUT(hlm_kto_metrics, out_metrics)
HLM_METRICS_OUT(hlm_policy_metrics, out_metrics)
HLM_METRICS_OUT(hlm_documents_sizes, out_metrics)

// ---- Structs that are spread out over the arguments of a function of flat.h ----
%define HLM_SPREAD_STRUCT(TYPE)
%ignore TYPE;
%ignore TYPE##_init;
%ignore TYPE##_init_sized;
%enddef
HLM_SPREAD_STRUCT(hlm_batch)
HLM_SPREAD_STRUCT(hlm_optimizer_arrays)
HLM_SPREAD_STRUCT(hlm_dataset_batch)
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
HLM_FLAT(optimizer, state_size)
HLM_FLAT(optimizer, read_state)
HLM_FLAT(optimizer, write_state)
HLM_FLAT(tokenizer, encode)
HLM_FLAT(dataset, open)
HLM_FLAT(dataset, next)
HLM_FLAT(dataset, mismatched)
HLM_FLAT(trainer, logprobs)
HLM_FLAT(trainer, evaluate_weights)
HLM_FLAT(batch, sum_logprobs)
HLM_FLAT(trainer, accumulate_preference)
HLM_FLAT(trainer, accumulate_kto)
HLM_FLAT(trainer, accumulate_policy)

// ---- Buffers: pinned for the call, never copied. HLM_BUFFER(type, name): read; HLM_BUFFER_OUT: written ----
HLM_BUFFER(int32_t, ids)
HLM_BUFFER(int64_t, offsets)
HLM_BUFFER(int32_t, labels)
HLM_BUFFER(float, weights)
HLM_BUFFER(float, entropy_weights)
HLM_BUFFER(int64_t, places)
HLM_BUFFER(int64_t, plain)
HLM_BUFFER(void, data)
HLM_BUFFER(void, own)
HLM_BUFFER(float, weight)
HLM_BUFFER(uint16_t, weight_bf16)
HLM_BUFFER(uint16_t, remainder)
HLM_BUFFER(void, gradient)
HLM_BUFFER(void, moment)
HLM_BUFFER(float, scales)
HLM_BUFFER(float, values)
HLM_BUFFER(float, logprobs)
HLM_BUFFER(int32_t, desirable)
HLM_BUFFER(double, reference_sums)
HLM_BUFFER(float, reference_logprobs)
HLM_BUFFER(int32_t, mismatched_ids)
HLM_BUFFER(int64_t, mismatched_offsets)
HLM_BUFFER(int32_t, mismatched_labels)
HLM_BUFFER(float, mismatched_weights)
HLM_BUFFER(double, mismatched_sums)
HLM_BUFFER(float, advantages)
HLM_BUFFER(float, old_logprobs)
HLM_BUFFER(float, rollout_logprobs)
HLM_BUFFER_OUT(int32_t, ids)
HLM_BUFFER_OUT(int64_t, offsets)
HLM_BUFFER_OUT(int32_t, labels)
HLM_BUFFER_OUT(int64_t, numbers)
HLM_BUFFER_OUT(int32_t, desirable)
HLM_BUFFER_OUT(int64_t, rows)
HLM_BUFFER_OUT(float, logits)
HLM_BUFFER_OUT(void, data)
HLM_BUFFER_OUT(void, all)
HLM_BUFFER_OUT(float, weight)
HLM_BUFFER_OUT(uint16_t, weight_bf16)
HLM_BUFFER_OUT(uint16_t, remainder)
HLM_BUFFER_OUT(float, first_moment)
HLM_BUFFER_OUT(float, second_moment)
HLM_BUFFER_OUT(void, first_moment_packed)
HLM_BUFFER_OUT(void, second_moment_packed)
HLM_BUFFER_OUT(float, first_scales)
HLM_BUFFER_OUT(float, second_scales)
HLM_BUFFER_OUT(void, moment)
HLM_BUFFER_OUT(float, scales)
HLM_BUFFER_OUT(float, values)
HLM_BUFFER_OUT(void, sum)
HLM_BUFFER_OUT(float, logprobs)
HLM_BUFFER_OUT(float, entropies)
HLM_BUFFER_OUT(float, greedy)
HLM_BUFFER_OUT(double, sums)
HLM_BUFFER_OUT(double, tokens)

// ---- Results, and texts with their lengths ----
HLM_OUT(double, out_loss)
HLM_OUT(int64_t, out_tokens)
HLM_OUT(int64_t, out_value)
HLM_OUT(double, out_sum)
HLM_OUT(int64_t, out_count)
HLM_OUT(int64_t, out_bytes)
HLM_OUT(int64_t, out_scales)
HLM_OUT(int32_t, out_id)
HLM_OUT(int32_t, out_done)
HLM_OUT_TEXT(out_json)
HLM_OUT_TEXT(out_text)
HLM_OUT_SIZED_TEXT(out_text)
HLM_SIZED_TEXT(text)
HLM_SIZED_TEXT(token)
%ignore hlm_string_destroy;

// A loss of the caller's own is a callback in the midst of a step, and no callback crosses: it would hold the interpreter's lock, or a thread that
// the runtime does not know, while the device waits. hlm_trainer_logprobs and hlm_trainer_accumulate with weights give the same gradient, bit for
// bit, for one forward pass more (docs/objectives.md).
%ignore hlm_loss_fn;
%ignore hlm_trainer_accumulate_fn;
// Bytes that an engine of the caller's gathers cross, for they are gathered once, on the calling thread, and no device waits: each language says
// how its function is called (hlm_all_gather* all_gather).
%ignore hlm_all_gather_fn;
%ignore hlm_bind::AllGather;
HLM_FLAT(group, from_callback)
// hlm_group_describe tells them, with an error for a handle that is closed.
%ignore hlm_group_rank;
%ignore hlm_group_size;

%ignore HLM_VERSION;
%include "horizon_lm.h"
%include "flat.h"
%include "flat_data.h"
%include "flat_group.h"
%include "flat_losses.h"
