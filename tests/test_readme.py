"""README.md: its commands print what it shows, its recipes change what it says.

Its tables and those of CONTRIBUTING.md are complete; the words that CHANGELOG.md names are taken.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli import ROOT, Answer, environment, read_toml, run
from golden import call, inside, mask
from helpers import text_of
from rows import each_row

import env_toml

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SET_UP = re.compile(r"python3 -m venv \.venv && \.venv/bin/pip install -q \S+ && \.venv/bin/")
NO_INDEX = r"No matching distribution found|NewConnectionError|No module named pip\b"
SECTIONS = dict(re.findall(r"^## (.*)\n((?:(?!## ).*\n)*)", README, re.MULTILINE))
COPIES = ("build/env_toml/env_toml.py", "build/env_toml.pyz")

# What was run in the sections before.
BEFORE = {
    "Looking and comparing": ["-c", "site.json"],
    "Editing by hand": ["-c", "site.json"],
    "Upgrading": ["-c", "site.json"],
}
ORDER = [
    "Two commands",
    "What comes out",
    "My site in a config",
    "Which mistakes it catches",
    "Looking and comparing",
    "Editing by hand",
    "Upgrading",
    "Air-gapped",
    "Vendoring, for a reviewer",
    "Words and options",
]


def blocks(text: str, *languages: str) -> list[str]:
    """Return the fenced blocks of these languages; of TOML, one with a line `...` is an output."""
    found = []
    for language, content in FENCED.findall(text):
        kind = language
        if language == "toml" and "\n...\n" in f"\n{content}":
            kind = "text"
        if kind in languages:
            found.append(content)
    return found


def commands(section: str) -> str:
    return "".join(blocks(SECTIONS[section], "sh"))


@pytest.fixture
def clone(tmp_path):
    return make_clone(tmp_path)


def make_clone(place: Path) -> Path:
    """Return a copy of the repository, with the configs that the README has a reader save.

    Without the tests: they are most of its files, and one command of the README takes them.
    """
    leave = shutil.ignore_patterns(
        ".*", "__pycache__", "env.*", "build", "dist", "*.egg-info", "*.pyz", "tests"
    )
    folder = place.resolve() / "clone"
    shutil.copytree(ROOT, folder, ignore=leave)
    for name in (".gitignore", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, folder)
    (site,) = blocks(README, "json")
    (both,) = blocks(README, "toml")
    (folder / "site.json").write_text(site, encoding="utf-8")
    (folder / "both.toml").write_text(both, encoding="utf-8")
    return folder


def shell(
    block: str, folder: Path, changes: dict[str, str] | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a block as a reader does, with this Python for his; show what it printed."""
    folder_of_commands = folder.parent / "bin"
    folder_of_commands.mkdir(exist_ok=True)
    for name in ("python", "python3"):
        command = folder_of_commands / name
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
        command.chmod(0o755)
    path = f"{folder_of_commands}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-euc", block],
        cwd=folder,
        env=environment({"PATH": path, "PIP_QUIET": "1", **(changes or {})}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )
    print(f"$ {block}exit {done.returncode}\n{done.stdout}")
    return done


def perform(folder: Path, *words: str) -> Answer:
    """Run the program in a folder, in this process: what it says is the same."""
    with inside(folder, {}):
        return call(list(words))


def skip_without_index(done: subprocess.CompletedProcess[str]) -> None:
    if re.search(NO_INDEX, done.stdout):
        pytest.skip("needs a package index")


def pattern(shown: str) -> str:
    """Return the regular expression that a shown output stands for: `...` leaves lines out."""
    parts = []
    for line in mask(shown, ROOT).splitlines(True):
        if line == "...\n":
            parts.append("(?:.*\n)*?")
        else:
            parts.append(re.escape(line))
    return "".join(parts)


def assert_shown(section: str, folder: Path, printed: str) -> None:
    """Compare all that a section's commands print with all that the section shows."""
    printed = mask(printed.replace(str(folder), "/path/to"), ROOT)
    shown = "".join(blocks(SECTIONS[section], "text"))
    assert re.fullmatch(pattern(shown), printed), f"not as shown:\n{shown}\nbut\n{printed}"


# ---------------------------------------------------------------------------- commands and outputs


