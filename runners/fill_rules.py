"""Apply the rules of staging to fills outside the database.

DuckDB runs a SELECT of the same macros in ``macros/domain`` that
`stg_hyperliquid__fills` uses.
"""

from __future__ import annotations

import jinja2
import pyarrow as pa

from loaders.formats import connect, select
from pgio.connection import PROJECT_DIR

#: The decimal columns of `positions.FILL_COLUMNS`, here as text.
NUMERICS = ("px", "signed_size", "start_position", "closed_pnl", "fee")

# Jinja has no `source` outside dbt, so the table is called `fills`. The loader allows
# sizes of up to 20 digits before the point and 18 after it.
_STAGED = """
with source as (
    select * replace (cast(sz as decimal(38, 18)) as sz) from fills
)

select
    time as filled_ms,
    user_address,
    coin,
    px,
    cast({{ signed_size() }} as varchar) as signed_size,
    start_position,
    closed_pnl,
    fee,
    {{ fee_in_base() }} as is_fee_in_base,
    {{ fill_kind() }} as fill_kind,
    block_number,
    event_index
from source
where not ({{ is_outcome() }})
"""


def staged_query() -> str:
    """Return the SELECT; this needs the project's folder, running it does not."""
    return rendered(_STAGED)


def rendered(template: str, **names: object) -> str:
    """Render a template that calls macros of ``macros/domain``, without dbt.

    Parameters
    ----------
    template
        SQL with Jinja.
    names
        Other names that the template uses.
    """
    files = sorted((PROJECT_DIR / "macros" / "domain").glob("*.sql"))
    macros = "".join(file.read_text(encoding="utf-8") for file in files)
    environment = jinja2.Environment(
        extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined
    )
    return environment.from_string(macros + template).render(names).strip()


def staged(fills: pa.Table, query: str) -> list[pa.RecordBatch]:
    """Select the columns that the fold reads, without outcome markets.

    Parameters
    ----------
    fills
        Columns of `fill_columns.FILL_SCHEMA`.
    query
        Result of `staged_query`.

    Returns
    -------
    list of pyarrow.RecordBatch
        Columns of `positions.FILL_COLUMNS`, in the order of ``fills``.
    """
    with connect() as connection:
        found = select(connection, query, {"fills": fills})
    batches: list[pa.RecordBatch] = found.combine_chunks().to_batches()
    return batches
