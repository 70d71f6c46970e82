"""configs/schema.json and FIELDS.md: made from the program's tables, and of one mind with the program."""

from __future__ import annotations

import json

import pytest
import regenerate
import sources
from cli import CONFIGS
from helpers import write_config
from rows import each_row

import env_toml

jsonschema = pytest.importorskip("jsonschema")

SCHEMA = json.loads(regenerate.make_schema())
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)

# What JSON Schema cannot say, by the beginning of a case's name: which end differs, and why.
PROGRAM_REFUSES, SCHEMA_REFUSES = "the program refuses", "the schema refuses"
CANNOT_SAY = [
    (" = 0.0", PROGRAM_REFUSES, "1.0 is an integer in JSON Schema"),
    (" = 1.0", PROGRAM_REFUSES, "1.0 is an integer in JSON Schema"),
    (r' = "a\udb40\udc41b"', PROGRAM_REFUSES, "a pattern names nothing beyond U+FFFF"),
    (r' = "a\ud800"', PROGRAM_REFUSES, "a pattern names no half pair"),
    (r' = "a\udc00"', PROGRAM_REFUSES, "a pattern names no half pair"),
    (' = {"X": "${oc.env:Y"}', PROGRAM_REFUSES, "the grammar of interpolations"),
    ("close to", PROGRAM_REFUSES, "a pattern cannot say how like two names are"),
    ("a literal secret", PROGRAM_REFUSES, "what may pass is said by checks, maybe of another file"),
    *[
        (f" = {json.dumps(text)}", PROGRAM_REFUSES, "the grammar of interpolations")
        for text in sources.FIELDS["broken interpolations"]
    ],
]


def find_reason(name, refused):
    """Return why the schema may differ on a case, "" where it must not."""
    differs = PROGRAM_REFUSES if refused else SCHEMA_REFUSES
    for part, end, _ in CANNOT_SAY:
        fits = name.endswith(part) if part.startswith(" = ") else name.startswith(part)
        if fits and end == differs:
            return part
    return ""


def test_the_schema_is_what_would_be_made():
    assert regenerate.read(regenerate.SCHEMA_PATH) == regenerate.make_schema()


def test_the_fields_are_what_would_be_made():
    assert regenerate.read(regenerate.FIELDS_PATH) == regenerate.make_fields()


def test_the_schema_is_a_schema():
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert "draft-07" in SCHEMA["$schema"]
    assert json.dumps(SCHEMA).count('"description"') >= 60


def test_every_field_is_described_in_both():
    profile = SCHEMA["definitions"]["profile"]["properties"]
    text = regenerate.make_fields()
    for field in sources.list_fields():
        assert f"| `{field.name}` | {field.kind} | " in text, field.name
        if field.heading not in ("mount", "volume", "wandb"):
            assert profile[field.name]["description"].strip(), field.name
    for key in env_toml.FIELDS["config"]:
        assert SCHEMA["properties"][key]["description"].strip(), key


def test_the_schema_and_the_program_agree():
    """What a source check refuses, the schema refuses, and nothing else, but for CANNOT_SAY."""
    differ, used = [], set()
    for source in sources.list_sources():
        if VALIDATOR.is_valid(source.config) == source.refused:
            reason = find_reason(source.name, source.refused)
            used.add(reason)
            if not reason:
                differ.append(f"{source.name}: the program refuses it: {source.refused}")
    assert differ == [], "\n".join(differ)
    assert {part for part, _, _ in CANNOT_SAY} - used == set(), "said to differ, but agree"


def properties_of(table):
    """Return the properties of a definition; that of a mount is one of two ways."""
    ways = SCHEMA["definitions"][table].get("anyOf", [SCHEMA["definitions"][table]])
    return next(way["properties"] for way in ways if "properties" in way)


def test_the_fields_of_a_kind_are_alike():
    """So that what is shown for one field of a kind is shown for all."""
    first = {
        (sources.table_of(field.heading), field.kind): field.name for field in sources.list_kinds()
    }
    for field in sources.list_fields():
        table = sources.table_of(field.heading)
        properties = properties_of(table)
        ways = properties[field.name]["anyOf"]
        assert ways == properties[first[table, field.kind]]["anyOf"], field.name


@each_row("name", ["_steps", *CONFIGS])
def test_a_bundled_config_is_valid(name):
    path = regenerate.SCHEMA_PATH.with_name(f"{name}.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    assert [error.message for error in VALIDATOR.iter_errors(content)] == []
    assert content["$schema"] == "./schema.json"


def test_a_config_may_name_its_schema(call, tmp_path):
    config = {"$schema": "configs/schema.json", "sections": {"p": {"executor": "local"}}}
    write_config(tmp_path / "site.json", config)
    seen = call("-c", "site.json", "-d")
    assert (seen.exit, seen.err) == (0, "")
    assert "schema" not in seen.out


def test_the_schema_is_no_config(call):
    assert "schema" not in call("--list").out
    seen = call("-c", "schema", "-d")
    assert seen.exit == 2
    assert "schema: no such config" in seen.err


def test_each_part_is_made_alone(monkeypatch, tmp_path, capsys):
    for path in ("SCHEMA_PATH", "FIELDS_PATH"):
        monkeypatch.setattr(regenerate, path, tmp_path / path)
    regenerate.main(["fields"])
    assert [path.name for path in tmp_path.iterdir()] == ["FIELDS_PATH"]
    regenerate.main(["schema", "fields"])
    assert capsys.readouterr().out == "changed FIELDS_PATH\nchanged SCHEMA_PATH\n"
    assert regenerate.read(tmp_path / "SCHEMA_PATH") == regenerate.make_schema()
    with pytest.raises(SystemExit, match="found golden files"):
        regenerate.main(["golden files"])
