"""transformers: families that came later or are built unlike the others: recurrent and hybrid decoders, routing
in other forms, encoders with other attention, text for speech, series of numbers, detectors, images to text.
"""

import torch
import transformers

from language_models import (
    BART,
    T5,
    TINY,
    VOCABULARY,
    case,
    decoder,
    encoder,
    encoder_decoder,
    padded_right,
    tokens,
)
from sight_and_sound_models import VIT, WAVE, backbone_free_detr, free, pixels, vision


def stage_of(stage: str, name: str, *given, **options) -> list:
    """One of the two stages of a decoder."""
    return [c for c in decoder(name, *given, **options) if c.stage == stage]


def decoders() -> list:
    grouped = dict(num_key_value_heads=2)
    sizes = dict(grouped, head_dim=8)
    gpt = dict(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=64)
    neo = dict(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_layers=2,
        num_heads=4,
        attention_types=[[["global", "local"], 1]],
        window_size=5,
        max_position_embeddings=64,
    )
    mpt = dict(vocab_size=VOCABULARY, d_model=32, n_heads=4, n_layers=2, max_seq_len=64)
    xglm = dict(vocab_size=VOCABULARY, d_model=32, num_layers=2, attention_heads=4, ffn_dim=64)
    sliding = dict(sliding_window=5, layer_types=["sliding_attention", "full_attention"])
    found = [
        stage_of("prefill", "gpt_neo", "GPTNeoForCausalLM", "GPTNeoConfig", drop=TINY, **neo),
        stage_of("decode", "gpt_bigcode", "GPTBigCodeForCausalLM", "GPTBigCodeConfig", drop=TINY, **gpt),
        stage_of("decode", "codegen", "CodeGenForCausalLM", "CodeGenConfig", drop=TINY, **gpt, rotary_dim=4),
        stage_of("prefill", "mpt", "MptForCausalLM", "MptConfig", drop=TINY, **mpt),
        stage_of("decode", "xglm", "XGLMForCausalLM", "XGLMConfig", drop=TINY, **xglm),
        stage_of("prefill", "biogpt", "BioGptForCausalLM", "BioGptConfig"),
        stage_of("decode", "nemotron", "NemotronForCausalLM", "NemotronConfig", **grouped),
        stage_of("prefill", "persimmon", "PersimmonForCausalLM", "PersimmonConfig"),
        stage_of("decode", "glm4", "Glm4ForCausalLM", "Glm4Config", **sizes),
        stage_of("prefill", "helium", "HeliumForCausalLM", "HeliumConfig", **sizes),
        stage_of("decode", "exaone4", "Exaone4ForCausalLM", "Exaone4Config", **grouped, **sliding),
        stage_of("prefill", "cohere2", "Cohere2ForCausalLM", "Cohere2Config", **grouped, **sliding),
        stage_of("decode", "olmo3", "Olmo3ForCausalLM", "Olmo3Config", **grouped, **sliding),
        stage_of("prefill", "nanochat", "NanoChatForCausalLM", "NanoChatConfig", **grouped),
        stage_of("decode", "diffllama", "DiffLlamaForCausalLM", "DiffLlamaConfig", **grouped),
        stage_of("prefill", "apertus", "ApertusForCausalLM", "ApertusConfig", **grouped),
        stage_of("decode", "bitnet", "BitNetForCausalLM", "BitNetConfig", **grouped),
        stage_of("prefill", "gpt1", "OpenAIGPTLMHeadModel", "OpenAIGPTConfig", drop=TINY, **gpt),
        stage_of("decode", "ctrl", "CTRLLMHeadModel", "CTRLConfig", drop=TINY, **gpt, dff=64),
        stage_of("prefill", "modernbert_decoder", "ModernBertDecoderForCausalLM", "ModernBertDecoderConfig"),
    ]
    return sum(found, [])


