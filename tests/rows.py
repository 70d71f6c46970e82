"""A table of cases as one test: `@each_row` stands where `@pytest.mark.parametrize` could.

What pytest and pytest-xdist do for a test takes longer than most rows do: 3 ms of a core.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from pathlib import Path

import pytest

LONGEST_NAME = 100


def each_row(names, rows, ids=None):
    """Run the test for each row, also after one that fails; the failure tells of each that did.

    A row has a folder of its own as `tmp_path`, and runs there if the test runs in `tmp_path`;
    what it does with `monkeypatch` is undone after it. Other fixtures are shared by all rows.
    """
    names = [names] if isinstance(names, str) else list(names)
    rows = [(row,) if len(names) == 1 else tuple(row) for row in rows]
    assert rows, "a table without rows would pass"
    assert all(len(row) == len(names) for row in rows), f"not in each row: {names}"
    titles = [name_row(number, row, ids) for number, row in enumerate(rows)]

    def decorate(test):
        fixtures = [name for name in inspect.signature(test).parameters if name not in names]

        @functools.wraps(test)
        def all_rows(**given):
            __tracebackhide__ = True
            failed, skipped = {}, []
            for number, (title, row) in enumerate(zip(titles, rows)):
                try:
                    with own_fixtures(given, number) as own:
                        test(**dict(zip(names, row)), **{name: own[name] for name in fixtures})
                except pytest.skip.Exception as skip:
                    skipped.append(str(skip))
                except (Exception, SystemExit, pytest.fail.Exception) as error:
                    failed[title] = tell(error, dict(zip(names, row)), given.get("capsys"))
            if failed:
                told = [f"\n---- row {title}\n{text}" for title, text in failed.items()]
                summary = f"{len(failed)} of {len(rows)} rows failed: {'; '.join(failed)}"
                pytest.fail("\n".join([summary, *told]), pytrace=False)
            if skipped:
                pytest.skip("; ".join(sorted(set(skipped))))

        wanted = {*fixtures, *(["tmp_path"] if fixtures else ())}
        wanted |= {"capsys"} if "call" in wanted else set()
        all_rows.__signature__ = inspect.Signature(
            [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in sorted(wanted)]
        )
        return all_rows

    return decorate


@contextlib.contextmanager
def own_fixtures(given, number):
    """Give a row what another row must not see."""
    own = dict(given)
    with pytest.MonkeyPatch.context() as patch:
        if "tmp_path" in own:
            own["tmp_path"] = own["tmp_path"] / f"row{number}"
            own["tmp_path"].mkdir()
            if Path.cwd() == given["tmp_path"].resolve():
                patch.chdir(own["tmp_path"])
        if "monkeypatch" in own:
            own["monkeypatch"] = patch
        if "capsys" in own:
            own["capsys"].readouterr()
        yield own


def name_row(number, row, ids):
    """Return the id of a row: where it stands, and what it is called or else holds."""
    if ids is None or callable(ids):
        ids = ids or (lambda value: value if isinstance(value, str) else repr(value))
        name = ", ".join(str(ids(value)) for value in row)
    else:
        name = str(list(ids)[number])
    return f"{number} ({name[:LONGEST_NAME]})"


def tell(error, row, capsys):
    """Return what pytest would print of a test that fails: the values, the traceback, the output."""
    values = "".join(f"{name} = {value!r}\n" for name, value in row.items())
    trace = getattr(error, "msg", "")
    if getattr(error, "pytrace", True):
        trace = str(pytest.ExceptionInfo.from_exception(error).getrepr(style="long"))
    printed = "".join(capsys.readouterr()) if capsys else ""
    return f"{values}{trace}\n" + (f"-- printed\n{printed}" if printed else "")
