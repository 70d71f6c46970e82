# SPDX-License-Identifier: Apache-2.0
"""How the tests of this folder run the tool and look into its files."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent

#: The configs that a person chooses; a leading _ marks what they share, and a schema is no config.
CONFIGS = sorted(
    path.stem
    for path in (ROOT / "configs").glob("*.json")
    if path.stem != "schema" and not path.stem.startswith("_")
)
assert CONFIGS, f"no configs/*.json in {ROOT}"

#: Top-level tables of a generated file that describe no job.
NOT_PROFILES = {"wandb", "cli", "cache", "artifacts"}

COMMAND_START = "# nemotron steps run "

#: What the shell that submits must have: neither has a default, and an empty secret is none.
SUBMITTER = {"USER": "tester", "DGXCLOUD_CLIENT_SECRET": "a secret of nothing"}

Tables = dict[str, dict[str, Any]]


class Command(NamedTuple):
    """A command that stands above a profile."""

    step: str
    config: str
    profile: str
    words: tuple[str, ...]
    line: str

    @property
    def name(self) -> str:
        """What no other command of the file has, fit for a job's or a file's name."""
        return f"{self.profile}-{self.step.replace('/', '-')}"


def load_data(name: str) -> Any:
    """Return what a data file of this folder holds."""
    data = json.loads((HERE / name).read_text(encoding="utf-8"))
    assert data, f"{name} is empty"
    return data


def run_tool(*words: str) -> subprocess.CompletedProcess[str]:
    """Run env_toml.py the way a user does."""
    command = [sys.executable, str(ROOT / "env_toml.py"), *words]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, encoding="utf-8", timeout=60
    )


def profiles(tables: Tables) -> Tables:
    """Return the profiles among the tables of a file."""
    found = {name: table for name, table in tables.items() if name not in NOT_PROFILES}
    assert found, f"no profile among {list(tables)}"
    return found


def commands(text: str) -> list[Command]:
    """Return the commands of a file, each of which must stand above the profile that it names."""
    found = []
    above: list[Command] = []
    for line in text.splitlines():
        if line.startswith(COMMAND_START):
            above.append(read_command(line))
        elif line.startswith("["):
            strangers = [command.line for command in above if line != f"[{command.profile}]"]
            assert strangers == [], f"above {line}"
            found += above
            above = []
    assert found, f"no line begins with {COMMAND_START!r} in:\n{text}"
    assert above == [], "commands above nothing"
    return found


def read_command(line: str) -> Command:
    """Read a command as a shell and the step CLI do."""
    step, config_option, config, *rest = shlex.split(line.removeprefix(COMMAND_START))
    assert config_option == "-c", line
    at = rest.index("--batch")
    profile = rest[at + 1]
    words = (*rest[:at], *rest[at + 2 :])
    return Command(step, config, profile, words, line)


def environment_variables(tables: Tables) -> set[str]:
    """Return the variables read with ${oc.env:NAME} or ${oc.env:NAME,default}."""
    found = set(re.findall(r"\$\{oc\.env:(\w+)", str(tables)))
    assert found, f"no ${{oc.env:…}} in {tables}"
    return found


@contextlib.contextmanager
def environment(unset: set[str], values: dict[str, str]) -> Iterator[None]:
    """Unset variables and set others, for as long as the block lasts."""
    with pytest.MonkeyPatch.context() as patch:
        for name in unset:
            patch.delenv(name, raising=False)
        for name, value in values.items():
            patch.setenv(name, value)
        yield
