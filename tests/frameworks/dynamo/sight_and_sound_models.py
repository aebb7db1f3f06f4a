"""transformers: vision, vision with text, and audio, from tiny random configurations."""

import torch
import transformers

from language_models import BART, TINY, VOCABULARY, case, padded_right

VIT = dict(
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=64,
    image_size=32,
    patch_size=8,
)


def pixels(batch: int, *size: int) -> dict:
    return {"pixel_values": torch.randn(batch, 3, *size)}


def vision(name, architecture, config, sizes=((2, 32, 32), (3, 32, 32)), **options):
    inputs = [lambda size=size: pixels(*size) for size in sizes]
    return case(name, architecture, config, options, inputs)


def free(height=64, width=64):
    return ((2, height, width), (3, height + 32, width))


def backbone_free_detr() -> dict:
    resnet = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", out_features=["stage2"]
    )
    return dict(
        use_timm_backbone=False,
        backbone=None,
        backbone_config=resnet,
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        num_queries=7,
        num_labels=4,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        use_pretrained_backbone=False,
    )


def pictures() -> list:
    swin = dict(image_size=64, patch_size=4, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4)
    stages = dict(hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 2, 1])
    segformer = dict(
        hidden_sizes=[8, 16, 24, 32],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 2, 3, 4],
        decoder_hidden_size=16,
        num_labels=4,
    )
    mobilevit = dict(
        image_size=64,
        hidden_sizes=[16, 24, 32],
        neck_hidden_sizes=[8, 8, 16, 16, 24, 24, 32],
        num_attention_heads=4,
        expand_ratio=2.0,
    )
    sam = dict(
        vision_config=dict(
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            mlp_dim=32,
            image_size=64,
            patch_size=8,
            output_channels=16,
            window_size=4,
            global_attn_indexes=[1],
            num_pos_feats=8,
        ),
        prompt_encoder_config=dict(hidden_size=16, image_size=64, patch_size=8, mask_input_channels=4),
        mask_decoder_config=dict(
            hidden_size=16, mlp_dim=32, num_hidden_layers=2, num_attention_heads=2, iou_head_hidden_dim=16
        ),
    )
    points = lambda: pixels(1, 64, 64) | {
        "input_points": torch.rand(1, 1, 2, 2) * 60,
        "input_labels": torch.ones(1, 1, 2, dtype=torch.int64),
    }  # noqa: E731
    dpt = dict(
        VIT | {"num_hidden_layers": 4},
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 16, 16, 16],
        fusion_hidden_size=16,
        num_labels=3,
        reassemble_factors=[4, 2, 1, 0.5],
        is_hybrid=False,
    )
    return [
        vision("vit", "ViTModel", "ViTConfig", **VIT),
        vision("vit_classes", "ViTForImageClassification", "ViTConfig", **VIT, num_labels=5),
        vision("deit", "DeiTModel", "DeiTConfig", **VIT),
        vision("beit", "BeitModel", "BeitConfig", **VIT, use_relative_position_bias=True),
        case(
            "vit_mae",
            "ViTMAEModel",
            "ViTMAEConfig",
            dict(VIT, mask_ratio=0.5),
            [lambda: pixels(2, 32, 32) | {"noise": torch.rand(2, 16)}],  # without it the module is random
        ),
        vision("swin", "SwinModel", "SwinConfig", free(), **swin),
        vision("swinv2", "Swinv2Model", "Swinv2Config", free(), **swin),
        vision("convnext", "ConvNextModel", "ConvNextConfig", free(), **stages),
        vision("convnextv2", "ConvNextV2Model", "ConvNextV2Config", free(), **stages),
        vision(
            "dinov2",
            "Dinov2Model",
            "Dinov2Config",
            ((2, 32, 32), (3, 40, 32)),
            **{k: v for k, v in VIT.items() if k != "intermediate_size"},
        ),
        vision("dinov3", "DINOv3ViTModel", "DINOv3ViTConfig", ((2, 32, 32), (3, 40, 32)), **VIT),
        vision("detr", "DetrForObjectDetection", "DetrConfig", free(), **backbone_free_detr()),
        vision(
            "conditional_detr",
            "ConditionalDetrForObjectDetection",
            "ConditionalDetrConfig",
            ((1, 64, 64),),
            **backbone_free_detr(),
        ),
        vision(
            "yolos",
            "YolosForObjectDetection",
            "YolosConfig",
            ((2, 32, 32), (3, 32, 32)),
            **{**VIT, "image_size": [32, 32]},
            num_detection_tokens=5,
            num_labels=3,
        ),
        vision("segformer", "SegformerForSemanticSegmentation", "SegformerConfig", free(), **segformer),
        vision("mobilevit", "MobileViTModel", "MobileViTConfig", free(), **mobilevit),
        vision(
            "resnet",
            "ResNetForImageClassification",
            "ResNetConfig",
            free(),
            embedding_size=8,
            hidden_sizes=[8, 16],
            depths=[1, 1],
            layer_type="basic",
        ),
        vision(
            "regnet",
            "RegNetModel",
            "RegNetConfig",
            free(),
            embedding_size=8,
            hidden_sizes=[8, 16],
            depths=[1, 1],
        ),
        vision(
            "poolformer",
            "PoolFormerModel",
            "PoolFormerConfig",
            free(),
            hidden_sizes=[8, 16, 16, 32],
            depths=[1, 1, 1, 1],
        ),
        vision(
            "levit",
            "LevitModel",
            "LevitConfig",
            ((2, 64, 64), (3, 64, 64)),
            image_size=64,
            hidden_sizes=[16, 24, 32],
            num_attention_heads=[2, 2, 4],
            depths=[1, 1, 1],
            key_dim=[8, 8, 8],
        ),
        vision(
            "pvt",
            "PvtModel",
            "PvtConfig",
            ((2, 64, 64), (3, 64, 64)),
            image_size=64,
            hidden_sizes=[8, 16, 16, 32],
            depths=[1, 1, 1, 1],
            num_attention_heads=[1, 2, 2, 4],
        ),
        vision(
            "focalnet",
            "FocalNetModel",
            "FocalNetConfig",
            free(),
            image_size=64,
            embed_dim=8,
            depths=[1, 1],
            focal_levels=[2, 2],
            focal_windows=[3, 3],
            hidden_sizes=[8, 16],
        ),
        vision("mobilenet_v2", "MobileNetV2Model", "MobileNetV2Config", free(), depth_multiplier=0.25),
        vision(
            "efficientnet",
            "EfficientNetModel",
            "EfficientNetConfig",
            free(),
            width_coefficient=0.25,
            depth_coefficient=0.3,
            hidden_dim=320,
        ),
        vision("dpt", "DPTForDepthEstimation", "DPTConfig", **dpt),
        vision(
            "swin2sr",
            "Swin2SRForImageSuperResolution",
            "Swin2SRConfig",
            ((1, 16, 16),),
            image_size=16,
            patch_size=1,
            embed_dim=16,
            depths=[1, 1],
            num_heads=[2, 2],
            window_size=4,
            upscale=2,
        ),
        case("sam", "SamModel", "SamConfig", sam, [points]),
        vision(
            "hiera",
            "HieraModel",
            "HieraConfig",
            ((1, 64, 64),),
            image_size=[64, 64],
            embed_dim=16,
            depths=[1, 1, 1, 1],
            num_heads=[1, 2, 4, 4],
            patch_size=[7, 7],
        ),
        case(
            "vivit",
            "VivitModel",
            "VivitConfig",
            dict(VIT, num_frames=4, tubelet_size=[2, 8, 8]),
            [lambda: {"pixel_values": torch.randn(1, 4, 3, 32, 32)}],
        ),
        case(
            "videomae",
            "VideoMAEModel",
            "VideoMAEConfig",
            dict(VIT, num_frames=4),
            [lambda: {"pixel_values": torch.randn(1, 4, 3, 32, 32)}],
        ),
        case(
            "timesformer",
            "TimesformerModel",
            "TimesformerConfig",
            dict(VIT, num_frames=2),
            [lambda: {"pixel_values": torch.randn(1, 2, 3, 32, 32)}],
        ),
    ]