PRINTING = ["What comes out", "Which mistakes it catches", "Looking and comparing"]


@pytest.mark.parametrize("section", PRINTING)
def test_what_is_printed(clone, section):
    if section in BEFORE:
        assert perform(clone, *BEFORE[section]).exit == 0
    done = shell(commands(section), clone)
    assert done.returncode == 0
    assert_shown(section, clone, done.stdout)


def test_the_first_command(clone):
    """Without what it installs, and twice: the second run finds the file unchanged."""
    first, _ = blocks(SECTIONS["Two commands"], "sh")
    block = SET_UP.sub("", first)
    done = shell(block, clone)
    assert_shown("Two commands", clone, done.stdout)
    profiles = read_toml(clone / "env.slurm.toml")
    assert {table["account"] for name, table in profiles.items() if name != "wandb"} == {"x"}
    assert shell(block, clone).stdout.startswith("unchanged env.slurm.toml")


@pytest.mark.thorough
def test_the_first_command_as_it_stands(clone):
    first, _ = blocks(SECTIONS["Two commands"], "sh")
    done = shell(first, clone, timeout=300)
    skip_without_index(done)
    assert done.returncode == 0
    assert_shown("Two commands", clone, done.stdout)


@pytest.mark.thorough
def test_the_second_command_as_it_stands(clone):
    """The tests are collected and not run: these are among them."""
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tests", clone / "tests", ignore=leave)
    _, second = blocks(SECTIONS["Two commands"], "sh")
    done = shell(second, clone, {"PYTEST_ADDOPTS": "--collect-only -n 0"}, timeout=600)
    skip_without_index(done)
    assert done.returncode == 0
    assert "tests collected" in done.stdout


# ---------------------------------------------------------------------------------------- the site


def test_the_site_config(clone):
    (site,) = blocks(README, "json")
    assert len(site.splitlines()) <= 25
    done = shell(commands("My site in a config"), clone)
    assert done.returncode == 0
    assert done.stdout.startswith("wrote env.toml: 35 profiles of the config site.json\n")
    assert "placeholders" not in done.stdout
    assert "warning" not in done.stdout


def test_what_the_site_config_gives(clone):
    profiles = read_toml(env_toml.generate(str(clone / "site.json")))
    assert profiles.pop("wandb")["entity"] == "${oc.env:WANDB_ENTITY,research}"
    assert len(profiles) == 35
    times = {name: table["time"] for name, table in profiles.items()}
    assert times.pop("slurm_sft_long") == "1-00:00:00"
    assert set(times.values()) == {"04:00:00"}
    partitions = {table["partition"] for table in profiles.values()}
    assert {env_toml.resolve_defaults(partition) for partition in partitions} == {"gpu", "cpu-long"}
    assert profiles["slurm_rl_nemo_rl_rlhf"]["nodes"] == 8
    assert profiles["slurm_sft_wide"]["nodes"] == 16
    for table in profiles.values():
        assert table["account"] == "${oc.env:SLURM_ACCOUNT,research}"
        assert table["container_image"].startswith("registry.corp:5000#nvidia/")
        assert table["workspace"] == "${oc.env:NEMOTRON_WORKSPACE,/fs/research/${oc.env:USER}}"


def test_no_public_value_is_left(clone):
    text = env_toml.generate(str(clone / "site.json"))
    public = json.loads((ROOT / "configs" / "slurm.json").read_text(encoding="utf-8"))
    shared = json.loads((ROOT / "configs" / "_steps.json").read_text(encoding="utf-8"))
    values = {**shared["variables"], **public["variables"]}
    asked = {**shared["checks"]["site_values"], **public["checks"]["site_values"]}
    left = [name for name in asked if f"oc.env:{name},{values[name]}}}" in text]
    left += [name for name in ("example.com", "nvcr.io", "/lustre") if name in text]
    assert left == []


def test_commands_carry_what_the_steps_would_overrule(clone):
    text = env_toml.generate(str(clone / "site.json"))
    (line,) = re.findall(r"^# nemotron .* --batch slurm_sft_wide\b.*", text, re.MULTILINE)
    assert "run.env.container_image=registry.corp:5000#nvidia/" in line


