#!/bin/sh
# Installs what the tests compare with: redis-server, redis-cli, redis-benchmark.
# Does nothing, and needs no network, when they are there already.
set -eu

missing=""
command -v redis-server >/dev/null 2>&1 || missing="redis-server"
if ! command -v redis-cli >/dev/null 2>&1 || ! command -v redis-benchmark >/dev/null 2>&1; then
	missing="$missing redis-tools"
fi
if [ -z "$missing" ]; then
	echo "test dependencies: $(redis-server --version | cut -d' ' -f1-3) is there"
	exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
	echo "test dependencies: install Redis 7 (redis-server, redis-cli, redis-benchmark) with your package manager" >&2
	exit 1
fi

as_root=""
if [ "$(id -u)" -ne 0 ]; then
	as_root="sudo"
fi
# The package starts a service on 6379 where there is an init system; the tests
# do not use it, so it is kept from starting while it is being installed.
policy=/usr/sbin/policy-rc.d
made_policy=""
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
	$as_root chmod +x "$policy"
	made_policy=1
fi
trap '[ -z "$made_policy" ] || $as_root rm -f "$policy"' EXIT

echo "test dependencies: apt-get update"
$as_root apt-get update -qq
echo "test dependencies: apt-get install $missing"
# shellcheck disable=SC2086 # a list of packages
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
echo "test dependencies: $(redis-server --version | cut -d' ' -f1-3) is there"
