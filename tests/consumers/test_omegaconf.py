# SPDX-License-Identifier: Apache-2.0
"""OmegaConf, which reads the file in Nemotron, makes the same profiles of its two forms.

With `expand=true` the tool merges each `extends` chain; with `expand=false` OmegaConf does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from generated_files import Tables, environment, environment_variables, profiles

omegaconf = pytest.importorskip("omegaconf", reason="omegaconf is not installed")
OmegaConf = omegaconf.OmegaConf

#: The one variable that the profiles read without a default.
USER_ONLY = {"USER": "tester"}


def merge_chain(document: Any, name: str) -> Any:
    """Return the profile merged over its parents, as OmegaConf does it."""
    own = document[name]
    if "extends" not in own:
        return own
    merged = OmegaConf.merge(merge_chain(document, own.extends), own)
    del merged["extends"]
    return merged


def resolve(profile: Any) -> dict[str, Any]:
    """Return a part of a document with every interpolation resolved."""
    plain: dict[str, Any] = OmegaConf.to_container(profile, resolve=True)
    return plain


def both_forms(read: Callable[..., Tables], config: str) -> tuple[Tables, Tables]:
    """Return the resolved profiles as the tool merged them and as OmegaConf merges them."""
    expanded = OmegaConf.create(read(config, "expand=true"))
    declared = OmegaConf.create(read(config, "expand=false"))
    assert any("extends" in profile for profile in profiles(declared).values()), (
        f"nothing extends in {list(declared)}"
    )
    by_tool = {name: resolve(profile) for name, profile in profiles(expanded).items()}
    by_omegaconf = {name: resolve(merge_chain(declared, name)) for name in profiles(declared)}
    return by_tool, by_omegaconf


def test_profiles_without_site_variables(read: Callable[..., Tables], config: str) -> None:
    names = environment_variables(read(config, "expand=true"))
    with environment(names, USER_ONLY):
        by_tool, by_omegaconf = both_forms(read, config)
    assert by_tool == by_omegaconf
    assert "${" not in str(by_tool)


def test_profiles_with_every_site_variable(read: Callable[..., Tables], config: str) -> None:
    names = environment_variables(read(config, "expand=true"))
    assert names == environment_variables(read(config, "expand=false"))
    with environment(names, {name: f"<{name}>" for name in names}):
        by_tool, by_omegaconf = both_forms(read, config)
        shown = str(resolve(OmegaConf.create(read(config))))
    assert by_tool == by_omegaconf
    assert [name for name in sorted(names) if f"<{name}>" not in shown] == []


def texts_in(value: Any) -> set[str]:
    """Return the different texts in a table, at any depth."""
    if isinstance(value, str):
        return {value}
    items: list[Any] = []
    if isinstance(value, dict):
        items = list(value.values())
    elif isinstance(value, list):
        items = value
    return set().union(*map(texts_in, items))


def test_every_text_with_each_site_variable_alone(read: Callable[..., Tables], config: str) -> None:
    tables = read(config)
    names = environment_variables(tables)
    texts = OmegaConf.create(sorted(texts_in(tables)))
    for name in sorted(names):
        with environment(names, {**USER_ONLY, name: f"<{name}>"}):
            shown = str(OmegaConf.to_container(texts, resolve=True))
        assert f"<{name}>" in shown, name
        assert "${" not in shown, name


def test_the_environment_wins_over_the_variables_of_a_site(
    resolved: Callable[..., Tables], site_configs: dict[str, str], config: str
) -> None:
    found = resolved(site_configs[config], NEMOTRON_WORKSPACE="/mnt/b", HF_HOME="/mnt/hf")
    assert {profile["workspace"] for profile in found.values()} == {"/mnt/b"}
    assert {profile["env_vars"]["HF_HOME"] for profile in found.values()} == {"/mnt/hf"}