def test_both_clusters_in_one_file(clone):
    said = perform(clone, "-c", "both.toml")
    assert (said.exit, said.err) == (0, "")
    text = (clone / "env.toml").read_text(encoding="utf-8")
    profiles = read_toml(text)
    assert len(profiles) == 67
    assert text.startswith("# Nemotron execution profiles for a DGX Cloud Lepton workspace.")
    assert profiles["slurm_curate"]["account"] == "${oc.env:SLURM_ACCOUNT,research}"
    assert profiles["lepton_curate"]["node_group"] == "${oc.env:LEPTON_NODE_GROUP,h100-pool}"


def test_what_both_clusters_read(clone):
    words = ["variables.NEMOTRON_WORKSPACE=/same"]
    apart = read_toml(env_toml.generate(str(clone / "both.toml")))
    same = read_toml(env_toml.generate(str(clone / "both.toml"), words))
    assert apart["slurm_base"]["workspace"] != apart["lepton_base"]["workspace"]
    assert same["slurm_base"]["workspace"] == same["lepton_base"]["workspace"]
    mine = ["sections.*.env_vars.MINE=${oc.env:NEMOTRON_WORKSPACE}"]
    own = read_toml(env_toml.generate(str(clone / "both.toml"), mine))
    for name in ("slurm_base", "lepton_base"):
        assert own[name]["env_vars"]["MINE"] == apart["lepton_base"]["workspace"]
    moved = read_toml(env_toml.generate(str(clone / "both.toml"), ["images[nvcr.io/]=corp:5000#"]))
    for name in ("slurm_base", "lepton_base"):
        assert moved[name]["container_image"].startswith("corp:5000#")


# ------------------------------------------------------------------------ mistakes, and afterwards


def test_a_mistake_writes_nothing(clone):
    before = sorted(path.name for path in clone.iterdir())
    shell(commands("Which mistakes it catches"), clone)
    assert sorted(path.name for path in clone.iterdir()) == before


def test_editing_by_hand(clone):
    section = "Editing by hand"
    assert perform(clone, *BEFORE[section]).exit == 0
    done = shell(commands(section), clone)
    assert done.returncode == 0
    assert_shown(section, clone, done.stdout)
    assert perform(clone, "-c", "site.json", "--check").exit == 1
    site = json.loads((clone / "site.json").read_text(encoding="utf-8"))
    edits = json.loads((clone / "edits.json").read_text(encoding="utf-8"))
    for name, edit in edits["sections"].items():
        site["sections"][name].update(edit)
    (clone / "site.json").write_text(json.dumps(site), encoding="utf-8")
    assert perform(clone, "-c", "site.json", "--check").exit == 0


def test_what_a_second_run_and_ci_do(clone):
    words = ("-c", "site.json", "--strict")
    assert [perform(clone, *words).exit for _ in range(2)] == [0, 2]
    assert perform(clone, *words, "--check").exit == 0
    assert perform(clone, *words, "-f").exit == 0
    assert perform(clone, *words, "--check", "sections.slurm_curate.nodes=2").exit == 1


def test_what_edits_do_not_keep(clone):
    """Comments and the order of keys; and what a parent gets later, where an inherited key went."""
    assert perform(clone, "-c", "site.json").exit == 0
    text = (clone / "env.toml").read_text(encoding="utf-8")
    head, rest = text.split("[slurm_sft_automodel.env_vars]\n")
    hand = f"{head}[slurm_sft_automodel.env_vars]\n# mine\n{rest.partition(chr(10))[2]}"
    (clone / "env.toml").write_text(hand, encoding="utf-8")
    edits = perform(clone, "-c", "site.json", "--edits", "env.toml").out
    (clone / "edits.json").write_text(edits, encoding="utf-8")
    assert json.loads(edits)["sections"]["slurm_sft_automodel"]["extends"] is None
    later = "sections.slurm_base.account=later"
    again = read_toml(perform(clone, "-c", "edits.json", "-d", later).out)
    assert again["slurm_curate"]["account"] == "later"
    assert again["slurm_sft_automodel"]["account"] != "later"
    assert "# mine" not in perform(clone, "-c", "edits.json", "-d").out


