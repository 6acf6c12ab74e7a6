"""How the dense layers of an encoder become int8, without losing what they compute: the recipe, in NumPy alone.

A dense layer y = x·W + b is computed as whole numbers: x in 8 bits without a sign, W in 8 bits with one, both times a
scale. What makes it exact enough is done before, here, with the inputs that some hundred texts give each layer:

1. Smoothing (SmoothQuant, Xiao et al. 2023). Some of the inputs are ten times as large as the rest, and one scale for
   all would leave these hardly any bits. x·W = (x/s)·(s·W) for any s: so large inputs are divided, and rows of W
   multiplied. Which s, is tried out.
2. A range for x. What lies outside is clipped; a narrower range has finer steps. Which range, is tried out.
3. The rounding of W (GPTQ, Frantar et al. 2023): row by row, each row making up for what the rounding of those before
   did to the outputs, on the inputs that there are.

Where 8 bits cannot tell x well enough, a second term tells what the first leaves, in steps 255 times as fine: 16 bits,
at the price of another product with the same W.

"Tried out" is by the error that arrives where it matters: behind GELU and the next layer normalization, not at the
layer's own output. Ranges are fixed for good, as a range that is measured in each batch would make a text's vector
depend on its batch-mates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from encoder_model import EncoderConfig, EncoderWeights

SAMPLE = 1500  # rows by which a choice is tried out,
OUTLIERS = 300  # and so many of those with the largest inputs, which are few, but which a range must not cut off
DAMPING = 0.01  # of GPTQ, as a share of the mean of the diagonal
PAIR = 128  # the most that two codes add up to
BLOCK = 64  # rows of GPTQ that are corrected at a time
FINE_ZERO = np.uint8(128)  # of a second term
HEADROOM = 2.0  # of a range in two terms, which has steps to spare for inputs that no text here had


# What an error of the outputs, [rows, outputs], has become where it matters; and that for chosen rows of the inputs.
Arrival = Callable[[np.ndarray], np.ndarray]
Arrives = Callable[[np.ndarray], Arrival]


@dataclass(frozen=True, eq=False)
class Input:
    """How the input of one or more dense layers is told in 8 bits: round(x / smooth / scale) + zero, in 0..255."""

    name: str
    smooth: np.ndarray | None  # [inputs]
    scale: np.float32
    zero: np.uint8
    fine: np.float32 | None = None  # the scale of a second term, round((x - told) / fine) + FINE_ZERO, if there is one


@dataclass(frozen=True, eq=False)
class Dense:
    """A dense layer in int8: its output is (x - zero)·codes · input.scale · scales + bias."""

    input: Input
    codes: np.ndarray  # int8 [inputs, outputs], in -127..127
    scales: np.ndarray  # float32 [outputs]
    bias: np.ndarray  # float32 [outputs]
    error: float  # what arrives of it, as a share of what it would be in float32


@dataclass
class Group:
    """Dense layers that have one input, taken as one: weight [inputs, all their outputs], bias."""

    names: list[str]
    weight: np.ndarray
    bias: np.ndarray

    @classmethod
    def of(cls, weights: EncoderWeights, *names: str) -> Group:
        return cls(
            list(names),
            np.concatenate([weights[f"{name}.weight"].T for name in names], axis=1),
            np.concatenate([weights[f"{name}.bias"] for name in names]),
        )


@dataclass
class Layer:
    """The dense layers of one encoder layer with the inputs that the texts gave them, [rows, inputs] each."""

    query_key_value: Group
    out: Group
    inner: Group
    outer: Group
    inputs: dict[str, np.ndarray]  # by the name of a group's first layer
    norms: tuple[np.ndarray, np.ndarray]  # weights of the layer normalizations behind out and outer

    def input(self, group: Group) -> np.ndarray:
        return self.inputs[group.names[0]]


def quantise(
    config: EncoderConfig, weights: EncoderWeights, inputs: dict[str, np.ndarray], two_terms: int
) -> Iterator[dict[str, Dense]]:
    """The dense layers in int8 by name, one encoder layer after the other. inputs has what each dense layer got. The last dense
    layer of each of the first two_terms encoder layers is also there in two terms, as in_two_terms(name)."""
    for number in range(config.num_hidden_layers):
        at = f"encoder.layer.{number}"
        self_attention = [f"{at}.attention.self.{part}" for part in ("query", "key", "value")]
        layer = Layer(
            Group.of(weights, *self_attention),
            Group.of(weights, f"{at}.attention.output.dense"),
            Group.of(weights, f"{at}.intermediate.dense"),
            Group.of(weights, f"{at}.output.dense"),
            {name: inputs[name] for name in inputs if name.startswith(f"{at}.")},
            (weights[f"{at}.attention.output.LayerNorm.weight"], weights[f"{at}.output.LayerNorm.weight"]),
        )
        yield quantise_layer(layer, number < two_terms)


def in_two_terms(name: str) -> str:
    return f"{name} in two terms"


def quantise_layer(layer: Layer, two_terms: bool) -> dict[str, Dense]:
    behind_out = behind_norm(layer, layer.out, layer.query_key_value, layer.norms[0])
    behind_outer = behind_norm(layer, layer.outer, layer.inner, layer.norms[1])

    def normed(behind: np.ndarray) -> Arrives:
        return lambda rows: lambda error: error * behind[rows]

    def inner(rows: np.ndarray) -> Arrival:
        """Behind GELU, and what the next dense layer and its normalization make of it."""
        y = layer.input(layer.inner)[rows] @ layer.inner.weight + layer.inner.bias
        exact = gelu(y)
        return lambda error: (gelu(y + error) - exact) @ layer.outer.weight * behind_outer[rows]

    # The output projection's smoothing costs nothing, as the values that it projects can bring it along.
    done = quantise_group(layer.out, layer.input(layer.out), normed(behind_out))
    smooth = done[layer.out.names[0]].input.smooth
    done |= quantise_group(layer.query_key_value, layer.input(layer.query_key_value), lambda _: lambda error: error)
    if smooth is not None:
        name = layer.out.names[0]
        done[name] = replace(done[name], input=replace(done[name].input, smooth=None))
        name = layer.query_key_value.names[2]
        done[name] = replace(done[name], scales=done[name].scales / smooth, bias=done[name].bias / smooth)
    done |= quantise_group(layer.inner, layer.input(layer.inner), inner)
    done |= quantise_group(layer.outer, layer.input(layer.outer), normed(behind_outer))
    if two_terms:
        fine = quantise_finely(layer.outer, layer.input(layer.outer), normed(behind_outer))
        done[in_two_terms(layer.outer.names[0])] = fine
    return done


def behind_norm(layer: Layer, group: Group, residual: Group, norm: np.ndarray) -> np.ndarray:
    """What layer normalization multiplies small errors by, [rows, hidden]: its weight over the row's deviation."""
    x = layer.input(group) @ group.weight + group.bias + layer.input(residual)
    return norm / x.std(axis=1, keepdims=True)


