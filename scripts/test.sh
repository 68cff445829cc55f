#!/usr/bin/env bash
# Sets everything up and runs every test.   scripts/test.sh [pytest arguments]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export YOLO12_SETUP=test
. "$here/activate.sh"
cd "$here/.."
exec python -m pytest "$@"