def test_a_profile_that_others_extend_is_left_out_by_only(clone):
    word = "sections.slurm_sft_automodel=null"
    assert perform(clone, "-c", "slurm", "-d", word).exit == 2
    document = read_toml(perform(clone, "-c", "slurm", "-d", "only=[slurm_peft_*]").out)
    assert "slurm_sft_automodel" not in document
    assert document["slurm_peft_automodel"]["executor"] == "slurm"


def test_what_becomes_of_an_edited_file(clone):
    assert perform(clone, "-c", "site.json").exit == 0
    edited = (clone / "env.toml").read_text(encoding="utf-8").replace("nodes = 16", "nodes = 12")
    for name in ("env.toml.bak", "env.toml.bak.1"):
        edited += "# once more\n"
        (clone / "env.toml").write_text(edited, encoding="utf-8")
        assert perform(clone, "-c", "site.json").exit == 2
        assert (clone / "env.toml").read_text(encoding="utf-8") == edited
        assert perform(clone, "-c", "site.json", "-f").exit == 0
        assert (clone / name).read_text(encoding="utf-8") == edited


def test_upgrading(clone):
    section = "Upgrading"
    assert perform(clone, *BEFORE[section]).exit == 0
    done = shell(commands(section), clone)
    assert (done.returncode, done.stdout) == (0, "")
    before = read_toml(clone / "before.toml")
    assert before["slurm_sft_wide"]["extends"] == "slurm_sft_megatron_bridge"


def test_upgrading_to_configs_that_differ(clone):
    """A changed default is one line of `expand=false`, and --check tells the file."""
    assert perform(clone, *BEFORE["Upgrading"]).exit == 0
    config = clone / "configs" / "slurm.json"
    old, new = '"RAY_DEDUP_LOGS": "0"', '"RAY_DEDUP_LOGS": "1"'
    changed = config.read_text(encoding="utf-8").replace(old, new)
    (clone / "new.json").write_text(changed, encoding="utf-8")
    upgrade = commands("Upgrading")
    upgrade = upgrade.replace("# replace env_toml.py and configs/ here", f"cp new.json {config}")
    upgrade = upgrade.replace("diff before.toml after.toml", "diff before.toml after.toml || true")
    done = shell(upgrade, clone)
    assert done.returncode == 1
    shown = done.stdout.partition("--- env.toml")[0].splitlines()
    changes = [line for line in shown if line[:1] in "<>" and "# Checksum" not in line]
    assert changes == ['< RAY_DEDUP_LOGS = "0"', '> RAY_DEDUP_LOGS = "1"']
    assert '-RAY_DEDUP_LOGS = "0"\n+RAY_DEDUP_LOGS = "1"\n' in done.stdout


# -------------------------------------------------------------------------------------- air-gapped


SQUASHED = "/fs/images/nemo-rl-v0.6.0.sqsh"


def test_air_gapped(clone):
    done = shell(commands("Air-gapped"), clone)
    assert done.returncode == 0
    text = (clone / "env.slurm-airgap.toml").read_text(encoding="utf-8")
    assert "nvcr.io" not in text.replace("images[nvcr.io/", "")
    profiles = {name: table for name, table in read_toml(text).items() if name != "wandb"}
    images = {env_toml.resolve_defaults(table["container_image"]) for table in profiles.values()}
    assert len(images) > 3
    for image in images - {SQUASHED}:
        assert image.startswith("registry.corp:5000#nvidia/")
    for name, table in profiles.items():
        assert (table["container_image"] == SQUASHED) == ("_rl_nemo_rl_" in name)
        variables = table["env_vars"]
        assert (
            env_toml.resolve_defaults(variables["PIP_INDEX_URL"]) == "https://packages.corp/simple"
        )
        assert (variables["HF_HUB_OFFLINE"], variables["WANDB_MODE"]) == ("1", "offline")
        assert variables["HF_HOME"].endswith("/hf}")


def test_every_command_of_the_air_gapped_file_pulls_from_the_own_registry(clone):
    assert shell(commands("Air-gapped"), clone).returncode == 0
    text = (clone / "env.slurm-airgap.toml").read_text(encoding="utf-8")
    lines = re.findall(r"^# nemotron steps run .*", text, re.MULTILINE)
    shared = json.loads((ROOT / "configs" / "_steps.json").read_text(encoding="utf-8"))
    assert len(lines) > 20
    for line in lines:
        own = shared["step_values"].get(" ".join(line.split()[4:7]), {})
        assert ("run.env.container_image=" in line) == ("container_image" in own), line


