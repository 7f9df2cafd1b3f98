"""Grafana's dashboard: whole, provisioned, and its queries run on a built database."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
import yaml
from hostile_names import COINS, TRADER

from pgio.connection import PROJECT_DIR

pytestmark = [pytest.mark.slow, pytest.mark.any_server]
pytest_plugins = ["report_database"]

Connection = psycopg.Connection[Any]
Panel = dict[str, Any]
Row = dict[str, Any]

FOLDER = PROJECT_DIR / "dashboards"
DASHBOARD = json.loads((FOLDER / "vigil.json").read_text("utf-8"))
COMPOSE = yaml.safe_load((PROJECT_DIR / "docker-compose.yml").read_text("utf-8"))

NUMBERS = {"int2", "int4", "int8", "numeric", "float4", "float8"}
TIMES = {"date", "timestamp", "timestamptz"}
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

SCORECARD = "Signals against what prices did next"
REFUSED = "Rows refused"
JOBS = "Jobs, failed ones first"
#: What the time range does not choose from.
AS_OF_NOW = {"How far the data goes", "Best traders", JOBS, SCORECARD}

#: The sample's fills, of 2025, and its ticks and loads, of now.
START = datetime(2025, 7, 1, tzinfo=UTC)
END = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)


def _all_panels() -> Iterator[Panel]:
    for panel in DASHBOARD["panels"]:
        yield panel
        yield from panel.get("panels", [])


PANELS = list(_all_panels())
DRAWN = {panel["title"]: panel for panel in PANELS if panel["type"] != "row"}
VARIABLES = {each["name"]: each for each in DASHBOARD["templating"]["list"]}


def interpolated(
    statement: str,
    values: dict[str, str | list[str]],
    interval: str = "1h",
    start: datetime = START,
    end: datetime = END,
) -> str:
    """Return what Grafana sends to the server for a query.

    The browser puts variables in, a list as quoted names; quotes are doubled. Then
    Grafana expands macros, whose arguments end at the first closing bracket. By its
    manual: *PostgreSQL query editor*, *Template variables*, *Global variables*.
    """
    known = {
        **values,
        "__from": f"{start.timestamp() * 1000:.0f}",
        "__to": f"{end.timestamp() * 1000:.0f}",
        "__interval": interval,
    }

    def variable(found: re.Match[str]) -> str:
        value = known[found[1]]
        if isinstance(value, str):
            return value.replace("'", "''")
        return ",".join("'" + each.replace("'", "''") + "'" for each in value)

    def seconds(width: str) -> int:
        return int(width[:-1]) * SECONDS[width[-1]]

    moments = tuple(f"'{each:%Y-%m-%dT%H:%M:%SZ}'" for each in (start, end))
    macros: dict[str, Callable[..., str]] = {
        "time": '{} AS "time"'.format,
        "timeFilter": lambda column: f"{column} BETWEEN {moments[0]} AND {moments[1]}",
        "timeGroupAlias": lambda column, width: (
            f"floor(extract(epoch from {column})/{seconds(width)})*{seconds(width)}"
            ' AS "time"'
        ),
        "unixEpochGroupAlias": lambda column, width: (
            f'floor(({column})/{seconds(width)})*{seconds(width)} AS "time"'
        ),
    }

    def macro(found: re.Match[str]) -> str:
        return macros[found[1]](*(each.strip() for each in found[2].split(",")))

    with_values = re.sub(r"\$(\w+)\b(?!\()", variable, statement)
    return re.sub(r"\$__(\w+)\(([^)]*)\)", macro, with_values)


#: What the variables hold, with hostile names where names are put into SQL.
VALUES: dict[str, Any] = {
    "coin": [*COINS.values(), "@107", "SUI"],
    "trader": TRADER,
    "venue": "binance_spot",
}

Answer = tuple[dict[str, str], list[Row]]


@pytest.fixture
def ask(conn: Connection) -> Callable[..., Answer]:
    """Return a panel's columns, with their types, and its rows."""

    def answer(title: str, **options: Any) -> Answer:
        [target] = DRAWN[title]["targets"]
        interval = options.pop("interval", DRAWN[title].get("interval", "1h"))
        chosen = {**VALUES, **options.pop("values", {})}
        query = interpolated(target["rawSql"], chosen, interval, **options)
        cursor = conn.execute(query.encode())
        assert cursor.description is not None
        columns = {each.name: each.type_display for each in cursor.description}
        assert len(columns) == len(cursor.description), "two columns of one name"
        return columns, [dict(zip(columns, row, strict=True)) for row in cursor]

    return answer


