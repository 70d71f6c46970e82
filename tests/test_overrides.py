"""What whole words do to a config: the file that they give, or the error that they are."""

import re

import pytest
from cli import read_toml
from helpers import assert_says, attempt, exact, load_cases, look_up, refusal, write_config
from rows import each_row

import env_toml

TABLE = load_cases("overrides")
ROWS = [(rule, row) for rule, rows in TABLE["rules"].items() for row in rows]
LAST = -1


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    """The small configs of the table as files, by name: a row says which one its words change."""
    folder = tmp_path_factory.mktemp("overrides")
    written = {}
    for name, config in TABLE["configs"].items():
        written[name] = str(write_config(folder / f"{name}.json", config))
    return written


def key_of(word):
    """Return the key of a word as it was typed, without + and the leading `sections.`."""
    return word.partition("=")[0].rstrip("+").removeprefix("sections.")


@each_row(("rule", "row"), ROWS, ids=["  ".join(row["words"]) for _, row in ROWS])
def test_override(configs, rule, row):
    config = configs[row.get("config", "slurm")]
    if "error" in row:
        assert_refused(refusal(env_toml.generate, config, row["words"]), row)
        return
    text = env_toml.generate(config, row["words"])
    document = read_toml(text)
    for place, value in row.get("gives", {}).items():
        assert exact(look_up(document, place)) == exact(value), f"{place}: {rule}"
    for place in row.get("lacks", ()):
        with pytest.raises(KeyError):
            pytest.fail(f"{place} is there, {look_up(document, place)!r}: {rule}")
    for fragment in row.get("says_not", ()):
        assert fragment not in text
    if "warns" in row:
        warnings = env_toml.make_plan(config, row["words"]).warnings
        assert_says("\n".join(map(str, warnings)), row["warns"])


def assert_refused(error, row):
    """One error, which says what it should and names the word that it comes from by its key."""
    assert_says(error, row["error"])
    errors = [finding for finding in error.findings if finding.level == "error"]
    mistakes = row.get("errors", 1)
    assert len(errors) == mistakes, f"not {mistakes} errors: {error}"
    place = row.get("key", LAST)
    if place is not None:
        key = env_toml.escape(key_of(row["words"][place]))
        assert key in str(error), f"{key} is not named in: {error}"
    for text in row.get("says_not", ()):
        assert text not in str(error)


def test_each_row_can_fail():
    """A row asserts something; one with an error, what does not stand in its own words."""
    for _, row in ROWS:
        assert {"error", "gives", "lacks", "says_not"} & row.keys(), f"{row} asserts nothing"
        typed = " ".join(row["words"])
        told = [fragment for fragment in row.get("error", ()) if fragment not in typed]
        assert told or "error" not in row, f"any error of {row} would do"


def test_all_wrong_words_are_told_at_once(configs):
    words = ["force", "sections..a=1", "sections.slurm_base.nodes=x", "zzzz=1", "images=y"]
    error = refusal(env_toml.generate, configs["slurm"], words)
    told = [
        "word 1 (force...) is not KEY=VALUE",
        "sections..a: expected a name",
        "slurm_base.nodes: expected an integer",
        "zzzz: unknown key",
        "images: expected a table",
    ]
    assert_says(error, told)
    assert len(error.findings) == len(told), error


def test_words_are_not_changed(configs):
    words = ["sections.slurm_base.nodes=2", "sections.slurm_base.mounts+=/a:/b"]
    before = list(words)
    text = env_toml.generate(configs["slurm"], words)
    assert words == before
    assert text == env_toml.generate(configs["slurm"], words), "a run left something behind"


# --------------------------------------------------------------- no secret is echoed in a message

SECRET = "hunter2"
SEPARATORS = ("=", "+=", ":", " ", ": ", "==", " = ", "=[", "=${oc.env:X,")
BEFORE = (
    "",
    "export ",
    "-e ",
    "sections.slurm_base.env_vars.",
    "sections.slurm_base.env_vars[",
    "sections.slurm_base.nodes.",
    "sections.nobody.",
    "sections.nobody_*.",
    "sections..",
    "slurm_base.env_vars.",
    "variables.",
    "checks.",
    "sections.slurm_base.env_vars=",
    "sections.slurm_base.env_vars={",
    "sections.slurm_base.env_vars+=",
    "{",
    '"',
)
AFTER = ("", "]", '"', " ", "=", "=x")  # a secret in base64 may end in =


@each_row("before", BEFORE)
def test_no_secret_is_echoed(configs, before):
    echoes = []
    for separator in SEPARATORS:
        for after in AFTER:
            word = f"{before}HF_TOKEN{separator}{SECRET}{after}"
            seen = attempt(env_toml.generate, configs["slurm"], [word])
            if SECRET in str(seen):
                echoes.append(f"{word!r} -> {str(seen)[:150]}")
    assert not echoes, "\n".join(echoes)


@each_row(
    "word",
    [
        "sections.slurm_base.client_secret=[hunter2",
        "sections.slurm_base.client_secret=hunter2\u200b",
        "sections.slurm_base.x_token=[hunter2",
        "sections.slurm_base.x_token=[hunter2]",
        "sections.slurm_base.x_token[0]=hunter2",
        'sections.slurm_base.env_vars={"HF_\\u0054OKEN": "hunter2"}',
        'sections.slurm_base.env_vars={"HF_TOKEN": "hunter2", "HF_TOKEN": "x"}',
        "sections.slurm_base={env_vars: {HF_TOKEN: hunter2}}",
        "sections={slurm_base: {env_vars: {HF_TOKEN: hunter2}}}",
        "sections.*.env_vars.HF_TOKEN=hunter2",
        "sections.slurm_base.host=//user:hunter2@host",
        "sections.slurm_base.host=//user:hunter2@${oc.env:HOST",
        "sections.slurm_base.nodes=//user:hunter2@host",
        "sections.slurm_base.mounts=//user:hunter2@host",
        "sections.slurm_base.startup_commands=[curl //user:hunter2@host]",
        "images[nvcr.io/]=//user:hunter2@host/",
    ],
)
def test_no_secret_of_a_wrong_value_is_echoed(configs, word):
    error = refusal(env_toml.generate, configs["slurm"], [word])
    assert SECRET not in str(error)


@pytest.mark.parametrize("word", ["HF_TOKEN=hunter2", "sections.p.env_vars.HF_TOKEN+=hunter2"])
def test_no_secret_of_a_word_after_c_is_echoed(word):
    error = refusal(env_toml.generate, word, [])
    assert_says(error, ["-c takes a config", "found KEY=VALUE"])
    assert SECRET not in str(error)


@each_row(
    "word",
    [
        "preamble.x=3",
        "force.x=3",
        "output_path.x=3",
        "variables.A.b=c",
        "images.nvcr.io/=reg#",
        "only.x=slurm_curate",
        "sections.slurm_new.extends.x=slurm_base",
    ],
)
def test_a_word_that_leads_below_what_is_no_table(word):
    error = refusal(env_toml.generate, "slurm", [word])
    assert re.search(r"expected (a table or a list before|an index)", str(error)), error
