"""What a site uses around the program: pre-commit, and editors that know the schema."""

from __future__ import annotations

import functools
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tomli_w
from cli import CONFIGS, ROOT, environment, run
from rows import each_row

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOOKS = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
RECIPES = [
    text.replace("#   ", "") for text in re.findall(r"(?m)^#   repos:\n(?:#   .*\n)+", HOOKS)
]
NO_INDEX = r"No matching distribution found|NewConnectionError"


def in_readme(language: str, first: str) -> str:
    """Return the one block of the README in this language that begins so."""
    (found,) = [
        text for kind, text in FENCED.findall(README) if kind == language and text.startswith(first)
    ]
    return found


def installed(command: str) -> str:
    """Return the path of a command, also of one beside this Python, "" where there is none."""
    return (
        shutil.which(command) or shutil.which(command, path=str(Path(sys.executable).parent)) or ""
    )


def perform(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command; what it says is printed, so that a test that fails shows it."""
    changes = {
        "PRE_COMMIT_HOME": str(cwd.parent / "pre-commit"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "RUST_LOG": "error",
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment(changes),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    print(f"$ {' '.join(map(str, command))}\nexit {done.returncode}\n{done.stdout}")
    return done


# -------------------------------------------------------------------------------------- pre-commit

needs_pre_commit = pytest.mark.skipif(
    not importlib.util.find_spec("pre_commit") or not installed("git"),
    reason="needs pre-commit and git",
)


def git(folder: Path, *words: str) -> None:
    name = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    assert perform("git", *name, *words, cwd=folder).returncode == 0


def commit(folder: Path) -> None:
    git(folder, "init", "-q")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "-q", "-m", "all")


def pre_commit(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = perform(sys.executable, "-m", "pre_commit", *words, cwd=cwd)
    if re.search(NO_INDEX, done.stdout):
        pytest.skip("needs a package index")
    return done


@pytest.fixture
def site(tmp_path):
    """A folder with the README's site.json and the file that it gives."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "site.json").write_text(in_readme("json", "{"), encoding="utf-8")
    assert run("-c", "site.json", cwd=folder).returncode == 0
    return folder


def assert_the_hook_checks(site: Path) -> None:
    """It passes, tells a config that changed, and never writes."""
    before = (site / "env.toml").read_bytes()
    passed = pre_commit("run", "--all-files", cwd=site)
    assert passed.returncode == 0
    assert "WARNING" not in passed.stdout
    assert re.search(r"env_toml\.+Passed", passed.stdout)
    changed = (site / "site.json").read_text(encoding="utf-8").replace('"nodes": 16', '"nodes": 12')
    (site / "site.json").write_text(changed, encoding="utf-8")
    failed = pre_commit("run", "--all-files", cwd=site)
    assert failed.returncode == 1
    assert "\n-nodes = 16\n+nodes = 12\n" in failed.stdout
    assert "files were modified by this hook" not in failed.stdout
    assert (site / "env.toml").read_bytes() == before


@needs_pre_commit
@pytest.mark.thorough
def test_the_hook_from_the_repository(tmp_path, site):
    leave = shutil.ignore_patterns(
        ".git", ".venv*", "__pycache__", "build", "dist", "*.egg-info", "env.*", "tests"
    )
    shutil.copytree(ROOT, tmp_path / "env_toml", ignore=leave)
    commit(tmp_path / "env_toml")
    git(tmp_path / "env_toml", "tag", "v1.1.0")
    recipe = re.sub(r"https://git\.corp/env_toml.*", str(tmp_path / "env_toml"), RECIPES[0])
    (site / ".pre-commit-config.yaml").write_text(recipe, encoding="utf-8")
    commit(site)
    assert_the_hook_checks(site)


@needs_pre_commit
def test_the_hook_for_a_vendored_copy(site):
    folder = site / "vendor" / "env_toml"
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(
        Path(tomli_w.__file__).parent,
        folder / "tomli_w",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copy(ROOT / "env_toml.py", folder)
    (site / ".pre-commit-config.yaml").write_text(RECIPES[1], encoding="utf-8")
    commit(site)
    assert_the_hook_checks(site)


@needs_pre_commit
def test_the_hooks_are_what_pre_commit_expects(tmp_path):
    hooks = ROOT / ".pre-commit-hooks.yaml"
    done = perform(sys.executable, "-m", "pre_commit", "validate-manifest", hooks, cwd=tmp_path)
    assert done.returncode == 0


# ----------------------------------------------------------------------------------------- editors

# What a person types wrong, and the place and value that an editor underlines.
MISTAKES = [
    ({"sections": {"slurm_base": {"nodes": "two"}}}, "sections.slurm_base.nodes"),
    ({"sections": {"slurm_base": {"nodes": 0}}}, "sections.slurm_base.nodes"),
    ({"sections": {"slurm_base": {"executor": "slrum"}}}, "sections.slurm_base.executor"),
    ({"sections": {"slurm_base": {"time": "12h"}}}, "sections.slurm_base.time"),
    ({"sections": {"slurm_base": {"env_vars": {"A": 1}}}}, "sections.slurm_base.env_vars.A"),
    ({"variables": {"SLURM_ACCOUNT": 7}}, "variables.SLURM_ACCOUNT"),
    ({"force": "yes"}, "force"),
    ({"sektions": {}}, ""),
]
NAMES = [place or "an unknown key" for _, place in MISTAKES]


@pytest.fixture(scope="module")
def find_mistakes():
    """Return what an editor does: read the schema that a config names, list what it refuses."""
    jsonschema = pytest.importorskip("jsonschema", reason="needs jsonschema")

    @functools.cache
    def validator(schema: str):
        """Return what checks by a schema, which is checked itself, once for all that name it."""
        jsonschema.Draft7Validator.check_schema(json.loads(schema))
        return jsonschema.Draft7Validator(json.loads(schema))

    def find(path: Path) -> list[str]:
        config = json.loads(path.read_text(encoding="utf-8"))
        schema = (path.parent / config["$schema"]).read_text(encoding="utf-8")
        errors = list(validator(schema).iter_errors(config))
        print(f"{path.name}: {[error.message for error in errors]}")
        return [".".join(map(str, deepest(error).absolute_path)) for error in errors]

    def deepest(error):
        """Return the error below one of several that are allowed: the place an editor marks."""
        while error.context:
            error = max(error.context, key=lambda below: len(below.absolute_path))
        return error

    return find


@each_row("config", [*sorted({*CONFIGS} - {"schema"}), "README"])
def test_a_json_config_is_valid(tmp_path, find_mistakes, config):
    path = ROOT / "configs" / f"{config}.json"
    if config == "README":
        shutil.copytree(ROOT / "configs", tmp_path / "configs")
        path = tmp_path / "site.json"
        path.write_text(in_readme("json", "{"), encoding="utf-8")
    assert find_mistakes(path) == []


@each_row(("mistake", "place"), MISTAKES, ids=NAMES)
def test_an_editor_finds_a_mistake_in_json(call, tmp_path, find_mistakes, mistake, place):
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    config = {"$schema": "configs/schema.json", "defaults": "slurm", **mistake}
    (tmp_path / "site.json").write_text(json.dumps(config), encoding="utf-8")
    assert find_mistakes(tmp_path / "site.json") == [place]
    assert call("-c", "site.json", "-d").exit == 2


needs_taplo = pytest.mark.skipif(not installed("taplo"), reason="needs taplo")


@needs_taplo
def test_a_toml_config_is_valid(tmp_path):
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "both.toml").write_text(in_readme("toml", "#:schema"), encoding="utf-8")
    assert perform(installed("taplo"), "check", "both.toml", cwd=tmp_path).returncode == 0


@needs_taplo
@each_row("mistake", [mistake for mistake, _ in MISTAKES], ids=NAMES)
def test_an_editor_finds_a_mistake_in_toml(tmp_path, mistake):
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    text = f"#:schema configs/schema.json\n{tomli_w.dumps({'defaults': 'slurm', **mistake})}"
    (tmp_path / "site.toml").write_text(text, encoding="utf-8")
    done = perform(installed("taplo"), "check", "site.toml", cwd=tmp_path)
    assert done.returncode == 1
    assert re.search(r"^error: .*\n.*site\.toml:\d+:\d+$", done.stdout, re.MULTILINE), (
        "no place is told"
    )
