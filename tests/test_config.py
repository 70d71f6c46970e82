"""Configs: which files are read, what they build on, and how their layers merge."""

from __future__ import annotations

import json
import re
import shutil
import time
from types import SimpleNamespace

import pytest
import sources
from cli import CONFIGS, ROOT, run
from helpers import assert_says, attempt, exact, generate, load_cases, refusal, write_config
from rows import each_row

import env_toml

CASES = load_cases("config")
LOCAL = {"p": {"executor": "local"}}


def has_toml():
    try:
        env_toml.parse_toml("", "x")
    except env_toml.EnvTomlError:
        return False
    return True


needs_toml = pytest.mark.skipif(not has_toml(), reason="needs tomllib or tomli")


def profile(**fields):
    return {"sections": {"p": {"executor": "local", **fields}}}


def write_configs(folder, configs):
    """Write configs by name; return the path of site.json."""
    for name, config in configs.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_config(folder / name, config)
    return folder / "site.json"


def refused_with(path, *words):
    return str(refusal(env_toml.generate, str(path), list(words)))


# --------------------------------------------------------------------------------------------- keys


def test_every_key_of_a_config_has_a_case():
    declared = set(env_toml.FIELDS["config"])
    declared |= {f"checks.{name}" for name in env_toml.FIELDS["checks"]}
    assert declared <= CASES["keys"].keys()


@each_row("key", CASES["keys"])
def test_what_a_key_takes(clean, tmp_path, key):
    for value in CASES["keys"][key]["accepts"]:
        path = write_config(tmp_path / "site.json", sources.put_key(key, value))
        assert "p" in generate(path), value


@each_row("key", CASES["keys"])
def test_what_a_key_refuses(clean, tmp_path, key):
    top = key.partition(".")[0]
    for value in CASES["keys"][key]["refuses"]:
        write_config(tmp_path / "site.json", sources.put_key(key, value))
        seen = attempt(env_toml.generate, "site.json")
        assert isinstance(seen, env_toml.EnvTomlError), f"not refused: {value!r}"
        named = [f for f in seen.findings if f.keys[:1] == (top,) and f.origin == "site.json"]
        assert named, f"{value!r}: {seen}"


@each_row(("key", "says"), CASES["suggestions"].items())
def test_an_unknown_key_is_suggested(clean, tmp_path, key, says):
    write_config(tmp_path / "site.json", {key: 1, "sections": LOCAL})
    assert_says(refused_with("site.json"), [f"{key}: ", says, "(in site.json)"])


@pytest.mark.parametrize("key", CASES["no suggestions"])
def test_an_unknown_key_like_none_is_not_suggested(clean, tmp_path, key):
    write_config(tmp_path / "site.json", {key: 1, "sections": LOCAL})
    told = refused_with("site.json")
    assert_says(told, [f"unknown key '{key}'", "expected one of", "sections"])
    assert "did you mean" not in told


def test_what_only_editors_read_is_not_written(tmp_path):
    path = write_config(tmp_path / "site.json", {"$schema": "./x.json", "sections": LOCAL})
    assert "x.json" not in env_toml.generate(str(path)).replace(str(path), "")


# --------------------------------------------------------------------------------- files: what is read


@each_row("name", CASES["bad files"])
def test_a_bad_file_is_named_as_what_it_is(clean, tmp_path, name):
    text, *fragments = CASES["bad files"][name]
    (tmp_path / "site.json").write_text(text, encoding="utf-8")
    told = refused_with("site.json")
    assert told.startswith("site.json: ")
    assert "\n" not in told
    assert_says(told, fragments)
    traps = ["found YAML", "found TOML", "no comments", "trailing comma"]
    assert {trap for trap in traps if trap in told} == {*traps} & {*fragments}


def test_a_byte_order_mark_is_accepted(tmp_path):
    path = tmp_path / "site.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"sections": LOCAL}).encode())
    assert generate(path) == LOCAL


