"""The encoder's graph in float16, for GPUs: half the memory, and what their matrix units are made for."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from encoder_graph import EncoderGraph
from onnx import TensorProto
from onnx.reference.op_run import OpRun

LARGEST = 30000.0  # a number may be; float16 ends at 65504, and what masks scores must have room to be added to them


class HalfGraph(EncoderGraph):
    """The graph whose weights and numbers are float16; its outputs are float32, as those of every preset."""

    def constant(self, name: str, values: np.ndarray | np.generic) -> str:
        values = np.asarray(values)
        if values.dtype == np.float32:
            values = values.clip(-LARGEST, LARGEST).astype(np.float16)
        return super().constant(name, values)

    def op(self, kind: str, *inputs: str, output: str = "", domain: str = "", **attributes: Any) -> str:
        if not output:
            return super().op(kind, *inputs, domain=domain, **attributes)
        half = super().op(kind, *inputs, domain=domain, **attributes)
        return super().op("Cast", half, to=TensorProto.FLOAT, output=output)


class Gemm(OpRun):
    """For the evaluator, whose own adds up in float16: GPUs and ONNX Runtime add up in float32."""

    op_domain = ""

    def _run(self, a, b, c=None, alpha=None, beta=None, transA=None, transB=None):  # type: ignore[no-untyped-def]
        product = a.astype(np.float32) @ (b.T if transB else b).astype(np.float32)
        return ((product if c is None else product + c).astype(a.dtype),)


class MatMul(OpRun):
    op_domain = ""

    def _run(self, a, b):  # type: ignore[no-untyped-def]
        return ((a.astype(np.float32) @ b.astype(np.float32)).astype(a.dtype),)


OPERATORS: list[type[OpRun]] = [Gemm, MatMul]


def is_half(model: onnx.ModelProto) -> bool:
    return any(weight.data_type == TensorProto.FLOAT16 for weight in model.graph.initializer)
