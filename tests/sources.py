"""Configs by themselves, each with one value that is right or wrong: what a source is checked for.

The tables are cases/fields.json (the fields of profiles) and cases/config.json (the keys of a config).
`test_fields` and `test_config` ask the program, `test_schema` asks a JSON Schema validator.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from helpers import load_cases

FIELDS = load_cases("fields")
CONFIG = load_cases("config")
SECRETS = load_cases("secrets")
CHECKS = load_cases("checks")
ALLOWED = {"allow_literal_secrets": True}  # client_secret is a field as well


class Source(NamedTuple):
    """A config, and whether it is refused by itself."""

    name: str
    config: dict[str, Any]
    refused: bool


class Field(NamedTuple):
    """A declared field: where it stands, and the values that it takes and refuses."""

    heading: str
    name: str
    kind: str
    accepts: list[Any]
    refuses: list[Any]


def list_fields() -> list[Field]:
    """Return all fields; the first of each kind has all the rows on texts, the others a few."""
    fields: list[Field] = []
    seen = set()
    for heading, kinds in FIELDS["fields"].items():
        for kind, names in kinds.items():
            for name in names.split():
                first = (table_of(heading), kind) not in seen
                seen.add((table_of(heading), kind))
                fields.append(narrow(Field(heading, name, kind, *list_values(kind, first))))
    return fields


def narrow(field: Field) -> Field:
    """Return a field with its values; a text that has to be a mount takes not any text."""
    if field.name != "lustre_mount":
        return field
    rows = FIELDS["lustre_mount"]
    return field._replace(accepts=rows["accepts"], refuses=field.refuses + rows["refuses"])


def list_values(kind: str, every: bool) -> tuple[list[Any], list[Any]]:
    """Return the values that every field of a kind takes, and those that it refuses."""
    row = FIELDS["kinds"][kind]
    accepts = [*row["accepts"], *FIELDS["whole interpolations"]]
    refuses = [*row["refuses"], *FIELDS["items of a list"].get(kind, {}).get("refuses", ())]
    broken = FIELDS["broken interpolations"]
    refuses += broken if every else broken[:2]
    texts = FIELDS["texts"].get(kind, {"accepts": [], "refuses": {}})
    wrong = list(texts["refuses"].values())
    accepts += texts["accepts"] if every else texts["accepts"][:2]
    refuses += wrong if every else wrong[:3]
    return accepts, refuses


def make_profile(heading: str, name: str, value: Any) -> dict[str, Any]:
    """Return a complete profile in which a field has the value."""
    profile: dict[str, Any] = copy.deepcopy(FIELDS["profiles"][heading])
    place = profile
    if heading == "mount":
        place = profile["mounts"][0]
    if heading == "volume":
        place = profile["pvcs"][0]
    place[name] = value
    return profile


def make_config(heading: str, name: str, value: Any) -> dict[str, Any]:
    """Return a config in which a field has the value."""
    sections = {"p": {"executor": "local"}, "wandb": {name: value}}
    if heading != "wandb":
        sections = {"p": make_profile(heading, name, value)}
    return {"checks": ALLOWED, "sections": sections}


def show(value: Any) -> str:
    return json.dumps(value)[:60]


def list_kinds() -> list[Field]:
    """Return one field of each kind in each table that has fields, which stands for all of them."""
    first: dict[Any, Field] = {}
    for field in list_fields():
        first.setdefault((table_of(field.heading), field.kind), field)
    return list(first.values())


def table_of(heading: str) -> str:
    """Return the definition in the schema that the fields of a heading stand in."""
    if heading in ("mount", "volume", "wandb"):
        return heading
    return "profile"


def list_sources() -> Iterator[Source]:
    """Yield every config of the tables that a check of one source decides."""
    yield from list_values_of_fields()
    yield from list_names()
    yield from list_keys()
    yield from list_secrets()
    for case in CHECKS:
        yield Source(f"of the whole: {case['name']}", case["config"], case.get("refused", False))


def list_values_of_fields() -> Iterator[Source]:
    for field in list_kinds():
        place = f"{field.heading}: {field.name}"
        for refused, values in ((False, field.accepts), (True, field.refuses)):
            for value in values:
                config = make_config(field.heading, field.name, value)
                yield Source(f"{place} = {show(value)}", config, refused)
    for executor, rows in FIELDS["mounts"].items():
        for mount in rows["accepts"] + rows.get("accepts with ${}", []):
            config = make_config(executor, "mounts", [mount])
            yield Source(f"a mount of {executor} = {show(mount)}", config, False)


def list_names() -> Iterator[Source]:
    for close, known in FIELDS["names"]["close"].items():
        yield Source(f"close to {known}: {close}", make_config("slurm", close, "1"), True)
    for name in FIELDS["names"]["not close"]:
        yield Source(f"close to nothing: {name}", make_config("slurm", name, "1"), False)
    for heading, names in FIELDS["mistyped keys"].items():
        for close, known in names.items():
            yield Source(f"close to {known}: {close}", make_config(heading, close, "x"), True)


def list_keys() -> Iterator[Source]:
    for key, rows in CONFIG["keys"].items():
        for refused, values in ((False, rows["accepts"]), (True, rows["refuses"])):
            for value in values:
                yield Source(f"{key} = {show(value)}", put_key(key, value), refused)


def list_secrets() -> Iterator[Source]:
    """Yield the texts of one key: a schema has no rule on keys of secrets."""
    rows = (("a literal secret", "literal", True), ("no literal secret", "not literal", False))
    for key in SECRETS["keys of a secret"][:1]:
        for name, texts, refused in rows:
            for text in SECRETS[texts]:
                profile = {"executor": "local", "env_vars": {key: text}}
                config = {"sections": {"p": profile}}
                yield Source(f"{name}: {key} = {show(text)}", config, refused)


def put_key(key: str, value: Any) -> dict[str, Any]:
    """Return a config in which a key, as in `force` or `checks.extra_fields`, has the value."""
    base: dict[str, Any] = {"sections": {"p": {"executor": "local"}}}
    place = base
    *tables, last = key.split(".")
    for table in tables:
        place = place.setdefault(table, {})
    place[last] = value
    return base
