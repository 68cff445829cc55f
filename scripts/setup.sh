#!/usr/bin/env bash
# Makes .venv ready: ROS 2 from wheels and our message definitions where no ROS is sourced, the
# installed ROS otherwise.  Does nothing when nothing changed.   scripts/setup.sh [test]
set -euo pipefail
unset CDPATH
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
want=${1:-}

fail() { printf 'setup: error: %s\n' "$@" >&2; exit 1; }
say() { printf 'setup: %s\n' "$*" >&2; }

case $want in '' | test) ;; *) fail "unknown argument '$want': expected nothing, or test" ;; esac

# The interpreter behind a name, also where that is a virtual environment's (ours is made anew).
interpreter() { "$1" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))'; }
version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }
has_headers() {
  "$1" -c 'import os, sys, sysconfig
sys.exit(not os.path.isfile(os.path.join(sysconfig.get_path("include"), "Python.h")))'
}

# Sets python, and ros where that Python has the sourced ROS.
find_python() {
  local name candidate found='' without_headers=()
  local candidates=(python3 python3.12 python3.11 python3.10)
  [ -z "${YOLO12_PYTHON:-}" ] || candidates=("$YOLO12_PYTHON")
  for name in "${candidates[@]}"; do
    candidate=$(interpreter "$name" 2>/dev/null) && found=$(version "$candidate") || continue
    if [ -n "${ROS_DISTRO:-}" ] && "$candidate" -c 'import rclpy' 2>/dev/null; then
      python=$candidate ros=$ROS_DISTRO
      return
    fi
    case $found in
      3.10 | 3.11 | 3.12)
        if has_headers "$candidate"; then python=$candidate; return; fi
        without_headers+=("$found") ;;
    esac
  done
  [ ${#without_headers[@]} = 0 ] ||
    fail "Python ${without_headers[0]} has no headers, which the message types are built with" \
         "sudo apt install python${without_headers[0]}-dev"
  [ -z "${YOLO12_PYTHON:-}" ] ||
    fail "YOLO12_PYTHON=$YOLO12_PYTHON is ${found:+Python }${found:-no Python that runs}" \
         'expected Python 3.10, 3.11 or 3.12'
  fail 'Python 3.10, 3.11 or 3.12 is needed, none was found' \
       'sudo apt install python3 python3-venv python3-dev, or name one: YOLO12_PYTHON=python3.11'
}

# pip's output goes to the log; its end is shown when it fails.
quietly() {
  "$@" >>"$venv/setup.log" 2>&1 || {
    tail -n 15 "$venv/setup.log" >&2
    fail "failed: $*" "the whole output is in $venv/setup.log"
  }
}

check_ros_packages() {
  local entry module missing=()
  for entry in "vision_msgs.msg ros-$ros-vision-msgs" \
      "diagnostic_msgs.msg ros-$ros-diagnostic-msgs" 'cv2 python3-opencv'; do
    module=${entry% *}
    "$python" -c "import $module" 2>/dev/null || missing+=("${entry#* }")
  done
  [ ${#missing[@]} = 0 ] || fail "ROS $ros lacks packages: sudo apt install ${missing[*]}"
  "$python" -c 'import cv_bridge' 2>/dev/null ||
    say "without cv_bridge only the usual encodings work: sudo apt install ros-$ros-cv-bridge"
}

make_venv() {       # the arguments go to python -m venv
  local output
  output=$("$python" -m venv --clear "$@" "$venv" 2>&1) ||
    fail "$python -m venv failed" "$output" "sudo apt install python$(version "$python")-venv"
}

trap 'fail "interrupted: the next start sets up anew"' INT TERM

# One set-up at a time.  The lock is on this script, as .venv itself may be made anew.
exec 9<"$root/scripts/setup.sh"
flock -n 9 || { say 'waiting for another set-up ...'; flock 9; }

state() {
  (cd "$root" && cat requirements/*.txt setup.* scripts/setup.sh interfaces/*.* \
    interfaces/*/msg/*) | cksum
  echo "$root"
  "$1" --version
  echo "${ROS_DISTRO:-wheels}"
}
python=${YOLO12_PYTHON:-$venv/bin/python}
current=$(state "$python" 2>/dev/null) || current=
for stamp in "$venv/setup-test.stamp" "$venv/setup-${want:-run}.stamp"; do   # test includes run
  [ -n "$current" ] && [ "$current" = "$(cat "$stamp" 2>/dev/null)" ] && exit 0
done

ros=
find_python
kind="$root: $("$python" --version), ${ros:-wheels}"
if [ -n "$ros" ]; then
  check_ros_packages
else
  command -v g++ >/dev/null ||
    fail 'g++ is needed to build the message types: sudo apt install g++'
fi
# A .venv of another kind, or one whose set-up was interrupted (no stamp), is made anew.
if [ "$kind" != "$(cat "$venv/kind" 2>/dev/null)" ] ||
    ! ls "$venv"/setup-*.stamp >/dev/null 2>&1; then
  say "making .venv with $("$python" --version)${ros:+, on top of ROS $ros} ..."
  if [ -n "$ros" ]; then make_venv --system-site-packages; else make_venv; fi
  echo "$kind" >"$venv/kind"
fi
rm -f "$venv"/setup-*.stamp
: >"$venv/setup.log"
pip=("$venv/bin/python" -m pip --disable-pip-version-check)
if [ -n "$ros" ]; then
  say 'installing ONNX Runtime ...'
  # As constraints the pins leave the system's NumPy and OpenCV in place where they do.
  quietly "${pip[@]}" install -c "$root/requirements/runtime.txt" onnxruntime setuptools wheel
  if [ "$want" = test ]; then
    say 'installing what the tests need ...'
    mapfile -t tests < <(grep == "$root/requirements/test.txt" | grep -vE '^(colcon|cv-bridge)')
    quietly "${pip[@]}" install -c "$root/requirements/runtime.txt" \
      -r "$root/requirements/tools.txt" "${tests[@]}"
  fi
else
  say 'installing ROS 2 wheels, NumPy, OpenCV, ONNX Runtime (about a minute) ...'
  quietly "${pip[@]}" install -r "$root/requirements/ros.txt" -r "$root/requirements/runtime.txt"
  if [ "$want" = test ]; then
    say 'installing what the tests need ...'
    quietly "${pip[@]}" install -r "$root/requirements/runtime.txt" \
      -r "$root/requirements/test.txt"
  fi
  say 'building the message types (about half a minute) ...'
  PATH=$venv/bin:$PATH quietly "${pip[@]}" install --no-build-isolation --no-deps \
    --force-reinstall "$root/interfaces"
fi
say 'installing yolo12_ros ...'
quietly "${pip[@]}" install --no-build-isolation --no-deps -e "$root"
[ -x "$venv/bin/yolo12_node" ] || fail "yolo12_node is not in $venv/bin: see $venv/setup.log"
state "$venv/bin/python" >"$venv/setup-${want:-run}.stamp"
say 'done'
