#!/usr/bin/env bash
# Builds the test images as OCI blobs from Debian packages that are unpacked, never installed.
#
#   build.sh [busybox] [httpd] [otel]      (default: busybox httpd)
#
# otel also takes OpenTelemetry from PyPI, by the pip of target/venv (see scripts/packages.sh).
#
# Output: $BERTH_IMAGES_DIR (default: target/images of this repository). Equal packages and equal
# scripts give equal bytes; when nothing has changed nothing is done. push.sh serves the result.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly path_variable=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# An empty directory in which an image's files are laid out.
new_root() {
	local root=$images_dir/root/$1
	rm -rf "$root"
	mkdir -p "$root"
	printf '%s\n' "$root"
}

# Every applet of busybox as a link, a few users, and the directories that programs expect.
lay_out_busybox() {
	local root=$1 tree applet
	tree=$(unpacked busybox-static)
	mkdir -p "$root"/{bin,etc,proc,sys,dev,run,root,home/app,tmp,usr,var/tmp}
	ln -s ../bin "$root/usr/bin"
	ln -s ../bin "$root/usr/sbin"
	ln -s bin "$root/sbin"
	cp "$tree/bin/busybox" "$root/bin/busybox"
	for applet in $("$root/bin/busybox" --list); do
		[[ $applet == busybox ]] || ln -s busybox "$root/bin/$applet"
	done
	cp "$here/busybox/passwd" "$here/busybox/group" "$root/etc/"
	chmod 755 "$root" "$root/bin/busybox"
	chmod 644 "$root/etc/passwd" "$root/etc/group"
	chmod 700 "$root/root"
	chmod 1777 "$root/tmp" "$root/var/tmp"
}

# The base layer is also the first layer of every other image, as with real images.
base_layer() {
	local root
	root=$(new_root busybox)
	lay_out_busybox "$root"
	keep_layer "$root"
}

build_busybox() {
	local run root native foreign arch
	arch=$(architecture)
	run="{\"Env\":[\"$path_variable\"],\"Cmd\":[\"sh\"]}"
	native=$(keep_manifest "$arch" "$run" "$(base_layer)")
	# A platform that no test machine has, first in the index and with nothing to run in it:
	# whoever takes the first entry instead of the fitting one cannot start the image.
	root=$(new_root foreign)
	printf 'This is the image of another platform.\n' >"$root/WRONG-PLATFORM"
	chmod 755 "$root"
	chmod 644 "$root/WRONG-PLATFORM"
	foreign=$(keep_manifest s390x "$run" "$(keep_layer "$root")")
	keep_image library/busybox "latest test" "s390x=$foreign" "$arch=$native"
}

# Copies a package's files, without what no program reads at run time.
add_package() {
	local root=$1 package=$2 tree
	tree=$(unpacked "$package")
	tar --create --directory "$tree" --exclude=./usr/share/doc --exclude=./usr/share/man \
		--exclude=./usr/share/lintian --exclude=./usr/share/locale --exclude='./usr/lib/*/gconv' \
		--exclude='./usr/lib/*/perl*' --exclude=./usr/share/bug --exclude=./etc/ld.so.conf.d . |
		tar --extract --directory "$root"
}

# Fails unless the image's own loader finds every library of the given programs inside the image.
check_libraries() {
	local root=$1 loader program missing libraries
	shift
	libraries=$root/lib/$(multiarch):$root/usr/lib/$(multiarch)
	loader=$(find "$root/lib/$(multiarch)" -maxdepth 1 -name 'ld-linux-*.so.*')
	for program in "$@"; do
		missing=$("$loader" --inhibit-cache --library-path "$libraries" --list "$program" 2>&1 |
			grep -v -e "$root/.* (0x" -e linux-vdso -e 'statically linked' || true)
		[[ -z $missing ]] || fail "libraries of $program are not in its image: $missing"
	done
}

