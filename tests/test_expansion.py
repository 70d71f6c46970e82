"""Expansion of `extends`: the same as OmegaConf's merge, at any length, and nothing changes its arguments."""

import copy
import gc
import json
import re
import time

import pytest
from helpers import BUNDLED, exact, generate, plain_and_thorough, refusal, write_config
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from rows import each_row

import env_toml

RESERVED = ("wandb", "cli", "cache", "artifacts")


def merge_by_omegaconf(sections):
    """Merge every profile over its parent, each once, the way the reader of the file would."""
    merged = {}

    def complete(name):
        if name not in merged:
            own = {key: value for key, value in sections[name].items() if key != "extends"}
            merged[name] = OmegaConf.create(own)
            if "extends" in sections[name]:
                merged[name] = OmegaConf.merge(complete(sections[name]["extends"]), merged[name])
        return merged[name]

    names = [name for name in sections if name not in RESERVED]
    return {name: OmegaConf.to_container(complete(name)) for name in names}


def expand(sections):
    """Return the complete profiles and the findings."""
    report = env_toml.Report()
    profiles = env_toml.expand(sections, report)
    return profiles, report.findings


def assert_same_as_omegaconf(sections):
    before = copy.deepcopy(sections)
    profiles, findings = expand(sections)
    assert findings == []
    assert list(profiles) == [name for name in sections if name not in RESERVED]
    wanted = merge_by_omegaconf(sections)
    for name, profile in profiles.items():
        assert exact(profile) == exact(wanted[name]), name
    assert json.dumps(sections) == json.dumps(before), "expand changed its argument"
    return profiles


@pytest.mark.parametrize("name", plain_and_thorough(BUNDLED, "slurm"))
def test_bundled_config(name):
    """What is written complete is what OmegaConf makes of what is written with `extends`."""
    sections = generate(name, "expand=false")
    profiles = assert_same_as_omegaconf(sections)
    reserved = {key: table for key, table in sections.items() if key in RESERVED}
    document = generate(name)
    assert exact(document) == exact({**profiles, **reserved})
    assert list(document) == list(sections)


LEAVES = st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x", "y"])
LISTS = st.lists(LEAVES, max_size=3)


def tables(depth):
    """Tables whose keys say what their values are, so that no list meets a table."""
    return st.fixed_dictionaries(
        {},
        optional={
            "x": LEAVES,
            "y": LEAVES,
            "items": LISTS,
            **({"t": tables(depth - 1), "u": tables(depth - 1)} if depth else {}),
        },
    )


@st.composite
def forests(draw):
    """Profiles in any order, each with a parent among those drawn before it, or none."""
    profiles = draw(st.lists(tables(2), min_size=1, max_size=8))
    sections = {}
    for index, profile in enumerate(profiles):
        parent = draw(st.none() | st.integers(0, index - 1)) if index else None
        sections[f"p{index}"] = profile if parent is None else {"extends": f"p{parent}", **profile}
    return {name: sections[name] for name in draw(st.permutations(list(sections)))}


@given(forests())
def test_forest(sections):
    assert_same_as_omegaconf(sections)


@given(tables(3), tables(3))
def test_merge(base, over):
    before = json.dumps([base, over])
    merged = env_toml.merge(base, over)
    assert exact(merged) == exact(OmegaConf.to_container(OmegaConf.merge(base, over)))
    assert list(merged) == [*base, *(key for key in over if key not in base)]
    assert json.dumps([base, over]) == before, "merge changed its arguments"


@each_row(
    ("base", "over"),
    [
        ({"a": [1]}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {"a": [1]}),
        ({"a": []}, {"a": {}}),
        ({"t": {"a": {}}}, {"t": {"a": []}}),
    ],
)
def test_merge_of_a_table_and_a_list(base, over):
    with pytest.raises(Exception):  # noqa: B017, PT011  # OmegaConf's own error differs between its versions
        OmegaConf.merge(base, over)
    error = refusal(env_toml.merge, base, over)
    assert "a" in error.findings[0].keys


def time_expansion(sections):
    gc.disable()  # as a run does
    started = time.process_time()
    profiles, findings = expand(sections)
    seconds = time.process_time() - started
    gc.enable()
    return profiles, findings, seconds


