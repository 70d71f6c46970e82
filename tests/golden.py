"""The table of commands in cases/cli.json and what they must print, in cases/golden/.

A case holds: `run` (the words), `before` (commands that come first), `files` (name -> text), `env`,
`exit` (0 unless it says otherwise) and `python` (the oldest Python that can do it). NAME.out and
NAME.err hold what goes to standard output and standard error; a file that is absent means nothing.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import cli

HERE = Path(__file__).resolve().parent / "cases"
GOLDEN = HERE / "golden"
CASES = json.loads((HERE / "cli.json").read_text(encoding="utf-8"))

MASKED = (
    (r"\b[0-9a-f]{12}\b", "DIGEST"),
    (r"(env_toml|tomli-w) \d+(\.\w+)+", r"\1 VERSION"),
)


def missing(case: dict) -> str:
    """Say which Python the case needs, "" where this one will do."""
    oldest = case.get("python", "3.9")
    return f"needs Python {oldest} (tomllib)" if sys.version_info < tuple(map(int, oldest.split("."))) else ""


def prepare(case: dict, folder: Path) -> None:
    """Write the files of a case."""
    for name, text in case.get("files", {}).items():
        (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))


def perform(case: dict, folder: Path) -> cli.Answer:
    """Run a case in an empty folder; return its exit status and what it printed, masked."""
    prepare(case, folder)
    for words in case.get("before", ()):
        assert cli.run(*words, cwd=folder).returncode == 0
    done = cli.run(*case["run"], cwd=folder, env=case.get("env"))
    return cli.Answer(done.returncode, mask(done.stdout), mask(done.stderr))


def mask(text: str) -> str:
    for pattern, name in MASKED:
        text = re.sub(pattern, name, text)
    return text


def expected(name: str) -> cli.Answer:
    files = {end: GOLDEN / f"{name}.{end}" for end in ("out", "err")}
    texts = {end: file.read_text(encoding="utf-8") if file.exists() else "" for end, file in files.items()}
    return cli.Answer(CASES[name].get("exit", 0), **texts)
