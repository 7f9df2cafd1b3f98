"""What staging says of a fill, for fills that are in no database.

The SELECT is made of the macros in ``macros/domain``, as that of
`stg_hyperliquid__fills` is, and DuckDB runs it.
"""

from __future__ import annotations

import jinja2
import pyarrow as pa

from loaders.formats import connect, select
from pgio.connection import PROJECT_DIR

#: Those of `positions.FILL_COLUMNS` that are decimals, written as text.
NUMERICS = ("px", "signed_size", "start_position", "closed_pnl", "fee")

# Outside of dbt Jinja has no `source`: the table is called `fills` here. The sizes have
# up to 20 digits before the point and 18 behind it, as the loader leaves them.
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
    """Write the SELECT; this needs the project's folder, running it does not."""
    return rendered(_STAGED)


def rendered(template: str, **names: object) -> str:
    """Render a template that calls macros of ``macros/domain``, without dbt.

    Parameters
    ----------
    template
        SQL with Jinja.
    names
        What the template calls beside these macros.
    """
    files = sorted((PROJECT_DIR / "macros" / "domain").glob("*.sql"))
    macros = "".join(file.read_text(encoding="utf-8") for file in files)
    environment = jinja2.Environment(
        extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined
    )
    return environment.from_string(macros + template).render(names).strip()


def staged(fills: pa.Table, query: str) -> list[pa.RecordBatch]:
    """Select what the fold reads; outcomes are left out.

    Parameters
    ----------
    fills
        Columns of `fill_columns.FILL_SCHEMA`.
    query
        That of `staged_query`.

    Returns
    -------
    list of pyarrow.RecordBatch
        Columns of `positions.FILL_COLUMNS`, in the order of ``fills``.
    """
    with connect() as connection:
        found = select(connection, query, {"fills": fills})
    batches: list[pa.RecordBatch] = found.combine_chunks().to_batches()
    return batches
