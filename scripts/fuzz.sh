#!/bin/sh
# Runs every fuzz test of the module for the given time each (10s).
set -eu

# Minimizing an input that reaches new code takes up to a minute unless bounded,
# and all of the time of a short run.
for pkg in $(go list ./...); do
	for name in $(go test -list '^Fuzz' "$pkg" 2>/dev/null | grep '^Fuzz' || true); do
		echo "fuzz: $pkg $name"
		go test -run '^$' -fuzz "^$name\$" -fuzztime "${1:-10s}" -fuzzminimizetime 20x "$pkg"
	done
done
