"""The golden outputs once more without a process of their own, and what only a look inside can reach."""

from __future__ import annotations

import io
import json
import os
import re
import runpy
import sys
import zipfile
from types import SimpleNamespace

import cli
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
    statuses = []
    monkeypatch.setattr(os, "_exit", statuses.append)
    for words in (["--version"], ["force=maybe"]):
        monkeypatch.setattr(sys, "argv", ["env_toml.py", *words])
        runpy.run_path(env_toml.__file__, run_name="__main__")
    said = capsys.readouterr()
    assert statuses == [0, 2]
    assert said.out.startswith(f"env_toml {env_toml.__version__} ("), said.out
    assert "force" in said.err


@pytest.mark.parametrize(
    ("config", "fragments"),
    [
        ('{"sections": {"p": {"x": ' + "[" * 70 + "]" * 70 + "}}}", ["nested more than 64 deep", "site.json"]),
        (
            '{"preamble": null, "sections": {"p": {"x": ' + "[" * 600 + "]" * 600 + "}}}",
            ["nested more than 64 deep", "site.json"],
        ),
        (
            '{"defaults": "slurm", "sections": {"slurm_base": {"mounts": {"a": 1}}}}',
            ["a table over a list", "site.json"],
        ),
        (
            '{"defaults": "slurm", "sections": {"slurm_base": {"mounts": {"a": 1}, "account": null}}}',
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


@pytest.mark.parametrize(
    "path", ["", "folder/", "folder/-", "a\0b", "${oc.env:HOME}/env.toml", "~nobody-of-this-name/env.toml"]
)
def test_a_path_that_is_no_file(call, tmp_path, path):
    (tmp_path / "site.json").write_text(json.dumps({"defaults": "slurm", "output_path": path}))
    said = call("-c", "site.json")
    wanted = f"error: output_path: expected the path of a file, found {path!r} (in site.json)\n"
    assert said == {"exit": 2, "out": "", "err": wanted}


@pytest.mark.parametrize("words", [[], ["--check", "output_path=-"]], ids=["none", "standard output"])
def test_no_path_to_write_to_or_compare_with(call, tmp_path, words):
    (tmp_path / "site.json").write_text('{"sections": {"a": {"executor": "local"}}}')
    wanted = "error: output_path: expected the path of a file, as in output_path=env.toml\n"
    assert call("-c", "site.json", *words) == {"exit": 2, "out": "", "err": wanted}


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
        "warning: slurm_base: neither extends nor executor: no step runs with it"
        " (-c names the config of another cluster) (in sections.slurm_base.account=x)\n"
    )


PLACEHOLDER = "sections.slurm_base.mounts"


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
        ({"checks": {"site_values": {"slurm_base.mounts": None, "slurm_base.mounts[0]": "yours"}}}, [], True),
    ],
)
def test_a_site_value_is_asked_for_until_someone_sets_it(call, tmp_path, config, words, asked):
    (tmp_path / "site.json").write_text(json.dumps({"defaults": "slurm", **config}))
    out = call("-c", "site.json", *words)["out"]
    assert (PLACEHOLDER in out) == asked, out


def test_an_empty_site_value_is_still_asked_for(call):
    assert "sections.slurm_base.account=..." in call("-c", "slurm", "sections.slurm_base.account=")["out"]


# Each of these once ended in a traceback, a leak, a lost word or a file that meant something else.

REFUSED = [
    (["sections.new=${a}"], "sections.new", "expected a table"),
    (["sections.cli=${a}"], "cli", "expected a table"),
    (["sections=${a}"], "sections", "expected a table of profiles"),
    (
        ["sections.slurm_curate.x." + ".".join("a" * 58) + "={b: {c: {d: {e: 1}}}}"],
        "slurm_curate.x.a",
        "nested more than 64 deep",
    ),
    (["sections.slurm_base.env_vars=HF_TOKEN=hunter2"], "slurm_base.env_vars", "expected a table"),
    (["sections.slurm_base.env_vars.HF_TOKEN:hunter2"], "HF_TOKEN", "is not KEY=VALUE"),
    (['sections.slurm_base.env_vars={"HF_\\u0054OKEN": "hunter2"}'], "HF_TOKEN", "a literal secret"),
    (["sections.slurm_base.env_vars.A_TOKEN={x: 1}", "sections.slurm_base.x_token=1.5"], "x_token", "a literal secret"),
    (["sections.slurm_base.account.x=1"], "slurm_base.account.x", "expected a table or list before 'x'"),
    (["sections.slurm_base.mounts=${oc.env:M}", "sections.slurm_base.mounts+=/a:/b"], "mounts", "+= appends to a list"),
    (["sections.slurm_base.launcher+=x"], "slurm_base.launcher", "+= appends to a list, found a string"),
    (["sections.slurm_curate={nodes: two}"], "slurm_curate.nodes:", "expected an integer of at least 1, found 'two'"),
    (
        ["sections={slurm_curate: {nodes: two}}"],
        "slurm_curate.nodes:",
        "expected an integer of at least 1, found 'two'",
    ),
    (["sections.artifact.x=y"], "artifact", "did you mean artifacts?"),
]


