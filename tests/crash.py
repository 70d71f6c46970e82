"""Kill env_toml.write at every moment at which it touches the disk, and look at what is left.

    python crash.py FOLDER OLD|- NEW links|nolinks

FOLDER gets one folder for each moment; OLD is the file with the old content (- for none). A child
process writes and kills itself right before or right after its Nth call into the operating system or
a file object; then a run that nobody kills follows. Prints a JSON list of what was found.
"""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import env_toml

HARMLESS = {"fspath", "stat", "lstat", "getcwd", "getpid", "urandom", "readlink", "fsencode", "kill"}


def touches_disk(function: object) -> bool:
    name, owner = getattr(function, "__name__", ""), getattr(function, "__self__", None)
    return name not in HARMLESS and (
        isinstance(owner, io.IOBase)
        or getattr(function, "__module__", "") in ("posix", "io", "_io")
        or getattr(owner, "__name__", "") == "posix"
    )


def die_at(stop: int, pipe: int) -> None:
    """Kill this process at the `stop`-th event; the name of the call goes to the pipe."""
    seen = 0

    def count(_frame: object, event: str, function: object) -> None:
        nonlocal seen
        if event in ("c_call", "c_return") and touches_disk(function):
            seen += 1
            if seen == stop:
                os.write(pipe, f"{'before' if event == 'c_call' else 'after'} {function.__name__}".encode())
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)


def die_after_bytes(limit: int) -> None:
    """Have the kernel kill this process in the middle of a write, once a file has `limit` bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def no_links(*_: object, **__: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def attempt(folder: Path, old: str | None, new: str, moment: str, stop: int) -> dict[str, object]:
    """Write in a child that dies at the moment; return where it died and what it left."""
    folder.mkdir()
    target = folder / "env.toml"
    if old is not None:
        target.write_text(old, encoding="utf-8")
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        status = 70
        try:
            if moment == "call":
                die_at(stop, writer)
            else:
                die_after_bytes(stop)
            env_toml.write(str(target), new, force=old is not None)
            sys.setprofile(None)
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    status = os.waitpid(child, 0)[1]
    with os.fdopen(reader) as said:
        place = said.read()
    left = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    try:
        later = env_toml.write(str(target), new, force=old is not None or left.get("env.toml") == new)
    except env_toml.EnvTomlError as error:
        later = str(error)
    return {
        "killed": os.WIFSIGNALED(status),
        "status": status,
        "place": place or f"at {stop} bytes",
        "target": left.get("env.toml"),
        "bak": left.get("env.toml.bak"),
        "later": later,
        "at last": target.read_text(encoding="utf-8"),
    }


def main(folder: str, old: str, new: str, links: str) -> None:
    before = None if old == "-" else Path(old).read_text(encoding="utf-8")
    after = Path(new).read_text(encoding="utf-8")
    if links == "nolinks":
        os.link = no_links
    found: list[dict[str, object]] = []
    while not found or found[-1]["killed"]:
        found.append(attempt(Path(folder, str(len(found))), before, after, "call", len(found) + 1))
    for limit in (0, 1, 4096, len(after) - 1):
        found.append(attempt(Path(folder, f"bytes{limit}"), before, after, "bytes", limit))
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
