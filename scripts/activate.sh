# source scripts/activate.sh: a shell in which yolo12, yolo12_node and the ROS 2 of .venv run.
# Works in bash and zsh, from any folder, and twice.
_yolo12_file=${BASH_SOURCE[0]:-${(%):-%x}}
_yolo12_root=$(unset CDPATH; cd "$(dirname "$_yolo12_file")/.." >/dev/null && pwd)
if bash "$_yolo12_root/scripts/setup.sh" ${YOLO12_SETUP:-}; then
  case ":$PATH:" in
    *":$_yolo12_root/.venv/bin:"*) ;;
    *) export PATH="$_yolo12_root/.venv/bin:$PATH" ;;
  esac
  if ! grep -q 'system-site-packages = true' "$_yolo12_root/.venv/pyvenv.cfg"; then
    # ROS is the wheels' own, not an installed one.
    case ":${AMENT_PREFIX_PATH:-}:" in
      *":$_yolo12_root/.venv:"*) ;;
      *) export AMENT_PREFIX_PATH="$_yolo12_root/.venv${AMENT_PREFIX_PATH:+:$AMENT_PREFIX_PATH}" ;;
    esac
    # The field checks that Humble always makes.
    export ROS_PYTHON_CHECK_FIELDS=1
    # Nothing leaves this machine unless the user wants it.  An installed ROS keeps its own network.
    export ROS_AUTOMATIC_DISCOVERY_RANGE="${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}"
    # Fast DDS's own shared memory is too small for pictures: best effort would lose most of them.
    if [ -z "${FASTRTPS_DEFAULT_PROFILES_FILE:-}" ]; then
      export FASTRTPS_DEFAULT_PROFILES_FILE="$_yolo12_root/config/fastdds_shm.xml"
    fi
  fi
  unset _yolo12_file _yolo12_root
else
  unset _yolo12_file _yolo12_root
  false
fi
