#!/usr/bin/env bash
# Prints a Python >= 3.11 that can make virtual environments: $PYTHON if that is set, else the first on
# the PATH. If there is none it installs one where it may, and otherwise says what to type and fails.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fits() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# Debian splits ensurepip from Python; without it `-m venv` leaves half an environment behind.
makes_venvs() {
  "$1" -c 'import ctypes, ensurepip, ssl, venv' 2>/dev/null
}

# 3.11 first: the versions in requirements.txt were tested with it.
find_python() {
  local name
  for name in ${PYTHON:+"$PYTHON"} python3.11 python3 python3.12 python3.13; do
    if fits "$name" && makes_venvs "$name"; then
      # The real program, not a version manager's shim, whose choice may change with the folder.
      "$name" -c 'import sys; print(sys.executable)'
      return
    fi
    if [ "$name" = "${PYTHON:-}" ]; then
      echo "PYTHON is '$name', which is no Python >= 3.11 with the modules venv and ensurepip" >&2
      exit 1
    fi
  done
  return 1
}

find_python && exit
if "$here/apt_install.sh" python3 python3-venv && find_python; then
  exit
fi

cat >&2 <<'MESSAGE'
Python 3.11 or later with its venv module is missing, and could not be installed from here. Please type
one of

    sudo apt-get update && sudo apt-get install python3 python3-venv    # Debian 12 and up, Ubuntu 24.04
    sudo dnf install python3.11                                         # Fedora, RHEL
    brew install python@3.11                                            # macOS

or run make with PYTHON=/path/to/python3.11 in front of it.
MESSAGE
exit 1
