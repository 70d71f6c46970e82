"""Make what is made from the program: python tests/regenerate.py [schema|fields|golden]

schema  configs/schema.json, for editors, from the tables of fields and kinds
fields  FIELDS.md, the fields by executor, from the same tables
golden  cases/golden/, what the commands of cases/cli.json print now

Without a word, all three. Read the difference before committing it. The exit status of a golden case
is not taken over: it stands in the table, and one that differs is shown.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import golden
from cli import ROOT

sys.path.insert(0, str(ROOT))
import env_toml

SCHEMA_PATH = ROOT / "configs" / "schema.json"
FIELDS_PATH = ROOT / "FIELDS.md"

# ------------------------------------------------------------------------------- configs/schema.json

# What a regular expression of JSON Schema can name in every language: nothing beyond U+FFFF, and no
# half pairs.
UNSEEN = env_toml.UNSEEN.partition(r"\ud800")[0]
END = r"$(?!\n)"  # in some languages $ is also before a line end that comes last
LINE = rf"^(?!\s|.*\s$)[^\t\n{UNSEEN}{env_toml.CURLY_QUOTES}]*{END}"
LINES = rf"^[^{UNSEEN}]*{END}"
NAME = rf"^[^\t\n{UNSEEN}]*{END}"
VARIABLE = rf"^[A-Za-z_][A-Za-z0-9_]*{END}"
BRACES = r"[^{}]"
for _ in range(3):
    BRACES = rf"(?:[^{{}}]|\{{{BRACES}*\}})"
INTERPOLATION = rf"^\$\{{{BRACES}*\}}{END}"

LEAST, MOST = -(2**63), 2**63 - 1
SECTIONS = env_toml.KINDS["sections"]
WITHIN = ("config", "value", "str", "bool", "int", "float", "list")  # stand where they are used
DEFINED = {name: kind for name, kind in env_toml.KINDS.items() if name not in WITHIN}
HEADINGS = {  # of the program's table of keys, by definition
    "config": ["config"],
    "checks": ["checks"],
    "mount": ["mount"],
    "volume": ["volume"],
    "wandb": ["wandb"],
    "profile": ["every executor", *env_toml.EXECUTORS, "other commands", "no executor"],
}
IN_PROFILES = ("profile", "mount", "mounts", "volume", "pvcs", "environment", "wandb", "sections")


def make_schema() -> str:
    """Return the text of configs/schema.json."""
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "a config of env_toml",
        "description": "generates the TOML file of execution profiles for Nemotron training steps",
        **describe_table(env_toml.CONFIG, "config", False),
        "definitions": {
            "interpolation": {
                "description": "a whole ${...}, which is resolved when a job is submitted",
                "type": "string",
                "allOf": [{"pattern": LINE}, {"pattern": INTERPOLATION}],
            },
            **{name: describe(kind, name) for name, kind in sorted(DEFINED.items())},
        },
    }
    return json.dumps(schema, indent=2) + "\n"


def describe(kind: Any, name: str) -> dict[str, Any]:
    """Return the schema of a kind, for its definition."""
    types = kind.types or (str, bool, int, float, list, dict)
    ways = [WAYS[of](kind, name, name in IN_PROFILES) for of in types]
    if len(ways) == 1:
        return {"description": kind.expected, **ways[0]}
    return {"description": kind.expected, "anyOf": ways}


def describe_text(kind: Any, _name: str, _inside: bool) -> dict[str, Any]:
    if kind.choices:
        return {"enum": list(kind.choices)}
    if kind.lines:
        return {"type": "string", "pattern": LINES}
    if kind.pattern == env_toml.KINDS["text"].pattern:
        return {"type": "string", "pattern": LINE}
    whole = rf"^(?:{kind.pattern}){END}"
    return {"type": "string", "allOf": [{"pattern": LINE}, {"pattern": whole}]}


def describe_boolean(_kind: Any, _name: str, _inside: bool) -> dict[str, Any]:
    return {"type": "boolean"}


def describe_integer(kind: Any, _name: str, _inside: bool) -> dict[str, Any]:
    return {"type": "integer", "minimum": max(kind.minimum, LEAST), "maximum": MOST}


def describe_number(_kind: Any, _name: str, _inside: bool) -> dict[str, Any]:
    return {"type": "number", "not": {"type": "integer"}}


def describe_list(kind: Any, _name: str, inside: bool) -> dict[str, Any]:
    schema = {"type": "array", "items": {"anyOf": refer(kind.item or env_toml.ANY, inside)}}
    if kind.minimum > 0:
        schema["minItems"] = kind.minimum
    return schema


def describe_table(kind: Any, name: str, inside: bool) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    if kind.fields:
        schema["properties"] = {
            field: {
                "description": tell(field, name),
                "anyOf": [*refer(of, inside and name != "sections"), {"type": "null"}],
            }
            for field, of in kind.fields.items()
        }
    if kind.others == "none":
        schema["additionalProperties"] = False
        return schema
    others = refer(kind.item or env_toml.ANY, inside and name != "sections")
    schema["additionalProperties"] = {"anyOf": [*others, {"type": "null"}]}
    schema["propertyNames"] = {"pattern": VARIABLE if kind.others == "variable" else NAME}
    if name in ("sections", "images"):
        schema["propertyNames"]["minLength"] = 1
    return schema


WAYS = {
    str: describe_text,
    bool: describe_boolean,
    int: describe_integer,
    float: describe_number,
    list: describe_list,
    dict: describe_table,
}


def tell(field: str, name: str) -> str:
    """Return what a key of a definition is, and for whom where it is not the same for all."""
    headings: dict[str, list[str]] = {}
    for heading in HEADINGS.get(name, ()):
        if field in env_toml.FIELDS[heading]:
            headings.setdefault(env_toml.FIELDS[heading][field][1], []).append(heading)
    told = []
    for about, of in headings.items():
        shared = of in (["every executor"], [name])
        told.append(about if shared else f"{', '.join(of)}: {about}")
    return "; ".join(told) or "written as it is"


def refer(kind: Any, inside: bool) -> list[dict[str, Any]]:
    """Return what a value may be, by definitions; `inside` a profile it may be a whole ${...}."""
    names = [name for name, known in DEFINED.items() if known is kind]
    ways = [{"$ref": f"#/definitions/{name}"} for name in names] or [describe(kind, "")]
    if inside and kind.types and (str not in kind.types or kind.choices):
        ways.append({"$ref": "#/definitions/interpolation"})
    return ways


# ------------------------------------------------------------------------------------------ FIELDS.md

GROUPS = {  # heading in the program's table: title here, what it is
    "every executor": ("Every executor", ""),
    "local": ("local", "Beside those of every executor."),
    "docker": ("docker", "Beside those of every executor."),
    "slurm": ("slurm", "Beside those of every executor."),
    "lepton": ("lepton", "Beside those of every executor."),
    "dgxcloud": ("dgxcloud", "Beside those of every executor."),
    "other commands": ("Other commands", "Read by other commands than `nemotron steps run`."),
    "no executor": ("No executor", "Read by nothing: a site that sets one is warned."),
    "mount": ("An item of Lepton's `mounts`", ""),
    "volume": ("An item of `pvcs`", ""),
    "wandb": ("The section `wandb`", ""),
}


def make_fields() -> str:
    """Return the text of FIELDS.md."""
    lines = ["# Fields of a profile", ""]
    lines += ["Made by `python tests/regenerate.py fields`; `--fields [EXECUTOR]` prints the same."]
    lines += ["A whole `${...}` fits every kind, and `null` removes a value.", ""]
    for heading, (title, about) in GROUPS.items():
        lines += [f"## {title}", ""]
        if about:
            lines += [about, ""]
        rows = [(f"`{name}`", *row) for name, row in env_toml.FIELDS[heading].items()]
        lines += [*make_table(("field", "kind", "what it is"), rows), ""]
    used = {kind for heading in GROUPS for kind, _ in env_toml.FIELDS[heading].values()}
    kinds = [(name, kind.expected) for name, kind in env_toml.KINDS.items() if name in used]
    lines += ["## Kinds", "", *make_table(("kind", "what it takes"), kinds)]
    return "\n".join(lines) + "\n"


def make_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Return the lines of a Markdown table."""
    table = [head, ("---",) * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in table]


