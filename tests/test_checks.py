"""Findings of the whole: what only the profiles together can tell, all of it at once."""

from __future__ import annotations

import json
import time

import pytest
import tomli_w
from cli import CONFIGS
from helpers import assert_says, attempt, load_cases, plain_and_thorough, refusal, write_config
from rows import each_row

import env_toml

CASES = load_cases("checks")
NAMES = [case["name"] for case in CASES]


def place(finding):
    return ".".join(str(key).replace(".", "\\.") for key in finding.keys)


def findings_of(config, *words, strict=False):
    """Return what a run is refused with, else what it is warned of."""
    seen = attempt(env_toml.make_plan, str(config), list(words), strict)
    return seen.findings if isinstance(seen, env_toml.EnvTomlError) else seen.warnings


def write_case(case):
    for name, content in case.get("files", {}).items():
        with open(name, "w", encoding="utf-8") as file:
            json.dump(content, file)
    with open("site.json", "w", encoding="utf-8") as file:
        json.dump(case["config"], file)


@each_row("case", CASES, ids=NAMES)
def test_findings(clean, case):
    write_case(case)
    seen = findings_of("site.json", *case.get("words", ()))
    listing = "\n".join(f"{finding.level}: {finding}" for finding in seen)
    for level, where, fragments in case["findings"]:
        found = [str(f) for f in seen if (f.level, place(f)) == (level, where)]
        assert len(found) == 1, f"{level} at {where!r}: {len(found)} times in:\n{listing}"
        assert_says(found[0], fragments)
    assert len(seen) == len(case["findings"]), listing


@each_row("case", CASES, ids=NAMES)
def test_strict_makes_warnings_errors(clean, case):
    write_case(case)
    seen = findings_of("site.json", *case.get("words", ()), strict=True)
    seen = [finding for finding in seen if "placeholder" not in finding.message]
    places = sorted(where for _, where, _ in case["findings"])
    assert sorted(map(place, seen)) == places
    assert {finding.level for finding in seen} <= {"error"}


# ------------------------------------------------------------------------------ modes and statuses


WARNED = {"executor": "local", "qos": "high"}
MODES = {
    "write": ["output_path=out.toml"],
    "dry run": ["-d"],
    "check": ["--check", "output_path=out.toml"],
    "lint": ["--lint", "linted.toml"],
}


@each_row("mode", MODES)
def test_strict_in_every_mode(call, tmp_path, mode):
    write_config(tmp_path / "site.json", {"sections": {"p": WARNED}})
    (tmp_path / "linted.toml").write_text(tomli_w.dumps({"p": WARNED}), encoding="utf-8")
    words = [*MODES[mode], *(["-c", "site.json"] if mode != "lint" else [])]
    relaxed = call(*words)
    assert relaxed.exit == (1 if mode == "check" else 0)
    assert relaxed.err.startswith("warning: p.qos: no executor reads qos")
    (tmp_path / "out.toml").unlink(missing_ok=True)
    strict = call("--strict", *words)
    assert (strict.exit, strict.out) == (2, "")
    assert strict.err == relaxed.err.replace("warning: ", "error: ", 1)
    assert not (tmp_path / "out.toml").exists()


def test_after_an_error_nothing_is_written(call, tmp_path):
    write_config(tmp_path / "site.json", {"sections": {"p": {**WARNED, "nodes": 0}}})
    seen = call("-c", "site.json", "output_path=out.toml")
    assert (seen.exit, seen.out) == (2, "")
    assert [line.split(": ")[0] for line in seen.err.splitlines()] == ["error", "warning"]
    assert not (tmp_path / "out.toml").exists()


LINTED = [
    case
    for case in CASES
    if not {"words", "files"} & case.keys()
    and case["config"].keys() <= {"checks", "sections"}
    # TOML has no null, no half pairs and no integers beyond 64 bits to lint
    and "TOML" not in case["name"]
]


