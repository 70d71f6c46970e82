"""KEY=VALUE words: how one is taken apart, and how its value is read by a kind."""

from unittest import mock

import pytest
from cli import read_toml
from helpers import assert_says, exact, load_cases, refusal
from rows import each_row

import env_toml

KEYS = [row for rows in load_cases("keys").values() for row in rows]
VALUES = [(kind, row) for kind, rows in load_cases("values").items() for row in rows]
SEVENTH = 7  # the place of a word on the command line


@each_row("row", KEYS, ids=[row["word"] or "empty" for row in KEYS])
def test_word(row):
    if "error" in row:
        assert_says(refusal(env_toml.split_word, row["word"], SEVENTH), row["error"])
        return
    seen = env_toml.split_word(row["word"], SEVENTH)
    assert list(seen.keys) == row["keys"]
    assert seen.append == row.get("append", False)
    assert seen.text == row["text"]
    sign = "+=" if seen.append else "="
    assert seen.key + sign + seen.text == row["word"], "the key is as it was typed"


@each_row(("kind", "row"), VALUES, ids=[f"{kind}: {row['text']}" for kind, row in VALUES])
def test_value(kind, row):
    if "error" in row:
        assert_says(refusal(read_and_check, row["text"], env_toml.KINDS[kind]), row["error"])
        return
    seen = env_toml.read_value(row["text"], env_toml.KINDS[kind])
    assert exact(seen) == exact(row["value"])


def read_and_check(text, kind):
    """Read a value as a word's and check what it holds, as a run does with its layer."""
    report, keys = env_toml.Report(), ("sections", "p", "x")
    value = env_toml.read_value(text, kind, keys)
    with mock.patch.dict(env_toml.PROFILE.fields, x=kind):
        env_toml.check_source("a word", env_toml.nest(keys, value), report, keys)
    report.settle()


def test_a_wrong_value_is_told_with_its_place():
    error = refusal(read_and_check, "{A: x, B: [y]}", env_toml.KINDS["environment"])
    assert error.findings[0].keys == ("sections", "p", "x", "B")


# ----------------------------------------------------------------------------- as long as it gets


@pytest.mark.parametrize(
    ("opening", "closing"), ["[]", ("{a: ", "}"), ("[{a: ", "}]")], ids=["lists", "tables", "both"]
)
def test_values_nest_at_most_64_deep(opening, closing):
    """The keys that lead to a value count, as the 3 of sections.p.x do."""
    most = (64 - 3) // len(closing)
    assert read_toml(generate_nested(opening, closing, most))["p"]["x"]
    for depth in (most + 1, 2_000):
        error = refusal(generate_nested, opening, closing, depth)
        assert_says(error, ["p.x", "more than 64 deep"])


def generate_nested(opening, closing, depth):
    word = f"sections.p.x={opening * depth}1{closing * depth}"
    return env_toml.generate("slurm", ["sections.p.executor=local", word])


def test_an_unclosed_value_of_thousands_of_brackets():
    for text in ("[" * 20_000, "{a: " * 20_000, "[{a: " * 20_000):
        report = env_toml.Report()
        with report:
            env_toml.read_value(text)
        assert_says(refusal(report.settle), ["nested more than 64 deep"])


def test_a_key_has_at_most_64_parts():
    assert len(env_toml.split_key(".".join("a" * 64))) == 64
    for parts in (65, 2_000):
        error = refusal(env_toml.split_key, ".".join("a" * parts))
        assert_says(error, ["a.a.a.a: nested more than 64 deep"])


def test_a_key_of_thousands_of_backslashes():
    assert_says(refusal(env_toml.split_key, "a[" + r"\." * 2_000), ["expected a name"])


@pytest.mark.parametrize("text", ["[a{}b]", '["{}true"]', "{{a{}: 1}}"])
def test_what_the_reader_marks_texts_with_is_no_text(text):
    """A text that begins with it would come out as a number or a boolean."""
    assert_says(
        refusal(env_toml.read_value, text.format(env_toml.BARE_MARK)), ["a private character"]
    )


def test_a_nul_in_a_quoted_text_is_told_and_not_lost():
    text = r"""sections.slurm_base.startup_commands=["\u0000true"]"""
    assert_says(refusal(env_toml.generate, "slurm", [text]), ["found U+0000"])


@each_row("text", ["9" * 5_000, "-" + "9" * 5_000])
@each_row("shape", ["{}", "[{}]", "{{a: {}}}"])
def test_an_integer_of_thousands_of_digits_is_told(text, shape):
    word = f"sections.slurm_base.custom_spec.x={shape.format(text)}"
    error = refusal(env_toml.generate, "slurm", [word])
    assert_says(error, ["slurm_base.custom_spec.x", "a finite number of 64 bits"])


def test_text_of_thousands_of_digits_is_text():
    assert env_toml.read_value("9" * 5_000, env_toml.KINDS["text"]) == "9" * 5_000