@pytest.mark.parametrize("order", plain_and_thorough([1, -1], -1))
def test_long_chain(order):
    length = 20_000
    first = {"executor": "local", "nodes": 1, "env_vars": {"A": "0"}}
    chain = [("p0", first)]
    for number in range(1, length):
        heir = {"extends": f"p{number - 1}", "env_vars": {"A": str(number)}}
        chain.append((f"p{number}", heir))
    part = min(time_expansion(dict(chain[: length // 20][::order]))[2] for _ in range(5))
    profiles, findings, seconds = time_expansion(dict(chain[::order]))
    assert not findings
    assert profiles[f"p{length - 1}"] == {**first, "env_vars": {"A": str(length - 1)}}
    assert list(profiles) == [name for name, _ in chain[::order]]
    assert seconds < 100 * part, "20 times the length: about 20 times the time, 400 if quadratic"


def test_long_chain_in_a_file(tmp_path):
    heirs = {f"p{number}": {"extends": f"p{number - 1}"} for number in range(1, 2_000)}
    sections = {"p0": {"executor": "local"}, **heirs}
    path = write_config(tmp_path / "site.json", {"sections": sections})
    assert generate(path)["p1999"] == {"executor": "local"}


def test_long_cycle():
    length = 20_000
    sections = {f"p{number}": {"extends": f"p{(number + 1) % length}"} for number in range(length)}
    profiles, (finding,), _ = time_expansion(sections)
    assert (profiles, finding.level) == ({}, "error")
    shown = "p0 -> p1 -> p2 -> p3 -> ... -> p0"
    assert str(finding).endswith(shown)


@each_row(
    ("sections", "shown"),
    [
        ({"a": {"extends": "a"}}, "a -> a"),
        ({"a": {"extends": "b"}, "b": {"extends": "a"}}, "a -> b -> a"),
        ({"a": {"extends": "b"}, "b": {"extends": "c"}, "c": {"extends": "b"}}, "b -> c -> b"),
        (
            {
                "x": {"extends": "a"},
                "a": {"extends": "b"},
                "b": {"extends": "c"},
                "c": {"extends": "a"},
            },
            "a -> b -> c -> a",
        ),
    ],
)
def test_cycle(sections, shown):
    good = {"fine": {"executor": "local"}, "heir": {"extends": "fine"}}
    profiles, (finding,) = expand({**sections, **good})
    assert shown in str(finding)
    assert finding.level == "error"
    assert finding.keys[0] == "sections"
    assert finding.keys[2:] == ("extends",)
    assert profiles == {"fine": {"executor": "local"}, "heir": {"executor": "local"}}


@pytest.mark.parametrize("parent", ["nobody", "", "wandb"])
def test_parent_that_is_no_profile(parent):
    sections = {
        "wandb": {"x": 1},
        "base": {"x": 1},
        "a": {"extends": parent},
        "b": {"extends": "a"},
    }
    profiles, (finding,) = expand(sections)
    assert finding.keys == ("sections", "a", "extends")
    assert profiles == {"base": {"x": 1}}


@each_row("parent", [1, True, 1.5, ["base"], [], {}, {"base": 1}], ids=str)
def test_parent_in_a_file_that_is_no_text(tmp_path, parent):
    sections = {"base": {"executor": "local"}, "a": {"executor": "local", "extends": parent}}
    path = write_config(tmp_path / "site.json", {"sections": sections})
    error = refusal(env_toml.generate, str(path))
    assert "a.extends: expected text on one line, found" in str(error)


def test_parent_that_is_mistyped():
    _, (finding,) = expand({"slurm_base": {}, "a": {"extends": "slurm_bse"}})
    assert "did you mean slurm_base" in str(finding)
    _, (finding,) = expand({"a": {"extends": "slurm_base"}, "slurm_base": {"extends": "slurm_bse"}})
    assert finding.keys == ("sections", "slurm_base", "extends")
    assert "did you mean" not in str(finding), "a profile cannot extend itself"


def test_order_of_keys():
    sections = {
        "child": {"z": 1, "b": 2, "extends": "base", "t": {"q": 1, "y": 2}, "a": 3},
        "base": {"a": 0, "t": {"x": 0, "y": 0}, "b": 0},
    }
    child = expand(sections)[0]["child"]
    assert list(child) == ["a", "t", "b", "z"]
    assert list(child["t"]) == ["x", "y", "q"]


def test_lists_are_replaced():
    sections = {
        "base": {"a": [1, 2], "b": [1], "t": {"c": [1]}},
        "child": {"extends": "base", "a": [3], "b": [], "t": {}},
    }
    assert expand(sections)[0]["child"] == {"a": [3], "b": [], "t": {"c": [1]}}


def test_nulls_let_inherited_values_through(tmp_path):
    sections = {
        "base": {"executor": "local", "nodes": 1, "gone": None, "env_vars": {"A": "1", "B": "2"}},
        "child": {"extends": "base", "nodes": None, "env_vars": {"A": None, "C": None, "D": "4"}},
        "other": {"extends": None, "executor": "local", "env_vars": None},
        "nested": {"executor": "local", "x": [{"a": None, "b": [{"c": None}]}]},
    }
    seen = generate(write_config(tmp_path / "site.json", {"sections": sections}))
    assert seen == {
        "base": {"executor": "local", "nodes": 1, "env_vars": {"A": "1", "B": "2"}},
        "child": {"executor": "local", "nodes": 1, "env_vars": {"A": "1", "B": "2", "D": "4"}},
        "other": {"executor": "local"},
        "nested": {"executor": "local", "x": [{"b": [{}]}]},
    }


def test_expand_false_keeps_own_keys(tmp_path):
    sections = {
        "base": {"executor": "local", "env_vars": {"A": "1"}},
        "child": {"extends": "base", "env_vars": {"B": "2"}},
    }
    path = write_config(tmp_path / "site.json", {"expand": False, "sections": sections})
    assert exact(generate(path)) == exact(sections)


FAMILY = {
    "wandb": {"project": "p"},
    "base": {"executor": "local"},
    "middle": {"extends": "base", "nodes": 2},
    "child": {"extends": "middle", "launcher": "x"},
    "other": {"executor": "local"},
}


@pytest.fixture
def family(tmp_path):
    return write_config(tmp_path / "site.json", {"sections": FAMILY})


def test_only(family):
    complete = {"executor": "local", "nodes": 2, "launcher": "x"}
    seen = generate(family, "only=[child, other]")
    assert seen == {"wandb": {"project": "p"}, "child": complete, "other": {"executor": "local"}}
    assert list(seen) == ["wandb", "child", "other"]


def test_only_brings_the_ancestors_along_where_nothing_is_expanded(family):
    seen = generate(family, "expand=false", "only=[child]")
    assert list(seen) == ["wandb", "base", "middle", "child"]
    assert seen == {name: FAMILY[name] for name in seen}


def test_only_leaves_out_what_is_checked_all_the_same(family):
    error = refusal(env_toml.generate, str(family), ["only=[other]", "sections.middle.nodes=0"])
    assert "middle.nodes: expected an integer of at least 1" in str(error)


@each_row("words", [[], ["expand=false"], ["only=[p]"], ["only=[p]", "expand=false"]], ids=str)
def test_reserved_sections_stay_as_they_are(tmp_path, words):
    reserved = {
        "wandb": {"extends": "p", "executor": "zzz", "x": -1},
        "cli": {"extends": "nobody", "mounts": 1},
        "cache": {"a": {"b": [1, {"c": 2}]}},
        "artifacts": {},
    }
    config = {"sections": {**reserved, "p": {"executor": "local"}}}
    seen = generate(write_config(tmp_path / "site.json", config), *words)
    assert seen == {**reserved, "p": {"executor": "local"}}
    assert list(seen) == [*reserved, "p"]


def test_a_long_lineage_is_cut_short(tmp_path):
    sections = {f"p{number}": {"extends": f"p{number - 1}"} for number in range(1, 6)}
    (tmp_path / "site.json").write_text(
        json.dumps({"sections": {"p0": {"executor": "local"}, **sections}})
    )
    text = env_toml.generate(str(tmp_path / "site.json"))
    lineages = re.findall("^# (.* <- .*)$", text, re.MULTILINE)
    assert lineages[2:4] == ["p3 <- p2 <- p1 <- p0", "p4 <- p3 <- p2 <- p1 <- ..."]
