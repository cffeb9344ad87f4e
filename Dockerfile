# One static binary in an image with nothing else, run by nobody in particular.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /out/headgate ./cmd/headgate \
    && mkdir -p /out/data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/headgate /usr/local/bin/headgate
# The journal and the incidents; mount a volume here to keep them.
COPY --from=build --chown=nonroot:nonroot /out/data /data
WORKDIR /
USER nonroot:nonroot
VOLUME /data
# Users' traffic. The admin API listens on loopback inside the container unless
# the policy gives it an address and tokens.
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/headgate"]
CMD ["serve", "--config", "/etc/headgate/policy.yaml"]
