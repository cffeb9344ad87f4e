# Compose version 2: the one that is there, else built from its module (about 90 s, then kept).
# Sourced by `run` and `images`, after lib.sh.

COMPOSE_MODULE=github.com/docker/compose/v2
COMPOSE_VERSION=v2.40.3

compose_ready() {
    if docker compose version >/dev/null 2>&1; then
        say "compose: $(docker compose version --short)"
        return
    fi
    local config=$cache/docker
    [ -x "$config/cli-plugins/docker-compose" ] || compose_build "$config/cli-plugins/docker-compose"
    export DOCKER_CONFIG=$config # only now: whoever has compose keeps their own settings
    docker compose version >/dev/null || die "docker compose does not run" "$config/cli-plugins/docker-compose"
    say "compose: $(docker compose version --short), built for this test"
}

# `go install` refuses the module, as its go.mod has replace lines: it is built from a module around it.
compose_build() {
    command -v go >/dev/null || die "no docker compose version 2, and no Go to build it with" "install the compose plugin"
    say "building compose $COMPOSE_VERSION from its module"
    local scratch=$cache/compose-module
    rm -rf "$scratch"
    mkdir -p "$scratch" "$(dirname "$1")"
    (
        cd "$scratch"
        quietly go mod init compose.local
        quietly go get "$COMPOSE_MODULE/cmd@$COMPOSE_VERSION"
        quietly env CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X $COMPOSE_MODULE/internal.Version=$COMPOSE_VERSION" -o "$1.new" "$COMPOSE_MODULE/cmd"
    )
    mv "$1.new" "$1"
    rm -rf "$scratch"
}
