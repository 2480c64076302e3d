#!/usr/bin/env bash
# An image registry on loopback: Debian's docker-registry, unpacked and not installed.
#
#   registry.sh start PORT DIR      start it (or find it running) with its storage in DIR
#   registry.sh stop  PORT DIR      end it; the storage stays
#
# DIR/registry-PORT.pid names the process, DIR/registry-PORT.log has what it said.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() { fail "usage: registry.sh start|stop PORT DIR"; }

answers() { curl --silent --fail --max-time 5 --output /dev/null "http://127.0.0.1:$port/v2/"; }

# Prints the process id if the process that the file names is still a registry of this directory.
running_pid() {
	local pid
	pid=$(cat "$pid_file" 2>/dev/null) || return 1
	tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$config" || return 1
	printf '%s\n' "$pid"
}

write_config() {
	cat >"$config" <<YAML
version: 0.1
log:
  level: warn
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: $dir/storage
http:
  addr: 127.0.0.1:$port
YAML
}

start() {
	local binary waited
	if running_pid >/dev/null && answers; then
		return
	fi
	if answers; then
		fail "something else answers on port $port"
	fi
	lock_images
	binary=$(unpacked docker-registry)/usr/bin/docker-registry
	exec 9>&-
	write_config
	setsid "$binary" serve "$config" </dev/null >>"$dir/registry-$port.log" 2>&1 &
	printf '%s\n' "$!" >"$pid_file"
	for ((waited = 0; waited < 100; waited++)); do
		if answers; then
			return
		fi
		running_pid >/dev/null || break
		sleep 0.1
	done
	stop
	tail -n 5 "$dir/registry-$port.log" >&2
	fail "the registry does not answer on port $port; its log is $dir/registry-$port.log"
}

stop() {
	local pid waited
	if pid=$(running_pid); then
		kill "$pid"
		for ((waited = 0; waited < 100; waited++)); do
			running_pid >/dev/null || break
			sleep 0.1
		done
		if pid=$(running_pid); then
			kill -9 "$pid"
		fi
	fi
	rm -f "$pid_file"
}

[[ $# -eq 3 && $2 =~ ^[0-9]+$ ]] || usage
port=$2
mkdir -p "$3"
dir=$(cd "$3" && pwd)
pid_file=$dir/registry-$port.pid
config=$dir/registry-$port.yml
case $1 in
start) start ;;
stop) stop ;;
*) usage ;;
esac
