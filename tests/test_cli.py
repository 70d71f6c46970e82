"""The command line: what each mode prints, and that nobody sees anything but results and findings."""

from __future__ import annotations

import itertools
import json
import os
import re
import runpy
import shlex
import sys
from types import SimpleNamespace

import golden
import pytest
from cli import CLUSTERS, CONFIGS, RESERVED, assert_refused, body, files, read_toml

import env_toml

MODES = (["-d"], ["--check"], ["--lint", "x.toml"], ["--list"], ["--tree"], ["--show", "slurm_base"], ["--version"])
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
needs_tomllib = pytest.mark.skipif(sys.version_info < (3, 11), reason="needs tomllib (Python 3.11) for --lint")


# ------------------------------------------------------------------------------- golden outputs


@pytest.mark.parametrize("name", golden.CASES)
def test_output(tmp_path, name):
    """What is printed, to the letter; `python tests/regenerate.py` takes a new output over."""
    case = golden.CASES[name]
    if golden.missing(case):
        pytest.skip(golden.missing(case))
    found, expected = golden.perform(case, tmp_path), golden.expected(name)
    assert found.err == expected.err
    assert found.out == expected.out
    assert found.exit == expected.exit


@pytest.mark.parametrize("name", [name for name, case in golden.CASES.items() if "PYTHONIOENCODING" not in str(case)])
def test_output_without_a_process_of_its_own(call, tmp_path, monkeypatch, name):
    case = golden.CASES[name]
    if golden.missing(case):
        pytest.skip(golden.missing(case))
    golden.prepare(case, tmp_path)
    for variable, value in case.get("env", {}).items():
        monkeypatch.setenv(variable, value)
    for words in case.get("before", ()):
        assert call(*words).exit == 0
    status, out, err = call(*case["run"])
    assert (status, golden.mask(out), golden.mask(err)) == golden.expected(name)


def test_there_is_no_golden_output_without_a_case():
    stems = {path.stem for path in golden.GOLDEN.iterdir()}
    silent = {name for name in golden.CASES if name not in stems}
    assert stems <= golden.CASES.keys()
    assert silent == {"check-same", "check-same-by-other-words"}


@pytest.mark.parametrize("path", sorted(golden.GOLDEN.iterdir()), ids=lambda path: path.name)
def test_output_is_plain_text(path):
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]|Traceback|\S +\n", text)
    assert not re.search("hf_abcdef|hf_zyx", text), "a secret"
    if path.suffix == ".err":
        assert all(line.startswith(("error: ", "warning: ")) for line in text.splitlines())


# ---------------------------------------------------------------------------------------- modes


@pytest.mark.parametrize(("one", "other"), list(itertools.permutations(MODES, 2)), ids=lambda mode: mode[0])
def test_modes_exclude_each_other(call, tmp_path, one, other):
    status, out, err = call(*one, *other)
    assert (status, out) == (2, "")
    assert re.fullmatch(r"error: [^\n]+\n", err)
    assert one[0] in err
    assert other[0] in err
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "words",
    [
        ["--list", "-c", "slurm"],
        ["--list", "force=true"],
        ["--version", "-c", "slurm"],
        ["--version", "output_path=x"],
        ["--lint", "", "output_path=x"],
        ["--lint", ""],
        ["--show", ""],
        ["-c", ""],
        ["-c"],
        ["--show"],
        ["--lint"],
        ["--tree=yes"],
        ["--force=true"],
        ["-x"],
        ["--", "force"],
        ["-"],
        [""],
        ["="],
        ["=x"],
        ["a"],
        ["-c", "."],
        ["-c", "/dev/null"],
        ["-c", "nowhere.toml"],
        ["-c", "slurm.json"],
        ["-c", "SLURM"],
        ["-c", "../slurm"],
    ],
    ids=shlex.join,
)
def test_a_usage_error_is_one_line(run, tmp_path, words):
    assert_refused(run(*words))
    assert files(tmp_path) == []


