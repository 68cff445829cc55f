#!/usr/bin/env bash
# Detects objects in a picture, a folder or a video, over ROS 2.   scripts/demo.sh --help
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/activate.sh"
exec python -m yolo12_ros.ros.demo "$@"
