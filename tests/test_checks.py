"""What is checked: kinds of fields, shapes, names, secrets, and the config files themselves."""

import json
import re
import sys
from collections import Counter

import pytest
from cli import run
from helpers import assert_says, attempt, exact, generate, load_cases, refusal, write_config

import env_toml

CASES = load_cases("checks")
FIELDS = [(executor, kind, field) for executor, kind, names in CASES["fields"] for field in names.split()]
SECRETS = CASES["secrets"]


def place(finding):
    return ".".join(str(key).replace(".", "\\.") for key in finding.path)


def findings_of(path, words=()):
    """Return what a config is refused with, else what it is warned of."""
    seen = attempt(env_toml.Plan, str(path), words)
    findings = seen.findings if isinstance(seen, env_toml.EnvTomlError) else seen.warnings
    return [(f.level, place(f), str(f)) for f in findings]


def broken_profiles(path, field):
    """Return the names of the profiles whose field is refused; anything else refused fails the test."""
    error = attempt(env_toml.generate, str(path))
    places = {f.path[:3] for f in error.findings} if isinstance(error, env_toml.EnvTomlError) else set()
    assert all(p[::2] == ("sections", field) for p in places), error
    return {p[1] for p in places}


def assert_field(tmp_path, executor, field, accepts, refuses):
    good = {f"ok{i}": {**CASES["profiles"][executor], field: value} for i, value in enumerate(accepts)}
    bad = {f"bad{i}": {**CASES["profiles"][executor], field: value} for i, value in enumerate(refuses)}
    path = tmp_path / "site.json"
    checks = {"allow_literal_secrets": True}  # client_secret is a field as well
    write_config(path, {"checks": checks, "sections": {**good, **bad}})
    broken = broken_profiles(path, field)
    assert [bad[name][field] for name in bad.keys() - broken] == [], "not refused"
    assert [good[name][field] for name in good.keys() & broken] == [], "not accepted"
    if good:
        document = generate(write_config(path, {"checks": checks, "sections": good}))
        assert exact({name: document[name][field] for name in good}) == exact({n: p[field] for n, p in good.items()})


@pytest.mark.parametrize(("executor", "kind", "field"), FIELDS, ids=[field for _, _, field in FIELDS])
def test_field(tmp_path, executor, kind, field):
    assert_field(tmp_path, executor, field, CASES["kinds"][kind]["accepts"], CASES["kinds"][kind]["refuses"])


@pytest.mark.parametrize("case", CASES["shapes"], ids=[f"{c['field']} of {c['executor']}" for c in CASES["shapes"]])
def test_shape(tmp_path, case):
    assert_field(tmp_path, case["executor"], case["field"], case["accepts"], case["refuses"])


@pytest.mark.parametrize("case", CASES["findings"], ids=[case["name"] for case in CASES["findings"]])
def test_findings(tmp_path, case):
    path = write_config(tmp_path / "site.json", {**case.get("config", {}), "sections": case["sections"]})
    seen = findings_of(path, case.get("words", []))
    listing = "\n".join(map(str, seen))
    for level, where, fragments in case["findings"]:
        match = [f for f in seen if f[:2] == (level, where) and all(fragment in f[2] for fragment in fragments)]
        assert match, f"{level} at {where!r} with {fragments} is not in:\n{listing}"
    counts = Counter((level, where) for level, where, _ in case["findings"])
    assert Counter(f[:2] for f in seen) == counts, listing


@pytest.mark.parametrize("key", CASES["keys"])
def test_config_key(tmp_path, key):
    path, rows = tmp_path / "site.json", CASES["keys"][key]
    base = {"sections": {"p": {"executor": "local"}}}
    for value in rows["accepts"]:
        assert "p" in generate(write_config(path, {**base, key: value})), value
    for value in rows["refuses"]:
        error = refusal(env_toml.generate, str(write_config(path, {**base, key: value})))
        assert {f.path[0] for f in error.findings} == {key}, f"{value!r}: {error}"
        assert_says(error, [key, "site.json"])


# -------------------------------------------------------------------------------------- names