def mixtures() -> list:
    grouped = dict(num_key_value_heads=2)
    few = dict(n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=16, first_k_dense_replace=1)
    latent = dict(q_lora_rank=8, kv_lora_rank=8, qk_nope_head_dim=8, qk_rope_head_dim=8, v_head_dim=8)
    ernie = dict(moe_num_experts=4, moe_k=2, moe_intermediate_size=16)
    llama4 = dict(
        grouped,
        head_dim=8,
        intermediate_size_mlp=48,
        num_local_experts=4,
        attention_chunk_size=4,
        interleave_moe_layer_step=2,
    )
    found = [
        stage_of("prefill", "deepseek_v2", "DeepseekV2ForCausalLM", "DeepseekV2Config", **few, **latent),
        stage_of("decode", "glm4_moe", "Glm4MoeForCausalLM", "Glm4MoeConfig", **grouped, **few, head_dim=8),
        stage_of(
            "prefill", "ernie4_5_moe", "Ernie4_5_MoeForCausalLM", "Ernie4_5_MoeConfig", **grouped, **ernie
        ),
        stage_of("decode", "phimoe", "PhimoeForCausalLM", "PhimoeConfig", **grouped, num_local_experts=4),
        stage_of(
            "prefill",
            "granitemoe",
            "GraniteMoeForCausalLM",
            "GraniteMoeConfig",
            **grouped,
            num_local_experts=4,
        ),
        stage_of("prefill", "llama4", "Llama4ForCausalLM", "Llama4TextConfig", **llama4),
    ]
    return sum(found, [])


def recurrent() -> list:
    grouped = dict(num_key_value_heads=2)
    linear = dict(
        grouped,
        head_dim=8,
        linear_key_head_dim=8,
        linear_value_head_dim=8,
        linear_num_key_heads=2,
        linear_num_value_heads=4,
        layer_types=["linear_attention", "full_attention"],
    )
    routed = dict(
        num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16, shared_expert_intermediate_size=16
    )
    mamba = dict(mamba_n_heads=8, mamba_d_head=8, mamba_d_state=8, mamba_n_groups=2, mamba_chunk_size=4)
    jamba = dict(
        grouped,
        num_experts=2,
        attn_layer_period=2,
        attn_layer_offset=1,
        expert_layer_period=2,
        expert_layer_offset=1,
        mamba_d_state=8,
        mamba_dt_rank=4,
        use_mamba_kernels=False,
    )
    nemotron = dict(
        grouped,
        head_dim=8,
        mamba_num_heads=8,
        mamba_head_dim=8,
        ssm_state_size=8,
        n_groups=2,
        chunk_size=4,
        layers_block_type=["mamba", "attention", "mamba"],
    )
    falcon = dict(vocab_size=VOCABULARY, hidden_size=32, state_size=8, num_hidden_layers=2)
    minimax = dict(
        grouped, num_local_experts=4, block_size=4, layer_types=["linear_attention", "full_attention"]
    )
    found = [
        decoder("qwen3_next", "Qwen3NextForCausalLM", "Qwen3NextConfig", **linear, **routed),
        stage_of("decode", "qwen3_5", "Qwen3_5ForCausalLM", "Qwen3_5TextConfig", **linear),
        stage_of(
            "prefill",
            "falcon_h1",
            "FalconH1ForCausalLM",
            "FalconH1Config",
            **grouped,
            **mamba,
            mamba_d_ssm=64,
        ),
        stage_of(
            "decode", "bamba", "BambaForCausalLM", "BambaConfig", **grouped, **mamba, attn_layer_indices=[1]
        ),
        stage_of("prefill", "jamba", "JambaForCausalLM", "JambaConfig", **jamba),
        stage_of(
            "decode",
            "nemotron_h",
            "NemotronHForCausalLM",
            "NemotronHConfig",
            drop=["num_hidden_layers"],
            **nemotron,
        ),
        stage_of(
            "prefill", "falcon_mamba", "FalconMambaForCausalLM", "FalconMambaConfig", drop=TINY, **falcon
        ),
        stage_of("decode", "minimax", "MiniMaxForCausalLM", "MiniMaxConfig", **minimax),
    ]
    return sum(found, [])


