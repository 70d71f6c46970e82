"""--edits: what a person changed in a file, as a site config that gives the file's values again."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cli
import golden
import pytest
import tomli_w
from cli import CLUSTERS, RESERVED, ROOT, read_toml
from helpers import assert_says, exact, plain_and_thorough
from hypothesis import assume, given
from hypothesis import strategies as st
from rows import each_row

import env_toml

pytestmark = pytest.mark.skipif(
    golden.missing({"toml": True}) != "", reason=golden.missing({"toml": True})
)

# ---------------------------------------------------------------- what the two sides should agree on


def merged(base, over):
    """Merge tables key by key; everything else is replaced."""
    both = dict(base)
    for key, value in over.items():
        nested = isinstance(value, dict) and isinstance(base.get(key), dict)
        both[key] = merged(base[key], value) if nested else value
    return both


def complete(document):
    """Return a file's profiles, each with what it inherits and without `extends`."""

    def one(name):
        own = dict(document[name])
        parent = own.pop("extends", None)
        return merged(one(parent), own) if parent else own

    return {name: table if name in RESERVED else one(name) for name, table in document.items()}


def leaves(value):
    """Count the values in nested tables."""
    return sum(map(leaves, value.values())) if isinstance(value, dict) else 1


class Site:
    """A base config in a folder, the file of a person, and what --edits makes of it."""

    def __init__(self, folder, config, words=()):
        self.base = Path(folder, "base.json")
        self.base.write_text(json.dumps(config), encoding="utf-8")
        self.words = list(words)

    def document(self):
        return read_toml(env_toml.generate(str(self.base), self.words))

    def edits(self, document):
        """Return what --edits prints of a document, read as JSON; it raises where that is not right."""
        path = self.base.with_name("hand.toml")
        path.write_text(tomli_w.dumps(document), encoding="utf-8")
        text = env_toml.show_edits(env_toml.make_plan(str(self.base), self.words), str(path))
        self.base.with_name("edits.json").write_text(text, encoding="utf-8")
        return json.loads(text)

    def again(self):
        """Return what is generated from the edits."""
        return read_toml(env_toml.generate(str(self.base.with_name("edits.json")), self.words))


# ------------------------------------------------------------------------------- random forests

TEXTS = st.sampled_from(["a", "b c", "${oc.env:X,y}", "0123", "true", "caf\u00e9", ""])
FIELDS = {
    "nodes": st.integers(1, 3),
    "gpus_per_node": st.one_of(st.integers(0, 2), st.just("${oc.env:GPUS,8}")),
    "launcher": TEXTS,
    "startup_commands": st.lists(TEXTS, max_size=2),
    "env_vars": st.dictionaries(st.sampled_from(["A", "B", "C"]), TEXTS, max_size=3),
    "sandbox": st.one_of(st.booleans(), st.integers(0, 1), st.sampled_from([0.0, 1.0, 1.5])),
    "apptainer": st.dictionaries(
        st.sampled_from(["x", "y.z", ""]),
        st.one_of(
            TEXTS, st.dictionaries(st.sampled_from(["u", "v"]), st.integers(0, 2), max_size=2)
        ),
        max_size=2,
    ),
}
FIELD = st.sampled_from(sorted(FIELDS))


@st.composite
def profiles(draw):
    return {name: draw(FIELDS[name]) for name in draw(st.sets(FIELD, max_size=4))}


@st.composite
def forests(draw):
    """Profiles with own keys only; each may extend one that stands above or below it."""
    count = draw(st.integers(1, 6))
    order = draw(st.permutations(range(count)))
    sections = {}
    for place, number in enumerate(order):
        parent = draw(st.sampled_from([None, *order[:place]]))
        above = {"executor": "local"} if parent is None else {"extends": f"p{parent}"}
        sections[f"p{number}"] = {**above, **draw(profiles())}
    return dict(sorted(sections.items())) if draw(st.booleans()) else sections


