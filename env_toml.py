#!/usr/bin/env python3
# /// script
# requires-python = ">=3.9"
# dependencies = ["tomli-w>=1.2"]
# ///
# SPDX-License-Identifier: Apache-2.0
r"""Generate the TOML file of execution profiles for Nemotron training steps.

usage: env_toml.py [-c NAME|FILE] [-f] [--strict] [MODE] [KEY=VALUE ...]

  -c, --config NAME|FILE  a bundled config (--list) or a file of yours;
                          without it: lepton
  -f, --force             replace an existing file, as force=true does; one
                          that was edited is kept as NAME.bak, NAME.bak.1, ...
      --strict            warnings, and site values that still have their
                          placeholder, are errors

modes (without one: write the file)
  -d, --dry-run           print the file, write nothing
      --check             compare with the file: exit 0 same, 1 different or
                          absent, with a diff
      --edits FILE        print as a site config what FILE has otherwise than
                          the config and the words give
      --lint FILE         check an existing file; -c adds a config's checks
      --list              list the bundled configs
      --fields [EXECUTOR] list the fields of a profile, by executor
      --tree              show the profiles as an inheritance tree
      --show PROFILE      show one complete profile and its commands, each
                          line with where it comes from
      --version           version and sha256 of the program and the configs
  -h, --help              show this text

words
  KEY=VALUE    set a value       sections.slurm_base.time=12:00:00
  KEY+=VALUE   append to a list  sections.slurm_base.mounts+=/data:/data
  KEY=null     remove a value; the one a parent has shows through

  KEY: names joined by dots; [0] or .0 picks a list item; [name] equals
  .name; \. \[ \] \= are literal. A * in a profile's name means every profile
  that it matches. VALUE is read by the type of the key: text stays as it is
  typed (0123, 2.10, 12:00:00); integers, booleans, [lists] and {tables} are
  checked; a whole ${...} fits any type. Words apply from left to right.

  variables.NAME=VALUE   what ${oc.env:NAME} falls back to, in all profiles
  images[nvcr.io/]=NEW   where images that begin with nvcr.io/ come from
  output_path=FILE       where to write; - is standard output

exit status
  0 done; 1 --check found a difference; 2 anything wrong, one line each on
  standard error

examples
  python env_toml.py -c slurm variables.SLURM_ACCOUNT=acme
  python env_toml.py -c slurm -d 'sections.*.time=04:00:00'
  python env_toml.py -c site.json --check

From Python: env_toml.generate("slurm", ["force=true"]) returns the text.
"""

from __future__ import annotations

import signal

if __name__ == "__main__":  # Ctrl-C ends a run that only loads without a word, too
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import errno
import gc
import json
import os
import re
import shlex
import sys
from collections import Counter, namedtuple
from functools import lru_cache
from itertools import islice

TYPE_CHECKING = False  # spares a run the import of typing
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from typing import Any, NoReturn

    Keys = tuple[Any, ...]
    Match = re.Match[str]
    Names = list[str]
    Table = dict[str, Any]
    Words = Sequence[str]

__version__ = "1.1.0"
__all__ = ["EnvTomlError", "Finding", "generate"]

DEFAULT_CONFIG = "lepton"
CONFIG_FOLDERS = ("env_toml_configs", "configs")  # in a wheel; in a checkout or a copied folder
BUNDLED = ("_steps", "dgxcloud", "lepton", "slurm", "slurm-airgap")  # another there is a site's
RESERVED = ("wandb", "cli", "cache", "artifacts")  # sections that are not profiles
EXECUTORS = ("local", "docker", "slurm", "lepton", "dgxcloud")
MAX_BYTES = 67_108_864  # 64 MiB, of a file that is read: more is a mistake, as /dev/zero is
MAX_DEPTH = 64  # of nested values: tomli-w recurses, and so does every reader of the file
TOO_DEEP = f"nested more than {MAX_DEPTH} deep"
MAX_LINEAGE = 4  # names in a lineage comment: with all, a deep chain would grow with its square

# Where this file is: behind a link to it, or in a zip, which has no such file.
HERE = os.path.dirname(os.path.realpath(__file__) if os.path.isfile(__file__) else __file__)


# ----------------------------------------------------------------------------------------- findings


class Finding(namedtuple("Finding", "message keys level origin excuse")):
    """One thing that is wrong; `str()` is one line.

    `level` is "error" or "warning". `keys` lead to its place in the config, as in ("sections",
    "slurm_base", "nodes"). `origin` is the file, or the key of the word, that it comes from.
    `excuse` names the list in `checks`, and the name in it, that lets it pass (both "" for none).
    """

    def __str__(self) -> str:
        line = self.message
        if self.keys:
            line = f"{show_keys(self.keys)}: {line}"
        if self.origin:
            line += f" (in {self.origin})"
        return escape(line)


class EnvTomlError(ValueError):
    """Wrong input or a failed write: `findings` says all that is wrong, `str()` a line for each.

    What is only doubtful is raised as one, too, and kept as a warning by the report.
    """

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings
        super().__init__("\n".join(map(str, findings)))


def wrong(message: str, keys: Keys = (), excuse: Keys = ("", ""), origin: str = "") -> EnvTomlError:
    """Return the error to raise for one mistake."""
    return EnvTomlError(Finding(message, keys, "error", origin, excuse))


def doubtful(message: str, keys: Keys, excuse: Keys = ("", "")) -> EnvTomlError:
    """Return what to raise for one thing that is only warned of."""
    return EnvTomlError(Finding(message, keys, "warning", "", excuse))


class Report:
    """The findings of a run: the one place that collects what stages raise.

    `with report:` keeps what is raised inside, and the run goes on, so that it tells all at once.
    Findings without an origin get that of the report. What is raised inside `with Report():`, which
    nobody keeps, does not matter.
    """

    def __init__(self, origin: str = "") -> None:
        self.origin = origin
        self.findings: list[Finding] = []

    def of(self, origin: str) -> Report:
        """Return this report for what comes from one file or word."""
        part = Report(origin)
        part.findings = self.findings
        return part

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: Any, error: Any, _trace: Any) -> bool:
        if isinstance(error, RecursionError):
            error = wrong(TOO_DEEP)
        if not isinstance(error, EnvTomlError):
            return False
        for finding in error.findings:
            self.findings.append(finding._replace(origin=finding.origin or self.origin))
        return True

    def settle(self) -> None:
        """Raise all findings, each once, if one of them is an error."""
        if any(finding.level == "error" for finding in self.findings):
            raise EnvTomlError(*dict.fromkeys(self.findings))


# -------------------------------------------------------------------------------------- close names

CLOSE = 0.85  # difflib ratio from which a new name counts as a mistyped known one
FEW = 0.6  # the same for a suggestion where any other name is wrong anyway
MANY = 200  # known names from which none is suggested: difflib would take minutes
TYPO = r"""(?x)  # two names, a line each, of which one is a mistyped form of the other:
    (?i: (.*) \n \1 )                # TIME, time
    | (?= .* \n .{4} ) (.*) (?:      # or, of four letters and more, after what both begin with,
        .? (.*) \n \2 .? \3          # nodees, node or noses for nodes
        | (.) (.) (.*) \n \2 \5 \4 \6  # or ndoes
    )
"""


@lru_cache(None)
def find_close(name: str, known: frozenset[str], ratio: float) -> str:
    """Return the known name that `name` is a mistyped form of, "" where there is none.

    Close is what differs in case only, has two neighbouring letters swapped, or one letter more,
    less or other (in names of four letters and more), or what difflib finds as like as `ratio`.
    """
    for other in sorted(known):
        if abs(len(name) - len(other)) < 2 and re.fullmatch(TYPO, f"{name}\n{other}"):
            return other
    import difflib

    return "".join(difflib.get_close_matches(name, sorted(known), 1, ratio))


def suggest(name: str, known: Collection[str], ratio: float = FEW, but: Iterable[str] = ()) -> str:
    """Return "; did you mean X?" for the nearest known name `but` some, "" where none is close."""
    if len(known) > MANY:
        return ""
    near = find_close(name, frozenset(known).difference(but, [name]), ratio)
    if near == "":
        return ""
    return f"; did you mean {near}?"


# ----------------------------------------------------------------------------------- interpolations

# An interpolation is OmegaConf's ${name} or ${resolver:argument,...}, which the reader of the file
# resolves when a job is submitted: https://omegaconf.readthedocs.io/en/latest/grammar.html
# An argument is quoted, a list or table, or bare: of a few characters, others after a backslash.

# Private characters stand in for what was read: no text has them, see UNSEEN.
ESCAPE = "\U000f0000"  # for \${, which is text, and which no bare argument may have
STAND_INS = r"\U000f0001-\U000ffffd"
MANY_PARTS = 1_000  # in one text; variables that name another twice, and that one so, double it
QUOTED = r"""[ \t]*(?:'(?:[^'\\$]|\$(?!\{)|\\.)*'|"(?:[^"\\$]|\$(?!\{)|\\.)*")[ \t]*"""
BARE = (
    rf"(?:[a-zA-Z0-9_/+.%*@?|:$ \t{STAND_INS}-]"
    r"|\\[\\()\[\]{}:=, \t]|\\(?![\\()\[\]{}:=, \t]))*"
)
ARGUMENT = rf"(?:{QUOTED}|{BARE})"
TABLE_KEY = r"[ \t]*[a-zA-Z0-9_/+.%*@?|$-][a-zA-Z0-9_/+.%*@?|$ \t-]*"
for _ in range(2):  # a list or table may hold others
    ITEM = rf"{ARGUMENT}(?:,|(?=\]))"
    PAIR = rf"{TABLE_KEY}:(?![ \t]*[,}}]){ARGUMENT}(?:,(?!\}})|(?=\}}))"
    NESTED = rf"[ \t]*(?:\[(?:{ITEM})*\]|\{{(?:[ \t]*|(?:{PAIR})+)\}})[ \t]*"
    ARGUMENT = rf"(?:{QUOTED}|{NESTED}|{BARE})"
# A name, or a whole ${...}.
NODE_KEY = rf"(?:[{STAND_INS}]|[^\\{{}}()\[\]:.\s'\"{ESCAPE}{STAND_INS}]+)"
INNERMOST = rf"""(?x) \$\{{ [ \t]* (?:
    ( [a-zA-Z_][a-zA-Z0-9_-]* (?: \.[a-zA-Z_][a-zA-Z0-9_-]* )* ) [ \t]*  # a resolver
        : ( {ARGUMENT} (?: , {ARGUMENT} )* )
    | ( \.* (?: {NODE_KEY} | \[{NODE_KEY}\] )                            # or a node: .a.b[c]
        (?: \.{NODE_KEY} | \[{NODE_KEY}\] )* )
) [ \t]* \}}"""
ESCAPED = r"(?<!\\)((?:\\\\)*)\\\$\{"  # after an odd number of backslashes it is text
# Most interpolations are this: ${oc.env:NAME}, maybe with a plain default. It spares most runs the
# 10 ms that compiling the whole grammar takes, and has the same groups.
SIMPLE = rf"\$\{{(oc\.env):([a-zA-Z0-9_]+(?:,(?:''|[a-zA-Z0-9_/+.%*@?|:{STAND_INS}-]*))?)()\}}"


def refuse_broken(text: str) -> str:
    """Return a text in which no `${` is left; raises EnvTomlError where one is."""
    if "${" not in text:
        return text
    if text.rfind("${") > text.rfind("}"):
        raise wrong("unbalanced interpolation: expected a } for every ${")
    raise wrong(
        "OmegaConf cannot read this interpolation: quote the default, as in ${oc.env:NAME,'a=b'}"
    )


def rewrite(
    text: str,
    put: Callable[[Match], str],
    finish: Callable[[str], str] = refuse_broken,
) -> str:
    r"""Return a text in which each `${...}` is what `put` makes of it, inner ones first.

    `put` gets a match with the resolver and its arguments, or else the node, in which what was
    rewritten before is one character; \${ is left alone. `finish` gets the text in which each outer
    one is one character, before those are put back: unless another is given, it raises EnvTomlError
    for what OmegaConf's grammar refuses. A text with characters of that sort, which `check_text`
    refuses, is left as it is.

    >>> rewrite("a/${oc.env:X,${y}}/\\${z}", lambda match: f"<{match[1] or match[3]}>")
    'a/<oc.env>/\\${z}'
    """
    parts = {ord(ESCAPE): r"\${"}  # by the code of what stands in for them

    def keep(match: Match) -> str:
        code = ord(ESCAPE) + len(parts)
        if len(parts) > MANY_PARTS:
            raise wrong(f"more than {MANY_PARTS} interpolations in one text")
        parts[code] = put(match).translate(parts)
        return chr(code)

    if max(text, default="") > "\U000effff":
        return text
    text = re.sub(ESCAPED, rf"\1{ESCAPE}", text)
    for grammar in (SIMPLE, INNERMOST):
        changes = 1
        while changes and "${" in text:
            text, changes = re.subn(grammar, keep, text)
    return finish(text).translate(parts)


# RESOLVER:NODE of what a shell expands, as in ${A:-b}, ${#A} or ${A##*/}.
SHELL_NAME = r"[A-Z_][A-Z0-9_]*:|:[#!][A-Z_]|:[A-Z_][A-Z0-9_]*[^\w.\[-]"


def check_interpolations(text: str) -> None:
    """Raise EnvTomlError for an interpolation that the reader of the file cannot resolve."""
    if "${" in re.sub(SIMPLE, "", text):  # those are sound, and nearly all there are
        rewrite(text, _check_interpolation)


def _check_interpolation(match: Match) -> str:
    resolver, arguments, node = match.groups("")
    if re.fullmatch("[A-Z_][A-Z0-9_]*", node):
        raise wrong(
            f"${{{node}}} is no environment variable: write ${{oc.env:{node}}}"
            f" (or \\${{{node}}}, which the shell of the job reads)"
        )
    if re.match(SHELL_NAME, f"{resolver}:{node}"):
        raise wrong(
            "no interpolation of OmegaConf: write ${oc.env:NAME,default}"
            f" (or \\${{{resolver or node}...}}, which the shell of the job reads)"
        )
    if resolver == "oc.env" and not arguments.strip():
        raise wrong("expected the name of a variable, as in ${oc.env:NAME}")
    if resolver == "oc.env" and len(split_arguments(arguments)) > 2:
        raise wrong("more than one default: quote one with commas, as in ${oc.env:NAME,'a,b'}")
    if suggest(resolver, ["oc.env"]):  # OmegaConf's others and the step CLI's are not that close
        raise wrong(f"unknown resolver {resolver}; did you mean oc.env?")
    return match[0]


def split_arguments(arguments: str) -> Names:
    """Return the arguments of a resolver, quoted ones with their quotes."""
    parts = arguments.split(",")
    if re.search(r"""(?s)['"\[{\\].*,""", arguments):  # a comma that may be part of one
        parts = re.findall(rf"(?:\A|,)({ARGUMENT})", arguments)
    return [argument.strip() for argument in parts]


def is_interpolation(value: Any) -> bool:
    """Tell whether a value is wholly one `${...}`, whose resolved value may be of any type."""
    if not isinstance(value, str) or not value.startswith("${"):
        return False
    return re.fullmatch(SIMPLE, value) is not None or mask_interpolations(value) == "/"


def mask_interpolations(text: str) -> str:
    """Return the text with a / for every `${...}`; what cannot be read stays."""
    return rewrite(text, lambda match: "/", str)


ENV_WITH_DEFAULT = r"""(?xs) \$\{ [ \t]* oc\.env [ \t]* : [^,]* ,
    [ \t]* (['"]?) (.*?) \1 [ \t]* \} \Z  # the second group is the default, without its quotes
"""


def resolve_defaults(text: str) -> str:
    """Return the text as it resolves where no variable is set; what has no default stays."""
    return rewrite(text, lambda found: re.sub(ENV_WITH_DEFAULT, r"\2", found[0]), str)


# What OmegaConf reads without quotes as the text that it is.
PLAIN_DEFAULT = r"(?!(?i:true|false|null|nan|inf)\Z)[a-zA-Z/][a-zA-Z0-9_/.:@%*?|+-]*|0|[1-9][0-9]*"