# Apache from Debian's files, in the places where the official image has them.
lay_out_httpd() {
	local root=$1 prefix=$1/usr/local/apache2 package module
	mkdir -p "$prefix"/{bin,conf,htdocs,logs,modules,cgi-bin}
	# libgcc, because glibc ends threads through it; dash, because the shell of busybox takes
	# its own applet named httpd before any on PATH.
	for package in dash libc6 libgcc-s1 libapr1 libaprutil1 libcrypt1 libexpat1 libpcre2-8-0 libuuid1; do
		add_package "$root" "$package"
	done
	cp "$(unpacked apache2-bin)/usr/sbin/apache2" "$prefix/bin/apache2"
	while read -r module; do
		cp "$(unpacked apache2-bin)/usr/lib/apache2/modules/$module" "$prefix/modules/$module"
	done < <(sed -n 's,^LoadModule .* modules/,,p' "$here/httpd/httpd.conf")
	check_libraries "$root" "$root/bin/dash" "$prefix/bin/apache2" "$prefix"/modules/*.so
	cp "$(unpacked media-types)/etc/mime.types" "$here/httpd/httpd.conf" "$prefix/conf/"
	cp "$here/httpd/httpd" "$here/httpd/httpd-foreground" "$prefix/bin/"
	printf '<html><body><h1>It works!</h1></body></html>\n' >"$prefix/htdocs/index.html"
	chmod -R u=rwX,go=rX "$prefix"
	chmod 755 "$root" "$prefix"/bin/*
}

build_httpd() {
	local root run arch
	arch=$(architecture)
	root=$(new_root httpd)
	lay_out_httpd "$root"
	run="{\"Env\":[\"PATH=/usr/local/apache2/bin:${path_variable#PATH=}\",\"HTTPD_PREFIX=/usr/local/apache2\"],"
	run+="\"Cmd\":[\"httpd-foreground\"],\"WorkingDir\":\"/usr/local/apache2\",\"StopSignal\":\"SIGWINCH\",\"ExposedPorts\":{\"80/tcp\":{}}}"
	keep_image library/httpd "2.4 latest" "$arch=$(keep_manifest "$arch" "$run" "$(base_layer)" "$(keep_layer "$root")")"
}

# Debian's Python with OpenTelemetry and its detectors of AWS.
lay_out_otel() {
	local root=$1 package pip=$here/../../target/venv/bin/pip
	for package in python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libc6 libgcc-s1 libexpat1 zlib1g libssl3 libffi8 \
		libbz2-1.0 liblzma5 libuuid1; do
		add_package "$root" "$package"
	done
	check_libraries "$root" "$root/usr/bin/python3.11"
	[[ -x $pip ]] || fail "there is no $pip: run scripts/packages.sh"
	"$pip" install --quiet --disable-pip-version-check --no-deps --no-compile --only-binary=:all: --python-version 3.11 \
		--target "$root/opt/otel" --requirement "$here/otel/requirements.txt" || fail "cannot get OpenTelemetry from PyPI"
	cp "$here/otel/detect.py" "$root/opt/otel/"
	chmod -R u=rwX,go=rX "$root/opt"
	chmod 755 "$root"
}

build_otel() {
	local root run arch
	arch=$(architecture)
	root=$(new_root otel)
	lay_out_otel "$root"
	run="{\"Env\":[\"$path_variable\",\"PYTHONPATH=/opt/otel\",\"PYTHONDONTWRITEBYTECODE=1\"],\"Cmd\":[\"python3.11\",\"/opt/otel/detect.py\"]}"
	keep_image library/otel "latest" "$arch=$(keep_manifest "$arch" "$run" "$(base_layer)" "$(keep_layer "$root")")"
}

# What an image is made of: these scripts and files, and the packages already downloaded.
fingerprint() {
	{
		architecture
		cat "$here/lib.sh" "$here/build.sh" "$here"/busybox/* "$here"/httpd/* "$here"/otel/*
		find "$packages_dir" -name '*.deb' 2>/dev/null | LC_ALL=C sort | xargs -r sha256sum
	} | sha256sum | cut -d ' ' -f 1
}

main() {
	local image wanted=("$@") stale=() built=$images_dir/built
	[[ ${#wanted[@]} -gt 0 ]] || wanted=(busybox httpd)
	umask 022
	lock_images
	mkdir -p "$built"
	for image in "${wanted[@]}"; do
		declare -F "build_$image" >/dev/null || fail "there is no image named $image"
		if [[ $(cat "$built/$image" 2>/dev/null) != "$(fingerprint)" ]]; then
			"build_$image"
			stale+=("$image")
		fi
	done
	rm -rf "$images_dir/root"
	# Taken after all, because building may have downloaded packages.
	for image in "${stale[@]}"; do
		fingerprint >"$built/$image"
	done
}

main "$@"