@each_row("case", LINTED, ids=[case["name"] for case in LINTED])
def test_lint_finds_what_a_run_finds(clean, tmp_path, case):
    sections = case["config"]["sections"]
    (tmp_path / "linted.toml").write_text(tomli_w.dumps(sections), encoding="utf-8")
    words = [
        f"checks.{name}={json.dumps(value)}"
        for name, value in case["config"].get("checks", {}).items()
    ]
    seen = attempt(env_toml.lint, "linted.toml", "", words, False)
    if isinstance(seen, env_toml.EnvTomlError):
        seen = seen.findings
    expected = sorted((level, where) for level, where, _ in case["findings"])
    # a file that stands may have what the public profiles have: `workspace` for Slurm
    kept = [("warning", "sections.s.workspace")]
    expected = [one for one in expected if one not in kept]
    listing = "\n".join(f"{finding.level}: {finding}" for finding in seen)
    assert sorted((finding.level, place(finding)) for finding in seen) == expected, listing


def test_lint_with_a_config_asks_what_the_config_asks(call, tmp_path):
    checks = {"required_profiles": ["gone"], "recommended_min_nodes": {"p": 4}}
    base = {"sections": {"gone": {"executor": "local"}, "p": {"executor": "local"}}}
    write_config(tmp_path / "site.json", {"checks": checks, **base})
    (tmp_path / "linted.toml").write_text('[p]\nexecutor = "local"\nnodes = 2\n', encoding="utf-8")
    seen = call("--lint", "linted.toml", "-c", "site.json")
    assert (seen.exit, seen.out) == (2, "")
    assert_says(
        seen.err,
        [
            "error: checks.required_profiles.gone: there is no profile",
            "warning: p.nodes: 2 of at least 4",
        ],
    )
    assert call("--lint", "linted.toml").out == "linted.toml: no errors\n"


@each_row("name", CONFIGS)
def test_bundled_values_have_no_findings(clean, name):
    assert findings_of(name) == []


@pytest.mark.parametrize("name", plain_and_thorough(CONFIGS, "lepton"))
def test_a_generated_file_has_nothing_to_lint(clean, tmp_path, name):
    for words in ([], ["expand=false"]):
        text = env_toml.generate(name, words)
        (tmp_path / "out.toml").write_text(text, encoding="utf-8")
        assert env_toml.lint("out.toml", "", [], strict=False) == []


# ---------------------------------------------------------------------------- words on what is bundled


TOLD = {
    "a word for another cluster": (
        ["-d", "sections.slurm_base.account=x"],
        ["error: slurm_base.executor: no executor", "login node", "config in use is lepton", "-c"],
    ),
    "a profile that loses its parent": (
        ["-c", "slurm", "-d", "sections.slurm_curate.extends=null"],
        ["error: slurm_curate.executor: no executor", "(in sections.slurm_curate.extends)"],
    ),
    "a profile without executor": (
        ["-c", "slurm", "-d", "sections.slurm_base.executor=null"],
        ["error: slurm_base.executor: no executor", "(in sections.slurm_base.executor)"],
    ),
    "a profile without sections.": (
        ["-c", "slurm", "-d", "slurm_base.account=x"],
        ["error: slurm_base.account: expected sections.slurm_base.account"],
    ),
    "a word that asks for more nodes": (
        ["-c", "slurm", "-d", "checks.recommended_min_nodes.slurm_curate=9"],
        ["warning: slurm_curate.nodes: 1 of at least 9 recommended nodes"],
    ),
    "a word that asks for a profile": (
        ["-c", "slurm", "-d", "checks.required_profiles+=zz"],
        ["error: checks.required_profiles.zz: there is no profile 'zz'"],
    ),
    "a pattern that nothing matches": (
        ["-c", "slurm", "-d", "sections.slurm_xyz_*.nodes=4"],
        [
            "error: slurm_xyz_*: the pattern slurm_xyz_* matches no profile",
            "(in sections.slurm_xyz_*.nodes)",
        ],
    ),
    "only an unknown profile": (
        ["-c", "slurm", "-d", "only=[slurm_sft_automdel]"],
        ["'slurm_sft_automdel'; did you mean slurm_sft_automodel?", "(in only)"],
    ),
    "a tunnel that is removed": (
        ["-c", "slurm", "-d", "sections.slurm_base.tunnel=null"],
        [
            "error: slurm_base.tunnel: missing: executor slurm needs tunnel",
            "(in sections.slurm_base.tunnel)",
        ],
    ),
    "a table in env_vars that a word makes": (
        ["-c", "slurm", "-d", "sections.slurm_base.env_vars.A.b=x"],
        ["warning: slurm_base.env_vars.A: a table", "(in sections.slurm_base.env_vars.A.b)"],
    ),
    "a mount that Lepton refuses": (
        ["-d", "sections.lepton_base.mounts=[{path: /a, mount_path: /b}]"],
        [
            "error: lepton_base.mounts.0: expected a table with path, mount_path, from,"
            " found one with path, mount_path"
        ],
    ),
}


