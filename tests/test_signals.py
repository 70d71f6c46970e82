"""Ends that nobody planned: kills, Ctrl-C, SIGTERM at any moment, and input that never ends."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cli
import crash
import pytest
from cli import SCRIPT, assert_refused, files, often, read_toml
from helpers import plain_and_thorough
from rows import each_row

import env_toml

CRASH = Path(__file__).with_name("crash.py")
ENDINGS = {"INT": (130, -signal.SIGINT), "TERM": (143, -signal.SIGTERM)}
SIGNALS = sorted(ENDINGS)


# ----------------------------------------------------- at every call into the operating system


def moments(run, tmp_path, what: str, links: str, name: str) -> list[dict]:
    """Return what was found after a run was ended at each moment; the last one was left alone."""
    done = run(tmp_path, what, links, name, script=CRASH)
    assert done.returncode == 0
    found = json.loads(done.stdout)
    places = {moment["place"] for moment in found}
    assert places > {"before fsync", "after fsync", "before write", "after write", "before open"}
    assert places & {"after link", "after replace"}, "where the file gets its name"
    whole = [moment for moment in found if moment["place"] == ""]
    assert [moment["exit"] for moment in whole] == [0], "one run goes to its end"
    return found


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    """What the run that is ended would write, without the header, which has its words."""
    config = tmp_path_factory.mktemp("new") / "site.json"
    config.write_text(json.dumps(crash.CONFIG))
    return cli.read_toml(env_toml.generate(str(config)))


def is_new(text: str, new: dict) -> bool:
    return text.count("# Checksum: ") == 1 and cli.read_toml(text) == new


WAYS = list(itertools.product(("force", "first"), ("links", "nolinks")))


@pytest.mark.parametrize("way", plain_and_thorough(WAYS, ("force", "links")), ids="-".join)
def test_killed_at_any_moment_the_file_is_old_or_new(run, tmp_path, new, way):
    what, links = way
    found = moments(run, tmp_path, what, links, "KILL")
    for moment in found:
        place, left, last = moment["place"], moment["left"], moment["at last"]
        text = left.get("env.toml")
        if what == "force":
            assert text == crash.OLD or is_new(text, new), f"killed {place}: {text!r:.60}"
            assert crash.OLD in left.values(), f"killed {place}: what a person wrote is lost"
            assert crash.OLD in last.values(), (
                f"killed {place}: the next run loses what a person wrote"
            )
        else:
            half = text == "" and links == "nolinks"  # the name is taken, and the rename never came
            assert text is None or half or is_new(text, new), f"killed {place}: {text!r:.60}"
        written = text is not None and text not in ("", crash.OLD)
        if what == "force" or not written:
            assert "wrote env.toml" in moment["later"], (
                f"killed {place}: the next run says {moment['later']}"
            )
            assert "nodes = 3" in last["env.toml"]
    killed = [moment["exit"] for moment in found if moment["place"]]
    assert set(killed) == {-signal.SIGKILL, -signal.SIGXFSZ}


ENDED = [(*way, name) for way in WAYS for name in SIGNALS]


@pytest.mark.parametrize(
    "way", plain_and_thorough(ENDED, ("first", "nolinks", "INT")), ids="-".join
)
def test_ended_at_any_call_nothing_is_left_over(run, tmp_path, new, way):
    what, links, name = way
    for moment in moments(run, tmp_path, what, links, name):
        place, left = moment["place"], moment["left"]
        if not place:
            continue
        text = left.pop("env.toml", None)
        backup = left.pop("env.toml.bak", None)
        assert list(left) == [], f"{name} {place}: litter"
        assert moment["exit"] in ENDINGS[name], f"{name} {place}: {moment['said']}"
        assert not re.search("Traceback|error", moment["said"]), f"{name} {place}: {moment['said']}"
        if what == "force":
            assert text == crash.OLD or is_new(text, new), f"{name} {place}: {text!r:.60}"
            assert crash.OLD in (text, backup), f"{name} {place}: what a person wrote is lost"
            assert backup in (None, crash.OLD), f"{name} {place}: half a backup: {backup!r}"
        else:
            half = text == "" and links == "nolinks"
            assert text is None or half or is_new(text, new), f"{name} {place}: {text!r:.60}"


# --------------------------------------------------------------------- at any time of a real run

# The script as Python runs it, but that it says when its first line is about to run: before that it
# is Python, or this starter, that a signal ends. So it is up to the script's second statement, since
# the first one has to be an import from __future__.
STARTER = """
import marshal, os, signal, sys

def interrupt(number, frame):
    while frame and sys.excepthook is not sys.__excepthook__:
        if frame.f_code is code:
            raise KeyboardInterrupt
        frame = frame.f_back
    os._exit(130)

with open(sys.argv[2], "rb") as file:
    code = marshal.load(file)
