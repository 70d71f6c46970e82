"""Interpolations against OmegaConf, which resolves them: what it cannot read is refused here."""

import warnings

import pytest
from helpers import assert_says, attempt, generate, load_cases, refusal, write_config
from hypothesis import example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from omegaconf.errors import GrammarParseError
from rows import each_row

import env_toml

CASES = load_cases("interpolations")
READ = [(text, value) for rows in CASES["read"].values() for text, value in rows]
UNREADABLE = [text for texts in CASES["unreadable"].values() for text in texts]
OWN = "refused although OmegaConf reads it"
OWN_REFUSALS = [(text, told) for rows in CASES[OWN].values() for text, told in rows]
OWN_MESSAGES = (
    "is no environment variable: write",
    "unknown resolver",
    "more than one default",
    "expected the name of a variable",
)
CLIENT_RESOLVERS = ("auto_mount", "art", "manifest", "mul")


@pytest.fixture(scope="module", autouse=True)
def client_resolvers():
    """Register what the public step CLI does, each as a dummy that tells its arguments."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a newer OmegaConf has another name for this
        for name in CLIENT_RESOLVERS:
            OmegaConf.register_new_resolver(name, make_dummy(name))
    yield
    for name in CLIENT_RESOLVERS:
        OmegaConf.clear_resolver(name)


def make_dummy(name):
    def dummy(*arguments):
        return f"{name}({', '.join(map(str, arguments))})"

    return dummy


@pytest.fixture(scope="module", autouse=True)
def nothing_is_set():
    with pytest.MonkeyPatch.context() as patch:
        for name in ("UNSET", "OTHER_UNSET"):
            patch.delenv(name, raising=False)
        yield


def resolve(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of empty arguments
        return OmegaConf.create({"value": text}).value


def is_readable(text):
    """Tell whether OmegaConf's grammar reads a text, whatever comes of resolving it."""
    try:
        resolve(text)
    except GrammarParseError:
        return False
    except Exception:  # each resolver and node fails in its own way
        return True
    return True


@each_row(("text", "value"), READ)
def test_what_omegaconf_resolves_passes(text, value):
    assert resolve(text) == value
    env_toml.check_interpolations(text)


@each_row("text", CASES["unresolved"])
def test_what_only_lacks_a_value_passes(text):
    with pytest.raises(Exception) as caught:  # noqa: PT011  # its kind is asserted below
        resolve(text)
    assert caught.type is not GrammarParseError
    env_toml.check_interpolations(text)


@each_row("text", UNREADABLE)
def test_what_omegaconf_cannot_read_is_refused(text):
    with pytest.raises(GrammarParseError):
        resolve(text)
    refusal(env_toml.check_interpolations, text)


@each_row(("text", "told"), OWN_REFUSALS)
def test_own_refusals(text, told):
    assert is_readable(text)
    assert told in str(refusal(env_toml.check_interpolations, text))


FRAGMENTS = st.sampled_from(
    [
        *("${", "}", "${oc.env:", "${oc.env:UNSET,", "${oc.env:UNSET}", "${node}", "${a.b}"),
        *("${mul:", "${nope:", "oc.env", "a", "b:c", "1", "null", "é", "'a=b'", "''"),
        *(",", "'", '"', "\\", " ", "=", "[", "]", "{", ":", "/", "(", ")", ".", "..", "@", "#"),
        *("$", "~", "%", "-", "+", "*", "?", "|", "<", "&", ";", "!", "^", "`"),
    ]
)
TEXTS = st.lists(FRAGMENTS, min_size=1, max_size=7).map("".join)
DEFAULTS = TEXTS.map("${{oc.env:UNSET,{}}}".format)


@given(text=DEFAULTS | TEXTS)
@example(text="${oc.env:UNSET,'\\\\'}")
def test_any_text_is_refused_where_omegaconf_cannot_read_it(text):
    """Only the grammar is compared; the own refusals are the rows of the table above."""
    seen = attempt(env_toml.check_interpolations, text)
    if seen is not None and any(told in str(seen) for told in OWN_MESSAGES):
        return
    if seen is not None and "\\${" in text:
        return  # the same: one of those rows
    assert (seen is None) == is_readable(text), f"{text!r}: {seen}"


# --------------------------------------------------------------------------------- quote_default