def test_a_word_for_another_cluster_is_a_warning(call):
    said = call("-d", "sections.slurm_base.account=x")
    assert said.exit == 0
    assert said.err == (
        "warning: slurm_base: neither extends nor executor: no step runs with it"
        " (-c names the config of another cluster) (in sections.slurm_base.account=x)\n"
    )


def test_a_shipped_profile_without_a_parent_is_told(call):
    err = call("-c", "slurm", "-d", "sections.slurm_curate.extends=null").err
    assert err.startswith("warning: slurm_curate: neither extends nor executor"), err


def test_a_profile_that_loses_its_executor_is_told(call, tmp_path):
    (tmp_path / "site.json").write_text('{"sections": {"a": {"executor": "local", "nodes": 1}}}')
    assert call("-c", "site.json", "-d", "sections.a.executor=null").err.startswith("warning: a: neither extends")


TOLD = [
    ({}, ["sections.site_bas.nodes=2"], "error: site_bas: unknown profile 'site_bas'; did you mean site_base?"),
    ({}, ["account=x"], "error: account: unknown key 'account'; did you mean sections.PROFILE.account?"),
    ({}, ["only=p"], "error: only: expected a list of one profile or more, as in [slurm_base] (null: all), found 'p'"),
    ({}, ["only[0]=pq"], "error: only[0]: there is no profile 'pq'; did you mean p? (in only[0]=pq)"),
    (
        {"nodes": 0},
        ["sections.site_base.nodes=2"],
        "error: p.nodes: expected an integer of at least 1, found 0 (in site.json)",
    ),
    (
        {"nodes": "x" * 99},
        [],
        f"error: p.nodes: expected an integer of at least 1, found '{'x' * 56}... (in site.json)",
    ),
    ({"nodes": 0}, ["sections.p={}"], "error: p.nodes: expected an integer of at least 1, found 0 (in site.json)"),
    (
        {},
        ["sections.p.time=12h", "sections.p+={a: 1}"],
        "error: p.time: expected a Slurm time (M, M:S, H:M:S, D-H, D-H:M, D-H:M:S or UNLIMITED), found '12h'"
        " (in sections.p.time=12h)",
    ),
    ({"x": float("1e300")}, ["sections.p.x=-1e999"], "error: p.x: expected a finite number, found -Infinity"),
    ({"x_token": ["hunter2"]}, [], "error: p.x_token[0]: a literal secret; write ${oc.env:x_token,''}"),
    ({"x_token": {"0": "hunter2"}}, [], "error: p.x_token.0: a literal secret; write ${oc.env:x_token,''}"),
    ({}, ["sections.p={executor: null, extends: null}"], "warning: p: neither extends nor executor"),
    ({}, ["sections.HF_TOKEN=hunter2"], "error: HF_TOKEN: expected a table, found a value not shown"),
    ({}, ["checks.site_values={a..b: x}"], "error: checks.site_values: 'a..b': expected a name, .name or [name]"),
]


@pytest.mark.parametrize(("more", "words", "line"), TOLD, ids=[line[:60] for _, _, line in TOLD])
def test_what_is_told_of_a_site_config(call, tmp_path, more, words, line):
    profiles = {"site_base": {"account": "x"}, "p": {"extends": "site_base", "executor": "slurm", **more}}
    (tmp_path / "site.json").write_text(json.dumps({"sections": profiles}))
    err = call("-c", "site.json", "-d", *words).err
    assert line in err
    assert "hunter2" not in err


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
    assert call("-c", "slurm", "-d", *words).err == f"{line}\n"


def test_names_with_dots_are_names(call, tmp_path):
    checks = {"recommended_min_nodes": {"a.b": 2}}
    (tmp_path / "site.json").write_text(
        json.dumps({"sections": {"a.b": {"executor": "local", "nodes": 1}}, "checks": checks})
    )
    warning = "warning: a.b.nodes: 1 of at least {} recommended nodes (in {})\n"
    assert call("-c", "site.json", "-d").err == warning.format(2, "site.json")
    word = r"checks.recommended_min_nodes.a\.b=3"
    assert call("-c", "site.json", "-d", word).err == warning.format(3, word)


def test_thousands_of_profiles_without_a_parent(tmp_path):
    sections = {f"p{number}": {"nodes": 1} for number in range(20_000)}
    (tmp_path / "site.json").write_text(json.dumps({"sections": sections}))
    assert env_toml.generate(str(tmp_path / "site.json")).count("nodes = 1") == 20_000


