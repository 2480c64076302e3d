#!/usr/bin/env bash
# The end-to-end tests: a real Berth, real containers, stock clients. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

((EUID == 0)) || { echo "run this as root: containers need namespaces, mounts and control groups" >&2; exit 1; }
export BERTH=${BERTH:-$PWD/target/debug/berth}
[[ -x $BERTH ]] || cargo build --workspace --locked
tests/images/build.sh busybox httpd
exec target/venv/bin/python -m pytest tests/e2e "$@"