def test_the_dashboard_is_whole() -> None:
    # What Grafana 12 writes; later versions migrate it.
    assert DASHBOARD["schemaVersion"] == 42
    assert (DASHBOARD["uid"], DASHBOARD["title"]) == ("vigil", "Vigil")
    # Days are UTC; a browser elsewhere would show them as the evening before.
    assert DASHBOARD["timezone"] == "utc"
    assert DASHBOARD.get("id") is None, "an id is the Grafana's it was exported from"
    ids = [panel["id"] for panel in PANELS]
    assert len(set(ids)) == len(ids)
    titles = [panel["title"] for panel in PANELS]
    assert all(titles)
    assert len(set(titles)) == len(titles)
    chosen = {"type": "grafana-postgresql-datasource", "uid": "${datasource}"}
    for panel in DRAWN.values():
        assert panel["description"]
        assert panel["datasource"] == chosen
        [target] = panel["targets"]
        assert target["datasource"] == chosen
        assert (target["rawQuery"], target["refId"]) == (True, "A")
        assert target["format"] in ("table", "time_series")
    datasource, *asked = VARIABLES.values()
    assert (datasource["type"], datasource["query"]) == ("datasource", chosen["type"])
    for variable in asked:
        assert (variable["type"], variable["datasource"]) == ("query", chosen)


def test_panels_lie_beside_each_other() -> None:
    """In the grid of 24 columns; a row stands above its panels, alone in its line."""
    taken: dict[tuple[int, int], str] = {}
    for panel in PANELS:
        at = panel["gridPos"]
        assert at["w"] > 0
        assert at["h"] > 0
        assert at["x"] >= 0
        assert at["x"] + at["w"] <= 24
        for place in itertools.product(
            range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])
        ):
            assert place not in taken, (panel["title"], taken[place])
            taken[place] = panel["title"]
    for row in (panel for panel in PANELS if panel["type"] == "row"):
        assert (row["gridPos"]["w"], row["gridPos"]["h"]) == (24, 1)
        # Grafana keeps the panels of a row in it while it is closed, else after it.
        assert bool(row["panels"]) == row["collapsed"]


def test_no_query_reads_a_table_of_raw_rows_or_more_than_can_be_shown() -> None:
    queries = {title: p["targets"][0]["rawSql"] for title, p in DRAWN.items()}
    queries |= {n: v["query"] for n, v in VARIABLES.items() if v["type"] == "query"}
    for title, query in queries.items():
        assert not re.search(r"hyperliquid\.|btc_ticks|100ms", query), title
    for title, query in queries.items():
        kind = DRAWN[title]["type"] if title in DRAWN else "table"
        if kind == "table":
            assert re.search(r"\nlimit \d+$", query), title
    by_time = {t for t, query in queries.items() if "$__timeFilter(" in query}
    by_time |= {t for t, query in queries.items() if "between $__from and" in query}
    # Of the best traders the range chooses the profit that is shown beside them.
    assert set(DRAWN) - by_time == AS_OF_NOW - {"Best traders"}
    for name in set(VARIABLES) & by_time:
        assert VARIABLES[name]["refresh"] == 2, "asked again when the range changes"


