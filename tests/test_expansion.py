"""Expansion of `extends`: the same as OmegaConf's merge, at any length, and nothing changes its arguments."""

import copy
import gc
import json
import re
import time

import pytest
from cli import read_toml
from helpers import BUNDLED, exact, generate, refusal, write_config
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

import env_toml

RESERVED = ("wandb", "cli", "cache", "artifacts")


def merged_by_omegaconf(sections, name):
    """Merge a profile's chain, parents first, the way the reader of the file would."""
    chain = []
    while name is not None:
        chain.insert(0, {key: value for key, value in sections[name].items() if key != "extends"})
        name = sections[name].get("extends")
    return OmegaConf.to_container(OmegaConf.merge(*chain))


def assert_same_as_omegaconf(sections):
    before = copy.deepcopy(sections)
    profiles, findings = env_toml.expand(sections)
    assert [str(f) for f in findings] == []
    assert list(profiles) == [name for name in sections if name not in RESERVED]
    for name, profile in profiles.items():
        assert exact(profile) == exact(merged_by_omegaconf(sections, name)), name
    assert json.dumps(sections) == json.dumps(before), "expand changed its argument"


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_config(name):
    config = json.loads(BUNDLED[name].read_text(encoding="utf-8"))
    base = json.loads(BUNDLED[config["defaults"]].read_text(encoding="utf-8")) if "defaults" in config else {}
    sections = OmegaConf.to_container(OmegaConf.merge(base.get("sections", {}), config["sections"]))
    assert_same_as_omegaconf(sections)
    document = generate(name)
    assert list(document) == list(sections)
    for profile in document.keys() - set(RESERVED):
        assert exact(document[profile]) == exact(merged_by_omegaconf(sections, profile)), profile


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