def test_an_option_that_stands_twice(call):
    said = call("-c", "slurm", "-d", "--config", "lepton")
    assert said == (2, "", "error: --config stands twice; --help shows the usage\n")


@pytest.mark.parametrize("words", [[], ["--check", "output_path=-"]], ids=["none", "standard output"])
def test_no_path_to_write_to_or_compare_with(call, tmp_path, words):
    (tmp_path / "site.json").write_text('{"sections": {"a": {"executor": "local"}}}')
    wanted = "error: output_path: expected the path of a file, as in output_path=env.toml\n"
    assert call("-c", "site.json", *words) == (2, "", wanted)


def test_a_config_name_that_is_a_word_is_masked(call):
    said = call("-c", "sections.slurm_base.env_vars.HF_TOKEN=hunter2")
    assert said.exit == 2
    assert "hunter2" not in said.err, said


WORD_ORDERS = [
    order
    for order in itertools.permutations(
        [("-c", "slurm"), ("-d",), ("-f",), ("only=[slurm_curate]",), ("expand=false",)]
    )
    if order.index(("only=[slurm_curate]",)) < order.index(("expand=false",))
]


def test_options_and_words_mix_in_any_order(call):
    said = {call(*itertools.chain(*order)) for order in WORD_ORDERS}
    assert len(said) == 1
    status, out, err = said.pop()
    assert (status, err) == (0, "")
    assert "slurm_curator_base" in read_toml(out)


@pytest.mark.parametrize("config", ["-cslurm", "--config=slurm"])
def test_spellings_of_an_option(run, config):
    done = run(config, "-d")
    assert (done.returncode, body(done.stdout)) == (0, body(env_toml.generate("slurm")))


def test_each_line_of_the_preamble_is_a_comment():
    text = env_toml.generate("slurm", ["preamble=a\n\nb"])
    assert text.startswith("# a\n#\n# b\n# Generated by: "), text[:60]


def test_the_printed_file_is_the_written_one(run, tmp_path):
    words = ("-c", "slurm", "sections.slurm_base.account=x", "output_path=env.toml")
    printed = run(*words, "-d")
    run(*words)
    assert printed.stdout == (tmp_path / "env.toml").read_text(encoding="utf-8")
    assert printed.stdout == env_toml.generate("slurm", words[2:])


def test_the_command_in_the_file_makes_it_again(run, tmp_path):
    words = ["sections.slurm_base.mounts=['/a b:/b', /c:/d]", "output_path=it's.toml", "-c", "slurm"]
    run(*words)
    first = (tmp_path / "it's.toml").read_text(encoding="utf-8")
    line = next(line for line in first.splitlines() if line.startswith("# Generated by: "))
    program, script, *again = shlex.split(line.partition(": ")[2])
    assert (program, script) == ("python", "env_toml.py")
    assert run(*again, "-d").stdout == first


def test_a_masked_secret_leaves_the_rest_of_the_command(run):
    secret = "sections.slurm_base.env_vars.HF_TOKEN=hf_abcdef123"
    done = run("-c", "slurm", "-d", secret, "checks.allow_literal_secrets=true", "expand=false")
    line = next(line for line in done.stdout.splitlines() if line.startswith("# Generated by: "))
    assert shlex.split(line)[-2:] == ["checks.allow_literal_secrets=true", "expand=false"]
    assert "hf_abcdef123" not in done.stdout


# ---------------------------------------------------------------------------------------- --tree


@pytest.mark.parametrize("config", CONFIGS)
def test_tree(call, config):
    status, out, _ = call("-c", config, "--tree")
    lines = out.splitlines()
    assert status == 0
    assert max(map(len, lines)) <= 100
    profiles = read_toml(env_toml.generate(config)).keys() - RESERVED
    shown = [name for line in lines for name in re.findall(r"^ *(\w+)  ", f"{line}  ") if name in profiles]
    assert sorted(shown) == sorted(profiles)
    steps = set(re.findall(r"# nemotron steps run (\S+)", env_toml.generate(config)))
    assert steps
    assert steps <= set(out.split())