def test_docker_compose_provisions_it() -> None:
    services = COMPOSE["services"]
    # `docker compose up` alone is as it was.
    assert [name for name in services if "profiles" not in services[name]] == [
        "timescale"
    ]
    grafana = services["grafana"]
    assert grafana["profiles"] == ["grafana"]
    assert re.fullmatch(r"grafana/grafana:12\.\d+\.\d+", grafana["image"])
    assert [port.rpartition(":")[0] for port in grafana["ports"]] == [
        "127.0.0.1:${GRAFANA_PORT:-3000}"
    ]
    environment = grafana["environment"]
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    mounts = {}
    for volume in grafana["volumes"]:
        source, target, mode = volume.split(":")
        assert mode == "ro"
        assert (PROJECT_DIR / source).is_dir(), source
        mounts[target] = PROJECT_DIR / source

    [provider] = _provisioned(mounts, "dashboards")["providers"]
    shown = mounts[provider["options"]["path"]]
    assert [path.name for path in shown.rglob("*.json")] == ["vigil.json"]
    home = environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/vigil.json"

    [datasource] = _provisioned(mounts, "datasources")["datasources"]
    assert datasource["type"] == VARIABLES["datasource"]["query"]
    wanted = set(re.findall(r"\$\{(\w+)\}", json.dumps(datasource)))
    assert wanted == {name for name in environment if not name.startswith("GF_")}
    # The service of the same file, as a container calls it.
    defaults = {name: environment[name].split(":-")[1][:-1] for name in wanted}
    assert defaults["GRAFANA_PGHOST"] in services
    assert defaults["GRAFANA_PGPORT"] == services["timescale"]["ports"][0][-4:]
    of_server = services["timescale"]["environment"]
    assert defaults["GRAFANA_PGUSER"] == of_server["POSTGRES_USER"]
    assert defaults["GRAFANA_PGDATABASE"] == of_server["POSTGRES_DB"]


def _provisioned(mounts: dict[str, Any], kind: str) -> dict[str, Any]:
    [path] = mounts[f"/etc/grafana/provisioning/{kind}"].glob("*.yml")
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    assert found["apiVersion"] == 1
    return found


def _unit(panel: Panel, column: str) -> str | None:
    unit = panel["fieldConfig"]["defaults"].get("unit")
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"] == {"id": "byName", "options": column}:
            for each in override["properties"]:
                unit = each["value"] if each["id"] == "unit" else unit
    return unit


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return datetime.fromtimestamp(float(value), UTC)


def _can_be_drawn(panel: Panel, answer: Answer) -> None:
    """Compare columns with what Grafana and the panel's own settings ask for."""
    columns, rows = answer
    assert rows
    for name, kind in columns.items():
        assert kind in NUMBERS | TIMES | {"text", "bool"}, (name, kind)
        if name != "time" and kind in NUMBERS:
            assert _unit(panel, name), name
    overridden = {
        override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]
    }
    assert overridden <= set(columns)
    if panel["targets"][0]["format"] != "time_series":
        return
    assert columns["time"] in TIMES | NUMBERS
    names = {name for name, kind in columns.items() if kind == "text"}
    if names:
        # Series are called by their name alone where it is one of three columns.
        assert (names, len(columns)) == ({"metric"}, 3)
    values = set(columns) - names - {"time"}
    assert {columns[name] for name in values} <= NUMBERS
    times = [_moment(row["time"]) for row in rows]
    assert times == sorted(times)
    assert times[0] >= START
    assert times[-1] <= END
    keys = [(row["time"], row.get("metric")) for row in rows]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("title", sorted(set(DRAWN) - {SCORECARD, REFUSED}))
def test_every_query_returns_what_its_panel_draws(
    title: str, ask: Callable[..., Answer]
) -> None:
    _can_be_drawn(DRAWN[title], ask(title))


@pytest.mark.parametrize("title", sorted(set(DRAWN) - AS_OF_NOW))
def test_panels_follow_the_time_range(title: str, ask: Callable[..., Answer]) -> None:
    years_before = {"start": START - timedelta(days=900), "end": START}
    years_before["end"] -= timedelta(days=1)
    assert ask(title, **years_before)[1] == []