@pytest.mark.parametrize(
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
    assert "a" in error.findings[0].path


def expand_in(sections):
    gc.disable()  # as a run does
    started = time.process_time()
    profiles, findings = env_toml.expand(sections)
    seconds = time.process_time() - started
    gc.enable()
    return profiles, findings, seconds


@pytest.mark.parametrize("order", [1, -1], ids=["parents first", "parents last"])
def test_long_chain(order):
    length = 50_000
    chain = [("p0", {"executor": "local", "nodes": 1, "env_vars": {"A": "0"}})]
    chain += [(f"p{i}", {"extends": f"p{i - 1}", "env_vars": {"A": str(i)}}) for i in range(1, length)]
    part = min(expand_in(dict(chain[: length // 20][::order]))[2] for _ in range(5))
    profiles, findings, seconds = expand_in(dict(chain[::order]))
    assert not findings
    assert profiles[f"p{length - 1}"] == {"executor": "local", "nodes": 1, "env_vars": {"A": str(length - 1)}}
    assert list(profiles) == [name for name, _ in chain[::order]]
    assert seconds < 100 * part, "twenty times the length: about 20 times the time if linear, 400 if quadratic"


def test_long_chain_in_a_file(tmp_path):
    sections = {"p0": {"executor": "local"}, **{f"p{i}": {"extends": f"p{i - 1}"} for i in range(1, 3000)}}
    path = write_config(tmp_path / "site.json", {"sections": sections})
    assert generate(path)["p2999"] == {"executor": "local"}


def test_long_cycle():
    length = 50_000
    profiles, (finding,), _ = expand_in({f"p{i}": {"extends": f"p{(i + 1) % length}"} for i in range(length)})
    assert (profiles, finding.level) == ({}, "error")
    assert str(finding).endswith("p0 -> p1 -> p2 -> p3 -> ... -> p49996 -> p49997 -> p49998 -> p49999 -> p0")


@pytest.mark.parametrize(
    ("sections", "shown"),
    [
        ({"a": {"extends": "a"}}, "a -> a"),
        ({"a": {"extends": "b"}, "b": {"extends": "a"}}, "a -> b -> a"),
        ({"a": {"extends": "b"}, "b": {"extends": "c"}, "c": {"extends": "b"}}, "b -> c -> b"),
        (
            {"x": {"extends": "a"}, "a": {"extends": "b"}, "b": {"extends": "c"}, "c": {"extends": "a"}},
            "a -> b -> c -> a",
        ),
    ],
)
def test_cycle(sections, shown):
    good = {"fine": {"executor": "local"}, "heir": {"extends": "fine"}}
    profiles, (finding,) = env_toml.expand({**sections, **good})
    assert shown in str(finding)
    assert finding.level == "error"
    assert finding.path[0] == "sections"
    assert finding.path[2:] == ("extends",)
    assert profiles == {"fine": {"executor": "local"}, "heir": {"executor": "local"}}


@pytest.mark.parametrize("parent", ["nobody", "", "wandb", 1, True, 1.5, ["base"], [], {}, {"base": 1}])
def test_parent_that_is_no_profile(parent):
    sections = {"wandb": {"x": 1}, "base": {"x": 1}, "a": {"extends": parent}, "b": {"extends": "a"}}
    profiles, (finding,) = env_toml.expand(sections)
    assert finding.path == ("sections", "a", "extends")
    assert profiles == {"base": {"x": 1}}


def test_parent_that_is_mistyped():
    _, (finding,) = env_toml.expand({"slurm_base": {}, "a": {"extends": "slurm_bse"}})
    assert "did you mean slurm_base" in str(finding)
    _, (finding,) = env_toml.expand({"a": {"extends": "slurm_base"}, "slurm_base": {"extends": "slurm_bse"}})
    assert finding.path == ("sections", "slurm_base", "extends")
    assert "did you mean" not in str(finding), "a profile cannot extend itself"


def test_order_of_keys():
    sections = {
        "child": {"z": 1, "b": 2, "extends": "base", "t": {"q": 1, "y": 2}, "a": 3},
        "base": {"a": 0, "t": {"x": 0, "y": 0}, "b": 0},
    }
    child = env_toml.expand(sections)[0]["child"]
    assert list(child) == ["a", "t", "b", "z"]
    assert list(child["t"]) == ["x", "y", "q"]


def test_lists_are_replaced():
    sections = {
        "base": {"a": [1, 2], "b": [1], "t": {"c": [1]}},
        "child": {"extends": "base", "a": [3], "b": [], "t": {}},
    }
    assert env_toml.expand(sections)[0]["child"] == {"a": [3], "b": [], "t": {"c": [1]}}


def test_nulls_let_inherited_values_through(tmp_path):
    sections = {
        "base": {"executor": "local", "nodes": 1, "gone": None, "env_vars": {"A": "1", "B": "2"}},
        "child": {"extends": "base", "nodes": None, "env_vars": {"A": None, "C": None, "D": "4"}},
        "other": {"extends": None, "executor": "local", "env_vars": None},
        "nested": {"x": [{"a": None, "b": [{"c": None}]}]},
    }
    seen = generate(write_config(tmp_path / "site.json", {"sections": sections}))
    assert seen == {
        "base": {"executor": "local", "nodes": 1, "env_vars": {"A": "1", "B": "2"}},
        "child": {"executor": "local", "nodes": 1, "env_vars": {"A": "1", "B": "2", "D": "4"}},
        "other": {"executor": "local"},
        "nested": {"x": [{"b": [{}]}]},
    }


@pytest.mark.parametrize("name", BUNDLED)
def test_expand_false_keeps_own_keys(name):
    config = json.loads(BUNDLED[name].read_text(encoding="utf-8"))
    if "defaults" not in config:
        assert exact(generate(name, "expand=false")) == exact(config["sections"])
    profiles, findings = env_toml.expand(generate(name, "expand=false"))
    assert not findings
    expanded = {key: value for key, value in generate(name).items() if key not in RESERVED}
    assert exact(profiles) == exact(expanded)


def test_only():
    full = generate("slurm")
    seen = generate("slurm", "only=[slurm_prep_rl_prep, slurm_curate]")
    assert seen == {name: full[name] for name in ("wandb", "slurm_prep_rl_prep", "slurm_curate")}
    assert list(seen) == ["wandb", "slurm_prep_rl_prep", "slurm_curate"]


def test_only_brings_the_ancestors_along_where_nothing_is_expanded():
    full = generate("slurm", "expand=false")
    seen = generate("slurm", "expand=false", "only=[slurm_prep_rl_prep]")
    names = ["wandb", "slurm_base", "slurm_prep_base", "slurm_prep_rl_prep"]
    assert list(seen) == names
    assert seen == {name: full[name] for name in names}


def test_only_checks_the_whole_document():
    words = ["only=[slurm_curate]", "sections.slurm_prep_base.nodes=0"]
    assert "slurm_prep_base.nodes" in str(refusal(env_toml.generate, "slurm", words))


@pytest.mark.parametrize("words", [[], ["expand=false"], ["only=[p]"], ["only=[p]", "expand=false"]], ids=str)
def test_reserved_sections_stay_as_they_are(tmp_path, words):
    reserved = {
        "wandb": {"extends": "p", "executor": "zzz", "nodes": -1},
        "cli": {"extends": "nobody", "mounts": 1},
        "cache": {"a": {"b": [1, {"c": 2}]}},
        "artifacts": {},
    }
    config = {"sections": {**reserved, "p": {"executor": "local"}}}
    seen = generate(write_config(tmp_path / "site.json", config), *words)
    assert seen == {**reserved, "p": {"executor": "local"}}
    assert list(seen) == [*reserved, "p"]


def test_words_are_not_changed():
    words = ["sections.slurm_base.nodes=2", "sections.slurm_base.mounts+=/a:/b"]
    before = list(words)
    text = env_toml.generate("slurm", words)
    assert words == before
    assert read_toml(text)["slurm_base"]["nodes"] == 2
    assert generate("slurm")["slurm_base"]["mounts"] == ["/lustre:/lustre"], "a run left something behind"


def test_a_long_lineage_is_cut_short(tmp_path):
    sections = {f"p{number}": {"extends": f"p{number - 1}"} for number in range(1, 6)}
    (tmp_path / "site.json").write_text(json.dumps({"sections": {"p0": {"executor": "local"}, **sections}}))
    text = env_toml.generate(str(tmp_path / "site.json"))
    lineages = re.findall("^# (.* <- .*)$", text, re.MULTILINE)
    assert lineages[2:4] == ["p3 <- p2 <- p1 <- p0", "p4 <- p3 <- p2 <- p1 <- ..."]
