#!/bin/sh
# Makes the virtual environment of one MLflow line: setup.sh 2|3
#
# The result is <repository>/.venv/mlflow2 or .venv/mlflow3 with exactly what the lock file of that line
# pins. A stamp holds the lock file's hash, so a second call costs nothing; a lock makes two callers at
# once safe (the second waits and then finds the work done). Only talk on standard error, nothing on
# standard output.
set -eu

line=${1:-}
case $line in
2 | 3) ;;
*)
    echo "error: which MLflow line?" >&2
    echo "hint: $0 2   (stages)  or  $0 3   (aliases)" >&2
    exit 1
    ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
lock=$here/requirements-mlflow$line.lock
venv=$root/.venv/mlflow$line
stamp=$venv/.lock-hash

say() { echo "setup: $*" >&2; }

# The interpreter: PYTHON wins; the locks need 3.11, their wheels end at 3.12 (line 2) and 3.13 (line 3).
pick_python() {
    if [ -n "${PYTHON:-}" ]; then
        echo "$PYTHON"
        return
    fi
    newest=12
    [ "$line" = 2 ] || newest=13
    for candidate in python3 python3.12 python3.11 python3.13; do
        if "$candidate" -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, $newest))" 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "error: no Python from 3.11 to 3.$newest found" >&2
    echo "hint: install one, or name it: PYTHON=/path/to/python3 $0 $line" >&2
    return 1
}

# Debian ships venv's half of the standard library in a package of its own.
ensure_venv_module() {
    "$python" -c 'import venv, ensurepip' 2>/dev/null && return
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "error: $python has no venv module" >&2
        echo "hint: apt-get install python3-venv" >&2
        return 1
    fi
    say "installing python3-venv"
    quietly sh -c 'apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y python3-venv'
}

# Runs a command without its chatter; when it fails the chatter is what the reader needs.
quietly() {
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        echo "error: failed: $*" >&2
        return 1
    fi
}

mkdir -p "$root/.venv"
log=$root/.venv/setup-mlflow$line.log
exec 9>"$root/.venv/mlflow$line.flock"
if ! flock -n 9; then
    say "another setup of line $line is running, waiting for it"
    flock 9
fi

# The interpreter's path belongs to the stamp: a moved repository needs new scripts, as they name it.
want="$(sha256sum <"$lock" | cut -d' ' -f1) $venv"
if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null || true)" = "$want" ]; then
    exit 0
fi

python=$(pick_python)
ensure_venv_module
say "installing MLflow line $line into $venv (about a minute)"
rm -rf "$venv"
quietly "$python" -m venv "$venv"
quietly "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r "$lock"
quietly "$venv/bin/python" -c 'import mlflow, sklearn, flask, gunicorn, pytest'
printf '%s\n' "$want" >"$stamp"
rm -f "$log"
say "done: $("$venv/bin/python" -c 'import mlflow; print("mlflow", mlflow.__version__)')"