ready, __file__ = int(sys.argv[1]), sys.argv[3]
del sys.argv[:3]
signal.signal(signal.SIGINT, interrupt)
os.write(ready, b"!")
exec(code)
"""


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start a run; return it when its own first line is about to run."""
    reader, writer = os.pipe()
    started = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(writer), cli.compiled(), str(SCRIPT), *words],
        cwd=folder,
        env=cli.environment(),
        pass_fds=(writer,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert os.read(reader, 1) == b"!", started.communicate()
    os.close(reader)
    return started


def span(folder: Path, *words: str) -> float:
    """Return how long a run takes from its own first line on, in seconds."""
    times = []
    for _ in range(3):
        started = start(folder, *words)
        begin = time.monotonic()
        assert started.wait() == 0, started.communicate()
        times.append(time.monotonic() - begin)
        started.communicate()
    return min(times)


@pytest.mark.parametrize("name", plain_and_thorough(SIGNALS, "TERM"))
def test_a_signal_at_any_time(tmp_path, name):
    words = ("-c", "slurm", "output_path=env.toml", "-f")
    target = tmp_path / "env.toml"
    target.write_text(crash.OLD)
    length = span(tmp_path, *words)
    assert files(tmp_path) == ["env.toml", "env.toml.bak"]
    trials = often(4, 60)
    new = env_toml.generate("slurm", [*words[2:3], "force=true"])
    ended = 0
    for trial in range(trials):
        target.write_text(crash.OLD)
        started = start(tmp_path, *words)
        time.sleep(length * trial / trials)
        started.send_signal(getattr(signal, f"SIG{name}"))
        out, err = started.communicate(timeout=60)
        told = f"trial {trial}: exit {started.returncode}, said {out}{err}"
        assert started.returncode in (0, *ENDINGS[name]), told
        assert err == "", told
        assert target.read_text() in (crash.OLD, new), told
        assert files(tmp_path) == ["env.toml", "env.toml.bak"], told
        ended += started.returncode != 0
    assert ended, "no signal came in time"


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_while_a_pipe_has_nothing_to_say(tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    started = start(tmp_path, "-c", "pipe")
    with open(tmp_path / "pipe", "w"):  # opens once the run waits for its config
        started.send_signal(getattr(signal, f"SIG{name}"))
        out, err = started.communicate(timeout=20)
    assert started.returncode in ENDINGS[name], (out, err)
    assert (out, err) == ("", "")
    assert files(tmp_path) == ["pipe"]


# ------------------------------------------------------------------------------- pipes and no end

SITE = '{"defaults": "slurm", "sections": {"slurm_base": {"account": "acme"}}}'


def test_a_config_through_a_pipe(run, tmp_path):
    reader, writer = os.pipe()
    os.write(writer, SITE.encode())
    os.close(writer)
    done = run("-c", f"/dev/fd/{reader}", pass_fds=(reader,))
    os.close(reader)
    assert (done.returncode, done.stderr) == (0, "")
    assert read_toml(tmp_path / "env.slurm.toml")["slurm_curate"]["account"] == "acme"


def test_a_config_from_standard_input(run):
    done = run("-c", "/dev/stdin", "-d", input=SITE)
    assert (done.returncode, done.stderr) == (0, "")
    assert read_toml(done.stdout)["slurm_curate"]["account"] == "acme"


ENDLESS = {
    "config": ("-c", "{}"),
    "lint": ("--lint", "{}"),
    "lint's config": ("--lint", "x.toml", "-c", "{}"),
    "edits": ("-c", "slurm", "--edits", "{}"),
    "check": ("-c", "slurm", "--check", "output_path={}"),
}


@each_row("words", ENDLESS.values(), ids=ENDLESS)
def test_endless_input_is_refused(call, tmp_path, words):
    (tmp_path / "x.toml").write_text("[p]\nexecutor = 'local'\n")
    said = call(*(word.format("/dev/zero") for word in words))
    assert (said.exit, said.out) == (2, "")
    assert re.fullmatch("error: .*/dev/zero.*64 MiB.*\n", said.err)
    assert files(tmp_path) == ["x.toml"]


def test_an_endless_pipe_is_refused(run, tmp_path):
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as endless:
        done = run("-c", "/dev/stdin", stdin=endless.stdout)
        endless.stdout.close()
    assert_refused(done, "/dev/stdin", "64 MiB")


LIMIT = 64 * 2**20
SMALL = '{"sections": {"p": {"executor": "local"}}}'


def test_a_config_at_the_limit_is_read(call, tmp_path):
    (tmp_path / "site.json").write_text(SMALL.ljust(LIMIT))
    said = call("-c", "site.json", "-d")
    assert (said.exit, said.err) == (0, "")
    assert read_toml(said.out) == {"p": {"executor": "local"}}


def test_a_config_one_byte_above_the_limit_is_refused(call, tmp_path):
    (tmp_path / "site.json").write_text(SMALL.ljust(LIMIT + 1))
    said = call("-c", "site.json", "-d")
    assert (said.exit, said.out) == (2, "")
    assert "64 MiB" in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("force", ["force=false", "force=true"])
def test_a_huge_file_where_the_new_one_should_go(call, tmp_path, force):
    """It must be read to be kept, and no machine has memory for it."""
    with open(tmp_path / "env.toml", "w") as file:
        try:
            file.truncate(2**40)
        except OSError:
            pytest.skip("needs a file system with sparse files of 1 TiB")
    said = call("-c", "slurm", "output_path=env.toml", force)
    assert (said.exit, said.out) == (2, "")
    assert re.fullmatch("error: .*env.toml.*64 MiB.*\n", said.err)
    assert files(tmp_path) == ["env.toml"]
    assert (tmp_path / "env.toml").stat().st_size == 2**40