@pytest.mark.parametrize(("words", "place", "fragment"), REFUSED, ids=[words[-1][:60] for words, _, _ in REFUSED])
def test_it_is_refused(words, place, fragment):
    message = refusal(env_toml.generate, "slurm", words)
    assert place.removeprefix("sections.") in message
    assert fragment in message
    assert "hunter2" not in message


def test_a_config_name_that_is_a_word_is_masked(call):
    said = call("-c", "sections.slurm_base.env_vars.HF_TOKEN=hunter2")
    assert said["exit"] == 2
    assert "hunter2" not in said["err"], said


@pytest.mark.parametrize(
    ("words", "place", "wanted"),
    [
        (["sections.slurm_base.nodes=2", "sections.slurm_base={nodes: 4}"], "slurm_base.nodes", 4),
        (["sections.wandb.entity=x", "sections.wandb={entity: y}"], "wandb.entity", "y"),
        (["sections.slurm_base.pvcs+={name: a, x: null}"], "slurm_base.pvcs", [{"name": "a"}]),
        (["sections.n.mounts+=/a:/b", "sections.n.extends=slurm_base"], "n.mounts", ["/lustre:/lustre", "/a:/b"]),
    ],
)
def test_no_word_is_lost(words, place, wanted):
    value = cli.read_toml(env_toml.generate("slurm", words))
    for key in place.split("."):
        value = value[key]
    assert value == wanted


def test_a_profile_that_is_dropped_after_its_words_is_gone():
    words = ["sections.slurm_curate.nodes=3", "sections.slurm_curate=null"]
    assert "slurm_curate: a required profile is missing (in sections.slurm_curate=null)" in refusal(
        env_toml.generate, "slurm", words
    )


HOSTILE = [
    'sections.slurm_curate.startup_commands=["export HF_TOKEN=$(cat /x), y", "a\u2028b"]',
    "sections.slurm_curate.secret_vars.HF_TOKEN=my-secret",
    "sections.slurm_curate.custom_spec.USE_TOKEN=true",
    "checks.allow_literal_secrets=true",
]


@pytest.mark.parametrize("words", [["--show", "slurm_curate"], ["-d"]])
def test_what_is_printed_is_toml_and_equals_the_file_but_for_secrets(call, words):
    secrets = [
        "sections.slurm_curate.env_vars.MY_TOKEN=hunter2",
        "sections.slurm_curate.x={A_TOKEN: [{b: c}, hunter2]}",
    ]
    out = call("-c", "slurm", *words, *HOSTILE, *secrets)["out"]
    wanted = cli.read_toml(env_toml.generate("slurm", [*HOSTILE, *secrets]))["slurm_curate"]
    wanted["env_vars"]["MY_TOKEN"] = "***"
    wanted["x"]["A_TOKEN"][1] = "***"
    assert cli.read_toml(out)["slurm_curate"] == wanted, out


def test_show_names_the_override_only_where_it_is(call):
    out = call("-c", "slurm", "--show", "slurm_base", "sections.slurm_base={nodes: 4}")["out"]
    assert [line for line in out.splitlines() if "override" in line] == ["nodes = 4  # override of slurm_base"]


def test_a_table_word_on_a_profile_warns_of_heirs_too(call):
    for word in ("sections.slurm_base.container_image=x", "sections.slurm_base={container_image: x}"):
        assert "slurm_base.container_image: 23 of 32 heirs set their own" in call("-c", "slurm", "-d", word)["err"]


def test_a_tree_of_profiles_without_steps_or_without_profiles(call, tmp_path):
    assert "slurm_prep_sft_packing" in call("-c", "slurm", "--tree", "steps.slurm_prep_sft_packing=[]")["out"]
    (tmp_path / "w.json").write_text('{"sections": {"wandb": {"a": 1}}}')
    assert call("-c", "w.json", "--tree")["out"] == "profile  nodes x GPUs, steps\n"


def test_names_with_dots_are_names(call, tmp_path):
    checks = {"recommended_min_nodes": {"a.b": 2}}
    (tmp_path / "site.json").write_text(
        json.dumps({"sections": {"a.b": {"executor": "local", "nodes": 1}}, "checks": checks})
    )
    assert call("-c", "site.json", "-d")["err"].startswith("warning: a.b.nodes: 1 of at least 2"), "only the warning"


