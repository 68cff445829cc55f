# Copyright 2026 The yolo12_ros Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The JSON configuration, in dnn_node_example's schema for its yolov8 parser."""
from dataclasses import dataclass, replace
import difflib
import json
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Tuple

from .errors import ConfigError
from .labels import COCO_NAMES, load_labels
from .postprocess import HeadFormat, Settings

# One head layout, many names.
PARSERS = ('yolov8', 'yolov11', 'yolov12')
MOST_DETECTIONS = 100000     # that nms_top_k may allow


@dataclass(frozen=True)
class Config:
    """
    A validated configuration.

    model_file: resolved path; it need not exist yet.  model_name: name inside a .bin, '' for its
    only model.  labels: class_num names.  form: what the heads look like.  settings: thresholds.
    labels_file: where they were read, None for COCO's or numbers.  warnings: sentences for the
    log.
    """

    path: Path
    model_file: Path
    model_name: str
    labels: Tuple[str, ...]
    form: HeadFormat
    settings: Settings
    warnings: Tuple[str, ...] = ()
    labels_file: Optional[Path] = None

    def with_model(self, model_file) -> 'Config':
        """Return the same configuration with another model file."""
        return replace(self, model_file=_expanded(model_file))

    def model_options(self) -> Dict[str, Any]:
        """Return what open_model needs to know besides the file."""
        is_bin = self.model_file.suffix.lower() == '.bin'
        return {'model_name': self.model_name} if is_bin else {}


