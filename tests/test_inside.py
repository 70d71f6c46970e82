"""The golden outputs once more without a process of their own, and what only a look inside can reach."""

from __future__ import annotations

import io
import json
import runpy
import sys
import zipfile
from types import SimpleNamespace

import golden
import pytest

import env_toml


@pytest.fixture
def call(clean, capsys):
    """Run env_toml.main in this process; return its exit status and what it printed."""

    def call(*words):
        with pytest.raises(SystemExit) as ended:
            env_toml.main(list(words))
        return {"exit": ended.value.code, **dict(zip(("out", "err"), map(golden.mask, capsys.readouterr())))}

    return call


def refusal(function, *args):
    with pytest.raises(env_toml.EnvTomlError) as caught:
        function(*args)
    return str(caught.value)


@pytest.mark.parametrize("name", [name for name, case in golden.CASES.items() if "PYTHONIOENCODING" not in str(case)])
def test_output(call, tmp_path, monkeypatch, name):
    case = golden.CASES[name]
    if golden.missing(case):
        pytest.skip(golden.missing(case))
    for file, text in case.get("files", {}).items():
        (tmp_path / file).write_bytes(text.encode("utf-8", "surrogateescape"))
    for variable, value in case.get("env", {}).items():
        monkeypatch.setenv(variable, value)
    for words in case.get("before", ()):
        assert call(*words)["exit"] == 0
    assert call(*case["run"]) == golden.expected(name)


@pytest.mark.parametrize(("module", "words"), [("tomli_w", ["-d"]), ("tomllib", ["--lint", "x.toml"])])
def test_a_missing_module_is_one_line(call, tmp_path, monkeypatch, module, words):
    (tmp_path / "x.toml").write_text("")
    monkeypatch.setitem(sys.modules, module, None)
    said = call(*words)
    assert (said["exit"], said["out"]) == (2, "")
    assert module in said["err"]
    assert said["err"].count("\n") == 1


