#!/usr/bin/env bash
# Undoes up.sh: stops all tasks, Berth and the images' registry, and leaves nothing behind but packages and build output.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/sample.sh

if [[ -d $data_dir ]]; then
	[[ -x $berth ]] || { echo "$berth is not there: run \`cargo build --release\` first" >&2; exit 1; }
	"$berth" down --data-dir "$data_dir"
	rm -rf "$data_dir"
fi
if [[ -d $registry_dir ]]; then
	tests/images/registry.sh stop "$registry_port" "$registry_dir"
	rm -rf "$registry_dir"
fi
echo "Everything is stopped."
