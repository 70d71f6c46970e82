"""The table of commands in cases/cli.json and what they must print, in cases/golden/.

A case holds: `run` (the words), `before` (commands that come first), `files` (name -> text), `edit`
(name -> [old, new], what a person changes in a file that those commands wrote), `env`, `exit` (0
unless it says otherwise) and `toml` (true: it reads TOML). NAME.out and NAME.err hold what goes to
standard output and standard error; a file that is absent means nothing.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import cli

sys.path.insert(0, str(cli.ROOT))
import env_toml

HERE = Path(__file__).resolve().parent / "cases"
GOLDEN = HERE / "golden"
CASES = json.loads((HERE / "cli.json").read_text(encoding="utf-8"))

MASKED = (
    (r"\b[0-9a-f]{64}\b", "SHA256"),
    (r"(env_toml|tomli-w) \d+(\.\w+)+", r"\1 VERSION"),
    (r"='(/FOLDER/[\w./-]+)'", r"=\1"),  # quoted where the folder's name has a blank
)


def missing(case: dict) -> str:
    """Say what the case needs and is not at hand, "" where nothing is missing."""
    if case.get("toml") and not any(map(importlib.util.find_spec, ("tomllib", "tomli"))):
        return "needs tomllib or tomli"
    return ""


def prepare(case: dict, folder: Path) -> None:
    """Write the files of a case."""
    for name, text in case.get("files", {}).items():
        (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))


def edit(case: dict, folder: Path) -> None:
    """Change what the commands before wrote, as a person would."""
    for name, (old, new) in case.get("edit", {}).items():
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text, f"nothing to edit: {old!r} is not in {name}"
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


@contextlib.contextmanager
def inside(folder: Path, env: dict[str, str]) -> Iterator[None]:
    """Be in a folder, with the clean environment and the variables of a case."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        with mock.patch.dict(os.environ, {**cli.environment(), **env}, clear=True):
            yield
    finally:
        os.chdir(before)
        gc.enable()  # main ends its process, and has no use for it


def call(words: list[str]) -> cli.Answer:
    """Run the command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            env_toml.main(words)
        except SystemExit as ended:
            status = ended.code
    return cli.Answer(status, out.getvalue(), err.getvalue())


def perform(case: dict, folder: Path) -> cli.Answer:
    """Run a case in an empty folder; return its exit status and what it printed, masked."""
    prepare(case, folder)
    with inside(folder, case.get("env", {})):
        for words in case.get("before", ()):
            done = call(words)
            assert done.exit == 0, f"{words}: {done}"
        edit(case, folder)
        done = call(case["run"])
    return cli.Answer(done.exit, mask(done.out, folder), mask(done.err, folder))


def mask(text: str, folder: Path) -> str:
    """Replace what differs between machines and releases."""
    text = text.replace(os.path.realpath(folder), "/FOLDER")
    for pattern, name in MASKED:
        text = re.sub(pattern, name, text)
    return text


def expected(name: str) -> cli.Answer:
    files = {end: GOLDEN / f"{name}.{end}" for end in ("out", "err")}
    texts = {
        end: file.read_text(encoding="utf-8") if file.exists() else ""
        for end, file in files.items()
    }
    return cli.Answer(CASES[name].get("exit", 0), **texts)
