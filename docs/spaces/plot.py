"""Draws spaces.svg beside this file, for docs/spaces.md. Needs matplotlib; the same version draws the same bytes."""

from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np

L2, IP, COSINE = "#c2410c", "#1d4ed8", "#15803d"
QUERY = (1, 0)
POINTS = {"A": (1, 0.5), "B": (3, 2), "C": (0.25, 0)}  # those of ExampleSpace_lengths


def by_angle(axis: plt.Axes) -> None:
    degrees = np.linspace(0, 180, 181)
    cosine = np.cos(np.radians(degrees))
    axis.plot(degrees, 2 - 2 * cosine, color=L2, label="l2 = 2 − 2·cos")
    axis.plot(degrees, 1 - cosine, color=IP, linewidth=3.5, alpha=0.4, label="ip = 1 − cos")
    axis.plot(degrees, 1 - cosine, color=COSINE, linewidth=1.2, linestyle="--", label="cosine = 1 − cos")
    axis.set_title("unit vectors: one order, two scales")
    axis.set_xlabel("angle between the vectors")
    axis.set_ylabel("distance")
    axis.set_xticks(range(0, 181, 30), [f"{d}°" for d in range(0, 181, 30)])
    axis.set_yticks(range(5))
    axis.grid(linewidth=0.3)
    axis.legend()


def by_place(axis: plt.Axes) -> None:
    """Through each favourite the line of all points that are as near as it is: what lies on its near side is nearer."""
    turn = np.linspace(0, 2 * np.pi, 100)
    radius = np.hypot(POINTS["A"][0] - QUERY[0], POINTS["A"][1] - QUERY[1])
    axis.plot(QUERY[0] + radius * np.cos(turn), QUERY[1] + radius * np.sin(turn), color=L2, label="as near as A in l2")
    axis.axvline(POINTS["B"][0], color=IP, label="as near as B in ip")
    axis.plot([0, 3.6], [0, 0], color=COSINE, label="as near as C in cosine")
    for name, (x, y) in POINTS.items():
        axis.plot(x, y, "o", color="black", markersize=4)
        axis.annotate(name, (x, y), xytext=(5, 5), textcoords="offset points")
    axis.annotate("", QUERY, xytext=(0, 0), arrowprops={"arrowstyle": "-|>", "color": "black", "shrinkA": 0, "shrinkB": 0})
    axis.annotate("query", QUERY, xytext=(4, -14), textcoords="offset points")
    axis.plot(0, 0, "+", color="black")
    axis.set_title("other lengths: three spaces, three winners")
    axis.set_xlim(-0.4, 3.6)
    axis.set_ylim(-0.8, 2.4)
    axis.set_aspect("equal")
    axis.legend(loc="upper left")


def main() -> None:
    plt.rcParams.update({"svg.hashsalt": "spaces", "svg.fonttype": "none", "font.size": 9, "legend.frameon": False})
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.9))
    by_angle(left)
    by_place(right)
    figure.tight_layout()
    figure.savefig(Path(__file__).with_name("spaces.svg"), metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