def encoders() -> list:
    xlnet = dict(vocab_size=VOCABULARY, d_model=32, n_layer=2, n_head=4, d_inner=64)
    xlm = dict(vocab_size=VOCABULARY, emb_dim=32, n_layers=2, n_heads=4, max_position_embeddings=64)
    perceiver = dict(d_latents=16, num_latents=5, d_model=16, num_blocks=1, num_self_attends_per_block=2)
    perceiver |= dict(num_self_attention_heads=4, num_cross_attention_heads=4, vocab_size=VOCABULARY)
    return [
        encoder("big_bird", "BigBirdModel", "BigBirdConfig", attention_type="original_full"),
        encoder(
            "rembert", "RemBertModel", "RemBertConfig", input_embedding_size=16, output_embedding_size=16
        ),
        encoder("ibert", "IBertModel", "IBertConfig"),
        encoder("luke", "LukeModel", "LukeConfig", entity_vocab_size=10, entity_emb_size=8),
        encoder("xlnet", "XLNetModel", "XLNetConfig", drop=TINY, **xlnet),
        encoder("xlm", "XLMModel", "XLMConfig", drop=TINY, **xlm),
        encoder(
            "esm", "EsmModel", "EsmConfig", position_embedding_type="rotary", pad_token_id=1, mask_token_id=2
        ),
        encoder("ernie", "ErnieModel", "ErnieConfig"),
        encoder("megatron_bert", "MegatronBertModel", "MegatronBertConfig"),
        encoder("nomic_bert", "NomicBertModel", "NomicBertConfig"),
        encoder("eurobert", "EuroBertModel", "EuroBertConfig", pad_token_id=0),
        encoder("xmod", "XmodModel", "XmodConfig", default_language="en_XX"),
        encoder("mra", "MraModel", "MraConfig", block_per_row=1),
        encoder(
            "canine",
            "CanineModel",
            "CanineConfig",
            drop=["vocab_size"],
            downsampling_rate=2,
            local_transformer_stride=4,
        ),
        case(
            "perceiver",
            "PerceiverForMaskedLM",
            "PerceiverConfig",
            perceiver | dict(max_position_embeddings=12, qk_channels=16, v_channels=16),
            [lambda: padded_right(2, 12), lambda: padded_right(3, 12)],
        ),
        case(
            "tapas",
            "TapasModel",
            "TapasConfig",
            TINY,
            [lambda: padded_right(2, 9) | {"token_type_ids": torch.randint(0, 2, (2, 9, 7))}],
        ),
    ]


def encoder_decoders() -> list:
    sparse = dict(T5, num_experts=2, num_sparse_encoder_layers=1, num_sparse_decoder_layers=1)
    prophet = dict(
        hidden_size=32,
        encoder_ffn_dim=64,
        num_encoder_layers=2,
        num_encoder_attention_heads=4,
        decoder_ffn_dim=64,
        num_decoder_layers=2,
        num_decoder_attention_heads=4,
        max_position_embeddings=64,
        ngram=2,
    )
    led = {k: v for k, v in BART.items() if k != "max_position_embeddings"}
    led |= dict(max_encoder_position_embeddings=64, max_decoder_position_embeddings=64, attention_window=4)
    found = [
        encoder_decoder("mbart", "MBartForConditionalGeneration", "MBartConfig", **BART),
        encoder_decoder("m2m_100", "M2M100ForConditionalGeneration", "M2M100Config", **BART),
        encoder_decoder("blenderbot", "BlenderbotForConditionalGeneration", "BlenderbotConfig", **BART),
        encoder_decoder("umt5", "UMT5ForConditionalGeneration", "UMT5Config", **T5)[:1],
        encoder_decoder("longt5", "LongT5ForConditionalGeneration", "LongT5Config", **T5, local_radius=3)[:1],
        encoder_decoder(
            "switch", "SwitchTransformersForConditionalGeneration", "SwitchTransformersConfig", **sparse
        )[:1],
        encoder_decoder("prophetnet", "ProphetNetForConditionalGeneration", "ProphetNetConfig", **prophet)[
            :1
        ],
        encoder_decoder("led", "LEDForConditionalGeneration", "LEDConfig", **led)[:1],
    ]
    return sum(found, [])