def test_a_role_that_may_only_read_draws_everything(
    conn: Connection, ask: Callable[..., Answer]
) -> None:
    """The one that docs/report.md makes for the data source."""
    conn.execute("create role vigil_dashboard")
    conn.execute("grant pg_read_all_data to vigil_dashboard")
    conn.execute("set local role vigil_dashboard")
    for title in set(DRAWN) - {SCORECARD, REFUSED}:
        assert ask(title)[1], title
    ask(REFUSED)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("delete from analytics.alerts")


def test_rows_refused_are_shown_with_their_reason(
    conn: Connection, ask: Callable[..., Answer]
) -> None:
    assert ask(REFUSED)[1] == []
    [(load_id,)] = conn.execute(
        "update ingestion.load_log set rows_quarantined = 60 where load_id ="
        " (select max(load_id) from ingestion.load_log) returning load_id"
    )
    conn.execute(
        "insert into ingestion.quarantine"
        " (load_id, relation, object, row_number, reason, raw)"
        " select %s, 'hyperliquid.fills', 'file:///x', i, 'px is ' || -i, '{}'"
        " from generate_series(1, 60) as i",
        [load_id],
    )
    answer = ask(REFUSED)
    _can_be_drawn(DRAWN[REFUSED], answer)
    assert [row["Row"] for row in answer[1]] == list(range(60, 10, -1))
    assert answer[1][0]["Reason"] == "px is -60"


@pytest.mark.editions("postgres")
def test_a_failed_job_comes_first(conn: Connection, ask: Callable[..., Answer]) -> None:
    conn.execute(
        "insert into ops.retention_jobs (job_name, hypertable, policy, enabled)"
        " values ('zz', 'a.b', '{}', true)"
    )
    assert ask(JOBS)[1][-1]["Job"] == "zz"
    conn.execute(
        "insert into ops.policy_runs (job_name, last_error) values ('zz', 'disk full')"
    )
    first = ask(JOBS)[1][0]
    assert (first["Job"], first["Last run"], first["Error"]) == (
        "zz",
        "Failed",
        "disk full",
    )


def test_the_scorecard_waits_for_make_evaluate(
    conn: Connection, ask: Callable[..., Answer]
) -> None:
    """Its panel is in a closed row, so that nothing asks before somebody opens it."""
    [holder] = [row for row in PANELS if DRAWN[SCORECARD] in row.get("panels", [])]
    assert holder["collapsed"]
    assert "make evaluate" in holder["title"]
    assert "make evaluate" in DRAWN[SCORECARD]["description"]
    with (
        pytest.raises(psycopg.errors.UndefinedTable, match="signal_scorecard"),
        conn.transaction(),
    ):
        ask(SCORECARD)
    # As the Python model's table is made: from the YAML.
    text = (PROJECT_DIR / "python_jobs/_signals__models.yml").read_text("utf-8")
    [columns] = [
        model["columns"]
        for model in yaml.safe_load(text)["models"]
        if model["name"] == "signal_scorecard"
    ]
    made = ", ".join(f"{each['name']} {each['data_type']}" for each in columns)
    conn.execute(f"create table analytics.signal_scorecard ({made})".encode())
    conn.execute(
        "insert into analytics.signal_scorecard (signal, horizon_hours, meaning, ic,"
        " q_value) values ('a.x', 6, 'one', 0.1, null), ('a.x', 24, 'two', 0.2, 0.01)"
    )
    answer = ask(SCORECARD)
    _can_be_drawn(DRAWN[SCORECARD], answer)
    assert [(row["Signal"], row["Hours"]) for row in answer[1]] == [
        ("two", 24),
        ("one", 6),
    ]


def _total(rows: list[Row], *columns: str) -> float:
    return float(sum(row[name] or 0 for row in rows for name in columns))


COIN_HOURS = "analytics.coin_hourly where coin = any(%(coin)s)"