def test_an_old_python_is_one_line(call, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    said = call("-d")
    assert said == {"exit": 2, "out": "", "err": "error: env_toml needs Python 3.9 or newer, this is 3.8\n"}


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
    assert "slurm: no such config" in refusal(env_toml.generate, "slurm")


def test_a_file_that_is_gone_before_it_is_read(tmp_path):
    assert refusal(env_toml._read_text, str(tmp_path / "gone"), "gone") == "gone: No such file or directory"


class Full(io.StringIO):
    """A stream on a full disk."""

    def flush(self):
        raise OSError(28, "No space left on device")

    def fileno(self):
        return self.descriptor


@pytest.fixture
def full(tmp_path):
    stream = Full()
    with open(tmp_path / "stream", "w") as file:
        stream.descriptor = file.fileno()
        yield stream


def test_a_full_disk_below_standard_output(clean, monkeypatch, capsys, full):
    monkeypatch.setattr(sys, "stdout", full)
    with pytest.raises(SystemExit) as ended:
        env_toml.main(["--list"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: standard output: No space left on device\n"


@pytest.mark.parametrize(("words", "status"), [(["--list"], 0), (["-c", "slurm", "--check"], 1)])
def test_a_closed_pipe_keeps_the_status(clean, monkeypatch, capsys, full, words, status):
    monkeypatch.setattr(full, "flush", lambda: (_ for _ in ()).throw(BrokenPipeError))
    monkeypatch.setattr(sys, "stdout", full)
    with pytest.raises(SystemExit) as ended:
        env_toml.main(words)
    assert (ended.value.code, capsys.readouterr().err) == (status, "")


@pytest.mark.parametrize("broken", ["full", "closed"])
def test_findings_that_cannot_be_told(clean, monkeypatch, capsys, full, broken):
    monkeypatch.setattr(sys, "stderr", full if broken == "full" else None)
    with pytest.raises(SystemExit) as ended:
        env_toml.main(["force=maybe"])
    assert (ended.value.code, capsys.readouterr().out) == (2, "")


def test_the_script_itself(clean, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["env_toml.py", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(env_toml.__file__, run_name="__main__")
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert out.startswith(f"env_toml {env_toml.__version__} ("), out


@pytest.mark.parametrize(
    ("config", "fragments"),
    [
        ('{"sections": {"p": {"x": ' + "[" * 70 + "]" * 70 + "}}}", ["nested more than 64 deep", "site.json"]),
        (
            '{"defaults": "slurm", "sections": {"slurm_base": {"mounts": {"a": 1}}}}',
            ["a table over a list", "site.json"],
        ),
    ],
)
def test_a_config_that_cannot_be_merged(tmp_path, config, fragments):
    (tmp_path / "site.json").write_text(config)
    message = refusal(env_toml.generate, str(tmp_path / "site.json"))
    assert [text for text in fragments if text not in message] == [], message


def test_a_folder_is_no_file_to_write(tmp_path):
    assert "not a regular file" in refusal(env_toml.write, str(tmp_path), "x", True)


def test_modes_that_print_a_tree_in_any_encoding(clean, monkeypatch):
    for encoding, corner in (("utf-8", "└─ "), ("ascii", "`- "), ("latin-1", "`- ")):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr(sys, "stdout", stream)
        with pytest.raises(SystemExit):
            env_toml.main(["-c", "slurm", "--tree"])
        text = stream.buffer.getvalue().decode()
        assert corner in text, (encoding, text)


@pytest.mark.parametrize("path", ["", "folder/", "a\0b", "${oc.env:HOME}/env.toml", "~nobody-of-this-name/env.toml"])
def test_a_path_that_is_no_file(call, tmp_path, path):
    (tmp_path / "site.json").write_text(json.dumps({"defaults": "slurm", "output_path": path}))
    said = call("-c", "site.json")
    assert said == {"exit": 2, "out": "", "err": f"error: output_path: expected the path of a file, found {path!r}\n"}


def test_a_private_file_that_is_unchanged_is_closed_to_others(tmp_path):
    target = tmp_path / "env.toml"
    target.write_text("x")
    target.chmod(0o644)
    assert env_toml.write(str(target), "x", force=True, private=True) == "unchanged"
    assert oct(target.stat().st_mode & 0o777) == "0o600"


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "afile").write_text("")
    assert "afile is a file, not a folder" in refusal(env_toml.write, str(tmp_path / "afile" / "x.toml"), "x", True)


def test_an_option_that_stands_twice(call):
    assert call("-c", "slurm", "-d", "--config", "lepton") == {
        "exit": 2,
        "out": "",
        "err": "error: --config stands twice; --help shows the usage\n",
    }


def test_a_word_for_another_cluster_is_a_warning(call):
    said = call("-d", "sections.slurm_base.account=x")
    assert said["exit"] == 0
    assert said["err"] == (
        "warning: slurm_base: unknown profile 'slurm_base' (a new profile needs extends or executor)"
        " (in sections.slurm_base.account=x)\n"
    )


PLACEHOLDER = "sections.slurm_base.mounts=..."


@pytest.mark.parametrize(
    ("config", "words", "asked"),
    [
        ({}, [], True),
        ({}, ["sections.slurm_base.mounts=[/lustre:/lustre]"], False),
        ({}, ["sections.slurm_base.mounts.0=/fs:/fs"], False),
        ({}, ["sections.slurm_base={mounts: [/fs:/fs]}"], False),
        ({}, ["sections.slurm_base={nodes: 2}"], True),
        ({"sections": {"slurm_base": {"mounts": ["/lustre:/lustre"]}}}, [], False),
        (
            {
                "sections": {"slurm_base": {"mounts": ["/fs:/fs"]}},
                "checks": {"site_values": {"slurm_base.mounts": "yours"}},
            },
            [],
            True,
        ),
        ({"checks": {"site_values": {"slurm_base.mounts": None}}}, [], False),
    ],
)
def test_a_site_value_is_asked_for_until_someone_sets_it(call, tmp_path, config, words, asked):
    (tmp_path / "site.json").write_text(json.dumps({"defaults": "slurm", **config}))
    out = call("-c", "site.json", *words)["out"]
    assert (PLACEHOLDER in out) == asked, out


def test_an_empty_site_value_is_still_asked_for(call):
    assert "sections.slurm_base.account=..." in call("-c", "slurm", "sections.slurm_base.account=")["out"]
