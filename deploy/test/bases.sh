# Base images. Where a registry can be reached they are pulled; elsewhere stand-ins are made under the same
# names from Debian's packages. The Dockerfiles and the compose file know nothing of either.
# Sourced by `run` and `images`, after lib.sh.

STAND_IN_LABEL=org.headgate.stand-in
stand_ins=()

# bases_ready sees to every image named in the arguments.
bases_ready() {
    local image missing=()
    for image in "$@"; do
        if docker image inspect "$image" >/dev/null 2>&1; then
            is_stand_in "$image" && stand_ins+=("$image")
        else
            missing+=("$image")
        fi
    done
    if [ ${#missing[@]} -gt 0 ] && ! pulled "${missing[0]}"; then
        say "no image registry can be reached: making stand-ins from Debian's packages (minutes, then kept)"
        rootfs
        for image in "${missing[@]}"; do
            make_stand_in "$image"
            stand_ins+=("$image")
        done
        missing=()
    fi
    for image in "${missing[@]:1}"; do
        pulled "$image" || die "cannot pull $image" "the first image could be pulled: try again"
    done
    say "base images: $# of them, ${#stand_ins[@]} stand-ins${stand_ins[0]:+ (${stand_ins[*]})}"
}

pulled() {
    timeout 300 docker pull --quiet "$1" >"$cache/pull.log" 2>&1
}

is_stand_in() {
    [ "$(docker image inspect --format "{{index .Config.Labels \"$STAND_IN_LABEL\"}}" "$1")" = yes ]
}

# rootfs makes headgate-test/bookworm: a minimal Debian with this machine's certificates.
rootfs() {
    docker image inspect headgate-test/bookworm >/dev/null 2>&1 && return
    packages debootstrap debootstrap
    local root=$cache/rootfs mirror
    mirror=$(apt-cache policy base-files | awk '/http/ {print $2; exit}')
    [ -n "$mirror" ] || die "no address of a Debian mirror in this machine's package sources" "apt-get update"
    say "debootstrap bookworm"
    rm -rf "$root"
    quietly debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "$mirror"
    # Whoever sits between this machine and the registries of packages is trusted by the containers too.
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    tar -C "$root" -c . | docker import - headgate-test/bookworm >/dev/null
    rm -rf "$root"
}

# make_stand_in finds the recipe by the image's name without its tag.
make_stand_in() {
    local name=${1%%:*} context=$here/stand-ins
    local recipe=$context/$(basename "$name").dockerfile
    [ -f "$recipe" ] || die "no recipe for a stand-in of $1" "$recipe"
    [ "$name" != golang ] || context=$(go env GOROOT)
    say "stand-in for $1"
    quietly env DOCKER_BUILDKIT=0 docker build --label "$STAND_IN_LABEL=yes" --tag "$1" --file "$recipe" "$context"
}
