#!/usr/bin/env bash
# Makes .venv ready: ROS 2 from wheels and our message definitions where no ROS is sourced, the
# installed ROS otherwise.  Does nothing when nothing changed.   scripts/setup.sh [test]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
want=${1:-}

fail() { printf 'setup: error: %s\n' "$@" >&2; exit 1; }
say() { printf 'setup: %s\n' "$*" >&2; }

find_python() {
  local python
  for python in ${YOLO12_PYTHON:-python3 python3.12 python3.11 python3.10}; do
    if "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' \
        2>/dev/null; then
      command -v "$python"
      return
    fi
  done
  fail 'Python 3.10, 3.11 or 3.12 is needed, none was found' \
       'install one (sudo apt install python3 python3-venv python3-dev), or name it: YOLO12_PYTHON=/path/to/python3.11'
}

# pip's output goes to the log; its end is shown when it fails.
quietly() {
  "$@" >>"$venv/setup.log" 2>&1 || {
    tail -n 15 "$venv/setup.log" >&2
    fail "failed: $*" "the whole output is in $venv/setup.log"
  }
}

has_ros() { [ -n "${ROS_DISTRO:-}" ] && "$python" -c 'import rclpy' 2>/dev/null; }

check_compiler() {
  command -v g++ >/dev/null || fail 'g++ is needed to build the message types: sudo apt install g++'
  "$python" - <<'PY' || fail 'the Python headers are needed: sudo apt install python3-dev'
import pathlib, sys, sysconfig
sys.exit(not pathlib.Path(sysconfig.get_path('include'), 'Python.h').is_file())
PY
}

check_ros_packages() {
  local module
  for module in vision_msgs.msg diagnostic_msgs.msg cv2; do
    "$python" -c "import $module" 2>/dev/null || fail "ROS $ROS_DISTRO lacks ${module%.msg}" \
      "sudo apt install ros-$ROS_DISTRO-vision-msgs ros-$ROS_DISTRO-diagnostic-msgs python3-opencv"
  done
}

make_venv() {       # the arguments go to python -m venv
  "$python" -m venv "$@" "$venv" >/dev/null 2>&1 ||
    fail 'the module venv does not work: sudo apt install python3-venv'
}

# One set-up at a time; a second one waits.  What an interrupted one left is made anew.
mkdir -p "$venv"
exec 9>"$venv/.lock"
flock 9

if [ -x "$venv/bin/python" ] && [ -z "${YOLO12_PYTHON:-}" ]; then
  python=$venv/bin/python
else
  python=$(find_python)
fi
state() { cat "$root"/requirements/*.txt "$root"/setup.py "$root"/setup.cfg \
              "$root"/interfaces/*.* "$root"/interfaces/*/msg/* | cksum
          "$python" --version; echo "${ROS_DISTRO:-wheels}"; }
current=$(state)
for stamp in "$venv/setup-test.stamp" "$venv/setup-${want:-run}.stamp"; do   # test includes run
  [ "$current" = "$(cat "$stamp" 2>/dev/null)" ] && exit 0
done

[ "$python" = "$venv/bin/python" ] && python=$(find_python)
rm -f "$venv"/setup-*.stamp
: >"$venv/setup.log"
if has_ros; then
  check_ros_packages
  say "ROS $ROS_DISTRO is sourced: making .venv on top of it ..."
  make_venv --clear --system-site-packages
  exec 9>"$venv/.lock"; flock 9
  packages=(onnxruntime wheel)
  [ "$want" = test ] && packages+=(pytest hypothesis onnx pycocotools matplotlib)
  quietly "$venv/bin/pip" install "${packages[@]}"
else
  check_compiler
  if [ "$("$venv/bin/python" --version 2>&1)" != "$("$python" --version 2>&1)" ]; then
    say "making .venv with $("$python" --version) ..."
    make_venv --clear
    exec 9>"$venv/.lock"; flock 9
  fi
  say 'installing ROS 2 wheels, NumPy, OpenCV, ONNX Runtime (about a minute) ...'
  quietly "$venv/bin/pip" install -r "$root/requirements/ros.txt" -r "$root/requirements/runtime.txt"
  if [ "$want" = test ]; then
    say 'installing what the tests need ...'
    quietly "$venv/bin/pip" install -r "$root/requirements/test.txt"
  fi
  say 'building the message types (about half a minute) ...'
  PATH=$venv/bin:$PATH quietly "$venv/bin/pip" install --no-build-isolation --no-deps \
    --force-reinstall "$root/interfaces"
fi
say 'installing yolo12_ros ...'
quietly "$venv/bin/pip" install --no-build-isolation --no-deps -e "$root"
python=$venv/bin/python
state >"$stamp"
say 'done'
