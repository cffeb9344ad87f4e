#!/bin/sh
# What the stack needs of the official entry point: a first start makes the cluster, user and database that
# POSTGRES_USER, POSTGRES_DB and POSTGRES_PASSWORD_FILE name; later starts only start.
set -eu

if [ "${1:-}" != postgres ]; then
    exec "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    user=${POSTGRES_USER:-postgres}
    initdb --username="$user" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    pg_ctl --wait start --options="-c listen_addresses=''"
    [ "${POSTGRES_DB:-$user}" = postgres ] || createdb --username="$user" "${POSTGRES_DB:-$user}"
    pg_ctl --wait --mode=fast stop
fi
exec "$@" -c listen_addresses='*'
