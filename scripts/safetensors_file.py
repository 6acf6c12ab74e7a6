"""Reads a .safetensors file with nothing but NumPy, and trusts none of it.

The format: 8 bytes, the little-endian length of a header; the header, a JSON
object from tensor name to dtype, shape and [begin, end) offsets; then the data,
row-major and little-endian, with neither gaps nor overlaps.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
from pathlib import Path
from typing import Any

import numpy as np

HEADER_LIMIT = 100_000_000  # the format's own limit
ITEM_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1,
    "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "U32": 4, "F32": 4,
    "I64": 8, "U64": 8, "F64": 8,
}  # fmt: skip


class SafetensorsError(Exception):
    """The file is not what it says it is. The text is one sentence for the user."""


class SafetensorsFile:
    """The tensors of one file, converted to float32 when they are asked for.

    The file stays mapped for as long as this object lives; opening it reads the
    header alone, and every offset in the header is checked there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise SafetensorsError(f"{path} is missing: download the model with its weights in that one file") from None
        if size < 8:
            raise self._broken(f"it has {size} bytes, too few for a header")
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        length = int.from_bytes(self._map[:8], "little")
        if length > HEADER_LIMIT or 8 + length > size:
            raise self._broken(f"its header claims {length} bytes of a file of {size}")
        self._data = memoryview(self._map)[8 + length :]
        self._header = self._parse(self._map[8 : 8 + length])

    def names(self) -> list[str]:
        return sorted(self._header)

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._header[name]["shape"])

    def float32(self, name: str) -> np.ndarray:
        """The tensor's values; F16 and BF16 widen to float32 without loss."""
        entry = self._header[name]
        begin, end = entry["data_offsets"]
        raw = self._data[begin:end]
        if entry["dtype"] == "F32":
            values = np.frombuffer(raw, "<f4")
        elif entry["dtype"] == "F16":
            values = np.frombuffer(raw, "<f2").astype(np.float32)
        elif entry["dtype"] == "BF16":  # the upper half of a float32
            values = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            raise SafetensorsError(
                f"tensor {name} in {self.path} has type {entry['dtype']}, and only F32, F16 and BF16 "
                f"can be exported: use the model's original weights"
            )
        return values.reshape(entry["shape"])

    def sha256(self) -> str:
        return hashlib.sha256(self._map).hexdigest()

    def _parse(self, text: bytes) -> dict[str, dict[str, Any]]:
        try:
            header = json.loads(text.decode("utf-8"))
        except (ValueError, RecursionError):
            raise self._broken("its header is not JSON") from None
        if not isinstance(header, dict):
            raise self._broken("its header is not a JSON object")
        header.pop("__metadata__", None)
        for name, entry in header.items():
            self._check_entry(name, entry)
        self._check_layout(header)
        return header

    def _check_entry(self, name: str, entry: Any) -> None:
        match entry:
            case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [begin, end]}:
                pass
            case _:
                raise self._broken(f"tensor {name} lacks a dtype, a shape or offsets")
        # type() and not isinstance: True is an int, and no offset.
        if any(type(number) is not int or number < 0 for number in (*shape, begin, end)):
            raise self._broken(f"tensor {name} has a shape or offsets that are not whole numbers")
        if dtype not in ITEM_BYTES:
            raise self._broken(f"tensor {name} has the unknown type {dtype}")
        if end - begin != math.prod(shape) * ITEM_BYTES[dtype]:
            raise self._broken(f"tensor {name} has {end - begin} bytes, which its shape {shape} contradicts")

    def _check_layout(self, header: dict[str, dict[str, Any]]) -> None:
        """Laid end to end, the tensors must fill the data exactly."""
        reached = 0
        for (begin, end), name in sorted((entry["data_offsets"], name) for name, entry in header.items()):
            if begin != reached:
                raise self._broken(f"tensor {name} begins at byte {begin} of the data, not at {reached}")
            reached = end
        if reached != len(self._data):
            raise self._broken(f"its header describes {reached} bytes of data and {len(self._data)} follow")

    def _broken(self, what: str) -> SafetensorsError:
        return SafetensorsError(f"{self.path} is damaged ({what}): download the model again")
