#!/bin/sh
# deps.sh - finds what is missing to build, draw or test, and installs it.
#
#     harness/setup/deps.sh build charts test     the groups that are needed
#     harness/setup/deps.sh --local build test    into build/deps, without root
#
# Installs through apt where that is allowed (root, or sudo without a password)
# and DEPS is not "skip".  A missing chart package is one line and exit 0: the
# tables do not need it.  Anything else that stays missing: exit 2.
set -eu
cd "$(dirname "$0")/../.."
local_root=build/deps

# One line for each need: group, what to look for, Debian package.
needs() {
	cat <<-'EOF'
		build  command:cc              gcc
		build  header:stdio.h          libc6-dev
		build  header:zstd.h           libzstd-dev
		build  header:xxhash.h         libxxhash-dev
		build  header:jansson.h        libjansson-dev
		build  header:bsd/string.h     libbsd-dev
		build  header:ini.h            libinih-dev
		build  header:libsmartcols/libsmartcols.h  libsmartcols-dev
		charts command:gnuplot         gnuplot-nox
		charts python:matplotlib       python3-matplotlib
		test   header:cmocka.h         libcmocka-dev
		test   command:python3         python3
		fuzz   command:clang           clang
		fuzz   fuzzer:                 libclang-rt-dev
	EOF
}

# Packages that have what the linker and the loader need beside the -dev ones.
runtime_of() {
	case $1 in
	libzstd-dev) echo libzstd1 ;;
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
	python:*)
		for python in python3 /usr/bin/python3; do
			$python -c "import importlib.util as u, sys
sys.exit(u.find_spec('$name') is None)" 2>/dev/null && return 0
		done
		return 1 ;;
	fuzzer:*) ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a \
	    >/dev/null 2>&1 ;;
	esac
}

# The packages that the given groups miss, each once.
missing() {
	needs | while read -r group what package; do
		case " $* " in *" $group "*) ;; *) continue ;; esac
		is_there "$what" || echo "$package"
	done | sort -u | tr '\n' ' '
}

may_install() {
	[ "${DEPS:-}" != skip ] && command -v apt-get >/dev/null 2>&1 || return 1
	[ "$(id -u)" = 0 ] && return 0
	sudo -n true 2>/dev/null
}

install() {
	root=
	[ "$(id -u)" = 0 ] || root="sudo -n"
	echo "alloclab: installing $*(apt-get; DEPS=skip leaves it out)" >&2
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086
	$root apt-get install -y -qq --no-install-recommends $* >build/apt.log 2>&1 ||
	{ $root apt-get update -qq >>build/apt.log 2>&1 &&
	  $root apt-get install -y -qq --no-install-recommends $* >>build/apt.log 2>&1; }
}

unpack_locally() {
	packages=
	for package in $*; do
		case $package in
		gcc | clang | libclang-rt-* | python3 | libc6-dev)
			echo "alloclab: $package cannot be unpacked locally; ask for: apt-get install $package" >&2
			exit 2 ;;
		esac
		packages="$packages $package $(runtime_of "$package")"
	done
	mkdir -p $local_root/archives
	echo "alloclab: unpacking$packages into $local_root" >&2
	# shellcheck disable=SC2086
	(cd $local_root/archives && apt-get download -qq $packages)
	for archive in $local_root/archives/*.deb; do
		dpkg -x "$archive" $local_root
	done
}

mkdir -p build
if [ "${1:-}" = --local ]; then
	shift
	lacking=$(missing "$@")
	[ -z "$lacking" ] || unpack_locally "$lacking"
	lacking=$(missing "$@")
	[ -z "$lacking" ] || { echo "alloclab: still missing: $lacking" >&2; exit 2; }
	exit 0
fi

lacking=$(missing "$@")
[ -n "$lacking" ] || exit 0
if may_install; then
	install "$lacking" || { tail -3 build/apt.log >&2; }
	lacking=$(missing "$@")
	[ -n "$lacking" ] || exit 0
fi

# What stays missing: charts and fuzzing are extras, the rest is not.
hard=
for group in "$@"; do
	case $group in charts | fuzz) continue ;; esac
	hard="$hard$(missing "$group")"
done
if [ -n "$hard" ]; then
	echo "alloclab: missing: $hard" >&2
	echo "alloclab: install with: sudo apt-get install $hard" >&2
	echo "alloclab: or, without root: make deps-local" >&2
	exit 2
fi
case " $* " in *" charts "*)
	echo "alloclab: some charts will be missing; for all of them: sudo apt-get install $lacking" >&2 ;;
esac
case " $* " in *" fuzz "*)
	echo "alloclab: no fuzzing; it would need: sudo apt-get install $lacking" >&2 ;;
esac
exit 0
