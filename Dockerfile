FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/cached ./cmd/cached && mkdir -p /out/data

FROM scratch
COPY --from=build /out/cached /cached
COPY --from=build --chown=65532:65532 /out/data /data
# What the server needs here are its defaults, so that arguments do not take it away: it
# listens on all addresses, keeps its files in the working directory, and without a
# password serves only clients of its own container (protected-mode).
WORKDIR /data
VOLUME /data
USER 65532:65532
EXPOSE 6379
STOPSIGNAL SIGTERM
ENTRYPOINT ["/cached"]