@needs_toml
def test_a_byte_order_mark_is_accepted_in_toml(tmp_path):
    path = tmp_path / "site.toml"
    path.write_bytes(b'\xef\xbb\xbf[sections.p]\nexecutor = "local"\n')
    assert generate(path) == LOCAL


NO_TEXT = {
    "a bad byte": b'{"description":\n  "ab\xff"}',
    "Latin-1": '{"description": "\xe9"}'.encode("latin-1"),
    "UTF-16": '{"description": "x"}'.encode("utf-16"),
}


@pytest.mark.parametrize("name", NO_TEXT)
def test_what_is_not_utf8_is_refused(clean, tmp_path, name):
    (tmp_path / "site.json").write_bytes(NO_TEXT[name])
    assert_says(refused_with("site.json"), ["site.json: not UTF-8 text"])


def test_a_bad_byte_is_pointed_at(clean, tmp_path):
    (tmp_path / "site.json").write_bytes(NO_TEXT["a bad byte"])
    assert_says(refused_with("site.json"), ["line 2, byte 6"])


NO_CONFIG = {
    "NULs": b"\x00" * 10,
    "a deep list": b"[" * 100_000,
    "a deep object": b'{"sections": ' * 100_000,
    "a long integer": b'{"force": ' + b"9" * 5000 + b"}",
    "a long integer of a field": b'{"sections": {"p": {"nodes": ' + b"9" * 5000 + b"}}}",
}


@each_row("name", NO_CONFIG)
def test_what_no_reader_can_take_is_one_line(clean, tmp_path, name):
    (tmp_path / "site.json").write_bytes(NO_CONFIG[name])
    told = refused_with("site.json")
    assert "site.json" in told
    assert "\n" not in told


def test_too_large_a_file_is_refused(clean, tmp_path, monkeypatch):
    text = json.dumps({"sections": LOCAL})
    (tmp_path / "site.json").write_text(text, encoding="utf-8")
    monkeypatch.setattr(env_toml, "MAX_BYTES", len(text))
    assert generate("site.json") == LOCAL
    monkeypatch.setattr(env_toml, "MAX_BYTES", len(text) - 1)
    assert_says(refused_with("site.json"), ["site.json: more than"])


def test_the_limit_is_64_mib():
    assert env_toml.MAX_BYTES == 64 * 1024 * 1024


def test_all_defaults_that_cannot_be_read_are_told_at_once(clean, tmp_path):
    (tmp_path / "broken.json").write_text("{")
    defaults = ["broken.json", "nosuch.json", "slurm", "gone.json"]
    write_config(tmp_path / "site.json", {"defaults": defaults, "forse": True})
    error = refusal(env_toml.generate, "site.json", ["word"])
    told = ["forse", "broken.json: expected a JSON object", "nosuch.json: no such", "gone.json: no"]
    assert_says(error, [*told, "word 1 is not KEY=VALUE"])


def test_a_missing_default_is_told_with_the_config_that_names_it(clean, tmp_path):
    write_config(tmp_path / "base.json", {"defaults": "slrum"})
    write_config(tmp_path / "site.json", {"defaults": "base.json"})
    told = refused_with("site.json")
    base = (tmp_path / "base.json").resolve()
    assert_says(
        told, ["slrum: no such config; did you mean slurm?", f"(in the defaults of {base})"]
    )
    assert told.count("in the defaults of") == 1, "only the one that names it"


def test_a_file_that_is_not_there(clean, tmp_path):
    told = refused_with("nosuch.json")
    assert_says(
        told, ["nosuch.json: no such config", "dgxcloud, lepton, ", "slurm", "slurm-airgap"]
    )
    assert "_steps" not in told
    assert "schema" not in told


def test_a_mistyped_bundled_name(clean):
    assert_says(refused_with("slrum"), ["slrum: no such config", "did you mean slurm?"])


def test_a_word_in_the_place_of_a_config(call):
    seen = call("-c", "force=true")
    assert (seen.exit, seen.out) == (2, "")
    assert_says(seen.err, ["-c", "a file or a name of --list", "KEY=VALUE"])