def test_a_tree_of_profiles_without_steps_or_without_profiles(call, tmp_path):
    assert "slurm_prep_sft_packing" in call("-c", "slurm", "--tree", "steps.slurm_prep_sft_packing=[]").out
    (tmp_path / "w.json").write_text('{"sections": {"wandb": {"a": 1}}}')
    assert call("-c", "w.json", "--tree").out == "profile  nodes x GPUs, steps\n"


# ---------------------------------------------------------------------------------------- --show

SHOWN = (
    (),
    ("sections.{}_base.env_vars={{A: '#x', 'B': ' '}}", "sections.{}_base.totally_new=[[1, 2], [], [3.5]]"),
    ("sections.{}_base.custom_spec={{t: {{u: {{}}, v: [{{w: 1}}, {{}}]}}, 'a.b': [], '': 1}}",),
)


@pytest.mark.parametrize("words", SHOWN, ids=("shipped", "lists", "tables"))
@pytest.mark.parametrize("config", CONFIGS)
def test_a_shown_profile_is_that_of_the_file(call, config, words):
    words = [word.format(config.partition("-")[0]) for word in words]
    document = read_toml(env_toml.generate(config, words))
    for profile in document.keys() - RESERVED:
        status, out, _ = call("-c", config, "--show", profile, *words)
        assert status == 0
        assert read_toml(out) == {profile: document[profile]}
        for line in out.splitlines():
            if re.match(r"[\w.\"-]+ = [^\[]", line):
                assert re.search(r"  # (override of )?\w+$", line), line


HOSTILE = [
    'sections.slurm_curate.startup_commands=["export HF_TOKEN=$(cat /x), y", "a\u2028b"]',
    "sections.slurm_curate.secret_vars.HF_TOKEN=my-secret",
    "sections.slurm_curate.custom_spec.USE_TOKEN=true",
    "checks.allow_literal_secrets=true",
]


@pytest.mark.parametrize("words", [["--show", "slurm_curate"], ["-d"]])
def test_what_is_printed_is_toml_and_equals_the_file_but_for_secrets(call, words):
    secrets = [
        "sections.slurm_curate.env_vars.MY_TOKEN=hunter2",
        "sections.slurm_curate.x={A_TOKEN: [{b: c}, hunter2]}",
    ]
    out = call("-c", "slurm", *words, *HOSTILE, *secrets).out
    wanted = read_toml(env_toml.generate("slurm", [*HOSTILE, *secrets]))["slurm_curate"]
    wanted["env_vars"]["MY_TOKEN"] = "***"
    wanted["x"]["A_TOKEN"][1] = "***"
    assert read_toml(out)["slurm_curate"] == wanted, out


def test_show_names_the_override_only_where_it_is(call):
    out = call("-c", "slurm", "--show", "slurm_base", "sections.slurm_base={nodes: 4}").out
    assert [line for line in out.splitlines() if "override" in line] == ["nodes = 4  # override of slurm_base"]


# --------------------------------------------------------------------------------------- --check


def test_only_the_command_is_not_compared(run, tmp_path):
    run("-c", "slurm")
    target = tmp_path / "env.slurm.toml"
    text = target.read_text(encoding="utf-8")
    for old, new, status in (
        ("# Generated by: python env_toml.py", "# Generated by: hand", 0),
        ("# Nemotron execution", "# My execution", 1),
        ("\n[slurm_curate]", "\n# mine\n[slurm_curate]", 1),
        ('"/lustre:/lustre",\n', '"/lustre:/lustre"\n', 1),
        ("nodes = 1\n", "nodes = 1\r\n", 1),
    ):
        assert old in text
        target.write_bytes(text.replace(old, new, 1).encode())
        done = run("-c", "slurm", "--check")
        assert (done.returncode, bool(done.stdout)) == (status, bool(status)), new


