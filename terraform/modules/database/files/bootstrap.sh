#!/usr/bin/env bash
# Makes a fresh Ubuntu or Debian the database server. Every step can be run again.
#   bootstrap.sh            all steps, as cloud-init runs it
#   bootstrap.sh STEP ...   some of them: packages volume cluster settings start roles jobs services
set -euo pipefail
umask 022

HERE=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
STEPS=(packages volume cluster settings start roles jobs services)
VERSION=17
CLUSTER=vigil
DATABASE=vigil
LABEL=vigil-data
MOUNT=${VIGIL_MOUNT:-/srv/postgresql}
DATA=$MOUNT/$VERSION/$CLUSTER
# Of the volume, in bytes: nothing but zeros there, and no signature, means never written.
LOOKED_AT=$((4 * 1024 * 1024))

# shellcheck source=settings.sh
. "$HERE/settings.sh"

say() { printf 'vigil: %s\n' "$*"; }
fail() {
    printf 'vigil: %s\n' "$*" >&2
    exit 1
}
as_postgres() { runuser -u postgres -- "$@"; }

step_packages() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends ca-certificates curl e2fsprogs
    install -d -m 0755 /etc/apt/keyrings
    curl -fsSL --retry 5 https://www.postgresql.org/media/keys/ACCC4CF8.asc \
        -o /etc/apt/keyrings/pgdg.asc
    curl -fsSL --retry 5 https://packagecloud.io/timescale/timescaledb/gpgkey \
        -o /etc/apt/keyrings/timescale.asc
    write_apt_sources
    write_apt_preferences
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends postgresql-common ssl-cert
    # Installing the server would make a cluster on the root volume.
    sed -ri 's/^#?\s*create_main_cluster.*/create_main_cluster = false/' \
        /etc/postgresql-common/createcluster.conf
    # By version, so that one that is not to be had is an error and no other is taken.
    apt-get install -qq -y --no-install-recommends --allow-downgrades \
        "postgresql-$VERSION=$VIGIL_POSTGRESQL_VERSION-*" "postgresql-$VERSION-pgvector" \
        "timescaledb-2-loader-postgresql-$VERSION=$VIGIL_TIMESCALE_VERSION~*" \
        "timescaledb-2-postgresql-$VERSION=$VIGIL_TIMESCALE_VERSION~*" \
        pgbackrest python3-boto3
}

# Print what a device holds: empty, ours, foreign.
volume_state() {
    local found status=0
    found=$(blkid -p -o export "$1") || status=$?
    case $status in
    0)
        if grep -qx "LABEL=$LABEL" <<<"$found" && grep -qx 'TYPE=ext4' <<<"$found"; then
            echo ours
        else
            echo foreign
        fi
        ;;
    2) # Nothing blkid knows. A damaged file system looks like that too, but is not zeros.
        if cmp -s -n "$LOOKED_AT" "$1" /dev/zero; then echo empty; else echo foreign; fi
        ;;
    *) echo foreign ;;
    esac
}

# The volume is attached after the instance has started.
find_volume() {
    local device=${VIGIL_DATA_DEVICE:-} waited=0
    : "${device:=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${VIGIL_DATA_VOLUME//-/}}"
    until [ -b "$device" ]; do
        [ "$waited" -lt "${VIGIL_VOLUME_SECONDS:-600}" ] || fail "no data volume at $device"
        sleep 5
        waited=$((waited + 5))
    done
    readlink -f "$device"
}

step_volume() {
    local device uuid
    device=$(find_volume)
    case $(volume_state "$device") in
    empty)
        say "$device is empty: making a file system"
        mkfs.ext4 -q -L "$LABEL" -m 1 "$device"
        ;;
    ours) say "$device holds data: left as it is" ;;
    *) fail "$device holds something else: not touched" ;;
    esac
    uuid=$(blkid -p -o value -s UUID "$device")
    if ! grep -q "^UUID=$uuid " /etc/fstab; then
        echo "UUID=$uuid $MOUNT ext4 noatime,nofail 0 2" >>/etc/fstab
    fi
    mkdir -p "$MOUNT"
    mountpoint -q "$MOUNT" || mount -o noatime "$device" "$MOUNT"
}

