#!/usr/bin/env python3
"""Makes the small models in models/ and what sentence-transformers computes with each.

    make_models.py       needs sentence-transformers 6, and scripts/export_onnx.py beside it

Each is a network of random weights with the architecture, the files and the quirks of a popular model, in the layout in
which the hub has it, less model.safetensors: the network is in onnx/model.onnx, by scripts/export_onnx.py. golden.json
has the answers:

    texts   what was embedded
    ids     the token ids of each, without a prompt
    cases   options (those of onnx.Options), kind (text, query or document), and vectors, a row for each text

The same versions of the packages make the same files; golden.json names them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import safetensors.torch
import sentence_transformers
import tokenizers
import torch
import transformers
from onnx import TensorProto, helper
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

HERE = Path(__file__).resolve().parent
EXPORTER = HERE.parents[1] / "scripts" / "export_onnx.py"
TEXTS = [
    "",
    "fish",
    "A minnow is a small freshwater fish.",
    "Ein Élan von Straße und Übermut, ΣΟΦΟΣ İstanbul",
    "two  spaces,\ttabs\nand lines ",
    "小さな魚 река 🐟👩‍🔬 مرحبا",
    "[SEP] <s> </s> <mask> [MASK] <pad>",
    " ".join(["a longer text about rivers and the many small fish that live in them"] * 3),
]
CORPUS = [
    "the small fish lives in the river and in the lake",
    "a minnow is a small freshwater fish of the carp family",
    "rivers run to the sea, and the many tabs and lines of a longer text run to its end",
    "Ein Élan von Straße und Übermut",
    "小さな魚は川に住む",
    "река течёт к морю",
    "query: passage: Represent this sentence for searching relevant passages:",
    "ΣΟΦΟΣ İstanbul two spaces",
]

# ------------------------------------------------------------------------------------------------------- tokenizers


def train(tokenizer: Tokenizer, trainer: Any) -> None:
    tokenizer.train_from_iterator(CORPUS, trainer)


BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def wordpiece(lowercase: bool = True, names: tuple[str, ...] = BERT, order: tuple[int, ...] = (0, 1, 2, 3, 4)) -> Any:
    """BERT's; MPNet has the same with other names and ids."""
    pad, unknown, first, last, mask = names
    specials = [names[i] for i in order]
    tokenizer = Tokenizer(models.WordPiece(unk_token=unknown))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    train(tokenizer, trainers.WordPieceTrainer(vocab_size=220, special_tokens=specials, show_progress=False))
    ids = [(last, tokenizer.token_to_id(last)), (first, tokenizer.token_to_id(first))]
    tokenizer.post_processor = processors.BertProcessing(*ids)
    return wrapped(tokenizer, pad, unknown, first, last, mask)


def mpnet() -> Any:
    return wordpiece(names=("<pad>", "[UNK]", "<s>", "</s>", "<mask>"), order=(2, 0, 3, 1, 4))


def byte_pairs() -> Any:
    """RoBERTa's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    train(
        tokenizer,
        trainers.BpeTrainer(vocab_size=340, special_tokens=specials, initial_alphabet=alphabet, show_progress=False),
    )
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return wrapped(tokenizer, "<pad>", "<unk>", "<s>", "</s>", "<mask>")


def unigram() -> Any:
    """XLM-R's, which the multilingual MiniLM has too."""
    tokenizer = Tokenizer(models.Unigram())
    spaces = normalizers.Replace(tokenizers.Regex(" {2,}"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), spaces])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    train(
        tokenizer,
        trainers.UnigramTrainer(vocab_size=220, special_tokens=specials, unk_token="<unk>", show_progress=False),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return wrapped(tokenizer, "<pad>", "<unk>", "<s>", "</s>", "<mask>")


def wrapped(tokenizer: Tokenizer, pad: str, unknown: str, first: str, last: str, mask: str) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=pad,
        unk_token=unknown,
        cls_token=first,
        sep_token=last,
        bos_token=first,
        eos_token=last,
        mask_token=mask,
    )


# --------------------------------------------------------------------------------------------------------- networks

SHAPE: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}