# --------------------------------------------------------------------------------------- vendoring


@pytest.fixture(scope="module")
def vendored(tmp_path_factory):
    """Return what the commands printed, and where they ran; nothing is changed there."""
    folder = make_clone(tmp_path_factory.mktemp("vendored"))
    done = shell(commands("Vendoring, for a reviewer"), folder, timeout=300)
    skip_without_index(done)
    assert done.returncode == 0
    return done.stdout, folder


def test_vendoring(vendored):
    printed, clone = vendored
    names = ["env_toml.py", *(f"configs/{path.name}" for path in (ROOT / "configs").glob("*.json"))]
    for name in names:
        if name != "configs/schema.json":
            assert printed.count(f"{name}: OK\n") == 2
    assert "FAILED" not in printed
    made = sorted(path.name for path in (clone / "build" / "env_toml").iterdir())
    plain = [name for name in made if not name.endswith(".dist-info")]
    assert plain == ["LICENSE", "configs", "env_toml.py", "tomli", "tomli_w"]
    for name in ("tomli", "tomli_w"):
        (licence,) = (clone / "build" / "env_toml").glob(f"{name}-*.dist-info/**/LICENSE")
        assert "Permission is hereby granted" in licence.read_text(encoding="utf-8")


@pytest.mark.parametrize("copy", COPIES)
def test_the_copies_run_alone(vendored, tmp_path, copy):
    _, clone = vendored
    alone = {"flags": ("-I", "-S", "-B"), "env": {"HOME": None}, "cwd": tmp_path}
    done = run("-c", "slurm", "-d", script=clone / copy, **alone)
    assert (done.returncode, done.stdout, done.stderr) == (0, text_of("slurm"), "")


def test_a_changed_copy_fails_its_digest(vendored, tmp_path):
    _, clone = vendored
    shutil.copytree(clone / "build" / "env_toml", tmp_path / "copy")
    with (tmp_path / "copy" / "env_toml.py").open("a", encoding="utf-8") as file:
        file.write("\n")
    done = shell(f"sha256sum -c {clone}/SHA256SUMS", tmp_path / "copy")
    assert done.returncode != 0
    assert "env_toml.py: FAILED" in done.stdout


def test_the_same_sources_give_the_same_zipapp(vendored, tmp_path):
    """Other times, modes, clock and place."""
    _, clone = vendored
    first = (clone / "build" / "env_toml.pyz").read_bytes()
    other = tmp_path / "other"
    shutil.copytree(clone / "build" / "env_toml", other / "build" / "env_toml")
    for path in other.rglob("*"):
        os.utime(path, (10**9, 10**9))
        path.chmod(0o700)
    *_, pack = blocks(SECTIONS["Vendoring, for a reviewer"], "sh")
    assert shell(pack, other, {"TZ": "Asia/Tokyo"}).returncode == 0
    assert (other / "build" / "env_toml.pyz").read_bytes() == first


def test_it_opens_no_connection_and_starts_no_process(clone):
    """Whatever Python would report of either is an error here: its audit hooks name both."""
    program = (
        "import runpy, sys\n"
        "def refuse(event, arguments):\n"
        "    if event.startswith(('socket.', 'subprocess.', 'os.exec', 'os.fork', 'os.posix')):\n"
        "        raise SystemExit(f'not expected: {event}')\n"
        "sys.addaudithook(refuse)\n"
        "sys.argv = ['env_toml.py', '-c', 'site.json', '-f']\n"
        f"runpy.run_path({str(clone / 'env_toml.py')!r}, run_name='__main__')\n"
    )
    done = run("-c", program, script=None, cwd=clone)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("wrote env.toml")


# ------------------------------------------------------------------------------- what stands where


def test_the_order_and_the_size():
    assert list(SECTIONS) == ORDER
    assert len(README.splitlines()) <= 220
    for text in (README, CONTRIBUTING):
        prose = [line for line in FENCED.sub("", text).splitlines() if not line.startswith("|")]
        assert [line for line in prose if len(line) > 110] == []