def pictures() -> list:
    detr = backbone_free_detr()
    queries = dict(detr, decoder_layers=2, num_feature_levels=2, encoder_n_points=2, decoder_n_points=2)
    bit = dict(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], num_groups=4)
    glpn = dict(
        hidden_sizes=[8, 16, 24, 32],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 2, 3, 4],
        decoder_hidden_size=16,
    )
    vit = dict(VIT, num_hidden_layers=4)
    anything = dict(
        backbone_config=dict(
            model_type="dinov2",
            hidden_size=32,
            num_hidden_layers=4,
            num_attention_heads=4,
            image_size=56,
            patch_size=14,
            out_indices=[1, 2, 3, 4],
            reshape_hidden_states=False,
            apply_layernorm=True,
        ),
        reassemble_hidden_size=32,
        patch_size=14,
        neck_hidden_sizes=[8, 16, 16, 16],
        fusion_hidden_size=16,
        head_hidden_size=8,
    )
    stages = dict(embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], layer_type="basic")
    pyramid = transformers.ResNetConfig(**stages, out_features=["stage1", "stage2", "stage3", "stage4"])
    upernet = dict(backbone_config=pyramid, hidden_size=16, pool_scales=[1, 2], use_auxiliary_head=False)
    return [
        vision(
            "deformable_detr",
            "DeformableDetrForObjectDetection",
            "DeformableDetrConfig",
            ((1, 64, 64),),
            **queries,
        ),
        vision(
            "dab_detr",
            "DabDetrForObjectDetection",
            "DabDetrConfig",
            ((1, 64, 64),),
            **dict(detr, hidden_size=32),
        ),
        vision("table_transformer", "TableTransformerModel", "TableTransformerConfig", free(), **detr),
        vision("bit", "BitModel", "BitConfig", free(), **bit),
        vision("glpn", "GLPNForDepthEstimation", "GLPNConfig", free(), **glpn),
        vision("mobilenet_v1", "MobileNetV1Model", "MobileNetV1Config", free(), depth_multiplier=0.25),
        vision("mobilevitv2", "MobileViTV2Model", "MobileViTV2Config", free(), width_multiplier=0.25),
        vision(
            "pvt_v2",
            "PvtV2Model",
            "PvtV2Config",
            free(),
            hidden_sizes=[8, 16, 16, 32],
            depths=[1, 1, 1, 1],
            num_attention_heads=[1, 2, 2, 4],
        ),
        vision(
            "data2vec_vision",
            "Data2VecVisionModel",
            "Data2VecVisionConfig",
            **VIT,
            use_relative_position_bias=True,
        ),
        vision("vit_msn", "ViTMSNModel", "ViTMSNConfig", **VIT),
        vision(
            "vitdet",
            "VitDetModel",
            "VitDetConfig",
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=32,
            pretrain_image_size=32,
            patch_size=4,
            window_size=4,
            window_block_indices=[0],
            use_relative_position_embeddings=True,
        ),
        vision(
            "dinov2_registers",
            "Dinov2WithRegistersModel",
            "Dinov2WithRegistersConfig",
            ((2, 32, 32), (3, 40, 32)),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=32,
            patch_size=8,
        ),
        vision("ijepa", "IJepaModel", "IJepaConfig", **VIT),
        vision(
            "hgnet_v2",
            "HGNetV2ForImageClassification",
            "HGNetV2Config",
            free(),
            embedding_size=8,
            hidden_sizes=[8, 16, 16, 16],
            depths=[1, 1, 1, 1],
            stem_channels=[3, 8, 8],
            stage_in_channels=[8, 8, 16, 16],
            stage_mid_channels=[8, 8, 8, 8],
            stage_out_channels=[8, 16, 16, 16],
            stage_num_blocks=[1, 1, 1, 1],
            stage_numb_of_layers=[1, 1, 1, 1],
        ),
        vision(
            "depth_anything",
            "DepthAnythingForDepthEstimation",
            "DepthAnythingConfig",
            ((1, 56, 56),),
            **anything,
        ),
        vision(
            "superpoint",
            "SuperPointForKeypointDetection",
            "SuperPointConfig",
            ((1, 48, 48),),
            encoder_hidden_sizes=[8, 8, 16, 16],
            decoder_hidden_size=16,
            keypoint_decoder_dim=65,
            descriptor_decoder_dim=16,
        ),
        vision(
            "swiftformer",
            "SwiftFormerModel",
            "SwiftFormerConfig",
            ((2, 64, 64), (3, 64, 64)),
            depths=[1, 1, 1, 1],
            embed_dims=[8, 16, 16, 16],
        ),
        vision("textnet", "TextNetModel", "TextNetConfig", ((1, 64, 64),)),
        vision("upernet", "UperNetForSemanticSegmentation", "UperNetConfig", ((1, 64, 64),), **upernet),
    ]


