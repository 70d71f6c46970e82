"""End a run of env_toml.py at every moment at which it touches the disk, and look at what is left.

    python crash.py FOLDER first|force links|nolinks KILL|INT|TERM

FOLDER gets one folder for each moment. A child process runs the command line and sends itself the
signal right before or right after its Nth call into the operating system or a file object; then a
run that nobody disturbs follows. Prints a JSON list of what was found.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import env_toml

HARMLESS = {
    "fspath",
    "stat",
    "lstat",
    "getcwd",
    "getpid",
    "urandom",
    "readlink",
    "fsencode",
    "kill",
}

OLD = "# by hand\nold = 1\n"
LONG = "x" * 9000  # more than one block of a disk, and than one buffer of Python
CONFIG = {"output_path": "env.toml", "sections": {"p": {"executor": "local", "launcher": LONG}}}


def touches_disk(function: object) -> bool:
    name, owner = getattr(function, "__name__", ""), getattr(function, "__self__", None)
    return name not in HARMLESS and (
        isinstance(owner, io.IOBase)
        or getattr(function, "__module__", "") in ("posix", "io", "_io")
        or getattr(owner, "__name__", "") == "posix"
    )


def end_at(stop: int, number: int, pipe: int) -> None:
    """Send this process a signal at the `stop`-th event; the name of the call goes to the pipe."""
    seen = 0

    def count(_frame: object, event: str, function: object) -> None:
        nonlocal seen
        if event in ("c_call", "c_return") and touches_disk(function):
            seen += 1
            if seen == stop:
                os.write(
                    pipe,
                    f"{'before' if event == 'c_call' else 'after'} {function.__name__}".encode(),
                )
                os.kill(os.getpid(), number)

    sys.setprofile(count)


def end_after_bytes(limit: int) -> None:
    """Have the kernel kill this process in the middle of a write, once a file has `limit` bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def no_links(*_: object, **__: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def main_in_child(words: list[str], said: Path, number: int, stop: int, pipe: int) -> int:
    """Run the command line until it is ended; what it says goes to a file."""
    out = os.open(said, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    if number:
        end_at(stop, number, pipe)
    else:
        end_after_bytes(stop)
    try:
        env_toml.main(words)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 70


def run(words: list[str]) -> str:
    """Run the command line in this process; return what it said."""
    said = io.StringIO()
    with (
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        contextlib.suppress(SystemExit),
    ):
        env_toml.main(words)
    return said.getvalue()


def attempt(folder: Path, words: list[str], number: int, stop: int) -> dict[str, object]:
    """Run in a child that ends at the moment; return where it ended and what it left.

    `number` is the signal, 0 for a limit of `stop` bytes on what it may write.
    """
    folder.mkdir()
    os.chdir(folder)
    Path("../site.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    said = Path("..", f"said {folder.name}")
    if "-f" in words:
        Path("env.toml").write_text(OLD, encoding="utf-8")
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        status = 70
        try:
            status = main_in_child(words, said, number, stop, writer)
        finally:
            sys.setprofile(None)
            os._exit(status)
    os.close(writer)
    status = os.waitpid(child, 0)[1]
    with os.fdopen(reader) as told:
        place = told.read()
    left = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    force = ["-f"] * ("-f" in words)
    later = run(["-c", "../site.json", "sections.p.nodes=3", *force])
    return {
        "exit": os.waitstatus_to_exitcode(status),
        "place": place or f"at {stop} bytes" * (not number),
        "left": left,
        "said": said.read_text(encoding="utf-8"),
        "later": later,
        "at last": {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()},
    }


def main(place: str, what: str, links: str, name: str) -> None:
    if links == "nolinks":
        os.link = no_links
    number = getattr(signal, f"SIG{name}")
    root = Path(place).resolve()
    words = ["-c", "../site.json", *["-f"] * (what == "force")]
    found: list[dict[str, object]] = []
    while not found or found[-1]["place"]:
        found.append(attempt(root / str(len(found)), words, number, len(found) + 1))
    if name == "KILL":
        for limit in (0, 1, 4096):
            found.append(attempt(root / f"bytes{limit}", words, 0, limit))
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
