FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/cached ./cmd/cached && mkdir -p /out/data

FROM scratch
COPY --from=build /out/cached /cached
COPY --from=build --chown=65532:65532 /out/data /data
WORKDIR /data
USER 65532:65532
EXPOSE 6379
ENTRYPOINT ["/cached"]
# In a container the port is reachable only if it is published, so listen on all.
CMD ["--bind", "0.0.0.0", "--protected-mode", "no"]
