"""Draws the pictures of README: runs minnow in a terminal of its own, and writes what the screen shows as SVG.

usage: screenshot.py MINNOW FOLDER   (make screenshots)
"""

import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from fcntl import ioctl
from pathlib import Path

import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

COLUMNS, ROWS = 100, 30
FOOD = Path(__file__).parent / "food.csv"
# Rich's own template, without the fonts that it would fetch.
TEMPLATE = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>.{unique_id}-matrix {{ font: {char_height}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }}
.{unique_id}-title {{ font: bold 18px sans-serif; }} {styles}</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g></g></svg>"""
COLOURS = {"brown": "yellow"}  # pyte's names that rich has another for


class Terminal:
    """A program on a terminal, and what its screen shows."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        self.master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=os.environ | environment, cwd=environment["HOME"], start_new_session=True)
        os.close(slave)

    def until(self, pattern: str = "", seconds: float = 60) -> None:
        """Reads until the screen shows the pattern; without one, until the program ends."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if pattern and re.search(pattern, "\n".join(self.screen.display)):
                return
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.stream.feed(os.read(self.master, 65536))
                except OSError:  # Linux's way to say that the other side is closed
                    break
        if pattern:
            raise SystemExit(f"the screen never shows {pattern}:\n" + "\n".join(self.screen.display))
        self.process.wait()

    def type(self, text: str) -> None:
        for character in text:
            os.write(self.master, character.encode())
            time.sleep(0.03)

    def svg(self, command: str, title: str, path: Path) -> None:
        text = Text(f"$ {command}\n" if command else "", style="bold")
        lines = range(max((i for i, line in enumerate(self.screen.display) if line.strip()), default=0) + 1)
        for y in lines:
            row = self.screen.buffer[y]
            for x in range(COLUMNS):
                c = row[x]
                colour = None if c.fg == "default" else COLOURS.get(c.fg, c.fg if not re.fullmatch("[0-9a-f]{6}", c.fg) else "#" + c.fg)
                text.append(c.data, Style(color=colour, bold=c.bold, reverse=c.reverse))
            text.append("\n")
        console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))
        console.print(text, end="", soft_wrap=True)
        path.write_text(console.export_svg(title=title, code_format=TEMPLATE, unique_id="minnow") + "\n")


def main() -> None:
    minnow, folder = str(Path(sys.argv[1]).resolve()), Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as home:
        environment = {"HOME": home, "MINNOW_DB": f"{home}/food", "TERM": "xterm-256color", "MINNOW_HOME": os.environ["MINNOW_HOME"]}
        shutil.copy(FOOD, home)
        importing = Terminal([minnow, "import", FOOD.name], environment)
        importing.until(r"importing +[4-9]\d%")
        importing.svg("minnow import food.csv", "minnow import", folder / "import.svg")
        importing.until()
        asked = "sweet and sticky, made by bees"
        query = Terminal([minnow, "-q", "query", asked, "-k", "6"], environment)
        query.until()
        query.svg(f'minnow query "{asked}" -k 6', "minnow query", folder / "query.svg")
        prompt = Terminal([minnow, "-q", "query", "-k", "6"], environment)
        prompt.until("Hits appear")
        prompt.type("something warm for a cold evening")
        prompt.until("6 hits in")
        time.sleep(0.3)
        prompt.until("6 hits in")
        prompt.svg("", "minnow query", folder / "prompt.svg")
        prompt.type("\x03")
        prompt.until()


main()
