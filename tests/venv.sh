#!/bin/bash
# venv.sh PYTHON DIR: a virtual environment with the pinned tools of development and this package, editable.
# Debian's python3 comes without pip and ensurepip; where python3-venv is missing, pip's wheel is fetched with apt, without installing it.
set -euo pipefail
python=$1 dir=$2
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "schemagate needs Python 3.11 or newer" >&2; exit 1; }
if ! "$python" -m venv "$dir" 2>/dev/null; then
  rm -rf "$dir"
  "$python" -m venv --without-pip "$dir"
  wheel=$(mktemp -d)
  trap 'rm -rf "$wheel"' EXIT
  (cd "$wheel" && { apt-get download -qq python3-pip-whl || { apt-get update -qq && apt-get download -qq python3-pip-whl; }; } && dpkg-deb -x ./*.deb .)
  whl=$(ls "$wheel"/usr/share/python-wheels/pip-*.whl)
  "$dir/bin/python" "$whl/pip" install --quiet --no-index "$whl"
fi
"$dir/bin/python" -m pip install --quiet --require-hashes -r requirements-dev.txt
"$dir/bin/python" -m pip install --quiet --no-deps --no-build-isolation -e .
