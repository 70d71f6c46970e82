"""Writing the file: what stands on the disk before, what goes wrong on the way, what is left."""

from __future__ import annotations

import errno
import io
import json
import os
import resource
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import cli
import pytest
from cli import PLAIN_USER, SCRIPT, assert_refused, body, can, files, read_toml
from helpers import assert_says, refusal

import env_toml

WORDS = ("-c", "slurm", "output_path=env.toml")
SECRET = ("sections.slurm_base.env_vars.HF_TOKEN=hf_abcdef123", "checks.allow_literal_secrets=true")
OLD = "# by hand\nold = 1\n"

needs_plain_user = pytest.mark.skipif(
    not can(*PLAIN_USER, "true"), reason="needs setpriv to give up root's capabilities"
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def identity(path: Path) -> tuple[object, ...]:
    """Return what changes when anybody touches the file."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_mode, path.read_bytes()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "env.toml"


@pytest.fixture
def old(target):
    """A file by hand that stands where the new one should go."""
    target.write_text(OLD)
    return target


# ------------------------------------------------------------------------------ the usual ways


def test_a_first_file(run, tmp_path, target):
    done = run(*WORDS)
    assert done.returncode == 0
    assert done.stdout.startswith("wrote env.toml")
    assert files(tmp_path) == ["env.toml"]
    assert "slurm_curate" in read_toml(target)


def test_parent_directories_are_made(run, tmp_path):
    assert run("-c", "slurm", "output_path=a/b/c.toml").returncode == 0
    assert files(tmp_path / "a" / "b") == ["c.toml"]


def test_without_force_an_existing_file_stays(run, tmp_path, old):
    before = identity(old)
    assert_refused(run(*WORDS), "env.toml", "force=true")
    assert identity(old) == before
    assert files(tmp_path) == ["env.toml"]


@pytest.mark.parametrize("force", ["force=true", "-f", "--force"])
def test_force_keeps_the_old_file(run, tmp_path, old, force):
    old.chmod(0o640)
    assert run(*WORDS, force).returncode == 0
    assert "slurm_curate" in read_toml(old)
    assert files(tmp_path) == ["env.toml", "env.toml.bak"]
    assert (tmp_path / "env.toml.bak").read_text() == OLD
    assert mode(tmp_path / "env.toml.bak") == mode(old) == 0o640


def test_the_kept_file_is_that_of_the_last_change(run, tmp_path, target):
    for account in "abc":
        assert run(*WORDS, "-f", f"sections.slurm_base.account={account}").returncode == 0
    assert read_toml(tmp_path / "env.toml.bak")["slurm_base"]["account"] == "b"
    assert files(tmp_path) == ["env.toml", "env.toml.bak"]


def test_equal_content_is_not_touched(run, tmp_path, target):
    run(*WORDS, "-f")
    before = identity(target)
    done = run(*WORDS, "-f")
    assert (done.returncode, done.stdout.split()[0]) == (0, "unchanged")
    assert identity(target) == before
    assert files(tmp_path) == ["env.toml"]


@pytest.mark.parametrize(
    ("umask", "existing", "words", "expected"),
    [
        (0o022, None, (), 0o644),
        (0o027, None, (), 0o640),
        (0o077, None, (), 0o600),
        (0o002, None, (), 0o664),
        (0o022, 0o600, (), 0o600),
        (0o077, 0o664, (), 0o664),
        (0o022, 0o444, (), 0o444),
        (0o022, None, SECRET, 0o600),
        (0o022, None, SECRET[1:], 0o600),
        (0o000, None, SECRET, 0o600),
        (0o022, 0o644, SECRET, 0o600),
        (0o022, 0o400, SECRET, 0o600),
    ],
)
def test_mode(run, target, umask, existing, words, expected):
    if existing is not None:
        target.write_text(OLD)
        target.chmod(existing)
    assert run(*WORDS, "-f", *words, preexec_fn=lambda: os.umask(umask)).returncode == 0
    assert oct(mode(target)) == oct(expected)


def test_an_unchanged_file_with_secrets_is_closed_to_others(run, target):
    run(*WORDS, "-f", *SECRET)
    target.chmod(0o644)
    assert run(*WORDS, "-f", *SECRET).stdout.startswith("unchanged")
    assert oct(mode(target)) == oct(0o600)


def test_the_old_file_with_secrets_is_kept_closed(run, tmp_path, target):
    run(*WORDS, *SECRET)
    assert run(*WORDS, "-f").returncode == 0
    assert oct(mode(tmp_path / "env.toml.bak")) == oct(0o600)


# --------------------------------------------------------------------------- odd names and links


def test_a_symbolic_link_is_followed(run, tmp_path, target):
    (tmp_path / "store").mkdir()
    real = tmp_path / "store" / "real.toml"
    real.write_text(OLD)
    target.symlink_to("store/real.toml")
    assert_refused(run(*WORDS), "env.toml", "force=true")
    assert run(*WORDS, "-f").returncode == 0
    assert target.is_symlink()
    assert "slurm_curate" in read_toml(real)
    assert files(tmp_path / "store") == ["real.toml", "real.toml.bak"]


def test_a_dangling_link_is_followed(run, tmp_path, target):
    target.symlink_to("store/real.toml")
    assert run(*WORDS).returncode == 0
    assert target.is_symlink()
    assert "slurm_curate" in read_toml(tmp_path / "store" / "real.toml")


def test_a_folder_behind_a_link(run, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "link").symlink_to("store")
    assert run("-c", "slurm", "output_path=link/env.toml").returncode == 0
    assert files(tmp_path / "store") == ["env.toml"]


@pytest.mark.parametrize("chain", [["env.toml"], ["a", "env.toml"], ["a", "b", "env.toml"]], ids=len)
def test_links_in_a_loop(run, tmp_path, target, chain):
    for link, to in zip(["env.toml", *chain], chain):
        (tmp_path / link).symlink_to(to)
    assert_refused(run(*WORDS, "-f"), "env.toml")
    assert target.is_symlink()


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.relpath(path))


SPECIAL = {
    "directory": Path.mkdir,
    "fifo": os.mkfifo,
    "socket": make_socket,
    "device": lambda path: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3)),
}


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("force", ["force=false", "force=true"])
def test_what_is_no_regular_file_stays(run, tmp_path, target, monkeypatch, kind, force):
    monkeypatch.chdir(tmp_path)  # the name of a socket has about 100 bytes
    try:
        SPECIAL[kind](target)
    except PermissionError:
        pytest.skip(f"needs the right to make a {kind}")
    before = target.stat()
    assert_refused(run(*WORDS, force, timeout=20), "env.toml")
    assert (target.stat().st_ino, target.stat().st_mode) == (before.st_ino, before.st_mode)
    assert files(tmp_path) == ["env.toml"]


NAMES = {  # a name that cannot be written: what the message must hold
    "plain/env.toml": "plain/env.toml",
    "plain/deep/env.toml": "plain/deep/env.toml",
    "folder": "folder",
    "folder/": "folder/",
    "new/": "new/",
    "": "output_path",
    ".": ".",
    "..": "..",
    "/": "'/'",
    "folder/..": "folder/..",
    "n" * 300: "nnn",
    "a/" * 3000 + "env.toml": "a/a/a",
    "${oc.env:HOME}/env.toml": "output_path",
    "\udcff.toml": "output_path",
}


@pytest.mark.parametrize("path", NAMES, ids=lambda path: f"{path!r:.20}")
def test_a_name_that_cannot_be_written(run, tmp_path, path):
    (tmp_path / "plain").write_text(OLD)
    (tmp_path / "folder").mkdir()
    assert_refused(run("-c", "slurm", f"output_path={path}", "-f"), NAMES[path])
    assert files(tmp_path) == ["folder", "plain"]
    assert (tmp_path / "plain").read_text() == OLD


def test_a_name_with_a_nul(run, tmp_path):
    (tmp_path / "site.json").write_text(json.dumps({"defaults": "slurm", "output_path": "a\0b.toml"}))
    assert_refused(run("-c", "./site.json"), "output_path")
    assert files(tmp_path) == ["site.json"]


@pytest.mark.parametrize("path", ["a\0b.toml", "", "."])
def test_the_library_refuses_such_names_too(clean, tmp_path, path):
    with pytest.raises(env_toml.EnvTomlError):
        env_toml.write(path, "a = 1\n", force=True)
    assert files(tmp_path) == []


def test_a_folder_is_no_file_to_write(tmp_path):
    assert_says(refusal(env_toml.write, str(tmp_path), "x", True), ["not a regular file"])


@pytest.mark.parametrize(
    "path", ["", "folder/", "folder/-", "a\0b", "${oc.env:HOME}/env.toml", "~nobody-of-this-name/env.toml"]
)
def test_a_path_that_is_no_file(call, tmp_path, path):
    (tmp_path / "site.json").write_text(json.dumps({"defaults": "slurm", "output_path": path}))
    said = call("-c", "site.json")
    wanted = f"error: output_path: expected the path of a file, found {path!r} (in site.json)\n"
    assert said == (2, "", wanted)


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "afile").write_text("")
    for path in ("afile/x.toml", "afile/deep/x.toml"):
        error = refusal(env_toml.write, str(tmp_path / path), "x", True)
        assert str(error) == f"{tmp_path / path}: Not a directory"


def test_a_private_file_that_is_unchanged_is_closed_to_others(tmp_path):
    target = tmp_path / "env.toml"
    target.write_text("x")
    target.chmod(0o644)
    assert env_toml.write(str(target), "x", force=True, private=True) == "unchanged"
    assert oct(target.stat().st_mode & 0o777) == "0o600"


def test_the_longest_name_there_is(run, tmp_path):
    """A file whose .bak cannot be: the old content must not be lost."""
    name = "n" * 250 + ".toml"
    assert run("-c", "slurm", f"output_path={name}").returncode == 0
    before = identity(tmp_path / name)
    assert_refused(run("-c", "slurm", f"output_path={name}", "-f", "sections.slurm_base.account=x"), name)
    assert identity(tmp_path / name) == before
    assert files(tmp_path) == [name]


def test_a_folder_in_the_place_of_the_kept_file(run, tmp_path, old):
    (tmp_path / "env.toml.bak").mkdir()
    before = identity(old)
    assert_refused(run(*WORDS, "-f"), "env.toml")
    assert identity(old) == before
    assert files(tmp_path) == ["env.toml", "env.toml.bak"]


def test_tilde_is_the_home_directory(run, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    done = run("-c", "slurm", "output_path=~/env.toml", env={"HOME": str(home)})
    assert done.returncode == 0
    assert files(home) == ["env.toml"]
    assert files(tmp_path) == ["home"]


@pytest.mark.parametrize("home", [None, "", "/nonexistent"])
def test_no_home_directory_is_needed(run, tmp_path, home):
    assert run(*WORDS, env={"HOME": home}).returncode == 0
    assert files(tmp_path) == ["env.toml"]


# -------------------------------------------------------------------- permissions and full disks


@needs_plain_user
@pytest.mark.parametrize("force", ["force=false", "force=true"])
def test_a_read_only_folder(run, tmp_path, force):
    folder = tmp_path / "ro"
    folder.mkdir()
    (folder / "env.toml").write_text(OLD)
    folder.chmod(0o555)
    before = identity(folder / "env.toml")
    for name in ("env.toml", "new.toml") if force == "force=true" else ("new.toml", "deep/new.toml"):
        done = run("-c", "slurm", f"output_path=ro/{name}", force, prefix=PLAIN_USER)
        assert_refused(done, f"ro/{name}", "Permission denied")
    assert identity(folder / "env.toml") == before
    assert files(folder) == ["env.toml"]
    folder.chmod(0o755)


@needs_plain_user
def test_an_old_file_that_cannot_be_read(run, tmp_path, old):
    old.chmod(0)
    assert_refused(run(*WORDS, "-f", prefix=PLAIN_USER), "env.toml", "Permission denied")
    old.chmod(0o600)
    assert old.read_text() == OLD
    assert files(tmp_path) == ["env.toml"]


@needs_plain_user
def test_configs_that_cannot_be_listed(run, tmp_path):
    (tmp_path / "configs").mkdir(0)
    script = shutil.copy(SCRIPT, tmp_path)
    assert_refused(run(*WORDS, script=script, prefix=PLAIN_USER), "slurm: no such config")
    assert files(tmp_path) == ["configs", "env_toml.py"]


@pytest.mark.parametrize("limit", [0, 1, 4096, 40_000])
@pytest.mark.parametrize("existing", [False, True], ids=["first", "force"])
def test_a_limit_on_the_size_of_files(run, tmp_path, target, limit, existing):
    if existing:
        target.write_text(OLD)
    done = run(*WORDS, "-f", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert_refused(done, "env.toml", os.strerror(errno.EFBIG))
    assert files(tmp_path) == ["env.toml"] * existing
    assert not existing or target.read_text() == OLD


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB: one file of this project fits, two do not."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not can("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)):
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk(run, small_disk):
    words = ("-c", "slurm", "output_path=disk/env.toml")
    (small_disk / "ballast").write_bytes(bytes(48 * 1024))
    assert_refused(run(*words), "disk/env.toml", os.strerror(errno.ENOSPC))
    assert files(small_disk) == ["ballast"]
    (small_disk / "ballast").unlink()
    assert run(*words).returncode == 0, "with room there is no trouble"
    before = identity(small_disk / "env.toml")
    done = run(*words, "-f", "sections.slurm_base.account=x")
    assert_refused(done, "disk/env.toml", os.strerror(errno.ENOSPC))
    assert identity(small_disk / "env.toml") == before
    assert files(small_disk) == ["env.toml"]


def test_a_disk_with_room_for_the_new_file_but_not_for_the_kept_one(run, small_disk):
    (small_disk / "env.toml").write_text("#" * 20_000)
    before = identity(small_disk / "env.toml")
    assert_refused(run("-c", "slurm", "output_path=disk/env.toml", "-f"), os.strerror(errno.ENOSPC))
    assert identity(small_disk / "env.toml") == before
    assert files(small_disk) == ["env.toml"]


# ---------------------------------------------------------------------- calls that fail or surprise


def failing(number: int):
    def call(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return call


def forbid_links(monkeypatch, number: int = errno.EPERM) -> None:
    monkeypatch.setattr(os, "link", failing(number))


def forbid_renames(monkeypatch) -> None:
    for name in ("replace", "rename"):
        monkeypatch.setattr(os, name, failing(errno.EIO))


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK], ids=errno.errorcode.get)
def test_no_hard_links(monkeypatch, tmp_path, target, number):
    forbid_links(monkeypatch, number)
    assert env_toml.write(str(target), "new = 1\n") == "wrote"
    assert target.read_text() == "new = 1\n"
    with pytest.raises(env_toml.EnvTomlError, match="force=true"):
        env_toml.write(str(target), "new = 2\n")
    assert target.read_text() == "new = 1\n"
    assert env_toml.write(str(target), "new = 2\n", force=True) == "wrote"
    assert files(tmp_path) == ["env.toml", "env.toml.bak"]


def test_a_name_that_appears_while_writing(monkeypatch, tmp_path, target):
    real = os.link

    def link(source, name, **more):
        target.write_text(OLD)
        real(source, name, **more)

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(env_toml.EnvTomlError, match="force=true"):
        env_toml.write(str(target), "new = 1\n")
    assert target.read_text() == OLD
    assert files(tmp_path) == ["env.toml"]


def test_a_name_that_appears_while_writing_where_there_are_no_hard_links(monkeypatch, tmp_path, target):
    def link(*_, **__):
        target.write_text(OLD)
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(env_toml.EnvTomlError, match="force=true"):
        env_toml.write(str(target), "new = 1\n")
    assert target.read_text() == OLD
    assert files(tmp_path) == ["env.toml"]


def test_a_name_that_appears_is_kept_when_forced(monkeypatch, tmp_path, target):
    real = os.fsync

    def fsync(number):
        real(number)
        if not target.exists():
            target.write_text(OLD)

    monkeypatch.setattr(os, "fsync", fsync)
    assert env_toml.write(str(target), "new = 1\n", force=True) == "wrote"
    assert target.read_text() == "new = 1\n"
    assert (tmp_path / "env.toml.bak").read_text() == OLD


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize("existing", [False, True], ids=["first", "force"])
def test_a_flush_that_fails_leaves_nothing_behind(monkeypatch, tmp_path, target, number, existing):
    if existing:
        target.write_text(OLD)
    monkeypatch.setattr(os, "fsync", failing(number))
    with pytest.raises(env_toml.EnvTomlError, match=rf"/env\.toml: .*{os.strerror(number)}"):
        env_toml.write(str(target), "new = 1\n", force=True)
    assert files(tmp_path) == ["env.toml"] * existing
    assert not existing or target.read_text() == OLD


def test_a_rename_that_fails_keeps_the_old_file(monkeypatch, tmp_path, old):
    forbid_renames(monkeypatch)
    before = identity(old)
    with pytest.raises(env_toml.EnvTomlError, match=r"/env\.toml: "):
        env_toml.write(str(old), "new = 1\n", force=True)
    assert identity(old) == before
    assert [name for name in files(tmp_path) if name != "env.toml.bak"] == ["env.toml"]


def test_without_links_and_renames_there_is_no_half_file(monkeypatch, tmp_path, target):
    forbid_links(monkeypatch)
    forbid_renames(monkeypatch)
    with pytest.raises(env_toml.EnvTomlError, match=r"/env\.toml: "):
        env_toml.write(str(target), "new = 1\n")
    assert files(tmp_path) == []


@pytest.mark.parametrize("existing", [False, True], ids=["first", "force"])
def test_the_text_is_on_the_disk_before_it_has_the_name(monkeypatch, target, existing):
    if existing:
        target.write_text(OLD)
    calls: list[str] = []
    for name in ("fsync", "link", "replace", "rename"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *a, real=real, name=name, **k: (calls.append(f"{name} {a[-1]}"), real(*a, **k))[1]
        )
    env_toml.write(str(target), "new = 1\n", force=True)
    named = next(i for i, call in enumerate(calls) if call.endswith("/env.toml"))
    assert any(call.startswith("fsync") for call in calls[:named]), calls


# ----------------------------------------------------------------------------- killed at any moment


@pytest.mark.parametrize(
    ("existing", "links"), [(False, "links"), (False, "nolinks"), (True, "links")], ids=["first", "no-links", "force"]
)
def test_killed_at_any_moment(run, tmp_path, existing, links):
    new = env_toml.generate("slurm", ["sections.slurm_base.account=new"])
    (tmp_path / "old").write_text(OLD)
    (tmp_path / "new").write_text(new)
    done = run(
        tmp_path, "old" if existing else "-", "new", links, script=Path(__file__).with_name("crash.py"), stdout=-1
    )
    assert done.returncode == 0
    found = json.loads(done.stdout)
    moments = [m for m in found if m["killed"]]
    whole = [m for m in found if not m["killed"]]
    assert [m["status"] for m in whole] == [0], "one run, the last by calls, goes to its end"
    places = {m["place"] for m in moments}
    assert places > {"before fsync", "after fsync", "before write", "at 0 bytes", "at 4096 bytes"}
    assert any("link" in place or "replace" in place or "rename" in place for place in places)
    before = OLD if existing else None
    for moment in moments:
        place = moment["place"]
        if links == "nolinks" and moment["target"] == "":  # the name is taken, and the rename never came
            continue
        assert moment["target"] in (before, new), f"killed {place}: neither the old file nor the new one"
        assert moment["bak"] in (None, OLD), f"killed {place}: the kept file is not the old one"
        assert moment["later"] in ("wrote", "unchanged"), f"killed {place}: the next run is refused"
        assert moment["at last"] == new, f"killed {place}: the next run does not write"


# ------------------------------------------------------------------------------------ twelve at once


def twelve(tmp_path: Path, *words: str) -> list[subprocess.Popen[bytes]]:
    return [
        subprocess.Popen(
            [sys.executable, SCRIPT, *WORDS, *words, f"sections.slurm_base.account=a{number}"],
            cwd=tmp_path,
            env=cli.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in range(12)
    ]


def texts(*words: str) -> list[str]:
    return [
        body(env_toml.generate("slurm", [*words, f"sections.slurm_base.account=a{number}"])) for number in range(12)
    ]


def test_of_twelve_at_once_one_writes(tmp_path, target):
    runs = twelve(tmp_path)
    said = [(*one.communicate(), one.returncode) for one in runs]
    assert sorted(status for _, _, status in said) == [0] + [2] * 11, said
    winner = next(number for number, (_, _, status) in enumerate(said) if status == 0)
    assert body(target.read_text()) == texts()[winner]
    assert files(tmp_path) == ["env.toml"]


def test_of_twelve_at_once_with_force_the_file_is_always_whole(tmp_path, target):
    allowed = {None, *texts()}
    runs = twelve(tmp_path, "force=true")
    seen = set()
    while any(one.poll() is None for one in runs):
        seen.add(body(target.read_text()) if target.exists() else None)
    said = [(*one.communicate(), one.returncode) for one in runs]
    assert [status for _, _, status in said] == [0] * 12, said
    assert seen <= allowed
    assert body(target.read_text()) in allowed
    assert body((tmp_path / "env.toml.bak").read_text()) in allowed
    assert files(tmp_path) == ["env.toml", "env.toml.bak"]


# ---------------------------------------------------------------------------------- standard output

PRINTING = [
    ("-d",),
    ("output_path=-",),
    ("--help",),
    ("--list",),
    ("--tree",),
    ("--show", "slurm_base"),
    ("--version",),
]


def config_of(mode: tuple[str, ...]) -> tuple[str, ...]:
    return () if mode[0] in ("--list", "--version", "--help") else ("-c", "slurm")


@pytest.mark.parametrize("mode", PRINTING, ids=" ".join)
def test_standard_output_on_a_full_disk(run, mode):
    with open("/dev/full", "w") as full:
        done = run(*config_of(mode), *mode, stdout=full)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert os.strerror(errno.ENOSPC) in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("mode", PRINTING, ids=" ".join)
def test_a_closed_pipe_is_no_error(run, mode):
    reader, writer = os.pipe()
    os.close(reader)
    done = run(*config_of(mode), *mode, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_pipe_does_not_make_a_difference_equal(run):
    reader, writer = os.pipe()
    os.close(reader)
    done = run("-c", "slurm", "--check", stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("words", ["-c slurm -d", "--help"])
def test_head_takes_one_line(tmp_path, words):
    command = f"'{sys.executable}' '{SCRIPT}' {words} | head -n 1"
    done = subprocess.run(
        command, check=False, shell=True, cwd=tmp_path, capture_output=True, text=True, env=cli.environment()
    )
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)


def closed(stream: int) -> tuple[str, ...]:
    return ("sh", "-c", f'exec "$@" {stream}>&-', "sh")


@pytest.mark.parametrize("mode", PRINTING, ids=" ".join)
def test_closed_standard_output_is_an_error(run, mode):
    done = run(*config_of(mode), *mode, prefix=closed(1))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_a_file_is_written_with_standard_output_closed(run, tmp_path, target):
    done = run(*WORDS, prefix=closed(1))
    assert done.returncode in (0, 2)
    assert "Traceback" not in done.stderr
    assert files(tmp_path) == ["env.toml"]
    assert body(target.read_text()) == body(env_toml.generate("slurm"))


def test_warnings_never_get_into_the_result(run):
    """With standard error closed, print() would take standard output instead."""
    done = run("-c", "slurm", "-d", "sections.slurm_rl_nemo_rl_rlhf.nodes=1", prefix=closed(2))
    assert done.returncode == 0
    assert read_toml(done.stdout)["slurm_rl_nemo_rl_rlhf"]["nodes"] == 1


@pytest.mark.parametrize("stream", ["closed", "full"])
def test_an_error_that_cannot_be_told_is_still_one(run, tmp_path, stream):
    if stream == "closed":
        done = run("-c", "nowhere", prefix=closed(2))
    else:
        with open("/dev/full", "w") as full:
            done = run("-c", "nowhere", stderr=full)
    assert (done.returncode, done.stdout) == (2, "")
    assert files(tmp_path) == []


class Full(io.StringIO):
    """A stream on a full disk."""

    def flush(self):
        raise OSError(28, "No space left on device")

    def fileno(self):
        return self.descriptor


@pytest.fixture
def full(tmp_path):
    stream = Full()
    with open(tmp_path / "stream", "w") as file:
        stream.descriptor = file.fileno()
        yield stream


def test_a_full_disk_below_standard_output(clean, monkeypatch, capsys, full):
    monkeypatch.setattr(sys, "stdout", full)
    with pytest.raises(SystemExit) as ended:
        env_toml.main(["--list"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: standard output: No space left on device\n"


@pytest.mark.parametrize(("words", "status"), [(["--list"], 0), (["-c", "slurm", "--check"], 1)])
def test_a_closed_pipe_keeps_the_status(clean, monkeypatch, capsys, full, words, status):
    monkeypatch.setattr(full, "flush", lambda: (_ for _ in ()).throw(BrokenPipeError))
    monkeypatch.setattr(sys, "stdout", full)
    with pytest.raises(SystemExit) as ended:
        env_toml.main(words)
    assert (ended.value.code, capsys.readouterr().err) == (status, "")


@pytest.mark.parametrize("broken", ["full", "closed"])
def test_findings_that_cannot_be_told(clean, monkeypatch, capsys, full, broken):
    monkeypatch.setattr(sys, "stderr", full if broken == "full" else None)
    with pytest.raises(SystemExit) as ended:
        env_toml.main(["force=maybe"])
    assert (ended.value.code, capsys.readouterr().out) == (2, "")