@each_row("name", TOLD)
def test_what_is_told(call, name):
    words, fragments = TOLD[name]
    seen = call(*words)
    assert_says(seen.err, fragments)
    assert seen.exit == (0 if fragments[0].startswith("warning") else 2)


@pytest.mark.parametrize(
    "word",
    [
        "sections.slurm_base.container_image=x",
        "sections.slurm_base={container_image: x}",
        "sections.slurm_base={zzz: null, container_image: x}",
    ],
)
def test_heirs_that_keep_their_own_are_counted_however_the_word_is_written(call, word):
    err = call("-c", "slurm", "-d", word).err
    assert err.count("\n") == 1
    assert_says(err, ["warning: slurm_base.container_image: 23 of 32 heirs keep their own ("])


def test_names_with_dots_are_names(clean, tmp_path):
    checks = {"recommended_min_nodes": {"a.b": 2}}
    sections = {"a.b": {"executor": "local", "nodes": 1}}
    write_config(tmp_path / "site.json", {"sections": sections, "checks": checks})
    (finding,) = findings_of("site.json")
    assert finding.keys == ("sections", "a.b", "nodes")
    (finding,) = findings_of("site.json", r"checks.recommended_min_nodes.a\.b=3")
    assert "1 of at least 3" in finding.message


def test_a_value_is_cut(clean, tmp_path):
    write_config(
        tmp_path / "site.json", {"sections": {"p": {"executor": "local", "nodes": "x" * 99}}}
    )
    (finding,) = findings_of("site.json")
    assert str(finding) == (
        f"p.nodes: expected an integer of at least 1 (and 64 bits), found '{'x' * 56}... (in site.json)"
    )


def test_the_error_tells_all_and_has_each(clean, tmp_path):
    write_config(tmp_path / "site.json", {"sections": {"p": {**WARNED, "nodes": 0, "time": "12h"}}})
    error = refusal(env_toml.generate, "site.json")
    assert str(error).splitlines() == [str(finding) for finding in error.findings]
    assert len(error.findings) == 4
    finding = error.findings[0]
    assert (finding.level, finding.keys, finding.origin) == (
        "error",
        ("sections", "p", "nodes"),
        "site.json",
    )


# --------------------------------------------------------------------------------------- linear cost

# More names than are searched for one that is close: that search is the greater part of fewer.


def make_mistakes(number):
    return {"sections": {f"p{n}": {"executor": "local", "nodes": 0} for n in range(number)}}


def make_missing_parents(number):
    return {"sections": {f"p{n}": {"extends": f"gone{n}"} for n in range(number + 1)}}


def make_profiles_without_executor(number):
    return {"sections": {f"p{n}": {"nodes": 1} for n in range(number + 1)}}


def make_profiles(number):
    chain = {f"p{n}": {"extends": f"p{n - 1}", "nodes": n} for n in range(1, number)}
    return {"sections": {"p0": {"executor": "local"}, **chain}}


def make_missing_names(number):
    names = [f"gone{n}" for n in range(number)]
    checks = {"required_profiles": names, "recommended_min_nodes": dict.fromkeys(names, 1)}
    return {"sections": {"p": {"executor": "local"}}, "checks": checks}


COSTS = [
    make_mistakes,
    make_missing_parents,
    make_profiles_without_executor,
    make_profiles,
    make_missing_names,
]


@pytest.mark.parametrize("make", plain_and_thorough(COSTS, make_missing_parents))
def test_ten_times_as_much_costs_less_than_thirty_times_as_much(clean, tmp_path, make):
    costs = {}
    for number in (200, 2000):
        path = write_config(tmp_path / f"{number}.json", make(number))
        costs[number] = measure(path)
    assert costs[2000] < 30 * costs[200], costs


