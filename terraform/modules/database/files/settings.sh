# shellcheck shell=bash
# Every configuration file of the server, each by one function. Read by bootstrap.sh.

# PostgreSQL and its extensions by the project that makes them, not the distribution.
write_apt_sources() {
    local list=${1:-/etc/apt/sources.list.d/vigil.list} ID VERSION_CODENAME
    # shellcheck source=/dev/null
    . /etc/os-release
    cat >"$list" <<END
deb [signed-by=/etc/apt/keyrings/pgdg.asc] https://apt.postgresql.org/pub/repos/apt $VERSION_CODENAME-pgdg main
deb [signed-by=/etc/apt/keyrings/timescale.asc] https://packagecloud.io/timescale/timescaledb/$ID/ $VERSION_CODENAME main
deb [signed-by=/etc/apt/keyrings/pgdg.asc] https://apt-archive.postgresql.org/pub/repos/apt $VERSION_CODENAME-pgdg-archive main
END
}

# The versions that Terraform names, until it names others: `apt upgrade` by hand and
# unattended upgrades keep to them. Older ones of PostgreSQL are in its archive.
write_apt_preferences() {
    cat >"${1:-/etc/apt/preferences.d/vigil}" <<END
Package: postgresql-17
Pin: version $VIGIL_POSTGRESQL_VERSION-*
Pin-Priority: 1001

Package: timescaledb-2-postgresql-17 timescaledb-2-loader-postgresql-17
Pin: version $VIGIL_TIMESCALE_VERSION~*
Pin-Priority: 1001
END
}

# Shares of memory that PostgreSQL's manual and TimescaleDB's tuner give: a quarter for
# shared buffers, three for what the system caches, a sixteenth for building an index.
write_postgresql_conf() {
    local mib workers
    mib=$(awk '/^MemTotal:/ {print int($2 / 1024)}' /proc/meminfo)
    workers=$(nproc)
    mkdir -p "$(dirname "$1")"
    cat >"$1" <<END
listen_addresses = '*'
ssl = on
ssl_cert_file = '/etc/ssl/certs/ssl-cert-snakeoil.pem'
ssl_key_file = '/etc/ssl/private/ssl-cert-snakeoil.key'
ssl_min_protocol_version = 'TLSv1.2'
password_encryption = 'scram-sha-256'

shared_preload_libraries = 'timescaledb'
timescaledb.telemetry_level = off
timescaledb.max_background_workers = 16
max_worker_processes = $((workers + 19))

shared_buffers = $((mib / 4))MB
effective_cache_size = $((mib * 3 / 4))MB
maintenance_work_mem = $((mib / 16))MB
work_mem = $((mib / 128 > 4 ? mib / 128 : 4))MB
max_wal_size = 8GB
min_wal_size = 1GB
wal_compression = lz4
checkpoint_completion_target = 0.9
random_page_cost = 1.1
effective_io_concurrency = 200
max_locks_per_transaction = 512

# At most a minute of committed work is on this machine alone.
archive_mode = on
archive_command = 'pgbackrest --stanza=vigil archive-push %p'
archive_timeout = 60s

log_connections = on
log_lock_waits = on
log_min_duration_statement = 10s
END
}

# The three roles over TLS with a password; the superuser through the socket alone.
write_pg_hba() {
    cat >"$1" <<END
local   all    postgres                                          peer
hostssl vigil  vigil_loader,vigil_transformer,vigil_reader  $VIGIL_CLIENT_CIDR  scram-sha-256
END
    chown postgres:postgres "$1"
    chmod 0640 "$1"
}

# Credentials are the instance's role: none is written anywhere.
write_pgbackrest_conf() {
    mkdir -p "$(dirname "$1")"
    cat >"$1" <<END
[global]
repo1-type=s3
repo1-path=/$VIGIL_BACKUP_PREFIX
repo1-s3-bucket=$VIGIL_BACKUP_BUCKET
repo1-s3-region=$VIGIL_REGION
repo1-s3-endpoint=s3.$VIGIL_REGION.amazonaws.com
repo1-s3-key-type=auto
repo1-s3-kms-key-id=$VIGIL_BACKUP_KMS_KEY
repo1-retention-full=$VIGIL_FULL_BACKUPS_KEPT
repo1-bundle=y
compress-type=zst
process-max=2
start-fast=y
delta=y
archive-async=y
spool-path=/var/spool/pgbackrest

[$CLUSTER]
pg1-path=$DATA
END
    chown postgres:postgres "$1"
    chmod 0640 "$1"
}

# A full backup on Sundays, an incremental one on other nights, metrics each minute.
write_units() {
    write_unit "$1" vigil-backup-full 'Full backup' 'Sun *-*-* 01:30' \
        "/usr/bin/pgbackrest --stanza=$CLUSTER --type=full backup"
    write_unit "$1" vigil-backup-incr 'Incremental backup' 'Mon..Sat *-*-* 01:30' \
        "/usr/bin/pgbackrest --stanza=$CLUSTER --type=incr backup"
    write_unit "$1" vigil-metrics 'Metrics of the database' 'minutely' \
        "$HERE/vigil_aws.py metrics $MOUNT $CLUSTER"
}

write_unit() {
    local folder=$1 name=$2 description=$3 when=$4 command=$5
    cat >"$folder/$name.service" <<END
[Unit]
Description=$description
After=postgresql.service network-online.target

[Service]
Type=oneshot
User=postgres
EnvironmentFile=/etc/vigil/instance.env
EnvironmentFile=/etc/vigil/identity.env
ExecStart=$command
END
    cat >"$folder/$name.timer" <<END
[Unit]
Description=$description

[Timer]
OnCalendar=$when
Persistent=true

[Install]
WantedBy=timers.target
END
}