def pictures_and_text() -> list:
    text = dict(TINY, eos_token_id=2, bos_token_id=1, pad_token_id=0)
    both = lambda b, n: padded_right(b, n) | pixels(b, 32, 32)  # noqa: E731
    git = dict(TINY, vision_config=VIT)
    blip = dict(text_config=dict(text, encoder_hidden_size=32), vision_config=VIT, image_text_hidden_size=16)

    def shown(image_token: int, patches: int):
        def make():
            given = tokens(2, 14)
            given["input_ids"].clamp_(max=image_token - 1)
            given["input_ids"][:, 2 : 2 + patches] = image_token
            given["attention_mask"][:] = 1
            return given | pixels(2, 16, 16)

        return make

    llava = dict(
        text_config=dict(TINY, model_type="llama", num_key_value_heads=2, pad_token_id=0),
        vision_config=dict(VIT, model_type="clip_vision_model", image_size=16),
        image_token_id=98,
        image_token_index=98,
        vision_feature_layer=-1,
    )
    paligemma = dict(
        text_config=dict(TINY, model_type="gemma", num_key_value_heads=2, head_dim=8),
        vision_config=dict(VIT, model_type="siglip_vision_model", image_size=16),
        image_token_id=98,
        image_token_index=98,
        projection_dim=32,
    )
    return [
        case(
            "altclip",
            "AltCLIPModel",
            "AltCLIPConfig",
            dict(text_config=dict(text, project_dim=24), vision_config=VIT, projection_dim=24),
            [lambda: both(2, 7)],
        ),
        case("git", "GitModel", "GitConfig", git, [lambda: both(2, 7)]),
        case("blip", "BlipForImageTextRetrieval", "BlipConfig", blip, [lambda: both(2, 7)]),
        case(
            "groupvit",
            "GroupViTModel",
            "GroupViTConfig",
            dict(
                text_config=text,
                vision_config=VIT
                | {
                    "depths": [1, 1, 1],
                    "num_group_tokens": [4, 2, 0],
                    "num_output_groups": [4, 2, 0],
                    "num_hidden_layers": 3,
                },
                projection_dim=24,
                projection_intermediate_dim=24,
            ),
            [lambda: both(2, 7)],
        ),
        case("llava", "LlavaModel", "LlavaConfig", llava, [shown(98, 4)]),
        case("paligemma", "PaliGemmaModel", "PaliGemmaConfig", paligemma, [shown(98, 4)]),
        case(
            "layoutlmv3",
            "LayoutLMv3Model",
            "LayoutLMv3Config",
            dict(
                TINY,
                input_size=32,
                patch_size=8,
                coordinate_size=4,
                shape_size=8,
                max_2d_position_embeddings=50,
                visual_embed=False,
            ),
            [lambda: padded_right(2, 7) | {"bbox": torch.randint(0, 40, (2, 7, 4)).sort(-1).values}],
        ),
    ]


