# One static binary in an image with nothing else, run by nobody in particular.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
# What was compiled before is kept by the builder; another folder compiles everything anew.
ARG GOCACHE=/root/.cache/go-build
# No paths of this build and no stamp of its repository: the same source gives the same bytes.
RUN --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /out/headgate ./cmd/headgate \
    && mkdir -p /out/data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/headgate /usr/local/bin/headgate
# The journal and the incidents; mount a volume here to keep them. All else may be read-only.
COPY --from=build --chown=65532:65532 /out/data /data
WORKDIR /
# As a number: Kubernetes' runAsNonRoot cannot look up names.
USER 65532:65532
VOLUME /data
# Users' traffic. The admin API listens on loopback inside the container unless
# the policy gives it an address and tokens.
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/usr/local/bin/headgate", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/headgate"]
CMD ["serve", "--config", "/etc/headgate/policy.yaml"]
