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

"""The node's parameters: one table, declared with descriptions and ranges."""
from dataclasses import dataclass, replace
import difflib
from itertools import chain
from typing import Any, Dict, FrozenSet, Iterable, List, Optional, Sequence, Tuple

from rcl_interfaces.msg import (FloatingPointRange, IntegerRange, ParameterDescriptor,
                                SetParametersResult)

from ..backends import BACKENDS
from ..config import MOST_DETECTIONS
from ..errors import ConfigError
from ..letterbox import MODES
from ..postprocess import Settings


@dataclass(frozen=True)
class Parameter:
    """One row of the table; `choices` holds the allowed strings, `live` what may change."""

    name: str
    default: Any
    description: str
    range: Optional[Tuple[float, float]] = None
    choices: Sequence[str] = ()
    live: bool = False


# Names of dnn_node_example keep their meaning.  [''] stands for an empty list: rclpy cannot tell
# the type of [].
TABLE = (
    Parameter('config_file', '', 'JSON configuration; empty: the one that ships with the package'),
    Parameter('model_file', '', 'model file (.bin or .onnx), instead of the one in config_file'),
    Parameter('backend', 'auto', 'inference backend',
              choices=('auto', *chain(*BACKENDS.values()))),
    Parameter('threads', 0, 'threads of the onnx backend, 0: one a core', (0, 256)),
    Parameter('in_flight', 2, 'requests in flight; 2 keep the BPU busy', (1, 8)),
    Parameter('infer_timeout', 2.0, 'seconds after which an inference is given up',
              (0.01, 3600.0)),
    Parameter('error_after', 3, 'failed inferences in a row that make an ERROR in diagnostics',
              (1, 1000)),
    Parameter('letterbox', 'letterbox', 'how a picture is placed in the model input',
              choices=tuple(MODES)),
    Parameter('feed_type', 1, '1: subscribe to images, 0: detect the local file `image` once',
              (0, 1)),
    Parameter('image', '', 'local picture for feed_type 0'),
    Parameter('image_type', 0, 'kind of `image`: 0 a picture file, 1 raw nv12', (0, 1)),
    Parameter('image_width', 0, 'width of a raw nv12 `image`', (0, 16384)),
    Parameter('image_height', 0, 'height of a raw nv12 `image`', (0, 16384)),
    Parameter('dump_render_img', 0, '1: write each drawn picture to the current folder', (0, 1)),
    Parameter('is_shared_mem_sub', 0,
              '1: subscribe to hbm_img_msgs on sharedmem_img_topic_name, 0: to sensor_msgs',
              (0, 1)),
    Parameter('ros_img_topic_name', '/image', 'image topic'),
    Parameter('sharedmem_img_topic_name', '/hbmem_img', 'HbmMsg1080P topic'),
    Parameter('image_topics', [''], 'topics of several cameras; each publishes under ~/NAME'),
    Parameter('image_transport', 'auto', 'type of the image topic; auto: as it is published',
              choices=('auto', 'raw', 'compressed')),
    Parameter('image_reliability', 'auto', 'auto: reliable if every publisher is',
              choices=('auto', 'reliable', 'best_effort')),
    Parameter('watchdog_period', 5.0, 'seconds without an image before a warning with the cause',
              (0.5, 3600.0)),
    Parameter('log_period', 5.0, 'seconds between log lines with rates and drops, 0 for none',
              (0.0, 3600.0)),
    Parameter('msg_pub_topic_name', 'hobot_dnn_detection',
              'ai_msgs/PerceptionTargets topic, published where ai_msgs is installed'),
    Parameter('score_threshold', Settings.score_threshold, 'lowest score that is kept',
              (0.0, 1.0), live=True),
    Parameter('nms_threshold', Settings.nms_threshold,
              'IoU above which the weaker box of a class goes', (0.0, 1.0), live=True),
    Parameter('nms_top_k', Settings.nms_top_k, 'most detections of a frame',
              (1, MOST_DETECTIONS), live=True),
    Parameter('classes', [''], "class names to keep, [''] for all", live=True),
    Parameter('enabled', True, 'false: images are ignored', live=True),
    Parameter('render_max_rate', 0.0, 'most drawn pictures a second and camera, 0: no limit',
              (0.0, 1000.0), live=True),
    Parameter('jpeg_quality', 80, 'quality of ~/render/compressed', (1, 100), live=True),
)
BY_NAME = {p.name: p for p in TABLE}
_KINDS = {bool: 'true or false', int: 'an integer', float: 'a number with a decimal point',
          str: 'a string', list: 'a list of strings'}
