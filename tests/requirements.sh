#!/bin/bash
# requirements.sh PYTHON: write requirements.txt (what the image has) and requirements-dev.txt (the tools of development
# too) anew: everything pinned, with hashes, without a download address.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet pip-tools
"$1" -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' > "$work/requirements.in"
cat "$work/requirements.in" requirements-dev.in > "$work/requirements-dev.in"
compile() {
  "$work/venv/bin/pip-compile" --quiet --generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate \
    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file "$work/out.txt" "$@"
}
compile "$work/requirements-dev.in"
{ echo "# Written by \`make requirements\` from pyproject.toml and requirements-dev.in."; cat "$work/out.txt"; } > requirements-dev.txt
rm "$work/out.txt"
compile --constraint requirements-dev.txt "$work/requirements.in"
{ echo "# What the image has. Written by \`make requirements\` from pyproject.toml."; cat "$work/out.txt"; } > requirements.txt
