"""The forms a site copies: a folder, `pip install --target`, one zipapp; and every Python at hand."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import tomli_w
from cli import CONFIGS, PLAIN_USER, ROOT, assert_refused, body, can, files, read_toml
from helpers import assert_says, refusal

import env_toml

ALONE = ("-E", "-s", "-S", "-B")  # nothing but the standard library and what lies beside the script
FORMS = ("folder", "target", "zipapp")


def copy(source: Path, to: Path) -> None:
    shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__"))


def build_folder(place: Path) -> Path:
    folder = place / "copied"
    folder.mkdir()
    shutil.copy(ROOT / "env_toml.py", folder)
    copy(ROOT / "configs", folder / "configs")
    copy(Path(tomli_w.__file__).parent, folder / "tomli_w")
    return folder / "env_toml.py"


def build_target(place: Path) -> Path:
    target = place / "target"
    pip = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", target, ROOT],
        capture_output=True,
        text=True,
        check=False,
    )
    if "No module named pip" in pip.stderr:
        pytest.skip("needs pip")
    if re.search(r"No matching distribution found for hatchling|NewConnectionError", pip.stderr):
        pytest.skip("needs hatchling from the package index")
    assert pip.returncode == 0, pip.stderr
    copy(Path(tomli_w.__file__).parent, target / "tomli_w")
    return target / "env_toml.py"


@pytest.fixture(scope="session")
def forms(tmp_path_factory):
    """Return where each form is; each is built once, when a test asks for it."""

    @functools.cache
    def built(form: str) -> Path:
        place = tmp_path_factory.mktemp(form)
        if form == "folder":
            return build_folder(place)
        if form == "target":
            return build_target(place)
        archive = place / "env_toml.pyz"
        source = built("target").parent
        subprocess.run(
            [sys.executable, "-m", "zipapp", source, "-m", "env_toml:main", "-o", archive], check=True, timeout=60
        )
        return archive

    return built


@pytest.fixture(params=FORMS)
def form(request, forms):
    return forms(request.param)


# ------------------------------------------------------------------------------------ every form


def test_it_writes_the_same_file_from_anywhere(run, tmp_path, form):
    words = ("-c", "slurm", "sections.slurm_base.account=x", "output_path=env.toml")
    done = run(*words, script=form, flags=ALONE)
    assert (done.returncode, done.stderr) == (0, "")
    assert files(tmp_path) == ["env.toml"]
    assert (tmp_path / "env.toml").read_text(encoding="utf-8") == env_toml.generate("slurm", words[2:])


def test_it_runs_isolated(run, form):
    """With -I Python leaves out the script's own folder, and tomli_w lies there."""
    done = run("-c", "slurm", "-d", script=form, flags=("-I", "-S", "-B"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == env_toml.generate("slurm")


def test_it_lists_its_configs(run, form):
    done = run("--list", script=form, flags=ALONE)
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        line.split()[0] for line in run("--list").stdout.splitlines()
    ]


@pytest.mark.parametrize("config", CONFIGS)
def test_it_has_every_config(run, form, config):
    done = run("-c", config, "-d", script=form, flags=ALONE)
    assert (done.returncode, done.stdout) == (0, env_toml.generate(config))


def test_its_version_tells_the_same_digest(run, form):
    assert run("--version", script=form, flags=ALONE).stdout == run("--version").stdout


def test_a_changed_copy_tells_another_digest(run, tmp_path, forms):
    changed = tmp_path / "env_toml.py"
    copy(forms("folder").parent / "tomli_w", tmp_path / "tomli_w")
    changed.write_bytes((ROOT / "env_toml.py").read_bytes() + b"\n")
    done = run("--version", script=changed)
    assert done.returncode == 0
    assert done.stdout != run("--version").stdout


@pytest.mark.parametrize("words", [["nodes"], ["-c", "nowhere"], ["--bogus"], ["sections.lepton_base.nodes=two"]])
def test_errors_have_status_2(run, tmp_path, form, words):
    assert_refused(run(*words, script=form, flags=ALONE))
    assert files(tmp_path) == []


def test_a_site_config_builds_on_a_bundled_one(run, tmp_path, form):
    (tmp_path / "site.json").write_text('{"defaults": "slurm", "sections": {"slurm_base": {"account": "acme"}}}')
    done = run("-c", "site.json", "-d", script=form, flags=ALONE)
    assert done.returncode == 0
    assert read_toml(done.stdout)["slurm_curate"]["account"] == "acme"


def test_check_has_status_1(run, form):
    done = run("-c", "slurm", "--check", script=form, flags=ALONE)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("--- ")


@pytest.mark.skipif(not can(*PLAIN_USER, "true"), reason="needs setpriv to give up root's capabilities")
def test_a_read_only_copy(run, tmp_path, form):
    root = form.parent
    for path in [root, *root.rglob("*")]:
        path.chmod(path.stat().st_mode & 0o555)
    before = files(root)
    try:
        done = run("-c", "slurm", script=form, flags=ALONE[:-1], prefix=PLAIN_USER, env={"HOME": None})
    finally:
        for path in [root, *root.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o200)
    assert (done.returncode, done.stderr) == (0, "")
    assert files(tmp_path) == ["env.slurm.toml"]
    assert files(root) == before


def test_no_network_and_no_home(run, tmp_path, form):
    if not can("unshare", "-n", "true"):
        pytest.skip("needs the right to unshare -n")
    prefix = (shutil.which("unshare"), "-n")
    done = run("-c", "slurm", script=form, flags=ALONE, prefix=prefix, env={"HOME": None, "PATH": None})
    assert (done.returncode, done.stderr) == (0, "")
    assert files(tmp_path) == ["env.slurm.toml"]


# ------------------------------------------------------------------------------- one form or other


def test_as_a_module(run, tmp_path, forms):
    folder = forms("folder").parent
    words = ("-m", "env_toml", "-c", "slurm", f"output_path={tmp_path / 'env.toml'}")
    done = run(*words, script=None, flags=("-S", "-B"), cwd=folder)
    assert done.returncode == 0
    assert body((tmp_path / "env.toml").read_text(encoding="utf-8")) == body(env_toml.generate("slurm"))


def test_as_a_library(run, forms):
    program = "import env_toml; print(env_toml.generate('slurm', ['sections.slurm_base.account=x']), end='')"
    done = run("-c", program, script=None, flags=("-S", "-B"), cwd=forms("folder").parent)
    assert (done.returncode, done.stdout) == (0, env_toml.generate("slurm", ["sections.slurm_base.account=x"]))


def test_through_a_link(run, tmp_path, forms):
    (tmp_path / "env-toml").symlink_to(forms("folder"))
    done = run("-c", "slurm", "-d", script=tmp_path / "env-toml", flags=("-S", "-B"))
    assert (done.returncode, done.stdout) == (0, env_toml.generate("slurm"))


def test_the_installed_command(run, forms):
    target = forms("target").parent
    done = run(
        "-c", "slurm", "-d", script=target / "bin" / "env-toml", flags=("-S", "-B"), env={"PYTHONPATH": str(target)}
    )
    assert (done.returncode, done.stdout) == (0, env_toml.generate("slurm"))


def test_what_is_installed(forms):
    installed = {name for name in files(forms("target").parent) if not name.endswith(".dist-info")}
    assert installed == {"bin", "env_toml.py", "env_toml_configs", "tomli_w"}
    assert files(forms("target").parent / "env_toml_configs") == sorted(f"{name}.json" for name in CONFIGS)


@pytest.mark.parametrize("mode", [("-d",), ("--version",), ("--show", "lepton_base"), ()], ids=" ".join)
def test_without_tomli_w(run, tmp_path, mode):
    shutil.copy(ROOT / "env_toml.py", tmp_path)
    copy(ROOT / "configs", tmp_path / "configs")
    done = run(*mode, script=tmp_path / "env_toml.py", flags=("-S", "-B"))
    assert_refused(done, "tomli", "pip install")
    assert files(tmp_path) == ["configs", "env_toml.py"]


def test_without_configs(run, tmp_path):
    shutil.copy(ROOT / "env_toml.py", tmp_path)
    copy(Path(tomli_w.__file__).parent, tmp_path / "tomli_w")
    assert_refused(run("-d", script=tmp_path / "env_toml.py", flags=("-S", "-B")), "lepton")


def test_the_head_of_the_script():
    first, *rest = (ROOT / "env_toml.py").read_text(encoding="utf-8").splitlines()
    assert first == "#!/usr/bin/env python3"
    block = "\n".join(line[2:] for line in rest[1 : rest.index("# ///")])
    assert rest[0] == "# /// script"
    assert read_toml(block) == {"requires-python": ">=3.9", "dependencies": ["tomli-w>=1.2"]}
    assert os.access(ROOT / "env_toml.py", os.R_OK)


# ---------------------------------------------------------------------------------- every Python


def pythons() -> dict[str, str]:
    """Map the versions of the CPythons at hand to their commands."""
    found = {"{}.{}".format(*sys.version_info): sys.executable}
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for command in sorted(root.glob("versions/3.*/bin/python")):
        if re.fullmatch(r"3\.\d+\.\d+", command.parts[-3]):
            found.setdefault(command.parts[-3].rpartition(".")[0], str(command))
    for minor in range(7, 30):
        command = shutil.which(f"python3.{minor}") or ""
        if command and "shims" not in command:
            found.setdefault(f"3.{minor}", command)
    return found


PYTHONS = pythons()
NEW = [version for version in PYTHONS if int(version[2:]) >= 9]
WITHOUT_TOMLLIB = [version for version in NEW if int(version[2:]) < 11]
OLD = [version for version in PYTHONS if version in ("3.7", "3.8")]
WHOLE = "import env_toml, json, sys; json.dump({c: env_toml.generate(c) for c in sys.argv[1:]}, sys.stdout)"


@pytest.mark.parametrize("version", NEW)
def test_every_python_writes_the_same_bytes(run, forms, version):
    done = run(
        "-c", WHOLE, *CONFIGS, script=None, flags=("-S", "-B"), python=PYTHONS[version], cwd=forms("folder").parent
    )
    assert done.returncode == 0
    assert json.loads(done.stdout) == {config: env_toml.generate(config) for config in CONFIGS}


@pytest.mark.parametrize("version", NEW)
def test_every_python_runs_the_script(run, tmp_path, forms, version):
    options = {"script": forms("folder"), "flags": ("-S", "-B"), "python": PYTHONS[version]}
    assert run("-c", "lepton", "output_path=env.toml", **options).returncode == 0
    assert body((tmp_path / "env.toml").read_text(encoding="utf-8")) == body(env_toml.generate("lepton"))
    assert run("-c", "lepton", "output_path=env.toml", "--check", **options).returncode == 0
    assert_refused(run("-c", "lepton", "output_path=env.toml", **options), "force=true")


def parameters(versions: list[str], wanted: str) -> list:
    missing = pytest.param("", marks=pytest.mark.skip(reason=f"needs {wanted}, none is at hand"))
    return list(versions) or [missing]


@pytest.mark.parametrize("version", parameters(WITHOUT_TOMLLIB, "Python 3.9 or 3.10"))
@pytest.mark.parametrize("words", [("--lint", "site.toml"), ("-c", "./site.toml", "-d")], ids=" ".join)
def test_toml_needs_python_3_11(run, tmp_path, forms, version, words):
    (tmp_path / "site.toml").write_text('defaults = "slurm"\n')
    done = run(*words, script=forms("folder"), flags=("-S", "-B"), python=PYTHONS[version])
    assert_refused(done, "3.11", "site.toml")


@pytest.mark.parametrize("version", parameters(OLD, "Python 3.7 or 3.8"))
@pytest.mark.parametrize("words", [(), ("--help",), ("--list",), ("--bogus",)], ids=" ".join)
def test_an_old_python_is_told_which_it_needs(run, tmp_path, forms, version, words):
    done = run(*words, script=forms("folder"), flags=("-S", "-B"), python=PYTHONS[version])
    assert_refused(done, "3.9")
    assert files(tmp_path) == []


# ------------------------------------------------------------------ a zip that was not built


def zipped(tmp_path, folder):
    with zipfile.ZipFile(tmp_path / "all.pyz", "w") as archive:
        archive.writestr(f"{folder}/site.json", '{"description": "from a zip"}')
        archive.writestr("other/slurm.json", "")
    return str(tmp_path / "all.pyz")


@pytest.mark.parametrize("folder", env_toml.CONFIG_FOLDERS)
def test_configs_in_a_zip(tmp_path, monkeypatch, folder):
    archive = zipped(tmp_path, folder)
    read = SimpleNamespace(
        archive=archive, get_data=lambda path: zipfile.ZipFile(archive).read(path[len(archive) + 1 :])
    )
    monkeypatch.setattr(env_toml, "__loader__", read)
    monkeypatch.setattr(env_toml, "HERE", archive)
    assert env_toml.bundled_configs() == {"site": f"{archive}/{folder}/site.json"}
    assert env_toml.load_layers("site")[0].content == {"description": "from a zip"}


def test_no_configs_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(env_toml, "HERE", str(tmp_path))
    assert env_toml.bundled_configs() == {}
    assert_says(refusal(env_toml.generate, "slurm"), ["slurm: no such config"])
