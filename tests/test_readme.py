"""README.md: each command runs, each output it shows is what is printed, each table says what the program knows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli import ROOT, environment, run
from golden import mask

import env_toml

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
SET_UP = re.compile(r"python3 -m venv \.venv && \.venv/bin/pip install -q \S+ && \.venv/bin/")
NO_INDEX = r"No matching distribution found|NewConnectionError|No module named pip\b"


def commands() -> list[tuple[str, list[str]]]:
    """Pair each block of commands with the outputs shown after it, before the next one."""
    found: list[tuple[str, list[str]]] = []
    for language, content in BLOCKS:
        if language == "sh":
            found.append((content, []))
        elif language in ("text", "toml"):
            found[-1][1].append(content)
    return found


COMMANDS = commands()
(VENDORING,) = [block.splitlines() for block, _ in COMMANDS if "zipapp" in block]  # each line has a test of its own
COPIES = re.findall(r"`(build/[\w./]+)`", TEXT)  # what each line makes
COMMANDS = [(block, outputs) for block, outputs in COMMANDS if "zipapp" not in block]
NAMES = [re.sub(r".*env_toml\.py |[^\w.=-]+", " ", block.splitlines()[-1])[:40].strip() for block, _ in COMMANDS]


@pytest.fixture
def clone(tmp_path):
    """A copy of the repository with the site config of the recipe and an older env.slurm.toml."""
    leave = shutil.ignore_patterns(".*", "__pycache__", "env.*", "build", "dist", "*.egg-info", "*.pyz")
    shutil.copytree(ROOT, tmp_path / "clone", ignore=leave)
    (site,) = [content for language, content in BLOCKS if language == "json"]
    (tmp_path / "clone" / "site.json").write_text(site, encoding="utf-8")
    assert run("-c", "slurm", cwd=tmp_path / "clone").returncode == 0
    return tmp_path / "clone"


def shell(block: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block as a reader would, with this Python for that of .venv and without what set-up downloads."""
    commands = folder.parent / "bin"
    commands.mkdir(exist_ok=True)
    (commands / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    (commands / "python").chmod(0o755)
    block = SET_UP.sub("", block).replace("pytest -q", "pytest -q --collect-only -n 0 --ignore=tests/test_readme.py")
    path = f"{commands}:{environment()['PATH']}"
    options = {"cwd": folder, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8"}
    command, env = ["sh", "-euc", block], environment({"PATH": path})
    done = subprocess.run(command, **options, env=env, stdin=subprocess.DEVNULL, timeout=60, check=False)
    print(f"$ {block}exit {done.returncode}\n{done.stdout}")
    return done


def pattern(shown: str) -> str:
    """Return the regular expression that a shown output stands for: a line `...` leaves lines out."""
    return "".join("(?:.*\n)*?" if line == "...\n" else re.escape(line) for line in mask(shown).splitlines(True))


@pytest.mark.parametrize(("block", "outputs"), COMMANDS, ids=NAMES)
def test_commands(clone, block, outputs):
    if "--lint" in block and sys.version_info < (3, 11):
        pytest.skip("needs Python 3.11 (tomllib)")
    done = shell(block, clone)
    assert done.returncode == 0
    for shown in outputs:
        assert re.fullmatch(pattern(shown), mask(done.stdout)), f"not as shown:\n{shown}"


def test_the_first_command_runs_again(clone):
    assert [shell(COMMANDS[0][0], clone).stdout.split()[0] for _ in range(2)] == ["wrote", "unchanged"]


def test_the_site_config_needs_nothing_more(clone):
    done = run("-c", "site.json", "-f", cwd=clone)
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrote env.toml: 34 profiles\n", "")


def test_the_partitions_that_a_base_does_not_reach(clone):
    (number,) = re.findall(r"^.* (\d+) profiles have a `partition` of their own", TEXT, re.MULTILINE)
    profiles = env_toml.generate(str(clone / "site.json")).split("\n[")
    others = [text for text in profiles if "\npartition = " in text and '\npartition = "gpu"' not in text]
    assert len(others) == int(number)
    assert all(re.search(r"\npartition = .*SLURM_(CPU|GPU)_PARTITION", text) for text in others), others


@pytest.mark.parametrize(("line", "copy"), list(zip(VENDORING, COPIES)), ids=COPIES)
def test_vendoring(clone, line, copy):
    assert len(VENDORING) == len(COPIES) == 3
    done = shell(line, clone)
    if re.search(NO_INDEX, done.stdout):
        pytest.skip("needs a package index")
    assert done.returncode == 0
    done = run("-c", "slurm-airgap", "-d", script=clone / copy, flags=("-I", "-S"), cwd=clone.parent)
    assert (done.returncode, done.stdout) == (0, env_toml.generate("slurm-airgap"))


def test_what_stands_where():
    assert len(TEXT.splitlines()) <= 250
    first = "\n".join(TEXT.splitlines()[:30])
    set_up = [line for block, _ in COMMANDS[:2] for line in block.splitlines()]
    assert len(set_up) == 2
    assert all(line in first and SET_UP.match(line) for line in set_up), set_up
    assert "env_toml.py -c slurm sections.slurm_base.account=x" in set_up[0]
    assert ".[dev]" in set_up[1]
    assert set_up[1].endswith("-m pytest -q")
    assert BLOCKS[0][0] == "sh", "the first block is a command"


def test_every_path_is_there():
    paths = re.findall(r"(?:tests|configs|\.ci)/[\w./-]*|\b\w+\.(?:py|md)\b|pyproject\.toml", TEXT)
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_options_are_those_of_help():
    known = re.findall(r"^ +((?:-\w, )?--[\w-]+(?: [A-Z|]+)?) ", run("--help").stdout, re.MULTILINE)
    (shown,) = re.findall(r"^All options: ((?:`-[^`]+`[,.]\s)+)", TEXT, re.MULTILINE)
    assert re.findall(r"`([^`]+)`", shown) == known


def table(head: str) -> list[list[str]]:
    """Return the cells of the table whose first column has this title."""
    rows = re.search(rf"^\| {head} \|.*\n\| ---.*\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    assert rows, f"no table of {head}"
    return [row[2:-2].split(" | ") for row in rows[1].splitlines()]


def test_the_parameters_are_those_of_a_config():
    assert [key for key, _, _ in table("key")] == [f"`{key}`" for key in env_toml.CONFIG_KEYS]
    checks = next(meaning for key, _, meaning in table("key") if key == "`checks`")
    assert re.findall(r"`(\w+)`", checks) == list(env_toml.CHECKS)


def test_the_differences_from_omegaconf_are_tested_ones():
    cases = json.loads((ROOT / "tests" / "cases" / "omegaconf.json").read_text(encoding="utf-8"))["differ"]

    def cell(value: object) -> str:
        return "error" if isinstance(value, dict) and "error" in value else f"`{json.dumps(value)}`"

    known = [[f"`{row['word']}`", cell(row["omegaconf"]), cell(row["ours"]), row["why"]] for row in cases]
    rows = [[word.replace("`", "`sections.slurm_base.", 1), *others] for word, *others in table("word")]
    assert len(rows) > 5
    assert [row for row in rows if row not in known] == []