def test_a_masked_difference_is_a_difference(call, tmp_path):
    config = {"sections": {"a": {"executor": "local", "x": {"HF_TOKEN": 5}}}, "checks": {"allow_literal_secrets": True}}
    (tmp_path / "site.json").write_text(json.dumps({**config, "output_path": "t.toml"}))
    assert call("-c", "site.json")["exit"] == 0
    (tmp_path / "t.toml").write_text((tmp_path / "t.toml").read_text().replace("HF_TOKEN = 5", 'HF_TOKEN = "5"'))
    said = call("-c", "site.json", "--check")
    assert said["exit"] == 1
    assert said["out"], "a difference is shown"


def test_a_new_parent_is_no_value_that_heirs_could_miss(call):
    assert call("-c", "slurm", "-d", "sections.slurm_prep_base.extends=slurm_curator_base")["err"] == ""


def test_a_value_in_the_place_of_a_profile_is_shown(tmp_path):
    (tmp_path / "site.json").write_text('{"sections": {"a": 17}}')
    message = refusal(env_toml.generate, str(tmp_path / "site.json"))
    assert "a: expected a table, found 17" in message


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["checks.required_profiles+=zz"],
            "error: zz: a required profile is missing (in checks.required_profiles+=zz)",
        ),
        (
            ["checks.recommended_min_nodes.slurm_curate=9"],
            "warning: slurm_curate.nodes: 1 of at least 9 recommended nodes"
            " (in checks.recommended_min_nodes.slurm_curate=9)",
        ),
    ],
)
def test_a_word_on_the_checks_is_named(call, words, line):
    assert call("-c", "slurm", "-d", *words)["err"] == f"{line}\n"


LAYERS = {
    "a.json": {"sections": {"p": {"executor": "slurm", "nodes": 1}}},
    "b.json": {"defaults": "a.json", "sections": {"p": {"nodes": 2}}},
    "slurm": {"sections": {"own": {"executor": "local"}}},
    "sub/x.json": {"defaults": "slurm"},
}


@pytest.mark.parametrize(
    ("defaults", "profile", "wanted"),
    [
        (["b.json", "a.json"], "p", 2),
        (["b.json", "./a.json"], "p", 2),
        (["slurm", "sub/x.json"], "slurm_base", 1),
    ],
)
def test_a_file_is_one_layer_however_it_is_named(tmp_path, monkeypatch, defaults, profile, wanted):
    (tmp_path / "sub").mkdir()
    for name, content in LAYERS.items():
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "m.json").write_text(json.dumps({"defaults": defaults}))
    monkeypatch.chdir(tmp_path)
    assert cli.read_toml(env_toml.generate("m.json"))[profile]["nodes"] == wanted


def test_a_base_of_many_is_read_once(tmp_path, monkeypatch):
    read = []
    text = env_toml._read_text
    monkeypatch.setattr(env_toml, "_read_text", lambda path, shown: read.append(shown) or text(path, shown))
    (tmp_path / "l0a.json").write_text('{"sections": {"p": {"executor": "local"}}}')
    (tmp_path / "l0b.json").write_text("{}")
    for level in range(1, 20):
        for side in "ab":
            below = [f"l{level - 1}a.json", f"l{level - 1}b.json"]
            (tmp_path / f"l{level}{side}.json").write_text(json.dumps({"defaults": below}))
    assert "[p]" in env_toml.generate(str(tmp_path / "l19a.json"))
    assert len(read) == 39


TOLD = [
    ({}, ["sections.site_bas.nodes=2"], "error: site_bas: unknown profile 'site_bas'; did you mean site_base?"),
    ({}, ["only[0]=pq"], "error: only[0]: there is no profile 'pq'; did you mean p? (in only[0]=pq)"),
    ({"nodes": 0}, ["sections.p={}"], "error: p.nodes: expected an integer of at least 1, found 0 (in site.json)"),
    (
        {},
        ["sections.p.time=12h", "sections.p+={a: 1}"],
        "error: p.time: expected a Slurm time (M, M:S, H:M:S, D-H, D-H:M, D-H:M:S or UNLIMITED), found '12h'"
        " (in sections.p.time=12h)",
    ),
    ({"x": float("1e300")}, ["sections.p.x=-1e999"], "error: p.x: expected a finite number, found -Infinity"),
    ({"x_token": ["hunter2"]}, [], "error: p.x_token[0]: a literal secret; write ${oc.env:x_token,''}"),
    ({}, ["sections.p={executor: null, extends: null}"], "warning: p: neither extends nor executor"),
    ({}, ["sections.HF_TOKEN=hunter2"], "error: HF_TOKEN: expected a table, found a value not shown"),
    ({}, ["checks.site_values={a..b: x}"], "error: checks.site_values.a..b: there is no profile 'a'"),
]