def network(kind: str, tokenizer: PreTrainedTokenizerFast, seed: int) -> Any:
    common = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    configs = {
        "bert": lambda: transformers.BertConfig(**SHAPE, **common),
        "roberta": lambda: transformers.RobertaConfig(**SHAPE, **common, type_vocab_size=1, layer_norm_eps=1e-5),
        "xlm-roberta": lambda: transformers.XLMRobertaConfig(**SHAPE, **common, type_vocab_size=1),
        "mpnet": lambda: transformers.MPNetConfig(**SHAPE, **common),
        "distilbert": lambda: transformers.DistilBertConfig(
            dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=64, **common
        ),
    }
    torch.manual_seed(seed)
    model = transformers.AutoModel.from_config(configs[kind]())
    with torch.no_grad():  # larger than they are initialised, so that every part of the network has a say
        for name, parameter in model.named_parameters():
            scale, centre = (0.2, 1.0) if "LayerNorm.weight" in name or "layer_norm.weight" in name else (0.5, 0.0)
            parameter.copy_(torch.randn_like(parameter) * scale + centre)
    return model.eval()


# ---------------------------------------------------------------------------------------------------------- folders

TYPE = "sentence_transformers.models."


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def dense(folder: Path, name: str, inputs: int, outputs: int, activation: str, bias: bool, seed: int) -> dict[str, str]:
    draw = torch.Generator().manual_seed(seed)
    weights = {"linear.weight": torch.randn(outputs, inputs, generator=draw) * 0.3}
    if bias:
        weights["linear.bias"] = torch.randn(outputs, generator=draw) * 0.3
    config = {"in_features": inputs, "out_features": outputs, "bias": bias, "activation_function": activation}
    write_json(folder / name / "config.json", config)
    safetensors.torch.save_file(weights, folder / name / "model.safetensors")
    return {"path": name, "type": TYPE + "Dense"}


def lay_out(
    folder: Path,
    kind: str,
    tokenizer: PreTrainedTokenizerFast,
    pooling: dict[str, Any],
    *,
    normalize: bool = True,
    limit: int | None = 24,
    lower: bool = False,
    prompts: dict[str, Any] | None = None,
    layers: Any = None,
    seed: int = 1,
) -> None:
    """Writes the files that a model has in the hub."""
    model = network(kind, tokenizer, seed)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    steps = [{"path": "", "type": TYPE + "Transformer"}, {"path": "1_Pooling", "type": TYPE + "Pooling"}]
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 16} | pooling)
    if layers:
        steps += layers(folder)
    if normalize:
        steps.append({"path": "2_Normalize", "type": TYPE + "Normalize"})
    for i, step in enumerate(steps):
        step |= {"idx": i, "name": str(i)}
    write_json(folder / "modules.json", steps)
    if limit:
        write_json(folder / "sentence_bert_config.json", {"max_seq_length": limit, "do_lower_case": lower})
    if prompts:
        write_json(folder / "config_sentence_transformers.json", prompts)
    subprocess.run([sys.executable, EXPORTER, folder], check=True, stdout=subprocess.DEVNULL)


