"""What the tests share: tables of cases, ways to call the program and to look at its answer."""

import functools
import json
import re
from pathlib import Path

import cli

import env_toml

CASES = Path(__file__).resolve().parent / "cases"
SMALL = str(CASES / "small.json")  # a config for tests in which its size is not the point
CONFIGS = cli.ROOT / "configs"
SHARED = ("_steps", "schema")  # files beside the configs that a person chooses
BUNDLED = {path.stem: path for path in sorted(CONFIGS.glob("*.json")) if path.stem not in SHARED}
assert BUNDLED, "no bundled configs"


def load_cases(name):
    """Return a table of cases; an empty one would let every test of it pass."""
    cases = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    assert cases, f"{name}.json is empty"
    parts = cases.values() if isinstance(cases, dict) else cases
    assert all(parts), f"{name}.json has an empty part"
    return cases


def plain_and_thorough(values, plain):
    """Return parameters of which a plain run takes one, and `.ci/run` all of them."""
    import pytest

    thorough = pytest.mark.thorough
    return [value if value == plain else pytest.param(value, marks=thorough) for value in values]


@functools.cache
def text_of(config, *words):
    """Return the file of a bundled config: many tests ask for the same, and none can change it."""
    assert config in BUNDLED
    return env_toml.generate(config, list(words))


def generate(config, *words):
    """Return what the generated file says to its reader."""
    return cli.read_toml(env_toml.generate(str(config), list(words)))


def attempt(call, *args):
    """Return what a call gives: its value, or the EnvTomlError that it raises."""
    try:
        return call(*args)
    except env_toml.EnvTomlError as error:
        return error


def refusal(call, *args):
    """Return the EnvTomlError that a call raises; fail with what it returned instead."""
    seen = attempt(call, *args)
    assert isinstance(seen, env_toml.EnvTomlError), f"not refused, but gave {seen!r}"
    return seen


def assert_says(text, fragments):
    missing = [fragment for fragment in fragments if fragment not in str(text)]
    assert not missing, f"{missing} not in: {text}"


def exact(value):
    """Write a value so that 1, 1.0, True and "1" all differ; the order of keys does not matter."""
    return json.dumps(value, sort_keys=True)


def keys_of(place):
    r"""Split "a.b\.c.0" into ["a", "b.c", "0"]."""
    return [key.replace("\\.", ".") for key in re.split(r"(?<!\\)\.", place)]


def look_up(table, place):
    """Return what stands at a dotted place; KeyError or IndexError where nothing does."""
    for key in keys_of(place):
        table = table[int(key)] if isinstance(table, list) else table[key]
    return table


def write_config(path, config):
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def as_read(value):
    """Return a value as TOML holds it: without the keys that are null, at any depth."""
    if isinstance(value, dict):
        return {key: as_read(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [as_read(item) for item in value]
    return value
