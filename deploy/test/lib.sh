# What the scripts of this folder share.

cache=${HEADGATE_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/headgate-compose-test}
repository=$(cd "$here/../.." && pwd)
mkdir -p "$cache"

say() { printf '%s\n' "$*"; }

die() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

# quietly runs a command without its chatter; when it fails, the end of it is what the reader needs.
quietly() {
    if ! "$@" >"$cache/last.log" 2>&1 </dev/null; then
        tail -n 40 "$cache/last.log" >&2
        printf 'error: failed: %s\n' "$*" >&2
        return 1
    fi
}

# checkout copies what belongs to the repository, uncommitted changes included, into a folder.
checkout() {
    if git -C "$repository" rev-parse --git-dir >/dev/null 2>&1; then
        git -C "$repository" ls-files -z --cached --others --exclude-standard |
            (cd "$repository" && xargs -0 -n 500 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' _) |
            tar -C "$repository" --null --files-from - -cf - | tar -C "$1" -xf -
    else
        tar -C "$repository" --exclude ./.venv --exclude ./.tools --exclude ./data -cf - . | tar -C "$1" -xf -
    fi
}

# base_images lists what the Dockerfiles and the compose file take from a registry.
base_images() {
    {
        sed -nE 's/^FROM +([^ ]+).*/\1/p' "$1"/Dockerfile "$1"/deploy/mlflow/Dockerfile "$1"/examples/churn/*/Dockerfile
        sed -nE 's/^    image: +((prom\/|postgres:)[^ ]+).*/\1/p' "$1"/deploy/docker-compose.yml
    } | sort -u
}
