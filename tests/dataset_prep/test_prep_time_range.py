"""Times of another unit: what is doubted, what the summary says, and what is refused."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
from recbole_cammsr.dataset_prep.time_range import TIME_UNITS, TimeWatch, time_span

NOVEMBER = 1_700_000_000


def doubt(values: list[Any], units: int = 1, option: str = "--time-unit") -> str | None:
    watch = TimeWatch(units)
    for value in values:
        watch.see(value, None if value is None else float(value) / units)
    return watch.doubt("when", option)


@pytest.mark.parametrize(
    ("first", "last", "span"),
    [
        (NOVEMBER, NOVEMBER + 86_400, "2023-11-14 to 2023-11-15"),
        (1, 57, "1 to 57 (as seconds since 1970)"),
        (0.5, 1.0, "0.5 to 1 (as seconds since 1970)"),
        (NOVEMBER, NOVEMBER * 1e9, "1,700,000,000 to 1,700,000,000,000,000,000 (as seconds"),
    ],
)
def test_a_range_is_two_dates_where_it_can_be(first: float, last: float, span: str) -> None:
    assert time_span(first, last).startswith(span)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("given", ["s", "ms", "us"])
def test_a_smaller_unit_than_the_given_one_is_named(unit: str, given: str) -> None:
    values = [(NOVEMBER + n) * TIME_UNITS[unit] for n in range(3)]
    found = doubt([*values, None], TIME_UNITS[given])
    if TIME_UNITS[unit] <= TIME_UNITS[given]:
        assert found is None
    else:
        name = "seconds" if given == "s" else given
        assert found == (
            f"3 of 3 times in 'when' cannot be {name}, e.g. {values[0]}, which in {unit} is "
            f"2023-11-14: add `--time-unit {unit}`"
        )


@pytest.mark.parametrize(
    "values",
    [[1, 2, 3], [0, -5], [315_532_800, NOVEMBER, 4_000_000_000], [253_402_300_799], [float("inf")]],
)
def test_seconds_positions_and_distant_dates_are_not_doubted(values: list[Any]) -> None:
    assert doubt(values) is None


def test_mixed_units_are_no_matter_of_an_option() -> None:
    for values in ([NOVEMBER, NOVEMBER * 1000], [NOVEMBER * 1000, NOVEMBER * 10**6]):
        found = doubt(values)
        assert found is not None
        assert found.endswith("the file mixes units: write all of its times in one unit")
    found = doubt([0, NOVEMBER * 1000])
    assert found is not None
    assert found.endswith("add `--time-unit ms`")


def test_a_command_without_the_option_is_told_to_divide() -> None:
    found = doubt([NOVEMBER * 1000], option="")
    assert found is not None
    assert found.endswith("divide them by 1,000 in the file")


def log(folder: Path, factor: Any) -> list[str]:
    """Six users with six items each; ``factor`` scales the time of a user."""
    rows = [
        f"{u},{i},{(NOVEMBER + 60 * (6 * u + i)) * factor(u)}" for u in range(6) for i in range(6)
    ]
    (folder / "log.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]) + "\n")
    given = ["table", "--interactions", str(folder / "log.csv"), "--dataset", "d", "--quiet"]
    return [*given, "--output", str(folder / "out")]


@pytest.mark.parametrize(
    ("factor", "advice"),
    [(lambda u: 1000, "add `--time-unit ms`"), (lambda u: 1000 ** (u % 2), "mixes units")],
)
def test_command_warns_of_the_unit_and_refuses_to_filter_by_it(
    factor: Any, advice: str, tmp_path: Path, capsys: Any
) -> None:
    pytest.importorskip("duckdb")
    from recbole_cammsr.dataset_prep import cli

    given = log(tmp_path, factor)
    # Once while staging, and once more where the source is staged already.
    for bound in (["--min-time", "2025-01-01"], ["--max-time", "2025-01-01"]):
        assert cli.main([*given, *bound]) == 1
        error = capsys.readouterr().err
        assert "error: --min-time and --max-time are compared with seconds, but log.csv: " in error
        assert advice in error
        assert error.count("\n") == 1
        assert not (tmp_path / "out" / "d.inter").exists()
    for _ in range(2):
        assert cli.main(given) == 0
        (warning,) = (x for x in capsys.readouterr().out.splitlines() if "warning: log.csv" in x)
        assert advice in warning
    assert cli.main(["check", str(tmp_path / "out"), "--quiet"]) == 0
    assert f"warning: {warning.split('warning: ')[1]}" in capsys.readouterr().out


def test_summary_has_the_range_of_the_times(tmp_path: Path, capsys: Any) -> None:
    pytest.importorskip("duckdb")
    from recbole_cammsr.dataset_prep import cli

    given = [*log(tmp_path, lambda u: 1000), "--time-unit", "ms"]
    assert cli.main([*given, "--min-time", "2023-01-01"]) == 0
    out = capsys.readouterr().out
    assert "2023-11-14 to 2023-11-14" in out
    assert "warning" not in out
    assert cli.main([*given, "--min-time", "2025-01-01"]) == 1
    assert "removed the last 36 (times: 2023-11-14 to 2023-11-14)" in capsys.readouterr().err


@pytest.mark.parametrize("bound", ["2014", "20210101", "315532799"])
@pytest.mark.parametrize("option", ["--min-time", "--max-time"])
def test_a_year_or_compact_date_is_no_bound_in_seconds(
    bound: str, option: str, tmp_path: Path, capsys: Any
) -> None:
    pytest.importorskip("duckdb")
    from recbole_cammsr.dataset_prep import cli

    given = log(tmp_path, lambda u: 1)
    assert cli.main([*given, option, bound]) == 1
    error = capsys.readouterr().err
    assert f"{option} {bound} is read as seconds since 1970" in error
    assert f"2023-11-14: write a date, e.g. {option} 2014-01-01" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out" / "d.inter").exists()
    # The same days written as dates are no numbers, however early.
    assert cli.main([*given, "--min-time", "1975-03-01", "--max-time", "2024-01-01"]) == 0


@pytest.mark.usefixtures("elsewhere")
def test_bounds_without_a_zone_are_utc_wherever_the_machine_stands() -> None:
    pytest.importorskip("duckdb")
    from recbole_cammsr.dataset_prep.filter_options import add_filter_options, filter_rule

    parser = argparse.ArgumentParser()
    add_filter_options(parser)
    given = ["--dataset", "d", "--output", "o", "--min-time", "1970-01-02"]
    rule = filter_rule(parser.parse_args([*given, "--max-time", "1970-01-02T02:00+01:00"]))
    assert (rule.min_time, rule.max_time) == (86_400.0, 90_000.0)


def test_a_number_bounds_times_that_are_positions(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    from recbole_cammsr.dataset_prep import cli

    given = log(tmp_path, lambda u: 1)
    rows = [f"{u},{i},{6 * u + i + 1}" for u in range(6) for i in range(6)]
    (tmp_path / "log.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]) + "\n")
    core = ["--min-per-user", "0", "--min-per-item", "0"]
    assert cli.main([*given, *core, "--min-time", "7", "--max-time", "20"]) == 0
    written = (tmp_path / "out" / "d.inter").read_text().splitlines()[1:]
    assert [int(line.split("\t")[2]) for line in written] == list(range(7, 20))


@pytest.mark.parametrize(
    "values",
    [[20230105, 20231231], ["20230105"], [20230105.0, None], ["20230105123000"], [202301051230]],
)
def test_times_that_all_look_like_days_are_doubted(values: list[Any]) -> None:
    found = doubt(values)
    assert found is not None
    assert "look like days, e.g. " in found
    assert "20230105" in found
    assert found.endswith("read as seconds: write them as 2023-01-05")


@pytest.mark.parametrize("values", [[20230105, 20231301], [20230105, 7], [20230100], [], [None]])
def test_other_numbers_are_no_days(values: list[Any]) -> None:
    assert doubt(values) is None