def quote_default(value: str) -> str:
    r"""Return a value as the default of an interpolation, quoted where OmegaConf needs it.

    >>> quote_default("/lustre:/lustre"), quote_default("1.50"), quote_default("it's")
    ('/lustre:/lustre', "'1.50'", "'it\\'s'")
    """
    if re.fullmatch(PLAIN_DEFAULT, mask_interpolations(value)):
        return value
    return rewrite(value, lambda match: match[0], _quote)


def _quote(text: str) -> str:
    doubled = re.sub(r"\\+(?='|\Z)", r"\g<0>\g<0>", text)
    return "'" + doubled.replace("'", r"\'") + "'"


# ------------------------------------------------------------------------------------------ secrets

SECRET_WORDS = "key|token|secret|password|passwd|credentials?|apikey|pat"
# A secret's name with its value after a colon, a blank or an escaped =, which must not be shown.
SECRET_TOLD = rf"""(?is)(?<![\w/-])((?:\w*_)?(?:{SECRET_WORDS}))['"]?(?:[:\s]|\\=).*"""
SECRET_NAME = rf"(?is)(.*[_.-])?({SECRET_WORDS})"
# //user:hunter2@host; the user may come from a variable, the password should.
URL_PASSWORD = (
    r"//(?:\$\{[^}]*\}|\$(?!\{)|[^/\s:@$])*:"
    # ${...}, \${PASSWORD} and $PASSWORD are none.
    r"(?!\$\{|(?:\\\$\{\w+\}|\$[A-Z_][A-Z0-9_]*)@(?![^/\s]*@))[^/\s@]+@"
)
URL_VARIABLE = r"//[^/\s@]*:\$\{[^@]*@"  # //user:${oc.env:PASSWORD}@host
NO_SECRET = r"[-+]?[0-9.]*|[-+]?[0-9.]+e[-+]?[0-9]+|true|false|yes|no|on|off|null"
LITERAL = rf"""(?xi)  # a secret in plain:
    \A (?! (?: {NO_SECRET} ) \Z | [\s\S]*\$\{{ )  # hunter2, but no 5, and nothing with ${{...}},
    | \$\{{ (?: [^,{{}}] | \{{ [^{{}}]* \}} )* ,      # or ${{oc.env:NAME,hunter2}}, but no default
      (?! \s* (?:
        [,}}]                                     # that is empty,
        | ['"]? \$\{{                             # begins with ${{oc.env:OTHER}}
        | (?=\S) ['"]? (?: {NO_SECRET} ) ['"]? \s* [,}}]  # or is '', 5 or "true"
      ))
"""


@lru_cache(None)
def is_secret_name(name: str) -> bool:
    """Tell whether a key of this name holds a secret, as HF_TOKEN and client_secret do."""
    return re.fullmatch(SECRET_NAME, name) is not None


def find_secret_key(keys: Keys) -> str:
    """Return the last name among keys, without indexes, if it is a secret's, else ""."""
    for key in reversed(keys):
        name = str(key)
        if is_secret_name(name):
            return name
        if not name.isdigit():
            break
    return ""


def has_password(text: str) -> bool:
    """Tell whether a password stands in a URL, by itself or as what a variable falls back to."""
    return "@" in text and re.search(URL_PASSWORD, resolve_defaults(text)) is not None


# --------------------------------------------------------------------------------------- shown text

# Characters that nobody sees, but for tab and line end: controls, no-break and other odd blanks,
# format characters, half pairs, the private planes. A list of its own, since what Python calls
# printable differs between its versions.
UNSEEN = (
    r"\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u061c\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    r"\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U0010ffff"
)
CURLY_QUOTES = r"\u2018-\u201f"


def escape(text: str) -> str:
    """Escape what would end a line or a TOML comment, or what nobody would see."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(rf"[\t\n{UNSEEN}]", lambda match: ascii(match[0])[1:-1], text)


def show_keys(keys: Keys) -> str:
    """Write the place of a value for a message, without `sections.` and what may be a secret."""
    place = re.sub(r"(?s)\Asections\.(?=.)", "", ".".join(map(str, keys)))
    return re.sub(URL_PASSWORD, "//...@", re.sub(SECRET_TOLD, r"\1...", place))


def show_value(value: Any, keys: Keys) -> str:
    """Show a value in a message: cut at 60 characters, and not at all if its key is a secret's."""
    if find_secret_key(keys) or has_password(str(value)):
        return "a value that is not shown"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a table"
    if value is not None and not isinstance(value, TYPES):
        return f"{value}, a date or time of TOML: quote it"
    shown = json.dumps(value, default=str)
    if isinstance(value, str):
        shown = repr(value)
    if len(shown) > 60:
        return f"{shown[:57]}..."
    return shown


# --------------------------------------------------------------------------------- kinds and fields


TYPES = (str, bool, int, float, list, dict)


class Kind(
    namedtuple(
        "Kind",
        "expected types item fields others lines minimum choices pattern",
        defaults=[-(2**63), (), ""],
    )
):
    """What a value may be: `expected` in words, its Python `types`, and what more it must fit.

    `item` and `fields` are the kinds of what a list or table holds. `others` says which keys it may
    have that `fields` lacks: "any", "none", "variable" names only, "unlike" (none that is like a
    known one), "unread" (the same, and is warned of), "doubtful" (any, and is warned of). `lines`
    allows text of more lines than one. A number, or a list's length, is at least `minimum`; text is
    one of `choices` or fits `pattern`.
    """

    def of(self, key: str) -> Kind:
        """Return the kind of what stands at a key or an index."""
        kind: Kind = self.fields.get(key, self.item or ANY)
        return kind

    def accepts(self, value: Any) -> bool:
        """Tell whether a value is of this kind, apart from what it holds."""
        if type(value) not in (self.types or TYPES):
            return False
        if self.choices:
            return value in self.choices
        if self.pattern:
            return re.fullmatch(self.pattern, value) is not None
        if isinstance(value, float):
            return abs(value) < float("inf")
        least: int = self.minimum
        if isinstance(value, list):
            return least <= len(value)
        if isinstance(value, int):
            return least <= value < 2**63
        return True


# What a value may be: by the names that KEYS uses, and by those of Python's types, which is what a
# key without a kind of its own may be once it has a value. In a row stand the name, the types (and
# `lines`), the kind of what a list or table holds, what `others` is, and what is expected.
KIND_TABLE = """
any         lines     -       -      text, a finite number of 64 bits, a boolean, a list or a table
text        str       -       -        text on one line
lines       str,lines -       -        text
boolean     bool      -       -        a boolean (true or false)
positive    int       -       -        an integer of at least 1 (and 64 bits)
count       int       -       -        an integer of at least 0 (and 64 bits)
time        str       -       -      a Slurm time (M, M:S, H:M:S, D-H, D-H:M, D-H:M:S or UNLIMITED)
executor    str       -       -        an executor (local, docker, slurm, lepton, dgxcloud)
tunnel      str       -       -        ssh (the reader knows no other tunnel)
path        str       -       -        the path of a file
texts       list      text    -        a list of texts, as in [a, b]
commands    list      lines   -        a list of shell commands, as in [a, b]
names       list      text    -        a list of one name or more, as in [slurm_base] (null: all)
value       str,dict,lines - doubtful      text
environment dict      value   variable a table of texts
variables   dict      text    variable a table of texts
table       dict      -       any      a table
images      dict      text    any      a table of texts
int         int       -       -        an integer of 64 bits
integers    dict      int     any      a table of integers
configs     str,list  text    -        a config or a list of them
permit      bool,list text    -        true, false or a list of keys
command     str       -       -        a step and its config, as in sft/automodel -c tiny
served      list      command -        a list of commands, as in [sft/automodel -c tiny]
steps       dict      served  any      a table of lists of commands
mount       str,dict  -       unread   text or a table
mounts      list      mount   -        a list, as in [/lustre:/lustre]
volume      dict      -       unread   a table
pvcs        list      volume  -        a list of tables
checks      dict      -       none     a table
wandb       dict      -       unread   a table
profile     dict      -       unlike   a table
stepvalues  dict      profile any      a table of tables
sections    dict      profile any      a table of profiles
config      dict      -       none     an object
str         str,lines -       -        text
bool        bool      -       -        a boolean (true or false)
float       int,float -       -        a finite number
list        list      -       -        a list
"""

LIMITS: Table = {  # that some kinds have
    "positive": {"minimum": 1},
    "count": {"minimum": 0},
    "names": {"minimum": 1},
    "executor": {"choices": EXECUTORS},
    "tunnel": {"choices": ("ssh",)},
    "time": {  # https://slurm.schedmd.com/sbatch.html#OPT_time
        "pattern": r"([0-9]+-)?[0-9]+(:[0-9]+){0,2}"
        r"|[uU][nN][lL][iI][mM][iI][tT][eE][dD]|[iI][nN][fF][iI][nN][iI][tT][eE]"
        r"|[\s\S]*\$\{[\s\S]*"  # what an interpolation gives is seen where the job is submitted
    },
    "command": {"pattern": r"\S+ -c \S+.*"},
    "path": {"pattern": r"-|(?!.*\$\{)(.*/)?(?!(-|~|\.|\.\.)$)[^/]+"},
}


# Every key that has a meaning: under its heading its name, its kind in KINDS, what it is. Which
# executor reads which field is what the public step CLI does, at commit e27b371 of 2026-08-21.
KEYS = """
config
  $schema                 text        for editors; ignored here
  description             text        one line for --list
  defaults                configs     config(s) this one builds on: bundled names or paths
  output_path             path        where to write; ~ expands; - is standard output
  force                   boolean     replace an existing file (default: false)
  expand                  boolean     write complete profiles (default), or own keys and extends
  only                    names       names or patterns of the profiles to write (default: all)
  preamble                lines       comment lines at the top; one that begins with : gets no blank
  variables               variables   what ${oc.env:NAME} falls back to, by NAME
  images                  images      where images come from: how names begin, what replaces it
  checks                  checks      what to check more, and what to let pass
  steps                   steps       commands that profiles serve, by the name of a profile
  step_values             stepvalues      what a step's own config sets over the profile, by command
  sections                sections    the profiles, in the order they are written; wandb, cli
sections
  wandb                   wandb       where runs are logged
  cli                     table       written as it is
  cache                   table       written as it is
  artifacts               table       written as it is
checks
  required_profiles       texts       profiles that must be there
  recommended_min_nodes   integers    nodes below which a profile is warned of, by its name
  site_values             variables   what a site puts in a variable, by its name
  allow_literal_secrets   permit      true, or the keys whose literal secrets pass (file mode 0600)
  extra_fields            texts       fields that are right although no executor reads them
every executor
  executor                executor    what runs the job: local, docker, slurm, lepton or dgxcloud
  extends                 text        the profile whose values this one inherits
  container_image         text        the image of the job
  container               text        another name for container_image
  nodes                   positive    how many nodes
  gpus_per_node           count       how many GPUs on each node
  env_vars                environment environment variables of the job
  startup_commands        commands    shell commands that run in the container before the step
  remote_job_dir          text        the folder for job files, on storage that the job sees
  launcher                text        what starts the processes of a node
local
  nproc_per_node          positive    processes on each node
docker
  mounts                  mounts      host:container, as docker run takes them
  nproc_per_node          positive    processes on each node
  runtime                 text        the runtime, as in nvidia
  ipc_mode                text        the IPC namespace, as in host
  shm_size                text        shared memory with its unit, as in 16g
slurm
  tunnel                  tunnel      how the login node is reached: ssh
  host                    text        the login node
  user                    text        the user there
  identity                text        the SSH key file
  account                 text        the account that jobs are charged to
  partition               text        the partition
  run_partition           text        the partition of attached jobs, where it is another
  batch_partition         text        the partition of detached jobs, where it is another
  time                    time        the time limit: M, M:S, H:M:S, D-H, D-H:M or D-H:M:S
  ntasks_per_node         positive    processes on each node
  cpus_per_task           positive    CPUs of a process
  mem                     text        memory of a node with its unit; 0 is all of it
  exclusive               boolean     whether jobs share their nodes with none
  setup_lines             lines       shell lines that run on the node before the container
  mounts                  mounts      SRC, SRC:DST or SRC:DST:FLAGS (joined by +), as in pyxis
  lustre_mount            text        one more mount, SRC:DST
  build_partition         text        the partition where images are built
  build_time              time        the time limit of a build
  build_include_gpus      boolean     whether a build asks for GPUs
  build_gpus_per_node     count       how many GPUs a build asks for
  build_cache_dir         text        the folder where built images are kept
  build_image             text        the image in which others are built
lepton
  nemo_run_dir            text        the folder for job files, on a mount
  resource_shape          text        the resource shape of a node
  node_group              text        the node group
  node_reservation        text        the reservation of nodes (not for RL steps)
  ray_version             text        the version of Ray
  nprocs_per_node         positive    processes on each node
  ntasks_per_node         positive    another name for nprocs_per_node
  shared_memory_size      count       shared memory in MiB (not for RL steps)
  mounts                  mounts      tables with path, mount_path and from
  image_pull_secrets      texts       the names of the secrets that pull images
  pre_launch_commands     commands    shell commands before the launch
  custom_spec             table       more of the job's specification
  existing_ray_cluster    text        the name of a Ray cluster to run on
  pip_extras              texts       packages to install
  repo_root               text        the folder of the repository in the job
  run_command             lines       the command instead of the step's; {config} is its config
  workspace               text        the folder for outputs
  pvcs                    pvcs        persistent volumes
dgxcloud
  base_url                text        the API of the Run:ai control plane
  kube_apiserver_url      text        the Kubernetes API server of the cluster
  client_id               text        the client ID of the service account
  client_secret           text        its secret
  app_id                  text        another name for client_id
  app_secret              text        another name for client_secret
  project_name            text        the Run:ai project
  pvc_nemo_run_dir        text        the folder for job files, below the path of a volume
  pvcs                    pvcs        persistent volumes
  nprocs_per_node         positive    processes on each node
  ntasks_per_node         positive    another name for nprocs_per_node
  distributed_framework   text        the framework of a distributed job, as in PyTorch
  custom_spec             table       more of the job's specification
  dgxcloud_max_args_chars positive    how long the arguments may be, in characters
  workspace               text        the folder for outputs
  pip_extras              texts       packages to install
  repo_root               text        the folder of the repository in the job
  run_command             lines       the command instead of the step's; {config} is its config
other commands
  build_registry          text        the registry that built images are pushed to (image builds)
  sdg_serve_partition     text        the partition of the model server (long-document SDG)
  sandbox                 any         the sandbox of an RL recipe
  persistent_cache        text        the cache folder of an RL recipe
  apptainer               any         how an RL recipe uses Apptainer
  sif_dir                 text        the folder of SIF images of an RL recipe
  pre_ray_start_commands  commands    shell commands before Ray starts, in an RL recipe
  workdir                 text        the working directory of an RL recipe
no executor
  secret_vars             table       was meant for secrets of Lepton
  head_resource_shape     text        was meant for Ray's head node
  can_be_preempted        boolean     was meant for the queue of Lepton
  can_preempt             boolean     was meant for the queue of Lepton
  queue_priority          text        was meant for the queue of Lepton
  department              text        the Run:ai department, which the project has
  code_src_dir            text        the folder of the code
  qos                     text        sbatch's option
  constraint              text        sbatch's option
  reservation             text        sbatch's option
  gres                    text        sbatch's option
  exclude                 text        sbatch's option
  port                    any         the port of the login node, which ~/.ssh/config can tell
  packager                any         how code is packed
mount
  path                    text        the folder of the storage
  mount_path              text        where the job sees it
  from                    text        the storage, as in node-nfs:NAME
volume
  name                    text        the name of the volume
  path                    text        where the job sees it
  existingPvc             boolean     whether the claim exists
  claimName               text        the persistent volume claim
  claimInfo               table       the size and class of a new claim
  readOnly                boolean     whether jobs may only read
  ephemeral               boolean     whether the volume goes with the job
wandb
  project                 text        the project that runs are logged to
  entity                  text        the team that runs are logged to
"""