THRESHOLDS = ('score_threshold', 'nms_threshold', 'nms_top_k')


def declare(node, names: Iterable[str], defaults: Dict[str, Any] = {}) -> Dict[str, Any]:
    """
    Declare parameters and return their values.

    defaults: values in place of the table's, such as the JSON's.  Raises ConfigError for a value
    of a wrong type or outside its range.
    """
    values = {}
    for parameter in map(BY_NAME.__getitem__, names):
        default = defaults.get(parameter.name, parameter.default)
        try:
            values[parameter.name] = node.declare_parameter(
                parameter.name, default, _descriptor(parameter)).value
        except Exception as e:      # rclpy's exceptions for type, range and value have no base
            raise ConfigError(f'parameter {parameter.name}: {e}: expected '
                              f'{_expected(parameter)}') from e
        if values[parameter.name] is None and isinstance(parameter.default, list):
            values[parameter.name] = []     # what rclpy makes of []
        _check_choice(parameter, values[parameter.name])
    return values


def declare_leniently(node, name: str, default: Any, description: str) -> Any:
    """Declare a parameter that takes 10 for 10.0 and 0 for '0'; return it.  Raises ConfigError."""
    value = node.declare_parameter(name, default, ParameterDescriptor(
        description=description, dynamic_typing=True)).value
    if type(value) is int and type(default) in (float, str):
        value = type(default)(value)
    if type(value) is not type(default):
        raise ConfigError(f'parameter {name} is {value!r}: expected {_KINDS[type(default)]}')
    return value


def topic_name(node, parameter: str, name: str) -> str:
    """Return a topic's name, expanded but not yet remapped.  Raises ConfigError."""
    try:
        return node.resolve_topic_name(name, only_expand=True)
    except Exception as e:      # rclpy's exceptions for names have no base
        raise ConfigError(f'parameter {parameter} is {name!r}: expected the name of a topic, such '
                          'as /image') from e


def live_settings(current: Settings, values: Dict[str, Any], labels: Sequence[str]) -> Settings:
    """Return the settings with parameter values put in.  Raises ConfigError."""
    changed = {name: values[name] for name in THRESHOLDS if name in values}
    if 'classes' in values:
        changed['classes'] = _class_ids(values['classes'], labels)
    return replace(current, **changed)


def check_change(parameters) -> SetParametersResult:
    """Refuse a change of what only a restart can change, with the reason."""
    for parameter in parameters:
        known = BY_NAME.get(parameter.name)
        if known and not known.live:
            return SetParametersResult(
                successful=False, reason=f'{parameter.name} cannot change while the node runs: '
                                         'restart it with the new value')
        if parameter.name in BY_NAME and parameter.value is None:
            return SetParametersResult(successful=False,
                                       reason=f'{parameter.name} cannot be unset')
    return SetParametersResult(successful=True)


def _class_ids(names: List[str], labels: Sequence[str]) -> Optional[FrozenSet[int]]:
    wanted = [name for name in names if name]
    for name in wanted:
        if name not in labels:
            near = difflib.get_close_matches(name, labels, n=1)
            raise ConfigError(f'classes: the model has no class {name!r}'
                              + (f': do you mean {near[0]!r}?' if near else ''))
    return frozenset(i for i, n in enumerate(labels) if n in wanted) if wanted else None


def _check_choice(parameter: Parameter, value: Any) -> None:
    if parameter.choices and value not in parameter.choices:
        raise ConfigError(f'parameter {parameter.name} is {value!r}: expected '
                          f'{_expected(parameter)}')


def _expected(parameter: Parameter) -> str:
    if parameter.choices:
        return 'one of ' + ', '.join(parameter.choices)
    kind = _KINDS[type(parameter.default)]
    if parameter.range:
        kind += f' from {parameter.range[0]} to {parameter.range[1]}'
    return kind


def _descriptor(parameter: Parameter) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=parameter.description)
    if parameter.choices:
        descriptor.additional_constraints = 'one of ' + ', '.join(parameter.choices)
    if not parameter.live:
        descriptor.description += ' (restart to change)'
    if parameter.range and isinstance(parameter.default, float):
        low, high = parameter.range
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    elif parameter.range:
        low, high = parameter.range
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
    return descriptor
