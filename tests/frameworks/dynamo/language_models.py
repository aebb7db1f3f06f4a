"""transformers: text models from tiny random configurations.

Encoders take padded batches of two sizes; decoders are exported twice, as the pass over a prompt and as the
step that takes and returns the cache; encoder-decoders as a whole and in those stages.
"""

import torch
import transformers

from model_case import ModelCase

VOCABULARY = 99
TINY = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=64,
    max_position_embeddings=64,
)


def tokens(batch: int, length: int) -> dict:
    ids = torch.randint(3, VOCABULARY, (batch, length))
    mask = torch.ones(batch, length, dtype=torch.int64)
    mask[0, : length // 3] = 0
    return {"input_ids": ids, "attention_mask": mask}


def padded_right(batch: int, length: int) -> dict:
    given = tokens(batch, length)
    return given | {"attention_mask": given["attention_mask"].flip(1)}


def builder(architecture: str, config: str, options: dict):
    def build():
        settings = getattr(transformers, config)(**options)
        return getattr(transformers, architecture)(settings)

    return build


def case(name, architecture, config, options, inputs, **more) -> ModelCase:
    definition = f"{architecture} {config} {options}"
    build = builder(architecture, config, options)
    return ModelCase(
        f"hf_{name}", build, inputs, "transformers", enlivened=True, definition=definition, **more
    )


def encoder(name, architecture, config, drop=(), **options) -> ModelCase:
    settings = {k: v for k, v in TINY.items() if k not in drop} | options
    return case(
        name, architecture, config, settings, [lambda: padded_right(2, 9), lambda: padded_right(3, 13)]
    )


def encoders() -> list:
    distil = dict(vocab_size=VOCABULARY, dim=32, n_layers=2, n_heads=4, hidden_dim=64)
    return [
        encoder("bert", "BertModel", "BertConfig"),
        encoder("bert_classes", "BertForSequenceClassification", "BertConfig", num_labels=3),
        encoder("roberta", "RobertaForMaskedLM", "RobertaConfig"),
        encoder(
            "deberta", "DebertaModel", "DebertaConfig", relative_attention=True, pos_att_type=["c2p", "p2c"]
        ),
        encoder(
            "deberta_v2",
            "DebertaV2Model",
            "DebertaV2Config",
            relative_attention=True,
            pos_att_type=["c2p", "p2c"],
        ),
        encoder("distilbert", "DistilBertModel", "DistilBertConfig", drop=TINY, **distil),
        encoder("electra", "ElectraModel", "ElectraConfig", embedding_size=16),
        encoder("camembert", "CamembertForTokenClassification", "CamembertConfig"),
        encoder("xlm_roberta", "XLMRobertaForQuestionAnswering", "XLMRobertaConfig"),
        encoder(
            "mobilebert",
            "MobileBertModel",
            "MobileBertConfig",
            embedding_size=16,
            intra_bottleneck_size=16,
            true_hidden_size=16,
        ),
        encoder("mpnet", "MPNetModel", "MPNetConfig"),
        encoder("longformer", "LongformerModel", "LongformerConfig", attention_window=4),
        encoder(
            "funnel",
            "FunnelModel",
            "FunnelConfig",
            drop=TINY,
            vocab_size=VOCABULARY,
            block_sizes=[1, 1],
            num_decoder_layers=1,
            d_model=32,
            n_head=4,
            d_head=8,
            d_inner=64,
        ),
        encoder("fnet", "FNetModel", "FNetConfig"),
        encoder(
            "squeezebert",
            "SqueezeBertModel",
            "SqueezeBertConfig",
            embedding_size=32,
            q_groups=2,
            k_groups=2,
            v_groups=2,
            post_attention_groups=1,
            intermediate_groups=2,
            output_groups=2,
        ),
        encoder("convbert", "ConvBertModel", "ConvBertConfig", embedding_size=32),
        encoder("roformer", "RoFormerModel", "RoFormerConfig"),
        encoder("albert", "AlbertModel", "AlbertConfig", embedding_size=16),
        encoder("modernbert", "ModernBertModel", "ModernBertConfig", local_attention=6, pad_token_id=0),
    ]


def decoder(name, architecture, config, drop=(), fault="", **options) -> list:
    settings = {k: v for k, v in TINY.items() if k not in drop} | dict(pad_token_id=0) | options
    inputs = [lambda: tokens(2, 7), lambda: tokens(3, 10)]
    return [
        case(f"{name}_{stage}", architecture, config, settings, inputs, stage=stage, fault=fault)
        for stage in ("prefill", "decode")
    ]


def decoders() -> list:
    grouped = dict(num_key_value_heads=2)
    gpt2 = dict(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=64)
    sizes = dict(grouped, head_dim=8)
    sliding = dict(sizes, sliding_window=5, layer_types=["sliding_attention", "full_attention"])
    opt = dict(ffn_dim=64, word_embed_proj_dim=32, eos_token_id=None)
    bloom = dict(vocab_size=VOCABULARY, hidden_size=32, n_layer=2, n_head=4)
    found = [
        decoder("gpt2", "GPT2LMHeadModel", "GPT2Config", drop=TINY, **gpt2),
        decoder("llama", "LlamaForCausalLM", "LlamaConfig", **grouped),
        decoder("mistral", "MistralForCausalLM", "MistralConfig", **grouped, sliding_window=5),
        decoder("qwen2", "Qwen2ForCausalLM", "Qwen2Config", **grouped),
        decoder("qwen3", "Qwen3ForCausalLM", "Qwen3Config", **sizes),
        decoder("gemma", "GemmaForCausalLM", "GemmaConfig", **sizes),
        decoder("gemma2", "Gemma2ForCausalLM", "Gemma2Config", **sliding, query_pre_attn_scalar=8),
        decoder("gemma3", "Gemma3ForCausalLM", "Gemma3TextConfig", **sliding, query_pre_attn_scalar=8),
        decoder("phi", "PhiForCausalLM", "PhiConfig"),
        decoder("phi3", "Phi3ForCausalLM", "Phi3Config", **grouped, bos_token_id=1, eos_token_id=2),
        decoder("bloom", "BloomForCausalLM", "BloomConfig", drop=TINY, **bloom),
        decoder("falcon", "FalconForCausalLM", "FalconConfig", multi_query=True),
        decoder(
            "falcon_alibi", "FalconForCausalLM", "FalconConfig", alibi=True, new_decoder_architecture=False
        ),
        decoder("opt", "OPTForCausalLM", "OPTConfig", **opt),
        decoder("gpt_neox", "GPTNeoXForCausalLM", "GPTNeoXConfig"),
        decoder("gptj", "GPTJForCausalLM", "GPTJConfig", drop=TINY, **gpt2, rotary_dim=4),
        decoder("cohere", "CohereForCausalLM", "CohereConfig", **grouped),
        decoder("olmo2", "Olmo2ForCausalLM", "Olmo2Config", **grouped),
        decoder("stablelm", "StableLmForCausalLM", "StableLmConfig", **grouped),
        decoder("granite", "GraniteForCausalLM", "GraniteConfig", **grouped),
        decoder("starcoder2", "Starcoder2ForCausalLM", "Starcoder2Config", **grouped),
        decoder("smollm3", "SmolLM3ForCausalLM", "SmolLM3Config", **grouped),
    ]
    return sum(found, [])


def mixtures() -> list:
    grouped = dict(num_key_value_heads=2)
    experts = dict(grouped, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16)
    deepseek = dict(
        n_routed_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=16,
        first_k_dense_replace=1,
        n_group=2,
        topk_group=1,
        q_lora_rank=8,
        kv_lora_rank=8,
        qk_nope_head_dim=8,
        qk_rope_head_dim=8,
        v_head_dim=8,
        num_key_value_heads=4,
    )
    gpt_oss = dict(grouped, num_local_experts=4, num_experts_per_tok=2, head_dim=8, sliding_window=5)
    found = [
        decoder("mixtral", "MixtralForCausalLM", "MixtralConfig", **grouped, num_local_experts=4),
        decoder(
            "qwen2_moe",
            "Qwen2MoeForCausalLM",
            "Qwen2MoeConfig",
            **experts,
            shared_expert_intermediate_size=32,
        ),
        decoder("qwen3_moe", "Qwen3MoeForCausalLM", "Qwen3MoeConfig", **experts, head_dim=8),
        decoder("deepseek_v3", "DeepseekV3ForCausalLM", "DeepseekV3Config", **deepseek),
        decoder("gpt_oss", "GptOssForCausalLM", "GptOssConfig", **gpt_oss),
        decoder("olmoe", "OlmoeForCausalLM", "OlmoeConfig", **grouped, num_experts=4, num_experts_per_tok=2),
    ]
    return sum(found, [])


def state_spaces() -> list:
    mamba = dict(vocab_size=VOCABULARY, hidden_size=32, state_size=8, num_hidden_layers=2)
    mamba2 = dict(mamba, num_heads=8, head_dim=8, n_groups=2, chunk_size=8)
    rwkv = dict(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_hidden_layers=2,
        attention_hidden_size=32,
        context_length=64,
        fault="the exporter unrolls the recurrence at the length that it was shown",
    )
    recurrent = dict(
        num_key_value_heads=1, lru_width=32, attention_window_size=8, block_types=["recurrent", "attention"]
    )
    lfm2 = dict(num_key_value_heads=2, layer_types=["conv", "full_attention"], block_ff_dim=64)
    found = [
        decoder("mamba", "MambaForCausalLM", "MambaConfig", drop=TINY, **mamba),
        decoder("mamba2", "Mamba2ForCausalLM", "Mamba2Config", drop=TINY, **mamba2),
        decoder("rwkv", "RwkvForCausalLM", "RwkvConfig", drop=TINY, **rwkv),
        decoder("recurrent_gemma", "RecurrentGemmaForCausalLM", "RecurrentGemmaConfig", **recurrent),
        decoder("lfm2", "Lfm2ForCausalLM", "Lfm2Config", **lfm2),
    ]
    return sum(found, [])


def both(batch: int, length: int, other: int) -> dict:
    decoded = torch.randint(3, VOCABULARY, (batch, other))
    return padded_right(batch, length) | {"decoder_input_ids": decoded}


def encoder_decoder(name, architecture, config, **options) -> list:
    settings = dict(vocab_size=VOCABULARY, pad_token_id=0, decoder_start_token_id=0) | options
    inputs = [lambda: both(2, 9, 6), lambda: both(3, 12, 8)]
    staged = [lambda: padded_right(2, 9), lambda: padded_right(3, 12)]
    decode = case(f"{name}_decode", architecture, config, settings, staged, stage="decode")
    return [case(name, architecture, config, settings | {"use_cache": False}, inputs), decode]


BART = dict(
    d_model=32,
    encoder_layers=2,
    decoder_layers=2,
    encoder_attention_heads=4,
    decoder_attention_heads=4,
    encoder_ffn_dim=64,
    decoder_ffn_dim=64,
    max_position_embeddings=64,
    forced_eos_token_id=None,
)
T5 = dict(d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4)


def encoder_decoders() -> list:
    found = [
        encoder_decoder("t5", "T5ForConditionalGeneration", "T5Config", **T5),
        encoder_decoder(
            "mt5", "MT5ForConditionalGeneration", "MT5Config", **T5, feed_forward_proj="gated-gelu"
        ),
        encoder_decoder("bart", "BartForConditionalGeneration", "BartConfig", **BART),
        encoder_decoder("marian", "MarianMTModel", "MarianConfig", **BART),
        encoder_decoder("pegasus", "PegasusForConditionalGeneration", "PegasusConfig", **BART),
    ]
    return sum(found, [])


def fused() -> list:
    """The exporter's fused route: com.microsoft operators."""
    from dataclasses import replace

    encoders_wanted = "hf_bert hf_roberta hf_distilbert hf_modernbert hf_t5 hf_bart".split()
    decoders_wanted = (
        "llama_prefill llama_decode gpt2_decode qwen3_prefill gemma_decode phi_decode mixtral_prefill"
    )
    wanted = [*encoders_wanted, *(f"hf_{name}" for name in decoders_wanted.split())]
    every = [*encoders(), *decoders(), *mixtures(), *encoder_decoders()]
    return [
        replace(
            c, name=c.name.replace("hf_", "fused_"), route="fused", opsets=(22, 23)[: 1 + ("llama" in c.name)]
        )
        for c in every
        if c.name in wanted
    ]


def cases() -> list:
    return [*encoders(), *decoders(), *mixtures(), *state_spaces(), *encoder_decoders(), *fused()]
