"""The roles that cloud-init makes are those of the project, with passwords.

What each can do and is refused is shown in `test_roles`, on roles that dbt makes. Here:
the server's own scripts say the same, can be run again, and keep passwords as hashes.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from role_commands import ROLES, RoleDatabase, dropped_with_roles
from servers import environment

from devdb.programs import wheel_bin_dir
from pgio.connection import PROJECT_DIR

FILES = PROJECT_DIR / "terraform/modules/database/files"
SCRIPTS = ("extensions.sql", "roles.sql", "passwords.sql")
PASSWORDS = {
    "VIGIL_LOADER_PASSWORD": "one",
    "VIGIL_TRANSFORMER_PASSWORD": "two",
    "VIGIL_READER_PASSWORD": "th'ree",
}
STATE = """
    select rolname, rolcanlogin::text, rolconnlimit::text, rolinherit::text,
        array_to_string(setconfig, ',')
    from pg_roles left join pg_db_role_setting on setrole = pg_roles.oid
    where rolname like 'vigil_%'
    union all
    select 'database', datacl::text, '', '', '' from pg_database
    where datname = current_database()
    order by 1, 2
"""

pytestmark = [pytest.mark.slow, pytest.mark.any_server]


def run_script(info: dict[str, Any], script: str) -> str:
    """Run one of the server's scripts by psql; return what psql and the server say."""
    done = subprocess.run(
        [wheel_bin_dir() / "psql", "-Xq", "-f", FILES / script],
        env={**os.environ, **environment(info), **PASSWORDS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def deployed(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RoleDatabase]:
    """A database as cloud-init leaves it, with the tables."""
    info = make_database()
    with dropped_with_roles(info):
        for script in SCRIPTS:
            run_script(info, script)
        database = RoleDatabase(info, tmp_path_factory.mktemp("deployed"))
        database.dbt("vigil_transformer", "run-operation", "create_sources")
        yield database


def test_the_roles_are_those_of_the_macro() -> None:
    macro = (PROJECT_DIR / "macros/ops/create_roles.sql").read_text(encoding="utf-8")
    [body] = re.findall(
        r"{% macro create_roles_sql\(\) -%}\n(.*?)\n{%- endmacro %}", macro, re.DOTALL
    )
    assert body == (FILES / "roles.sql").read_text(encoding="utf-8").rstrip("\n")
    # Whatever Jinja would make of it, it makes nothing of it.
    assert not re.search(r"{[{%#]", body)


def test_the_tables_come_with_their_rights(deployed: RoleDatabase) -> None:
    with deployed.connect("vigil_loader") as conn:
        assert conn.execute("select count(*) from hyperliquid.fills").fetchall() == [
            (0,)
        ]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("delete from hyperliquid.fills")


def test_a_second_run_changes_nothing(deployed: RoleDatabase) -> None:
    with deployed.connect(str(deployed.info["user"])) as conn:
        before = conn.execute(STATE).fetchall()
        assert len(before) == len(ROLES) + 1
        for script in SCRIPTS:
            run_script(deployed.info, script)
        assert conn.execute(STATE).fetchall() == before


def test_a_role_that_may_too_much_is_put_right(deployed: RoleDatabase) -> None:
    query = (
        "select rolsuper, rolcreaterole, rolinherit from pg_roles"
        " where rolname = 'vigil_reader'"
    )
    with deployed.connect(str(deployed.info["user"])) as conn:
        conn.execute("alter role vigil_reader superuser createrole inherit")
        conn.execute("alter role vigil_reader set default_transaction_read_only = off")
        run_script(deployed.info, "roles.sql")
        assert conn.execute(query).fetchall() == [(False, False, False)]
    with deployed.connect("vigil_reader") as reader:
        shown = reader.execute("show default_transaction_read_only").fetchall()
        assert shown == [("on",)]


def test_passwords_are_kept_as_scram(deployed: RoleDatabase) -> None:
    query = "select rolpassword from pg_authid where rolname = any(%s)"
    with deployed.connect(str(deployed.info["user"])) as conn:
        kept = [row[0] for row in conn.execute(query, [list(ROLES)])]
    assert len(kept) == len(ROLES)
    assert all(password.startswith("SCRAM-SHA-256$") for password in kept)
