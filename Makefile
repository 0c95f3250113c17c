# The first target is what a plain "make" does.
GO          ?= go
PORT        ?= 6379
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
RACE        ?= ./engine/... ./eviction/... ./commands/... ./memcached/... ./server/... ./internal/... ./persistence/... ./replication/...
FUZZTIME    ?= 10s
BENCHFLAGS  ?=

.PHONY: help run build test test-clients test-crash test-replication test-race test-all lint bench bench-hitratio profile fuzz deps

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 20

run: ## start the server on PORT (6379)
	$(GO) run ./cmd/cached --port $(PORT)

build: ## build bin/cached
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/cached ./cmd/cached

deps: ## install what the tests need (redis-server, redis-tools, memcached, valkey-server)
	@sh scripts/install-test-deps.sh

test: deps ## install what the tests need and run them all
	$(GO) test -timeout 15m ./...

test-clients: ## redis-py, ioredis, node-redis, Jedis and Lettuce use the server
	$(GO) run ./tests/clients

test-crash: ## kill servers under load hundreds of times, and look what they kept
	$(GO) test ./tests/crash -timeout 60m -kills 300 -v

test-replication: ## primaries and replicas, of Redis too, with links cut at random
	$(GO) test ./tests/replication -timeout 60m -rounds 100 -v

test-race: ## the packages with goroutines, under the race detector
	$(GO) test -race -timeout 15m $$($(GO) list $(RACE) 2>/dev/null)

test-all: test lint test-race fuzz ## everything, with a long random comparison
	$(GO) test -timeout 60m ./tests/compat -run Random -calls 200000
	$(GO) test -timeout 60m ./tests/compat -run 'Scripts|Compression' -compression zstd

lint: ## gofmt, vet, staticcheck
	@files=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$files" ]; then echo "gofmt -w $$files"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags profile ./cmd/cached
	$(GO) run $(STATICCHECK) ./...

bench: ## compare speed and memory with redis-server (BENCHFLAGS="-only memory -quick")
	$(GO) run ./bench $(BENCHFLAGS)

profile: ## measure anew what the compiler is told to optimize (cmd/cached/default.pgo)
	$(GO) run ./bench -only strings,structures,server -profile cmd/cached/default.pgo

bench-hitratio: ## hit ratios of real servers in the same memory (CACHED_TRACES=dir for real traces)
	$(GO) run ./bench -only hitratio $(BENCHFLAGS)

fuzz: ## every fuzz test for FUZZTIME (10s)
	@sh scripts/fuzz.sh $(FUZZTIME)