def same_as_torch(folder: Path) -> None:
    """The exported graph must give what transformers gives, for texts of different lengths in one batch."""
    import onnxruntime

    model = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(TEXTS[:6], padding=True, return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        want = model(**batch).last_hidden_state.numpy()
    session = onnxruntime.InferenceSession(folder / "onnx" / "model.onnx")
    feed = {name: values.numpy() for name, values in batch.items()}
    if any(i.name == "token_type_ids" for i in session.get_inputs()):
        feed["token_type_ids"] = np.zeros_like(feed["input_ids"])
    got = session.run(["last_hidden_state"], feed)[0]
    off = np.abs((got - want) * feed["attention_mask"][:, :, None]).max()
    if not off <= 1e-5:
        raise SystemExit(f"{folder.name}: the exported graph is {off} away from transformers")


Case = tuple[dict[str, Any], str]


def golden(folder: Path, cases: list[Case]) -> None:
    model = SentenceTransformer(str(folder), device="cpu")
    tokenizer = model.tokenizer
    limit = model.max_seq_length
    out: dict[str, Any] = {
        "made_with": {m.__name__: m.__version__ for m in (sentence_transformers, transformers, tokenizers, torch)},
        "texts": TEXTS,
        "ids": [tokenizer(text, truncation=True, max_length=limit)["input_ids"] for text in TEXTS],
        "cases": [],
    }
    for options, kind in cases:
        out["cases"].append({"options": options, "kind": kind, "vectors": vectors(folder, options, kind)})
    lines = [f'"{key}": {json.dumps(value, ensure_ascii=False)}' for key, value in out.items()]
    (folder / "golden.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def vectors(folder: Path, options: dict[str, Any], kind: str) -> list[list[float]]:
    """What sentence-transformers gives, told by its own means what options says."""
    model = SentenceTransformer(str(folder), device="cpu")
    for key, value in options.items():
        if key == "Pooling":
            model[1].pooling_mode = tuple(value.split("+")) if "+" in value else value
        elif key == "Normalization" and value == "none":
            model = SentenceTransformer(modules=[m for m in model if type(m).__name__ != "Normalize"], device="cpu")
        elif key == "MaxTokens":
            model.max_seq_length = value
        elif key not in ("Dim", "Prompts", "PromptName", "Normalization"):
            raise ValueError(key)
    arguments: dict[str, Any] = {}
    if "Prompts" in options:
        arguments["prompt"] = options["Prompts"][kind.capitalize()]
    elif "PromptName" in options:
        arguments["prompt_name"] = options["PromptName"]
    if "Dim" in options:
        arguments |= {"truncate_dim": options["Dim"], "normalize_embeddings": options.get("Normalization") != "none"}
    encode = {"text": model.encode, "query": model.encode_query, "document": model.encode_document}[kind]
    rows = encode(TEXTS, convert_to_numpy=True, **arguments)
    return [[float(f"{x:.9g}") for x in row] for row in rows]


# ----------------------------------------------------------------------------------------------- exports by others


def others_int32(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Inputs of int32 in another order; vectors of tokens under sentence-transformers' name, after the pooled."""
    renamed = {"last_hidden_state": "token_embeddings", "pooler_output": "pooled"}
    for node in graph.graph.node:
        node.input[:] = [f"{name}_64" if name in INPUTS else name for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    casts = [helper.make_node("Cast", [name], [f"{name}_64"], to=TensorProto.INT64) for name in INPUTS]
    nodes = casts + list(graph.graph.node)
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT32, ["b", "s"]) for name in reversed(INPUTS)]
    outputs = [
        helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["b", 16]),
        helper.make_tensor_value_info("token_embeddings", TensorProto.FLOAT, ["b", "s", 16]),
    ]
    made = helper.make_graph(nodes, "others", inputs, outputs, list(graph.graph.initializer))
    return helper.make_model(made, opset_imports=graph.opset_import, ir_version=graph.ir_version)


def others_pooled(graph: onnx.ModelProto) -> onnx.ModelProto:
    """One output, the finished embedding: mean and length 1 are in the graph."""
    cast = helper.make_node("Cast", ["attention_mask"], ["mask32"], to=TensorProto.FLOAT)
    nodes = list(graph.graph.node) + [
        cast,
        helper.make_node("Unsqueeze", ["mask32", "two"], ["mask3"]),
        helper.make_node("Mul", ["last_hidden_state", "mask3"], ["kept_rows"]),
        helper.make_node("ReduceSum", ["kept_rows", "one"], ["summed"], keepdims=0),
        helper.make_node("LpNormalization", ["summed"], ["output_0"], axis=-1, p=2),
    ]
    constants = [c for c in graph.graph.initializer if c.name != "one"]
    constants += [helper.make_tensor(name, TensorProto.INT64, [1], [i]) for name, i in (("one", 1), ("two", 2))]
    outputs = [helper.make_tensor_value_info("output_0", TensorProto.FLOAT, ["b", 16])]
    made = helper.make_graph(nodes, "others", list(graph.graph.input), outputs, constants)
    return helper.make_model(made, opset_imports=graph.opset_import, ir_version=graph.ir_version)


INPUTS = ["input_ids", "attention_mask", "token_type_ids"]

# ----------------------------------------------------------------------------------------------------------- models

MEAN = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False}
CLS = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
PLAIN: list[Case] = [({}, "text")]
E5 = {"Prompts": {"Text": "", "Query": "query: ", "Document": "passage: "}}
BGE = {"Prompts": {"Text": "", "Query": "Represent this sentence for searching relevant passages: ", "Document": ""}}
ALL = "cls+max+mean+mean_sqrt_len_tokens+weightedmean+lasttoken"
PROMPTS = {
    "prompts": {"query": "query: ", "document": "passage: ", "none": ""},
    "default_prompt_name": "document",
    "similarity_fn_name": "cosine",
}