def test_a_folder_is_no_config(clean, tmp_path):
    (tmp_path / "mine").mkdir()
    assert_says(refused_with("mine"), ["mine: no such config"])
    assert_says(refused_with(tmp_path), [str(tmp_path)])


def test_a_folder_named_like_a_bundled_config_hides_nothing(clean, tmp_path):
    (tmp_path / "slurm").mkdir()
    assert "slurm_base" in generate("slurm")


def test_a_file_named_like_a_bundled_config_is_taken(clean, tmp_path):
    write_config(tmp_path / "slurm", {"sections": LOCAL})
    assert generate("slurm") == LOCAL


def test_a_file_that_may_not_be_read(clean, tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise PermissionError(13, "Permission denied")

    write_config(tmp_path / "site.json", {"sections": LOCAL})
    monkeypatch.setattr("builtins.open", refuse)
    assert_says(refused_with("site.json"), ["site.json: Permission denied"])


@needs_toml
def test_a_toml_config(clean, tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(
        '# mine\ndefaults = "slurm"\nonly = ["slurm_curate"]\n[sections.slurm_base]\nnodes = 3\n',
        encoding="utf-8",
    )
    assert generate(path)["slurm_curate"]["nodes"] == 3


BAD_TOML = {
    "a key twice": (
        '[sections.p]\nexecutor = "local"\nexecutor = "slurm"\n',
        ["site.toml", "line 3"],
    ),
    "no value": ("[sections.p]\nexecutor = \n", ["site.toml", "line 2"]),
    "what JSON has not": (
        '[sections.p]\nexecutor = "local"\nday = 2024-01-01\nnan = nan\nfar = inf\n',
        ["p.day: expected text, a finite number", "p.nan: ", "p.far: ", "in site.toml"],
    ),
    "JSON": ('{"sections": {}}', ["site.toml", "line 1"]),
}


@needs_toml
@each_row("name", BAD_TOML)
def test_a_bad_toml_config(clean, tmp_path, name):
    text, fragments = BAD_TOML[name]
    (tmp_path / "site.toml").write_text(text, encoding="utf-8")
    assert_says(refused_with("site.toml"), fragments)


@pytest.mark.parametrize("tables", [env_toml.MAX_DEPTH - 3, env_toml.MAX_DEPTH - 2])
def test_values_nest_64_deep(clean, tmp_path, tables):
    """All keys count from `sections` on: two of them and custom_spec lead to the outermost table."""
    value = "x"
    for _ in range(tables):
        value = {"a": value}
    sections = {"p": {**sources.FIELDS["profiles"]["lepton"], "custom_spec": value}}
    write_config(tmp_path / "site.json", {"sections": sections})
    seen = attempt(generate, "site.json")
    if tables + 3 > 64:
        assert_says(seen, ["p.custom_spec.a", "nested more than 64 deep", "site.json"])
    else:
        assert seen["p"]["custom_spec"] == value


@pytest.mark.parametrize("brackets", [70, 600])
def test_deep_lists_are_one_line(clean, tmp_path, brackets):
    text = '{"sections": {"p": {"executor": "local", "x": %s}}}'
    (tmp_path / "site.json").write_text(text % ("[" * brackets + "]" * brackets))
    told = refused_with("site.json")
    assert_says(told, ["p.x.0.0.0", "nested more than 64 deep", "site.json"])
    assert told.count("nested") == 1, "one mistake, told once"


# --------------------------------------------------------------------------------- the bundled configs


def test_list_shows_what_a_person_chooses(call):
    seen = call("--list")
    assert (seen.exit, seen.err) == (0, "")
    names = [line.split()[0] for line in seen.out.splitlines()]
    assert sorted(names) == ["dgxcloud", "lepton", "slurm", "slurm-airgap"] == CONFIGS
    for line in seen.out.splitlines():
        name, about = line.split(None, 1)
        assert len(about) > 20
        assert about.endswith("(default)") == (name == "lepton")


def test_strays_beside_the_bundled_configs_are_no_configs(tmp_path):
    """An editor's backup, a note or a hidden file in configs/ is no name, and breaks nothing."""
    shutil.copy(ROOT / "env_toml.py", tmp_path)
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    for name in ("README.md", "slurm.json~", ".slurm.json.swp", "notes.txt"):
        (tmp_path / "configs" / name).write_text("no JSON", encoding="utf-8")
    (tmp_path / "configs" / "old").mkdir()
    done = run("--list", script=tmp_path / "env_toml.py")
    assert done.returncode == 0
    assert sorted(line.split()[0] for line in done.stdout.splitlines()) == CONFIGS


def test_the_shared_part_may_be_named(clean, tmp_path):
    path = write_config(tmp_path / "site.json", {"defaults": "_steps", "sections": LOCAL})
    assert generate(path).keys() == {"p", "wandb"}


# ------------------------------------------------------------------------------------------ defaults


def test_defaults_merge_in_order_this_file_last(tmp_path):
    first = profile(env_vars={"a": "1", "b": "1", "c": "1", "d": "1"}, startup_commands=["1", "2"])
    second = profile(env_vars={"b": "2", "c": "2", "d": "2"}, startup_commands=["3"], launcher="l")
    own = profile(env_vars={"c": "3", "d": None}, launcher=None)
    configs = {
        "first.json": first,
        "second.json": second,
        "site.json": {"defaults": ["first.json", "second.json"], **own},
    }
    seen = generate(write_configs(tmp_path, configs))["p"]
    assert seen == {
        "executor": "local",
        "env_vars": {"a": "1", "b": "2", "c": "3"},
        "startup_commands": ["3"],
    }


def test_defaults_are_relative_to_their_file(tmp_path):
    configs = {
        "site.json": {"defaults": "shared/team.json", "only": ["slurm_curate"]},
        "shared/team.json": {
            "defaults": ["../base.json"],
            "sections": {"slurm_base": {"account": "team"}},
        },
        "base.json": {
            "defaults": "slurm",
            "sections": {"slurm_base": {"account": "base", "host": "base"}},
        },
    }
    curate = generate(write_configs(tmp_path, configs))["slurm_curate"]
    assert (curate["account"], curate["host"], curate["tunnel"]) == ("team", "base", "ssh")


def test_defaults_in_a_diamond(tmp_path):
    configs = {
        "site.json": {"defaults": ["left.json", "right.json"]},
        "left.json": {"defaults": "top.json", **profile(nodes=2)},
        "right.json": {"defaults": "top.json", **profile(gpus_per_node=2)},
        "top.json": profile(nodes=1, gpus_per_node=1, launcher="top"),
    }
    seen = generate(write_configs(tmp_path, configs))["p"]
    assert seen == {"executor": "local", "nodes": 2, "gpus_per_node": 2, "launcher": "top"}


CYCLES = {
    "itself": ({"site.json": {"defaults": "site.json"}}, ["site.json"]),
    "itself by another name": ({"site.json": {"defaults": ["./site.json"]}}, ["site.json"]),
    "two": (
        {"site.json": {"defaults": "a.json"}, "a.json": {"defaults": "site.json"}},
        ["site.json", "a.json"],
    ),
    "two further on": (
        {
            "site.json": {"defaults": ["slurm", "a.json"]},
            "a.json": {"defaults": "b.json"},
            "b.json": {"defaults": "a.json"},
        },
        ["a.json", "b.json"],
    ),
}


@each_row("name", CYCLES)
def test_defaults_in_a_cycle(tmp_path, name):
    configs, files = CYCLES[name]
    told = refused_with(write_configs(tmp_path, configs))
    assert_says(told, ["return to it", " -> ", *files])


def test_defaults_in_a_long_chain(tmp_path):
    configs = {f"{n}.json": {"defaults": f"{n + 1}.json"} for n in range(1_000)}
    path = write_configs(tmp_path, {**configs, "site.json": {"defaults": "0.json"}})
    assert_says(refused_with(path), ["64 deep"])
    write_configs(tmp_path, {"100.json": profile()})
    assert generate(path) == LOCAL


def test_defaults_that_are_not_there(tmp_path):
    path = write_configs(tmp_path, {"site.json": {"defaults": "slrum"}})
    assert_says(refused_with(path), ["slrum", "did you mean slurm?"])
    path = write_configs(tmp_path, {"site.json": {"defaults": "a.json"}, "a.json": [1]})
    assert_says(refused_with(path), ["a.json", "object"])


def test_defaults_as_a_word_are_an_error(clean):
    assert_says(refused_with("slurm", "defaults=lepton"), ["defaults: ", "config file", "-c"])


SAME_FILE = {
    "named twice": (["b.json", "a.json"], "p", 2),
    "named in two ways": (["b.json", "./a.json"], "p", 2),
    "a bundled name and a file of that name": (["slurm", "sub/x.json"], "slurm_base", 1),
}


@pytest.mark.parametrize("name", SAME_FILE)
def test_a_file_is_one_layer_however_it_is_named(clean, tmp_path, name):
    defaults, wanted, nodes = SAME_FILE[name]
    configs = {
        "a.json": profile(nodes=1),
        "b.json": {"defaults": "a.json", **profile(nodes=2)},
        "sub/x.json": {"defaults": "slurm"},
        "site.json": {"defaults": defaults},
    }
    write_configs(tmp_path, configs)
    assert generate("site.json")[wanted]["nodes"] == nodes


def test_a_base_of_many_is_read_once(tmp_path, monkeypatch):
    read = []
    text = env_toml.read_text
    monkeypatch.setattr(env_toml, "read_text", lambda path: read.append(path) or text(path))
    configs = {"0a.json": profile(), "0b.json": {}}
    for level in range(1, 20):
        below = [f"{level - 1}a.json", f"{level - 1}b.json"]
        configs.update({f"{level}{side}.json": {"defaults": below} for side in "ab"})
    write_configs(tmp_path, configs)
    assert generate(tmp_path / "19a.json") == LOCAL
    assert len(read) == len(set(read)) == 39


def test_many_defaults_cost_in_proportion(tmp_path):
    costs = {}
    for number in (50, 500):
        names = [f"{number}-{n}.json" for n in range(number)]
        configs = {name: profile(nodes=index + 1) for index, name in enumerate(names)}
        configs["site.json"] = {"defaults": names}
        path = write_configs(tmp_path, configs)
        before = time.process_time()
        assert generate(path)["p"]["nodes"] == number
        costs[number] = time.process_time() - before
    assert costs[500] < 30 * costs[50], costs


# --------------------------------------------------------------------- layers: merging, blame, patterns


def test_null_removes_across_layers(tmp_path):
    configs = {
        "base.json": {
            "sections": {
                "p": {"executor": "local", "nodes": 1, "env_vars": {"A": "1", "B": "1"}},
                "heir": {"extends": "p", "nodes": 2},
                "gone": {"executor": "local"},
                "wandb": {"project": "x", "entity": "y"},
            },
            "preamble": "old",
            "only": ["p"],
        },
        "site.json": {
            "defaults": "base.json",
            "sections": {
                "p": {"env_vars": {"A": None}},
                "heir": {"nodes": None},
                "gone": None,
                "wandb": {"entity": None},
            },
            "preamble": None,
            "only": None,
        },
    }
    path = write_configs(tmp_path, configs)
    shown = {"executor": "local", "nodes": 1, "env_vars": {"B": "1"}}
    assert generate(path) == {"p": shown, "heir": shown, "wandb": {"project": "x"}}
    assert env_toml.generate(str(path)).startswith("# Generated by: ")


def test_null_then_a_value_replaces_a_list_by_a_table(tmp_path):
    configs = {
        "a.json": profile(x=[1]),
        "b.json": {"defaults": "a.json", **profile(x=None)},
        "site.json": {"defaults": "b.json", **profile(x={"a": 1})},
    }
    assert generate(write_configs(tmp_path, configs))["p"]["x"] == {"a": 1}


def test_a_table_over_a_list_names_the_file_and_is_all_that_is_told(clean, tmp_path):
    lepton = {**sources.FIELDS["profiles"]["lepton"], "custom_spec": {"a": [1]}}
    configs = {
        "base.json": {"sections": {"b": lepton}},
        "site.json": {
            "defaults": "base.json",
            "sections": {"b": {"custom_spec": {"a": {"c": 1}}}, "p": {"extends": "b"}},
        },
    }
    write_configs(tmp_path, configs)
    error = refusal(env_toml.generate, "site.json", ["sections.p.nodes=2"])
    assert_says(error, ["b.custom_spec.a: a table over a list", "(in site.json)"])
    assert len(error.findings) == 1, error


BLAMED = {
    "base.json": profile(nodes=0),
    "team.json": {"defaults": "base.json", **profile(gpus_per_node=-1)},
    "site.json": {"defaults": "team.json", **profile(nproc_per_node=0)},
}


def test_each_mistake_names_its_own_file(clean, tmp_path):
    write_configs(tmp_path, BLAMED)
    error = refusal(env_toml.generate, "site.json", ["sections.p.env_vars=x"])
    blamed = {finding.keys[2]: finding.origin for finding in error.findings}
    assert blamed == {
        "nodes": "base.json",
        "gpus_per_node": "team.json",
        "nproc_per_node": "site.json",
        "env_vars": "sections.p.env_vars",
    }


@needs_toml
def test_a_time_of_toml_is_told_to_be_quoted(clean, tmp_path):
    text = 'sections.p = {executor = "slurm", time = 04:00:00}\n'
    (tmp_path / "site.toml").write_text(text, encoding="utf-8")
    told = "p.time: expected a Slurm time", "found 04:00:00, a date or time of TOML: quote it"
    assert_says(refusal(env_toml.generate, "site.toml"), told)


def test_of_a_config_that_is_missing_words_say_nothing(clean):
    error = refusal(env_toml.generate, "nosuch.json", ["sections.x*.nodes=4", "no word"])
    first, second = map(str, error.findings)
    assert first.startswith("nosuch.json: no such config")
    assert second.startswith("word 2 is not KEY=VALUE")


def test_the_layer_that_gives_a_value_is_shown(call, tmp_path):
    configs = {
        "base.json": {"sections": {"b": {"executor": "local", "nodes": 1, "launcher": "x"}}},
        "site.json": {"defaults": "base.json", "sections": {"p": {"extends": "b", "nodes": 2}}},
    }
    write_configs(tmp_path, configs)
    lines = call("-c", "site.json", "--show", "p", "sections.b.gpus_per_node=0").out.splitlines()
    assert "nodes = 2  # p (site.json)" in lines
    assert 'launcher = "x"  # b (base.json)' in lines
    assert "gpus_per_node = 0  # b (sections.b.gpus_per_node)" in lines


CHANGED = {
    "base.json": {
        "variables": {"DIR": "/base", "OTHER": "x"},
        "sections": {
            "b": {
                "executor": "slurm",
                "tunnel": "ssh",
                "remote_job_dir": "${oc.env:DIR}/jobs",
                "host": "${oc.env:HOST,h}",
                "mounts": ["${oc.env:DIR}:/d"],
                "container_image": "nvcr.io/a:1",
                "build_image": "docker.io/b:1",
                "account": "${oc.env:OTHER}",
                "user": "plain",
            },
            "p": {"extends": "b"},
        },
    },
    "site.json": {
        "defaults": "base.json",
        "variables": {"DIR": "/site", "HOST": "login"},
        "images": {"nvcr.io/": "mine/"},
        "sections": {"p": {"launcher": "${oc.env:DIR,/own}"}},
    },
}


def test_what_changed_a_value_is_shown_too(call, tmp_path, monkeypatch):
    write_configs(tmp_path, CHANGED)
    monkeypatch.setattr(
        env_toml,
        "find_config",
        lambda *where, find=env_toml.find_config: (*find(*where)[:2], "base" in where[0]),
    )
    words = ["variables.HOST=word", "images[nvcr.io/a]=b"]
    lines = call("-c", "site.json", "--show", "p", *words).out.splitlines()
    for line in (
        'remote_job_dir = "${oc.env:DIR,/site}/jobs"  # b (base.json), DIR (site.json)',
        'host = "${oc.env:HOST,word}"  # b (base.json), HOST (variables.HOST)',
        "mounts = [  # b (base.json), DIR (site.json)",
        'container_image = "b:1"  # b (base.json), images (images[nvcr.io/a])',
        'build_image = "docker.io/b:1"  # b (base.json)',
        'account = "${oc.env:OTHER,x}"  # b (base.json)',
        'user = "plain"  # b (base.json)',
        'launcher = "${oc.env:DIR,/own}"  # p (site.json)',
    ):
        assert line in lines


PATTERNS = {
    "all so far": ({"*": {"nodes": 2}}, {"aa": 2, "ab": 2, "b": 2}),
    "some": ({"a*": {"nodes": 2}}, {"aa": 2, "ab": 2, "b": 1}),
    "the end": ({"*b": {"nodes": 2}}, {"aa": 1, "ab": 2, "b": 2}),
    "the middle": ({"a*b": {"nodes": 2}}, {"aa": 1, "ab": 2, "b": 1}),
    "more than once": ({"*a*": {"nodes": 2}}, {"aa": 2, "ab": 2, "b": 1}),
    "a name after it": ({"*": {"nodes": 2}, "ab": {"nodes": 3}}, {"aa": 2, "ab": 3, "b": 2}),
    "a name before it": ({"ab": {"nodes": 3}, "*": {"nodes": 2}}, {"aa": 2, "ab": 2, "b": 2}),
    "two that overlap": ({"a*": {"nodes": 2}, "*b": {"nodes": 3}}, {"aa": 2, "ab": 3, "b": 3}),
    "a new profile above it": (
        {"ac": {"executor": "local"}, "a*": {"nodes": 2}},
        {"aa": 2, "ab": 2, "b": 1, "ac": 2},
    ),
    "null": ({"a*": None}, {"b": 1}),
}


@each_row(
    ("pattern", "names"),
    [("a?*", ["a?b"]), ("a[b]*", ["a[b]"]), ("*[", ["x["]), ("[!a]*", []), ("*\n*", ["a\nb"])],
)
def test_in_a_pattern_only_the_star_is_special(pattern, names):
    known = ["a?b", "axb", "a[b]", "ab", "x[", "a\nb"]
    assert env_toml.match_names(pattern, known) == names


@each_row("name", PATTERNS)
def test_a_pattern_in_sections(tmp_path, name):
    sections, nodes = PATTERNS[name]
    base = {profile: {"executor": "local", "nodes": 1} for profile in ("aa", "ab", "b")}
    configs = {
        "base.json": {"sections": {**base, "wandb": {"project": "x"}}},
        "site.json": {"defaults": "base.json", "sections": sections},
    }
    written = generate(write_configs(tmp_path, configs))
    assert written.pop("wandb") == {"project": "x"}
    assert exact({name: table["nodes"] for name, table in written.items()}) == exact(nodes)


def test_a_pattern_matches_the_whole_name(tmp_path):
    base = {name: {"executor": "local", "nodes": 1} for name in ("a", "ab", "ba", "a.b")}
    configs = {
        "base.json": {"sections": base},
        "site.json": {"defaults": "base.json", "sections": {"a*": {"nodes": 2}}},
    }
    written = generate(write_configs(tmp_path, configs))
    assert [name for name, table in written.items() if table["nodes"] == 2] == ["a", "ab", "a.b"]


def test_a_pattern_that_nothing_matches_is_an_error(clean, tmp_path):
    configs = {"site.json": {"defaults": "slurm", "sections": {"slurm_xyz_*": {"nodes": 2}}}}
    write_configs(tmp_path, configs)
    (finding,) = refusal(env_toml.generate, "site.json").findings
    assert "matches no profile" in finding.message
    assert (finding.keys, finding.origin) == (("sections", "slurm_xyz_*"), "site.json")


def test_a_pattern_is_checked_as_a_profile_is(clean, tmp_path):
    configs = {"site.json": {"defaults": "slurm", "sections": {"*": {"nodes": 0, "acount": "x"}}}}
    write_configs(tmp_path, configs)
    told = refused_with("site.json")
    assert_says(told, ["*.nodes: expected an integer", "*.acount", "did you mean account?"])
    assert len(re.findall("integer", told)) == 1


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_not_finite_is_named_by_file_and_key(tmp_path, number):
    path = tmp_path / "site.json"
    path.write_text(f'{{"sections": {{"p": {{"executor": "local", "x": [{number}]}}}}}}')
    error = refusal(env_toml.generate, str(path))
    line, *_ = str(error).splitlines()
    assert line.startswith("p.x.0: expected"), line
    assert line.endswith(f"found {number} (in {path})"), line


def test_a_config_of_a_site_beside_the_bundled_ones_is_a_sites(monkeypatch, tmp_path):
    """A copied folder is where an admin puts one; its image must reach the jobs like any other's."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.setattr(env_toml, "HERE", str(tmp_path))
    image = {"slurm_sft_automodel": {"container_image": "/img/a.sqsh"}}
    write_config(tmp_path / "configs" / "mine.json", {"defaults": "slurm", "sections": image})
    told = "--batch slurm_sft_automodel run.env.container_image=/img/a.sqsh\n"
    for name in ("mine", str(tmp_path / "configs" / "mine.json")):
        assert told in env_toml.generate(name)
        *bundled, mine = env_toml.load_layers(name, env_toml.Report())
        assert [layer.bundled for layer in bundled] == [True, True]
        assert not mine.bundled


@needs_toml
def test_a_date_where_an_image_belongs_is_told(tmp_path):
    """TOML has dates, which no JSON of a command holds."""
    path = tmp_path / "site.toml"
    profile = "[sections.slurm_pretrain_megatron_bridge]\ncontainer_image = 2024-01-01\n"
    path.write_text(f'defaults = "slurm"\n{profile}')
    (finding,) = refusal(generate, path).findings
    assert finding.keys == ("sections", "slurm_pretrain_megatron_bridge", "container_image")
    assert_says(finding, ["2024-01-01, a date or time of TOML: quote it"])


def test_a_bundled_config_is_one_by_its_place_and_its_name(tmp_path):
    shutil.copy(ROOT / "configs" / "slurm.json", tmp_path)
    shutil.copy(ROOT / "configs" / "_steps.json", tmp_path)
    for path, bundled in [
        (ROOT / "configs" / "slurm.json", True),
        (tmp_path / "slurm.json", False),
    ]:
        *_, layer = env_toml.load_layers(str(path), env_toml.Report())
        assert (layer.name, layer.bundled) == (str(path), bundled)


def test_a_member_that_a_zip_has_not_is_told(monkeypatch):
    """What zipimport raises for it has no text of its own."""

    def get_data(path):
        raise OSError(0, "", path)

    monkeypatch.setattr(env_toml, "__loader__", SimpleNamespace(get_data=get_data))
    assert str(refusal(env_toml.read_text, "all.pyz/x.json")) == "all.pyz/x.json: no such file"


def test_a_text_that_is_no_config_is_not_shown(tmp_path):
    """A file named by mistake may hold a token."""
    (tmp_path / "token.json").write_text('"hf_hunter2"')
    told = str(refusal(generate, tmp_path / "token.json"))
    assert told.endswith("token.json: expected a JSON object, found another value")