@pytest.mark.parametrize(("more", "words", "line"), TOLD, ids=[line[:60] for _, _, line in TOLD])
def test_what_is_told_of_a_site_config(call, tmp_path, more, words, line):
    profiles = {"site_base": {"account": "x"}, "p": {"extends": "site_base", "executor": "slurm", **more}}
    (tmp_path / "site.json").write_text(json.dumps({"sections": profiles}))
    err = call("-c", "site.json", "-d", *words)["err"]
    assert line in err
    assert "hunter2" not in err


def test_what_could_not_be_merged_is_all_that_is_told(call, tmp_path):
    sections = {"slurm_base": {"mounts": {"a": "b"}}, "p": {"extends": "slurm_base"}}
    (tmp_path / "site.json").write_text(json.dumps({"defaults": "slurm", "only": ["p"], "sections": sections}))
    err = call("-c", "site.json", "sections.p.nodes=2")["err"]
    assert err == "error: slurm_base.mounts: a table over a list (in site.json)\n"


@pytest.mark.parametrize(
    "word",
    [
        "sections.slurm_base.container_image={x: y}",
        "sections.slurm_base={container_image: x}",
        "sections.slurm_base={zzz: null, container_image: x}",
    ],
)
def test_text_like_a_table_is_missed_by_heirs_too(call, word):
    assert "slurm_base.container_image: 23 of 32 heirs set their own" in call("-c", "slurm", "-d", word)["err"]


def test_a_shipped_profile_without_a_parent_is_told(call):
    err = call("-c", "slurm", "-d", "sections.slurm_curate.extends=null")["err"]
    assert err.startswith("warning: slurm_curate: neither extends nor executor"), err


@pytest.mark.parametrize("text", ['[\n"hunter2",\n]', '["]", "hunter2"]', '"""\nhunter2\n"""', "'hunter2'"])
def test_a_difference_masks_what_was_written_by_hand(call, tmp_path, text):
    table = f'[p.env_vars]\nHF_TOKEN = {text}\nhf_token = {text}\nB_TOKEN = ""\nA = "kept"\n'
    (tmp_path / "e.toml").write_text(f'[p]\nexecutor="slurm"\n{table}')
    said = call("-c", "slurm", "--check", "output_path=e.toml")
    assert "hunter2" not in said["out"]
    assert '-HF_TOKEN = "***' in said["out"]
    assert '-B_TOKEN = ""\n-A = "kept"' in said["out"]


def test_the_name_of_a_secret_is_no_secret(call):
    word = "sections.slurm_curate.secret_vars.HF_TOKEN=my-secret"
    assert f"-c slurm {word}\n" in call("-c", "slurm", "-d", word)["out"]


def test_a_long_lineage_is_cut_short(tmp_path):
    sections = {f"p{number}": {"extends": f"p{number - 1}"} for number in range(1, 6)}
    (tmp_path / "site.json").write_text(json.dumps({"sections": {"p0": {"executor": "local"}, **sections}}))
    text = env_toml.generate(str(tmp_path / "site.json"))
    lineages = re.findall("^# (.* <- .*)$", text, re.MULTILINE)
    assert lineages[2:4] == ["p3 <- p2 <- p1 <- p0", "p4 <- p3 <- p2 <- p1 <- ..."]


def test_many_backslashes_in_a_key():
    assert "expected a name" in refusal(env_toml.parse_word, "a[" + r"\." * 5_000 + "=x")
    assert "expected a name" in refusal(env_toml.parse_word, r"a[b\]=x")
    assert env_toml.parse_word(r"a\b.c=x").path == (r"a\b", "c")


def test_thousands_of_profiles_without_a_parent(tmp_path):
    sections = {f"p{number}": {"nodes": 1} for number in range(20_000)}
    (tmp_path / "site.json").write_text(json.dumps({"sections": sections}))
    assert env_toml.generate(str(tmp_path / "site.json")).count("nodes = 1") == 20_000


def test_what_is_not_refused(tmp_path):
    sections = {"train": {"executor": "local"}, "trains": {"executor": "local"}}
    config = {"steps": {"train": ["sft x=${"]}, "checks": {"site_values": {"train.env_vars.HF_TOKEN": "the token"}}}
    (tmp_path / "site.json").write_text(json.dumps({"sections": sections, **config}))
    assert "# nemotron steps run sft x=${ --batch train" in env_toml.generate(str(tmp_path / "site.json"))


def test_a_profile_that_loses_its_executor_is_told(call, tmp_path):
    (tmp_path / "site.json").write_text('{"sections": {"a": {"executor": "local", "nodes": 1}}}')
    assert call("-c", "site.json", "-d", "sections.a.executor=null")["err"].startswith("warning: a: neither extends")
