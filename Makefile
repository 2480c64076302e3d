# Berth on one machine, in one command each. Needs Debian 12 (or newer), Rust, make, and root.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

.PHONY: up down test packages

up: packages ## build Berth, start it, run the sample application on it, print its URL
	cargo build --release --locked --package berth
	scripts/up.sh

down: ## undo `make up`
	scripts/down.sh

test: ## run every test
	scripts/packages.sh tests
	cargo build --workspace --locked
	cargo test --workspace --locked
	cargo xtask fuzz --runs 20000
	scripts/e2e.sh

packages: ## install what is missing
	scripts/packages.sh
