# source scripts/activate.sh: a shell in which yolo12, yolo12_node and the ROS 2 of .venv run.
# Works in bash and zsh, from any folder, and twice.
_yolo12_file=${BASH_SOURCE[0]:-${(%):-%x}}
_yolo12_root=$(cd "$(dirname "$_yolo12_file")/.." && pwd)
if bash "$_yolo12_root/scripts/setup.sh" ${YOLO12_SETUP:-}; then
  case ":$PATH:" in *":$_yolo12_root/.venv/bin:"*) ;; *) export PATH="$_yolo12_root/.venv/bin:$PATH" ;; esac
  if [ -z "${ROS_DISTRO:-}" ]; then
    case ":${AMENT_PREFIX_PATH:-}:" in
      *":$_yolo12_root/.venv:"*) ;;
      *) export AMENT_PREFIX_PATH="$_yolo12_root/.venv${AMENT_PREFIX_PATH:+:$AMENT_PREFIX_PATH}" ;;
    esac
    # Nothing leaves this machine unless the user wants it.
    export ROS_AUTOMATIC_DISCOVERY_RANGE="${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}"
    # The field checks that Humble always makes.
    export ROS_PYTHON_CHECK_FIELDS=1
  fi
  # Fast DDS's own shared memory is too small for pictures: best effort would lose most of them.
  export FASTRTPS_DEFAULT_PROFILES_FILE="${FASTRTPS_DEFAULT_PROFILES_FILE:-$_yolo12_root/config/fastdds_shm.xml}"
  unset _yolo12_file _yolo12_root
else
  unset _yolo12_file _yolo12_root
  false
fi
