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
        settings._attn_implementation = options.get("attn_implementation", "sdpa")
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
    return case(name, architecture, config, settings, [lambda: padded_right(2, 9), lambda: padded_right(3, 13)])


def encoders() -> list:
    distil = dict(vocab_size=VOCABULARY, dim=32, n_layers=2, n_heads=4, hidden_dim=64)
    return [
        encoder("bert", "BertModel", "BertConfig"),
        encoder("bert_classes", "BertForSequenceClassification", "BertConfig", num_labels=3),
        encoder("roberta", "RobertaForMaskedLM", "RobertaConfig"),
        encoder("deberta", "DebertaModel", "DebertaConfig", relative_attention=True, pos_att_type=["c2p", "p2c"]),
        encoder(
            "deberta_v2", "DebertaV2Model", "DebertaV2Config", relative_attention=True, pos_att_type=["c2p", "p2c"]
        ),
        encoder("distilbert", "DistilBertModel", "DistilBertConfig", drop=TINY, **distil),
        encoder("electra", "ElectraModel", "ElectraConfig", embedding_size=16),
        encoder("albert", "AlbertModel", "AlbertConfig", embedding_size=16),
        encoder("modernbert", "ModernBertModel", "ModernBertConfig", local_attention=6, pad_token_id=0),
    ]


def decoder(name, architecture, config, drop=(), **options) -> list:
    settings = {k: v for k, v in TINY.items() if k not in drop} | dict(pad_token_id=0) | options
    inputs = [lambda: tokens(2, 7), lambda: tokens(3, 10)]
    return [
        case(f"{name}_{stage}", architecture, config, settings, inputs, stage=stage)
        for stage in ("prefill", "decode")
    ]


def decoders() -> list:
    grouped = dict(num_key_value_heads=2)
    gpt2 = dict(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=64)
    found = [
        decoder("gpt2", "GPT2LMHeadModel", "GPT2Config", drop=TINY, **gpt2),
        decoder("llama", "LlamaForCausalLM", "LlamaConfig", **grouped),
        decoder("mistral", "MistralForCausalLM", "MistralConfig", **grouped, sliding_window=5),
    ]
    return sum(found, [])


def cases() -> list:
    return [*encoders(), *decoders()]