@st.composite
def edited(draw, document, steps=4):
    """Change a file as a person would: values, keys, whole profiles."""
    document = copy.deepcopy(document)
    for number in range(draw(st.integers(0, steps))):
        names = sorted(document.keys() - RESERVED)
        if not names:
            break
        name = draw(st.sampled_from(names))
        field = draw(FIELD)
        change = draw(
            st.sampled_from(["set", "set in all", "remove", "remove below", "copy", "new", "drop"])
        )
        extended = {table.get("extends") for table in document.values()}
        if change == "set":
            document[name][field] = draw(FIELDS[field])
        elif change == "set in all":
            value = draw(FIELDS[field])
            for each in names:
                document[each][field] = copy.deepcopy(value)
        elif change == "remove":
            document[name].pop(field, None)
        elif change == "remove below" and document[name].get("env_vars"):
            document[name]["env_vars"].popitem()
        elif change == "copy":
            document[f"new{number}"] = copy.deepcopy(document[name])
        elif change == "new":
            document[f"new{number}"] = {"executor": "local", **draw(profiles())}
        elif change == "drop" and name not in extended and len(names) > 1:
            del document[name]
    return document


@given(st.data(), forests(), st.booleans())
def test_generating_from_the_edits_gives_the_file_again(data, sections, expand):
    with tempfile.TemporaryDirectory() as folder:
        site = Site(folder, {"sections": sections}, [] if expand else ["expand=false"])
        document = data.draw(edited(site.document()))
        site.edits(document)
        assert exact(complete(site.again())) == exact(complete(document))


@given(forests(), st.booleans())
def test_a_file_that_nobody_edited_has_no_edits(sections, expand):
    with tempfile.TemporaryDirectory() as folder:
        site = Site(folder, {"sections": sections}, [] if expand else ["expand=false"])
        assert site.edits(site.document()) == {"defaults": str(site.base), "sections": {}}


@given(st.data(), forests(), st.booleans())
def test_what_heirs_share_stands_once(data, sections, expand):
    """One value, given by hand to a profile and to all its heirs, is one line in that profile."""
    name = data.draw(st.sampled_from(sorted(sections)))
    field = data.draw(st.sampled_from(["mem", "launcher", "startup_commands"]))
    value = ["made by hand"] if field == "startup_commands" else "made by hand"
    family = [other for other in sections if name in lineage(sections, other)]
    assume(not any(field in sections[other] for other in family if other != name))
    with tempfile.TemporaryDirectory() as folder:
        site = Site(folder, {"sections": sections})
        document = site.document()
        for other in family:
            document[other][field] = value
        assert site.edits(document)["sections"] == {name: {field: value}}


def lineage(sections, name):
    chain = []
    while name:
        chain.append(name)
        name = sections[name].get("extends")
    return chain


@given(st.data(), forests())
def test_a_new_profile_extends_the_one_it_differs_least_from(data, sections):
    with tempfile.TemporaryDirectory() as folder:
        site = Site(folder, {"sections": sections})
        document = site.document()
        like = data.draw(st.sampled_from(sorted(document)))
        wanted = copy.deepcopy(document[like])
        field = data.draw(FIELD)
        wanted[field] = data.draw(FIELDS[field])
        edits = site.edits({**document, "new": wanted})["sections"]
        assert edits.keys() == {"new"}
        said = edits["new"]
        costs = [
            cost
            for cost in (difference(table, wanted) for table in document.values())
            if cost is not None
        ]
        assert leaves(said) == min([1 + cost for cost in costs] + [leaves(wanted)])
        if "extends" in said:
            assert said["extends"] in document


def difference(base, wanted):
    """Count the values of `wanted` that `base` does not give, None where `base` gives too much."""
    if base.keys() - wanted.keys():
        return None
    total = 0
    for key, value in wanted.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            below = difference(base[key], value)
            if below is None:
                return None
            total += below
        elif key not in base or exact(base[key]) != exact(value):
            total += leaves(value)
    return total


# ------------------------------------------------------------------------------- what is printed

BASE = {
    "a": {
        "executor": "local",
        "nodes": 1,
        "env_vars": {"A": "1", "B": "2"},
        "startup_commands": ["x"],
    },
    "b": {"extends": "a", "nodes": 2},
    "c": {"extends": "b", "env_vars": {"A": "3"}},
    "wandb": {"project": "p", "entity": "e"},
}


def put(name, **values):
    def change(document):
        document[name].update(values)

    return change


def put_all(names, **values):
    def change(document):
        for name in names:
            document[name].update(copy.deepcopy(values))

    return change


def drop(*keys):
    def change(document):
        *tables, last = keys
        for key in tables:
            document = document[key]
        del document[last]

    return change


def both(*changes):
    def change(document):
        for one in changes:
            one(document)

    return change