def quantise_group(group: Group, x: np.ndarray, arrives: Arrives) -> dict[str, Dense]:
    sample, exact, arriving = tried_out(group, x, arrives)
    least, greatest = x.min(axis=0), x.max(axis=0)

    def error(smooth: np.ndarray, low: float, high: float, told: np.ndarray) -> float:
        return arriving(round_input(sample / smooth, low, high) @ told - exact)

    def plain(smooth: np.ndarray) -> tuple[np.ndarray, float, float, np.ndarray]:
        weight = group.weight * smooth[:, None]
        codes, scales = round_weight(weight)
        return weight, float((least / smooth).min()), float((greatest / smooth).max()), codes * scales

    best = (np.inf, np.ones(x.shape[1], np.float32), 0.0, 0.0)
    for smooth in smoothings(x, group.weight):
        _, low, high, told = plain(smooth)
        best = min(best, (error(smooth, low, high, told), smooth, low, high), key=lambda b: b[0])
    smooth = best[1]
    weight, low, high, told = plain(smooth)
    for share in (0.9, 0.8, 0.7, 0.6, 0.5):
        for ends in ((low * share, high * share), (low, high * share)):
            best = min(best, (error(smooth, *ends, told), smooth, *ends), key=lambda b: b[0])
    _, smooth, low, high = best
    scales = best_scales(weight)
    codes = gptq(round_input(x / smooth, low, high), weight, scales)

    scale, zero = input_scale(low, high)
    lost = error(smooth, low, high, codes * scales)
    everything = arriving(exact - exact.mean(axis=0))
    given = Input(group.names[0], None if (smooth == 1).all() else smooth, scale, zero)
    done, at = {}, 0
    for name in group.names:
        columns = slice(at, at + group.weight.shape[1] // len(group.names))
        at = columns.stop
        done[name] = Dense(
            given, codes[:, columns].astype(np.int8), scales[columns], group.bias[columns], lost / everything
        )
    return done


def quantise_finely(group: Group, x: np.ndarray, arrives: Arrives) -> Dense:
    """One dense layer whose input is told in two terms: as good as exactly, so that there is nothing to smooth or to clip."""
    scales = best_scales(group.weight)
    codes = gptq(x, group.weight, scales)
    sample, exact, arriving = tried_out(group, x, arrives)
    scale, zero = input_scale(float(x.min()) * HEADROOM, float(x.max()) * HEADROOM)
    given = Input(group.names[0], None, scale, zero, np.float32(scale / 255))
    error = arriving(sample @ (codes * scales) - exact) / arriving(exact - exact.mean(axis=0))
    return Dense(given, codes.astype(np.int8), scales, group.bias, error)


def tried_out(
    group: Group, x: np.ndarray, arrives: Arrives
) -> tuple[np.ndarray, np.ndarray, Callable[[np.ndarray], float]]:
    """Rows to try out by, their exact outputs without the bias, and what an error of these amounts to where it arrives."""
    rows, shares = choose_sample(x)
    arrival = arrives(rows)
    sample = x[rows]
    return sample, sample @ group.weight, lambda lost: float(np.square(arrival(lost)).sum(axis=1) @ shares)


def choose_sample(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows all through the texts, and the outliers; and for which share of all each of them stands."""
    order = np.argsort(-np.abs(x).max(axis=1), kind="stable")
    outliers, others = order[:OUTLIERS], np.sort(order[OUTLIERS:])
    spread = others[np.linspace(0, len(others) - 1, min(len(others), SAMPLE)).astype(np.int64)]
    shares = np.full(len(outliers) + len(spread), 1 / len(x))
    shares[len(outliers) :] *= len(others) / max(len(spread), 1)
    return np.concatenate([outliers, spread]), shares


def smoothings(x: np.ndarray, weight: np.ndarray) -> Iterator[np.ndarray]:
    """What could be divided by, [inputs] each: nothing, the balance of x and W to some power, or what is beyond the
    usual, wholly or in part."""
    largest = np.maximum(np.abs(x).max(axis=0), 1e-2)
    heaviest = np.maximum(np.abs(weight).max(axis=1), 1e-4)
    yield np.ones(len(largest), np.float32)
    for power in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        s = largest**power / heaviest ** (1 - power)
        yield (s / np.exp(np.log(s).mean())).astype(np.float32)
    for percentile in (0, 10, 25, 50, 75, 90, 95, 99):
        for power in (1, 0.8, 0.5):
            yield (np.maximum(1, largest / np.percentile(largest, percentile)) ** power).astype(np.float32)


def input_scale(low: float, high: float) -> tuple[np.float32, np.uint8]:
    """Zero is told exactly: it is what most of GELU's outputs nearly are."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = np.float32(max(high - low, 1e-9) / 255)
    return scale, np.uint8(np.clip(np.rint(-low / scale), 0, 255))


def round_input(x: np.ndarray, low: float, high: float) -> np.ndarray:
    scale, zero = input_scale(low, high)
    return (np.clip(np.rint(x / scale) + np.float32(zero), 0, 255) - np.float32(zero)) * scale


def round_weight(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scales = (np.maximum(np.abs(weight).max(axis=0), 1e-9) / 127).astype(np.float32)
    return np.clip(np.rint(weight / scales), -127, 127), scales


def best_scales(weight: np.ndarray) -> np.ndarray:
    """Of each column, the scale by which rounding loses least: clipping the greatest makes all others finer."""
    greatest = np.maximum(np.abs(weight).max(axis=0), 1e-9)
    least = np.full(weight.shape[1], np.inf)
    best = greatest / 127
    for share in np.linspace(0.7, 1.7, 51):
        scales = greatest * share / 127
        codes = np.clip(np.rint(fit_pairs(weight / scales)), -127, 127)
        lost = np.square(codes * scales - weight).sum(axis=0)
        best = np.where(lost < least, scales, best)
        least = np.minimum(lost, least)
    return best.astype(np.float32)


def fit_pairs(codes: np.ndarray) -> np.ndarray:
    """Codes, not yet whole, of which two next to each other add up to PAIR at most: both give way alike."""
    fitted = codes.copy()
    even = fitted[: len(codes) // 2 * 2]
    sums = even[0::2] + even[1::2]
    excess = np.sign(sums) * np.maximum(np.abs(sums) - PAIR, 0) / 2
    even[0::2] -= excess
    even[1::2] -= excess
    return fitted


def gptq(x: np.ndarray, weight: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Codes of weight, [inputs, outputs], that lose least of x·weight.

    Two codes next to each other have a sum in -128..128. Processors without VNNI add such products in 16 bits, and
    255 · 128 is the most that these hold: otherwise a vector would be another there (mean cosine 0.997 for 0.999).
    """
    hessian = x.T.astype(np.float64) @ x.astype(np.float64)
    hessian[np.diag_indices_from(hessian)] += DAMPING * max(hessian.diagonal().mean(), 1e-9)
    upper = np.linalg.cholesky(np.linalg.inv(hessian)).T.astype(np.float32)
    left = weight.astype(np.float32).copy()
    codes = np.empty_like(left)
    for start in range(0, len(left), BLOCK):
        end = min(start + BLOCK, len(left))
        errors = np.empty_like(left[start:end])
        for row in range(start, end):
            if row % 2 == 0:
                pair = left[row : row + 2] / scales
                wanted = np.rint(fit_pairs(pair)[0])
                least, most = -127, 127
            else:
                wanted = np.rint(left[row] / scales)
                least = np.maximum(-127, -PAIR - np.minimum(codes[row - 1], 0))
                most = np.minimum(127, PAIR - np.maximum(codes[row - 1], 0))
            codes[row] = np.clip(wanted, least, most)
            errors[row - start] = (left[row] - codes[row] * scales) / upper[row, row]
            left[row:end] -= np.outer(upper[row, row:end], errors[row - start])
        left[end:] -= upper[start:end, end:].T @ errors
    return codes


def gelu(x: np.ndarray) -> np.ndarray:
    return x * np.float32(0.5) * (1 + erf(x / np.float32(np.sqrt(2))))


def erf(x: np.ndarray) -> np.ndarray:
    """To 2e-7 (Abramowitz and Stegun, 7.1.26), since NumPy has none."""
    size = np.abs(x)
    t = 1 / (1 + np.float32(0.3275911) * size)
    sum_ = np.float32(1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        sum_ = sum_ * t + np.float32(factor)
    return np.copysign(1 - sum_ * t * np.exp(-size * size), x)
