# shellcheck shell=bash disable=SC2034
# Where `make up` keeps things. Sourced, not run.
data_dir=/var/lib/berth-sample # its own: an operator's Berth is not touched
berth=target/release/berth
aws=target/venv/bin/aws
registry_port=5055
registry_dir=target/registry
