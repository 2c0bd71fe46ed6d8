#!/bin/sh
# Installs what building and testing ClaudeFS needs from Debian's packages, and only what is missing.
# Any Node from 18 on will do here: it runs npm, and `npm ci` brings along the Node that runs ClaudeFS.
set -eu

missing=
# need PACKAGE COMMAND: the package is missing when the command is.
need() {
  command -v "$2" >/dev/null 2>&1 || missing="$missing $1"
}

# setcap, mkfs and their like lie in the administrator's directories.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
need nodejs node
need npm npm
need g++ g++
need make make
need fuse3 fusermount3
need attr setfattr
need acl setfacl
need e2fsprogs mkfs.ext4
need libcap2-bin setcap
need sqlite3 sqlite3
need git git
need iproute2 ip
need util-linux mount
need procps ps

[ -n "$missing" ] || exit 0
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
echo "installing$missing" >&2
# A third-party source that does not answer must not stop us: what cannot be installed is reported below.
$as_root apt-get update -q || true
# shellcheck disable=SC2086 # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends $missing