ONE_LINE = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(" ,:='\"\\[]{}()$")
)
LIKE_OTHERS = st.sampled_from(
    ["", "null", "true", "1.50", "1e3", "0123", "-0", "1_000", "nan", "[a]", "{a:1}", "a,b", "\\"]
)


def without_interpolations(text):
    return text.replace("${", "$ {")


@given(value=(ONE_LINE | LIKE_OTHERS).map(without_interpolations))
@example(value="a\\")
@example(value="it's\\'")
@example(value="\\'\\")
def test_a_quoted_default_resolves_to_the_value(value):
    text = f"${{oc.env:UNSET,{env_toml.quote_default(value)}}}"
    env_toml.check_interpolations(text)
    assert resolve(text) == value, text


def quoted_parts(value):
    return f"${{oc.env:OTHER_UNSET,{env_toml.quote_default(value)}}}"


PARTS = st.sampled_from(["a", "/", "=", " ", ",", "'", '"', "(", "é", "1", "#", ":"])
PLAIN = st.lists(PARTS, max_size=3).map("".join)
NESTED = st.lists(PLAIN | PLAIN.map(quoted_parts), max_size=3).map("".join)


@given(value=NESTED)
@example(value="${oc.env:OTHER_UNSET,a}/b")
@example(value="x=${oc.env:OTHER_UNSET,'a=b'}")
def test_a_default_that_names_another_variable_resolves_as_the_value_does(value):
    text = f"${{oc.env:UNSET,{env_toml.quote_default(value)}}}"
    env_toml.check_interpolations(text)
    assert is_readable(text), text
    assert resolve(text) == resolve(value), text


@given(value=NESTED)
def test_a_default_may_be_quoted_again(value):
    once = f"${{oc.env:UNSET,{env_toml.quote_default(value)}}}"
    twice = f"${{oc.env:OTHER_UNSET,{env_toml.quote_default('x=' + once)}}}"
    assert is_readable(twice), twice
    assert resolve(twice) == "x=" + resolve(value), twice


def test_a_private_character_could_be_taken_for_an_interpolation():
    text = "${a}\U000f0000"
    assert env_toml.rewrite(text, lambda found: "b") == text


@pytest.mark.parametrize(
    "mount", ["${auto_mount:git+https://e.com/r@main,/opt}", "${oc.env:A,/x}:/y"]
)
def test_a_mount_from_an_interpolation_is_one_that_pyxis_may_take(mount):
    assert env_toml.is_pyxis_mount(mount)


@pytest.mark.parametrize("mount", ["${oc.env:A,x}:/y", "${oc.env:A,'/x y'}", 1])
def test_a_mount_whose_default_pyxis_refuses(mount):
    assert not env_toml.is_pyxis_mount(mount)


def test_a_variable_inside_another_resolver_is_filled(tmp_path):
    base = {
        "sections": {"p": {"executor": "local", "x": "${oc.decode:${oc.env:X,1}}", "y": "${z}"}}
    }
    write_config(tmp_path / "base.json", base)
    path = write_config(tmp_path / "site.json", {"defaults": "base.json", "variables": {"X": "2"}})
    assert generate(path)["p"]["x"] == "${oc.decode:${oc.env:X,2}}"


def test_a_broken_interpolation_is_told_once(tmp_path):
    base = {"sections": {"p": {"executor": "local", "workspace": "${oc.env:X,a=b}"}}}
    write_config(tmp_path / "base.json", base)
    path = write_config(tmp_path / "site.json", {"defaults": "base.json", "variables": {"X": "2"}})
    lines = str(refusal(env_toml.generate, str(path))).splitlines()
    assert len([line for line in lines if "OmegaConf cannot read" in line]) == 1, lines


def test_a_cycle_through_a_default_that_a_later_layer_wins_over(tmp_path):
    base = {
        "variables": {"A": "${oc.env:B,1}"},
        "sections": {"p": {"executor": "local", "x": "${oc.env:A}"}},
    }
    write_config(tmp_path / "base.json", base)
    site = {"defaults": "base.json", "variables": {"B": "${oc.env:A}"}}
    error = refusal(env_toml.generate, str(write_config(tmp_path / "site.json", site)))
    assert_says(error, ["variables.B: its value returns to itself: B -> A -> B (in ", "site.json"])