def test_the_first_screen():
    first = "\n".join(README.splitlines()[:30])
    set_up = blocks(SECTIONS["Two commands"], "sh")
    assert len(set_up) == 2
    assert all(line in first and SET_UP.match(line) for line in set_up), set_up
    assert "https://github.com/NVIDIA-NeMo/Nemotron" in first
    assert "e27b371" in first
    assert "env_toml.py -c slurm sections.slurm_base.account=x" in set_up[0]
    assert ".[dev]" in set_up[1]
    assert set_up[1].endswith("-m pytest -q\n")


def test_every_command_is_run():
    """Each section with commands is run by a test above."""
    known = ["Two commands", "My site in a config", "Air-gapped", "Vendoring, for a reviewer"]
    known += [*PRINTING, "Editing by hand", "Upgrading"]
    with_commands = [section for section in SECTIONS if commands(section)]
    assert sorted(with_commands) == sorted(known)


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_every_path_is_there(text):
    text = FENCED.sub("", text)
    paths = re.findall(r"(?:tests|configs|\.ci)/[\w./-]*|(?<![\w/.])\w+\.(?:py|md)\b", text)
    assert len(paths) > 4
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_options_are_those_of_help():
    option = re.compile(r"^ +((?:-\w, )?--[\w-]+(?: \[?[A-Z|]+\]?)?) ", re.MULTILINE)
    known = option.findall(perform(ROOT, "--help").out)
    (shown,) = re.findall(r"^All options: ((?:`-[^`]+`[,.]\s)+)", README, re.MULTILINE)
    assert re.findall(r"`([^`]+)`", shown) == known


def table(text: str, head: str) -> list[list[str]]:
    """Return the cells of the table whose first column has this title."""
    rows = re.search(rf"^\| {head} \|.*\n\| ---.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert rows, f"no table of {head}"
    return [row[2:-2].split(" | ") for row in rows[1].splitlines()]


def test_the_parameters_are_those_of_a_config():
    rows = table(README, "key")
    shown = [name for keys, *_ in rows for name in re.findall(r"`([^`]+)`", keys)]
    assert sorted(shown) == sorted(env_toml.FIELDS["config"])
    (checks,) = [meaning for key, _, meaning, _ in rows if key == "`checks`"]
    assert re.findall(r"`(\w+)`", checks) == list(env_toml.FIELDS["checks"])


def test_the_line_by_line_explanation_has_every_key_of_the_site_config():
    (site,) = blocks(README, "json")
    explained = [keys for keys, _, _, example in table(README, "key") if example != "–"]
    missing = [key for key in json.loads(site) if not any(f"`{key}`" in keys for keys in explained)]
    assert missing == []


def words_to_type() -> list[str]:
    """Return the words of the column of CHANGELOG.md that says what to type now."""
    cells = [cell for _, cell in table(CHANGELOG, "in 1.0.0")]
    spans = [span for cell in cells for span in re.findall(r"`([^`]+)`", cell)]
    word = re.compile(r"'?(?:sections|variables|images|checks|only)\b.*=")
    return [span for span in spans if word.match(span)]


@each_row("typed", words_to_type())
def test_the_words_of_the_changelog(typed):
    config = "slurm"
    if "lepton" in typed.lower():
        config = "lepton"
    if "NEMOTRON_IMAGE_REGISTRY" in typed:
        config = "slurm-airgap"
    env_toml.generate(config, shlex.split(typed))


def test_the_promises_are_tested_where_it_says():
    places = [re.findall(r"`(tests/[^`]+)`", cells[-1]) for cells in table(CONTRIBUTING, "promise")]
    assert all(places), places


def test_the_differences_from_omegaconf_are_tested_ones():
    cases = json.loads((ROOT / "tests" / "cases" / "omegaconf.json").read_text(encoding="utf-8"))

    def cell(value: object) -> str:
        if isinstance(value, dict) and "error" in value:
            return "error"
        return f"`{json.dumps(value)}`"

    known = []
    for case in cases["differ"]:
        word = case["word"].replace("sections.slurm_base.", "", 1)
        known.append([f"`{word}`", cell(case["omegaconf"]), cell(case["ours"]), case["why"]])
    rows = table(CONTRIBUTING, "word")
    assert len(rows) > 5
    assert [row for row in rows if row not in known] == []
