#!/usr/bin/env python3
"""Fetches a sentence-transformers model from Hugging Face and checks every file against the hub's own record.

usage: fetch_model.py REPO REVISION DIR

The hub names each file by its content at a revision: a large file by its sha256, a small one by git's blob hash.
A revision that is a commit hash therefore pins all of them. Exit status: 0 done, 1 a fault said in one line,
3 the hub cannot be reached. HF_ENDPOINT and HF_TOKEN are honoured; an interrupted download is resumed.
"""

import hashlib
import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # the client reads it when imported

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import get_session

# All that tokenizing, exporting, pooling and Dense steps read; a repository holds the weights in several more formats.
WANTED = ["*.json", "*.txt", "model.safetensors", "*_Dense/model.safetensors", "README.md"]
UNWANTED = ["onnx/*", "openvino/*"]
# A repository without model.safetensors may have been exported by its owner.
EXPORTED = ["onnx/model.onnx", "onnx/model.onnx_data", "model.onnx"]
UNREACHABLE = 3


def reachable() -> bool:
    """One short question first: the client itself retries a name that does not resolve for 20 seconds."""
    try:
        get_session().head(constants.ENDPOINT, timeout=10)
        return True
    except Exception as e:  # each version of the client has another HTTP library, with errors of its own
        print(f"{constants.ENDPOINT}: {e}")
        return False


def content_name(path: Path, like: str) -> str:
    """The name that the hub gives a file with this content: sha256 (64 digits), or git's blob hash (40)."""
    data = path.read_bytes()
    if len(like) == 64:
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def check(directory: Path) -> None:
    records = directory / ".cache" / "huggingface" / "download"
    checked = 0
    for record in sorted(records.rglob("*.metadata")):
        path = directory / record.relative_to(records).with_suffix("")
        etag = record.read_text().splitlines()[1]
        if content_name(path, etag) != etag:
            path.unlink()
            raise ValueError(f"{path.name} is damaged: it differs from the hub's record {etag}; run this again")
        checked += 1
    if checked == 0 or not any((directory / name).exists() for name in ["model.safetensors", *EXPORTED]):
        raise ValueError("the repository has no model.safetensors and no ONNX file; choose another in MINNOW_MODEL")
    print(f"{checked} files checked")


def main() -> int:
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    repo, revision, directory = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    if not reachable():
        return UNREACHABLE
    try:
        snapshot_download(repo, revision=revision, local_dir=directory, allow_patterns=WANTED, ignore_patterns=UNWANTED)
        if not (directory / "model.safetensors").exists():
            snapshot_download(repo, revision=revision, local_dir=directory, allow_patterns=EXPORTED)
        check(directory)
    except (RepositoryNotFoundError, RevisionNotFoundError):
        print(f"Hugging Face has no {repo} at revision {revision}, or it needs a token in HF_TOKEN")
        return 1
    except (HfHubHTTPError, OSError, ValueError) as e:
        print(f"{repo}: {e}".splitlines()[0])
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
