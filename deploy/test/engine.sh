# An engine: the one that answers, else one that this test starts and stops itself.
# Sourced by `run` and `images`, after lib.sh.

engine_pid=""

# engine_up leaves a working `docker` behind it, or ends the test.
engine_up() {
    if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
        say "engine: Docker $(docker version --format '{{.Server.Version}}'), already running"
        return
    fi
    [ "$(id -u)" = 0 ] || die "no Docker engine answers" "start Docker, or run this as root: it then starts one of its own"
    packages dockerd docker.io
    engine_start
}

# A daemon with folders and a socket of its own: nothing of another engine on this machine is touched.
engine_start() {
    local home=$cache/engine
    mkdir -p "$home/root" "$home/run"
    export DOCKER_HOST=unix://$home/run/docker.sock
    setsid dockerd --data-root "$home/root" --exec-root "$home/run" --pidfile "$home/run/docker.pid" \
        --host "$DOCKER_HOST" >"$home/dockerd.log" 2>&1 </dev/null &
    engine_pid=$!
    for _ in $(seq 60); do
        if docker info >/dev/null 2>&1; then
            say "engine: dockerd $(docker version --format '{{.Server.Version}}'), started for this test as process $engine_pid"
            return
        fi
        kill -0 "$engine_pid" 2>/dev/null || break
        sleep 1
    done
    tail -n 15 "$home/dockerd.log" >&2
    die "dockerd does not answer" "its log: $home/dockerd.log"
}

# engine_down stops the daemon that engine_start started, by its own process id.
engine_down() {
    [ -n "$engine_pid" ] || return 0
    kill "$engine_pid" 2>/dev/null || true
    for _ in $(seq 30); do
        kill -0 "$engine_pid" 2>/dev/null || break
        sleep 1
    done
    if kill -0 "$engine_pid" 2>/dev/null; then
        say "WRONG: dockerd $engine_pid did not stop in 30 s"
        return 1
    fi
    say "dockerd $engine_pid is stopped"
    engine_pid=""
}

# packages installs Debian packages unless the command that shows them is there.
packages() {
    local shown_by=$1
    shift
    command -v "$shown_by" >/dev/null && return
    command -v apt-get >/dev/null || die "$shown_by is missing" "install it"
    say "installing $*"
    quietly apt-get update -q
    quietly env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}
