"""The tables of cases: each row is run on its own, and a failure tells all that failed."""

import os
import sys

import pytest
from rows import each_row


def run_rows(rows, ids=None, **fixtures):
    """Run a small test over rows; return what it fails with."""

    @each_row(("one", "other"), rows, ids)
    def compare(one, other):
        assert one == other, "they differ"

    with pytest.raises(pytest.fail.Exception) as failure:
        compare(**fixtures)
    return str(failure.value)


def test_each_row_that_fails_is_told_and_none_hides_another():
    told = run_rows([(1, 2), (3, 3), ("a", "b")], ids=["first", "second", "third"])
    assert told.startswith("2 of 3 rows failed: 0 (first); 2 (third)\n"), told
    for fragment in (
        "row 0 (first)\none = 1\nother = 2\n",
        "row 2 (third)\none = 'a'\nother = 'b'\n",
    ):
        assert fragment in told
    assert told.count("AssertionError: they differ") == 2
    assert "assert 'a' == 'b'" in told
    assert "second" not in told


def test_a_row_without_a_name_is_told_by_what_it_holds():
    assert run_rows([("a", None)]).startswith("1 of 1 rows failed: 0 (a, None)\n")
    told = run_rows([(1, 2)], ids=lambda value: f"<{value}>")
    assert told.startswith("1 of 1 rows failed: 0 (<1>, <2>)\n")


@pytest.mark.parametrize("problem", [ValueError, SystemExit, pytest.fail.Exception], ids=str)
def test_any_problem_fails_a_row(problem):
    done = []

    @each_row("row", [1, 2])
    def raise_it(row):
        done.append(row)
        raise problem(f"from {row}")

    with pytest.raises(
        pytest.fail.Exception, match=r"2 of 2 rows failed(?s:.*)from 1(?s:.*)from 2"
    ):
        raise_it()
    assert done == [1, 2]


def test_a_table_of_rows_over_another_tells_both(tmp_path):
    @each_row("one", [1, 2])
    @each_row("other", [2, 3], ids=["a", "b"])
    def compare(one, other):
        assert one == other

    with pytest.raises(pytest.fail.Exception) as failure:
        compare(tmp_path=tmp_path)
    told = str(failure.value)
    for fragment in ("2 of 2 rows failed: 0 (1); 1 (2)", "1 of 2 rows failed: 1 (b)"):
        assert fragment in told


@pytest.mark.parametrize("rows", [[], [(1,)], [(1, 2, 3)]], ids=str)
def test_a_table_that_does_not_fit_is_refused(rows):
    with pytest.raises(AssertionError):
        each_row(("one", "other"), rows)


def test_a_row_that_skips_is_told_after_all_are_run():
    done = []

    @each_row("row", [1, 2, 3])
    def skip_two(row):
        done.append(row)
        if row == 2:
            pytest.skip("needs a third hand")

    with pytest.raises(pytest.skip.Exception, match="needs a third hand"):
        skip_two()
    assert done == [1, 2, 3]


@each_row("number", range(3))
def test_a_row_has_its_own_folder_and_patches(clean, tmp_path, monkeypatch, number):
    assert list(tmp_path.iterdir()) == []
    assert tmp_path.name == f"row{number}"
    assert os.getcwd() == os.path.realpath(tmp_path)
    assert "ROW" not in os.environ
    monkeypatch.setenv("ROW", str(number))
    (tmp_path / "left over").touch()


def test_what_a_row_printed_is_told(capsys):
    @each_row("row", [1, 2])
    def talk(call, row):
        print(f"said by {row}")
        print(f"asked by {row}", file=sys.stderr)
        assert row == 1

    with pytest.raises(pytest.fail.Exception) as failure:
        talk(call=None, capsys=capsys)
    told = str(failure.value)
    assert told.endswith("-- printed\nsaid by 2\nasked by 2\n"), told
    assert "said by 1\n" not in told
