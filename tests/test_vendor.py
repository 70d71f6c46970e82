"""The forms a site copies: a folder, `pip install --target`, one zipapp; and every Python at hand."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import importlib.util
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
from cli import CONFIGS, PLAIN_USER, ROOT, assert_refused, can, copy_program, files, read_toml
from helpers import assert_says, plain_and_thorough, refusal, text_of

import env_toml

ALONE = ("-E", "-s", "-S", "-B")  # nothing but the standard library and what lies beside the script
FORMS = ("folder", "target", "zipapp")


def copy(source: Path, to: Path) -> None:
    shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__", "*.so"))


def build_folder(place: Path) -> Path:
    """What a person copies by hand."""
    script = copy_program(place)
    copy(Path(tomli_w.__file__).parent, place / "tomli_w")
    return script


def build_target(place: Path) -> Path:
    """What `pip install --target` puts there, and tomli_w, without asking the index for it."""
    pip = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-compile",
            "--target",
            place,
            ROOT,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if "No module named pip" in pip.stderr:
        pytest.skip("needs pip")
    if re.search(r"No matching distribution found for hatchling|NewConnectionError", pip.stderr):
        pytest.skip("needs hatchling, which builds the package, from the package index")
    assert pip.returncode == 0, pip.stderr
    copy(Path(tomli_w.__file__).parent, place / "tomli_w")
    return place / "env_toml.py"


def build_zipapp(place: Path, target: Path) -> Path:
    archive = place / "env_toml.pyz"
    subprocess.run(
        [sys.executable, "-m", "zipapp", target.parent, "-m", "env_toml:main", "-o", archive],
        check=True,
        timeout=60,
    )
    return archive


@pytest.fixture(scope="session")
def forms(tmp_path_factory):
    """Return where each form is; each is built once, by the first of all workers that asks for it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    builds = {
        "folder": build_folder,
        "target": build_target,
        "zipapp": lambda place: build_zipapp(place, built("target")),
    }

    @functools.cache
    def built(form: str) -> Path:
        place = shared / f"the form {form}"  # with blanks, as in many a person's folders
        with open(shared / f"{form}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = shared / f"{form}.done"
            if not done.exists():
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir()
                done.write_text(str(builds[form](place)))
        return Path(done.read_text())

    return built


@pytest.fixture(params=plain_and_thorough(FORMS, "folder"))
def form(request, forms):
    return forms(request.param)


# ------------------------------------------------------------------------------------ every form


def test_it_writes_the_same_file_from_anywhere(run, tmp_path, form):
    words = ("-c", "slurm", "sections.slurm_base.account=x", "output_path=env.toml")
    done = run(*words, script=form, flags=ALONE)
    assert (done.returncode, done.stderr) == (0, "")
    assert files(tmp_path) == ["env.toml"]
    assert (tmp_path / "env.toml").read_text(encoding="utf-8") == text_of("slurm", *words[2:])


def test_it_runs_isolated(run, form):
    """With -I Python leaves out the script's own folder, and tomli_w lies there."""
    done = run("-c", "slurm", "-d", script=form, flags=("-I", "-S", "-B"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == text_of("slurm")


def test_it_lists_its_configs(run, form):
    done = run("--list", script=form, flags=ALONE)
    assert done.returncode == 0
    assert sorted(line.split()[0] for line in done.stdout.splitlines()) == sorted(CONFIGS)


WHOLE = "import env_toml, json, sys; json.dump({c: env_toml.generate(c) for c in sys.argv[1:]}, sys.stdout)"


def paths(form: Path) -> dict[str, str]:
    """Return the environment in which a form can be imported."""
    return {"PYTHONPATH": str(form if form.suffix == ".pyz" else form.parent)}


def test_it_has_every_config(run, form):
    done = run("-c", WHOLE, *CONFIGS, script=None, flags=("-S", "-B"), env=paths(form))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {config: text_of(config) for config in CONFIGS}


def digests(text: str) -> dict[str, str]:
    """Return the digest of each file that --version tells, by its name without folder."""
    return {
        os.path.basename(name): digest
        for digest, name in (line.split() for line in text.splitlines()[1:])
    }


def test_its_version_tells_the_same_digests(run, form):
    told = digests(run("--version", script=form, flags=ALONE).stdout)
    assert told == digests(run("--version").stdout)
    assert told["env_toml.py"] == hashlib.sha256((ROOT / "env_toml.py").read_bytes()).hexdigest()
    assert told.keys() >= {"env_toml.py", *(f"{config}.json" for config in CONFIGS)}


@pytest.mark.parametrize("name", ["env_toml.py", "configs/slurm.json"])
def test_a_changed_copy_tells_another_digest(run, tmp_path, name):
    build_folder(tmp_path)
    with open(tmp_path / name, "a") as changed:
        changed.write("\n")
    done = run("--version", script=tmp_path / "env_toml.py")
    assert done.returncode == 0
    there, here = digests(done.stdout), digests(run("--version").stdout)
    assert [other for other in here if here[other] != there[other]] == [os.path.basename(name)]


@pytest.mark.parametrize("words", [["-c", "nowhere"], ["sections.lepton_base.nodes=two"]])
def test_errors_have_status_2(run, tmp_path, form, words):
    assert_refused(run(*words, script=form, flags=ALONE))
    assert files(tmp_path) == []


def test_a_site_config_builds_on_a_bundled_one(run, tmp_path, form):
    (tmp_path / "site.json").write_text(
        '{"defaults": "slurm", "sections": {"slurm_base": {"account": "acme"}}}'
    )
    done = run("-c", "site.json", "-d", script=form, flags=ALONE)
    assert done.returncode == 0
    assert read_toml(done.stdout)["slurm_curate"]["account"] == "acme"


def test_check_has_status_1(run, form):
    done = run("-c", "slurm", "--check", script=form, flags=ALONE)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("env.slurm.toml does not exist")


@pytest.mark.skipif(
    not can(*PLAIN_USER, "true"), reason="needs setpriv to give up root's capabilities"
)
def test_a_read_only_copy(run, tmp_path, form):
    root = form.parent
    for path in [root, *root.rglob("*")]:
        path.chmod(path.stat().st_mode & 0o555)
    before = files(root)
    try:
        done = run(
            "-c", "slurm", script=form, flags=ALONE[:-1], prefix=PLAIN_USER, env={"HOME": None}
        )
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
    done = run(
        "-c", "slurm", script=form, flags=ALONE, prefix=prefix, env={"HOME": None, "PATH": None}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert files(tmp_path) == ["env.slurm.toml"]


# ------------------------------------------------------------------------------- one form or other


def test_as_a_module(run, tmp_path, forms):
    folder = forms("folder").parent
    words = ("-m", "env_toml", "-c", "slurm", f"output_path={tmp_path / 'env.toml'}")
    done = run(*words, script=None, flags=("-S", "-B"), cwd=folder)
    assert done.returncode == 0
    wanted = text_of("slurm", *words[4:])
    assert (tmp_path / "env.toml").read_text(encoding="utf-8") == wanted


def test_as_a_library(run, forms):
    program = "import env_toml; print(env_toml.generate('slurm', ['sections.slurm_base.account=x']), end='')"
    done = run("-c", program, script=None, flags=("-S", "-B"), cwd=forms("folder").parent)
    assert (done.returncode, done.stdout) == (
        0,
        env_toml.generate("slurm", ["sections.slurm_base.account=x"]),
    )


def test_through_a_link(run, tmp_path, forms):
    (tmp_path / "env-toml").symlink_to(forms("folder"))
    done = run("-c", "slurm", "-d", script=tmp_path / "env-toml", flags=("-S", "-B"))
    assert (done.returncode, done.stdout) == (0, text_of("slurm"))


@pytest.mark.thorough
def test_the_installed_command(run, forms):
    target = forms("target").parent
    command = target / "bin" / "env-toml"
    done = run(
        "-c", "slurm", "-d", script=command, flags=("-S", "-B"), env={"PYTHONPATH": str(target)}
    )
    assert (done.returncode, done.stdout) == (0, text_of("slurm"))


@pytest.mark.thorough
def test_what_is_installed(forms):
    installed = {name for name in files(forms("target").parent) if not name.endswith(".dist-info")}
    assert installed == {"bin", "env_toml.py", "env_toml_configs", "tomli_w"}
    assert files(forms("target").parent / "env_toml_configs") == files(ROOT / "configs")


@pytest.mark.parametrize(
    "mode", plain_and_thorough([("-d",), ("--version",), ()], ("-d",)), ids=" ".join
)
def test_without_tomli_w(run, tmp_path, mode):
    script = copy_program(tmp_path)
    done = run(*mode, script=script, flags=("-S", "-B"))
    assert_refused(
        done, "tomli_w", "pip install tomli-w", f"copy its folder tomli_w into {tmp_path}"
    )
    assert files(tmp_path) == ["configs", "env_toml.py"]


@pytest.mark.parametrize(
    "mode", plain_and_thorough([("-d",), ("--version",)], ("-d",)), ids=" ".join
)
def test_with_a_folder_tomli_w_that_has_no_files(run, tmp_path, mode):
    """Python takes it for a package."""
    script = copy_program(tmp_path)
    (tmp_path / "tomli_w").mkdir()
    done = run(*mode, script=script, flags=("-S", "-B"))
    assert_refused(done, "the module tomli_w is missing or cannot be read")


@pytest.mark.parametrize(
    "mode", plain_and_thorough([("-d",), ("--list",), ("--version",)], ("-d",)), ids=" ".join
)
def test_without_configs(run, tmp_path, mode):
    script = build_folder(tmp_path)
    shutil.rmtree(tmp_path / "configs")
    assert_refused(
        run(*mode, script=script, flags=("-S", "-B")), f"copy the folder configs into {tmp_path}"
    )


def test_the_head_of_the_script():
    first, *rest = (ROOT / "env_toml.py").read_text(encoding="utf-8").splitlines()
    assert first == "#!/usr/bin/env python3"
    assert rest[0] == "# /// script"
    block = read_toml("\n".join(line[2:] for line in rest[1 : rest.index("# ///")]))
    project = read_toml(ROOT / "pyproject.toml")["project"]
    assert block == {key: project[key] for key in ("requires-python", "dependencies")}
    assert block["requires-python"] == ">=3.9"
    assert [name.partition(">=")[0] for name in block["dependencies"]] == ["tomli-w"]
    assert "# SPDX-License-Identifier: Apache-2.0" in rest[:8]
    assert os.access(ROOT / "env_toml.py", os.X_OK)


def test_the_version_of_tomli_w_that_is_asked_for_is_one_that_works():
    (asked,) = read_toml(ROOT / "pyproject.toml")["project"]["dependencies"]
    least = tuple(map(int, asked.partition(">=")[2].split(".")))
    assert tuple(map(int, re.findall("[0-9]+", tomli_w.__version__)))[: len(least)] >= least


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
KNOWN = [f"3.{minor}" for minor in range(9, 15)]  # those that this release is made for
OLDEST = KNOWN[0]


def parameters(wanted: list[str], plain: str = OLDEST) -> list:
    """Return the wanted versions, of which a plain run takes one; one not at hand is skipped."""
    found = []
    for version in wanted:
        missing = pytest.mark.skipif(
            version not in PYTHONS, reason=f"needs CPython {version}, which is not at hand"
        )
        marks = [missing] if version == plain else [missing, pytest.mark.thorough]
        found.append(pytest.param(version, marks=marks))
    return found


NEW = parameters([*KNOWN, *(version for version in PYTHONS if int(version[2:]) >= 15)])
WITHOUT_TOMLLIB = parameters(["3.9", "3.10"])
OLD = parameters(["3.7", "3.8"], plain="3.8")


@pytest.mark.parametrize("version", NEW)
def test_every_python_writes_the_same_bytes(run, forms, version):
    folder = forms("folder").parent
    done = run(
        "-c", WHOLE, *CONFIGS, script=None, flags=("-S", "-B"), python=PYTHONS[version], cwd=folder
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {config: text_of(config) for config in CONFIGS}


@pytest.mark.parametrize("version", NEW)
def test_every_python_runs_the_script(run, tmp_path, forms, version):
    options = {"script": forms("folder"), "flags": ("-S", "-B"), "python": PYTHONS[version]}
    words = ("-c", "lepton", "output_path=env.toml")
    assert run(*words, **options).returncode == 0
    assert (tmp_path / "env.toml").read_text(encoding="utf-8") == text_of("lepton", *words[2:])
    assert run(*words, "--check", **options).returncode == 0
    assert_refused(run(*words, **options), "force=true")


@pytest.mark.parametrize("version", WITHOUT_TOMLLIB)
def test_toml_needs_python_3_11_or_tomli(run, tmp_path, forms, version):
    (tmp_path / "site.toml").write_text('defaults = "slurm"\n')
    told = ("site.toml", "3.11", "pip install tomli", "copy its folder tomli")
    for words in (
        ("--lint", "site.toml"),
        ("-c", "./site.toml", "-d"),
        ("-c", "slurm", "--edits", "site.toml"),
    ):
        done = run(*words, script=forms("folder"), flags=("-S", "-B"), python=PYTHONS[version])
        assert_refused(done, *told)
    (tmp_path / "copied").mkdir()
    script = build_folder(tmp_path / "copied")
    (tmp_path / "copied" / "tomli").mkdir()  # a folder without its files is no tomli
    done = run("--lint", "site.toml", script=script, flags=("-S", "-B"), python=PYTHONS[version])
    assert_refused(done, *told)


def find_tomli() -> Path:
    """Return the folder of a tomli in plain Python: one that is installed, or that of pip."""
    for name in ("tomli", "pip._vendor.tomli", "setuptools._vendor.tomli"):
        try:
            found = importlib.util.find_spec(name)
        except ImportError:
            continue
        if found and found.origin:
            return Path(found.origin).parent
    return pytest.skip("needs tomli, of its own or in pip")


@pytest.mark.parametrize("version", WITHOUT_TOMLLIB)
def test_tomli_copied_beside_reads_toml(run, tmp_path, version):
    (tmp_path / "copied").mkdir()
    script = build_folder(tmp_path / "copied")
    copy(find_tomli(), tmp_path / "copied" / "tomli")
    options = {"script": script, "flags": ("-I", "-S", "-B"), "python": PYTHONS[version]}
    (tmp_path / "site.toml").write_text(
        'defaults = "slurm"\n[sections.slurm_base]\naccount = "acme"\n'
    )
    assert run("-c", "./site.toml", "output_path=env.toml", **options).returncode == 0
    assert read_toml(tmp_path / "env.toml")["slurm_curate"]["account"] == "acme"
    assert run("--lint", "env.toml", **options).stdout == "env.toml: no errors\n"
    assert json.loads(run("-c", "slurm", "--edits", "env.toml", **options).stdout)["sections"] == {
        "slurm_base": {"account": "acme"}
    }
    (tmp_path / "hand.toml").write_text("[p\n")
    assert_refused(run("--lint", "hand.toml", **options), "hand.toml", "line 1")


@pytest.mark.parametrize("version", OLD)
def test_an_old_python_is_told_which_it_needs(run, tmp_path, forms, version):
    for words in ((), ("--help",), ("--bogus",)):
        done = run(*words, script=forms("folder"), flags=("-S", "-B"), python=PYTHONS[version])
        assert_refused(done, "needs Python 3.9 or newer", version)
    assert files(tmp_path) == []


# ------------------------------------------------------------------ a zip that was not built


def zipped(tmp_path, folder):
    with zipfile.ZipFile(tmp_path / "all.pyz", "w") as archive:
        archive.writestr(f"{folder}/slurm.json", '{"description": "from a zip"}')
        archive.writestr("other/lepton.json", "")
    return str(tmp_path / "all.pyz")


@pytest.mark.parametrize("folder", env_toml.CONFIG_FOLDERS)
def test_configs_in_a_zip(tmp_path, monkeypatch, folder):
    archive = zipped(tmp_path, folder)
    read = SimpleNamespace(
        archive=archive,
        get_data=lambda path: zipfile.ZipFile(archive).read(path[len(archive) + 1 :]),
    )
    monkeypatch.setattr(env_toml, "__loader__", read)
    monkeypatch.setattr(env_toml, "HERE", archive)
    assert env_toml.list_configs() == {"slurm": f"{archive}/{folder}/slurm.json"}
    (layer,) = env_toml.load_layers("slurm", env_toml.Report())
    assert (layer.name, layer.bundled, layer.content) == (
        "slurm",
        True,
        {"description": "from a zip"},
    )


def test_no_configs_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(env_toml, "HERE", str(tmp_path))
    told = [f"copy the folder configs into {tmp_path}"]
    assert_says(refusal(env_toml.list_configs), told)
    assert_says(refusal(env_toml.generate, "slurm"), told)
