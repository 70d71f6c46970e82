"""Run env_toml.py as its users do: a process of its own, with an environment free of site variables.

That its source is compiled beforehand for most of them is the only difference; test_vendor and
test_readme start the script itself.
"""

from __future__ import annotations

import atexit
import functools
import marshal
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

try:
    import tomllib
except ImportError:  # below Python 3.11
    import tomli as tomllib  # type: ignore[no-redef]

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "env_toml.py"
SHARED = ("_steps", "schema")  # in configs/ too, but nothing that a person chooses
CONFIGS = sorted({path.stem for path in (ROOT / "configs").glob("*.json")} - {*SHARED})
CLUSTERS = ("dgxcloud", "lepton", "slurm")
RESERVED = {"wandb", "cli", "cache", "artifacts"}

# What would change the output: site variables, the shell's language, Python's and argparse's own switches.
UNWANTED = (
    "SLURM_",
    "LEPTON_",
    "DGXCLOUD_",
    "NEMO",
    "WANDB_",
    "HF_",
    "PIP_INDEX",
    "PYTHON",
    "LC_",
    "LANG",
)
PLAIN = {"LC_ALL": "C.UTF-8", "COLUMNS": "100", "PYTHONDONTWRITEBYTECODE": "1"}

# Root without its capabilities is refused like anybody else, and can still reach every interpreter.
PLAIN_USER = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
# Somebody who owns nothing here, and may read everything so as to reach every interpreter.
SOMEBODY = 65534
OTHER_USER = (
    *("setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups"),
    *("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"),
    "--bounding-set=-all,+dac_read_search",
)

# A machine has time for many trials, a person at work has not.
THOROUGH = "true" in (os.environ.get("CI"), os.environ.get("ENV_TOML_THOROUGH"))


def often(here: int, thorough: int) -> int:
    """Return how many trials to make: `thorough` where CI=true or ENV_TOML_THOROUGH=true asks for it."""
    return thorough if THOROUGH else here


def can(*command: str) -> bool:
    """Tell whether a command is there and does what it should."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def environment(changes: dict[str, str | None] | None = None) -> dict[str, str]:
    """Return the clean environment; a change to None removes the variable."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)}
    return {
        name: value
        for name, value in {**clean, **PLAIN, **(changes or {})}.items()
        if value is not None
    }


class Answer(NamedTuple):
    """What a run of the command line gives."""

    exit: int
    out: str
    err: str


# Python compiles a script anew in each process, which takes longer than all else that most runs do.
# So this Python's runs of the script begin with what it was compiled to, once for all of them.
STARTER = """
import marshal, sys
with open(sys.argv[1], "rb") as file:
    code = marshal.load(file)
del sys.argv[:2], file
__file__ = sys.argv[0]
sys.path[0] = __file__.rpartition("/")[0]
exec(code)
"""


@functools.cache
def compiled() -> str:
    """Return the file that holds the script as this Python compiles it."""
    with tempfile.NamedTemporaryFile(prefix="env_toml-", delete=False) as file:
        marshal.dump(compile(SCRIPT.read_bytes(), str(SCRIPT), "exec", dont_inherit=True), file)
    atexit.register(os.unlink, file.name)
    return file.name


def command(*words: object) -> list[str]:
    """Return what runs the script in a process of its own, with this Python."""
    return [sys.executable, "-c", STARTER, compiled(), str(SCRIPT), *map(str, words)]


def run(
    *words: object,
    env: dict[str, str | None] | None = None,
    python: str = sys.executable,
    flags: tuple[str, ...] = (),
    script: object = SCRIPT,
    prefix: tuple[str, ...] = (),
    **more: Any,
) -> subprocess.CompletedProcess[str]:
    """Run the script; what it says is printed, so that a test that fails shows it."""
    if (python, flags, script) == (sys.executable, (), SCRIPT):
        parts = [*prefix, *command(*words)]
    else:
        parts = [*prefix, python, *flags, *([str(script)] if script else []), *map(str, words)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 60, **more}
    if not {"input", "stdin"}.intersection(more):
        options["stdin"] = subprocess.DEVNULL
    done = subprocess.run(
        parts,
        env=environment(env),
        text=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
        **options,
    )
    print(
        f"$ {' '.join(map(str, words))}\nexit {done.returncode}\nstdout: {done.stdout}\nstderr: {done.stderr}"
    )
    return done


def assert_refused(done: subprocess.CompletedProcess[str], *mentions: str) -> None:
    """A user's mistake: status 2, one line that names what is wrong, no result."""
    assert done.returncode == 2
    assert not done.stdout
    assert re.fullmatch(r"error: [^\n]+\n", done.stderr), "not exactly one error line"
    assert [text for text in mentions if text not in done.stderr] == [], (
        "the message does not name these"
    )


def files(folder: Path) -> list[str]:
    """Return the names in a folder, hidden ones too: what a run left behind."""
    return sorted(os.listdir(folder))


def copy_program(folder: Path) -> Path:
    """Copy what a site copies by hand, without tomli_w; return where the script is."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "configs", folder / "configs", ignore=ignore)
    return Path(shutil.copy(SCRIPT, folder))


def read_toml(source: str | Path) -> dict[str, Any]:
    return tomllib.loads(source if isinstance(source, str) else source.read_text(encoding="utf-8"))


def body(text: str) -> str:
    """Return a generated file without the line that holds the command."""
    return "".join(
        line for line in text.splitlines(True) if not line.startswith("# Generated by: ")
    )
