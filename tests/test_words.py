"""KEY=VALUE words: how they are taken apart, how a value is read, and what a whole override does."""

import pytest
from helpers import assert_says, exact, generate, load_cases, look_up, refusal

import env_toml

KEYS = load_cases("keys")
VALUES = [(kind, row) for kind, rows in load_cases("values").items() for row in rows]
OVERRIDES = [(rule, row) for rule, rows in load_cases("overrides").items() for row in rows]

KINDS = {
    "STRING": env_toml.STRING,
    "STRINGS": env_toml.STRINGS,
    "BOOLEAN": env_toml.BOOLEAN,
    "POSITIVE": env_toml.POSITIVE,
    "COUNT": env_toml.COUNT,
    "TABLE": env_toml.TABLE,
    "untyped": env_toml.ANY,
}


@pytest.mark.parametrize("row", KEYS, ids=[row["word"] or "empty" for row in KEYS])
def test_word(row):
    if "error" in row:
        assert_says(refusal(env_toml.parse_word, row["word"]), row["error"])
        return
    seen = env_toml.parse_word(row["word"])
    assert (list(seen.path), seen.append, seen.value) == (row["path"], row.get("append", False), row["value"])


@pytest.mark.parametrize(("kind", "row"), VALUES, ids=[f"{kind}: {row['text']}" for kind, row in VALUES])
def test_value(kind, row):
    if "error" in row:
        assert_says(refusal(env_toml.read_value, row["text"], KINDS[kind]), row["error"])
    else:
        assert exact(env_toml.read_value(row["text"], KINDS[kind])) == exact(row["value"])


@pytest.mark.parametrize(("rule", "row"), OVERRIDES, ids=["  ".join(r["words"]) or r["config"] for _, r in OVERRIDES])
def test_override(rule, row):
    config, words = row.get("config", "slurm"), row["words"]
    if "error" in row:
        check_refusal(refusal(env_toml.generate, config, words), row)
        return
    document = generate(config, *words)
    for place, value in row.get("gives", {}).items():
        assert exact(look_up(document, place)) == exact(value), f"{place} ({rule})"
    for place in row.get("lacks", ()):
        with pytest.raises(KeyError):
            pytest.fail(f"{place} is there: {look_up(document, place)!r} ({rule})")


def check_refusal(error, row):
    """The message says what it should and quotes the word that caused it."""
    assert_says(error, row["error"])
    assert all(finding.level == "error" for finding in error.findings), error
    for words in row["words"][-1:]:
        assert not words.isprintable() or words in str(error), f"{words} is not quoted in: {error}"
    for text in row.get("says_not", ()):
        assert text not in str(error)


def test_rows_assert_something():
    idle = [row["words"] for _, row in OVERRIDES if not {"error", "gives", "lacks"} & row.keys()]
    assert not idle


@pytest.mark.parametrize("key", ["nodes", "gpus_per_node", "x", "custom_spec.x"])
@pytest.mark.parametrize("text", ["9" * 5000, "-" + "9" * 5000, f"[{'9' * 5000}]", f"{{a: {'9' * 5000}}}"])
def test_integer_of_thousands_of_digits(key, text):
    error = refusal(env_toml.generate, "slurm", [f"sections.slurm_base.{key}={text}"])
    assert_says(error, ["integer"])


def test_text_of_thousands_of_digits():
    assert generate("slurm", f"sections.slurm_base.account={'9' * 5000}")["slurm_base"]["account"] == "9" * 5000


@pytest.mark.parametrize("opening", ["[", "{a: ", "[{a: "])
def test_nesting(opening):
    closing = "".join({"[": "]", "{": "}"}[c] for c in reversed(opening) if c in "[{")
    text = f"{opening * 10}1{closing * 10}"
    value = 1
    for char in text[::-1]:
        value = [value] if char == "[" else {"a": value} if char == "{" else value
    assert generate("slurm", f"sections.slurm_base.x={text}")["slurm_base"]["x"] == value
    refusal(env_toml.generate, "slurm", [f"sections.slurm_base.x={opening * 20_000}1{closing * 20_000}"])
    refusal(env_toml.generate, "slurm", [f"sections.slurm_base.x={opening * 20_000}"])


@pytest.mark.parametrize(("opening", "closing"), ["[]", ("{a:", "}")], ids=["lists", "tables"])
def test_nesting_limit(opening, closing):
    limit = env_toml.MAX_DEPTH
    assert env_toml.read_value(opening * limit + closing * limit)
    error = refusal(env_toml.read_value, opening * (limit + 1) + closing * (limit + 1))
    assert_says(error, [f"more than {limit} deep"])


def test_key_of_thousands_of_parts():
    assert_says(refusal(env_toml.generate, "slurm", ["sections.slurm_base" + ".a" * 20_000 + "=1"]), ["a.a", "at most"])


def test_all_bad_words_are_told_at_once():
    words = ["force", "sections..a=1", "sections.slurm_base.nodes=x", "zzzz=1", "sections.slurm_base.time=12h"]
    error = refusal(env_toml.generate, "slurm", words)
    assert_says(error, words)
    assert len(error.findings) == len(words), error