def test_ten_times_as_many_words_for_an_heir_cost_less_than_thirty_times_as_much(clean, tmp_path):
    """What it inherits is as long."""
    costs = {}
    for number in (200, 2000):
        base = {"executor": "local", "env_vars": {f"A{n}": "x" for n in range(number)}}
        sections = {"base": base, "heir": {"extends": "base"}}
        path = write_config(tmp_path / f"{number}.json", {"sections": sections})
        costs[number] = measure(path, *(f"sections.heir.env_vars.B{n}=x" for n in range(number)))
    assert costs[2000] < 30 * costs[200], costs


def measure(path, *words):
    before = time.process_time()
    findings_of(path, *words)
    return time.process_time() - before


def test_what_is_wrong_in_a_table_that_is_wrong_is_told_too(tmp_path):
    config = {"checks": {"bogus": {"a": "x\x01"}}, "sections": {"p": {"executor": "local"}}}
    found = findings_of(write_config(tmp_path / "site.json", config))
    assert [finding.keys for finding in found] == [("checks", "bogus"), ("checks", "bogus", "a")]


def test_a_stage_that_nests_without_end_is_one_finding():
    def endless():
        endless()

    report = env_toml.Report()
    with report:
        endless()
    assert [str(finding) for finding in report.findings] == ["nested more than 64 deep"]


@pytest.mark.parametrize(
    ("words", "origin"),
    [
        (["variables.SLURM_MOUNT=data:/data"], "variables.SLURM_MOUNT"),
        (["sections.slurm_base.mounts=[data:/data]"], "sections.slurm_base.mounts"),
        (["sections.slurm_base.mounts=[${oc.env:SLURM_MOUNT}]", "variables.SLURM_MOUNT=data:/data"],
         "sections.slurm_base.mounts, variables.SLURM_MOUNT"),
        (["variables.SLURM_MOUNT=${oc.env:WANDB_ENTITY}", "variables.WANDB_ENTITY=data"],
         "variables.SLURM_MOUNT, variables.WANDB_ENTITY"),
    ],
)  # fmt: skip
def test_what_a_sites_variable_makes_wrong_is_not_blamed_on_the_bundled_text(words, origin):
    error = refusal(env_toml.make_plan, "slurm", words)
    (finding,) = [finding for finding in error.findings if finding.level == "error"]
    assert (finding.keys, finding.origin) == (("sections", "slurm_base", "mounts", 0), origin)


def test_a_wrong_value_names_the_file_of_the_text_and_that_of_the_variable(clean, tmp_path):
    profile = {"executor": "local", "nodes": "${oc.env:N}"}
    base = {"variables": {"N": "2"}, "sections": {"p": profile}}
    write_config(tmp_path / "base.json", base)
    write_config(tmp_path / "site.json", {"defaults": "base.json", "variables": {"N": "two"}})
    (finding,) = findings_of("site.json")
    assert_says(finding, ["p.nodes", "found 'two'", "(in base.json, site.json)"])
    (finding,) = findings_of("base.json", "variables.N=zwei")
    assert_says(finding, ["found 'zwei'", "(in base.json, variables.N)"])


def test_a_parent_that_was_dropped_is_told_with_the_word_that_drops_it():
    error = refusal(env_toml.make_plan, "slurm", ["sections.slurm_sft_megatron_bridge=null"])
    assert {finding.origin for finding in error.findings} == {"sections.slurm_sft_megatron_bridge"}
    assert_says(error, ["slurm_sft_automodel.extends: there is no profile"])
    error = refusal(env_toml.make_plan, "slurm", ["sections.slurm_base.extends=slurm_curate"])
    told = [finding for finding in error.findings if "returns to itself" in finding.message]
    assert [finding.origin for finding in told] == ["sections.slurm_base.extends"]
    error = refusal(env_toml.make_plan, "slurm", ["sections.mine.extends=slurm_bose"])
    assert {finding.origin for finding in error.findings} == {"sections.mine.extends"}


def test_what_only_stands_beside_a_wrong_value_is_not_blamed(clean, tmp_path):
    """A default that another replaced is gone; a warning is not of what stands in a text."""
    profile = {"executor": "local", "nodes": "${oc.env:A,${oc.env:B}}"}
    write_config(tmp_path / "base.json", {"sections": {"p": profile}})
    (finding,) = findings_of("base.json", "variables.B=5", "variables.A=abc")
    assert finding.origin == "base.json, variables.A"
    word = "sections.lepton_base.partition=${oc.env:LEPTON_NODE_GROUP}"
    (finding,) = findings_of("lepton", word, "variables.LEPTON_NODE_GROUP=q")
    assert_says(finding, ["lepton does not read partition"])
    assert finding.origin == "sections.lepton_base.partition"


