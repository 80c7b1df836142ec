/* The layout of every public struct, fixed: a number here may be added, never changed. Compiled as C11. */
#include <stdio.h>
#include <string.h>

#include "c_api/horizon_lm.h"

#define AT(type, member, offset) _Static_assert(offsetof(type, member) == (offset), #type "." #member)
/* The last member and the size: no struct ends in padding, where a later member would meet an older program's garbage. */
#define LAST(type, member, offset, size)                    \
  AT(type, member, offset);                                 \
  _Static_assert(sizeof(type) == (size), "size of " #type); \
  _Static_assert((offset) + sizeof(((type*)0)->member) == (size), "tail of " #type)

AT(hlm_save_options, struct_size, 0);
AT(hlm_save_options, dtype, 8);
AT(hlm_save_options, overwrite, 12);
LAST(hlm_save_options, max_shard_bytes, 16, 24);

AT(hlm_text_options, struct_size, 0);
AT(hlm_text_options, tokenizer, 8);
AT(hlm_text_options, chat_template, 16);
LAST(hlm_text_options, stop_ids_json, 24, 32);

AT(hlm_encode_options, struct_size, 0);
AT(hlm_encode_options, add_special_tokens, 8);
AT(hlm_encode_options, offsets_in, 12);
AT(hlm_encode_options, plain, 16);
AT(hlm_encode_options, n_plain, 24);
AT(hlm_encode_options, plain_added, 32);
AT(hlm_encode_options, trim_offsets, 36);
AT(hlm_encode_options, one_beginning, 40);
LAST(hlm_encode_options, reserved, 44, 48);

AT(hlm_group_options, struct_size, 0);
AT(hlm_group_options, timeout_seconds, 8);
AT(hlm_group_options, silence_seconds, 16);
AT(hlm_group_options, several_per_machine, 24);
LAST(hlm_group_options, carrier, 28, 32);

AT(hlm_plan_options, struct_size, 0);
AT(hlm_plan_options, device, 8);
AT(hlm_plan_options, purpose, 16);
AT(hlm_plan_options, compute, 20);
AT(hlm_plan_options, batch_size, 24);
AT(hlm_plan_options, seq_len, 32);
AT(hlm_plan_options, micro_batch, 40);
AT(hlm_plan_options, sweeps, 48);
AT(hlm_plan_options, activations, 56);
AT(hlm_plan_options, block_inputs, 60);
AT(hlm_plan_options, slots, 64);
AT(hlm_plan_options, prefetch, 72);
AT(hlm_plan_options, ring, 80);
AT(hlm_plan_options, head_chunk, 88);
AT(hlm_plan_options, max_part_bytes, 96);
AT(hlm_plan_options, optimizer_timing, 104);
AT(hlm_plan_options, grad_dtype, 108);
AT(hlm_plan_options, grad_clip, 112);
AT(hlm_plan_options, threads, 120);
AT(hlm_plan_options, optimizer_threads, 128);
AT(hlm_plan_options, host_limit_bytes, 136);
AT(hlm_plan_options, device_limit_bytes, 144);
AT(hlm_plan_options, optimizer, 152);
AT(hlm_plan_options, states, 156);
AT(hlm_plan_options, master, 160);
AT(hlm_plan_options, snapshot_bytes, 168);
AT(hlm_plan_options, machine_json, 176);
AT(hlm_plan_options, numerics_json, 184);
AT(hlm_plan_options, frozen_copies, 192);
AT(hlm_plan_options, optimizer_path, 200);
AT(hlm_plan_options, route, 204);
AT(hlm_plan_options, reduction_groups, 208);
AT(hlm_plan_options, ignore_dropout, 216);
AT(hlm_plan_options, train_pad_row, 220);
AT(hlm_plan_options, processes, 224);
AT(hlm_plan_options, router_aux_loss_coef, 232);
AT(hlm_plan_options, router_z_loss_coef, 240);
AT(hlm_plan_options, router_bias_rate, 248);
AT(hlm_plan_options, router_aux_loss_scope, 256);
AT(hlm_plan_options, unrouted, 260);
AT(hlm_plan_options, process_states, 264);
AT(hlm_plan_options, experts_up, 268);
AT(hlm_plan_options, max_piece_bytes, 272);
AT(hlm_plan_options, freeze, 280);
LAST(hlm_plan_options, train_only, 288, 296);

AT(hlm_checkpoint_options, struct_size, 0);
AT(hlm_checkpoint_options, keep, 8);
AT(hlm_checkpoint_options, background, 16);
LAST(hlm_checkpoint_options, user_data, 24, 32);

AT(hlm_resume_options, struct_size, 0);
AT(hlm_resume_options, allow_numerics_change, 8);
LAST(hlm_resume_options, reserved, 12, 16);

AT(hlm_batch, struct_size, 0);
AT(hlm_batch, ids, 8);
AT(hlm_batch, n_ids, 16);
AT(hlm_batch, offsets, 24);
AT(hlm_batch, n_offsets, 32);
AT(hlm_batch, labels, 40);
AT(hlm_batch, n_labels, 48);
AT(hlm_batch, weights, 56);
AT(hlm_batch, n_weights, 64);
AT(hlm_batch, denominator, 72);
AT(hlm_batch, entropy_weights, 80);
AT(hlm_batch, n_entropy_weights, 88);
LAST(hlm_batch, temperature, 96, 104);

AT(hlm_trainer_options, struct_size, 0);
AT(hlm_trainer_options, lr, 8);
AT(hlm_trainer_options, beta1, 16);
AT(hlm_trainer_options, beta2, 24);
AT(hlm_trainer_options, eps, 32);
AT(hlm_trainer_options, weight_decay, 40);
AT(hlm_trainer_options, schedule, 48);
AT(hlm_trainer_options, warmup_steps, 56);
AT(hlm_trainer_options, total_steps, 64);
AT(hlm_trainer_options, min_lr_ratio, 72);
LAST(hlm_trainer_options, token_metrics, 80, 88);

AT(hlm_step_metrics, struct_size, 0);
AT(hlm_step_metrics, step, 8);
AT(hlm_step_metrics, loss, 16);
AT(hlm_step_metrics, grad_norm, 24);
AT(hlm_step_metrics, lr, 32);
AT(hlm_step_metrics, tokens, 40);
AT(hlm_step_metrics, seconds, 48);
AT(hlm_step_metrics, skipped, 56);
AT(hlm_step_metrics, skipped_units, 64);
AT(hlm_step_metrics, mean_token_accuracy, 72);
AT(hlm_step_metrics, entropy, 80);
AT(hlm_step_metrics, aux_loss, 88);
AT(hlm_step_metrics, router_z_loss, 96);
AT(hlm_step_metrics, expert_imbalance, 104);
LAST(hlm_step_metrics, unrouted_experts, 112, 120);

AT(hlm_optimizer_options, struct_size, 0);
AT(hlm_optimizer_options, beta1, 8);
AT(hlm_optimizer_options, beta2, 16);
AT(hlm_optimizer_options, eps, 24);
AT(hlm_optimizer_options, weight_decay, 32);
AT(hlm_optimizer_options, threads, 40);
AT(hlm_optimizer_options, algorithm, 48);
AT(hlm_optimizer_options, states, 52);
AT(hlm_optimizer_options, optimizer_path, 56);
LAST(hlm_optimizer_options, reserved, 60, 64);

AT(hlm_optimizer_arrays, struct_size, 0);
AT(hlm_optimizer_arrays, n, 8);
AT(hlm_optimizer_arrays, weight, 16);
AT(hlm_optimizer_arrays, weight_bf16, 24);
AT(hlm_optimizer_arrays, remainder, 32);
AT(hlm_optimizer_arrays, first_moment, 40);
AT(hlm_optimizer_arrays, second_moment, 48);
AT(hlm_optimizer_arrays, gradient, 56);
AT(hlm_optimizer_arrays, gradient_dtype, 64);
AT(hlm_optimizer_arrays, decay, 68);
AT(hlm_optimizer_arrays, first_moment_packed, 72);
AT(hlm_optimizer_arrays, second_moment_packed, 80);
AT(hlm_optimizer_arrays, first_scales, 88);
AT(hlm_optimizer_arrays, second_scales, 96);
AT(hlm_optimizer_arrays, first_index, 104);
LAST(hlm_optimizer_arrays, seed, 112, 120);

AT(hlm_template_options, struct_size, 0);
AT(hlm_template_options, name, 8);
AT(hlm_template_options, tools_json, 16);
AT(hlm_template_options, documents_json, 24);
AT(hlm_template_options, variables_json, 32);
AT(hlm_template_options, date, 40);
AT(hlm_template_options, add_generation_prompt, 48);
AT(hlm_template_options, train_on, 52);
AT(hlm_template_options, mask, 56);
AT(hlm_template_options, reserved, 60);
AT(hlm_template_options, prompt_messages, 64);
AT(hlm_template_options, max_output_bytes, 72);
AT(hlm_template_options, max_iterations, 80);
AT(hlm_template_options, max_depth, 88);
AT(hlm_template_options, parse_arguments, 96);
LAST(hlm_template_options, drop_null_arguments, 100, 104);

AT(hlm_preference_options, struct_size, 0);
AT(hlm_preference_options, kind, 8);
AT(hlm_preference_options, reference_free, 12);
AT(hlm_preference_options, beta, 16);
AT(hlm_preference_options, gamma, 24);
AT(hlm_preference_options, label_smoothing, 32);
AT(hlm_preference_options, sft_weight, 40);
AT(hlm_preference_options, sft_denominator, 48);
AT(hlm_preference_options, denominator, 56);
AT(hlm_preference_options, reference_sums, 64);
AT(hlm_preference_options, n_reference_sums, 72);
AT(hlm_preference_options, reference_logprobs, 80);
AT(hlm_preference_options, n_reference_logprobs, 88);
LAST(hlm_preference_options, forward_only, 96, 104);

AT(hlm_preference_metrics, struct_size, 0);
AT(hlm_preference_metrics, loss, 8);
AT(hlm_preference_metrics, reward_chosen, 16);
AT(hlm_preference_metrics, reward_rejected, 24);
AT(hlm_preference_metrics, accuracy, 32);
AT(hlm_preference_metrics, margin, 40);
AT(hlm_preference_metrics, logprob_chosen, 48);
AT(hlm_preference_metrics, logprob_rejected, 56);
AT(hlm_preference_metrics, sft, 64);
AT(hlm_preference_metrics, pairs, 72);
LAST(hlm_preference_metrics, tokens, 80, 88);

AT(hlm_kto_options, struct_size, 0);
AT(hlm_kto_options, beta, 8);
AT(hlm_kto_options, desirable_weight, 16);
AT(hlm_kto_options, undesirable_weight, 24);
AT(hlm_kto_options, denominator, 32);
AT(hlm_kto_options, kl, 40);
AT(hlm_kto_options, desirable, 48);
AT(hlm_kto_options, n_desirable, 56);
AT(hlm_kto_options, reference_sums, 64);
AT(hlm_kto_options, n_reference_sums, 72);
AT(hlm_kto_options, reference_logprobs, 80);
AT(hlm_kto_options, n_reference_logprobs, 88);
AT(hlm_kto_options, mismatched, 96);
AT(hlm_kto_options, mismatched_sums, 104);
AT(hlm_kto_options, n_mismatched_sums, 112);
AT(hlm_kto_options, forward_only, 120);
LAST(hlm_kto_options, mismatched_weights, 128, 136);

AT(hlm_kto_metrics, struct_size, 0);
AT(hlm_kto_metrics, loss, 8);
AT(hlm_kto_metrics, kl, 16);
AT(hlm_kto_metrics, reward_desirable, 24);
AT(hlm_kto_metrics, reward_undesirable, 32);
AT(hlm_kto_metrics, logprob_desirable, 40);
AT(hlm_kto_metrics, logprob_undesirable, 48);
AT(hlm_kto_metrics, desirable, 56);
AT(hlm_kto_metrics, undesirable, 64);
LAST(hlm_kto_metrics, tokens, 72, 80);

AT(hlm_policy_options, struct_size, 0);
AT(hlm_policy_options, kind, 8);
AT(hlm_policy_options, ratio, 12);
AT(hlm_policy_options, kl, 16);
AT(hlm_policy_options, reduction, 20);
AT(hlm_policy_options, clip_low, 24);
AT(hlm_policy_options, clip_high, 32);
AT(hlm_policy_options, dual_clip, 40);
AT(hlm_policy_options, kl_weight, 48);
AT(hlm_policy_options, importance_cap, 56);
AT(hlm_policy_options, entropy_weight, 64);
AT(hlm_policy_options, denominator, 72);
AT(hlm_policy_options, advantages, 80);
AT(hlm_policy_options, n_advantages, 88);
AT(hlm_policy_options, old_logprobs, 96);
AT(hlm_policy_options, n_old_logprobs, 104);
AT(hlm_policy_options, reference_logprobs, 112);
AT(hlm_policy_options, n_reference_logprobs, 120);
AT(hlm_policy_options, rollout_logprobs, 128);
AT(hlm_policy_options, n_rollout_logprobs, 136);
LAST(hlm_policy_options, forward_only, 144, 152);

AT(hlm_policy_metrics, struct_size, 0);
AT(hlm_policy_metrics, loss, 8);
AT(hlm_policy_metrics, policy, 16);
AT(hlm_policy_metrics, kl, 24);
AT(hlm_policy_metrics, entropy, 32);
AT(hlm_policy_metrics, ratio, 40);
AT(hlm_policy_metrics, least_ratio, 48);
AT(hlm_policy_metrics, largest_ratio, 56);
AT(hlm_policy_metrics, approx_kl, 64);
AT(hlm_policy_metrics, clipped_low, 72);
AT(hlm_policy_metrics, clipped_high, 80);
AT(hlm_policy_metrics, clipped_dual, 88);
AT(hlm_policy_metrics, importance, 96);
AT(hlm_policy_metrics, weight, 104);
LAST(hlm_policy_metrics, tokens, 112, 120);

AT(hlm_dataset_batch, struct_size, 0);
AT(hlm_dataset_batch, ids, 8);
AT(hlm_dataset_batch, n_ids, 16);
AT(hlm_dataset_batch, offsets, 24);
AT(hlm_dataset_batch, n_offsets, 32);
AT(hlm_dataset_batch, labels, 40);
AT(hlm_dataset_batch, n_labels, 48);
AT(hlm_dataset_batch, documents, 56);
AT(hlm_dataset_batch, n_documents, 64);
AT(hlm_dataset_batch, desirable, 72);
AT(hlm_dataset_batch, n_desirable, 80);
AT(hlm_dataset_batch, rows, 88);
AT(hlm_dataset_batch, n_rows, 96);
AT(hlm_dataset_batch, trained, 104);
LAST(hlm_dataset_batch, epoch, 112, 120);

int hlm_test_header_c99(void);
int hlm_test_header_cxx11(void);

int main(void) {
  if (strcmp(hlm_version(), HLM_VERSION) != 0) {
    printf("the library is %s, the header %s\n", hlm_version(), HLM_VERSION);
    return 1;
  }
  if (!hlm_test_header_c99() || !hlm_test_header_cxx11()) {
    printf("an init function set another size than the program's\n");
    return 1;
  }
  return 0;
}
