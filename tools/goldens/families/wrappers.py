"""Text models inside ...ForConditionalGeneration: prefixed names, and tensors of other parts that are carried through."""

from families.entry import Family, rows
from families.experts import ROUTER
from families.hybrids import DELTA, FULL, HALF, LINEAR, SLOW, STATES

ROPE = dict(rope_type="default", rope_theta=300.0)
SECTIONS = {**ROPE, "mrope_section": [2, 1, 1]}
EYES = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2, image_size=16, patch_size=8)
QWEN_EYES = dict(depth=1, hidden_size=16, intermediate_size=24, num_heads=2, patch_size=4, out_hidden_size=24, num_position_embeddings=16,
                 deepstack_visual_indexes=[])
QWEN_TOKENS = dict(image_token_id=200, video_token_id=201, vision_start_token_id=202, vision_end_token_id=203)
SIGLIP, CLIP = dict(model_type="siglip_vision_model", **EYES), dict(model_type="clip_vision_model", **EYES)


def text(model_type, **config):
    return {"model_type": model_type, "vocab_size": 61, **config}


FAMILIES = [
    Family("mistral3", "mistral3", "Mistral-Small 3.x: Mistral's text beside a vision tower, untied",
           dict(text_config=text("mistral", **rows(24, 2, 4, 2, 40, head_dim=8, sliding_window=None, rope_parameters=ROPE)),
                vision_config=dict(model_type="pixtral", head_dim=8, **EYES), image_token_index=60, tie_word_embeddings=False)),
    Family("mistral3_ministral3", "mistral3", "Ministral 3: its text beside a vision tower, tied",
           dict(text_config=text("ministral3", tie_word_embeddings=True, **rows(
               24, 2, 4, 2, 40, head_dim=8, rope_parameters=dict(
                   rope_type="yarn", rope_theta=1000.0, factor=16.0, original_max_position_embeddings=4, beta_fast=8.0, beta_slow=1.0,
                   mscale=1.0, mscale_all_dim=1.0, llama_4_scaling_beta=0.4))),
                vision_config=dict(model_type="pixtral", head_dim=8, **EYES), image_token_index=60), embedding_std=0.3),
    Family("gemma3", "gemma3", "Gemma 3 4B and larger: its text beside a vision tower, padding row 0",
           dict(text_config=text("gemma3_text", **rows(
               24, 2, 4, 2, 40, head_dim=8, query_pre_attn_scalar=7, sliding_window=5,
               layer_types=["sliding_attention", "full_attention"]) | {"pad_token_id": 0}),
                vision_config=dict(model_type="siglip_vision_model", **EYES), mm_tokens_per_image=4, image_token_index=60,
                boi_token_index=59, eoi_token_index=58), embedding_std=0.12),
    Family("gemma4", "gemma4", "Gemma 4: its text beside a vision tower",
           dict(text_config=text("gemma4_text", **rows(
               24, 2, 4, 2, 40, head_dim=8, global_head_dim=16, sliding_window=5, hidden_size_per_layer_input=0,
               layer_types=["sliding_attention", "full_attention"]) | {"pad_token_id": 0}),
                vision_config=dict(model_type="gemma4_vision", hidden_size=16, intermediate_size=24, num_hidden_layers=1,
                                   num_attention_heads=2, num_key_value_heads=2, head_dim=8, patch_size=8, position_embedding_size=16),
                audio_config=None, image_token_id=200, video_token_id=201, audio_token_id=202, boi_token_id=203, eoi_token_id=204,
                boa_token_id=205, eoa_token_index=206),
           embedding_std=0.12, std={"layer_scalar": 0.25}, options=dict(lr=2e-3)),
    Family("qwen3_5", "qwen3_5", "Qwen3.5: its text beside a vision tower",
           dict(text_config=text("qwen3_5_text", **rows(24, 2, 4, 2, 40, head_dim=16, layer_types=[LINEAR, FULL], rms_norm_eps=1e-3,
                                                        rope_parameters={**HALF, "mrope_section": [2, 1, 1]}, **DELTA)),
                vision_config=dict(depth=1, hidden_size=16, intermediate_size=24, num_heads=2, patch_size=4, out_hidden_size=24,
                                   num_position_embeddings=16, deepstack_visual_indexes=[]),
                image_token_id=200, video_token_id=201, vision_start_token_id=202, vision_end_token_id=203),
           std=STATES, options=SLOW, seed=1),
    Family("qwen3_5_moe", "qwen3_5_moe", "Qwen3.5 with experts: its text beside a vision tower",
           dict(text_config=text("qwen3_5_moe_text", **{key: value for key, value in rows(
               24, 2, 4, 2, 0, head_dim=16, layer_types=[LINEAR, FULL], num_experts=6, num_experts_per_tok=2, moe_intermediate_size=16,
               shared_expert_intermediate_size=8, rms_norm_eps=1e-3, rope_parameters={**HALF, "mrope_section": [2, 1, 1]}, **DELTA).items()
                                                        if key != "intermediate_size"}),
                vision_config=dict(depth=1, hidden_size=16, intermediate_size=24, num_heads=2, patch_size=4, out_hidden_size=24,
                                   num_position_embeddings=16, deepstack_visual_indexes=[]),
                image_token_id=200, video_token_id=201, vision_start_token_id=202, vision_end_token_id=203),
           std={**ROUTER, **STATES}, options=SLOW, seed=2),
    Family("qwen2_5_vl", "qwen2_5_vl", "Qwen2.5-VL: its text, one layer with a window, beside a vision tower, untied",
           dict(text_config=text("qwen2_5_vl_text", **rows(24, 2, 3, 1, 40, use_sliding_window=True, sliding_window=4, max_window_layers=1,
                                                           rope_parameters={**ROPE, "mrope_section": [2, 1, 1]})),
                vision_config={key: value for key, value in QWEN_EYES.items() if key not in ("num_position_embeddings", "deepstack_visual_indexes")},
                tie_word_embeddings=False, **QWEN_TOKENS)),
    Family("qwen3_vl", "qwen3_vl", "Qwen3-VL: its text beside a vision tower, tied",
           dict(text_config=text("qwen3_vl_text", **rows(24, 2, 4, 2, 40, head_dim=8, rope_parameters={**SECTIONS, "mrope_interleaved": True})),
                vision_config=QWEN_EYES, tie_word_embeddings=True, **QWEN_TOKENS), embedding_std=0.3),
    Family("qwen3_vl_moe", "qwen3_vl_moe", "Qwen3-VL with experts: its text beside a vision tower, experts of a layer are packed",
           dict(text_config=text("qwen3_vl_moe_text", **rows(24, 3, 4, 2, 40, head_dim=8, num_experts=6, num_experts_per_tok=2, moe_intermediate_size=16,
                                                             mlp_only_layers=[1], rope_parameters={**SECTIONS, "mrope_interleaved": True})),
                vision_config=QWEN_EYES, tie_word_embeddings=False, **QWEN_TOKENS), std=ROUTER),
    Family("llama4", "llama4", "Llama 4: its text beside a vision tower",
           dict(text_config=text("llama4_text", **rows(24, 2, 4, 2, 16, head_dim=8, intermediate_size_mlp=24, num_local_experts=4, num_experts_per_tok=1,
                                                       interleave_moe_layer_step=2, no_rope_layers=[1, 0], rope_parameters=ROPE)),
                vision_config=dict(vision_output_dim=24, projector_input_dim=24, projector_output_dim=24, pixel_shuffle_ratio=0.5, **EYES),
                image_token_index=200), std=ROUTER, experts_in_rows=True),
    Family("llava", "llava", "LLaVA: Llama beside a vision tower, untied",
           dict(text_config=text("llama", **rows(24, 2, 3, 1, 40, rope_parameters=ROPE)), vision_config=CLIP, image_token_index=60)),
    Family("smolvlm", "smolvlm", "SmolVLM: Llama beside a vision tower and a connector, untied",
           dict(text_config=text("llama", **rows(24, 2, 3, 1, 40, rope_parameters=ROPE)), vision_config=EYES, image_token_id=60)),
]