def _is_int(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_ratio(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _is_count(value) -> bool:
    return _is_int(value) and value > 0


def _is_text(value) -> bool:
    return isinstance(value, str)


def _all(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(map(check, value))


# key: (check, expectation, dnn_node_example's default; None: absent)
KEYS: Dict[str, Tuple[Callable[[Any], bool], str, Any]] = {
    'model_file': (lambda v: _is_text(v) and v != '', 'the path of a .bin or .onnx file', None),
    'model_name': (_is_text, 'a string', ''),
    'dnn_Parser': (lambda v: v in PARSERS, f'one of {", ".join(PARSERS)}', 'yolov8'),
    'model_output_count': (_is_count, 'a positive integer', None),
    'class_num': (lambda v: _is_count(v) and v <= 10000, 'an integer from 1 to 10000', 80),
    'cls_names_list': (_is_text, 'the path of a text file, one class name a line', None),
    'reg_max': (_is_count, 'a positive integer', 16),
    'strides': (_all(_is_count), 'a list of positive integers', [8, 16, 32]),
    'score_threshold': (_is_ratio, 'a number from 0 to 1', 0.4),
    'nms_threshold': (_is_ratio, 'a number from 0 to 1', 0.5),
    'nms_top_k': (lambda v: _is_count(v) and v <= MOST_DETECTIONS,
                  f'an integer from 1 to {MOST_DETECTIONS}', 5000),
    'output_order': (_all(_is_int), 'a list of integers', None),
    'task_num': (_is_count, 'a positive integer', None),             # see the parameter in_flight
    'is_performance': (lambda v: isinstance(v, bool), 'true or false', None),  # segmentation only
}


def load_config(path) -> Config:
    """
    Load and validate a configuration file.

    Paths in it are looked for as absolute paths, beside the JSON, in the package's share folder
    and in the current folder, in this order.  Raises ConfigError, naming key, value, expectation
    and file.
    """
    path = _expanded(path)
    values = _read(path)
    warnings = [_unknown(key, path) for key in values if key not in KEYS]
    for key, (check, expected, _) in KEYS.items():
        if key in values and not check(values[key]):
            raise ConfigError(f'{path}: {key} is {json.dumps(values[key])}: expected {expected}')
    known = {key: values.get(key, default) for key, (_, _, default) in KEYS.items()}
    if known['model_file'] is None:
        raise ConfigError(f'{path}: model_file is missing: expected {KEYS["model_file"][1]}')
    _check_counts(known, path)
    labels, label_notes, labels_file = _labels(known, path)
    model_file, _ = find_file(known['model_file'], path.parent)
    order = known['output_order']
    return Config(
        path, model_file or _expanded(known['model_file']), known['model_name'], labels,
        HeadFormat(known['class_num'], known['reg_max'], tuple(known['strides']),
                   None if order is None else tuple(order)),
        Settings(float(known['score_threshold']), float(known['nms_threshold']),
                 known['nms_top_k']),
        tuple(warnings + label_notes), labels_file)


def package_share() -> Optional[Path]:
    """Return the installed share folder of this package, the source tree's root, or None."""
    try:
        from ament_index_python.packages import get_package_share_directory
        return Path(get_package_share_directory('yolo12_ros'))
    except (ImportError, LookupError, OSError):
        root = Path(__file__).resolve().parents[1]
        return root if (root / 'package.xml').is_file() else None


def find_file(name: str, beside: Path) -> Tuple[Optional[Path], Tuple[Path, ...]]:
    """Return (the first place where a file is, or None; all places looked at)."""
    given = _expanded(name)
    share = package_share()
    places = [given] if given.is_absolute() else \
        [base / given for base in (beside, share, Path.cwd()) if base]
    return next(filter(_is_file, places), None), tuple(dict.fromkeys(places))


def _expanded(name) -> Path:
    """Return a path with ~ replaced by the home folder, as it was given if there is none."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):       # too long, no permission, not a path at all
        return False


def _read(path: Path) -> Dict[str, Any]:
    """Return the JSON object."""
    try:
        text = path.read_text(encoding='utf-8-sig')
    except UnicodeDecodeError as e:
        raise ConfigError(f'{path} is not UTF-8 text: {e}') from e
    except (OSError, ValueError) as e:
        raise ConfigError(f'cannot read the configuration {path}: '
                          f'{getattr(e, "strerror", e)}: check the parameter config_file') from e
    try:
        values = json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, path),
                            parse_constant=float)
    except json.JSONDecodeError as e:
        line = text.split('\n')[e.lineno - 1:e.lineno]
        raise ConfigError(f'{path}, line {e.lineno}, column {e.colno}: not valid JSON: {e.msg}'
                          f'{": " + line[0].strip()[:80] if line else ""}') from e
    except (ValueError, RecursionError) as e:   # a number of thousands of digits, deep nesting
        raise ConfigError(f'{path}: not valid JSON: {e}') from e
    if not isinstance(values, dict):
        raise ConfigError(f'{path}: expected a JSON object {{...}}, got {text.strip()[:40]!r}')
    return values


def _once(pairs, path: Path) -> Dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError(f'{path}: {twice} is given twice: remove one')
    return values


def _unknown(key: str, path: Path) -> str:
    near = difflib.get_close_matches(key, KEYS, n=1)
    hint = f': do you mean {near[0]!r}?' if near else ''
    return f'{path}: unknown key {key!r} is ignored{hint}'


def _check_counts(values: Dict[str, Any], path: Path) -> None:
    """Check what one key says of another."""
    strides, order = values['strides'], values['output_order']
    count = 2 * len(strides)
    if len(set(strides)) != len(strides):
        raise ConfigError(f'{path}: strides is {strides}: expected different numbers')
    if values['model_output_count'] not in (None, count):
        raise ConfigError(f'{path}: model_output_count is {values["model_output_count"]}: '
                          f'expected {count}, two for each of the strides {strides}')
    if order is not None and sorted(order) != list(range(count)):
        raise ConfigError(f'{path}: output_order is {order}: expected each number from 0 to '
                          f'{count - 1} once')


def _labels(values: Dict[str, Any], path: Path):
    """Return (names, notes, their file or None)."""
    name, class_num = values['cls_names_list'], values['class_num']
    if name is None:
        if class_num == len(COCO_NAMES):
            return COCO_NAMES, [], None
        return (tuple(f'class {i}' for i in range(class_num)),
                [f'{path}: class_num is {class_num} and cls_names_list is missing: classes are '
                 'named by number'], None)
    file, places = find_file(name, path.parent)
    if file is None:
        raise ConfigError(f'{path}: cls_names_list {name!r} does not exist; looked for '
                          f'{", ".join(map(str, places))}')
    labels = load_labels(file)
    if len(labels) != class_num:
        raise ConfigError(f'{path}: class_num is {class_num}, but {file} has {len(labels)} names: '
                          'make them equal')
    return labels, [], file