def test_in_a_folder_that_is_gone_there_is_no_file(run, tmp_path):
    (tmp_path / "gone").mkdir()
    done = run("-c", "slurm", "--check", cwd=tmp_path / "gone", preexec_fn=(tmp_path / "gone").rmdir)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("--- /dev/null\n+++ env.slurm.toml (generated)\n")


@pytest.mark.parametrize("content", [b"\xff\n", None], ids=["not text", "a folder"])
def test_what_cannot_be_compared(run, tmp_path, content):
    if content is None:
        (tmp_path / "env.slurm.toml").mkdir()
    else:
        (tmp_path / "env.slurm.toml").write_bytes(content)
    assert_refused(run("-c", "slurm", "--check"), "env.slurm.toml")


def test_a_masked_difference_is_a_difference(call, tmp_path):
    config = {"sections": {"a": {"executor": "local", "x": {"HF_TOKEN": 5}}}, "checks": {"allow_literal_secrets": True}}
    (tmp_path / "site.json").write_text(json.dumps({**config, "output_path": "t.toml"}))
    assert call("-c", "site.json").exit == 0
    (tmp_path / "t.toml").write_text((tmp_path / "t.toml").read_text().replace("HF_TOKEN = 5", 'HF_TOKEN = "5"'))
    said = call("-c", "site.json", "--check")
    assert said.exit == 1
    assert said.out, "a difference is shown"


@pytest.mark.parametrize("text", ['[\n"hunter2",\n]', '["]", "hunter2"]', '"""\nhunter2\n"""', "'hunter2'"])
def test_a_difference_masks_what_was_written_by_hand(call, tmp_path, text):
    table = f'[p.env_vars]\nHF_TOKEN = {text}\nhf_token = {text}\nB_TOKEN = ""\nA = "kept"\n'
    (tmp_path / "e.toml").write_text(f'[p]\nexecutor="slurm"\n{table}')
    said = call("-c", "slurm", "--check", "output_path=e.toml")
    assert "hunter2" not in said.out
    assert '-HF_TOKEN = "***' in said.out
    assert '-B_TOKEN = ""\n-A = "kept"' in said.out


# ---------------------------------------------------------------------------------------- --lint

VARIANTS = {
    "expanded": (),
    "with extends": ("expand=false",),
    "some": ("only=[{0}_curate, {0}_rl_nemo_rl_rlhf]",),
    "some with extends": ("only=[{0}_peft_automodel]", "expand=false"),
    "secret": ("sections.{0}_base.env_vars.HF_TOKEN=hf_abcdef123", "checks.allow_literal_secrets=true"),
    "extra field": ("sections.{0}_base.nodse=x", "checks.extra_fields=[nodse]"),
    "extra field in brackets": ("sections.{0}_base.nodse=x", "checks[extra_fields]+=nodse"),
    "extra fields": ("sections.{0}_base.nodse=x", "checks.extra_fields=[nodse, 'exe cutor', \"it's\"]", "expand=false"),
    "preamble": ("preamble=# Generated by: me\n# not: this",),
}


@needs_tomllib
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("config", CONFIGS)
def test_a_generated_file_has_no_findings(call, config, variant):
    words = [word.format(config.partition("-")[0]) for word in VARIANTS[variant]]
    assert call("-c", config, "output_path=env.toml", *words)[0] == 0
    status, out, err = call("--lint", "env.toml", *(word for word in words if word.startswith("checks")))
    assert (status, err) == (0, "")
    assert "env.toml" in out