@pytest.mark.parametrize("interval", ["1h", "6h", "1d"])
@pytest.mark.parametrize(
    ("title", "columns", "measure", "rows_of"),
    [
        ("Traded by hour", ["volume"], "volume", COIN_HOURS),
        (
            "Liquidated by hour",
            ["Longs", "Shorts"],
            "long_liquidated_usd - short_liquidated_usd",
            COIN_HOURS,
        ),
        (
            "Bought less sold by smart money, by hour",
            ["net_flow_usd"],
            "net_flow_usd",
            "analytics.smart_money_hourly where coin = any(%(coin)s)",
        ),
        (
            "Rows loaded by hour",
            ["rows_loaded"],
            "rows_loaded",
            "ingestion.load_log",
        ),
    ],
)
def test_bars_of_any_width_add_up_to_the_table(
    title: str,
    columns: list[str],
    measure: str,
    rows_of: str,
    interval: str,
    conn: Connection,
    ask: Callable[..., Answer],
) -> None:
    _, rows = ask(title, interval=interval)
    [(expected,)] = conn.execute(
        f"select sum({measure})::float8 from {rows_of}".encode(), VALUES
    )
    assert expected
    assert _total(rows, *columns) == pytest.approx(expected)
    width = int(interval[:-1]) * SECONDS[interval[-1]]
    assert {_moment(row["time"]).timestamp() % width for row in rows} == {0}


def test_candles_are_those_of_the_chart_function(
    conn: Connection, ask: Callable[..., Answer]
) -> None:
    _, rows = ask("Bitcoin on $venue", interval="1h")
    [(first, last)] = conn.execute(
        "select min(bucket), max(bucket) from market_data.btc_ohlcv_1m"
    )
    expected = conn.execute(
        "select bucket, open, high, low, close, volume from market_data.candles_filled("
        "'1 hour', %s, %s, 'binance_spot') where volume > 0 order by bucket",
        [first, last + timedelta(minutes=1)],
    ).fetchall()
    assert len(expected) > 40
    assert [(_moment(row.pop("time")), *row.values()) for row in rows] == expected
    assert ask("Bitcoin on $venue", values={"venue": "kraken"})[1] == []


def _earned(conn: Connection, trader: str, start: datetime, end: datetime) -> float:
    [(total,)] = conn.execute(
        "select sum(net_pnl)::float8 from analytics.trader_pnl_daily"
        " where user_address = %s and day between %s and %s",
        [trader, start, end],
    )
    return float(total)


def test_the_days_of_one_trader_lead_to_the_sum(
    conn: Connection, ask: Callable[..., Answer]
) -> None:
    _, rows = ask("Profit and loss of $trader")
    total = pytest.approx(_earned(conn, TRADER, START, END))
    assert _total(rows, "Realised less fees", "Unrealised", "Funding") == total
    assert float(rows[-1]["In all"]) == total


def test_the_best_traders_have_the_profit_of_the_range(
    conn: Connection, ask: Callable[..., Answer]
) -> None:
    _, whole = ask("Best traders")
    assert whole[0]["Smart money"]
    for row in whole:
        assert float(row["PnL in all"]) == pytest.approx(
            float(row["PnL in this range"])
        )
    week = {"start": START, "end": START + timedelta(days=6)}
    _, rows = ask("Best traders", **week)
    assert [row["Trader"] for row in rows] == [row["Trader"] for row in whole]
    traded = [row for row in rows if row["PnL in this range"] is not None]
    assert traded
    for row in traded:
        assert float(row["PnL in this range"]) == pytest.approx(
            _earned(conn, row["Trader"], **week)
        )


