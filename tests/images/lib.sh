# shellcheck shell=bash
# What the image scripts share: Debian packages that are unpacked and never installed, and the
# pieces of an OCI image (layers, configurations, manifests, indexes) kept as blobs by digest.
# Sourced, not run. Needs only what a bare Debian 12 has; pushing needs curl as well.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
images_dir=${BERTH_IMAGES_DIR:-$(cd "$here/../.." && pwd)/target/images}
packages_dir=$images_dir/packages # one .deb each, as downloaded
trees_dir=$images_dir/trees       # the same, unpacked
blobs_dir=$images_dir/blobs       # content by sha256
refs_dir=$images_dir/refs         # repository/tag -> what to push

readonly layer_type=application/vnd.oci.image.layer.v1.tar+gzip
readonly config_type=application/vnd.oci.image.config.v1+json
readonly manifest_type=application/vnd.oci.image.manifest.v1+json
readonly index_type=application/vnd.oci.image.index.v1+json

say() { printf 'images: %s\n' "$*" >&2; }

fail() {
	say "error: $*"
	exit 1
}

# The host's architecture; Debian's names for these two are the OCI names as well.
architecture() {
	local name
	name=$(dpkg --print-architecture)
	case $name in
	amd64 | arm64) printf '%s\n' "$name" ;;
	*) fail "no images for the architecture $name; amd64 and arm64 are known" ;;
	esac
}

# The directory in which Debian keeps the libraries of that architecture.
multiarch() {
	case $(architecture) in
	amd64) printf 'x86_64-linux-gnu\n' ;;
	arm64) printf 'aarch64-linux-gnu\n' ;;
	esac
}

# Runs the rest of the script alone: test suites may ask for the same images at the same time.
lock_images() {
	mkdir -p "$images_dir"
	exec 9>"$images_dir/lock"
	flock 9
}

# Prints the unpacked tree of a Debian package, downloading it when it is not there yet.
# What is there is kept: a newer version is taken when the directory has been removed.
unpacked() {
	local package=$1 tree=$trees_dir/$1
	if [[ ! -d $tree ]]; then
		mkdir -p "$trees_dir" "$packages_dir/$package"
		# An earlier attempt may have left an older version beside the one that is downloaded now.
		rm -f "$packages_dir/$package"/*.deb
		(cd "$packages_dir/$package" && apt-get download -qq -o APT::Sandbox::User=root "$package" >&2) ||
			fail "cannot download the Debian package $package; try 'apt-get update' first"
		rm -rf "$tree.new"
		dpkg-deb -x "$packages_dir/$package"/*.deb "$tree.new"
		mv "$tree.new" "$tree"
	fi
	printf '%s\n' "$tree"
}

# Moves a file into the blobs and prints its sha256, without the "sha256:".
keep_blob() {
	local file=$1 sha
	sha=$(sha256sum "$file" | cut -d ' ' -f 1)
	mkdir -p "$blobs_dir"
	mv "$file" "$blobs_dir/$sha"
	printf '%s\n' "$sha"
}

# Keeps standard input as a blob.
keep_text() {
	mkdir -p "$blobs_dir"
	cat >"$blobs_dir/new"
	keep_blob "$blobs_dir/new"
}

blob_size() { stat -c %s "$blobs_dir/$1"; }

# Makes a layer of a directory, the same bytes whenever the content is the same.
# Prints two words: the sha256 of the layer, and of the tar file inside.
keep_layer() {
	local root=$1 tar=$images_dir/layer.tar diff
	tar --create --file "$tar" --directory "$root" --sort=name --mtime=@0 \
		--owner=0 --group=0 --numeric-owner --format=gnu .
	diff=$(sha256sum "$tar" | cut -d ' ' -f 1)
	gzip -n -f "$tar"
	printf '%s %s\n' "$(keep_blob "$tar.gz")" "$diff"
}

# descriptor TYPE SHA [FURTHER MEMBERS]
descriptor() {
	printf '{"mediaType":"%s","digest":"sha256:%s","size":%s%s}' "$1" "$2" "$(blob_size "$2")" "${3:-}"
}

joined() {
	local IFS=,
	printf '%s' "$*"
}

# keep_manifest ARCHITECTURE CONFIG_JSON "LAYER DIFF"...: prints the sha256 of the manifest.
keep_manifest() {
	local arch=$1 run=$2 config layer diff
	shift 2
	local layers=() diffs=()
	for pair in "$@"; do
		read -r layer diff <<<"$pair"
		layers+=("$(descriptor "$layer_type" "$layer")")
		diffs+=("\"sha256:$diff\"")
	done
	config=$(printf '{"created":"1970-01-01T00:00:00Z","architecture":"%s","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":[%s]}}' \
		"$arch" "$run" "$(joined "${diffs[@]}")" | keep_text)
	printf '{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[%s]}' \
		"$manifest_type" "$(descriptor "$config_type" "$config")" "$(joined "${layers[@]}")" | keep_text
}

# keep_image REPOSITORY TAGS INDEX_ENTRIES: INDEX_ENTRIES are words ARCHITECTURE=MANIFEST_SHA.
# Keeps the index and notes under refs, per tag, all that a registry must hold to serve it.
keep_image() {
	local repository=$1 tags=$2 index entry arch manifest tag
	shift 2
	local entries=() manifests=()
	for entry in "$@"; do
		arch=${entry%%=*} manifest=${entry#*=}
		manifests+=("$manifest")
		entries+=("$(descriptor "$manifest_type" "$manifest" ",\"platform\":{\"architecture\":\"$arch\",\"os\":\"linux\"}")")
	done
	index=$(printf '{"schemaVersion":2,"mediaType":"%s","manifests":[%s]}' "$index_type" "$(joined "${entries[@]}")" | keep_text)
	mkdir -p "$refs_dir/$repository"
	for tag in $tags; do
		{
			printf 'index %s\n' "$index"
			printf 'manifest %s\n' "${manifests[@]}"
			for manifest in "${manifests[@]}"; do
				grep -o '"digest":"sha256:[0-9a-f]*"' "$blobs_dir/$manifest" | sed 's/.*sha256:\([0-9a-f]*\)"/blob \1/'
			done | sort -u
		} >"$refs_dir/$repository/$tag.new"
		mv "$refs_dir/$repository/$tag.new" "$refs_dir/$repository/$tag"
	done
	say "$repository ($tags) is sha256:$index"
}