@needs_tomllib
def test_a_hand_edited_file_is_not_let_off(run, tmp_path):
    run("-c", "slurm", "output_path=env.toml")
    target = tmp_path / "env.toml"
    text = target.read_text(encoding="utf-8").replace(
        "HF_TOKEN = \"${oc.env:HF_TOKEN,''}\"", 'HF_TOKEN = "hf_abcdef123"'
    )
    target.write_text(text, encoding="utf-8")
    done = run("--lint", "env.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "HF_TOKEN" in done.stderr
    assert "hf_abcdef123" not in done.stderr


@needs_tomllib
def test_lint_asks_a_config_for_its_checks_only(call, tmp_path):
    (tmp_path / "env.toml").write_text('[p]\nexecutor = "local"\n')
    deep = '{"a": ' * 600 + "null" + "}" * 600
    checks = '{"required_profiles": ["gone"], "extra_fields": null}'
    (tmp_path / "site.json").write_text(f'{{"checks": {checks}, "sections": {{"p": {deep}, "q": {{"nodes": 0}}}}}}')
    said = call("--lint", "env.toml", "-c", "site.json")
    assert said == (2, "", "error: gone: a required profile is missing (in checks.required_profiles)\n")


@needs_tomllib
def test_a_key_outside_of_the_profiles_is_told(call, tmp_path):
    (tmp_path / "e.toml").write_text("a = 17\n[p]\nexecutor = 'local'\n")
    assert call("--lint", "e.toml") == (2, "", "error: a: expected a table, found 17 (in e.toml)\n")


@needs_tomllib
def test_a_toml_config(run, tmp_path):
    (tmp_path / "site.toml").write_text('defaults = "slurm"\n[sections.slurm_base]\naccount = "acme"\n')
    done = run("-c", "./site.toml", "-d")
    assert done.returncode == 0
    assert read_toml(done.stdout)["slurm_curate"]["account"] == "acme"


# ------------------------------------------------------------------------------- language and text


@pytest.mark.parametrize(
    "words",
    [
        ("-c", "slurm", "-d"),
        ("--list",),
        ("-c", "slurm", "--show", "slurm_base"),
        ("-c", "slurm", "--check"),
        ("--help",),
    ],
    ids=" ".join,
)
def test_the_c_locale_changes_nothing(run, words):
    plain, other = run(*words), run(*words, env=C_LOCALE)
    assert (other.returncode, other.stdout, other.stderr) == (plain.returncode, plain.stdout, plain.stderr)


CAFE = "caf\u00e9"


@pytest.mark.parametrize("env", [C_LOCALE, {"PYTHONIOENCODING": "ascii"}], ids=["C", "ascii"])
@pytest.mark.parametrize("mode", [("-d",), ("--check",), ("--show", "slurm_base")], ids=" ".join)
def test_text_that_the_terminal_does_not_know(run, tmp_path, mode, env):
    site = f'{{"defaults": "slurm", "sections": {{"slurm_base": {{"account": "{CAFE}"}}}}}}'
    (tmp_path / "site.json").write_text(site, encoding="utf-8")
    done = run("-c", "./site.json", *mode, env=env)
    assert (done.returncode, done.stderr) == (int(mode == ("--check",)), "")
    if mode != ("--check",):
        assert read_toml(done.stdout)["slurm_base"]["account"] == CAFE, "TOML is UTF-8, wherever it goes"


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
def test_the_width_of_the_terminal_is_only_for_the_help(run, width):
    narrow, plain = (run("-c", "slurm", "--tree", env={"COLUMNS": columns}) for columns in (width, "100"))
    assert (narrow.returncode, narrow.stdout) == (plain.returncode, plain.stdout)


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


@pytest.mark.parametrize(("module", "words"), [("tomli_w", ["-d"]), ("tomllib", ["--lint", "x.toml"])])
def test_a_missing_module_is_one_line(call, tmp_path, monkeypatch, module, words):
    (tmp_path / "x.toml").write_text("")
    monkeypatch.setitem(sys.modules, module, None)
    said = call(*words)
    assert (said.exit, said.out) == (2, "")
    assert module in said.err
    assert said.err.count("\n") == 1


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
    assert said.out.startswith(f"env_toml {env_toml.__version__} ("), said.out
    assert "force" in said.err


# --------------------------------------------------------------------------------- after writing


@pytest.mark.parametrize("config", CLUSTERS)
def test_every_site_value_is_asked_for_until_it_is_set(call, config):
    out = call("-c", config, "-f")[1]
    asked = re.findall(r"(sections\.[\w.]+)=", out)
    assert len(asked) >= 5
    for key in asked:
        value = "[/a:/b]" if key.endswith(".mounts") else "x"
        assert key not in call("-c", config, "-f", f"{key}={value}")[1]


@pytest.mark.parametrize("config", CLUSTERS)
def test_every_variable_that_is_named_works(call, monkeypatch, config):
    out = call("-c", config, "-f")[1]
    named = dict(re.findall(r"(sections\.[\w.]+)=.*?\b([A-Z][A-Z_]+): ", out))
    assert named
    for key, variable in named.items():
        with monkeypatch.context() as patch:
            patch.setenv(variable, "x")
            assert f"{key}=" not in call("-c", config, "-f")[1], variable


def test_the_export_line_leaves_no_tilde_to_the_shell(run, tmp_path):
    done = run("-c", "slurm", "output_path=~/slurm.toml", env={"HOME": str(tmp_path)})
    assert done.stdout.splitlines()[-1] == f"export NEMOTRON_ENV_FILE={tmp_path}/slurm.toml"
    assert files(tmp_path) == ["slurm.toml"]


def test_the_export_line_works_in_a_shell(run, tmp_path):
    out = run("-c", "slurm", "output_path=it's a/$(x).toml").stdout
    name, value = shlex.split(out.splitlines()[-1])[1].split("=", 1)
    assert name == "NEMOTRON_ENV_FILE"
    assert (tmp_path / value).is_file()


PLACEHOLDER = "sections.slurm_base.mounts"


@pytest.mark.parametrize(
    ("config", "words", "asked"),
    [
        ({}, [], True),
        ({}, ["sections.slurm_base.mounts=[/lustre:/lustre]"], False),
        ({}, ["sections.slurm_base.mounts.0=/fs:/fs"], False),
        ({}, ["sections.slurm_base={mounts: [/fs:/fs]}"], False),
        ({}, ["sections.slurm_base={nodes: 2}"], True),
        ({"sections": {"slurm_base": {"mounts": ["/lustre:/lustre"]}}}, [], False),
        (
            {
                "sections": {"slurm_base": {"mounts": ["/fs:/fs"]}},
                "checks": {"site_values": {"slurm_base.mounts": "yours"}},
            },
            [],
            True,
        ),
        ({"checks": {"site_values": {"slurm_base.mounts": None}}}, [], False),
        ({"checks": {"site_values": {"slurm_base.mounts": None, "slurm_base.mounts[0]": "yours"}}}, [], True),
    ],
)
def test_a_site_value_is_asked_for_until_someone_sets_it(call, tmp_path, config, words, asked):
    (tmp_path / "site.json").write_text(json.dumps({"defaults": "slurm", **config}))
    out = call("-c", "site.json", *words).out
    assert (PLACEHOLDER in out) == asked, out


def test_an_index_without_end_is_no_item_of_a_list(call, tmp_path):
    checks = {"site_values": {f"slurm_base.mounts[{'9' * 5000}]": "yours"}}
    (tmp_path / "site.json").write_text(json.dumps({"defaults": "slurm", "checks": checks}))
    status, out, _ = call("-c", "site.json")
    assert (status, "999" in out) == (0, False)


def test_an_empty_site_value_is_still_asked_for(call):
    assert "sections.slurm_base.account=..." in call("-c", "slurm", "sections.slurm_base.account=").out
