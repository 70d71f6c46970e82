# SPDX-License-Identifier: Apache-2.0
"""Python's two TOML readers agree on every generated file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from generated_files import profiles

tomllib = pytest.importorskip("tomllib", reason="tomllib comes with Python 3.11")
tomlkit = pytest.importorskip("tomlkit", reason="tomlkit is not installed")

expand = pytest.mark.parametrize("expand", ["expand=true", "expand=false"])


def as_json(value: Any) -> str:
    """Text in which 1, 1.0 and true differ, and the order of keys counts."""
    return json.dumps(value, indent=1, ensure_ascii=False)


@expand
def test_tomllib_and_tomlkit_read_the_same(
    generated: Callable[..., Path], config: str, expand: str
) -> None:
    text = generated(config, expand).read_text(encoding="utf-8")
    by_tomllib = tomllib.loads(text)
    assert profiles(by_tomllib)
    assert as_json(tomlkit.parse(text).unwrap()) == as_json(by_tomllib)


@expand
def test_tomlkit_edits_one_value_and_keeps_the_rest(
    generated: Callable[..., Path], config: str, expand: str
) -> None:
    text = generated(config, expand).read_text(encoding="utf-8")
    document = tomlkit.parse(text)
    assert tomlkit.dumps(document) == text

    first = next(iter(profiles(document)))
    document[first]["container_image"] = "example/edited:1"
    expected = tomllib.loads(text)
    expected[first]["container_image"] = "example/edited:1"
    edited = tomlkit.dumps(document)
    assert tomllib.loads(edited) == expected
    assert [line for line in edited.splitlines() if line not in text.splitlines()] == [
        'container_image = "example/edited:1"'
    ]