# More of them whose text models have goldens elsewhere: for check_families.py alone.
OTHERS = [
    Family("qwen2_vl", "qwen2_vl", "Qwen2-VL, tied",
           dict(text_config=text("qwen2_vl_text", **rows(24, 2, 3, 1, 40, rope_parameters=SECTIONS)),
                vision_config=dict(depth=1, embed_dim=16, hidden_size=24, num_heads=2, patch_size=4), tie_word_embeddings=True, **QWEN_TOKENS),
           embedding_std=0.3),
    Family("llava_next", "llava_next", "LLaVA-NeXT with Mistral",
           dict(text_config=text("mistral", **rows(24, 2, 4, 2, 40, head_dim=6, rope_parameters=ROPE)), vision_config=CLIP, image_token_index=60)),
    Family("llava_onevision", "llava_onevision", "LLaVA-OneVision with Qwen2, tied",
           dict(text_config=text("qwen2", **rows(24, 2, 4, 2, 40, rope_parameters=ROPE)), vision_config=SIGLIP, image_token_index=60,
                video_token_index=59, tie_word_embeddings=True), embedding_std=0.3),
    Family("internvl", "internvl", "InternVL 3 with Qwen2, tied",
           dict(text_config=text("qwen2", **rows(24, 2, 4, 2, 40, rope_parameters=ROPE)),
                vision_config=dict(model_type="internvl_vision", **{**EYES, "image_size": [16, 16], "patch_size": [8, 8]}), image_token_id=60),
           embedding_std=0.3),
    Family("internvl_qwen3_moe", "internvl", "InternVL 3.5 with Qwen3's experts, untied",
           dict(text_config=text("qwen3_moe", **rows(24, 2, 4, 2, 40, head_dim=8, num_experts=6, num_experts_per_tok=2, moe_intermediate_size=16,
                                                     rope_parameters=ROPE)),
                vision_config=dict(model_type="internvl_vision", **{**EYES, "image_size": [16, 16], "patch_size": [8, 8]}), image_token_id=60,
                tie_word_embeddings=False), std=ROUTER),
    Family("idefics3", "idefics3", "Idefics 3 with Llama",
           dict(text_config=text("llama", **rows(24, 2, 4, 2, 40, rope_parameters=ROPE)), vision_config=EYES, image_token_id=60)),
    Family("lfm2_vl", "lfm2_vl", "LFM2-VL",
           dict(text_config=text("lfm2", **rows(24, 2, 4, 2, 40, layer_types=["conv", "full_attention"], block_auto_adjust_ff_dim=False,
                                                rope_parameters=ROPE)),
                vision_config=dict(model_type="siglip2_vision_model", hidden_size=16, intermediate_size=24, num_hidden_layers=1,
                                   num_attention_heads=2, patch_size=8, num_patches=16), image_token_id=60), embedding_std=0.3),
    Family("exaone4_5", "exaone4_5", "EXAONE 4.5: EXAONE 4 beside a vision tower",
           dict(text_config=text("exaone4", **rows(24, 2, 4, 2, 40, head_dim=8, sliding_window=5, rope_parameters=ROPE,
                                                   layer_types=["sliding_attention", "full_attention"])),
                vision_config=dict(depth=1, hidden_size=16, intermediate_size=24, num_heads=2, num_key_value_heads=1, patch_size=4,
                                   out_hidden_size=24), image_token_id=60, video_token_id=59)),
    Family("voxtral", "voxtral", "Voxtral: Llama behind a tower for sound",
           dict(text_config=text("llama", **rows(24, 2, 4, 2, 40, head_dim=8, rope_parameters=ROPE)),
                audio_config=dict(model_type="voxtral_encoder", hidden_size=16, intermediate_size=64, num_hidden_layers=1,
                                  num_attention_heads=2, num_mel_bins=8, max_source_positions=16), audio_token_id=60)),
    Family("gemma4_unified", "gemma4_unified", "Gemma 4 12B: its text beside what reads pictures and sounds",
           dict(text_config=text("gemma4_unified_text", **rows(
               24, 2, 4, 2, 40, head_dim=8, global_head_dim=16, sliding_window=5, final_logit_softcapping=4.0,
               layer_types=["sliding_attention", "full_attention"]) | {"pad_token_id": 0}),
                audio_config=None, image_token_id=200, video_token_id=201, audio_token_id=202, boi_token_id=203, eoi_token_id=204,
                boa_token_id=205, eoa_token_index=206),
           embedding_std=0.12, std={"layer_scalar": 0.25}, options=dict(lr=2e-3)),
]
