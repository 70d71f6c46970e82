# SPDX-License-Identifier: Apache-2.0
"""How the tests of this folder run the tool and look into its files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted(path.stem for path in (ROOT / "configs").glob("*.json"))
assert CONFIGS, f"no configs/*.json in {ROOT}"

#: Top-level tables of a generated file that describe no job.
NOT_PROFILES = {"wandb", "cli", "cache", "artifacts"}

Tables = dict[str, dict[str, Any]]


def run_tool(*words: str) -> subprocess.CompletedProcess[str]:
    """Run env_toml.py the way a user does."""
    command = [sys.executable, str(ROOT / "env_toml.py"), *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, encoding="utf-8", timeout=60)


def profiles(tables: Tables) -> Tables:
    """The profiles among the tables of a file."""
    found = {name: table for name, table in tables.items() if name not in NOT_PROFILES}
    assert found, f"no profile among {list(tables)}"
    return found


def environment_variables(tables: Tables) -> set[str]:
    """The variables read with ${oc.env:NAME} or ${oc.env:NAME,default}."""
    found = set(re.findall(r"\$\{oc\.env:(\w+)", str(tables)))
    assert found, f"no ${{oc.env:…}} in {tables}"
    return found
