#!/usr/bin/env bash
# Installs what building and running need, if it is missing: Debian packages and Python tools.
# `packages.sh tests` installs the further clients that only the tests use.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What a command needs it for stands behind it.
declare -A package_of=(
	[cc]=gcc                     # linking, and the C parts of TLS and compression
	[protoc]=protobuf-compiler   # containerd's API is generated when building
	[containerd]=containerd      # runs containers
	[runc]=runc                  # the same
	[nft]=nftables               # published ports, address translation
	[tini-static]=tini           # the first process of containers that want one (initProcessEnabled)
	[ip]=iproute2                # network namespaces in tests
	[curl]=curl                  # the sample, the images' registry
	[git]=git                    # tidy asks which files belong to the project
	[python3]=python3            # aws-cli and boto3, the clients of the tests
)

if [[ ${1-} == tests ]]; then
	package_of[/usr/bin/aws]=awscli # Debian's aws-cli 2, which has `logs tail`
	package_of[c++]=g++             # libFuzzer
fi

missing=()
for command in "${!package_of[@]}"; do
	command -v "$command" >/dev/null || missing+=("${package_of[$command]}")
done
[[ -e /usr/include/stdio.h ]] || missing+=(libc6-dev) # what the linker and C code need of libc
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
[[ -e /etc/ssl/certs/ca-certificates.crt ]] || missing+=(ca-certificates)
if ((${#missing[@]})); then
	((EUID == 0)) || { echo "install these packages first, or run as root: ${missing[*]}" >&2; exit 1; }
	echo "installing ${missing[*]}"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
fi

# The stock clients, from PyPI, beside the build output. The stamp is the list itself.
venv=target/venv
if ! cmp -s tests/e2e/requirements.txt "$venv/requirements.txt"; then
	echo "installing aws-cli and boto3 into $venv"
	mkdir -p target
	rm -rf "$venv"
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement tests/e2e/requirements.txt
	cp tests/e2e/requirements.txt "$venv/requirements.txt"
fi

# The JavaScript SDK and a Node that it accepts: Debian 12 has an older one, if any.
js=target/js
if [[ ${1-} == tests ]] && ! cmp -s tests/e2e/js/package-lock.json "$js/package-lock.json"; then
	echo "installing the JavaScript SDK into $js"
	"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement tests/e2e/js/requirements.txt
	rm -rf "$js"
	mkdir -p "$js"
	cp tests/e2e/js/package.json "$js/"
	(cd "$js" && cp ../../tests/e2e/js/package-lock.json . && PATH=$OLDPWD/$venv/bin:$PATH npm ci --ignore-scripts --no-audit --no-fund --silent) || { rm -rf "$js"; exit 1; }
fi
