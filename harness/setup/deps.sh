#!/bin/sh
# deps.sh - finds what is missing to build, draw or test, and installs it.
#
#     harness/setup/deps.sh build charts test     the groups that are needed
#     harness/setup/deps.sh --local build test    into build/deps, without root
#
# Installs through apt where that is allowed (root, or sudo without a password)
# and DEPS is not "skip".  What stays missing: of the groups build and test, it is
# named with the command that installs it, and exit 2.  Charts, fuzzing, scripts
# libs (mallocs to compare with), recorder and programs (to record, and to run with
# them) are extras: exit 0, and who needs them says what is left out.
set -eu
cd "$(dirname "$0")/../.."
local_root=build/deps

# One line for each need: group, what to look for, Debian package.
needs() {
	cat <<-'EOF'
		build  command:cc              gcc
		build  header:stdio.h          libc6-dev
		build  header:zstd.h           libzstd-dev
		build  header:zlib.h           zlib1g-dev
		build  header:xxhash.h         libxxhash-dev
		build  header:jansson.h        libjansson-dev
		build  header:bsd/string.h     libbsd-dev
		build  header:ini.h            libinih-dev
		build  header:libsmartcols/libsmartcols.h  libsmartcols-dev
		charts command:gnuplot         gnuplot-nox
		charts python:matplotlib       python3-matplotlib
		test   header:cmocka.h         libcmocka-dev
		scripts command:python3        python3
		scripts command:valgrind       valgrind
		libs   library:libjemalloc.so.2  libjemalloc2
		libs   library:libtcmalloc_minimal.so.4  libtcmalloc-minimal4
		libs   library:libmimalloc.so.2.0  libmimalloc2.0
		recorder command:heaptrack     heaptrack
		recorder command:sqlite3       sqlite3
		recorder command:perl          perl
		recorder library:libunwind.so.8  libunwind8
		programs command:sqlite3       sqlite3
		programs command:perl          perl
		programs command:g++           g++
		programs command:git           git
		programs command:zstd          zstd
		programs command:xz            xz-utils
		programs command:redis-server  redis-server
		programs command:redis-cli     redis-tools
		programs command:bash          bash
		programs debian-python:test.test_json  libpython-testsuite
		fuzz   command:clang           clang
		fuzz   fuzzer:                 libclang-rt-dev
	EOF
}

# Packages that have what the linker and the loader need beside the -dev ones.
runtime_of() {
	case $1 in
	libzstd-dev) echo libzstd1 ;;
	zlib1g-dev) echo zlib1g ;;
	libxxhash-dev) echo libxxhash0 ;;
	libjansson-dev) echo libjansson4 ;;
	libbsd-dev) echo libbsd0 libmd0 libmd-dev ;;
	libinih-dev) echo libinih1 ;;
	libsmartcols-dev) echo libsmartcols1 ;;
	libcmocka-dev) echo libcmocka0 ;;
	esac
}

is_there() {
	name=${1#*:}
	case $1 in
	command:*) command -v "$name" >/dev/null 2>&1 ;;
	header:*)
		for dir in /usr/include /usr/local/include \
		    "/usr/include/$(uname -m)-linux-gnu" $local_root/usr/include; do
			[ -e "$dir/$name" ] && return 0
		done
		return 1 ;;
	debian-python:*)
		[ ! -x /usr/bin/python3 ] || /usr/bin/python3 -c "import $name" \
		    2>/dev/null ;;
	python:*)
		for python in python3 /usr/bin/python3; do
			$python -c "import importlib.util as u, sys
sys.exit(u.find_spec('$name') is None)" 2>/dev/null && return 0
		done
		return 1 ;;
	library:*)
		for dir in /usr/lib /usr/local/lib "/usr/lib/$(uname -m)-linux-gnu"; do
			[ -e "$dir/$name" ] && return 0
		done
		return 1 ;;
	fuzzer:*) ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a \
	    >/dev/null 2>&1 ;;
	esac
}

# The package of Python's own tests is named after its version.
name_of() {
	case $1 in
	libpython-testsuite)
		/usr/bin/python3 -c "import sys
print('libpython%d.%d-testsuite' % sys.version_info[:2])" ;;
	*) echo "$1" ;;
	esac
}

# The packages that the given groups miss, each once.
missing() {
	needs | while read -r group what package; do
		case " $* " in *" $group "*) ;; *) continue ;; esac
		is_there "$what" || name_of "$package"
	done | sort -u | paste -sd' '
}

may_install() {
	[ "${DEPS:-}" != skip ] && command -v apt-get >/dev/null 2>&1 || return 1
	[ "$(id -u)" = 0 ] && return 0
	sudo -n true 2>/dev/null
}

install() {
	root=
	[ "$(id -u)" = 0 ] || root="sudo -n"
	echo "alloclab: installing $* (apt-get; DEPS=skip leaves it out)" >&2
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086
	$root apt-get install -y -qq --no-install-recommends $* >build/apt.log 2>&1 ||
	{ $root apt-get update -qq >>build/apt.log 2>&1 &&
	  $root apt-get install -y -qq --no-install-recommends $* >>build/apt.log 2>&1; }
}

# Downloads, with package lists of our own where the machine has none.
download() {
	(cd $local_root/archives
	# shellcheck disable=SC2086
	apt-get download -qq $1 2>/dev/null && exit
	own="-o Dir::State::Lists=$PWD/lists -o Dir::Cache=$PWD/cache"
	mkdir -p lists/partial cache/archives/partial
	# shellcheck disable=SC2086
	apt-get update -qq $own && apt-get download -qq $own $1)
}

unpack_locally() {
	packages=
	for package in $1; do
		case $package in
		gcc | libc6-dev) ;; # named at the end
		*) packages="$packages $package $(runtime_of "$package")" ;;
		esac
	done
	[ -n "$packages" ] || return 0
	mkdir -p $local_root/archives
	echo "alloclab: unpacking$packages into $local_root" >&2
	if download "$packages" >build/apt.log 2>&1; then
		for archive in $local_root/archives/*.deb; do
			dpkg -x "$archive" $local_root
		done
	else
		tail -2 build/apt.log >&2
	fi
	rm -rf $local_root/archives
}

# Ends with 2 if something that cannot be done without is missing.
require_hard() {
	hard=
	for group in "$@"; do
		case $group in build | test) hard="$hard $group" ;; esac
	done
	# shellcheck disable=SC2086
	lacking=$(missing $hard)
	[ -n "$lacking" ] || exit 0
	echo "alloclab: missing: $lacking" >&2
	echo "alloclab: install with: sudo apt-get install $lacking" >&2
	[ "$how" = local ] || echo "alloclab: or, without root: make deps-local" >&2
	exit 2
}

how=system
if [ "${1:-}" = --local ]; then
	how=local
	shift
fi
mkdir -p build || exit 2
lacking=$(missing "$@")
[ -n "$lacking" ] || exit 0
if [ $how = local ]; then
	unpack_locally "$lacking"
elif may_install; then
	install "$lacking" || tail -3 build/apt.log >&2
fi
require_hard "$@"
