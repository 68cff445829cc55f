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

"""Derives strides, class_num and reg_max from the shapes of a model's outputs."""
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from ..errors import ModelError
from ..postprocess import HeadFormat

USUAL_REG_MAX = 16      # of YOLOv8, YOLO11 and YOLO12
USUAL_STRIDES = (8, 16, 32)


def derive_form(outputs: Sequence, input_size: Tuple[int, int],
                reg_max: Optional[int] = None) -> Tuple[HeadFormat, List[str]]:
    """
    Find what the configuration must say of a model's heads.

    outputs: descriptions with name, shape, dtype and scales.  input_size: (width, height).
    reg_max: if known; otherwise 64 channels are boxes, else the channels that 4 divides, else the
    quantised ones, else those that come second.

    Returns the form and notes on what was assumed.
    Raises ModelError naming the output that is no head or has no partner.
    """
    levels = _levels(outputs, input_size)
    pairs = {stride: [outputs[i].shape[3] for i in at] for stride, at in levels.items()}
    first = next(iter(pairs.values()))
    for stride, channels in pairs.items():
        if sorted(channels) != sorted(first):
            raise ModelError(f'outputs of stride {stride} have {channels} channels, those of '
                             f'stride {next(iter(pairs))} {first}: expected the same two numbers, '
                             'class_num and 4 * reg_max, for every stride')
    box, notes = _box_channels(outputs, list(levels.values())[0], reg_max)
    classes = first[0] if box == first[1] else first[1]
    return HeadFormat(classes, box // 4, tuple(levels)), notes


def _levels(outputs, input_size) -> Dict[int, List[int]]:
    """Return the positions of both outputs of each stride, smallest stride first."""
    width, height = input_size
    levels: Dict[int, List[int]] = {}
    for i, output in enumerate(outputs):
        shape = tuple(output.shape)
        stride = height // shape[1] if len(shape) == 4 and shape[0] == 1 and shape[1] else 0
        if not stride or height != stride * shape[1] or width != stride * shape[2]:
            raise ModelError(
                f'output {output.name} {shape} is no raw head: expected (1, {height}/stride, '
                f'{width}/stride, channels) for the {width}x{height} input; export the model with '
                '`yolo12 export`, a stock export cannot serve')
        levels.setdefault(stride, []).append(i)
    if not levels:
        raise ModelError('the model has no outputs: expected a class and a box output a stride')
    for stride, at in levels.items():
        if len(at) != 2:
            names = ', '.join(f'{outputs[i].name} {tuple(outputs[i].shape)}' for i in at)
            raise ModelError(f'stride {stride} has {len(at)} output{"s" * (len(at) != 1)} '
                             f'({names}): expected a class and a box output')
    return dict(sorted(levels.items()))


def _box_channels(outputs, at: List[int], reg_max: Optional[int]) -> Tuple[int, List[str]]:
    """Return 4 * reg_max, and what was assumed to know it."""
    channels = [outputs[i].shape[3] for i in at]
    if reg_max is not None:
        if 4 * reg_max not in channels:
            raise ModelError(f'reg_max {reg_max} means {4 * reg_max} channels, the model has '
                             f'{channels}')
        return 4 * reg_max, []
    if 4 * USUAL_REG_MAX in channels:
        return 4 * USUAL_REG_MAX, []
    divisible = sorted({c for c in channels if c % 4 == 0})
    if not divisible:
        raise ModelError(f'outputs of {channels[0]} and {channels[1]} channels: neither is '
                         '4 * reg_max')
    if len(divisible) == 1:
        return divisible[0], []
    quantised = [i for i in at if np.dtype(outputs[i].dtype).kind != 'f']
    box = outputs[quantised[0] if len(quantised) == 1 else at[1]].shape[3]
    return box, [f'{channels[0]} or {channels[1]} channels could be 4 * reg_max: took {box}, '
                 f'which is {"quantised" if len(quantised) == 1 else "the second output"}; say '
                 '--reg-max if that is wrong']


def config_values(model_file: str, form: HeadFormat, labels: str = '',
                  output_order: Sequence[int] = ()) -> Dict[str, object]:
    """
    Return a configuration in dnn_node_example's schema that fits a model.

    labels: path of the class names, '' for numbers.  output_order: positions of class and box by
    stride; kept only where shapes cannot tell them apart.
    """
    values: Dict[str, object] = {
        'model_file': model_file, 'dnn_Parser': 'yolov8',   # dnn_node_example's name of the layout
        'model_output_count': 2 * len(form.strides), 'class_num': form.class_num}
    if labels:
        values['cls_names_list'] = labels
    values.update(reg_max=form.reg_max, strides=list(form.strides))
    if form.class_num == 4 * form.reg_max:
        values['output_order'] = list(output_order)
    values.update(score_threshold=0.25, nms_threshold=0.7, nms_top_k=300)
    return values


def check_strides(form: HeadFormat) -> None:
    """
    Raise ModelError unless a form has 8, 16 and 32, as every YOLO12 detector.

    For logs: one that is cut short looks like that of a model with fewer outputs.
    """
    missing = [s for s in USUAL_STRIDES if s not in form.strides]
    if missing:
        raise ModelError(f'no outputs for stride {missing}: the model has strides '
                         f'{list(form.strides)}; is the log cut short? If that is meant, give '
                         '--config, a JSON with these strides')
