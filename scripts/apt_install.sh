#!/usr/bin/env bash
# apt_install.sh PACKAGE...: installs Debian packages where that needs no question: there is apt-get and
# this is root, or sudo asks for no password. Otherwise it fails, silently: the caller says what to type.
set -euo pipefail

command -v apt-get >/dev/null || exit 1
if [ "$(id -u)" = 0 ]; then
  as_root=(env)
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root=(sudo -n env)
else
  exit 1
fi

install() {
  "${as_root[@]}" DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "$@" </dev/null >&2
}

echo "Installing $* with apt-get" >&2
# Fresh images come without package lists, old ones with lists that no longer hold.
install "$@" 2>/dev/null || { "${as_root[@]}" apt-get update </dev/null >&2 && install "$@"; }