def test_the_newest_day_is_that_of_the_range(
    conn: Connection, ask: Callable[..., Answer]
) -> None:
    end = datetime(2025, 8, 10, 12, tzinfo=UTC)
    _, signals = ask("Signals of the newest day", end=end)
    assert {row["Day"] for row in signals} == {end.date()}
    scores = [row["z-score"] for row in signals if row["z-score"] is not None]
    assert scores == sorted(scores, key=abs, reverse=True)
    _, history = ask("Net position of smart money by day", end=end)
    largest = sorted(signals, key=lambda row: (-abs(row["Net position"]), row["Coin"]))
    assert {row["metric"] for row in history} == {row["Coin"] for row in largest[:8]}
    assert history[-1]["time"] == end.date()
    _, alerts = ask("Newest alerts", end=end)
    known = [row["Known at"] for row in alerts]
    assert known == sorted(known, reverse=True)
    [(count, latest)] = conn.execute(
        "select count(*), max(known_at) from analytics.alerts where happened_at <= %s",
        [end],
    )
    assert (len(alerts), known[0]) == (count, latest)


def test_it_says_how_old_the_data_is(
    conn: Connection, ask: Callable[..., Answer]
) -> None:
    _, [row] = ask("How far the data goes")
    fill, signal, window = (float(value) / 1000 for value in row.values())
    [(newest,)] = conn.execute(
        "select max(last_active_at) from analytics.trader_profiles"
    )
    assert fill == pytest.approx(newest.timestamp(), abs=0.001)
    assert 0 < fill - signal + 3600 <= 7200
    assert 0 < END.timestamp() - window < 3 * 86400


def test_windows_alike_are_those_of_the_newest_one(
    conn: Connection, ask: Callable[..., Answer]
) -> None:
    _, rows = ask("Past windows most like the newest five minutes")
    found = conn.execute(
        "select neighbour_rank, neighbour_bucket, similarity"
        " from signals.btc_similar_windows where bucket ="
        " (select max(bucket) from signals.btc_similar_windows)"
        " order by neighbour_rank"
    ).fetchall()
    assert [tuple(row.values())[:3] for row in rows] == found
    assert any(row["5 min later"] for row in rows)


def test_variables_offer_what_there_is(conn: Connection) -> None:
    offered = {}
    for name, variable in VARIABLES.items():
        if variable["type"] == "query":
            query = interpolated(variable["query"], {})
            rows = conn.execute(query.encode()).fetchall()
            offered[name] = [value for (value,) in rows]
    assert offered["venue"] == ["binance_spot"]
    # The busiest first: what is chosen before anybody chooses.
    assert offered["coin"][0] == COINS["BTC"]
    assert set(COINS.values()) <= set(offered["coin"])
    best = conn.execute(
        "select user_address from analytics.trader_profiles where is_smart_money"
        " order by mtm_sharpe_ratio * confidence desc, user_address"
    ).fetchall()
    assert [(trader,) for trader in offered["trader"][: len(best)]] == best


#: Those that grow with the market; the others have a row per trader, load or job.
LARGE = {
    "asset_signals",
    "smart_money_hourly",
    "alerts",
    "trader_pnl_daily",
    "coin_hourly",
    "coin_daily",
    "btc_ohlcv_1m",
    "btc_ohlcv_5m",
    "btc_similar_windows",
    "quarantine",
}


@pytest.mark.editions("postgres")
def test_indexes_serve_the_large_tables(conn: Connection) -> None:
    """No look at a week reads the whole history."""
    conn.execute("set local enable_seqscan = off")
    queries = {t: p["targets"][0]["rawSql"] for t, p in DRAWN.items() if t != SCORECARD}
    queries |= {n: v["query"] for n, v in VARIABLES.items() if v["type"] == "query"}
    read = set()
    for title, query in queries.items():
        statement = "explain (format json) " + interpolated(query, VALUES)
        [(plans,)] = conn.execute(statement.encode())
        for above, node in _nodes(plans[0]["Plan"]):
            if node.get("Relation Name") in LARGE:
                read.add(node["Relation Name"])
                found = {"Index Cond", "Recheck Cond"} & node.keys()
                # Else the first row of an index, for a greatest or least value.
                assert found or above == "Limit", (title, node)
    assert read == LARGE


def _nodes(node: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    yield above, node
    for child in node.get("Plans", []):
        yield from _nodes(child, node["Node Type"])
