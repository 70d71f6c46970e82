"""Fields and schema: what each field takes and refuses, by executor and kind, and names that are mistyped."""

from __future__ import annotations

import re

import pytest
import sources
from helpers import assert_says, attempt, exact, generate, load_cases, refusal, write_config
from rows import each_row

import env_toml

CASES = load_cases("fields")
DECLARED = sources.list_fields()
ABOVE = ("config", "sections", "checks")  # what is no field of a profile or of a table in one
IN_PROFILES = [heading for heading in env_toml.FIELDS if heading not in ABOVE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return one folder for all: each test writes its config anew."""
    return tmp_path_factory.mktemp("fields")


def findings_of(path, *words):
    """Return the findings of a run, errors or else warnings."""
    seen = attempt(env_toml.make_plan, str(path), list(words))
    return seen.findings if isinstance(seen, env_toml.EnvTomlError) else seen.warnings


def errors_of(path, *words):
    return [finding for finding in findings_of(path, *words) if finding.level == "error"]


def write_profiles(folder, profiles, **more):
    config = {"checks": sources.ALLOWED, "sections": profiles, **more}
    return write_config(folder / "site.json", config)


def write_values(folder, field, values):
    """Write a config with a profile for each value; a parent must be there to be extended."""
    profiles = {}
    if field.name == "extends" and values is field.accepts:
        profiles = {text: {"executor": "local"} for text in values}
    for number, value in enumerate(values):
        profiles[f"p{number}"] = sources.make_profile(field.heading, field.name, value)
    return write_profiles(folder, profiles)


# ------------------------------------------------------------------------- every field has its case


def test_every_declared_field_has_a_case():
    declared = {(heading, name) for heading in IN_PROFILES for name in env_toml.FIELDS[heading]}
    assert {(field.heading, field.name) for field in DECLARED} == declared


def test_every_kind_is_one_that_a_field_has():
    assert {field.kind for field in DECLARED} == CASES["kinds"].keys()


PROFILE_FIELDS = [field for field in DECLARED if field.heading != "wandb"]
NAMES = [f"{field.heading}: {field.name}" for field in PROFILE_FIELDS]


@each_row("field", PROFILE_FIELDS, ids=NAMES)
def test_a_field_refuses_what_is_not_of_its_kind(folder, field):
    errors = errors_of(write_values(folder, field, field.refuses))
    refused = {}
    for error in errors:
        assert field.name in error.keys, error
        refused.setdefault(error.keys[1], []).append(error.message)
    expected = {f"p{number}": value for number, value in enumerate(field.refuses)}
    assert [value for name, value in expected.items() if name not in refused] == [], "not refused"
    says = CASES["kinds"][field.kind]["says"]
    rows = CASES["kinds"][field.kind]["refuses"]
    for number in range(len(rows)):
        assert_says(" ".join(refused[f"p{number}"]), [says])


@each_row("field", PROFILE_FIELDS, ids=NAMES)
def test_a_field_takes_what_is_of_its_kind(folder, field):
    written = generate(write_values(folder, field, field.accepts))
    for number, value in enumerate(field.accepts):
        profile = sources.make_profile(field.heading, field.name, value)
        if field.name == "extends":
            del profile["extends"]
        assert exact(written[f"p{number}"]) == exact(profile)


@pytest.mark.parametrize("name", CASES["fields"]["wandb"]["text"].split())
def test_a_field_of_wandb(folder, name):
    accepts, refuses = sources.list_values("text", False)
    sections = {"p": {"executor": "local"}}
    for value in accepts:
        path = write_profiles(folder, {**sections, "wandb": {name: value}})
        assert generate(path)["wandb"] == {name: value}
    for value in refuses:
        path = write_profiles(folder, {**sections, "wandb": {name: value}})
        places = [error.keys[:3] for error in errors_of(path)]
        assert places == [("sections", "wandb", name)], value


@each_row("heading", [h for h in CASES["fields"] if h not in ("mount", "volume", "wandb")])
def test_null_removes_any_field(folder, heading):
    names = [field.name for field in DECLARED if field.heading == heading]
    own = {name: None for name in names if name not in CASES["profiles"][heading]}
    path = write_profiles(folder, {"p": {**CASES["profiles"][heading], **own}})
    assert generate(path) == {"p": CASES["profiles"][heading]}


# ------------------------------------------------------------------------------- one-line text, lines


SHOWN = {
    "carriage return at the end": "carriage return",
    "no-break blank": "U+00A0",
    "curly double quotes": "U+201C",
    "zero width space": "U+200B",
    "blank at the end": "blank at an end",
    "blank at the beginning": "blank at an end",
}


@each_row("name", SHOWN)
def test_what_nobody_typed_on_purpose_is_named(folder, name):
    text = CASES["texts"]["text"]["refuses"][name]
    path = write_profiles(folder, {"p": {"executor": "local", "container_image": text}})
    (error,) = errors_of(path)
    assert error.keys == ("sections", "p", "container_image")
    assert_says(error, ["text on one line", SHOWN[name]])


BROKEN = {  # also where a check of the whole looks at the text once more
    "a field": ("local", "container_image", "${oc.env:A,a=b}", "container_image"),
    "a variable": ("local", "env_vars", {"A": "${oc.env:A,a=b}"}, "env_vars.A"),
    "a mount of Slurm": ("slurm", "mounts", ["${oc.env:A,a=b}"], "mounts.0"),
    "lustre_mount": ("slurm", "lustre_mount", "${oc.env:A,a=b}", "lustre_mount"),
    "a folder on a volume": ("volume", "path", "${oc.env:A,a=b}", "pvcs.0.path"),
    "a folder for job files": ("volume", "pvc_nemo_run_dir", "${oc.env:A,a=b}", "pvc_nemo_run_dir"),
    "a mount of Lepton": ("mount", "path", "${oc.env:A,a=b}", "mounts.0.path"),
    "an executor": ("local", "executor", "${oc.env:A,a=b}", "executor"),
    "a parent": ("local", "extends", "${oc.env:A,a=b}", "extends"),
}


@each_row("name", BROKEN)
def test_a_broken_interpolation_is_told_once_with_its_key(folder, name):
    heading, field, value, place = BROKEN[name]
    profile = sources.make_profile(heading, field, value)
    if field == "pvc_nemo_run_dir":
        profile = {**CASES["profiles"]["volume"], field: value}
    errors = errors_of(write_profiles(folder, {"p": profile}))
    told = [error for error in errors if "interpolation" in error.message]
    assert [error.keys for error in told] == [("sections", "p", *split(place))], errors


def split(place):
    return [int(key) if key.isdigit() else key for key in place.split(".")]


def test_any_blank_at_an_end_is_one(folder):
    profile = {"executor": "local", "container_image": "a\u3000"}
    (error,) = errors_of(write_profiles(folder, {"p": profile}))
    assert error.keys == ("sections", "p", "container_image")


@each_row("name", CASES["texts"]["lines"]["refuses"])
def test_an_environment_variable_holds_lines_and_tabs_and_nothing_unseen(folder, name):
    text = CASES["texts"]["lines"]["refuses"][name]
    path = write_profiles(folder, {"p": {"executor": "local", "env_vars": {"A": text}}})
    assert [error.keys for error in errors_of(path)] == [("sections", "p", "env_vars", "A")]


def test_an_environment_variable_may_hold_lines_and_tabs(folder):
    texts = CASES["texts"]["lines"]["accepts"]
    variables = {f"A{number}": text for number, text in enumerate(texts)}
    path = write_profiles(folder, {"p": {"executor": "local", "env_vars": variables}})
    assert generate(path)["p"]["env_vars"] == variables


# ------------------------------------------------------------------------------------------- mounts


@pytest.mark.parametrize("executor", CASES["mounts"])
def test_the_mounts_that_an_executor_takes(folder, executor):
    rows = CASES["mounts"][executor]
    mounts = rows["accepts"] + rows.get("accepts with ${}", [])
    path = write_profiles(folder, {"p": {**CASES["profiles"][executor], "mounts": mounts}})
    assert generate(path)["p"]["mounts"] == mounts


@pytest.mark.parametrize("executor", CASES["mounts"])
def test_the_mounts_that_an_executor_refuses(folder, executor):
    mounts = CASES["mounts"][executor]["refuses"]
    path = write_profiles(folder, {"p": {**CASES["profiles"][executor], "mounts": mounts}})
    refused = {error.keys[3] for error in errors_of(path)}
    assert [mount for index, mount in enumerate(mounts) if index not in refused] == []


SAYS_OF_MOUNTS = {
    "slurm": ["p.mounts.0", "SRC:DST:FLAGS", "lustre:/lustre"],
    "lepton": ["p.mounts.0", "path, mount_path, from"],
}


@pytest.mark.parametrize("executor", SAYS_OF_MOUNTS)
def test_a_wrong_mount_is_told_what_is_expected(folder, executor):
    profile = {**CASES["profiles"][executor], "mounts": ["lustre:/lustre"]}
    (error,) = errors_of(write_profiles(folder, {"p": profile}))
    assert_says(error, SAYS_OF_MOUNTS[executor])


def test_inherited_mounts_are_checked_by_the_executor_of_the_heir(folder):
    profiles = {
        "base": {**CASES["profiles"]["every executor"], "executor": "slurm", "mounts": ["/a:/b"]},
        "heir": {"extends": "base", "executor": "lepton"},
    }
    (error,) = errors_of(write_profiles(folder, profiles))
    assert error.keys == ("sections", "heir", "mounts", 0)


# ------------------------------------------------------------------------------------------ names


@each_row(("name", "known"), CASES["names"]["close"].items())
def test_a_name_close_to_a_field_is_an_error(folder, name, known):
    profile = sources.make_profile("slurm", name, "1")
    (error,) = errors_of(write_profiles(folder, {"p": profile}))
    assert error.keys == ("sections", "p", name)
    assert_says(error, [f"did you mean {known}?", f"checks.extra_fields+={name}"])


@each_row("name", CASES["names"]["not close"])
def test_a_name_close_to_no_field_is_only_told(folder, name):
    profile = sources.make_profile("slurm", name, "1")
    (warning,) = findings_of(write_profiles(folder, {"p": profile}))
    assert (warning.level, warning.keys) == ("warning", ("sections", "p", name))
    assert_says(warning, [f"no executor reads {name}", f"checks.extra_fields+={name}"])


def test_extra_fields_lets_names_pass(folder):
    names = [*CASES["names"]["close"], *CASES["names"]["not close"]]
    profile = {**CASES["profiles"]["slurm"], **dict.fromkeys(names, "1")}
    checks = {**sources.ALLOWED, "extra_fields": names}
    assert findings_of(write_profiles(folder, {"p": profile}, checks=checks)) == []
    checks = {**sources.ALLOWED, "extra_fields": names[1:]}
    (error,) = findings_of(write_profiles(folder, {"p": profile}, checks=checks))
    assert error.keys == ("sections", "p", names[0])


MISTYPED = [
    (heading, name, known)
    for heading, names in CASES["mistyped keys"].items()
    for name, known in names.items()
]


@each_row(("heading", "name", "known"), MISTYPED)
def test_a_mistyped_key_of_a_mount_a_volume_or_wandb_is_an_error(folder, heading, name, known):
    config = sources.make_config(heading, name, "x")
    errors = errors_of(write_config(folder / "site.json", config))
    (error,) = [error for error in errors if error.keys[-1] == name]
    assert_says(error, [f"did you mean {known}?"])


SUGGESTED = {  # a name that must be one of a few: half a name is enough
    "sections.p.executor=slrum": "did you mean slurm?",
    "sections.p.executor=leptn": "did you mean lepton?",
    "sections.p.executor=dgx": "",
    "sections.p.executor=kubernetes": "",
    "sections.q.extends=pq_base": "",
    "sections.q.extends=long_nam": "did you mean long_name?",
    "sections.q.extends=lxxg_nxme": "did you mean long_name?",
    "sections.q.extends=lxxg_nxxx": "",
    "only=[long]": "did you mean long_name?",
}


@each_row(("word", "says"), SUGGESTED.items())
def test_a_name_that_must_be_one_of_a_few_is_suggested(folder, word, says):
    profiles = {"p": {"executor": "local"}, "long_name": {"executor": "local"}}
    error = refusal(env_toml.generate, str(write_profiles(folder, profiles)), [word])
    assert "".join(re.findall(r"did you mean \w+\?", str(error))) == says, error


# ---------------------------------------------------------------------------------------- --fields


def test_fields_lists_every_field_by_executor(call):
    seen = call("--fields")
    assert (seen.exit, seen.err) == (0, "")
    listed, heading = {}, ""
    for line in seen.out.splitlines():
        if line.startswith(" "):
            listed[heading].append(line.split()[0])
        else:
            heading = line
            listed[heading] = []
    declared = {}
    for field in PROFILE_FIELDS:
        declared.setdefault(field.heading, []).append(field.name)
    del declared["mount"], declared["volume"]
    assert {h: sorted(names) for h, names in listed.items()} == {
        h: sorted(names) for h, names in declared.items()
    }


@each_row("executor", ["local", "docker", "slurm", "lepton", "dgxcloud"])
def test_fields_of_one_executor(call, executor):
    seen = call("--fields", executor)
    assert (seen.exit, seen.err) == (0, "")
    names = {line.split()[0] for line in seen.out.splitlines() if line.startswith(" ")}
    headings = ("every executor", executor, "other commands")
    assert names == {field.name for field in DECLARED if field.heading in headings}


def test_fields_says_kind_and_meaning(call):
    assert re.search(
        r"^  time +time +the time limit: M, M:S, ", call("--fields", "slurm").out, re.MULTILINE
    )


def test_fields_of_no_executor_is_an_error(call):
    seen = call("--fields", "slrum")
    assert (seen.exit, seen.out) == (2, "")
    assert_says(seen.err, ["local, docker, slurm, lepton, dgxcloud", "did you mean slurm?"])
