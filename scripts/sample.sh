# shellcheck shell=bash disable=SC2034
# Where `make up` keeps things. Sourced, not run.
data_dir=${BERTH_DATA_DIR:-/var/lib/berth}
berth=target/release/berth
aws=target/venv/bin/aws
registry_port=5055
registry_dir=target/registry
