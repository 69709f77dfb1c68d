#!/usr/bin/env bash
# setup_venv.sh [NAME [PIN...]]: makes the virtual environment NAME (.venv) in the checkout from
# requirements.txt, with this package in it as it lies there. A PIN (pandas==3.0.1) replaces that of
# requirements.txt. Does nothing if the environment is whole and up to date.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
name=${1:-.venv}
shift || true
stamp=$name/.stamp

mkdir -p .cache
# Two makes at once would build into one folder.
if command -v flock >/dev/null; then
  exec 9>".cache/$(basename "$name").lock"
  flock 9
fi

# The file is the last thing written, so a half-made environment has none. What it holds decides what
# is out of date: file times say nothing after a checkout. The path counts as environments cannot move.
packages_state() {
  { pwd && cat requirements.txt && printf '%s\n' "$@" && "$name/bin/python" --version; } | cksum
}
project_state() {
  { cat setup.py pyproject.toml && grep '^__version__' python/sparkprophet/version.py; } | cksum
}
line() {
  sed -n "$1p" "$stamp" 2>/dev/null
}
pip() {
  "$name/bin/python" -m pip --disable-pip-version-check --no-input "$@"
}

if ! [ -x "$name/bin/python" ] || [ "$(line 1)" != "$(packages_state "$@")" ]; then
  python=$(./scripts/find_python.sh)
  echo "Making $name with $python (minutes the first time: Spark alone is 450 MB)"
  rm -f "$stamp" # first, or a deletion that is cut short leaves a stamp that vouches for the rest
  rm -rf "$name"
  "$python" -m venv "$name"
  pins=.cache/$(basename "$name").requirements.txt
  cp requirements.txt "$pins"
  for pin in "$@"; do
    grep -v "^${pin%%==*}==" "$pins" >"$pins.new"
    echo "$pin" >>"$pins.new"
    mv "$pins.new" "$pins"
  done
  # Some packages come as sources: they are built by the pinned setuptools, not by today's newest.
  grep -E '^(setuptools|wheel)==' "$pins" >"$pins.build"
  pip install -q -r "$pins.build"
  pip install -q --no-build-isolation -r "$pins"
  packages_state "$@" >"$stamp"
fi
if [ "$(line 2)" != "$(project_state)" ]; then
  pip install -q --no-deps --no-build-isolation -e .
  { line 1 && project_state; } >"$stamp.new"
  mv "$stamp.new" "$stamp"
  echo "$name is ready"
fi