def test_what_is_not_refused(tmp_path):
    sections = {"train": {"executor": "local"}, "trains": {"executor": "local"}}
    config = {"steps": {"train": ["sft x=${"]}, "checks": {"site_values": {"train.env_vars.HF_TOKEN": "the token"}}}
    (tmp_path / "site.json").write_text(json.dumps({"sections": sections, **config}))
    assert "# nemotron steps run sft x=${ --batch train" in env_toml.generate(str(tmp_path / "site.json"))


# ----------------------------------------------------------- overrides that do not reach all heirs


@pytest.mark.parametrize(
    "word",
    [
        "sections.slurm_base.container_image=x",
        "sections.slurm_base.container_image={x: y}",
        "sections.slurm_base={container_image: x}",
        "sections.slurm_base={zzz: null, container_image: x}",
    ],
)
def test_a_word_is_missed_by_heirs_however_it_is_written(call, word):
    assert "slurm_base.container_image: 23 of 32 heirs set their own" in call("-c", "slurm", "-d", word).err


@pytest.mark.parametrize("value", ["slurm_base", "[slurm_base]", "{a: b}"])
def test_a_reserved_section_is_nobodys_heir(call, value):
    words = [f"sections.wandb.extends={value}", "sections.wandb.nodes=9", "sections.slurm_base.nodes=2"]
    err = call("-c", "slurm", "-d", *words).err
    assert re.fullmatch(r"warning: slurm_base.nodes: \d+ of 32 heirs set their own .*\n", err), err


def test_a_new_parent_is_no_value_that_heirs_could_miss(call):
    assert call("-c", "slurm", "-d", "sections.slurm_prep_base.extends=slurm_curator_base").err == ""


# ------------------------------------------------------------------------------------ secrets


def secret_config(tmp_path, allow=False, profile=None):
    profile = {"executor": "local", "env_vars": {"HF_TOKEN": "${oc.env:HF_TOKEN,''}"}, **(profile or {})}
    config = {"checks": {"allow_literal_secrets": allow}, "sections": {"p": profile, "heir": {"extends": "p"}}}
    return write_config(tmp_path / "site.json", config)


@pytest.mark.parametrize("variables", SECRETS["harmless"], ids=str)
def test_harmless_secret(tmp_path, variables):
    path = secret_config(tmp_path, profile={"custom_spec": {"list": [variables]}, "env_vars": variables})
    assert generate(path)["heir"]["env_vars"] == variables


@pytest.mark.parametrize("key", SECRETS["literal"])
def test_literal_secret(tmp_path, key):
    for value in SECRETS["values"]:
        for profile in ({"env_vars": {key: value}}, {key: value}, {"custom_spec": {"list": [{key: value}]}}):
            error = refusal(env_toml.generate, str(secret_config(tmp_path, profile=profile)))
            assert_says(error, [key, "allow_literal_secrets"])
            assert len(error.findings) == 1, error
            assert "hunter2" not in str(error)
            assert generate(secret_config(tmp_path, True, profile))["p"].items() >= profile.items()


def assert_hidden(path, *words):
    seen = run("-c", path, "-d", *words)
    assert "hunter2" not in seen.stdout + seen.stderr, seen
    return seen


@pytest.mark.parametrize("word", SECRETS["words"])
def test_secret_of_a_word(tmp_path, word):
    error = refusal(env_toml.generate, str(secret_config(tmp_path)), [word])
    assert_says(error, ["literal secret", word.partition("=")[0]])
    assert "hunter2" not in str(error)


@pytest.mark.parametrize("word", SECRETS["words"])
def test_secret_of_a_word_that_is_allowed(tmp_path, word):
    path = secret_config(tmp_path, allow=True)
    seen = assert_hidden(path, word)
    assert (seen.returncode, seen.stderr) == (0, ""), seen
    lines = env_toml.generate(str(path), [word]).splitlines()
    assert any("hunter2" in line for line in lines)
    assert not [line for line in lines if line.startswith("#") and "hunter2" in line]


