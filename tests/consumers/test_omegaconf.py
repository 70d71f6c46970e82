# SPDX-License-Identifier: Apache-2.0
"""OmegaConf, which reads the file in Nemotron, makes the same profiles of its two forms.

With `expand=true` the tool merges each `extends` chain; with `expand=false` OmegaConf does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from generated_files import Tables, environment_variables, profiles

omegaconf = pytest.importorskip("omegaconf", reason="omegaconf is not installed")
OmegaConf = omegaconf.OmegaConf


def merge_chain(document: Any, name: str) -> Any:
    """The profile merged over its parents, as OmegaConf does it."""
    own = document[name]
    if "extends" not in own:
        return own
    merged = OmegaConf.merge(merge_chain(document, own.extends), own)
    del merged["extends"]
    return merged


def resolve(profile: Any) -> dict[str, Any]:
    plain: dict[str, Any] = OmegaConf.to_container(profile, resolve=True)
    return plain


def both_forms(read: Callable[..., Tables], config: str) -> tuple[Tables, Tables]:
    """The resolved profiles as the tool merged them and as OmegaConf merges them."""
    expanded = OmegaConf.create(read(config, "expand=true"))
    declared = OmegaConf.create(read(config, "expand=false"))
    assert any("extends" in profile for profile in profiles(declared).values()), f"nothing extends in {list(declared)}"
    by_tool = {name: resolve(profile) for name, profile in profiles(expanded).items()}
    by_omegaconf = {name: resolve(merge_chain(declared, name)) for name in profiles(declared)}
    return by_tool, by_omegaconf


def test_profiles_without_site_variables(
    monkeypatch: pytest.MonkeyPatch, read: Callable[..., Tables], config: str
) -> None:
    for name in environment_variables(read(config, "expand=true")):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("USER", "tester")  # the one variable that the profiles read without a default

    by_tool, by_omegaconf = both_forms(read, config)
    assert by_tool == by_omegaconf
    assert "${" not in str(by_tool)


def test_profiles_with_every_site_variable(
    monkeypatch: pytest.MonkeyPatch, read: Callable[..., Tables], config: str
) -> None:
    names = environment_variables(read(config, "expand=true"))
    assert names == environment_variables(read(config, "expand=false"))
    for name in names:
        monkeypatch.setenv(name, f"<{name}>")

    by_tool, by_omegaconf = both_forms(read, config)
    assert by_tool == by_omegaconf
    shown = str(resolve(OmegaConf.create(read(config))))
    assert [name for name in sorted(names) if f"<{name}>" not in shown] == []