def sound_and_series() -> list:
    speech = {k: v for k, v in BART.items() if k != "max_position_embeddings"} | dict(
        vocab_size=VOCABULARY,
        input_feat_per_channel=12,
        max_source_positions=64,
        max_target_positions=32,
        conv_channels=16,
        num_conv_layers=2,
        use_cache=False,
        decoder_start_token_id=1,
    )
    series = dict(
        context_length=16, prediction_length=4, patch_length=4, patch_stride=4, num_input_channels=3
    )
    patch = dict(series, d_model=16, num_attention_heads=4, num_hidden_layers=2, ffn_dim=32)
    mixer = dict(series, d_model=16, num_layers=2)
    mimi = dict(
        num_filters=4,
        hidden_size=32,
        upsampling_ratios=[4, 2],
        num_hidden_layers=1,
        intermediate_size=64,
        num_attention_heads=4,
        num_key_value_heads=4,
        codebook_size=16,
        codebook_dim=16,
        num_quantizers=4,
        num_semantic_quantizers=1,
        vector_quantization_hidden_dimension=16,
        compress=2,
        upsample_groups=32,
        use_cache=False,
    )
    dac = dict(
        encoder_hidden_size=8,
        downsampling_ratios=[2, 4],
        decoder_hidden_size=32,
        n_codebooks=2,
        codebook_size=16,
        codebook_dim=4,
        upsampling_ratios=[4, 2],
    )
    conformer = dict(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=64,
        num_mel_bins=16,
        subsampling_conv_channels=8,
        conv_kernel_size=5,
    )
    return [
        case(
            "speech_to_text",
            "Speech2TextForConditionalGeneration",
            "Speech2TextConfig",
            speech,
            [
                lambda: {
                    "input_features": torch.randn(2, 40, 12),
                    "decoder_input_ids": torch.randint(3, VOCABULARY, (2, 5)),
                }
            ],
        ),
        case("mimi", "MimiModel", "MimiConfig", mimi, [lambda: {"input_values": torch.randn(1, 1, 160)}]),
        case("dac", "DacModel", "DacConfig", dac, [lambda: {"input_values": torch.randn(1, 1, 160)}]),
        case(
            "unispeech_sat",
            "UniSpeechSatModel",
            "UniSpeechSatConfig",
            WAVE,
            [lambda: {"input_values": torch.randn(2, 400)}],
        ),
        case(
            "univnet",
            "UnivNetModel",
            "UnivNetConfig",
            dict(
                model_in_channels=8,
                model_hidden_channels=8,
                num_mel_bins=10,
                resblock_kernel_sizes=[3],
                resblock_stride_sizes=[4],
                resblock_dilation_sizes=[[1, 3]],
                kernel_predictor_hidden_channels=8,
            ),
            [lambda: {"input_features": torch.randn(1, 6, 10), "noise_sequence": torch.randn(1, 6, 8)}],
        ),
        case(
            "patchtst",
            "PatchTSTForPrediction",
            "PatchTSTConfig",
            patch,
            [lambda: {"past_values": torch.randn(2, 16, 3)}],
        ),
        case(
            "patchtsmixer",
            "PatchTSMixerForPrediction",
            "PatchTSMixerConfig",
            mixer,
            [lambda: {"past_values": torch.randn(2, 16, 3)}],
        ),
        case(
            "decision",
            "DecisionTransformerModel",
            "DecisionTransformerConfig",
            dict(hidden_size=32, n_layer=2, n_head=4, n_positions=64, state_dim=5, act_dim=3, max_ep_len=30),
            [
                lambda: {
                    "states": torch.randn(2, 4, 5),
                    "actions": torch.randn(2, 4, 3),
                    "rewards": torch.randn(2, 4, 1),
                    "returns_to_go": torch.randn(2, 4, 1),
                    "timesteps": torch.arange(4).expand(2, 4).contiguous(),
                    "attention_mask": torch.ones(2, 4),
                }
            ],
        ),
        case(
            "parakeet",
            "ParakeetForCTC",
            "ParakeetCTCConfig",
            dict(vocab_size=VOCABULARY, encoder_config=conformer),
            [
                lambda: {
                    "input_features": torch.randn(1, 40, 16),
                    "attention_mask": torch.ones(1, 40, dtype=torch.bool),
                }
            ],
        ),
    ]


def cases() -> list:
    return [
        *decoders(),
        *mixtures(),
        *recurrent(),
        *encoders(),
        *encoder_decoders(),
        *pictures(),
        *pictures_and_text(),
        *sound_and_series(),
    ]
