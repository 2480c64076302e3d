#!/usr/bin/env bash
# Pushes the images of build.sh to a registry, as library/NAME:TAG, so that the registry serves as
# a mirror of Docker Hub. What the registry already holds is not sent again.
#
#   push.sh URL [REPOSITORY[:TAG]]...      for example: push.sh http://127.0.0.1:5000 library/httpd

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

request() { curl --silent --show-error --fail --max-time 120 "$@"; }

# The registry's digest of a manifest, or nothing.
held_digest() {
	local repository=$1 reference=$2
	request --head --header "Accept: $index_type" --header "Accept: $manifest_type" \
		"$registry/v2/$repository/manifests/$reference" 2>/dev/null |
		tr -d '\r' | sed -n 's/^docker-content-digest: //Ip'
}

push_blob() {
	local repository=$1 sha=$2 location separator='?'
	if request --head --output /dev/null "$registry/v2/$repository/blobs/sha256:$sha" 2>/dev/null; then
		return
	fi
	location=$(request --request POST --dump-header - --output /dev/null "$registry/v2/$repository/blobs/uploads/" |
		tr -d '\r' | sed -n 's/^location: //Ip')
	[[ -n $location ]] || fail "$registry gave no place for an upload to $repository"
	[[ $location == http* ]] || location=$registry$location
	[[ $location != *\?* ]] || separator='&'
	request --request PUT --output /dev/null --header 'Content-Type: application/octet-stream' \
		--data-binary "@$blobs_dir/$sha" "$location${separator}digest=sha256:$sha"
}

push_manifest() {
	local repository=$1 type=$2 sha=$3 reference=$4
	request --request PUT --output /dev/null --header "Content-Type: $type" \
		--data-binary "@$blobs_dir/$sha" "$registry/v2/$repository/manifests/$reference"
}

push_image() {
	local repository=$1 tag=$2 kind sha index
	local ref=$refs_dir/$repository/$tag
	[[ -f $ref ]] || fail "$repository:$tag is not built; run build.sh first"
	index=$(sed -n 's/^index //p' "$ref")
	if [[ $(held_digest "$repository" "$tag" || true) == "sha256:$index" ]]; then
		return
	fi
	# Blobs first, then the manifests that name them, then the index that names those.
	while read -r kind sha; do
		[[ $kind != blob ]] || push_blob "$repository" "$sha"
	done <"$ref"
	while read -r kind sha; do
		[[ $kind != manifest ]] || push_manifest "$repository" "$manifest_type" "$sha" "sha256:$sha"
	done <"$ref"
	push_manifest "$repository" "$index_type" "$index" "$tag"
	say "pushed $repository:$tag to $registry"
}

main() {
	local wanted name repository tag
	[[ $# -ge 1 ]] || fail "usage: push.sh URL [REPOSITORY[:TAG]]..."
	registry=${1%/}
	shift
	[[ -d $refs_dir ]] || fail "no images are built; run build.sh first"
	wanted=("$@")
	[[ ${#wanted[@]} -gt 0 ]] || mapfile -t wanted < <(cd "$refs_dir" && find . -mindepth 2 -maxdepth 2 -type d -printf '%P\n' | LC_ALL=C sort)
	for name in "${wanted[@]}"; do
		repository=${name%%:*}
		if [[ $name == *:* ]]; then
			push_image "$repository" "${name#*:}"
			continue
		fi
		for tag in "$refs_dir/$repository"/*; do
			push_image "$repository" "${tag##*/}"
		done
	done
}

main "$@"