def pictures_and_text() -> list:
    text = dict(TINY, eos_token_id=2, bos_token_id=1, pad_token_id=0)
    pair = dict(text_config=text, vision_config=VIT, projection_dim=24)
    both = lambda b, n: padded_right(b, n) | pixels(b, 32, 32)  # noqa: E731
    two = [lambda: both(2, 7), lambda: both(3, 9)]
    plain = lambda b, n: {"input_ids": torch.randint(3, VOCABULARY, (b, n))} | pixels(b, 32, 32)  # noqa: E731
    siglip = dict(text_config=dict(text, max_position_embeddings=16), vision_config=VIT)
    return [
        case("clip", "CLIPModel", "CLIPConfig", pair, two),
        case("siglip", "SiglipModel", "SiglipConfig", siglip, [lambda: plain(2, 7), lambda: plain(3, 9)]),
        case(
            "clip_text",
            "CLIPTextModel",
            "CLIPTextConfig",
            text,
            [lambda: padded_right(2, 7), lambda: padded_right(3, 9)],
        ),
        vision("clip_vision", "CLIPVisionModelWithProjection", "CLIPVisionConfig", **VIT),
        case(
            "clipseg",
            "CLIPSegForImageSegmentation",
            "CLIPSegConfig",
            dict(
                pair,
                extract_layers=[0, 1],
                reduce_dim=16,
                decoder_num_attention_heads=2,
                decoder_intermediate_size=32,
            ),
            [lambda: both(2, 7)],
        ),
        case(
            "vilt", "ViltModel", "ViltConfig", dict(TINY, image_size=32, patch_size=8), [lambda: both(1, 7)]
        ),
        case("owlvit", "OwlViTModel", "OwlViTConfig", pair, [lambda: padded_right(2, 7) | pixels(2, 32, 32)]),
        case(
            "blip_text",
            "BlipTextModel",
            "BlipTextConfig",
            dict(text, is_decoder=False, encoder_hidden_size=32),
            [lambda: padded_right(2, 7), lambda: padded_right(3, 9)],
        ),
        case(
            "layoutlm",
            "LayoutLMModel",
            "LayoutLMConfig",
            dict(TINY, max_2d_position_embeddings=50),
            [
                lambda: padded_right(2, 7)
                | {"bbox": torch.randint(0, 24, (2, 7, 2)).repeat(1, 1, 2).cumsum(-1).clamp(max=49)}
            ],
        ),
    ]