def read_kinds(table: str) -> dict[str, Kind]:
    """Return the kinds of a table such as KIND_TABLE, in which a kind stands below its items'."""
    kinds: dict[str, Kind] = {}
    for line in table.strip().split("\n"):
        name, accepted, item, others, expected = line.split(None, 4)
        accepts = accepted.split(",")
        types = tuple(kind for kind in TYPES if kind.__name__ in accepts)
        lines = "lines" in accepts
        kinds[name] = Kind(
            expected, types, kinds.get(item), {}, others, lines, **LIMITS.get(name, {})
        )
    return kinds


def read_fields(table: str, kinds: dict[str, Kind]) -> Table:
    """Return, by heading and key of a table such as KEYS, the name of its kind and what it is.

    Below the name of a kind stand the fields of that kind, below any other heading a profile's.
    """
    headings: Table = {}
    for line in table.strip().split("\n"):
        if not line.startswith(" "):
            rows = headings.setdefault(line, {})
            kind = kinds.get(line, kinds["profile"])
        else:
            key, *about = line.split(None, 2)
            rows[key] = about
            kind.fields[key] = kinds[about[0]]
    return headings


KINDS = read_kinds(KIND_TABLE)
FIELDS = read_fields(KEYS, KINDS)
ANY, TABLE, MOUNT, PROFILE, CONFIG = (
    KINDS[name] for name in "any table mount profile config".split()
)

OTHER_NAMES = {  # of a field: the name that the reader takes where it knows and a profile has both
    "container": "container_image",
    "app_id": "client_id",
    "app_secret": "client_secret",
    "ntasks_per_node": "nprocs_per_node",
}
READ = {  # by executor: the fields that it reads
    executor: {**FIELDS["every executor"], **FIELDS["other commands"], **FIELDS[executor]}
    for executor in EXECUTORS
}
UNREAD = {  # fields that the public profiles have although their executor does not read them
    "slurm": ("workspace", "run_command"),
    "lepton": ("code_src_dir",),
    "dgxcloud": ("code_src_dir", "department"),
}


def find_taken(field: str, profile: Table) -> str:
    """Return the name of a field that the reader takes: another one where the profile has both."""
    other = OTHER_NAMES.get(field, field)
    executor = str(profile.get("executor"))
    read = FIELDS["every executor"]
    if executor in READ:
        read = READ[executor]
    if other in profile and other in read:
        return other
    return field


def kind_at(keys: Keys) -> Kind:
    """Return the kind that is declared for a place in the config, ANY where none is."""
    kind = CONFIG
    for key in keys:
        kind = kind.of(key)
    return kind


def kind_like(value: Any) -> Kind:
    """Return the kind of a value: what a word for an undeclared key must be once it has one."""
    if isinstance(value, dict):
        return TABLE._replace(fields={key: kind_like(item) for key, item in value.items()})
    for kind in TYPES:
        if isinstance(value, kind):
            return KINDS[kind.__name__]
    return ANY


# ------------------------------------------------------------------------------ tables and profiles

# What every stage does with plain tables: configs, profiles by name, and what they hold.


def check_merge(old: Any, new: Any, keys: Keys) -> None:
    """Raise EnvTomlError for a table over a list or a list over a table."""
    if {type(old), type(new)} == {list, dict}:
        raise wrong(
            f"{show_value(new, ())} over {show_value(old, ())}: remove that first, by null", keys
        )


def merge(base: Table, over: Table, keys: Keys = ()) -> Table:
    """Merge one table over another: tables key by key to any depth, everything else replaced.

    >>> merge({"a": {"x": 1, "y": 2}, "b": [1]}, {"a": {"y": 3}, "b": [], "c": 4})
    {'a': {'x': 1, 'y': 3}, 'b': [], 'c': 4}

    Raises EnvTomlError for a table over a list or a list over a table, which OmegaConf refuses too.
    """
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = value
        if isinstance(old, (dict, list)):
            place = (*keys, key)
            check_merge(old, value, place)
            if isinstance(old, dict) and isinstance(value, dict):
                merged[key] = merge(old, value, place)
    return merged


def look_up(value: Any, keys: Keys) -> Any:
    """Return what stands at a place, None where nothing does."""
    for key in keys:
        if isinstance(value, list):
            value = by_index(value)
        if not isinstance(value, dict):
            return None
        value = value.get(str(key))
    return value


def by_index(items: list[Any]) -> Table:
    """Return the items of a list as a table, by their indexes as words write them."""
    return {str(index): item for index, item in enumerate(items)}


def nest(keys: Keys, value: Any) -> Any:
    """Return a value inside the tables that keys lead through."""
    for key in reversed(keys):
        value = {key: value}
    return value


def match_names(pattern: str, names: Collection[str]) -> Names:
    """Return the profiles among names that a pattern matches, in order; `*` is any text."""
    matching: Names = []
    if "*" in pattern:
        from fnmatch import fnmatchcase

        stars = re.sub(r"[\[?]", r"[\g<0>]", pattern)  # what else fnmatch knows is text here
        matching = [name for name in names if fnmatchcase(name, stars)]
    elif pattern in names:
        matching = [pattern]
    return [name for name in matching if name not in RESERVED]


def match_profiles(pattern: str, names: Collection[str]) -> Names:
    """Return the profiles among names that a pattern matches; raises EnvTomlError for none."""
    matching = match_names(pattern, names)
    if not matching:
        raise wrong(
            f"the pattern {pattern} matches no profile (a profile's own name has no *)",
            ("sections", pattern),
        )
    return matching


def match_places(keys: Keys, sections: Table) -> list[Keys]:
    """Return the places that keys mean: one in each profile that a pattern matches, else theirs.

    Raises EnvTomlError for a pattern that matches none.
    """
    if keys[0] not in ("sections", "steps") or "*" not in "".join(keys[1:2]):
        return [keys]
    return [(keys[0], name, *keys[2:]) for name in match_profiles(keys[1], sections)]


def parent_of(section: Table) -> str:
    """Return the name of the profile that a profile extends, "" for none."""
    return str(section.get("extends", ""))


def find_lineage(sections: Table, profile: str) -> Iterator[str]:
    """Yield a profile and those it extends, child first; a chain ends where it is broken."""
    ended = set(RESERVED)
    while profile in sections and profile not in ended:
        yield profile
        ended.add(profile)
        profile = parent_of(sections[profile])


def shorten_lineage(sections: Table, profile: str) -> Names:
    """Return a profile and those it extends; of a long chain the first few and "..."."""
    chain = list(islice(find_lineage(sections, profile), MAX_LINEAGE + 1))
    if len(chain) > MAX_LINEAGE:
        chain[-1] = "..."
    return chain


def order_parents_first(sections: Table, names: Iterable[str]) -> Names:
    """Return profiles and all that they extend, each once, parents first."""
    ordered: Table = {}
    for name in names:
        chain: Names = []
        for ancestor in find_lineage(sections, name):
            if ancestor in ordered:
                break
            chain.append(ancestor)
        ordered.update(dict.fromkeys(reversed(chain)))
    return list(ordered)


# -------------------------------------------------------------------------------------------- words


class Word(namedtuple("Word", "key keys append text")):
    """One word taken apart: the keys it leads to, whether it appends, its value as text.

    `key` is as it was typed, which is how messages name the word.
    """


WORD = r"(?s)(.*?)(\+?)(?<!\\)=(.*)"  # the first = that no backslash escapes splits


def split_word(word: str, number: int = 1) -> Word:
    r"""Split KEY=VALUE or KEY+=VALUE at the first `=` that no backslash escapes.

    >>> split_word("sections.p.mounts[0]=/a=b")[1:]
    (('sections', 'p', 'mounts', '0'), False, '/a=b')

    Raises EnvTomlError for a word without `=`, which is named by its `number`, for a key that
    `split_key` refuses, and for `defaults`, which belongs in a config file.
    """
    match = re.fullmatch(WORD, word)
    if not match:
        raise wrong(_explain_no_word(word, number))
    key, plus, text = match.groups()
    if re.search(f"{SECRET_TOLD}|{URL_PASSWORD}", key):
        raise wrong(f"word {number} is not KEY=VALUE: a secret or a URL stands before its =")
    keys = split_key(key)
    if keys[0] == "defaults":
        raise wrong("this belongs in a config file; name that file with -c", keys)
    if plus and not text:
        raise wrong("+= of nothing: expected what to append after it", keys)
    return Word(key, keys, plus == "+", text)


def _explain_no_word(word: str, number: int) -> str:
    """Say that a word has no `=`; of its text, maybe a secret, only a key of a config is shown."""
    told = f"word {number}"
    name = re.sub(r"(?s)[^\w$].*", "", word)
    if name in CONFIG.fields:
        told += f" ({name}...)"
    if word.endswith(("]", "}", ",")):
        return f"{told} is not KEY=VALUE: the shell split a word at a blank; quote it, 'KEY=[a, b]'"
    return (
        f"{told} is not KEY=VALUE, as in force=true"
        " (quote a word with blanks; a config file goes with -c)"
    )


# A part of a key; \. \[ \] \= stand for the character, any other backslash for itself.
KEY_PART = r"""(?xs)
    \[ ( (?: [^\[\]\\] | \\[.\[\]=] | \\(?![.\[\]=]) )+ ) \]
    | (?: \A | (?!\A)\. ) ( (?: [^.\[\]\\] | \\[.\[\]=] | \\(?![.\[\]=]) )+ )
    | .
"""


def split_key(key: str) -> Keys:
    r"""Split a dotted key.

        key       = part { "." plain | "[" bracketed "]" }
        plain     = characters but . [ ]     bracketed = characters but [ ]
        \. \[ \] \= stand for the character itself

    >>> split_key(r"a.b\.c[d.e].0")
    ('a', 'b.c', 'd.e', '0')

    Raises EnvTomlError for an empty part, an unclosed bracket, or more than MAX_DEPTH parts.
    """
    keys: Keys = ()
    for match in re.finditer(KEY_PART, key or "."):
        name = match[1] or match[2]
        if not name:
            raise wrong(
                f"{key or '='}: expected a name, .name or [name] at character {match.start() + 1}"
            )
        if len(keys) == MAX_DEPTH:
            raise wrong(TOO_DEEP, keys[:4])
        keys += (re.sub(r"\\([.\[\]=])", r"\1", name),)
    return keys


def read_value(text: str, kind: Kind = ANY, keys: Keys = ()) -> Any:
    """Read a word's value as `kind`, or as what it looks like where nothing is known of the key.

    >>> read_value("12:00:00", KINDS["text"]), read_value("8", KINDS["int"])
    ('12:00:00', 8)
    >>> read_value("[/a:/b, '${oc.env:X,y}:/c']", KINDS["texts"])
    ['/a:/b', '${oc.env:X,y}:/c']
    >>> read_value("2.5"), read_value("007"), read_value("{a: 1, b: [x, true]}")
    (2.5, '007', {'a': 1, 'b': ['x', True]})

    Returns None for null: remove the key. What a list or table holds is checked with its source.
    Raises EnvTomlError, which names `keys`, for another value that is not of the kind.
    """
    flow = text.strip()
    opening: tuple[str, ...] = ("[", "{")
    if kind is MOUNT:
        opening = ("{",)  # no mount begins so
    elif str in kind.types:
        opening = ()  # text stays as it is typed, as the JSON in an environment variable
    if flow.startswith(opening):
        value = _type_scalars(_read_flow(flow, keys), kind)
    else:
        value = read_scalar(text, kind)
        if str in kind.types:
            return value
    if value is None or kind.accepts(value) or is_interpolation(value):
        return value
    shown = show_value(value, keys)
    if isinstance(value, str) and {list, dict}.intersection(kind.types):
        # What was meant for a table may hold a secret.
        shown = "text (split by the shell? quote the word, as in 'KEY=[a, b]')"
    raise wrong(f"expected {kind.expected}, found {shown}", keys)


SPELLINGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
# Numbers are those of JSON: https://www.rfc-editor.org/rfc/rfc8259#section-6
JSON_SCALAR = r"true|false|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?"
QUOTES_AROUND = r"""\A'([^']*)'\Z|\A"([^"]*)"\Z"""  # the first one closes at the last character


def read_scalar(text: str, kind: Kind) -> Any:
    """Read what is no list or table; what does not fit its kind stays text."""
    scalar = text.strip()
    if str in kind.types:
        scalar = text
    elif re.fullmatch(JSON_SCALAR, scalar):
        # 20 digits are past 64 bits already, which the checks refuse; Python refuses to read 4301.
        return json.loads(scalar, parse_int=lambda digits: int(digits[:21]))
    if scalar == "null" or (scalar == "" and kind is ANY):
        return None
    if bool in kind.types:
        return SPELLINGS.get(scalar.lower(), scalar)
    if kind is ANY:
        scalar = text
    return re.sub(QUOTES_AROUND, r"\1\2", scalar)


# A flow value is a [list] or {table} on one line, as in YAML; every JSON text is one. It is
# rewritten as JSON, in which a scalar without quotes begins with BARE_MARK, and read by json.

BARE_MARK = "\U0010fffd"
BRACES = r"(?!)"
for _ in range(4):  # braces may hold others
    BRACES = rf"""\{{(?:[^{{}}'"\\]|\\.|'[^']*'|"[^"]*"|{BRACES})*\}}"""
WHOLE = rf"\${BRACES}"  # an interpolation, in which quotes and commas are text
FLOW_TOKEN = rf"""(?xs)
    '(?P<quoted> (?: {WHOLE} | [^'] | '' )* )'
    | " (?: [^"\\] | \\. )* "                       # as in JSON
    | (?P<last> (?<! [\[{{,\s] ) \s* , \s* (?= [\]}}] ) )        # a trailing comma
    | [\[\]{{}},:]
    | (?P<bare> (?: {WHOLE} | [^\s\[\]{{}},:'"] )
        (?: {WHOLE} | (?<!\w) (?:'[^']*')+ | " (?: [^"\\] | \\. )* "  # in it's, ' opens no quotes
        | [^\[\]{{}},:] | :(?!\s) )* )
      (?<! \s ) (?P<colon> \s* : )?
"""


def _read_flow(text: str, keys: Keys) -> Any:
    """Return what json makes of a flow value; a trailing comma is fine."""
    if BARE_MARK in text:
        raise wrong("a private character, which could be taken for a mark of this reader", keys)
    try:
        return json.loads(re.sub(FLOW_TOKEN, _to_json, text), object_pairs_hook=parse_pairs)
    except json.JSONDecodeError:
        raise wrong(
            "expected [a, b] or {key: value}, its quotes, brackets and ${...} closed,"
            " a blank after each : and quotes around an item with brackets"
            " (was the word split at a blank? quote it, as in 'KEY=[a, b]')",
            keys,
        ) from None


def _to_json(match: Match) -> str:
    """Return a token of a flow value as JSON has it."""
    if match["quoted"] is not None:
        return json.dumps(match["quoted"].replace("''", "'"))
    if match["last"]:
        return ""
    if match["colon"]:
        return f"{json.dumps(match['bare'])}:"
    if match["bare"]:
        return json.dumps(BARE_MARK + match["bare"])
    return match[0]