@pytest.mark.parametrize("word", SECRETS["wrong words"])
def test_secret_of_a_wrong_word(tmp_path, word):
    path = secret_config(tmp_path, allow=True, profile={"x_token": 5, "y_token": [5]})
    error = refusal(env_toml.generate, str(path), [word])
    assert "hunter2" not in str(error)
    assert all(finding.message.partition(", found")[0] for finding in error.findings), error


@pytest.mark.parametrize("value", ["${oc.env:HF_TOKEN,''}", "'${a}'", "", "null"])
def test_harmless_secret_of_a_word(tmp_path, value):
    text = env_toml.generate(str(secret_config(tmp_path)), [f"sections.p.env_vars.HF_TOKEN={value}"])
    (line,) = [line for line in text.splitlines() if line.startswith("# Generated by: ")]
    assert "sections.p.env_vars.HF_TOKEN=" in line
    assert "***" not in line, "nothing there to mask"


def test_secret_of_the_wrong_kind(tmp_path):
    profile = {"client_secret": ["hunter2"], "env_vars": {"HF_TOKEN": ["hunter2"], "B_TOKEN": "hunter2${"}}
    error = refusal(env_toml.generate, str(secret_config(tmp_path, True, profile)))
    assert_says(error, ["client_secret", "HF_TOKEN", "B_TOKEN"])
    assert "hunter2" not in str(error)


def test_secret_in_a_warning(tmp_path):
    profiles = {"p": {"executor": "local"}, "heir": {"extends": "p", "env_vars": {"HF_TOKEN": "${a}"}}}
    config = {"checks": {"allow_literal_secrets": True}, "sections": profiles}
    path = write_config(tmp_path / "site.json", config)
    seen = assert_hidden(path, "sections.p.env_vars.HF_TOKEN=hunter2")
    assert_says(seen.stderr, ["warning: p.env_vars.HF_TOKEN", "1 of 1 heirs set their own"])


def test_the_name_of_a_secret_is_no_secret(call):
    word = "sections.slurm_curate.secret_vars.HF_TOKEN=my-secret"
    assert f"-c slurm {word}\n" in call("-c", "slurm", "-d", word).out


# --------------------------------------------------------------------------- the files themselves


@pytest.mark.parametrize("case", CASES["bad files"], ids=[case["text"] or "empty" for case in CASES["bad files"]])
def test_bad_file(tmp_path, case):
    path = tmp_path / "site.json"
    path.write_text(case["text"], encoding="utf-8")
    assert_says(refusal(env_toml.generate, str(path)), ["site.json", *case["says"]])


def test_byte_order_mark(tmp_path):
    path = tmp_path / "site.json"
    path.write_bytes(b"\xef\xbb\xbf" + b'{"sections": {"p": {"executor": "local"}}}')
    assert generate(path) == {"p": {"executor": "local"}}


@pytest.mark.parametrize(
    "data",
    [
        b'{"description":\n"\xff"}',
        '{"description": "é"}'.encode("latin-1"),
        '{"description": "x"}'.encode("utf-16"),
        b"\x00" * 10,
        b"[" * 100_000,
        b'{"sections": ' * 100_000,
        b'{"force": ' + b"9" * 5000 + b"}",
        b'{"sections": {"p": {"nodes": ' + b"9" * 5000 + b"}}}",
    ],
    ids=["bad byte", "latin-1", "utf-16", "NUL", "deep list", "deep object", "long integer", "long integer of a field"],
)
def test_bytes_that_are_no_config(tmp_path, data):
    path = tmp_path / "site.json"
    path.write_bytes(data)
    assert_says(refusal(env_toml.generate, str(path)), ["site.json"])


def test_byte_that_is_not_utf8_is_pointed_at(tmp_path):
    path = tmp_path / "site.json"
    path.write_bytes(b'{"description":\n  "ab\xff"}')
    assert_says(refusal(env_toml.generate, str(path)), ["line 2, column 6", "UTF-8"])


def test_missing_config(tmp_path):
    assert_says(refusal(env_toml.generate, str(tmp_path / "nosuch.json")), ["nosuch.json", "dgxcloud, lepton, slurm"])
    assert_says(refusal(env_toml.generate, str(tmp_path)), [str(tmp_path)])


