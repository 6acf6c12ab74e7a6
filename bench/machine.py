"""What a run must say of the machine that it ran on."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path


def shell(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def about_machine() -> dict[str, object]:
    cpu = dict(
        (key.strip(), value.strip())
        for key, _, value in (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    )
    wanted = ("avx", "fma", "f16c", "amx", "sve", "asimd")
    caches = [
        f"L{(cache / 'level').read_text().strip()} {(cache / 'type').read_text().strip().lower()}"
        f" {(cache / 'size').read_text().strip()}"
        for cache in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"))
    ]
    return {
        "cpu": cpu.get("model name", platform.machine()),
        "caches": caches,
        "flags": [flag for flag in cpu.get("flags", cpu.get("Features", "")).split() if flag.startswith(wanted)],
        "kernel": platform.system() + " " + platform.release().split("-")[0],
        "python": f"Python {platform.python_version()}",
    }