def _type_scalars(value: Any, kind: Kind) -> Any:
    """Return what json made of a flow value with each scalar read by its kind."""
    if isinstance(value, dict):
        return {key: _type_scalars(item, kind.of(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_type_scalars(item, kind.of("")) for item in value]
    if value.startswith(BARE_MARK):
        return read_scalar(value[1:], kind)
    return value


# ------------------------------------------------------------------------------------------- config


class Layer(namedtuple("Layer", "name bundled content rank below path", defaults=[""])):
    """What one source sets: a config file, or a word, which is a config with one value.

    `name` is what messages call it, `bundled` tells whether it came with this module. `rank` is its
    place in the order of merging, and `below` has the ranks of the layers that it builds on: the
    `defaults` of a file, for a word all before it. `path` is that of a config file.
    """

    __hash__ = object.__hash__
    __eq__ = object.__eq__  # a layer is itself, whatever it holds


CONFIG_FILE = r"(?m)^(?!schema\.)([^/\n]+)\.json$"  # schema.json is for editors and no config


def list_configs() -> Table:
    """Map the names of the configs that came with this module to their paths, also inside a zip.

    Raises EnvTomlError where they were not copied along.
    """
    for folder in CONFIG_FOLDERS:
        root = os.path.join(HERE, folder)
        if os.path.isfile(HERE):
            from zipfile import ZipFile

            with ZipFile(HERE) as archive:
                names = [os.path.relpath(name, folder) for name in archive.namelist()]
        else:
            _, _, names = next(os.walk(root), ("", [], []))  # none where it cannot be read
        names = re.findall(CONFIG_FILE, "\n".join(sorted(names)))
        if names:
            return {name: os.path.join(root, f"{name}.json") for name in names}
    raise wrong(f"the bundled configs are missing: copy the folder configs into {HERE}")


def load_layers(chosen: str, report: Report) -> list[Layer]:
    """Read a config and the `defaults` it builds on: a file if it exists, else a bundled name.

    Returns the layers in the order they are merged: each file once, before those that build on it.
    What is wrong with a file by itself is kept in `report`. Raises EnvTomlError for a name that is
    neither, a cycle, or a file that cannot be used.
    """
    layers: Table = {}  # by the file
    missing = Report()

    def load(chosen: str, folder: str, trail: Names) -> Any:
        """Return the layer of a config, added after those that it builds on.

        `trail` has the files that led here.
        """
        path, shown, bundled = find_config(chosen, folder, trail)
        file = os.path.realpath(path)
        if file in trail:
            raise wrong(f"{shown}: its defaults return to it: {' -> '.join([*trail, file])}")
        if file not in layers:
            content = read_config(path)
            check_source(shown, content, report)
            defaults = content.pop("defaults", None) or []
            if isinstance(defaults, str):
                defaults = [defaults]
            below: set[int] = set()
            for name in defaults:
                with missing:
                    base = load(name, os.path.dirname(path), [*trail, file])
                    below.update(base.below, [base.rank])
            layers[file] = Layer(shown, bundled, content, len(layers), below, path)
        return layers[file]

    load(chosen, "", [])
    missing.settle()
    return list(layers.values())


def layer_over(layers: Sequence[Layer], name: str, content: Table) -> Layer:
    """Return a layer of a site over all others."""
    rank = len(layers)
    return Layer(name, False, content, rank, range(rank))


def find_config(chosen: str, folder: str, trail: Names) -> tuple[str, str, bool]:
    """Return the path of a config, its name for messages, and whether it came with this module.

    `trail` has the files that led here, of which the last one names it.
    """
    path = os.path.join(folder, chosen)
    if os.path.exists(path) and not os.path.isdir(path):
        home, file = os.path.split(os.path.relpath(os.path.realpath(path), HERE))
        bundled = home in CONFIG_FOLDERS and file.removesuffix(".json") in BUNDLED
        return path, path, bundled
    if "=" in chosen:
        raise wrong("-c takes a config: expected a file or a name of --list, found KEY=VALUE")
    configs = list_configs()
    if chosen in configs:
        return configs[chosen], chosen, chosen in BUNDLED
    known = [name for name in configs if not name.startswith("_")]
    told = f"{path}: no such config{suggest(chosen, known)}"
    told += f" (expected a file, or one of {', '.join(known)})"
    for file in trail[-1:]:
        told += f" (in the defaults of {file})"
    raise wrong(told)


NEAR = 1_000  # characters around a mistake that are searched for its cause
NO_JSON = {  # what people write where JSON is read, by the text around \0, where JSON ends
    r"\A\s*\0(---|(#.*\n\s*)*[\w$]+\s*:(\s|\Z))": ", found YAML (JSON, or TOML in FILE.toml)",
    r"\A\s*(\0[\w-]+\s*=|\[+\0[\w.-]+\])": ", found TOML (it is read from FILE.toml)",
    r"\0\s*(//|/\*|#)": ": JSON has no comments (TOML in FILE.toml has)",
    r",\s*\0|\0,\s*[}\]]": ": JSON has no trailing comma",
}


def read_config(path: str) -> Table:
    """Read a JSON object, or TOML; what it raises names the file, and line and column in it.

    A key that stands twice, and what is no JSON at all, are told.
    """
    text = read_text(path).removeprefix("\ufeff")
    if path.endswith(".toml"):
        return parse_toml(text, path)
    try:
        content = json.loads(text, object_pairs_hook=parse_pairs)
    except (ValueError, RecursionError) as error:  # also an integer of over 4300 digits
        end = getattr(error, "pos", 0)
        around = f"{text[:end][-NEAR:]}\0{text[end:][:NEAR]}"
        told = [trap for pattern, trap in NO_JSON.items() if re.search(pattern, around)]
        raise wrong(f"{path}: expected a JSON object: {error}{''.join(told[:1])}") from None
    if isinstance(content, dict):
        return content
    raise wrong(f"{path}: expected a JSON object, found another value")


def read_bytes(path: str) -> bytes:
    """Return the content of a file; raises OSError for what has no end or cannot be read."""
    with open(path, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise OSError(errno.EFBIG, f"more than {MAX_BYTES >> 20} MiB")
    return data


def read_text(path: str) -> str:
    """Read a UTF-8 file, or a member of the zip that this module was imported from."""
    try:
        if os.path.exists(path):
            return read_bytes(path).decode()
        data: bytes = globals()["__loader__"].get_data(path)
        return data.decode()
    except OSError as error:
        raise wrong(f"{path}: {error.strerror or 'no such file'}") from None
    except UnicodeDecodeError as error:
        before = error.object[: error.start].split(b"\n")
        where = f"line {len(before)}, byte {len(before[-1]) + 1}"
        raise wrong(f"{path}: not UTF-8 text ({where})") from None


def parse_toml(text: str, path: str) -> Table:
    """Parse TOML with tomllib, else with a tomli that is installed or copied beside this module."""
    try:
        from tomllib import loads
    except ImportError:
        try:
            from tomli import loads  # type: ignore
        except ImportError:
            raise wrong(
                f"{path}: TOML needs Python 3.11 or newer, or tomli:"
                f" pip install tomli, or copy its folder tomli into {HERE}"
            ) from None
    try:
        content: Table = loads(text)
        return content
    except (ValueError, RecursionError) as error:  # also an integer of over 4300 digits
        raise wrong(f"{path}: {error}") from None


def parse_pairs(pairs: Iterable[tuple[str, Any]]) -> Table:
    """Return the pairs of a JSON object; raises EnvTomlError for a key that stands twice."""
    table: Table = {}
    for key, value in pairs:
        if key in table:
            raise wrong(f"the key {key} stands twice in a table")
        table[key] = value
    return table


# ------------------------------------------------------------------------------- checks of a source

# Each source is checked once, by itself, when it enters: what stands in it must be right even where
# a later source replaces it. `check_plan` looks at what only the whole can tell.


def check_source(name: str, content: Table, report: Report, place: Keys = ()) -> bool:
    """Keep in `report` what is wrong with one source by itself; a word has one value, at `place`.

    What is wrong outside of the profiles, or is a profile and no table, is removed from `content`,
    so that later stages find tables where they look for them. Returns whether nothing was.
    """
    part = Report(name)

    def check(value: Any, kind: Kind, keys: Keys) -> None:
        """Check a value and, if it is right, what it holds; above `place` only the names."""
        with part:
            if len(keys) >= len(place):
                check_value(value, kind, keys)
            for key, item in list_items(value):
                if key not in kind.fields:
                    with part:
                        check_name(key, kind, keys)
                check(item, kind.of(key), (*keys, key))

    check(content, CONFIG, ())
    report.findings += part.findings
    removed = [
        finding.keys
        for finding in part.findings
        if finding.level == "error" and finding.excuse == ("", "") and not _stays(finding.keys)
    ]
    for keys in removed:
        _remove(content, keys)
    return removed == []


def _stays(keys: Keys) -> bool:
    """Tell whether a wrong value does no harm: one that a profile holds, if it is not too deep."""
    return keys[0] == "sections" and 2 < len(keys) <= MAX_DEPTH


def _remove(content: Table, keys: Keys) -> None:
    """Remove a wrong value: one in a list with the list, one below three keys with the third.

    That deep later stages look without asking, as for `nodes` in step_values.STEP.nodes.
    """
    *place, name = [key for key in keys[:3] if isinstance(key, str)]
    table = look_up(content, (*place,))
    if isinstance(table, dict):
        table.pop(name, None)


def check_name(key: Any, kind: Kind, keys: Keys) -> None:
    """Raise EnvTomlError for a key that the table at `keys` does not know and cannot have."""
    if not isinstance(key, str):
        return  # it is an index
    place = (*keys, key)
    check_spelling(key, kind, place)
    if kind.others == "doubtful":
        raise doubtful("a table arrives in the job as text, not as a reference to a secret", keys)
    if kind.others == "none":
        near = suggest(key, kind.fields)
        if key in PROFILE.fields:
            near = f"; did you mean sections.PROFILE.{key}?"
        known = ", ".join(kind.fields)
        raise wrong(f"unknown key {key!r}{near} (expected one of {known})", place)
    if kind.others in ("unlike", "unread"):
        near = suggest(key, kind.fields, CLOSE)
        if near:
            raise wrong(
                f"unknown field {key}{near} (checks.extra_fields+={key} accepts it)",
                place,
                ("extra_fields", key),
            )
    if kind.others == "unread":
        known = ", ".join(kind.fields)
        raise doubtful(f"nothing reads {key} (known are {known})", place)


def check_spelling(key: str, kind: Kind, keys: Keys) -> None:
    """Raise EnvTomlError for a key that no table can have, or not one of this kind."""
    if keys in (("sections", ""), ("images", "")):
        raise wrong(f"expected a name in {keys[0]}, found an empty one", keys)
    if escape(key) != key:
        raise wrong("a key with unseen characters", keys)
    if kind.others == "variable" and not (key.isascii() and key.isidentifier()):
        raise wrong("expected the name of a variable: letters, digits and _, no digit first", keys)


def check_value(value: Any, kind: Kind, keys: Keys) -> None:
    """Raise EnvTomlError for a value that is not of its kind, or not fit for TOML and its reader.

    What it holds is checked by itself.
    """
    if value is None and isinstance(keys[-1], str):
        return  # null removes what stands at a key
    if len(keys) > MAX_DEPTH:
        raise wrong(TOO_DEEP, keys)
    if isinstance(value, str):
        check_text(value, kind, keys)
    in_profile = len(keys) > 2 and keys[0] == "sections"
    if not kind.accepts(value) and not (in_profile and is_interpolation(value)):
        raise wrong(
            f"expected {kind.expected}, found {show_value(value, keys)}"
            f"{suggest(str(value), kind.choices)}",
            keys,
        )
    if isinstance(value, str):
        check_secret(value, keys)


def list_items(value: Any) -> Iterable[tuple[Any, Any]]:
    """Return what a table or a list holds, with its keys or indexes."""
    if isinstance(value, dict):
        return value.items()
    if isinstance(value, list):
        return enumerate(value)
    return ()


def check_text(text: str, kind: Kind, keys: Keys) -> None:
    """Raise EnvTomlError for text that nobody typed on purpose, or that OmegaConf cannot read."""
    line = text
    if kind.lines:
        line = text.replace("\t", "").replace("\n", "")
    # Most are so plain that they need no search.
    if not (line.isascii() and line.isprintable() and line == line.strip()):
        untyped = f"[{UNSEEN}]"
        if not kind.lines:
            untyped = rf"[\t\n{UNSEEN}{CURLY_QUOTES}]|\A\s|\s\Z"
        bad = re.search(untyped, text)
        if bad:
            raise wrong(f"expected {kind.expected}, found {_name_character(bad[0])}", keys)
    if keys[0] in ("sections", "variables", "images") and "${" in text:
        try:
            check_interpolations(text)
        except EnvTomlError as error:
            raise wrong(f"{error}, found {show_value(text, keys)}", keys) from None


LEFT_OVER = {
    "\t": "U+0009, a tab",
    "\n": "U+000A, the end of a line",
    " ": "a blank at an end: remove it",
    "\r": "a carriage return, as a script with CRLF line ends leaves",
}


def _name_character(character: str) -> str:
    """Name a character that is hard to see, and what left it."""
    import unicodedata

    name = unicodedata.name(character, "a character without a name").lower()
    return LEFT_OVER.get(character, f"U+{ord(character):04X}, {name}")


def check_secret(text: str, keys: Keys) -> None:
    """Raise EnvTomlError for a secret in plain: the text of a secret's key, a password in a URL."""
    name = find_secret_key(keys)
    told = ""
    if name and keys[0] in ("sections", "variables") and re.search(LITERAL, text):
        told = (
            f"a literal secret: write ${{oc.env:{name},''}} and set {name} where jobs are submitted"
        )
    if has_password(text):
        *_, name = [key for key in keys if isinstance(key, str)]
        told = "a password in a URL: take it from a variable, as in //user:${oc.env:PASSWORD}@"
    if told:
        told += f" (checks.allow_literal_secrets=[{name}] accepts it)"
        raise wrong(told, keys, ("allow_literal_secrets", name))


# ---------------------------------------------------------------------------------------- overrides


DEFAULTS = {  # by place; of others an empty table
    ("output_path",): "",
    ("force",): False,
    ("expand",): True,
    ("only",): ["*"],
    ("preamble",): "",
    ("checks", "allow_literal_secrets"): False,
    ("checks", "extra_fields"): [],
}


class Text(str):
    """A text that tells where it comes from, wherever it is copied.

    `layer` wrote it: so the items of a list that a word has changed are still those of the layers
    before. `changes` has the layers that changed it later: by the names of the variables that were
    put into it, and by "images" for an image that moved.
    """

    layer: Layer
    changes: dict[str, Layer]


def make_text(text: str, layer: Layer, changes: dict[str, Layer]) -> Text:
    """Return a text that tells where it comes from."""
    made = Text(text)
    made.layer = layer
    made.changes = changes
    return made


def sign(value: Any, layer: Layer) -> Any:
    """Return a value without the keys that are null, its texts with interpolations as Texts."""
    if isinstance(value, dict):
        return {key: sign(item, layer) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [sign(item, layer) for item in value]
    if isinstance(value, str) and "${" in value and not isinstance(value, Text):
        return make_text(value, layer, {})
    return value


def find_changes(value: Any) -> Iterator[tuple[str, Layer]]:
    """Yield the changes of a text, or of all texts that a list or table holds."""
    if isinstance(value, Text):
        yield from value.changes.items()
    for _, item in list_items(value):
        yield from find_changes(item)


class Config:
    """The layers merged so far: `values` as one config, `origins` by the keys that lead to it.

    The origin of a place is the layer that was the last to set or remove anything at or below it.
    A list is one value, whose items have no origins of their own. `variables` has, by their names,
    the layers that set them, each with its value, the latest first.
    """

    def __init__(self) -> None:
        self.values: Table = {}
        self.origins: dict[Keys, Layer] = {}
        self.layers: list[Layer] = []
        self.variables: dict[str, list[tuple[Layer, Any]]] = {}

    def get(self, *keys: str) -> Any:
        """Return what stands at a place, else its default."""
        value = look_up(self.values, keys)
        if value is None:
            return DEFAULTS.get(keys, {})
        return value

    def add(self, layer: Layer, report: Report) -> None:
        """Merge one layer over those before it; null removes what they set.

        A table over a list or a list over a table, which OmegaConf refuses too, is kept in `report`
        and left out. A pattern in `sections` means the profiles so far: those of the layers before,
        and those that stand above it. One that matches none is kept in `report`, too.
        """
        self.layers.append(layer)
        for name, value in (layer.content.get("variables") or {}).items():
            self.variables.setdefault(name, []).insert(0, (layer, value))
        self._merge(self.values, layer.content, (), layer, report.of(layer.name))

    def _merge(
        self, values: Table, content: Table, keys: Keys, layer: Layer, report: Report
    ) -> None:
        for key, value in content.items():
            with report:
                if keys == ("sections",) and "*" in key:
                    for name in match_profiles(key, values):
                        with report:
                            self._set(values, value, (*keys, name), layer, report)
                else:
                    self._set(values, value, (*keys, key), layer, report)

    def _set(self, values: Table, value: Any, keys: Keys, layer: Layer, report: Report) -> None:
        name = keys[-1]
        old = values.get(name)
        check_merge(old, value, keys)
        self.origins[keys] = layer
        if not isinstance(old, dict):
            old = {}
        if value is None:
            self._merge(old, dict.fromkeys(old), keys, layer, report)  # all below it, too
            values.pop(name, None)
        elif isinstance(value, dict):
            values[name] = old
            self._merge(old, value, keys, layer, report)
        else:
            if keys[0] == "steps":
                values.pop(name, None)  # so that it stands after the patterns set before
            values[name] = sign(value, layer)


def apply_word(config: Config, word: Word, report: Report) -> None:
    """Make a word a layer, check it like any other source, and merge it.

    A list that is appended to or indexed becomes the whole list that the profile then has. Raises
    EnvTomlError for a value that cannot be read, and for keys that lead nowhere; warns where there
    is nothing to remove.
    """
    if word.keys[0] in config.get("sections").keys() - CONFIG.fields.keys():
        raise wrong(f"expected sections.{word.key}", word.keys)
    merged: Table = {}
    for keys in match_places(word.keys, config.get("sections")):
        above = find_nearest(config, keys[:-1])
        stands, own = find_value(config, keys), look_up(config.values, keys)
        if isinstance(above, list):
            stands = own = look_up(above, keys[-1:])
        value = read_word(word, stands)
        if not check_source(word.key, nest(word.keys, value), report, word.keys):
            return
        if value is None and own is None:
            continue
        if word.append:
            value = [*(stands or ()), *value]
        merged = merge(merged, edit(config, keys, value))
    if not merged:
        raise doubtful("nothing to remove: no value of its own stands here", word.keys)
    config.add(layer_over(config.layers, word.key, merged), report)


def read_word(word: Word, seen: Any) -> Any:
    """Read a word's value by the declared kind of its key, else by `seen`, which stands there now.

    Of a word that appends it is the list of items.
    """
    kind = kind_at(word.keys)
    if kind in (ANY, TABLE) and seen is not None:
        kind = kind_like(seen)
    if word.append:
        for known in (kind, kind_like(seen)):
            if list not in (known.types or [list]):
                raise wrong(f"+= appends to a list, found {known.expected}", word.keys)
    if not word.append or word.text.lstrip().startswith("["):
        return read_value(word.text, kind, word.keys)
    item = read_value(word.text, kind.of(""), word.keys)
    if item is None:
        raise wrong("+= of nothing: expected an item (TOML has no null)", word.keys)
    return [item]


def edit(config: Config, keys: Keys, value: Any) -> Any:
    """Return what to merge over the config so that a value stands at a place; null removes.

    Of a table that is what changes, of a list the whole. Raises EnvTomlError for keys that lead
    through what is no table or list, or past a list's end.
    """
    while keys:
        key, keys = keys[-1], keys[:-1]
        seen, kind = find_nearest(config, keys), kind_at(keys)
        if seen is None and kind is not ANY:
            seen = kind.types[-1]()  # an empty list or table, where the kind has one
        if isinstance(seen, list):
            value = put_item(seen, key, value)
        elif isinstance(seen, dict) or (seen is None and not key.isdigit()):
            value = {key: value}
        else:
            raise wrong(f"expected a table or a list before {key}")
    return value


def put_item(seen: list[Any], key: str, item: Any) -> list[Any]:
    """Return a list with an item merged in at its index; the index after the last one appends."""
    items = by_index([*seen, None])
    if key not in items:
        raise wrong(f"expected an index from 0 to {len(seen)} (which appends), found {key}")
    return [item for item in merge(items, {key: item}).values() if item is not None]


def walk_places(config: Config, keys: Keys) -> Iterator[Keys]:
    """Yield a place, then those that it inherits from: the one before wins.

    In a profile they are in those that it extends; in its commands in the patterns that match it.
    """
    if len(keys) < 2 or keys[0] not in ("sections", "steps") or "*" in keys[1]:
        yield keys
        return
    table, name, *place = keys
    if table == "sections":
        yield keys
        names: Iterable[str] = islice(find_lineage(config.get(table), name), 1, None)
    else:  # of all keys that match a profile the later wins
        names = [key for key in reversed(config.get(table)) if match_names(key, [name])]
        if names == []:
            names = [name]
    for other in names:
        yield (table, other, *place)


def find_nearest(config: Config, keys: Keys) -> Any:
    """Return what stands at a place now, of a table only the nearest part; None for nothing."""
    for place in walk_places(config, keys):
        value = look_up(config.values, place)
        if value is not None:
            return value
    return None


def find_value(config: Config, keys: Keys) -> Any:
    """Return what stands at a place now, with what a table inherits; None where nothing does."""
    value = None
    for place in reversed([*walk_places(config, keys)]):
        own = look_up(config.values, place)
        if isinstance(own, dict) and isinstance(value, dict):
            value = merge(value, own, keys)
        elif own is not None:
            value = own
    return value


def find_giver(config: Config, keys: Keys) -> tuple[Keys, Layer | None]:
    """Return the place that gives the value at a place, and the layer that set it there.

    The one answer to "where from": the place is in the same profile or one that it extends. A value
    that is missing is given by what removed it, else by the latest to set what would hold it, and
    what is in a list by what set the list. The layer is None for what no layer set.
    """
    removed = None
    for place in walk_places(config, keys):
        layer = config.origins.get(place)
        if layer and look_up(config.values, place) is not None:
            return place, layer
        removed = removed or layer
    if removed or not keys:
        return keys, removed
    return find_giver(config, keys[:-1])


def is_of_site(config: Config, keys: Keys) -> bool:
    """Tell whether a site config or a word gives the value at a place, or removed a nearer one."""
    giver, layer = find_giver(config, keys)
    layers = [layer]
    for place in walk_places(config, keys):
        if place == giver:
            break
        layers.append(config.origins.get(place))
    return any(layer and not layer.bundled for layer in layers)


# ---------------------------------------------------------------------------------------- expansion


ASKED = r"oc\.env\s*:\s*(\w+)"  # the variables that a text asks for


def is_related(setter: Layer, reader: Layer) -> bool:
    """Tell whether one layer builds on the other, or is it; else they stand side by side."""
    return setter is reader or reader.rank in setter.below or setter.rank in reader.below


def choose_setter(
    setters: Sequence[tuple[Layer, Any]], reader: Layer, default: Names
) -> tuple[Layer, Any] | None:
    """Return the layer whose value of a variable goes into a text of the layer `reader`, and that.

    `setters` are the layers that set the variable, the latest first. A layer's variable reaches its
    own texts, those of the layers that it builds on, also over a `default` written there, and those
    of the layers that build on it. A text without default that none reaches takes the latest.
    """
    for layer, value in setters:
        if reader.rank in layer.below or (default == [] and is_related(layer, reader)):
            return layer, value
    if default == [] and setters:
        return setters[0]
    return None


def list_last_setters(setters: Sequence[tuple[Layer, Any]]) -> list[tuple[Layer, Any]]:
    """Return those of the layers that set a variable over which no later one sets it."""
    last: list[tuple[Layer, Any]] = []
    replaced: set[int] = set()
    for layer, value in setters:
        if layer.rank not in replaced:
            last.append((layer, value))
        replaced.update(layer.below)
    return last


def fill_text(text: Text, variables: Table, trail: dict[str, Layer]) -> Text:
    """Return a text with each variable's value as its default.

    `trail` has the variables whose values led here, each with the layer that sets it; raises
    EnvTomlError for a cycle of them.
    """
    changes: dict[str, Layer] = {}

    def put(match: Match) -> str:
        if match[1] != "oc.env":
            return match[0]
        name, *default = split_arguments(match[2])
        setter = choose_setter(variables.get(name, ()), text.layer, default)
        if setter is None:
            return match[0]
        layer, value = setter
        changes[name] = layer
        if value is None:
            return f"${{oc.env:{name}}}"
        check_cycle(name, trail)
        filled = fill_text(make_text(value, layer, {}), variables, {**trail, name: layer})
        changes.update(filled.changes)
        return f"${{oc.env:{name},{quote_default(filled)}}}"

    filled = rewrite(text, put, str)
    asked = re.findall(ASKED, filled)  # what stood in a default that was replaced is gone
    left = {name: layer for name, layer in changes.items() if name in asked}
    return make_text(filled, text.layer, left)


def check_cycle(name: str, trail: dict[str, Layer]) -> None:
    """Raise EnvTomlError for a variable whose value leads to it.

    It is told from the one that was set last, so the same wherever the cycle is entered.
    """
    if name in trail:
        names = list(trail)
        cycle = names[names.index(name) :]
        first = cycle.index(min(cycle, key=lambda name: (-trail[name].rank, name)))
        cycle = [*cycle[first:], *cycle[:first], cycle[first]]
        raise wrong(f"its value returns to itself: {' -> '.join(cycle)}", ("variables", cycle[0]))


IMAGE_FIELDS = ("container_image", "container", "build_image")


def move_image(image: str, images: Table) -> str:
    """Return where an image comes from: the longest key that it begins with is replaced.

    >>> move_image("nvcr.io/nvidia/nemo:26.04", {"nvcr.io/": "registry.corp:5000#"})
    'registry.corp:5000#nvidia/nemo:26.04'
    """
    start = find_image_key(image, images)
    return f"{images.get(start, '')}{image[len(start) :]}"


def find_image_key(image: str, images: Table) -> str:
    """Return the longest key of `images` that an image begins with, "" for none."""
    return max(filter(image.startswith, images), key=len, default="")


def fill(value: Any, keys: Keys, variables: Table, report: Report) -> Any:
    """Return what stands at a place with variables put into its texts.

    A cycle of variables, and a secret that one brings, are kept in `report`.
    """
    if isinstance(value, dict):
        return {key: fill(item, (*keys, key), variables, report) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, (*keys, index), variables, report) for index, item in enumerate(value)]
    filled: Any = value
    if isinstance(value, Text):
        with report:
            filled = fill_text(value, variables, {})
            brings = find_secret_key(keys) or re.search(URL_VARIABLE, value)
            if brings and filled != value:
                check_secret(filled, keys)
    return filled


def move_images(config: Config, images: Table, sections: Table) -> Table:
    """Return the sections with the images of the profiles moved."""
    if not images:
        return sections
    moved = {}
    for name, section in sections.items():
        moved[name] = dict(section)
        for field in IMAGE_FIELDS:
            image = str(section.get(field, ""))
            new = move_image(image, images)
            if new != image and name not in RESERVED:
                start = find_image_key(image, images)
                layer = config.origins["images", start]
                changes = dict(find_changes([section[field], images[start]]))
                changes["images"] = layer
                moved[name][field] = make_text(new, layer, changes)
    return moved


def expand(sections: Table, report: Report) -> Table:
    """Merge every profile with the parents it extends; `extends` is gone from the result.

    >>> expand({"b": {"extends": "a", "nodes": 2}, "a": {"nodes": 1, "time": "1"}}, Report())
    {'b': {'nodes': 2, 'time': '1'}, 'a': {'nodes': 1, 'time': '1'}}

    Each profile is merged once, its parent before it, so a chain may have any length. Profiles
    whose chain has no end (a missing parent, a cycle) are left out; each cause is kept in `report`
    once.
    """
    done: Table = {}
    passed: set[str] = set()
    for name in order_parents_first(sections, sections):
        parent = parent_of(sections[name])
        if parent in done or parent not in passed:  # else the cause was told where the parent is
            with report:
                done[name] = inherit(sections, name, done)
        passed.add(name)
    return {name: done[name] for name in sections if name in done}


def inherit(sections: Table, name: str, done: Table) -> Table:
    """Return a profile over its parent, one of those that are done; `extends` is gone.

    Raises EnvTomlError where there is no such parent, or its chain has no end.
    """
    own = sections[name]
    parent = parent_of(own)
    keys = ("sections", name, "extends")
    if "extends" in own and parent not in done:
        cycle = shorten_lineage(sections, parent)
        if cycle:
            raise wrong(f"the chain returns to itself: {' -> '.join([*cycle, parent])}", keys)
        near = suggest(parent, sections, but=(*RESERVED, name))
        raise wrong(f"there is no profile {show_value(own['extends'], keys)} to extend{near}", keys)
    profile = merge(done.get(parent, {}), own, keys[:2])
    profile.pop("extends", None)
    return profile


# --------------------------------------------------------------------------------------------- plan


class Plan(
    namedtuple(
        "Plan",
        "chosen words files config sections profiles tables commands linted warnings",
    )
):
    """What is to be written: a config after all stages up to the checks.

    `chosen` and `words` are what was asked for, `files` the layers of config files, `config` all of
    that merged. `sections` are the profiles with their own keys, variables and images put in,
    `profiles` are complete, `tables` are what is written of both. `commands` are those that each
    profile serves. `linted` tells a file that stands from one to write. `warnings` are what is
    doubtful in it.
    """


FILLED = ("variables", "images", "step_values", "sections")  # what variables are put into


def make_plan(chosen: str, words: Words, strict: bool = False) -> Plan:
    """Take a config and words through all stages up to the checks.

    Raises EnvTomlError with all that is wrong with them; under `strict` a warning is wrong, and a
    site value that still has its placeholder.
    """
    report = Report()
    layers: list[Layer] = []
    with report:
        layers = load_layers(chosen, report)
    return plan_layers(chosen, words, layers, report, strict)


def plan_layers(
    chosen: str,
    words: Words,
    files: Sequence[Layer],
    report: Report,
    strict: bool = False,
    linted: bool = False,
) -> Plan:
    """Do what `make_plan` does from layers, of which `report` has what is wrong with each."""
    config = merge_layers(files, words, report)
    whole = Report()
    # A cycle of variables is an error also where no text leads into it.
    values = {key: config.get(key) for key in FILLED}
    if config.variables:
        values = fill(values, (), config.variables, whole)
    sections = move_images(config, values["images"], values["sections"])
    profiles = expand(sections, whole)
    tables = select(config, sections, profiles)
    commands = make_commands(config, values, profiles)
    plan = Plan(chosen, words, files, config, sections, profiles, tables, commands, linted, [])
    check_plan(plan, whole)
    if strict:
        refuse_placeholders(plan, whole)
    for finding in whole.findings:
        origin = finding.origin or find_origin(plan, finding)
        report.findings.append(finding._replace(origin=origin))
    report.findings = [finding for finding in report.findings if not is_excused(plan, finding)]
    if strict:
        report.findings = [finding._replace(level="error") for finding in report.findings]
    report.settle()
    return plan._replace(warnings=report.findings)


def merge_layers(layers: Sequence[Layer], words: Words, report: Report) -> Config:
    """Merge the layers of files, and words over them from left to right."""
    config = Config()
    for layer in layers:
        config.add(layer, report)
    for number, text in enumerate(words, 1):
        with report:
            word = split_word(text, number)
            if layers:
                with report.of(word.key):
                    apply_word(config, word, report)
    if not layers:
        report.settle()  # raises what hindered their loading
    return config


def find_origin(plan: Plan, finding: Finding) -> Any:
    """Return the files, or the keys of words, that a finding of the whole comes from."""
    _, layer = find_giver(plan.config, finding.keys)
    if not layer:
        return str(plan.chosen)
    layers: list[Layer] = []
    if layer.bundled or finding.level == "error":  # a warning is not of what stands in a text
        layers.extend(find_site_changes(plan, finding.keys).values())
    if finding.keys[2:] == ("extends",):
        layers.extend(find_chain_setters(plan, finding.keys[1]))
    if layers == [] or not layer.bundled:  # else it is sound, but not what a site made of it
        layers.insert(0, layer)
    return ", ".join(dict.fromkeys(layer.name for layer in layers))


def find_chain_setters(plan: Plan, profile: str) -> Iterator[Layer]:
    """Yield the layers of a site that set `extends` in a chain, or removed its last parent."""
    sections = plan.config.get("sections")
    for name in find_lineage(sections, profile):
        places: list[Keys] = [("sections", name, "extends")]
        parent = parent_of(sections[name])
        if parent not in sections:
            places.append(("sections", parent))
        for place in places:
            layer = plan.config.origins.get(place)
            if layer and not layer.bundled:
                yield layer


def find_site_changes(plan: Plan, keys: Keys) -> dict[str, Layer]:
    """Return the changes of the value at a place that a site made, not a bundled config."""
    changes = find_changes(look_up({"sections": plan.profiles}, keys))
    return {name: layer for name, layer in changes if not layer.bundled}


def is_excused(plan: Plan, finding: Finding) -> bool:
    """Tell whether `checks` lets a finding pass; a bundled variable's text is never a secret."""
    listed, name = finding.excuse
    if listed == "":
        return False
    allowed = plan.config.get("checks", listed)
    if is_secret_name(name) and finding.keys[0] == "variables":
        if any(layer.bundled for layer, _ in plan.config.variables.get(name, ())):
            return True
    if isinstance(allowed, bool):
        return allowed
    return name in allowed


# ---------------------------------------------------------------------------------- what is written


def select(config: Config, sections: Table, profiles: Table) -> Table:
    """Return the tables to write: the profiles that `only` selects, and the reserved sections.

    Profiles are complete, or have their own keys and `extends`; then those that they extend come
    along.
    """
    tables = {**sections, **profiles}
    wanted = set(RESERVED)
    for pattern in config.get("only"):
        wanted.update(match_names(pattern, tables))
    if not config.get("expand"):
        tables = sections
        wanted.update(order_parents_first(sections, wanted))
    return {name: table for name, table in tables.items() if name in wanted}


def make_commands(config: Config, values: Table, profiles: Table) -> dict[str, Names]:
    """Return the commands that each profile serves; of the keys of `steps` the later ones win.

    `values` are those of the config with variables put in.
    """
    made = {}
    for pattern, commands in config.get("steps").items():
        filled = [fill_command(command, config.variables) for command in commands]
        for name in match_names(pattern, profiles):
            made[name] = [
                make_command(config, values, name, profiles[name], command) for command in filled
            ]
    return made


def fill_command(command: str, variables: Table) -> str:
    """Return a command with variables put into its words, which are quoted anew."""
    if not isinstance(command, Text):
        return command
    try:
        words = [make_text(word, command.layer, {}) for word in shlex.split(command)]
        filled = [fill_text(word, variables, {}) for word in words]
    except ValueError:  # an open quote; or a cycle, which is told of the variables
        return command
    if filled == words:
        return command
    return " ".join(map(shlex.quote, filled))


# What is text in YAML too: no other constant, no other first character, no ": " and no " #".
YAML_TEXT = (
    r"(?!(?i:true|false|yes|no|on|off|null|y|n)\Z)[A-Za-z_/$](?:[^\n\t:#]|:(?=\S)|(?<=\S)#)*"
)


def make_command(config: Config, values: Table, name: str, profile: Table, command: str) -> str:
    """Return the line that submits a step with a profile.

    It ends in run.env.KEY=VALUE for each value of the site that the step's own config would win
    over: the reader takes the profile, then the step's config, then the words of the command,
    which it reads as YAML. What the command itself says stays.
    """
    line = f"nemotron steps run {command} --batch {shlex.quote(name)}"
    step_values = values["step_values"].get(" ".join(command.split()[:3]), {})
    for key, value in choose_values(config, values["images"], name, profile, step_values).items():
        if re.search(rf"(?<![^\s'\"])run\.env\.{re.escape(key)}[.=]", command):
            continue
        written = str(value)
        if not re.fullmatch(YAML_TEXT, written):
            written = json.dumps(value, default=str, ensure_ascii=False)
        line += f" {shlex.quote(f'run.env.{key}={written}')}"
    return line


def choose_values(
    config: Config, images: Table, name: str, profile: Table, step_values: Table, keys: Keys = ()
) -> Table:
    """Return what a job must get otherwise than its step sets; the reader merges tables."""
    chosen: Table = {}
    for key, step_value in step_values.items():
        place = (*keys, key)
        if isinstance(step_value, dict) and isinstance(look_up(profile, place), dict):
            value = choose_values(config, images, name, profile, step_value, place)
            same = value == {}
        else:
            value = choose_value(config, images, name, profile, place, step_value)
            same = value == step_value
        if not same:
            chosen[key] = value
    return chosen


def choose_value(
    config: Config, images: Table, name: str, profile: Table, keys: Keys, step_value: Any
) -> Any:
    """Return what a job must get at a place: what the site says, else what its step sets."""
    if keys == ("mounts",):
        return step_value  # the reader takes those of both
    place = keys
    if keys[0] not in profile:  # it may have another name, which counts beside the step's if taken
        for other in OTHER_NAMES.keys() & profile.keys():
            if find_taken(other, {**profile, keys[0]: step_value}) == keys[0]:
                place = (other,)
    value = look_up(profile, place)
    if value is not None and is_of_site(config, ("sections", name, *place)):
        return value
    if keys[0] not in IMAGE_FIELDS:
        return step_value
    moved = move_image(step_value, images)
    if moved == step_value and "images" in dict(find_changes(value)):
        return value  # the step's image has no key, but the job needs what the site has
    return moved


def find_placeholders(plan: Plan) -> Table:
    """Return the variables whose bundled value stands in the written text, and what to put there.

    Those that are set in the environment have a value.
    """
    placeholders: Table = {}
    meanings = plan.config.get("checks", "site_values")
    if not meanings:
        return placeholders
    written = json.dumps(plan.tables, default=str)
    for name, meaning in meanings.items():
        if os.environ.get(name):
            continue
        for layer, _ in list_last_setters(plan.config.variables.get(name, ())):
            with Report():  # a variable of a cycle has no value
                text = make_text(f"${{oc.env:{name}}}", layer, {})
                filled = fill_text(text, plan.config.variables, {})
                if layer.bundled and json.dumps(filled)[1:-1] in written:
                    placeholders[name] = meaning
    return placeholders


def refuse_placeholders(plan: Plan, report: Report) -> None:
    """Keep in `report` the site values that still have their placeholder."""
    for name, meaning in find_placeholders(plan).items():
        with report:
            raise wrong(
                f"still a placeholder: expected {meaning}, as in variables.{name}=...",
                ("variables", name),
            )


# ------------------------------------------------------------------------------ checks of the whole

NEEDS = {  # by executor: what the reader cannot submit without; one of several where | stands
    "slurm": ["tunnel", "remote_job_dir"],
    "lepton": ["nemo_run_dir"],
    "dgxcloud": [
        "base_url",
        "kube_apiserver_url",
        "client_id|app_id",
        "client_secret|app_secret",
        "project_name",
        "pvc_nemo_run_dir",
    ],
}
# What pyxis takes (parse_mount_option in its args.c), with a / for every interpolation.
PYXIS_MOUNT = r"([/.][^:,\s]*|(tmpfs|umount)(?=:))(:/[^:,\s]*(:[\w/=.-]+(\+[\w/=.-]+)*)?)?"

NAMING = (  # where a site names profiles or variables that must be there
    ("only",),
    ("steps",),
    ("checks", "required_profiles"),
    ("checks", "recommended_min_nodes"),
    ("checks", "site_values"),
)


def check_plan(plan: Plan, report: Report) -> None:
    """Keep in `report` what only the whole can tell: names, needs of executors, reach.

    A mistake is told where a profile itself sets one of the fields concerned, not for its heirs.
    """
    readers = find_readers(plan)
    for name in plan.config.variables:
        with report:
            check_variable(plan, name, readers)
    for place in NAMING:
        for name in plan.config.get(*place):
            with report:
                check_use(plan, (*place, name), readers)
    check_image_keys(plan, report)
    childless = set(plan.tables).difference(map(parent_of, plan.sections.values()))
    for name, profile in plan.profiles.items():
        if name in childless and "executor" not in profile:
            with report:
                check_executor(plan, name)
        check_profile(plan, name, report)
    for pattern, least in plan.config.get("checks", "recommended_min_nodes").items():
        for name in match_names(pattern, plan.profiles):
            with report:
                check_nodes(plan, name, least)
    check_reach(plan, report)
    if plan.sections.keys() <= set(RESERVED):
        with report:
            raise wrong("there are no profiles, so nothing to write", ("sections",))


def check_profile(plan: Plan, name: str, report: Report) -> None:
    """Keep in `report` what is wrong with one profile in the eyes of its executor."""
    profile, own = plan.profiles[name], plan.sections[name]
    executor = str(profile.get("executor"))
    for need in NEEDS.get(executor, ()):
        with report:
            check_need(plan, name, need)
    for keys, mount in find_mounts(plan, name):
        with report:
            check_mount(plan, keys, mount)
    with report:
        check_volume(plan, name)
    for field in IMAGE_FIELDS:
        if field in own:
            with report:
                check_image(plan, name, field)
    read = READ.get(executor, own)  # of an executor from a variable nothing is known
    for field, value in own.items():
        if isinstance(value, Text):
            with report:
                check_resolved(value, PROFILE.of(field), ("sections", name, field))
        taken = field
        if field in OTHER_NAMES:
            taken = find_taken(field, profile)
        if field not in read or taken != field:
            with report:
                check_read(plan, name, field)


def check_resolved(text: Text, kind: Kind, keys: Keys) -> None:
    """Raise EnvTomlError for what is no time or number where no variable is set.

    One that is then empty or null, or without default, is left to the shell where jobs are
    submitted.
    """
    resolved = resolve_defaults(text)
    if resolved in ("", "null") or "${" in resolved:
        return
    if kind.pattern or kind.types == (int,):
        if not kind.accepts(read_scalar(resolved, kind)):
            raise wrong(f"expected {kind.expected}, found {show_value(resolved, keys)}", keys)


def find_readers(plan: Plan) -> dict[str, list[Layer]]:
    """Return, by the variables that texts ask for, the layers of those texts."""
    readers: dict[str, list[Layer]] = {}
    for layer in plan.config.layers:
        texts = json.dumps([layer.content.get(key) for key in (*FILLED, "steps")], default=str)
        for name in set(re.findall(ASKED, texts)):
            readers.setdefault(name, []).append(layer)
    return readers


def check_variable(plan: Plan, name: str, readers: dict[str, list[Layer]]) -> None:
    """Raise EnvTomlError for a variable of a site that no text asks for, or none that it reaches.

    `readers` are the layers whose texts ask for variables, by those.
    """
    setters, asking = plan.config.variables[name], readers.get(name, [])
    reaching = [choose_setter(setters, reader, []) for reader in asking]
    for layer, value in list_last_setters(setters):
        reaches = (layer, value) in reaching or any(is_related(layer, one) for one in asking)
        if not reaches and not layer.bundled and value is not None:
            told = _explain_unused(name, readers)
            if asking:
                told = (
                    "it reaches no text: of configs side by side in defaults each keeps its own;"
                    " set it in the config that has these defaults"
                )
            raise wrong(told, ("variables", name), origin=layer.name)


def _explain_unused(name: str, used: Collection[str]) -> str:
    """Say that no text asks for a variable, and which one may be meant."""
    return f"no profile uses ${{oc.env:{name}}}{suggest(name, used)}"


def check_use(plan: Plan, keys: Keys, used: Collection[str]) -> None:
    """Raise EnvTomlError for a name that a site gives, and no profile has or no text asks for.

    `used` are the variables that texts ask for.
    """
    *_, table, name = keys
    if not is_of_site(plan.config, keys):
        return
    if table == "site_values":
        if name not in used:
            raise wrong(_explain_unused(name, used), keys)
    elif not match_names(name, plan.sections):
        near = suggest(name, plan.sections, but=RESERVED)
        raise wrong(f"there is no profile {show_value(name, ())}{near}", keys)


def check_image_keys(plan: Plan, report: Report) -> None:
    """Warn of each key of `images` with which no image begins, nor any other text."""
    starts = plan.config.get("images")
    if not starts:
        return
    texts = json.dumps([plan.config.get("sections"), plan.config.get("step_values")], default=str)
    for start in starts:
        if json.dumps(start)[:-1] not in texts:
            with report:
                raise doubtful("no image begins with this, so none is moved", ("images", start))


def check_executor(plan: Plan, name: str) -> None:
    """Raise EnvTomlError for a profile without executor, told of the one that it all comes from."""
    *_, first = find_lineage(plan.sections, name)
    told = "no executor, so the reader would run it on the login node: expected extends or executor"
    told += suggest(first, [*RESERVED, *plan.profiles], CLOSE)
    if not plan.linted:
        told += f" (the config in use is {plan.chosen}; -c names another)"
    raise wrong(told, ("sections", first, "executor"))


def check_need(plan: Plan, name: str, need: str) -> None:
    """Raise EnvTomlError for a profile without the field, or one of several, of a need."""
    profile, fields = plan.profiles[name], need.split("|")
    if any(map(profile.get, fields)):
        return
    if plan.sections[name].keys() & {"executor", *fields}:
        raise wrong(
            f"missing: executor {profile['executor']} needs {' or '.join(fields)}",
            ("sections", name, fields[0]),
        )


def find_mounts(plan: Plan, name: str) -> Iterator[tuple[Keys, Any]]:
    """Yield the mounts of a profile that are its own, or of an executor that is its own."""
    own, profile = plan.sections[name], plan.profiles[name]
    mounts = profile.get("mounts")
    if isinstance(mounts, list) and own.keys() & {"mounts", "executor"}:
        for index, mount in enumerate(mounts):
            yield ("sections", name, "mounts", index), mount
    if own.get("lustre_mount") and profile.get("executor") == "slurm":
        yield ("sections", name, "lustre_mount"), own["lustre_mount"]


def check_mount(plan: Plan, keys: Keys, mount: Any) -> None:
    """Raise EnvTomlError for a mount that pyxis refuses, or that lacks what Lepton needs."""
    executor = plan.profiles[keys[1]].get("executor")
    expected = ""
    if executor == "slurm" and not is_pyxis_mount(mount):
        expected = "SRC, SRC:DST or SRC:DST:FLAGS, as in /lustre:/lustre or /data:/data:ro+rprivate"
    elif executor == "lepton" and not is_interpolation(mount):
        if not isinstance(mount, dict) or mount.keys() != MOUNT.fields.keys():
            expected = f"a table with {', '.join(MOUNT.fields)}"
    if expected:
        shown = show_value(mount, keys)
        if isinstance(mount, dict):
            shown = f"one with {', '.join(mount)}"
        raise wrong(f"expected {expected}, found {shown}", keys)


def is_pyxis_mount(mount: Any) -> bool:
    """Tell whether pyxis takes a mount, as it resolves where no variable is set."""
    text = mask_interpolations(resolve_defaults(str(mount)))
    if re.search(r"(?<!\\)\$\{", text):
        return True  # an interpolation that cannot be read is told as such
    return re.fullmatch(PYXIS_MOUNT, text) is not None


def check_volume(plan: Plan, name: str) -> None:
    """Warn of a folder for job files that is on no volume of the job."""
    fields = ["pvc_nemo_run_dir", "pvcs"]
    folder, volumes = map(plan.profiles[name].get, fields)
    if not folder or not isinstance(volumes, list) or plan.sections[name].keys().isdisjoint(fields):
        return
    folder = resolve_defaults(f"{folder}/")
    for volume in volumes:
        path = look_up(volume, ("path",))
        mounted = resolve_defaults(str(path)).rstrip("/")
        if is_interpolation(volume) or folder.startswith(f"{mounted}/"):
            return
    raise doubtful(
        "outside of the path of every volume in pvcs, which the reader refuses",
        ("sections", name, "pvc_nemo_run_dir"),
    )


def check_image(plan: Plan, name: str, field: str) -> None:
    """Warn of an image of Slurm that has a port before a /, which enroot takes for no registry.

    https://github.com/NVIDIA/enroot/blob/master/doc/cmd/import.md
    """
    image = resolve_defaults(str(plan.sections[name][field]))
    if plan.profiles[name].get("executor") == "slurm" and re.match("[^/#]*:[0-9]+/", image):
        keys = ("sections", name, field)
        shown = show_value(image, keys)
        raise doubtful(f"pyxis refuses it: expected REGISTRY:PORT#IMAGE, found {shown}", keys)


def check_nodes(plan: Plan, name: str, least: int) -> None:
    """Warn of a profile with fewer nodes than recommended."""
    nodes = plan.profiles[name].get("nodes")
    if isinstance(nodes, int) and nodes < least:
        raise doubtful(
            f"{nodes} of at least {least} recommended nodes", ("sections", name, "nodes")
        )


def check_read(plan: Plan, name: str, field: str) -> None:
    """Warn of a field that a site sets and that the executor does not take.

    One that the parent has with this value is told of the parent; one like a known field is an
    error already.
    """
    profile, keys = plan.profiles[name], ("sections", name, field)
    if field not in PROFILE.fields and suggest(field, PROFILE.fields, CLOSE):
        return
    if plan.linted and field in UNREAD.get(str(profile.get("executor")), ()):
        return
    parent = plan.profiles.get(parent_of(plan.sections[name]), {})
    if parent.get(field) != profile[field] and not is_bundled(plan, name, field):
        raise doubtful(_explain_unread(profile, field), keys, ("extra_fields", field))


def is_bundled(plan: Plan, name: str, field: str) -> bool:
    """Tell whether a bundled profile of this executor has the value, too, as of a whole copy."""
    profile = plan.profiles[name]
    others: Names = []
    for layer in plan.config.layers:
        if layer.bundled:
            others.extend(layer.content.get("sections", ()))
    for other in others:
        found = plan.profiles.get(other, {})
        same = all(found.get(key) == profile.get(key) for key in ("executor", field))
        if same and not is_of_site(plan.config, ("sections", other, field)):
            return True
    return False


def _explain_unread(profile: Table, field: str) -> str:
    """Say why the executor of a profile does not take a field, and which one does."""
    taken = find_taken(field, profile)
    if taken != field:
        return f"the reader takes {taken}, which this profile has too"
    readers = [reader for reader in EXECUTORS if field in READ[reader]]
    told = f"no executor reads {field} (checks.extra_fields+={field} says that you know)"
    if readers:
        told = f"{profile['executor']} does not read {field}, but {' and '.join(readers)}"
    if field == "workspace":
        told += ": variables.NEMOTRON_WORKSPACE moves outputs"
    return told


def check_reach(plan: Plan, report: Report) -> None:
    """Warn of values of a site that do not reach heirs, which keep older and other ones."""
    if len(plan.config.layers) == 1:
        return  # nothing is older
    order = order_parents_first(plan.sections, plan.profiles)
    heirs: Counter[str] = Counter()  # of each profile, at any distance
    for name in reversed(order):
        heirs[parent_of(plan.sections[name])] += heirs[name] + 1
    places = {name: place for place, name in enumerate(order)}
    for keys, setters in find_setters(plan).items():
        parents_first = dict(sorted(setters.items(), key=lambda setter: places[setter[0]]))
        for name, keepers in find_keepers(plan.sections, keys, parents_first, heirs).items():
            with report:
                warn_of_keepers(("sections", name, *keys), keepers, heirs[name])


def find_setters(plan: Plan) -> dict[Keys, dict[str, Layer]]:
    """Return the layers that set values of profiles, by keys below the profile, then by profile."""
    setters: dict[Keys, dict[str, Layer]] = {}
    for keys, layer in plan.config.origins.items():
        if keys[0] == "sections" and len(keys) > 2 and keys[1] in plan.profiles:
            if not isinstance(look_up(plan.config.values, keys), (dict, type(None))):
                setters.setdefault(keys[2:], {})[keys[1]] = layer
    setters.pop(("extends",), None)
    return setters


def find_keepers(
    sections: Table, keys: Keys, setters: dict[str, Layer], heirs: dict[str, int]
) -> dict[str, dict[str, int]]:
    """Return, by profiles whose value a site set, the heirs that keep an older and other value.

    Each of these has the number of profiles that get its value, itself included. `setters` have the
    layer that sets the value at `keys`, by profile, parents first.
    """
    # A setter shields all below it: its heirs get its value, and no longer that of the one above.
    latest: dict[str, str] = {}  # by profile: itself, or one above it that was set later
    reached: dict[str, int] = {}
    for name, layer in setters.items():
        latest[name] = name
        reached[name] = heirs[name] + 1
        for above in islice(find_lineage(sections, name), 1, None):
            if above in setters:
                reached[above] -= reached[name]
                if setters[latest[above]].rank > layer.rank:
                    latest[name] = latest[above]
                break
    keepers: dict[str, dict[str, int]] = {}
    for name, missed in latest.items():
        if not setters[missed].bundled:
            if look_up(sections[name], keys) != look_up(sections[missed], keys):
                keepers.setdefault(missed, {})[name] = reached[name]
    return keepers


def warn_of_keepers(keys: Keys, keepers: dict[str, int], heirs: int) -> None:
    """Warn of a value at `keys` that some of its heirs do not get, but that of `keepers`."""
    names = list(keepers)
    if len(names) > 3:
        names[3:] = ["..."]
    raise doubtful(
        f"{sum(keepers.values())} of {heirs} heirs keep their own ({', '.join(names)});"
        f" sections.{show_keys(('*', *keys[2:]))} sets it in every profile",
        keys,
    )


# --------------------------------------------------------------------------------------------- text


def generate(config: str = DEFAULT_CONFIG, words: Words = ()) -> str:
    """Return the TOML text for a config (a bundled name or a file) and KEY=VALUE words.

    Raises EnvTomlError with all that is wrong with them. Writes nothing and prints nothing.
    """
    return render(make_plan(config, words))


def render(plan: Plan) -> str:
    """Return the text of the file: tomli-w writes the tables, this adds comment lines only."""
    dumps = import_tomli_w().dumps
    parts = []
    for name, table in plan.tables.items():
        parts += ["\n", render_comments(find_comments(plan, name)), dumps({name: table})]
    body = "".join(parts)
    words = " ".join(map(shlex.quote, [plan.chosen, *plan.words]))
    header = [
        f"Generated by: python env_toml.py -c {words}",
        f"Checksum: {make_checksum(body)} (of all that follows; tells whether this file was edited"
        " since)",
    ]
    above = render_comments(plan.config.get("preamble").splitlines())
    return re.sub("(?m)^# :", "#:", above) + render_comments(header) + body


def make_checksum(text: str) -> str:
    """Return the CRC-32 of a text in UTF-8, as eight hexadecimal digits."""
    import zlib

    return f"{zlib.crc32(text.encode(errors='surrogateescape')):08x}"


def render_comments(lines: Iterable[str]) -> str:
    """Return lines as comments."""
    return join_lines(f"# {line}" for line in lines)


def join_lines(lines: Iterable[str]) -> str:
    """Return lines as a text, in which nothing ends one or is unseen."""
    return "".join(f"{escape(line).rstrip()}\n" for line in lines)


def find_comments(plan: Plan, name: str) -> Names:
    """Return the lines above a profile: what it extends, and the commands that it serves."""
    chain = shorten_lineage(plan.sections, name)
    lines: Names = plan.commands.get(name, [])
    if len(chain) > 1:
        return [" <- ".join(chain), *lines]
    return lines


def import_tomli_w() -> Any:
    """Return the module tomli_w; raises EnvTomlError where it is missing."""
    try:
        import tomli_w

        tomli_w.dumps  # noqa: B018  # a folder of this name without its files has none
    except (ImportError, OSError, AttributeError):
        raise wrong(
            "the module tomli_w is missing or cannot be read: pip install tomli-w,"
            f" or copy its folder tomli_w into {HERE}"
        ) from None
    return tomli_w


# --------------------------------------------------------------------------------------------- file

# The comments above the two lines that are not compared, the checksum in those, what follows them.
HEADER = r"\A(?:((?:#.*\n)*)# Generated by: .*\n# Checksum: ([0-9a-f]{8}) .*\n)?([\s\S]*)"
UNTOUCHED = "generated by this tool and not edited since"


class Parts(namedtuple("Parts", "above checksum body")):
    """A file taken apart: what is `above` the two header lines, the checksum in them, the rest.

    Without such lines all is `body`, and the checksum is empty.
    """


def split_header(text: str) -> Parts:
    """Take the text of a file apart at its two header lines."""
    return Parts(*re.findall(HEADER, text)[0])


def tell_state(old: str, new: str) -> str:
    """Tell the state of a file with the text `old`: UNTOUCHED, edited, or not of this tool.

    The lines above the header are not in the checksum. Where they are not those of the new text,
    somebody may have written them.
    """
    parts = split_header(old)
    if parts.checksum == "":
        return "not of this tool, or of 1.0.0: it has no checksum"
    if parts.checksum != make_checksum(parts.body):
        return "edited since it was generated"
    if parts.above != split_header(new).above:
        return "edited since it was generated, or its preamble is another one now"
    return UNTOUCHED


def is_same(old: str, new: str) -> bool:
    """Tell whether two texts differ in the two header lines only."""
    one, other = split_header(old), split_header(new)
    return (one.above, one.body) == (other.above, other.body)


def write(
    path: str, text: str, force: bool = False, private: bool = False, protected: Words = ()
) -> tuple[str, str]:
    """Write the file whole or not at all.

    Returns what was done, "unchanged" or "wrote", and the name under which an edited or foreign
    file was kept ("" for none), with its folder where a link leads there.

    Without `force` an existing file is an error, whoever made it and however late, but for one that
    differs in its two header lines only. A symbolic link is followed; an existing file keeps its
    mode unless `private` (0600), and its owner and group where that is allowed. None of the files
    in `protected` is replaced. Raises EnvTomlError that names path and reason.
    """
    try:
        target = os.path.realpath(os.path.expanduser(path))
        if target in map(os.path.realpath, protected):
            raise OSError("a file that this run reads, a config or the program: name another")
        done, kept = _write(path, target, text, force, private)
        if not os.path.islink(os.path.expanduser(path)):
            kept = os.path.basename(kept)
        return done, kept
    except (OSError, ValueError, RecursionError) as error:  # ValueError: a NUL; 1000 folders
        raise wrong(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _write(path: str, target: str, text: str, force: bool, private: bool) -> tuple[str, str]:
    old = read_old(target)
    old_text = old.decode(errors="surrogateescape")
    # As in the public step, a plain run refuses a file that is there already, even with this text.
    if is_same(old_text, text) and (force or old_text != text):
        if private:
            os.chmod(target, 0o600)
        return "unchanged", ""
    state = tell_state(old_text, text)
    if old and not force:
        raise OSError(
            f"exists and is left as it is: {state}; force=true (or -f) replaces it,"
            " output_path=FILE writes another, --check compares,"
            f" --edits {path} prints its values as a site config"
        )
    like = ""
    if os.path.exists(target):
        check_replaceable(target)
        like = target
    give_name: Callable[[str, str], None] = take_name
    if old:
        give_name = os.replace
    kept = ""
    try:
        # Nothing is lost of an empty file, which a kill may have left where there are no links.
        if old and state != UNTOUCHED:
            kept = keep_backup(target, old)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        write_fresh(target, text.encode(), like, private, give_name)
    except FileExistsError:  # somebody made one of them meanwhile: that is kept too
        return _write(path, target, text, force, private)
    return "wrote", kept


def read_old(target: str) -> bytes:
    """Return the content of a file, none where nothing is; raises OSError for what is no file."""
    if os.path.exists(target) and not os.path.isfile(target):
        raise OSError("not a regular file (output_path=- writes to standard output)")
    try:
        return read_bytes(target)
    except FileNotFoundError:
        return b""


def check_replaceable(target: str) -> None:
    """Raise OSError for a file that must not be replaced, or whose replacement would fail."""
    status, folder = os.stat(target), os.stat(os.path.dirname(target))
    if not status.st_mode & 0o200:
        raise OSError("its owner may not write it, so it is not replaced (chmod u+w)")
    if folder.st_mode & 0o1000 and os.geteuid() not in (0, status.st_uid, folder.st_uid):
        raise OSError("somebody else's file in a sticky folder, which cannot be replaced")
    point = re.escape(target.replace(" ", "\\040"))
    mounts = ""
    with Report():  # not every system tells them
        mounts = read_text("/proc/self/mountinfo")
    if re.search(rf"(?m)^(\S+ ){{4}}{point} ", mounts):
        raise OSError("mounted over, so it cannot be replaced")


def keep_backup(target: str, old: bytes) -> str:
    """Keep a file under a name that nothing has, or has with this very content; return its path.

    A hard link, which no run can lose; a copy where there are none. Raises FileExistsError where
    another run takes the name first.
    """
    number = 0
    name = f"{target}.bak"
    while os.path.lexists(name):
        # A link would show what it leads to, which may be the file that is about to go.
        if os.path.isfile(name) and not os.path.islink(name) and read_old(name) == old:
            return name
        number += 1
        name = f"{target}.bak.{number}"
    try:
        os.link(target, name)
    except OSError:  # a taken name refuses the next call too
        write_fresh(name, old, target, private=False, give_name=take_name)
    return name


def write_fresh(
    target: str, data: bytes, like: str, private: bool, give_name: Callable[[str, str], None]
) -> None:
    """Write data to a fresh file beside the target, flush it to disk and give it the target's name.

    It gets the owner, group and mode of the file `like` ("" for none); 0600 if `private`. Ctrl-C
    and SIGTERM wait until it is done. `give_name` is os.replace, or `take_name`, which raises
    FileExistsError where something has the name.
    """
    fresh = f"{os.path.dirname(target)}/.env_toml-{os.urandom(8).hex()}"
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
    try:
        mode = 0o666
        if private or like:
            mode = 0o600  # until it gets that of the other: it is never more open than that
        with open(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if like:
            _take_over(fresh, os.stat(like), private)
        give_name(fresh, target)
    finally:
        if os.path.lexists(fresh):
            os.unlink(fresh)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _take_over(fresh: str, old: os.stat_result, private: bool) -> None:
    """Give a fresh file the owner, group and mode of the old one, as far as that is allowed."""
    for owner in (old.st_uid, -1):
        try:
            os.chown(fresh, owner, old.st_gid)
            break
        except PermissionError:
            continue
    if not private:
        os.chmod(fresh, old.st_mode & 0o777)


def take_name(fresh: str, target: str) -> None:
    """Give a fresh file a name that nothing has, or only an empty file, as a kill may leave one.

    Raises FileExistsError where something has it.
    """
    made = not os.path.lexists(target)
    try:
        os.link(fresh, target)
    except OSError:  # it is taken, or there are no hard links here
        flags = os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW
        with open(os.open(target, flags, 0o600), "wb") as empty:
            _lock(empty)
            if os.path.getsize(target) > 0:
                raise FileExistsError from None
            try:
                os.replace(fresh, target)
            except OSError:
                if made:
                    os.unlink(target)
                raise


def _lock(file: Any) -> None:
    """Wait until no other run has an empty file locked, and lock it, where that is possible."""
    from contextlib import suppress
    from fcntl import LOCK_EX, flock

    with suppress(OSError):  # not every file system has locks
        flock(file, LOCK_EX)


# ------------------------------------------------------------------------------------ looking at it


def report_run(plan: Plan, path: str, done: str, kept: str) -> str:
    """Return what to say after writing: what was written and kept, what is yet to fill in."""
    names = plan.tables.keys() - RESERVED
    lines = [f"{done} {path}: {len(names)} profiles of the config {plan.chosen}"]
    if kept:
        lines.append(f"kept what was there as {kept}")
    placeholders = find_placeholders(plan)
    if placeholders:
        lines.append(
            "still placeholders: set each by a word, or as a variable where jobs are submitted"
        )
        width = max(map(len, placeholders)) + 4
        for name, meaning in placeholders.items():
            lines.append(f"  variables.{name + '=...':<{width}}  {meaning}")
    commands = [command for name in names for command in plan.commands.get(name, ())]
    carrying = sum("run.env." in command for command in commands)
    if carrying:
        lines.append(
            f"{carrying} of {len(commands)} commands end in run.env.KEY=VALUE,"
            " or the step's own config would win over this site's values"
        )
    target = os.path.abspath(os.path.expanduser(path))
    lines.append(f"export NEMOTRON_ENV_FILE={shlex.quote(target)}")
    return join_lines(lines)


def show(plan: Plan, profile: str) -> str:
    """Return one complete profile and its commands as TOML, each line with where it comes from."""
    if profile not in plan.profiles:
        raise wrong(
            f"{profile!r} is not a profile of {plan.chosen}{suggest(profile, plan.profiles)}"
            " (-c names another config)"
        )
    text = _show_table(plan, plan.profiles[profile], (profile,))
    text = re.sub(r"\n+\[", "\n\n[", text)  # a blank line above each heading
    return render_comments(find_comments(plan, profile)) + text


def _show_table(plan: Plan, table: Table, keys: Keys) -> str:
    """Return the text of a table, plain values before tables as TOML wants it."""
    dumps = import_tomli_w().dumps
    heading = dumps(nest(keys, {}))
    texts = []
    for key, value in table.items():
        place = (*keys, key)
        if isinstance(value, dict):
            text = _show_table(plan, value, place)
        else:
            text = dumps(nest(place, value)).removeprefix(heading)
            told = escape(list_givers(plan, ("sections", *place))).replace("\\", r"\\")
            text = re.sub(r"(?m)^[^\s\]].*", rf"\g<0>  # {told}", text)
        texts.append(text)
    return "".join([heading, *sorted(texts, key=lambda text: text.startswith("["))])


def list_givers(plan: Plan, keys: Keys) -> str:
    """List what gives a value: a profile, what changed it, each with its file or word."""
    giver, _ = find_giver(plan.config, keys)
    givers = {giver[1]: plan.config.origins[giver], **find_site_changes(plan, keys)}
    return ", ".join(f"{name} ({layer.name})" for name, layer in givers.items())


def show_tree(plan: Plan) -> str:
    """Return the profiles, heirs below their parents, with nodes, GPUs per node and steps.

    Those are shown that are written, and those that they extend.
    """
    places: Table = {}  # by profile: the numbers of those above it and its own
    for name in order_parents_first(plan.sections, plan.tables):
        places[name] = (*places.get(parent_of(plan.sections[name]), ()), len(places))
    rows = [("profile", "nodes x GPUs, steps")]
    for name in sorted(places, key=places.__getitem__):
        counts = "{nodes} x {gpus_per_node}".format_map(
            {"nodes": "-", "gpus_per_node": "-", **plan.profiles[name]}
        )
        steps = [command.split()[3] for command in plan.commands.get(name, ())]
        rows.append(("  " * len(places[name][1:]) + name, f"{counts:<5}  {''.join(steps[:1])}"))
        rows += [("", f"       {step}") for step in steps[1:]]
    width = max(len(label) for label, _ in rows)
    return join_lines(f"{label:<{width}}  {text}" for label, text in rows)


def show_configs() -> str:
    """Return the bundled configs that a person chooses, with their descriptions."""
    lines = []
    for name, path in list_configs().items():
        if not name.startswith("_"):
            default = " (default)" * (name == DEFAULT_CONFIG)
            lines.append(f"{name:<12}  {read_config(path).get('description', '')}{default}")
    return join_lines(lines)


def show_fields(executors: Words) -> str:
    """Return the fields of a profile with what they are, of some executors or of all.

    Raises EnvTomlError for an executor that is none.
    """
    for executor in executors:
        check_value(executor, KINDS["executor"], ("--fields",))
    if not executors:
        executors = [*EXECUTORS, "no executor"]
    lines = []
    for heading in ["every executor", *executors, "other commands"]:
        lines.append(heading)
        for name, (kind, about) in FIELDS[heading].items():
            lines.append(f"  {name:<23} {kind:<11} {about}")
    return join_lines(lines)


def show_version() -> str:
    """Return the versions, and the sha256 of program and configs as `sha256sum` prints them."""
    import hashlib

    lines = [f"env_toml {__version__}, tomli-w {import_tomli_w().__version__}"]
    for path in [__file__, *list_configs().values()]:
        digest = hashlib.sha256(read_text(path).encode()).hexdigest()
        lines.append(f"{digest}  {os.path.relpath(os.path.realpath(path), HERE)}")
    return join_lines(lines)


def read_toml(path: str) -> str:
    """Return the text of a TOML file; raises EnvTomlError for a BOM, which readers refuse."""
    text = read_text(os.path.expanduser(path))
    if text.startswith("\ufeff"):
        raise wrong(f"{path}: begins with a BOM (byte order mark), which TOML readers refuse")
    return text


def compare(path: str, text: str) -> str:
    """Return what differs between the file on disk and `text`, "" where that is the header only.

    A unified diff of each profile, compared by its name, and whether the file was edited.
    """
    try:
        os.stat(os.path.expanduser(path))
    except FileNotFoundError:
        return f"{path} does not exist: a run without --check writes it\n"
    except OSError as error:
        raise wrong(f"{path}: {error.strerror}") from None
    old = read_toml(path)
    if is_same(old, text):
        return ""
    import difflib

    lines: Names = []
    before, after = split_profiles(old), split_profiles(text)
    for name in {**before, **after}:
        lines += difflib.unified_diff(
            before.get(name, []),
            after.get(name, []),
            f"{path}{name}",
            f"{path}{name} (generated)",
            lineterm="",
        )
    if lines == []:
        lines.append("the profiles are the same: their order, or the end of the file, differs")
    state = tell_state(old, text)
    advice = f"--edits {path} prints its values as a site config"
    if state == UNTOUCHED:
        advice = "the config or the words changed"
    return join_lines([*lines, f"{path} is {state}: {advice}"])


# The comments above a table, its heading, and the first name in that.
HEADING = r"""\n((?:#.*\n)*\[+\s*("(?:[^"\\]|\\.)*"|'[^']*'|[\w-]*).*)"""


def split_profiles(text: str) -> Table:
    """Return the lines of each profile by " [NAME]", those above the first by "".

    Comments belong to the table below them. The two header lines are left out.
    """
    parts = split_header(text)
    pieces = iter(re.split(HEADING, f"\n{parts.above}{parts.body}".removesuffix("\n")))
    lines: Table = {"": next(pieces).split("\n")[1:]}
    for heading, name, rest in zip(pieces, pieces, pieces):
        lines.setdefault(f" [{name}]", []).extend(f"{heading}{rest}".split("\n"))
    return lines


# ------------------------------------------------------------------------------- files made by hand


def lint(path: str, chosen: str, words: Words, strict: bool) -> list[Finding]:
    """Check an existing file, expanded or with `extends`; return the warnings.

    `words` (checks.* only) and the checks of the config `chosen` ("" for none) say what to ask and
    what to let pass. Raises EnvTomlError with all that is wrong.
    """
    report = Report()
    layers = []
    files: list[Layer] = []
    if chosen:
        files = load_layers(chosen, report)
    for layer in files:
        names = ["checks"]
        if layer.bundled:
            names.append("variables")  # a placeholder is a bundled value
        kept = {name: layer.content.get(name, {}) for name in names}
        layers.append(layer._replace(content=kept))
    content = {"sections": parse_toml(read_toml(path), path)}
    for number, text in enumerate(words, 1):
        word = split_word(text, number)
        if word.keys[0] != "checks":
            raise wrong("--lint takes the file as it stands: only checks.* words fit", word.keys)
    check_source(path, content, report)
    layers.append(layer_over(layers, path, content))
    plan = plan_layers(path, words, layers, report, strict, linted=True)
    return list(plan.warnings)


def show_edits(plan: Plan, path: str) -> str:
    """Return, as a site config, what a file has otherwise than the plan: its edits.

    Raises EnvTomlError for what is wrong with the file, and where generating from the edits, with
    the plan's words, would not give it again.
    """
    document, report = parse_toml(read_toml(path), path), Report()
    check_source(path, {"sections": document}, report)
    report.findings = [finding for finding in report.findings if not is_excused(plan, finding)]
    wanted = expand(document, report)
    report.settle()
    if wanted.keys() <= set(RESERVED):
        raise wrong(f"{path}: there are no profiles, so no config gives this file")
    edits = make_edits(plan, document, wanted)
    check_edits(plan, {**document, **wanted}, edits)
    defaults = plan.chosen
    if os.path.dirname(defaults):  # it is found from wherever the edits are put
        defaults = os.path.abspath(defaults)
    return json.dumps({"defaults": defaults, **edits}, indent=2, ensure_ascii=False) + "\n"


def make_edits(plan: Plan, document: Table, wanted: Table) -> Table:
    """Return the edits of a file, whose complete profiles are `wanted`.

    Profiles go parents first, the new ones last, and each keeps what differs from what it would
    inherit from its edited parent, so that what heirs share stands once.
    """
    complete: Table = {}
    edits: Table = {}
    sections = {**document, **plan.sections}
    for name in order_parents_first(sections, [*plan.sections, *document]):
        parents = [parent_of(sections[name])]
        if name not in plan.sections and parents == [""]:
            parents.extend(complete)
        if name in wanted:
            ways = [
                diff_profile(plan.sections.get(name, {}), parent, complete, wanted[name])
                for parent in parents
            ]
            changes = min(ways, key=count_values)
            if changes:
                edits[name] = changes
            complete[name] = wanted[name]
        elif plan.config.get("expand"):  # else a parent would be written, too
            complete[name] = inherit(plan.sections, name, complete)
    for name in RESERVED:
        edits.update(diff_table({name: plan.sections.get(name)}, {}, {name: document.get(name)}))
    made: Table = {"sections": edits}
    chosen = plan.tables.keys() - RESERVED
    for pattern in plan.config.get("only"):
        chosen.update(match_names(pattern, wanted))
    if chosen != wanted.keys():
        made["only"] = list(wanted)
    return made


def diff_profile(own: Table, parent: str, complete: Table, wanted: Table) -> Table:
    """Return what to say of a profile so that, as an heir of `parent`, it is as wanted.

    Where there is no such parent, or a key that it gives must go, that is all of it, without one.
    """
    inherited = complete.get(parent)
    heir = {"extends": parent, **wanted}
    with Report():  # a table over a list cannot be inherited
        if inherited is not None and is_equal(merge(inherited, heir), heir):
            return diff_table(merge(inherited, own), inherited, heir)
    return diff_table(own, {}, wanted)


def diff_table(now: Table, inherited: Any, wanted: Table) -> Table:
    """Return what to merge over a table, which is `now` so with what it inherits, to get `wanted`.

    null removes a key, so that an inherited one shows through.
    """
    edits: Table = {key: None for key in now if key not in wanted}
    for key, value in wanted.items():
        mine, theirs = now.get(key), look_up(inherited, (key,))
        if is_equal(mine, value):
            continue
        edits[key] = value
        if is_equal(theirs, value):
            edits[key] = None
        elif isinstance(value, dict) and isinstance(mine, dict):
            edits[key] = diff_table(mine, theirs, value)
    return edits


def is_equal(one: Any, other: Any) -> bool:
    """Tell whether two values are equal and of the same types, unlike 1 and true."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def count_values(value: Any) -> int:
    """Count the values in nested tables."""
    if isinstance(value, dict):
        return sum(map(count_values, value.values()))
    return 1


def check_edits(plan: Plan, wanted: Table, edits: Table) -> None:
    """Raise EnvTomlError if the edits and the plan's words do not give the wanted sections."""
    layers = [*plan.files, layer_over(plan.files, "the edits", edits)]
    again = plan_layers(plan.chosen, plan.words, layers, Report())
    made = again.tables
    given = {**made, **expand(made, Report())}
    differing = [
        name for name in {**wanted, **given} if not is_equal(given.get(name), wanted.get(name))
    ]
    if differing:
        raise wrong(
            f"generating from these edits does not give {', '.join(differing)} again"
            " (words, variables and images win over edits: leave out what the file has otherwise)"
        )


# ------------------------------------------------------------------------------------- command line

LONG = "config= force strict help dry-run check edits= lint= list fields tree show= version"
SHORT = {"-c": "--config", "-f": "--force", "-d": "--dry-run", "-h": "--help"}
ALONE = {"--list": 0, "--fields": 1, "--version": 0}  # of no config; how many words each takes


def parse_arguments(argv: Words) -> tuple[Table, Names]:
    """Return the options, by long names, and the words; raises EnvTomlError for a wrong usage."""
    import getopt  # argparse, with its translations, would cost a tenth of a run

    try:
        pairs, words = getopt.gnu_getopt(argv, "c:fdh", LONG.split())
    except getopt.GetoptError as error:
        raise wrong(
            f"{error}; --help shows the usage (all else is said by words, as in output_path=FILE)"
        ) from None
    options: Table = {}
    for option, value in pairs:
        name = SHORT.get(option, option)
        if name in options:
            raise wrong(f"{name} stands twice; --help shows the usage")
        options[name] = value
    if "--help" in options:
        return {"--help": ""}, []
    modes = sorted(options.keys() - {"--config", "--force", "--strict"})
    if len(modes) > 1:
        raise wrong(f"{' and '.join(modes)} exclude each other; --help shows the usage")
    for mode in ALONE.keys() & modes:
        if len(options) > 1 or len(words) > ALONE[mode]:
            raise wrong(
                f"{mode} takes no other option and no words (--fields: one executor); "
                "--help shows the usage"
            )
    if "--force" in options:
        words.append("force=true")
    return options, words


def run(argv: Words) -> int:
    """Do what a command line says and print the result; return the exit status."""
    if sys.version_info < (3, 9):  # noqa: UP036  # so 3.7 must be able to compile this file
        raise wrong("env_toml needs Python 3.9 or newer, this is {}.{}".format(*sys.version_info))
    options, words = parse_arguments(argv)
    result = answer(options, words)
    print_text(sys.stdout, result)
    return int("--check" in options and result != "")


def answer(options: Table, words: Words) -> str:
    """Do what the options say; return the text for standard output."""
    if "--help" in options:
        if not __doc__:
            raise wrong("python -OO leaves out the manual, which --help shows: run without it")
        return __doc__
    if "--list" in options:
        return show_configs()
    if "--fields" in options:
        return show_fields(words)
    if "--version" in options:
        return show_version()
    strict = "--strict" in options
    if "--lint" in options:
        path = options["--lint"]
        tell(lint(path, options.get("--config", ""), words, strict))
        return join_lines([f"{path}: no errors"])
    plan = make_plan(options.get("--config", DEFAULT_CONFIG), words, strict)
    tell(plan.warnings)
    if "--tree" in options:
        return show_tree(plan)
    if "--show" in options:
        return show(plan, options["--show"])
    if "--edits" in options:
        return show_edits(plan, options["--edits"])
    return deliver(plan, options)


def deliver(plan: Plan, options: Table) -> str:
    """Print the file, compare it with what is there, or write it; return what to say."""
    text = render(plan)
    path = plan.config.get("output_path")
    if "--dry-run" in options or (path == "-" and "--check" not in options):
        return text
    if path in ("", "-"):
        raise wrong("expected the path of a file, as in output_path=env.toml", ("output_path",))
    if "--check" in options:
        return compare(path, text)
    protected = [__file__, HERE, *(layer.path for layer in plan.files)]
    private = plan.config.get("checks", "allow_literal_secrets") not in (False, [])
    done, kept = write(path, text, plan.config.get("force"), private, protected)
    return report_run(plan, path, done, kept)


def tell(findings: Iterable[Finding]) -> None:
    """Print findings on standard error; where that fails, the exit status has to do."""
    with Report():
        print_text(sys.stderr, "".join(f"{finding.level}: {finding}\n" for finding in findings))


def print_text(stream: Any, text: str) -> None:
    """Print UTF-8, as TOML is, whatever the locale; raises EnvTomlError where that fails."""
    if stream is None:
        raise wrong("standard output: it is closed")
    try:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        stream.write(text)
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(error, BrokenPipeError):  # the reader has seen enough, as in -d | head
            raise wrong(f"standard output: {error.strerror}") from None


def main(argv: Words | None = None) -> NoReturn:
    """Run the command line and exit: the one place that turns an EnvTomlError into messages."""
    gc.disable()  # one short run, which keeps what it makes
    sys.path.append(HERE)  # python -I leaves out the script's folder, where a copied tomli_w lies
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # it ends a run at once, as SIGTERM does
    if argv is None:
        argv = sys.argv[1:]
    status = 2
    report = Report()
    with report:
        status = run(argv)
    tell(report.findings)
    sys.exit(status)


if __name__ == "__main__":
    try:
        main()
    except SystemExit as done:  # all is written and flushed: to free it all takes a tenth of a run
        os._exit(int(done.code or 0))