# --------------------------------------------------------------------------------------- cases/golden


def write_golden() -> None:
    golden.GOLDEN.mkdir(exist_ok=True)
    for stale in golden.GOLDEN.iterdir():
        if stale.stem not in golden.CASES:
            stale.unlink()
            print("removed", stale.name)
    for name, case in golden.CASES.items():
        if golden.missing(case):
            sys.exit(f"{name}: {golden.missing(case)}")
        with tempfile.TemporaryDirectory() as folder:
            found = golden.perform(case, Path(folder))
        before = golden.expected(name)
        if found.exit != before.exit:
            print(f"{name}: exit {found.exit}, the table says {before.exit}")
        for end, text, old in (("out", found.out, before.out), ("err", found.err, before.err)):
            write_if_new(golden.GOLDEN / f"{name}.{end}", text, old)


# ----------------------------------------------------------------------------------------------------


def write_if_new(path: Path, text: str, old: str) -> None:
    """Write a text that is another than before; an empty one is no file."""
    if text == old:
        return
    print("changed", path.name)
    path.write_text(text, encoding="utf-8")
    if not text:
        path.unlink()


def read(path: Path) -> str:
    """Return a text with the line ends that it has, "" where there is no file."""
    return path.read_bytes().decode("utf-8") if path.exists() else ""


def write_schema() -> None:
    write_if_new(SCHEMA_PATH, make_schema(), read(SCHEMA_PATH))


def write_fields() -> None:
    write_if_new(FIELDS_PATH, make_fields(), read(FIELDS_PATH))


PARTS = {"schema": write_schema, "fields": write_fields, "golden": write_golden}


def main(words: list[str]) -> None:
    unknown = [word for word in words if word not in PARTS]
    if unknown:
        sys.exit(f"expected one of {', '.join(PARTS)}, found {', '.join(unknown)}")
    for part in words or PARTS:
        PARTS[part]()


if __name__ == "__main__":
    main(sys.argv[1:])
