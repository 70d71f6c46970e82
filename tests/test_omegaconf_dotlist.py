"""Words against OmegaConf's dotlist: where both read the same, and where they differ on purpose."""

import pytest
from helpers import assert_says, exact, generate, keys_of, load_cases, look_up, refusal
from omegaconf import OmegaConf
from rows import each_row

import env_toml

TABLE = load_cases("omegaconf")


def place_of(row):
    return row.get("at", row["word"].partition("=")[0])


def is_error(expected):
    return isinstance(expected, dict) and "error" in expected


def assert_omegaconf(row, expected):
    if is_error(expected):
        with pytest.raises(Exception) as caught:  # noqa: PT011  # its name is the assertion
            OmegaConf.to_container(OmegaConf.from_dotlist([row["word"]]))
        assert caught.type.__name__ == expected["error"]
        return
    seen = OmegaConf.to_container(OmegaConf.from_dotlist([row["word"]]))
    for key in row.get("omegaconf_path") or keys_of(row.get("omegaconf_at", place_of(row))):
        seen = seen[key]
    assert exact(seen) == exact(expected), "OmegaConf"


def assert_ours(row, expected, says=()):
    if is_error(expected):
        assert_says(refusal(env_toml.generate, "slurm", [row["word"]]), says or expected["error"])
        return
    place = place_of(row).partition(".")[2]
    written = generate("slurm", row["word"], "only=[slurm_base]")
    assert exact(look_up(written, place)) == exact(expected), "env_toml"


@each_row("row", TABLE["differ"], ids=[row["word"] for row in TABLE["differ"]])
def test_differ(row):
    assert row["why"]
    assert is_error(row["ours"]) or exact(row["omegaconf"]) != exact(row["ours"])
    assert_omegaconf(row, row["omegaconf"])
    assert_ours(row, row["ours"])


@each_row("row", TABLE["agree"], ids=[row["word"] for row in TABLE["agree"]])
def test_agree(row):
    assert row["why"]
    assert_omegaconf(row, row["gives"])
    assert_ours(row, row["gives"], row["gives"]["says"] if is_error(row["gives"]) else ())