def test_finding_names_the_site_config(tmp_path):
    path = write_config(tmp_path / "site.json", {"defaults": "slurm", "sections": {"slurm_base": {"nodes": 0}}})
    (finding,) = refusal(env_toml.generate, str(path)).findings
    assert (finding.level, finding.path) == ("error", ("sections", "slurm_base", "nodes"))
    assert "site.json" in finding.origin


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is there from Python 3.11 on")
def test_toml_config(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text('defaults = "slurm"\nonly = ["slurm_curate"]\n[sections.slurm_base]\nnodes = 3\n', encoding="utf-8")
    assert generate(path)["slurm_curate"]["nodes"] == 3
    path.write_text('[sections.p]\nexecutor = "local"\nexecutor = "slurm"\n', encoding="utf-8")
    assert_says(refusal(env_toml.generate, str(path)), ["site.toml", "line 3"])
    path.write_text("[sections.p]\nday = 2024-01-01\nnan = nan\n", encoding="utf-8")
    assert_says(refusal(env_toml.generate, str(path)), ["p.nan"])


@pytest.mark.skipif(sys.version_info >= (3, 11), reason="tomllib is not there before Python 3.11")
def test_toml_config_on_an_older_python(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text('defaults = "slurm"\n', encoding="utf-8")
    error = refusal(env_toml.generate, str(path))
    assert_says(error, ["site.toml", "3.11"])
    assert len(str(error).splitlines()) == 1


def test_a_file_that_is_gone_before_it_is_read(tmp_path):
    error = refusal(env_toml._read_text, str(tmp_path / "gone"), "gone")
    assert str(error) == "gone: No such file or directory"


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
    assert_says(refusal(env_toml.generate, str(tmp_path / "site.json")), fragments)


def test_what_could_not_be_merged_is_all_that_is_told(call, tmp_path):
    sections = {"slurm_base": {"mounts": {"a": "b"}}, "p": {"extends": "slurm_base"}}
    (tmp_path / "site.json").write_text(json.dumps({"defaults": "slurm", "only": ["p"], "sections": sections}))
    err = call("-c", "site.json", "sections.p.nodes=2").err
    assert err == "error: slurm_base.mounts: a table over a list (in site.json)\n"


def test_a_value_in_the_place_of_a_profile_is_shown(tmp_path):
    path = write_config(tmp_path / "site.json", {"sections": {"a": 17}})
    assert_says(refusal(env_toml.generate, str(path)), ["a: expected a table, found 17"])


@pytest.mark.parametrize("tables", [env_toml.MAX_DEPTH - 3, env_toml.MAX_DEPTH - 2])
def test_nesting_limit(tables):
    """The limit counts all keys from "sections" on: two of them and x lead to the outermost table."""
    value = 1
    for _ in range(tables):
        value = {"a": value}
    layer = env_toml.Layer("site.json", False, {"sections": {"p": {"executor": "local", "x": value}}})
    seen = attempt(env_toml.Plan, "site.json", [], [layer])
    if tables + 3 > env_toml.MAX_DEPTH:
        assert_says(seen, ["p.x.a", "nested more than 64 deep, found a table (in site.json)"])
    else:
        assert seen.profiles["p"]["x"] == value


def test_nesting_that_cannot_be_merged():
    """A newer Python reads JSON deeper than its own functions may call each other."""
    deep = {}
    for _ in range(3_000):
        deep = {"x": deep}
    sections = {"a": {"executor": "local", "x": deep}, "b": {"extends": "a", "x": deep}}
    layer = env_toml.Layer("site.json", False, {"sections": sections}, nulls=False)
    error = refusal(env_toml.Plan, "site.json", ["sections.b.nodes=2"], [layer])
    assert_says(error, ["b.x.x", "a.x.x", "nested more than 64 deep (in site.json)"])


# ------------------------------------------------------------------------------------ defaults


def profile(**fields):
    return {"sections": {"p": {"executor": "local", **fields}}}


def write_configs(tmp_path, configs):
    for name, config in configs.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_config(tmp_path / name, config)
    return tmp_path / "site.json"


def test_defaults_merge_in_order(tmp_path):
    first = profile(a=1, b=1, c=1, table={"x": 1, "y": 1}, items=[1, 2])
    second = profile(b=2, c=2, table={"y": 2, "z": 2}, items=[3], gone=1)
    own = {"defaults": ["first.json", "second.json"], **profile(c=3, table={"z": None}, gone=None)}
    path = write_configs(tmp_path, {"first.json": first, "second.json": second, "site.json": own})
    expected = {"executor": "local", "a": 1, "b": 2, "c": 3, "table": {"x": 1, "y": 2}, "items": [3]}
    assert generate(path)["p"] == expected


def test_defaults_are_relative_to_their_file(tmp_path):
    configs = {
        "site.json": {"defaults": "shared/team.json", "only": ["slurm_curate"]},
        "shared/team.json": {"defaults": ["../base.json"], "sections": {"slurm_base": {"account": "team"}}},
        "base.json": {"defaults": "slurm", "sections": {"slurm_base": {"account": "base", "partition": "base"}}},
    }
    curate = generate(write_configs(tmp_path, configs))["slurm_curate"]
    assert (curate["account"], curate["tunnel"]) == ("team", "ssh")


def test_defaults_in_a_diamond(tmp_path):
    configs = {
        "site.json": {"defaults": ["left.json", "right.json"]},
        "left.json": {"defaults": "top.json", **profile(left=2)},
        "right.json": {"defaults": "top.json", **profile(right=2)},
        "top.json": profile(left=1, right=1, top=1),
    }
    seen = generate(write_configs(tmp_path, configs))["p"]
    assert seen == {"executor": "local", "left": 2, "right": 2, "top": 1}


@pytest.mark.parametrize(
    ("configs", "cycle"),
    [
        ({"site.json": {"defaults": "site.json"}}, ["site.json"]),
        ({"site.json": {"defaults": ["./site.json"]}}, ["site.json"]),
        ({"site.json": {"defaults": "a.json"}, "a.json": {"defaults": "site.json"}}, ["site.json", "a.json"]),
        (
            {
                "site.json": {"defaults": ["slurm", "a.json"]},
                "a.json": {"defaults": "b.json"},
                "b.json": {"defaults": "a.json"},
            },
            ["a.json", "b.json"],
        ),
    ],
    ids=["itself", "itself by another name", "two", "two further on"],
)
def test_defaults_in_a_cycle(tmp_path, configs, cycle):
    assert_says(refusal(env_toml.generate, str(write_configs(tmp_path, configs))), ["return to it", *cycle])


def test_defaults_in_a_long_chain(tmp_path):
    chain = {f"{n}.json": {"defaults": f"{n + 1}.json"} for n in range(1, env_toml.MAX_DEPTH)}
    path = write_configs(
        tmp_path, {"site.json": {"defaults": "1.json"}, **chain, f"{env_toml.MAX_DEPTH}.json": profile()}
    )
    assert_says(refusal(env_toml.generate, str(path)), ["64.json", "64 deep"])
    assert generate(tmp_path / "1.json") == {"p": {"executor": "local"}}


def test_defaults_that_are_not_there(tmp_path):
    path = write_configs(tmp_path, {"site.json": {"defaults": "slrum"}})
    assert_says(refusal(env_toml.generate, str(path)), ["slrum", "did you mean slurm", "dgxcloud, lepton, slurm"])
    path = write_configs(tmp_path, {"site.json": {"defaults": "a.json"}, "a.json": [1]})
    assert_says(refusal(env_toml.generate, str(path)), ["a.json", "object"])


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
    assert generate("m.json")[profile]["nodes"] == wanted


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


# ----------------------------------------------------------------------------- what is bundled


def test_field_of_a_bundled_config():
    config = {"sections": {"p": {"executor": "slurm", "acount": "x"}}}
    assert env_toml.check(config, config["sections"], config) == []
    (finding,) = env_toml.check(config, config["sections"], {})
    assert_says(finding, ["did you mean account"])


def test_bundled_configs_have_no_findings():
    for name in ("lepton", "slurm", "dgxcloud"):
        seen = run("-c", name, "-d")
        assert (seen.returncode, seen.stderr) == (0, ""), seen


def test_every_kind_is_used():
    """A kind that no field has, or a field of no kind, would be a mistake in the table."""
    assert {kind for _, kind, _ in FIELDS} == CASES["kinds"].keys(), json.dumps(CASES["fields"])
