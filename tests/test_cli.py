"""The command line: what each mode prints, and that nobody sees anything but results and findings."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from types import SimpleNamespace

import golden
import pytest
import tomli_w
from cli import CLUSTERS, CONFIGS, RESERVED, assert_refused, copy_program, files, read_toml
from helpers import assert_says, plain_and_thorough, refusal, text_of, write_config
from rows import each_row

import env_toml

MODES = (
    ["-d"],
    ["--check"],
    ["--edits", "x.toml"],
    ["--lint", "x.toml"],
    ["--list"],
    ["--fields"],
    ["--tree"],
    ["--show", "slurm_base"],
    ["--version"],
)
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
needs_toml = pytest.mark.skipif(
    golden.missing({"toml": True}) != "", reason=golden.missing({"toml": True})
)


# ------------------------------------------------------------------------------- golden outputs


@each_row("name", golden.CASES)
def test_output(tmp_path, name):
    """What is printed, to the letter; `python tests/regenerate.py golden` takes a new output over."""
    case = golden.CASES[name]
    if golden.missing(case):
        pytest.skip(golden.missing(case))
    found, expected = golden.perform(case, tmp_path), golden.expected(name)
    assert found.err == expected.err
    assert found.out == expected.out
    assert found.exit == expected.exit


def test_there_is_no_golden_output_without_a_case():
    stems = {path.stem for path in golden.GOLDEN.iterdir()}
    silent = {name for name in golden.CASES if name not in stems}
    assert stems <= golden.CASES.keys()
    assert silent == {"check-same", "check-same-by-other-words"}


@each_row("path", sorted(golden.GOLDEN.iterdir()), ids=lambda path: path.name)
def test_output_is_plain_text(path):
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]|Traceback|\S +\n", text)
    assert "hf_abc" not in text or path.stem in ("print-secret", "show-secret", "check-secret"), (
        "printed on request only"
    )
    if path.suffix == ".err":
        assert all(line.startswith(("error: ", "warning: ")) for line in text.splitlines())


# ---------------------------------------------------------------------------------------- modes


@each_row(("one", "other"), list(itertools.permutations(MODES, 2)), ids=lambda mode: mode[0])
def test_modes_exclude_each_other(call, tmp_path, one, other):
    status, out, err = call(*one, *other)
    assert (status, out) == (2, "")
    assert re.fullmatch(r"error: [^\n]+\n", err)
    assert_says(err, [{"-d": "--dry-run"}.get(mode[0], mode[0]) for mode in (one, other)])
    assert files(tmp_path) == []


USAGE = (  # what is typed: what the message must hold
    (["--list", "-c", "slurm"], ["--list takes no other option"]),
    (["--list", "force=true"], ["--list takes", "no words"]),
    (["--list", "--strict"], ["--list takes no other option"]),
    (["--version", "-c", "slurm"], ["--version takes no other option"]),
    (["--version", "output_path=x"], ["--version takes", "no words"]),
    (["--fields", "slurm", "lepton"], ["--fields", "one executor"]),
    (["--fields", "slrum"], ["--fields", "did you mean slurm?"]),
    (["--fields", "-f"], ["--fields takes no other option"]),
    (["--lint", "", "output_path=x"], ["No such file"]),
    (["--lint", ""], ["No such file"]),
    (["--lint", "."], [".: ", "Is a directory"]),
    (["--edits", ""], ["No such file"]),
    (["--show", ""], ["'' is not a profile of lepton"]),
    (["--show", "nothing"], ["'nothing' is not a profile of lepton"]),
    (["--show", "lepton_bse"], ["did you mean lepton_base?"]),
    (["-c", ""], ["no such config", "dgxcloud, lepton, slurm-airgap, slurm"]),
    (["-c"], ["-c requires argument", "--help"]),
    (["--config"], ["--config requires argument", "--help"]),
    (["--show"], ["--show requires argument", "--help"]),
    (["--lint"], ["--lint requires argument", "--help"]),
    (["--edits"], ["--edits requires argument", "--help"]),
    (["--tree=yes"], ["--tree must not have an argument", "--help"]),
    (["--force=true"], ["--force must not have an argument", "--help"]),
    (["-x"], ["-x not recognized", "--help"]),
    (["--bogus"], ["--bogus not recognized", "--help"]),
    (["-o", "x.toml"], ["-o not recognized", "output_path=FILE"]),
    (["-ox.toml"], ["-o not recognized", "output_path=FILE"]),
    (["--output", "x.toml"], ["--output not recognized", "output_path=FILE"]),
    (["--output=x.toml"], ["--output not recognized", "output_path=FILE"]),
    (["--", "force"], ["word 1 (force...)", "KEY=VALUE"]),
    (["-"], ["word 1", "KEY=VALUE"]),
    ([""], ["word 1", "KEY=VALUE"]),
    (["force=true", "a"], ["word 2", "KEY=VALUE"]),
    (["a"], ["word 1", "KEY=VALUE"]),
    (["slurm.json"], ["word 1", "KEY=VALUE", "-c"]),
    (["="], ["expected a name"]),
    (["=x"], ["expected a name"]),
    (["defaults=slurm"], ["defaults", "-c"]),
    (["-c", "output_path=x"], ["-c takes a config", "KEY=VALUE"]),
    (["-c", "."], [".: no such config"]),
    (["-c", "/dev/null"], ["/dev/null: expected a JSON object"]),
    (["-c", "nowhere.toml"], ["nowhere.toml: no such config"]),
    (["-c", "slurm.json"], ["slurm.json: no such config", "did you mean slurm?"]),
    (["-c", "nowhere", "force=true"], ["nowhere: no such config"]),
    (["-c", "SLURM"], ["SLURM: no such config", "did you mean slurm?"]),
    (["-c", "../slurm"], ["../slurm: no such config"]),
    (["-c", "schema"], ["schema: no such config"]),
)


def test_without_docstrings_there_is_no_manual(call, monkeypatch):
    """As under python -OO."""
    monkeypatch.setattr(env_toml, "__doc__", None)
    assert call("--help") == (
        2,
        "",
        "error: python -OO leaves out the manual, which --help shows: run without it\n",
    )


@each_row(("words", "told"), USAGE, ids=[shlex.join(words) for words, _ in USAGE])
def test_a_usage_error_is_one_line_that_says_what_is_wrong(call, tmp_path, words, told):
    status, out, err = call(*words)
    assert (status, out) == (2, "")
    assert re.fullmatch(r"error: [^\n]+\n", err), err
    assert_says(err, told)
    assert files(tmp_path) == []


STATUS = (  # what a run ends with: every mode, done and wrong
    (["-c", "slurm"], 0),
    (["-c", "slurm", "-d"], 0),
    (["-c", "slurm", "output_path=-"], 0),
    (["-c", "slurm", "--check"], 1),
    (["-c", "slurm", "--tree"], 0),
    (["-c", "slurm", "--show", "slurm_base"], 0),
    (["--list"], 0),
    (["--fields"], 0),
    (["--fields", "lepton"], 0),
    (["--version"], 0),
    (["--help"], 0),
    (["-h", "--tree"], 0),
    (["--help", "--check"], 0),
    (["-h", "--bogus=1"], 2),
    (["-c", "slurm", "--strict", "-d"], 2),
    (["-c", "slurm", "--strict", "--tree"], 2),
    (["-c", "slurm", "--strict", "--check"], 2),
    (["-c", "slurm", "-d", "sections.slurm_base.nodes=two"], 2),
)


@each_row(("words", "status"), STATUS, ids=[shlex.join(words) for words, _ in STATUS])
def test_status(call, words, status):
    said = call(*words)
    assert said.exit == status
    assert (said.err == "") == (status != 2)
    assert (said.out == "") == (status == 2)


TWICE = (
    ["-c", "slurm", "-d", "--config", "lepton"],
    ["-d", "--dry-run"],
    ["--show", "a", "--show", "b"],
    ["-f", "-f"],
)


@each_row("words", TWICE, ids=shlex.join)
def test_an_option_that_stands_twice(call, words):
    said = call(*words)
    assert (said.exit, said.out) == (2, "")
    assert re.fullmatch(r"error: --\w[\w-]* stands twice; --help shows the usage\n", said.err), said


@pytest.mark.parametrize(
    "words", [[], ["--check", "output_path=-"]], ids=["none", "standard output"]
)
def test_no_path_to_write_to_or_compare_with(call, tmp_path, words):
    (tmp_path / "site.json").write_text('{"sections": {"a": {"executor": "local"}}}')
    wanted = "error: output_path: expected the path of a file, as in output_path=env.toml\n"
    assert call("-c", "site.json", *words) == (2, "", wanted)


def test_a_config_name_that_is_a_word_is_not_echoed(call):
    said = call("-c", "sections.slurm_base.env_vars.HF_TOKEN=hunter2")
    assert said.exit == 2
    assert "hunter2" not in said.err, said


WORD_ORDERS = [
    order
    for order in itertools.permutations(
        [("-c", "site.json"), ("-d",), ("-f",), ("only=[heir]",), ("expand=false",)]
    )
    if order.index(("only=[heir]",)) < order.index(("expand=false",))
]


def test_options_and_words_mix_in_any_order(call, tmp_path):
    sections = {
        "base": {"executor": "local"},
        "heir": {"extends": "base"},
        "other": {"executor": "local"},
    }
    write_config(tmp_path / "site.json", {"sections": sections})
    said = {call(*itertools.chain(*order)) for order in WORD_ORDERS}
    assert len(said) == 1
    status, out, err = said.pop()
    assert (status, err) == (0, "")
    assert read_toml(out).keys() == {"base", "heir"}


@each_row(
    "config", [["-cslurm"], ["--config=slurm"], ["--config", "slurm"], ["-c", "slurm"]], ids=str
)
@each_row("mode", ["-d", "--dry-run"])
def test_spellings_of_an_option(call, config, mode):
    assert call(*config, mode) == (0, text_of("slurm"), "")


def test_force_is_written_like_the_word_that_it_stands_for(call):
    forced = call("-c", "slurm", "-d", "-f", "only=[slurm_curate]").out
    assert (
        "# Generated by: python env_toml.py -c slurm 'only=[slurm_curate]' force=true\n" in forced
    )
    assert forced == env_toml.generate("slurm", ["only=[slurm_curate]", "force=true"])


def test_each_line_of_the_preamble_is_a_comment():
    text = env_toml.generate("slurm", ["preamble=a\n\nb"])
    assert text.startswith("# a\n#\n# b\n# Generated by: "), text[:60]


def test_the_printed_file_is_the_written_one(call, tmp_path):
    words = ("-c", "slurm", "sections.slurm_base.account=x", "output_path=env.toml")
    printed = call(*words, "-d").out
    assert call(*words).exit == 0
    assert printed == (tmp_path / "env.toml").read_text(encoding="utf-8")
    assert printed == env_toml.generate("slurm", words[2:])


def test_the_command_in_the_file_makes_it_again(call, tmp_path):
    commands = 'sections.slurm_base.startup_commands=[\'echo "a b"\', "it\'s"]'
    call(commands, "sections.*.env_vars.A=$(x) `y`", "output_path=it's.toml", "-c", "slurm", "-f")
    first = (tmp_path / "it's.toml").read_text(encoding="utf-8")
    line = next(line for line in first.splitlines() if line.startswith("# Generated by: "))
    program, script, *again = shlex.split(line.partition(": ")[2])
    assert (program, script) == ("python", "env_toml.py")
    assert call(*again, "-d").out == first


# ---------------------------------------------------------------------------------------- --tree


@each_row("config", CONFIGS)
def test_tree(call, config):
    status, out, _ = call("-c", config, "--tree")
    lines = out.splitlines()
    assert status == 0
    assert max(map(len, lines)) <= 100
    profiles = read_toml(text_of(config)).keys() - RESERVED
    shown = [
        name
        for line in lines
        for name in re.findall(r"^ *(\w+)  ", f"{line}  ")
        if name in profiles
    ]
    assert sorted(shown) == sorted(profiles)
    steps = set(re.findall(r"# nemotron steps run (\S+)", text_of(config)))
    assert steps
    assert steps <= set(out.split())


def test_a_tree_of_profiles_without_steps(call):
    said = call("-c", "slurm", "--tree", "steps.slurm_prep_sft_packing=[]")
    assert "slurm_prep_sft_packing" in said.out
    assert "data_prep/sft_packing" not in said.out


@pytest.mark.parametrize("word", ["sections.*=null", "sections=null"])
def test_a_file_without_profiles_is_refused(call, word):
    said = call("-c", "slurm", "-d", word)
    assert (said.exit, said.out) == (2, "")
    assert "sections: there are no profiles, so nothing to write" in said.err


def test_a_config_of_tables_alone_is_refused(clean, tmp_path):
    sections = {name: {} for name in env_toml.RESERVED}
    write_config(tmp_path / "site.json", {"sections": sections})
    error = refusal(env_toml.generate, "site.json")
    assert str(error).startswith("sections: there are no profiles, so nothing to write")


# ---------------------------------------------------------------------------------------- --show

SHOWN = (
    (),
    (
        "sections.{}_base.env_vars={{A: '#x', 'B': ' '}}",
        "sections.{}_base.totally_new=[[1, 2], [], [3.5]]",
    ),
    ("sections.{}_base.custom_spec={{t: {{u: {{}}, v: [{{w: 1}}, {{}}]}}, 'a.b': [], '': 1}}",),
)


@pytest.mark.parametrize("words", SHOWN, ids=("shipped", "lists", "tables"))
@pytest.mark.parametrize("config", plain_and_thorough(CONFIGS, "lepton"))
def test_a_shown_profile_is_that_of_the_file(clean, config, words):
    words = [word.format(config.partition("-")[0]) for word in words]
    plan = env_toml.make_plan(config, words)
    document = read_toml(env_toml.render(plan))
    for profile in document.keys() - RESERVED:
        out = env_toml.show(plan, profile)
        assert read_toml(out) == {profile: document[profile]}
        for line in out.splitlines():
            if re.match(r"[\w.\"-]+ = [^\[]", line):
                assert re.search(r"  # [\w-]+ \(\S+\)(, \w+ \(\S+\))*$", line), line


SECRETS = (
    "sections.slurm_curate.env_vars.MY_TOKEN=hunter2",
    "sections.slurm_curate.x={A_TOKEN: [{b: c}, hunter2]}",
    'sections.slurm_curate.startup_commands=["export HF_TOKEN=$(cat /x), y", "a\\nb"]',
    "checks.allow_literal_secrets=true",
)


@pytest.mark.parametrize("words", [["--show", "slurm_curate"], ["-d"]])
def test_what_is_printed_is_toml_and_what_the_file_says(call, words):
    out = call("-c", "slurm", *words, *SECRETS).out
    assert (
        read_toml(out)["slurm_curate"]
        == read_toml(env_toml.generate("slurm", SECRETS))["slurm_curate"]
    )


def test_show_names_the_word_only_where_it_is(call):
    out = call("-c", "slurm", "--show", "slurm_base", "sections.slurm_base={nodes: 4}").out
    told = [line for line in out.splitlines() if "(slurm)" not in line and " = " in line]
    assert told == ["nodes = 4  # slurm_base (sections.slurm_base)"]


def test_show_names_the_parent_whose_value_shows_through(call, tmp_path):
    sections = {"a": {"executor": "local", "nodes": 1}, "p": {"extends": "a", "nodes": 2}}
    write_config(tmp_path / "site.json", {"sections": sections})
    out = call("-c", "site.json", "--show", "p", "sections.p.nodes=null").out
    assert "nodes = 1  # a (site.json)" in out.splitlines()


def test_show_names_what_moved_an_image_and_nothing_else(call, tmp_path):
    profile = {"executor": "local", "container_image": "nvcr.io/a", "env_vars": {"A": "nvcr.io/b"}}
    config = {"images": {"nvcr.io/": "r/"}, "sections": {"p": profile}}
    write_config(tmp_path / "site.json", config)
    out = call("-c", "site.json", "--show", "p", "images[nvcr.io/a]=s/").out.splitlines()
    assert 'container_image = "s/"  # p (site.json), images (images[nvcr.io/a])' in out
    assert 'A = "nvcr.io/b"  # p (site.json)' in out


def test_show_names_a_word_as_it_was_typed(call):
    word = r"sections.lepton_base.custom_spec[a\.b\d]"
    out = call("--show", "lepton_base", f"{word}=x").out
    assert f"# lepton_base ({word})" in out


def test_show_has_the_commands_that_the_profile_serves(call):
    out = call(
        "-c", "slurm", "--show", "slurm_sft_automodel", "sections.slurm_sft_automodel.nodes=4"
    ).out
    command = (
        "# nemotron steps run sft/automodel -c tiny --batch slurm_sft_automodel run.env.nodes=4"
    )
    assert out.splitlines()[1] == command


# ----------------------------------------------------------------------------- --list, --fields


@pytest.fixture
def copied(tmp_path):
    """The program as a site copies it, with configs/ beside, in a folder of its own."""
    (tmp_path / "copied").mkdir()
    return copy_program(tmp_path / "copied")


def test_list_without_configs_says_what_to_copy(run, copied):
    shutil.rmtree(copied.parent / "configs")
    for words in (["--list"], ["--version"], ["-c", "slurm"]):
        assert_refused(run(*words, script=copied), "configs", "copy", str(copied.parent))


def test_list_leaves_out_what_nobody_chooses(run, copied):
    configs = copied.parent / "configs"
    (configs / "README.md").write_text("# not a config\n")
    (configs / "x.json~").write_text("{")
    (configs / "_mine.json").write_text('{"description": "shared"}')
    (configs / "mine.json").write_text('{"description": "a site of ours"}')
    done = run("--list", script=copied)
    assert (done.returncode, done.stderr) == (0, "")
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert sorted(names) == sorted([*CONFIGS, "mine"])
    assert re.search(r"(?m)^mine +a site of ours$", done.stdout)
    assert re.findall(r"(?m)^(\S+) .* \(default\)$", done.stdout) == ["lepton"]


def test_a_file_named_like_a_bundled_config_wins(call, tmp_path):
    (tmp_path / "slurm").write_text('{"sections": {"mine": {"executor": "local"}}}')
    assert read_toml(call("-c", "slurm", "-d").out).keys() == {"mine"}


def test_a_folder_named_like_a_bundled_config_does_not(call, tmp_path):
    (tmp_path / "slurm").mkdir()
    assert "slurm_base" in read_toml(call("-c", "slurm", "-d").out)


@each_row("executor", ["local", "docker", "slurm", "lepton", "dgxcloud"])
def test_fields_lists_what_an_executor_reads(call, executor):
    status, out, err = call("--fields", executor)
    assert (status, err) == (0, "")
    headings = [line for line in out.splitlines() if not line.startswith(" ")]
    assert headings == ["every executor", executor, "other commands"]
    assert re.search(r"(?m)^  nodes +\w+ +\S", out)
    assert ("  partition " in out) == (executor == "slurm")
    assert out in call("--fields").out or set(out.splitlines()) <= set(
        call("--fields").out.splitlines()
    )


# ------------------------------------------------------------------------------------- --version


def test_version_prints_digests_as_sha256sum_does(run, copied):
    done = run("--version", script=copied)
    first, *lines = done.stdout.splitlines()
    assert first == f"env_toml {env_toml.__version__}, tomli-w {tomli_w.__version__}"
    names = [
        "env_toml.py",
        *(f"configs/{path.name}" for path in sorted((copied.parent / "configs").iterdir())),
    ]
    wanted = [
        f"{hashlib.sha256((copied.parent / name).read_bytes()).hexdigest()}  {name}"
        for name in names
        if name != "configs/schema.json"
    ]
    assert [line for line in lines if "schema.json" not in line] == wanted
    sums = "\n".join(lines) + "\n"
    checked = subprocess.run(
        ["sha256sum", "--check"],
        input=sums,
        cwd=copied.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


@needs_toml
def test_a_toml_config(call, tmp_path):
    (tmp_path / "site.toml").write_text(
        '# mine\ndefaults = "slurm"\n[sections.slurm_base]\naccount = "acme"\n'
    )
    status, out, err = call("-c", "./site.toml", "-d")
    assert (status, err) == (0, "")
    assert read_toml(out)["slurm_curate"]["account"] == "acme"


# ------------------------------------------------------------------------------- language and text


LOCAL = [
    ("-c", "slurm", "-d"),
    ("--list",),
    ("-c", "slurm", "--show", "slurm_base"),
    ("-c", "slurm", "--check"),
    ("--help",),
]


@pytest.mark.parametrize("words", plain_and_thorough(LOCAL, LOCAL[0]), ids=" ".join)
def test_the_c_locale_changes_nothing(run, call, words):
    plain = call(*words)
    other = run(*words, env=C_LOCALE)
    assert (other.returncode, other.stdout, other.stderr) == plain


CAFE = "caf\u00e9"


@pytest.mark.parametrize("env", [C_LOCALE, {"PYTHONIOENCODING": "ascii"}], ids=["C", "ascii"])
@pytest.mark.parametrize("mode", [("-d",), ("--check",), ("--show", "slurm_base")], ids=" ".join)
def test_text_that_the_terminal_does_not_know(run, tmp_path, mode, env):
    site = f'{{"defaults": "slurm", "sections": {{"slurm_base": {{"account": "{CAFE}"}}}}}}'
    (tmp_path / "site.json").write_text(site, encoding="utf-8")
    done = run("-c", "./site.json", *mode, env=env)
    assert (done.returncode, done.stderr) == (int(mode == ("--check",)), "")
    if mode != ("--check",):
        assert read_toml(done.stdout)["slurm_base"]["account"] == CAFE, (
            "TOML is UTF-8, wherever it goes"
        )


@pytest.mark.parametrize(
    "env", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}], ids=str
)
def test_findings_are_utf_8_wherever_they_go(run, env):
    done = run("-c", "slurm", "-d", f"only=[{CAFE}]", env=env)
    assert_refused(done, f"there is no profile '{CAFE}'")


def test_a_name_that_the_terminal_does_not_know(run, tmp_path):
    done = run("-c", "slurm", f"output_path={CAFE}.toml", env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert files(tmp_path) == [f"{CAFE}.toml"]


def test_a_name_that_the_c_locale_does_not_know(run, tmp_path):
    site = f'{{"defaults": "slurm", "output_path": "{CAFE}.toml"}}'
    (tmp_path / "site.json").write_text(site, encoding="utf-8")
    done = run("-c", "./site.json", env=C_LOCALE)
    if done.returncode:
        assert_refused(done, "ascii")
    assert files(tmp_path) == [f"{CAFE}.toml", "site.json"][bool(done.returncode) :]


def test_a_word_in_the_c_locale(run):
    """Bytes that Python could not decode must not reach the file."""
    done = run("-c", "slurm", "-d", f"sections.slurm_base.account={CAFE}", env=C_LOCALE)
    if done.returncode == 0:
        assert read_toml(done.stdout)["slurm_base"]["account"] == CAFE
    else:
        assert_refused(done, "slurm_base.account")


@pytest.mark.parametrize("width", ["20", "1000", "x"])
def test_the_width_of_the_terminal_is_only_for_the_help(call, monkeypatch, width):
    said = []
    for columns in (width, "100"):
        monkeypatch.setenv("COLUMNS", columns)
        said.append(call("-c", "slurm", "--tree"))
    assert said[0] == said[1]
    assert said[0].exit == 0


def test_no_colours_even_when_asked_for(run):
    done = run("--help", env={"FORCE_COLOR": "1", "TERM": "xterm-256color"})
    assert done.returncode == 0
    assert "\x1b" not in done.stdout


def test_nothing_is_asked(run, tmp_path):
    """Standard input is not read: an answer that waits there changes nothing."""
    (tmp_path / "env.lepton.toml").write_text("a = 1\n")
    assert_refused(run(input="y\n" * 9), "force=true")
    assert (tmp_path / "env.lepton.toml").read_text() == "a = 1\n"


# --------------------------------------------------------------------------- what Python lacks


@each_row("words", [["-d"], ["--version"], ["--show", "lepton_base"], []], ids=shlex.join)
def test_without_tomli_w_one_line_says_what_to_copy(call, tmp_path, monkeypatch, words):
    monkeypatch.setitem(sys.modules, "tomli_w", None)
    said = call(*words)
    assert (said.exit, said.out) == (2, "")
    assert_says(said.err, ["tomli_w", "pip install tomli-w", "copy its folder tomli_w"])
    assert said.err.count("\n") == 1
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "words", [["--lint", "x.toml"], ["--edits", "x.toml"], ["-c", "x.toml", "-d"]], ids=shlex.join
)
def test_without_a_reader_of_toml_one_line_says_what_to_copy(call, tmp_path, monkeypatch, words):
    (tmp_path / "x.toml").write_text("")
    for module in ("tomllib", "tomli"):
        monkeypatch.setitem(sys.modules, module, None)
    said = call(*words)
    assert (said.exit, said.out) == (2, "")
    assert_says(said.err, ["x.toml", "3.11", "pip install tomli", "copy its folder tomli"])
    assert said.err.count("\n") == 1


@needs_toml
def test_tomli_is_used_where_tomllib_is_missing(call, tmp_path, monkeypatch):
    (tmp_path / "x.toml").write_text("[p]\nexecutor = 'local'\n")
    reader = SimpleNamespace(loads=lambda text: {"q": {"executor": "local", "nodes": 0}})
    monkeypatch.setitem(sys.modules, "tomllib", None)
    monkeypatch.setitem(sys.modules, "tomli", reader)
    assert "q.nodes" in call("--lint", "x.toml").err


def test_a_module_that_cannot_be_read_is_one_line(call, monkeypatch):
    def find_spec(name, *_):
        raise PermissionError(13, f"Permission denied: {name}")

    monkeypatch.delitem(sys.modules, "tomli_w")
    monkeypatch.setattr(sys, "meta_path", [SimpleNamespace(find_spec=find_spec)])
    status, out, err = call("-d")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: the module tomli_w is missing or cannot be read: "), err


def test_an_old_python_is_one_line(call, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    said = call("-d")
    assert said == (2, "", "error: env_toml needs Python 3.9 or newer, this is 3.8\n")


def test_the_script_itself(clean, monkeypatch, capsys):
    statuses = []
    monkeypatch.setattr(os, "_exit", statuses.append)
    for words in (["--version"], ["force=maybe"]):
        monkeypatch.setattr(sys, "argv", ["env_toml.py", *words])
        runpy.run_path(env_toml.__file__, run_name="__main__")
    said = capsys.readouterr()
    assert statuses == [0, 2]
    assert said.out.startswith(f"env_toml {env_toml.__version__}, tomli-w "), said.out
    assert "force" in said.err


# --------------------------------------------------------------------------------- after writing


@pytest.mark.parametrize("config", plain_and_thorough(CLUSTERS, "slurm"))
@pytest.mark.parametrize("by", ["word", "environment"])
def test_every_placeholder_is_asked_for_until_it_is_set(call, monkeypatch, config, by):
    asked = re.findall(r"(?m)^  variables\.(\w+)=\.\.\.  +\S", call("-c", config, "-f").out)
    assert len(asked) >= 6
    for name in asked:
        with monkeypatch.context() as patch:
            words = [f"variables.{name}=/x:/x"] if by == "word" else []
            if by == "environment":
                patch.setenv(name, "x")
            out = call("-c", config, "-f", *words).out
        assert f"variables.{name}=" not in out, out
        assert [
            other for other in asked if other != name and f"variables.{other}=" not in out
        ] == []


def test_a_placeholder_that_is_not_in_the_written_text_is_not_asked_for(call):
    base = "sections.slurm_base"
    out = call("-c", "slurm", "-f", f"{base}.account=acme", f"{base}.host=login").out
    assert "SLURM_ACCOUNT" not in out
    assert "SLURM_HOST" not in out
    assert "SLURM_PARTITION" in out


def test_a_run_with_all_that_a_site_must_say_asks_for_nothing(call):
    names = re.findall(r"variables\.(\w+)=", call("-c", "slurm").out)
    said = call(
        "-c", "slurm", "-f", "--strict", *(f"variables.{name}=/mine:/mine" for name in names)
    )
    assert (said.exit, said.err) == (0, "")
    assert "variables." not in said.out
    assert len(said.out.splitlines()) == 2


def test_how_many_commands_carry_a_value_is_said(call, tmp_path):
    words = ("sections.slurm_base.container_image=reg/x:1", "images[nvcr.io/]=reg/")
    out = call("-c", "slurm", *words).out
    commands = re.findall("(?m)^# nemotron steps run .*", (tmp_path / "env.slurm.toml").read_text())
    carrying = [
        command for command in commands if " run.env." in command or " 'run.env." in command
    ]
    assert carrying
    assert f"{len(carrying)} of {len(commands)} commands end in run.env." in out
    assert "run.env" not in call("-c", "slurm", "-f").out


def test_the_export_line_leaves_no_tilde_to_the_shell(call, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    said = call("-c", "slurm", "output_path=~/slurm.toml")
    target = shlex.quote(f"{tmp_path}/slurm.toml")
    assert said.out.splitlines()[-1] == f"export NEMOTRON_ENV_FILE={target}"
    assert files(tmp_path) == ["slurm.toml"]


def test_the_export_line_works_in_a_shell(call, tmp_path):
    out = call("-c", "slurm", "output_path=it's a/$(x).toml").out
    name, value = shlex.split(out.splitlines()[-1])[1].split("=", 1)
    assert value.startswith("/"), "wherever the job is submitted from"
    assert name == "NEMOTRON_ENV_FILE"
    assert (tmp_path / value).is_file()


SITE_VALUES = (  # a site config over slurm, words, and whether SLURM_MOUNT is asked for
    ({}, [], True),
    ({"variables": {"SLURM_MOUNT": "/fs:/fs"}}, [], False),
    ({"sections": {"slurm_base": {"mounts": ["/fs:/fs"]}}}, [], False),
    ({"checks": {"site_values": {"SLURM_MOUNT": None}}}, [], False),
    ({}, ["variables.SLURM_MOUNT=/fs:/fs"], False),
    ({}, ["sections.*.mounts=[/fs:/fs]"], False),
    ({}, ["sections.slurm_base.mounts.0=/fs:/fs"], False),
    ({}, ["sections.slurm_base.nodes=2"], True),
)


@each_row(("config", "words", "asked"), SITE_VALUES)
def test_a_site_value_is_asked_for_until_someone_sets_it(call, tmp_path, config, words, asked):
    (tmp_path / "site.json").write_text(json.dumps({"defaults": "slurm", **config}))
    status, out, _ = call("-c", "site.json", *words)
    assert status == 0
    assert ("variables.SLURM_MOUNT=" in out) == asked, out


def test_an_output_path_that_this_locale_cannot_write(call, monkeypatch):
    def realpath(path, **_):
        raise UnicodeEncodeError("ascii", "x", 0, 1, "ordinal not in range(128)")

    monkeypatch.setattr(os.path, "realpath", realpath)
    with pytest.raises(env_toml.EnvTomlError, match="ordinal not in range"):
        env_toml.write("x.toml", "a = 1\n")