CASES = {  # what a person does to the complete file of BASE: the profiles and sections of the edits
    "a value": (put("c", nodes=4), {"c": {"nodes": 4}}),
    "a value back to its parent's": (put("b", nodes=1), {"b": {"nodes": None}, "c": {"nodes": 2}}),
    "in all": (put_all("abc", nodes=7), {"a": {"nodes": 7}, "b": {"nodes": None}}),
    "in two": (put_all("bc", nodes=7), {"b": {"nodes": 7}}),
    "a list": (put("a", startup_commands=["x", "y"]), None),
    "a new key in all": (put_all("abc", launcher="torchrun"), {"a": {"launcher": "torchrun"}}),
    "a variable in one": (lambda d: d["b"]["env_vars"].update(B="9"), None),
    "a variable removed from the base": (drop("a", "env_vars", "B"), None),
    "an own variable removed": (
        lambda d: d["c"]["env_vars"].update(A="1"),
        {"c": {"env_vars": None}},
    ),
    "another kind": (put("a", nodes="${oc.env:N,1}"), None),
    "one and true": (both(put_all("abc", sandbox=1), put("b", sandbox=True)), None),
    "an inherited key removed": (drop("b", "startup_commands"), None),
    "an empty table": (put("a", custom_spec={}), None),
    "wandb": (lambda d: d["wandb"].update(entity="us"), {"wandb": {"entity": "us"}}),
    "a key of wandb removed": (drop("wandb", "entity"), {"wandb": {"entity": None}}),
    "wandb removed": (drop("wandb"), None),
    "a cache": (lambda d: d.update(cache={"dir": "/c"}), {"cache": {"dir": "/c"}}),
}


@each_row("case", CASES)
def test_what_a_person_did_is_said(clean, tmp_path, case):
    change, wanted = CASES[case]
    site = Site(tmp_path, {"sections": BASE})
    document = site.document()
    before = exact(document)
    change(document)
    assert exact(document) != before, "the case changes nothing"
    edits = site.edits(document)
    assert exact(complete(site.again())) == exact(document)
    if wanted is not None:
        assert edits["sections"] == wanted
    assert ("only" in edits) == (not document.keys() >= set("abc")), "only where one is missing"


def test_a_removed_inherited_key_is_said_by_the_whole_profile(clean, tmp_path):
    site = Site(tmp_path, {"sections": BASE})
    document = site.document()
    del document["b"]["startup_commands"]
    edits = site.edits(document)["sections"]
    assert edits["b"]["extends"] is None
    assert edits["b"]["executor"] == "local"
    assert edits["b"]["env_vars"] == {"A": "1", "B": "2"}
    assert "startup_commands" not in edits["b"]


def test_a_copied_profile_is_an_heir_with_what_it_has_of_its_own(clean, tmp_path):
    site = Site(tmp_path, {"sections": BASE})
    document = site.document()
    document["mine"] = {**copy.deepcopy(document["c"]), "nodes": 8}
    assert site.edits(document) == {
        "defaults": str(site.base),
        "sections": {"mine": {"extends": "c", "nodes": 8}},
    }


@pytest.mark.parametrize("folder", ["", "conf/"])
def test_the_config_is_named_so_that_it_is_found_again(call, tmp_path, folder):
    """Relative paths in `defaults` start at the file that they stand in, wherever that will be."""
    (tmp_path / "conf").mkdir()
    name = f"{folder}site.json"
    (tmp_path / name).write_text(json.dumps({"output_path": "e.toml", "sections": BASE}))
    assert call("-c", name).exit == 0
    said = call("-c", name, "--edits", "e.toml")
    expected = str(tmp_path / name) if folder else name
    assert json.loads(said.out) == {"defaults": expected, "sections": {}}


def test_a_table_that_became_a_text_is_a_text(clean, tmp_path):
    site = Site(tmp_path, {"sections": {"a": {"executor": "local", "apptainer": {"x": {"y": 1}}}}})
    document = site.document()
    document["a"]["apptainer"] = "none"
    assert site.edits(document)["sections"] == {"a": {"apptainer": "none"}}
    assert site.again() == document


def test_a_profile_of_the_config_stays_the_root_that_it_is(clean, tmp_path):
    """As an heir of one like it there would be less to say, and it would hang on a stranger."""
    like = {"executor": "local", "nodes": 2, "mem": "1G", "launcher": "x"}
    site = Site(tmp_path, {"sections": {"a": like, "z": {"executor": "local"}}})
    document = site.document()
    document["z"] = dict(like)
    edits = site.edits(document)["sections"]
    assert edits == {"z": {"nodes": 2, "mem": "1G", "launcher": "x"}}