def two_layers(folder: Path) -> list[dict[str, str]]:
    return [
        dense(folder, "2_Dense", 16, 24, "torch.nn.modules.activation.Tanh", True, 5),
        dense(folder, "3_Dense", 24, 12, "torch.nn.modules.linear.Identity", False, 6),
    ]


# Name of the folder: how to lay it out, and what to ask.
MODELS: dict[str, tuple[dict[str, Any], list[Case]]] = {
    # all-MiniLM-L6-v2, all-MiniLM-L12-v2, multi-qa-MiniLM-L6-cos-v1, gte-small
    "minilm": (
        {"kind": "bert", "tokenizer": wordpiece, "pooling": MEAN},
        PLAIN
        + [({"Pooling": pooling}, "text") for pooling in [*ALL.split("+"), ALL]]
        + [({"Dim": 7}, "text"), ({"MaxTokens": 9}, "text")],
    ),
    # The two whose cards ask for prompts that their files do not have. Here the golden rows are told them; a reader
    # that knows the models by name gives the same without.
    "bge-small-en-v1.5": (
        {"kind": "bert", "tokenizer": wordpiece, "pooling": CLS},
        PLAIN + [(BGE, "query"), (BGE, "document")],
    ),
    "e5-small-v2": (
        {"kind": "bert", "tokenizer": wordpiece, "pooling": MEAN},
        PLAIN + [(E5, "query"), (E5, "document")],
    ),
    # paraphrase-MiniLM-L6-v2
    "paraphrase": (
        {"kind": "bert", "tokenizer": wordpiece, "pooling": MEAN, "normalize": False},
        PLAIN + [({"Dim": 5, "Normalization": "none"}, "text")],
    ),
    # paraphrase-multilingual-MiniLM-L12-v2: BERT's network, XLM-R's tokenizer
    "multilingual": ({"kind": "bert", "tokenizer": unigram, "pooling": MEAN, "normalize": False}, PLAIN),
    # multi-qa-distilbert-cos-v1
    "distilbert": ({"kind": "distilbert", "tokenizer": wordpiece, "pooling": MEAN}, PLAIN),
    # all-distilroberta-v1
    "roberta": ({"kind": "roberta", "tokenizer": byte_pairs, "pooling": MEAN, "limit": 62}, PLAIN),
    "xlm-roberta": ({"kind": "xlm-roberta", "tokenizer": unigram, "pooling": MEAN, "limit": 62}, PLAIN),
    # all-mpnet-base-v2
    "mpnet": ({"kind": "mpnet", "tokenizer": mpnet, "pooling": MEAN, "limit": 62}, PLAIN),
    # distiluse-base-multilingual-cased: Dense with tanh; and Matryoshka over it
    "dense": (
        {"kind": "distilbert", "tokenizer": wordpiece, "pooling": MEAN, "layers": two_layers},
        PLAIN + [({"Dim": 4}, "text")],
    ),
    # INSTRUCTOR: prompts, which pooling leaves out; and do_lower_case over a tokenizer that keeps case
    "prompts": (
        {
            "kind": "bert",
            "tokenizer": lambda: wordpiece(False),
            "pooling": {"pooling_mode": ["mean", "cls"], "include_prompt": False},
            "prompts": PROMPTS,
            "lower": True,
        },
        PLAIN + [({}, "query"), ({}, "document"), ({"PromptName": "none"}, "text")],
    ),
}


def make(name: str, folder: Path) -> None:
    layout, cases = MODELS[name]
    lay_out(folder, **(layout | {"tokenizer": layout["tokenizer"]()}))
    same_as_torch(folder)
    golden(folder, cases)


def others(folder: Path, change: Any, at: str) -> None:
    """minilm, as somebody else might have exported it."""
    make("minilm", folder)
    golden(folder, PLAIN)
    graph = change(onnx.load(folder / "onnx" / "model.onnx"))
    onnx.checker.check_model(graph, full_check=True)
    shutil.rmtree(folder / "onnx")
    (folder / at).parent.mkdir(exist_ok=True)
    (folder / at).write_bytes(graph.SerializeToString(deterministic=True))


def main() -> None:
    target = HERE / "models"
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        for name in MODELS:
            make(name, work / name)
        others(work / "others-int32", others_int32, "model.onnx")
        others(work / "others-pooled", others_pooled, "onnx/model.onnx")
        for folder in work.iterdir():
            for path in (folder / "model.safetensors", folder / "special_tokens_map.json"):
                path.unlink(missing_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(work, target)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"{len(list(target.iterdir()))} models, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
