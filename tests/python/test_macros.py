"""The portable macros, rendered by dbt without a server.

The profile names a port where nobody listens: a macro that asked the server would fail.
What the SQL computes is tested by the rollups' unit tests, and by the last tests here.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import psycopg
import pytest
import yaml
from conftest import Database
from dbt.cli.main import dbtRunner

from pgio.binary_rows import describe, read_rows
from python_jobs.lib.fills import FillDecoder, Fills
from python_jobs.lib.fold_kernel import DUST, LIQUIDATION, TRANSFER
from python_jobs.lib.positions import fills_query

REPO = Path(__file__).resolve().parents[2]
WIDTH = 86_400_000
BUCKETS = [
    ("time_bucket('1 day', 'ms', unit='ms')", "postgres"),
    ("time_bucket('1 day', 'ts')", "postgres"),
]

RENDERED = [
    (
        "time_bucket('1 day', 'time', unit='ms')",
        "postgres",
        f"time - mod(mod(time, {WIDTH}) + {WIDTH}, {WIDTH})",
    ),
    (
        "time_bucket('1 day', 'time', unit='ms')",
        "apache",
        f"time_bucket({WIDTH}::bigint, time)",
    ),
    (
        "time_bucket('5 minutes', 'ts')",
        "postgres",
        "date_bin('5 minutes', ts, timestamptz '2000-01-03 00:00:00+00')",
    ),
    (
        "time_bucket('5 minutes', 'ts')",
        "community",
        "time_bucket(interval '5 minutes', ts)",
    ),
    ("time_bucket('1 month', 'ts')", "postgres", "date_trunc('month', ts, 'UTC')"),
    ("interval_units('1 day 12 hours', 's')", "postgres", "129600"),
    ("interval_units('100 ms', 'us')", "postgres", "100000"),
    ("time_span('1 hour', 'ms')", "apache", "3600000::bigint"),
    ("refresh_slice('100 ms')", "postgres", "3600000000 us"),
    ("refresh_slice('7 minutes')", "postgres", "3780000000 us"),
    ("refresh_slice('1 day')", "postgres", "1 day"),
    ("refresh_slice('1 month')", "postgres", "1 month"),
    ("time_span('1 hour')", "apache", "interval '1 hour'"),
    ("first('px', ['time'])", "community", "first(px, time)"),
    ("first('px', ['time'])", "postgres", "(array_agg(px order by time))[1]"),
    (
        "last('px', ['time', 'tid'])",
        "apache",
        "(array_agg(px order by time, tid))[count(*)]",
    ),
    ("rollup_filter('time')", "community", "true"),
    ("rollup_filter('time')", "postgres", "true"),
    ("first_stale_day()", "postgres", "'-infinity'::date /* first_stale_day date 0 */"),
    (
        "first_stale_day(back=6, unit='ms')",
        "community",
        "'-9223372036854775808'::bigint /* first_stale_day ms 6 */",
    ),
    ("kept_rows(['day', 'coin'], 30)", "apache", "/* kept_rows 30: day, coin */"),
    ("touched_rows('t.coin')", "postgres", "true /* touched_rows t.coin */"),
]

# Rules of fills that the fold knows as well.
FILL_RULES = [
    ("fee_in_base()", "postgres"),
    ("is_own_liquidation()", "postgres"),
    ("is_dust('dir')", "postgres"),
    ("is_transfer('dir')", "postgres"),
]
DIRS = [
    *(None, "", "Sell", "Spot Dust Conversion", "Net Child Vaults", "Settlement"),
    *("Liquidated Isolated Long", "Liquidated Cross Short", "Liquidated"),
]
NOTES = [None, "{}", '{"liquidatedUser": "0xAB"}', '{"liquidatedUser": "0xcd"}']

REFUSED = [
    ("interval_units('1 month', 'ms')", "apache", "'1 month' is no interval"),
    ("interval_units('a day', 'ms')", "apache", "write a number and a unit"),
    ("interval_units('1.5 days', 'ms')", "apache", "'1.5 days'"),
    (
        "interval_units('10 us', 'ms')",
        "apache",
        "positive whole number of ms",
    ),
    ("interval_units('0 days', 'ms')", "apache", "not a positive whole number"),
    ("interval_units('1 day', 'hours')", "apache", "Unknown time unit 'hours'"),
    ("time_bucket('1 month', 'time', unit='ms')", "postgres", "'1 month'"),
    ("time_bucket('3 months', 'ts')", "postgres", "only '1 month' and '1 year'"),
    ("first('px', 'time')", "postgres", "order_by must be a list"),
    ("last('px', [])", "community", "order_by must be a list"),
    ("first_stale_day(unit='s')", "postgres", "unit one of date, timestamptz, ms"),
    ("first_stale_day(back='6')", "postgres", "whole number of days"),
    ("timescale_edition()", "enterprise", "'enterprise'"),
]


def render(
    folder: Path, cases: list[tuple[str, str]], accepted: set[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """Compile each (expression, edition); return its SQL or message on one line.

    Those of `accepted` must compile.
    """
    (folder / "macros").symlink_to(REPO / "macros")
    (folder / "models").mkdir()
    project = {
        "name": "rendering",
        "version": "0.1.0",
        "profile": "rendering",
        "flags": {"send_anonymous_usage_stats": False},
    }
    output = {
        "type": "postgres",
        **{"host": "127.0.0.1", "port": 1, "user": "nobody", "password": ""},
        **{"dbname": "none", "schema": "none"},
    }
    profile = {"rendering": {"target": "dev", "outputs": {"dev": output}}}
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(project))
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
    for number, (jinja, _) in enumerate(cases):
        (folder / f"models/case_{number}.sql").write_text(
            f"{{% if execute %}}{{{{ {jinja} }}}}{{% endif %}}"
        )
    rendered = {}
    for edition in sorted({edition for _, edition in cases}):
        numbers = [n for n, case in enumerate(cases) if case[1] == edition]
        fine = [number for number in numbers if cases[number] in accepted]
        # dbt stops at the first model it cannot compile: those go one at a time.
        for batch in [fine, *([number] for number in numbers if number not in fine)]:
            for number, text in _compile(folder, edition, batch).items():
                rendered[cases[number]] = " ".join(text.split())
    return rendered


def _compile(folder: Path, edition: str, numbers: list[int]) -> dict[int, str]:
    """Compile some cases for an edition; the message of the error, if there is one."""
    if not numbers:
        return {}
    places = ("--project-dir", "--profiles-dir", "--log-path")
    done = dbtRunner().invoke(
        ["compile", "--no-introspect", "--no-populate-cache", "--quiet"]
        + ["--vars", f"{{timescale_edition: {edition}}}"]
        + ["--select", *(f"case_{number}" for number in numbers)]
        + [part for place in places for part in (place, str(folder))]
    )
    if not done.success:
        [number] = numbers
        return {number: str(done.exception)}
    return {
        int(result.node.name.removeprefix("case_")): result.node.compiled_code
        for result in done.result.results
    }


@pytest.fixture(scope="module")
def rendered(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[tuple[str, str], str]:
    plain = [*BUCKETS, *FILL_RULES]
    cases = [*plain, *(case[:2] for case in RENDERED + REFUSED)]
    accepted = {case[:2] for case in RENDERED} | set(plain)
    return render(tmp_path_factory.mktemp("macros"), cases, accepted)


@pytest.mark.parametrize(("jinja", "edition", "expected"), RENDERED)
def test_rendering(
    rendered: dict[tuple[str, str], str], jinja: str, edition: str, expected: str
) -> None:
    assert rendered[jinja, edition] == expected


@pytest.mark.parametrize(("jinja", "edition", "says"), REFUSED)
def test_refusals_name_what_is_wrong(
    rendered: dict[tuple[str, str], str], jinja: str, edition: str, says: str
) -> None:
    assert says in rendered[jinja, edition]


@pytest.mark.any_server
def test_buckets_of_integer_and_timestamp_times_agree(
    rendered: dict[tuple[str, str], str], database: Database
) -> None:
    from_ms, from_ts = (rendered[case] for case in BUCKETS)
    query = f"""
        select ms, {from_ms}, (extract(epoch from {from_ts}) * 1000)::bigint
        from (
            select ms, to_timestamp(ms / 1000.0) as ts
            from unnest(%s::bigint[]) as ms
        ) as times
    """
    times = [-1, 0, 1, WIDTH - 1, WIDTH, -WIDTH, 1_735_689_599_999, 1_735_689_600_000]
    with psycopg.connect(**database.conninfo) as conn:
        rows = conn.execute(query, [times]).fetchall()
    assert [row[1] for row in rows] == [time // WIDTH * WIDTH for time in times]
    assert [row[1] for row in rows] == [row[2] for row in rows]


@pytest.mark.any_server
def test_the_fold_says_of_a_fill_what_the_macros_say(
    rendered: dict[tuple[str, str], str], database: Database
) -> None:
    fills = list(
        product(
            ("BTC", "@230", "PURR/USDC"), "BA", ("USDC", "USDH", "", None), DIRS,
            NOTES, (-5, 0, 5),
        )
    )  # fmt: skip
    asked = ", ".join(rendered[case] for case in FILL_RULES)
    with psycopg.connect(**database.conninfo) as conn:
        conn.execute(
            """
            create temporary table fills (
                tid bigint, coin text, side text, fee_token text, dir text,
                liquidation jsonb, start_position numeric, sz numeric default 5,
                px numeric default 1, fee numeric default 1, closed_pnl numeric,
                time bigint default 1, user_address text default '0xAb',
                block_number bigint, event_index bigint
            )
            """
        )
        conn.cursor().executemany(
            "insert into fills values (%s, %s, %s, %s, %s, %s, %s)",
            [(number, *fill) for number, fill in enumerate(fills)],
        )
        said = np.array(
            conn.execute(f"select {asked} from fills order by tid").fetchall()
        )  # type: ignore[arg-type]
        query = f"{fills_query('fills')} order by tid"
        decoder = FillDecoder()
        found = Fills.concat(
            [
                decoder.decode(rows)
                for rows in read_rows(conn, query, describe(conn, query))
            ]
        )
    start = np.array([fill[-1] for fill in fills])
    reduces = start * np.where(found.is_buy, 1, -1) < 0
    is_named = np.array(["liquidatedUser" in (fill[-2] or "") for fill in fills])
    in_base, is_own, is_dust, is_transfer = said.T
    assert (found.is_base_fee == in_base).all()
    assert ((found.kind == DUST) == (is_dust & ~is_own)).all()
    assert ((found.kind == TRANSFER) == (is_transfer & ~is_own)).all()
    # The fold asks for the kind of a fill only where it reduces the position.
    is_liquidation = (found.kind == LIQUIDATION) & (reduces | is_named)
    assert (is_liquidation == is_own).all()
    assert {bool(x) for x in is_own[~is_named]} == {True, False}