def test_a_new_profile_keeps_the_parent_it_names_although_another_is_nearer(clean, tmp_path):
    site = Site(tmp_path, {"sections": BASE}, ["expand=false"])
    document = site.document()
    document["mine"] = {"extends": "a", "nodes": 2, "env_vars": {"A": "3"}}
    edits = site.edits(document)["sections"]
    assert edits == {"mine": {"extends": "a", "nodes": 2, "env_vars": {"A": "3"}}}


def test_profiles_that_were_removed_become_only(clean, tmp_path):
    site = Site(tmp_path, {"sections": BASE})
    document = site.document()
    del document["a"], document["b"]
    edits = site.edits(document)
    assert (edits["sections"], edits["only"]) == ({}, ["c"])
    assert site.again().keys() == {"c", "wandb"}


def test_an_only_that_chooses_the_same_is_not_repeated(clean, tmp_path):
    site = Site(tmp_path, {"sections": BASE, "only": ["c"]})
    document = site.document()
    document["c"]["nodes"] = 9
    assert site.edits(document) == {"defaults": str(site.base), "sections": {"c": {"nodes": 9}}}


def test_a_new_profile_joins_an_only(clean, tmp_path):
    site = Site(tmp_path, {"sections": BASE, "only": ["c"]})
    document = site.document()
    document["mine"] = {"executor": "local"}
    edits = site.edits(document)
    assert (edits["sections"], edits["only"]) == ({"mine": {"executor": "local"}}, ["c", "mine"])


def test_a_parent_that_is_not_written_is_still_there(clean, tmp_path):
    """With `only` the file lacks the parents, whose values its profiles have all the same."""
    site = Site(tmp_path, {"sections": BASE, "only": ["b", "c"]})
    document = site.document()
    for name in "bc":
        document[name]["launcher"] = "torchrun"
    assert site.edits(document)["sections"] == {"b": {"launcher": "torchrun"}}


def test_with_extends_a_removed_profile_is_nobodys_parent(clean, tmp_path):
    """With expand=false a parent is written too, so those who keep its values say them."""
    site = Site(tmp_path, {"sections": BASE}, ["expand=false"])
    document = complete(site.document())
    a = document.pop("a")
    document["like_a"] = copy.deepcopy(a)
    edits = site.edits(document)
    assert edits["sections"]["b"]["extends"] is None
    assert edits["sections"]["like_a"] == {"extends": "b", "nodes": 1}, "a is not there"
    assert "c" not in edits["sections"], "its parent b is there"
    assert edits["only"] == ["b", "c", "like_a"]
    assert exact(complete(site.again())) == exact(complete(document))


@each_row("number", range(4))
def test_a_new_profile_by_hand_says_its_parent(clean, tmp_path, number):
    """In a file with `extends` it keeps the parent that the person named, wherever it stands."""
    site = Site(tmp_path, {"sections": BASE}, ["expand=false"])
    document = site.document()
    names = list(document)
    names.insert(number, "mine")
    document["mine"] = {"extends": "b", "nodes": 5}
    edits = site.edits({name: document[name] for name in names})
    assert edits["sections"] == {"mine": {"extends": "b", "nodes": 5}}


def test_the_words_of_the_run_count(clean, tmp_path):
    site = Site(tmp_path, {"sections": BASE}, ["sections.a.launcher=torchrun"])
    document = site.document()
    document["c"]["nodes"] = 9
    assert site.edits(document)["sections"] == {"c": {"nodes": 9}}


def test_a_secret_is_said_where_it_is_allowed(clean, tmp_path):
    site = Site(tmp_path, {"sections": BASE}, ["checks.allow_literal_secrets=true"])
    document = site.document()
    document["c"]["env_vars"]["HF_TOKEN"] = "hf_abcdef123"
    assert site.edits(document)["sections"] == {"c": {"env_vars": {"HF_TOKEN": "hf_abcdef123"}}}


