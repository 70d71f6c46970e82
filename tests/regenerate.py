"""Write what the commands of cases/cli.json print now to cases/golden/: python tests/regenerate.py

Run it after a change to what is printed, and read the difference before committing it. The exit
status is not taken over: it stands in the table, and one that differs is shown.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path

import golden


def main() -> None:
    golden.GOLDEN.mkdir(exist_ok=True)
    for stale in golden.GOLDEN.iterdir():
        if stale.stem not in golden.CASES:
            stale.unlink()
            print("removed", stale.name)
    for name, case in golden.CASES.items():
        if golden.missing(case):
            sys.exit(f"{name}: {golden.missing(case)}")
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            found = golden.perform(case, Path(folder))
        before = golden.expected(name)
        if found.exit != before.exit:
            print(f"{name}: exit {found.exit}, the table says {before.exit}")
        for end, text, old in (("out", found.out, before.out), ("err", found.err, before.err)):
            if text != old:
                print("changed", f"{name}.{end}")
                (golden.GOLDEN / f"{name}.{end}").write_text(text, encoding="utf-8")
                if not text:
                    (golden.GOLDEN / f"{name}.{end}").unlink()


if __name__ == "__main__":
    main()