def test_a_text_with_too_many_interpolations_is_told(clean, tmp_path):
    """Each variable names the next one twice."""
    variables = {f"V{n}": f"${{oc.env:V{n + 1}}}${{oc.env:V{n + 1}}}" for n in range(18)}
    sections = {"p": {"executor": "local", "launcher": "${oc.env:V0}"}}
    config = {"variables": {**variables, "V18": "x"}, "sections": sections}
    path = write_config(tmp_path / "site.json", config)
    assert_says(
        refusal(env_toml.make_plan, str(path), []), ["more than 1000 interpolations in one text"]
    )


def test_a_cycle_is_told_with_the_word_that_closes_it():
    """The other variable in it is of a bundled config."""
    words = ["variables.SLURM_PARTITION=${oc.env:SLURM_GPU_PARTITION}"]
    error = refusal(env_toml.make_plan, "slurm", words)
    told = [finding for finding in error.findings if "returns to itself" in finding.message]
    assert [finding.origin for finding in told] == ["variables.SLURM_PARTITION"]


def test_a_wrong_image_is_told_beside_a_moved_one(tmp_path):
    """Also where it is no text, which has no beginning."""
    config = {"defaults": "slurm", "images": {"nvcr.io/": "r#"}}
    config["sections"] = {"slurm_sft_automodel": {"container_image": 5, "container": ["a"]}}
    error = refusal(env_toml.make_plan, str(write_config(tmp_path / "site.json", config)), [])
    told = [finding.keys[-1] for finding in error.findings if finding.level == "error"]
    assert told == ["container_image", "container"]


def test_a_finding_without_a_place_is_of_the_config():
    plan = env_toml.make_plan("slurm", [])
    (finding,) = env_toml.wrong("lost").findings
    assert env_toml.find_origin(plan, finding) == "slurm"


def test_what_is_no_mistake_of_a_person_is_not_kept():
    report = env_toml.Report()
    with pytest.raises(ZeroDivisionError), report:
        raise ZeroDivisionError
    assert report.findings == []


def test_a_value_in_a_message_has_60_characters_at_most():
    assert env_toml.show_value("x" * 58, ()) == f"'{'x' * 58}'"
    assert env_toml.show_value("x" * 59, ()) == f"'{'x' * 56}..."


def test_of_very_many_names_none_is_suggested():
    """difflib would take minutes."""
    known = [f"name{number}" for number in range(env_toml.MANY)]
    assert env_toml.suggest("nam3", known) == "; did you mean name3?"
    assert env_toml.suggest("nam3", [*known, "one more"]) == ""


@pytest.mark.parametrize("table", ["sections", "images"])
def test_an_empty_name_is_told_with_its_table(tmp_path, table):
    config = {"sections": {"p": {"executor": "local"}}}
    config.setdefault(table, {})[""] = {"sections": {"executor": "local"}, "images": "r/"}[table]
    error = refusal(env_toml.make_plan, str(write_config(tmp_path / "site.json", config)), [])
    (finding,) = error.findings
    assert finding.keys == (table, "")
    assert finding.message == f"expected a name in {table}, found an empty one"
    assert str(finding).startswith(f"{table}.: expected a name in {table}")


def test_heirs_are_counted_once_where_each_keeps_its_own(tmp_path):
    """`e` has no value of its own: it is one of two that have that of `d`."""
    sections = {"a": {"executor": "local", "nodes": 1}, "b": {"extends": "a", "nodes": 2}}
    sections |= {"c": {"extends": "b", "nodes": 3}, "d": {"extends": "c", "nodes": 4}}
    sections |= {"e": {"extends": "d"}, "f": {"extends": "a"}}
    write_config(tmp_path / "base.json", {"sections": sections})
    site = {"defaults": "base.json", "sections": {"a": {"nodes": 9}}}
    plan = env_toml.make_plan(str(write_config(tmp_path / "site.json", site)), [])
    assert [finding.message for finding in plan.warnings] == [
        "4 of 5 heirs keep their own (b, c, d); sections.*.nodes sets it in every profile"
    ]