@pytest.mark.parametrize("config", plain_and_thorough(CLUSTERS, "dgxcloud"))
def test_edits_of_a_bundled_config(call, tmp_path, config):
    assert call("-c", config, "output_path=env.toml").exit == 0
    document = read_toml(tmp_path / "env.toml")
    for name in document.keys() - RESERVED:
        document[name]["container_image"] = "reg/mine:1"
        document[name]["env_vars"]["SITE"] = "caf\u00e9"
    (tmp_path / "env.toml").write_text(tomli_w.dumps(document), encoding="utf-8")
    status, out, err = call("-c", config, "--edits", "env.toml")
    assert (status, err) == (0, "")
    edits = json.loads(out)
    assert edits["sections"][f"{config}_base"] == {
        "container_image": "reg/mine:1",
        "env_vars": {"SITE": "caf\u00e9"},
    }
    assert "caf\u00e9" in out, "as a person types it"
    (tmp_path / "site.json").write_text(out, encoding="utf-8")
    assert exact(read_toml(call("-c", "site.json", "-d").out)) == exact(document)


# -------------------------------------------------------------------------- files of the generator before


@pytest.fixture(scope="module")
def generate_before(tmp_path_factory):
    """Generate with the release before, whose files stand for those of the public generator."""
    folder = tmp_path_factory.mktemp("before")
    names = ["env_toml.py", *(f"configs/{name}.json" for name in CLUSTERS)]
    (folder / "configs").mkdir()
    for name in names:
        try:
            shown = subprocess.run(
                ["git", "-C", ROOT, "show", f"42d89aa:{name}"], capture_output=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("needs the history of this repository in git")
        (folder / name).write_bytes(shown.stdout)

    def generate(*words):
        command = [sys.executable, folder / "env_toml.py", *words, "output_path=-"]
        done = subprocess.run(command, env=cli.environment(), capture_output=True, check=True)
        return read_toml(done.stdout.decode())

    return generate


@pytest.mark.parametrize("config", plain_and_thorough(CLUSTERS, "dgxcloud"))
@pytest.mark.parametrize("words", [(), ("expand=false",)], ids=["complete", "extends"])
def test_a_file_of_the_generator_before_becomes_a_site_config(
    call, tmp_path, generate_before, config, words
):
    document = generate_before("-c", config, *words)
    base, heir = f"{config}_base", f"{config}_curate"
    document[base]["nodes"] = 4
    document[heir]["env_vars"] = {**document[heir].get("env_vars", {}), "SITE": "mine"}
    document[f"{config}_mine"] = {**copy.deepcopy(document[heir]), "nodes": 5}
    (tmp_path / "env.toml").write_text(tomli_w.dumps(document), encoding="utf-8")
    said = call("-c", config, "--edits", "env.toml", *words)
    assert (said.exit, said.err) == (0, "")
    (tmp_path / "site.json").write_text(said.out, encoding="utf-8")
    again = call("-c", "site.json", "-d", *words)
    assert again.exit == 0
    assert exact(complete(read_toml(again.out))) == exact(complete(document))


# --------------------------------------------------------------------------- what cannot be said

HAND = '[p]\nexecutor = "local"\n'
REFUSED = {  # a file: what must be said of it, with exit status 2
    "a date": (HAND + "x = 2026-01-01\n", ["p"]),
    "infinity": (HAND + "x = inf\n", ["p.x"]),
    "a wrong kind": (HAND + 'nodes = "two"\n', ["p.nodes"]),
    "a literal secret": (
        HAND + 'env_vars = {HF_TOKEN = "hf_abcdef123"}\n',
        ["p.env_vars.HF_TOKEN"],
    ),
    "a star in a name": ('["*"]\nexecutor = "local"\n' + HAND, ["*"]),
    "no executor": ("[q]\nnodes = 1\n", ["q"]),
    "a missing parent": ('[p]\nextends = "gone"\n', ["p.extends", "gone"]),
    "a cycle": ('[p]\nextends = "q"\n[q]\nextends = "p"\n', ["extends", "p -> q -> p"]),
    "no table": ("x = 1\n" + HAND, ["hand.toml", "x"]),
    "no profile": ('[wandb]\nproject = "x"\n', ["hand.toml: there are no profiles"]),
    "all tables that are no profiles": (
        "[wandb]\n[cli]\n[cache]\n[artifacts]\n",
        ["hand.toml: there are no profiles"],
    ),
    "nothing": ("", ["hand.toml: there are no profiles"]),
    "no TOML": ("[p\n", ["hand.toml", "line 1"]),
    "a BOM": ("\ufeff" + HAND, ["hand.toml", "BOM"]),
    "a list over a table": (
        HAND + "[q]\nextends = 'p'\nenv_vars = ['a']\n[p.env_vars]\nA = 'b'\n",
        ["q.env_vars"],
    ),
}


@each_row("case", REFUSED)
def test_what_cannot_be_said_is_told(call, tmp_path, case):
    text, told = REFUSED[case]
    (tmp_path / "base.json").write_text(json.dumps({"sections": {"p": {"executor": "local"}}}))
    (tmp_path / "hand.toml").write_text(text, encoding="utf-8")
    status, _, err = call("-c", "base.json", "--edits", "hand.toml")
    assert status == 2
    assert_says(err, ["error: ", *told])
    assert "hf_abcdef123" not in err


def test_what_is_printed_after_a_key_was_removed_is_without_findings(call, tmp_path):
    """The profile is then written whole, with the bundled fields that nothing reads."""
    call("-c", "slurm", "output_path=env.toml")
    text = (tmp_path / "env.toml").read_text()
    head, rest = text.split("[slurm_sft_automodel.env_vars]\n")
    hand = f"{head}[slurm_sft_automodel.env_vars]\n{rest.split(chr(10), 1)[1]}"
    (tmp_path / "env.toml").write_text(hand)
    (tmp_path / "edits.json").write_text(call("-c", "slurm", "--edits", "env.toml").out)
    words = ("-c", "edits.json", "output_path=env.toml", "checks.site_values=null", "--strict")
    status, out, err = call(*words, "-f")
    assert (status, err) == (0, ""), out
    assert cli.read_toml(tmp_path / "env.toml") == cli.read_toml(hand)


def test_a_word_that_overrules_the_file_is_told(call, tmp_path):
    (tmp_path / "base.json").write_text(json.dumps({"sections": {"p": {"executor": "local"}}}))
    (tmp_path / "hand.toml").write_text(HAND + "nodes = 3\n")
    status, _, err = call("-c", "base.json", "sections.p.nodes=7", "--edits", "hand.toml")
    assert status == 2
    assert_says(err, ["error: ", "p"])


def test_an_unknown_config_is_told(call, tmp_path):
    (tmp_path / "hand.toml").write_text(HAND)
    assert_says(call("-c", "slrum", "--edits", "hand.toml").err, ["slrum", "did you mean slurm?"])


def test_nothing_is_written(call, tmp_path):
    call("-c", "slurm", "output_path=env.toml")
    before = (tmp_path / "env.toml").stat()
    assert call("-c", "slurm", "-f", "--edits", "env.toml").exit == 0
    assert cli.files(tmp_path) == ["env.toml"]
    assert (tmp_path / "env.toml").stat().st_mtime_ns == before.st_mtime_ns


def test_an_inherited_key_below_a_table_that_must_go_writes_the_profile_whole():
    own, inherited = {"t": {"b": 1}}, {"t": {"a": 1}, "n": 1}
    wanted = {"t": {"b": 2}, "n": 1}
    edits = env_toml.diff_profile({**own, "extends": "a"}, "a", {"a": inherited}, wanted)
    assert edits == {"extends": None, "t": {"b": 2}, "n": 1}


def test_a_text_over_an_inherited_table_that_becomes_a_table_writes_the_profile_whole():
    own, inherited = {"t": "x"}, {"t": {"a": 1}}
    wanted = {"t": {"b": 1}}
    edits = env_toml.diff_profile({**own, "extends": "a"}, "a", {"a": inherited}, wanted)
    assert edits == {"extends": None, "t": {"b": 1}}


@pytest.mark.parametrize(("extends", "shown"), [("5", "5"), ('["slurm_base"]', "a list")])
def test_a_profile_that_extends_no_name_is_told(call, tmp_path, extends, shown):
    (tmp_path / "hand.toml").write_text(f"[a]\nextends = {extends}\n")
    said = call("-c", "slurm", "--edits", "hand.toml")
    assert said.exit == 2
    assert_says(said.err, ["error: a.extends: expected", "(in hand.toml)"])


def test_a_file_that_nests_without_end_is_told(call, tmp_path):
    (tmp_path / "hand.toml").write_text(f"[a]\n{'.'.join('a' * 900)}.b = 1\n")
    assert "Traceback" not in call("-c", "slurm", "--edits", "hand.toml").err
