# A clone of this repository without its work tree: sh clone.sh [COMMITS]
git clone -q --bare ${1:+--depth "$1"} "file://$(git -C "$HERE" rev-parse --show-toplevel)" clone &&
	git -C clone config gc.auto 0