step_cluster() {
    mountpoint -q "$MOUNT" || fail "nothing is mounted at $MOUNT"
    if [ -d "/etc/postgresql/$VERSION/$CLUSTER" ]; then return; fi
    if [ -s "$DATA/PG_VERSION" ]; then
        say "$DATA is a cluster: taking it over"
        # Another image may number its accounts otherwise.
        [ "$(stat -c %U "$DATA")" = postgres ] || chown -R postgres:postgres "$DATA"
        # It takes the configuration from the data, where Debian's clusters have none.
        local file
        for file in postgresql pg_hba pg_ident; do
            [ -e "$DATA/$file.conf" ] || install -o postgres -g postgres -m 0600 \
                "/usr/share/postgresql/$VERSION/$file.conf.sample" "$DATA/$file.conf"
        done
        pg_createcluster "$VERSION" "$CLUSTER" --datadir "$DATA" --port 5432
    else
        install -d -o postgres -g postgres -m 0755 "$MOUNT/$VERSION"
        pg_createcluster "$VERSION" "$CLUSTER" --datadir "$DATA" --port 5432 \
            --locale C.UTF-8 --encoding UTF8 -- --data-checksums
    fi
}

step_settings() {
    local configuration=/etc/postgresql/$VERSION/$CLUSTER
    grep -q "^include_dir" "$configuration/postgresql.conf" ||
        echo "include_dir = 'conf.d'" >>"$configuration/postgresql.conf"
    write_postgresql_conf "$configuration/conf.d/vigil.conf"
    write_pg_hba "$configuration/pg_hba.conf"
    write_pgbackrest_conf /etc/pgbackrest/pgbackrest.conf
}

step_start() {
    if pg_ctlcluster "$VERSION" "$CLUSTER" status >/dev/null; then
        pg_ctlcluster "$VERSION" "$CLUSTER" reload
    else
        pg_ctlcluster "$VERSION" "$CLUSTER" start
    fi
}

# A password that the environment has already is taken as it is.
read_passwords() {
    local role name secret word
    for role in LOADER TRANSFORMER READER; do
        name=VIGIL_${role}_PASSWORD secret=VIGIL_${role}_SECRET
        if [ -z "${!name:-}" ]; then
            word=$("$HERE/vigil_aws.py" secret "${!secret}")
            printf -v "$name" '%s' "$word"
        fi
        export "${name?}"
    done
}

apply_roles() {
    local psql=(psql --no-psqlrc --quiet --set ON_ERROR_STOP=1)
    if [ -z "$(as_postgres "${psql[@]}" -At -d postgres \
        -c "select 1 from pg_database where datname = '$DATABASE'")" ]; then
        as_postgres createdb "$DATABASE"
    fi
    # Passwords come through the environment: no process list shows them.
    local script
    for script in extensions roles passwords; do
        as_postgres "${psql[@]}" -d "$DATABASE" -f "$HERE/$script.sql"
    done
}

step_roles() {
    read_passwords
    apply_roles
}

# A pair of versions that installs may still not run a single job.
step_jobs() {
    as_postgres psql --no-psqlrc --quiet -d "$DATABASE" -f "$HERE/jobs.sql" ||
        fail "background jobs do not run: no retention, no refreshes"
}

step_services() {
    ln -sf "$HERE/bootstrap.sh" /usr/local/sbin/vigil-bootstrap
    echo "VIGIL_INSTANCE_ID='$(cloud-init query instance_id)'" >/etc/vigil/identity.env
    as_postgres pgbackrest --stanza="$CLUSTER" stanza-create
    write_units /etc/systemd/system
    systemctl daemon-reload
    systemctl enable --now vigil-metrics.timer vigil-backup-full.timer vigil-backup-incr.timer
    systemctl start --no-block vigil-backup-incr.service # The first one is full.
}

main() {
    local step
    [ "$(id -u)" -eq 0 ] || fail "run this as root"
    [ $# -gt 0 ] || set -- "${STEPS[@]}"
    for step in "$@"; do
        declare -F "step_$step" >/dev/null || fail "no step $step: ${STEPS[*]}"
    done
    set -a
    # shellcheck source=/dev/null
    . "${VIGIL_SETTINGS:-/etc/vigil/instance.env}"
    set +a
    for step in "$@"; do
        say "$step"
        "step_$step"
    done
}

# Tests read the functions without running anything.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then main "$@"; fi
