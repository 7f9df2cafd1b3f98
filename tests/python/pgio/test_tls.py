"""TLS by libpq's own variables, for the loader, dbt and the Python models alike.

The embedded server is built without TLS: it shows the refusal. A tree's server gets a
self-signed certificate for 127.0.0.1 and lets nobody in without TLS, so whatever gets
through was encrypted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from loading import fills, parquet
from psycopg import sql
from role_commands import RoleDatabase

from devdb.database import enable_extensions
from devdb.throwaway import throwaway_cluster
from devdb.trees import found_trees, why_not_runnable

pytestmark = pytest.mark.slow

OWNER = "vigil"
#: A Python model, what it reads, and a view.
MODELS = ("run", "--select", "stg_hyperliquid__fills", "trader_position_hours")


def certificate() -> tuple[str, str]:
    """Sign a certificate for 127.0.0.1 with its own key; both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vigil")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    encoding, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    private = serialization.PrivateFormat.PKCS8
    return (
        signed.public_bytes(encoding).decode(),
        key.private_bytes(encoding, private, no_password).decode(),
    )


def turn_tls_on(info: dict[str, Any], signed: str, key: str) -> None:
    """Give a running server its certificate, and have it refuse all else."""
    files = {"server.crt": signed, "server.key": key}
    files["pg_hba.conf"] = "hostssl all all 127.0.0.1/32 trust\n"
    with psycopg.connect(**info, autocommit=True) as conn:
        for name, text in files.items():
            command = f"umask 077; cat > {name}"
            write = "copy (select unnest(string_to_array({}, chr(10)))) to program {}"
            conn.execute(sql.SQL(write).format(text, command))
        conn.execute("alter system set ssl = on")
        conn.execute("select pg_reload_conf()")
    for _ in range(100):
        try:
            with psycopg.connect(**info, sslmode="require"):
                return
        except psycopg.OperationalError:
            time.sleep(0.1)
    pytest.fail("the server does not speak TLS")


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RoleDatabase]:
    """A database behind TLS; `server.crt` in its scratch folder is the certificate."""
    trees = [] if why_not_runnable() else found_trees()
    if not trees:
        pytest.skip(
            "TLS needs a server tree, which `make timescale` makes: the embedded"
            " server is built without it"
        )
    scratch = tmp_path_factory.mktemp("tls")
    signed, key = certificate()
    (scratch / "server.crt").write_text(signed)
    (scratch / "other.crt").write_text(certificate()[0])
    with throwaway_cluster(trees[0]) as cluster:
        info = dict(cluster.conninfo())
        with psycopg.connect(**info, autocommit=True) as conn:
            enable_extensions(conn)
        turn_tls_on(info, signed, key)
        yield RoleDatabase(info, scratch)


def verified(database: RoleDatabase, root: str = "server.crt") -> dict[str, str]:
    return {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(database.scratch / root)}


def test_everything_connects_under_verify_full(encrypted: RoleDatabase) -> None:
    trusted = verified(encrypted)
    file = parquet(encrypted.scratch / "fills.parquet", fills(20))
    encrypted.dbt(OWNER, "run-operation", "create_sources", **trusted)
    encrypted.run(OWNER, "loaders.load_to_db", "fills", file, **trusted)
    encrypted.dbt(OWNER, *MODELS, **trusted)
    with psycopg.connect(**encrypted.info, sslmode="require") as conn:
        count = "select count(*) from analytics.trader_position_hours"
        assert conn.execute(count).fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PGSSLMODE": "disable"}, "no encryption"),
        ({"PGSSLROOTCERT": "other.crt"}, "certificate verify failed"),
        ({"PGHOST": "localhost"}, "does not match host name"),
    ],
    ids=["without TLS", "another root", "another name"],
)
def test_what_is_not_verified_is_refused(
    encrypted: RoleDatabase, changes: dict[str, str], message: str
) -> None:
    env = verified(encrypted) | changes
    env["PGSSLROOTCERT"] = str(encrypted.scratch / Path(env["PGSSLROOTCERT"]).name)
    file = parquet(encrypted.scratch / "more.parquet", fills(5, first=100))
    done = encrypted.attempt(OWNER, "loaders.load_to_db", "fills", file, **env)
    assert done.returncode != 0
    assert message in " ".join((done.stdout + done.stderr).split())
    command = ("run", "--select", "stg_hyperliquid__fills")
    assert message in encrypted.dbt_error(OWNER, *command, **env)


@pytest.mark.editions("postgres")
def test_a_server_without_tls_is_refused_where_tls_is_required(
    server: dict[str, Any], tmp_path: Path
) -> None:
    with psycopg.connect(**server) as conn:
        if conn.execute("show ssl").fetchall() != [("off",)]:
            pytest.skip("the server in use has TLS on")
    database = RoleDatabase(server, tmp_path)
    file = parquet(tmp_path / "fills.parquet", fills(5))
    load = ("loaders.load_to_db", "fills", file)
    done = database.attempt(OWNER, *load, PGSSLMODE="require")
    assert done.returncode != 0
    message = "server does not support SSL"
    assert message in " ".join((done.stdout + done.stderr).split())
    create = ("run-operation", "create_sources")
    assert message in database.dbt_error(OWNER, *create, PGSSLMODE="require")