WAVE = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=64,
    conv_dim=[16, 16, 16],
    conv_kernel=[8, 3, 3],
    conv_stride=[4, 2, 2],
    num_conv_pos_embeddings=8,
    num_conv_pos_embedding_groups=2,
    num_feat_extract_layers=3,
    mask_time_prob=0.0,
)


def audio() -> list:
    wave = lambda b, n: {"input_values": torch.randn(b, n)}  # noqa: E731
    two = [lambda: wave(2, 400), lambda: wave(3, 520)]
    whisper = {k: v for k, v in BART.items() if k != "max_position_embeddings"} | dict(
        vocab_size=VOCABULARY,
        num_mel_bins=8,
        max_source_positions=30,
        max_target_positions=40,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    mel = lambda b: {"input_features": torch.randn(b, 8, 60)}  # noqa: E731
    heard = lambda b, n: mel(b) | {"decoder_input_ids": torch.randint(3, VOCABULARY, (b, n))}  # noqa: E731
    ast = dict(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        patch_size=8,
        max_length=40,
        num_mel_bins=16,
        frequency_stride=6,
        time_stride=6,
    )
    encodec = dict(
        num_filters=4,
        hidden_size=16,
        codebook_size=16,
        codebook_dim=16,
        upsampling_ratios=[4, 2],
        num_lstm_layers=1,
        kernel_size=5,
    )
    bert = dict(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=64,
        feature_projection_input_dim=20,
        conv_depthwise_kernel_size=5,
        mask_time_prob=0.0,
        vocab_size=VOCABULARY,
    )
    return [
        case("wav2vec2", "Wav2Vec2Model", "Wav2Vec2Config", WAVE, two),
        case(
            "wav2vec2_ctc",
            "Wav2Vec2ForCTC",
            "Wav2Vec2Config",
            dict(WAVE, do_stable_layer_norm=True, feat_extract_norm="layer"),
            two,
        ),
        case("hubert", "HubertModel", "HubertConfig", WAVE, two),
        case("wavlm", "WavLMModel", "WavLMConfig", WAVE, two),
        case("unispeech", "UniSpeechModel", "UniSpeechConfig", WAVE, [two[0]]),
        case("sew", "SEWModel", "SEWConfig", dict(WAVE, squeeze_factor=2), [lambda: wave(2, 512)]),
        case(
            "data2vec_audio",
            "Data2VecAudioModel",
            "Data2VecAudioConfig",
            dict(
                {k: v for k, v in WAVE.items() if k != "num_conv_pos_embeddings"},
                num_conv_pos_embeddings=2,
                conv_pos_kernel_size=5,
            ),
            [two[0]],
        ),
        case(
            "wav2vec2_conformer",
            "Wav2Vec2ConformerModel",
            "Wav2Vec2ConformerConfig",
            dict(WAVE, conv_depthwise_kernel_size=5, position_embeddings_type="rotary"),
            [two[0]],
        ),
        case(
            "wav2vec2_bert",
            "Wav2Vec2BertModel",
            "Wav2Vec2BertConfig",
            bert,
            [lambda: {"input_features": torch.randn(2, 30, 20)}],
        ),
        case(
            "whisper",
            "WhisperForConditionalGeneration",
            "WhisperConfig",
            whisper | {"use_cache": False},
            [lambda: heard(2, 6), lambda: heard(3, 9)],
        ),
        case(
            "whisper_decode",
            "WhisperForConditionalGeneration",
            "WhisperConfig",
            whisper,
            [lambda: heard(2, 4), lambda: heard(3, 6)],
            stage="decode",
        ),
        case(
            "audio_spectrogram",
            "ASTModel",
            "ASTConfig",
            ast,
            [
                lambda: {"input_values": torch.randn(2, 40, 16)},
                lambda: {"input_values": torch.randn(3, 40, 16)},
            ],
        ),
        case(
            "encodec",
            "EncodecModel",
            "EncodecConfig",
            encodec,
            [lambda: {"input_values": torch.randn(1, 1, 320)}],
        ),
        case(
            "vits",
            "VitsModel",
            "VitsConfig",
            dict(
                vocab_size=38,
                hidden_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                ffn_dim=32,
                flow_size=16,
                spectrogram_bins=20,
                duration_predictor_num_flows=1,
                duration_predictor_filter_channels=16,
                prior_encoder_num_flows=1,
                upsample_initial_channel=16,
                use_stochastic_duration_prediction=False,
                noise_scale=0.0,
            ),
            [lambda: {"input_ids": torch.randint(1, 37, (1, 8))}],
        ),
        case(
            "moonshine",
            "MoonshineForConditionalGeneration",
            "MoonshineConfig",
            dict(
                vocab_size=VOCABULARY,
                hidden_size=32,
                intermediate_size=64,
                encoder_num_hidden_layers=1,
                decoder_num_hidden_layers=1,
                encoder_num_attention_heads=4,
                decoder_num_attention_heads=4,
                max_position_embeddings=64,
                decoder_start_token_id=1,
                use_cache=False,
            ),
            [
                lambda: {
                    "input_values": torch.randn(1, 2000),
                    "decoder_input_ids": torch.randint(3, 90, (1, 5)),
                }
            ],
        ),
    ]


def cases() -> list:
    return [*pictures(), *pictures_and_text(), *audio()]
