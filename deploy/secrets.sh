#!/bin/sh
# Makes deploy/secrets: the database's password, a token each for operators, for Prometheus and for
# Alertmanager, and headgate.env with the hashes that Headgate knows the tokens by.
#
# What is there already stays as it is. To replace a token, remove its file, run this again and then
# `docker compose up -d`. The folder is for its owner alone; the files in it can be read by whoever they are
# mounted for, because compose mounts them as they are and every service has a user of its own.
set -eu

cd "$(dirname "$0")"
umask 077
mkdir -p secrets
cd secrets

random() { od -An -v -tx1 -N "$1" /dev/urandom | tr -d ' \n'; }

# keep FILE TEXT: written once, whole or not at all.
keep() {
    [ ! -s "$1" ] || return 0
    printf '%s' "$2" >"$1.new"
    chmod 444 "$1.new"
    mv -f "$1.new" "$1"
    echo "made deploy/secrets/$1"
}

digest() {
    if command -v sha256sum >/dev/null; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | cut -d ' ' -f 1
}

keep postgres_password "$(random 24)"
for role in operator viewer alerter; do
    keep "${role}_token" "hg_$(random 32)"
done
for role in operator viewer alerter; do
    echo "HEADGATE_$(echo $role | tr a-z A-Z)_SHA256=$(digest ${role}_token)"
done >headgate.env.new
mv -f headgate.env.new headgate.env
