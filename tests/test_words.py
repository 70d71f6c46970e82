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


# Each of these once ended in a traceback, a leak, a lost word or a file that meant something else.

REFUSED = [
    (["sections.new=${a}"], "sections.new", "expected a table"),
    (["sections.cli=${a}"], "cli", "expected a table"),
    (["sections=${a}"], "sections", "expected a table of profiles"),
    (
        ["sections.slurm_curate.x." + ".".join("a" * 58) + "={b: {c: {d: {e: 1}}}}"],
        "slurm_curate.x.a",
        "nested more than 64 deep",
    ),
    (["sections.slurm_base.env_vars=HF_TOKEN=hunter2"], "slurm_base.env_vars", "expected a table"),
    (["sections.slurm_base.env_vars.HF_TOKEN:hunter2"], "HF_TOKEN", "is not KEY=VALUE"),
    (['sections.slurm_base.env_vars={"HF_\\u0054OKEN": "hunter2"}'], "HF_TOKEN", "a literal secret"),
    (["sections.slurm_base.env_vars.A_TOKEN={x: 1}", "sections.slurm_base.x_token=1.5"], "x_token", "a literal secret"),
    (["sections.slurm_base.account.x=1"], "slurm_base.account.x", "expected a table or list before 'x'"),
    (["sections.slurm_base.mounts=${oc.env:M}", "sections.slurm_base.mounts+=/a:/b"], "mounts", "+= appends to a list"),
    (["sections.slurm_base.account+=x"], "slurm_base.account", "+= appends to a list, found '${oc.env:SLURM_ACCOUNT"),
    (["sections.slurm_base.launcher+=x"], "slurm_base.launcher", "+= appends to a list, found a string"),
    (["sections.slurm_curate={nodes: two}"], "slurm_curate.nodes:", "expected an integer of at least 1, found 'two'"),
    (
        ["sections={slurm_curate: {nodes: two}}"],
        "slurm_curate.nodes:",
        "expected an integer of at least 1, found 'two'",
    ),
    (["sections.artifact.x=y"], "artifact", "did you mean artifacts?"),
]


@pytest.mark.parametrize(("words", "place", "fragment"), REFUSED, ids=[words[-1][:60] for words, _, _ in REFUSED])
def test_it_is_refused(words, place, fragment):
    error = refusal(env_toml.generate, "slurm", words)
    assert_says(error, [place.removeprefix("sections."), fragment])
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("words", "place", "wanted"),
    [
        (["sections.slurm_base.nodes=2", "sections.slurm_base={nodes: 4}"], "slurm_base.nodes", 4),
        (["sections.wandb.entity=x", "sections.wandb={entity: y}"], "wandb.entity", "y"),
        (["sections.slurm_base.pvcs+={name: a, x: null}"], "slurm_base.pvcs", [{"name": "a"}]),
        (["sections.n.mounts+=/a:/b", "sections.n.extends=slurm_base"], "n.mounts", ["/lustre:/lustre", "/a:/b"]),
    ],
)
def test_no_word_is_lost(words, place, wanted):
    assert look_up(generate("slurm", *words), place) == wanted


def test_a_profile_that_is_dropped_after_its_words_is_gone():
    words = ["sections.slurm_curate.nodes=3", "sections.slurm_curate=null"]
    error = refusal(env_toml.generate, "slurm", words)
    assert_says(error, ["slurm_curate: a required profile is missing (in sections.slurm_curate=null)"])


def test_many_backslashes_in_a_key():
    assert_says(refusal(env_toml.parse_word, "a[" + r"\." * 5_000 + "=x"), ["expected a name"])
    assert_says(refusal(env_toml.parse_word, r"a[b\]=x"), ["expected a name"])
    assert env_toml.parse_word(r"a\b.c=x").path == (r"a\b", "c")
