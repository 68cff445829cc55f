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

"""Pairs a model's outputs with strides, by shape and never by index or name."""
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import numpy as np

from ..errors import ModelError


@dataclass(frozen=True)
class Head:
    """
    One stride's class and box output.

    stride: model pixels for one grid cell.  grid: (rows, columns).
    class_index, box_index: positions in the model's list of outputs; the tensors are
    (1, rows, columns, class_num) and (1, rows, columns, 4 * reg_max).
    class_scales, box_scales: float32 (channels,) or (1,): value = integer * scale; None for float.
    """

    stride: int
    grid: Tuple[int, int]
    class_index: int
    box_index: int
    class_scales: Optional[np.ndarray] = None
    box_scales: Optional[np.ndarray] = None


@dataclass(frozen=True)
class HeadFormat:
    """
    What the configuration says of the heads.

    output_order: positions of class, box, class, box, ... by stride; it decides only where shapes
    and scales cannot (class_num == 4 * reg_max), the model's own order otherwise.
    """

    class_num: int = 80
    reg_max: int = 16
    strides: Tuple[int, ...] = (8, 16, 32)
    output_order: Optional[Tuple[int, ...]] = None


def pair_heads(outputs: Sequence, input_size: Tuple[int, int],
               form: HeadFormat) -> Tuple[Tuple[Head, ...], List[str]]:
    """
    Find the class and the box output of each stride.

    outputs: the model's descriptions, each with name, shape, dtype and scales (array or None).
    input_size: (width, height) of the model input.

    Returns the heads in the order of form.strides, and notes for the log.
    Raises ModelError with a table of what was found and which key to change.
    """
    width, height = input_size
    if any(width % s or height % s for s in form.strides):
        raise ModelError(f'model input {width}x{height}: both sides must be multiples of the '
                         f'strides {list(form.strides)}')
    heads, notes = [], []
    for stride in form.strides:
        grid = height // stride, width // stride
        pair, note = _pair(outputs, grid, form)
        if pair is None:
            raise ModelError(_mismatch(outputs, input_size, form, stride))
        notes += note
        c, b = pair
        heads.append(Head(stride, grid, c, b, _scales(outputs[c]), _scales(outputs[b])))
    if len(outputs) != 2 * len(heads):
        raise ModelError(_mismatch(outputs, input_size, form, None))
    return tuple(heads), notes


def _pair(outputs, grid, form):
    """Return ((class index, box index), notes) for a grid, or (None, [])."""
    at = [i for i, o in enumerate(outputs)
          if len(o.shape) == 4 and tuple(o.shape[:3]) == (1, *grid)]
    classes = [i for i in at if outputs[i].shape[3] == form.class_num]
    boxes = [i for i in at if outputs[i].shape[3] == 4 * form.reg_max]
    if form.class_num != 4 * form.reg_max:
        return ((classes[0], boxes[0]), []) if len(classes) == len(boxes) == 1 else (None, [])
    if len(at) != 2 or classes != at:
        return None, []
    quantised = [i for i in at if outputs[i].scales is not None]
    if len(quantised) == 1:
        reason, box = 'the quantised one is the box', quantised[0]
    elif form.output_order and set(at) <= set(form.output_order):
        reason, box = 'output_order says so', max(at, key=form.output_order.index)
    else:
        reason, box = 'class comes first in the model', at[1]
    cls = at[0] + at[1] - box
    return (cls, box), [f'outputs {outputs[cls].name} and {outputs[box].name} have the same '
                        f'shape: taken as class and box ({reason})']


def _scales(output) -> Optional[np.ndarray]:
    if np.dtype(output.dtype).kind == 'f':
        return None
    channels = output.shape[3]
    scales = None if output.scales is None else np.asarray(output.scales, np.float32).reshape(-1)
    if scales is None or scales.size not in (1, channels):
        raise ModelError(f'output {output.name} is {np.dtype(output.dtype)} and has '
                         f'{0 if scales is None else scales.size} scales: '
                         f'expected {channels} (one a channel) or 1')
    if not (np.isfinite(scales).all() and (scales > 0).all()):
        raise ModelError(f'output {output.name} has a scale that is not a positive number')
    return scales


def _mismatch(outputs, input_size, form, stride) -> str:
    """Return the text of the error: found, expected, and the key to change."""
    width, height = input_size
    wanted = [f'  (1, {height // s}, {width // s}, {c})  {kind}, stride {s}' for s in form.strides
              for kind, c in (('class', form.class_num), ('box', 4 * form.reg_max))]
    found = [f'  {tuple(o.shape)}  {o.name}, {np.dtype(o.dtype)}' for o in outputs]
    what = f'no class and box output for stride {stride}' if stride else \
        f'{len(outputs)} outputs where {2 * len(form.strides)} are expected'
    return '\n'.join([f'the model does not fit the configuration: {what}. The model has', *found,
                      'the configuration expects', *wanted, *_hints(outputs, input_size, form)])


def _hints(outputs, input_size, form) -> List[str]:
    """Guess which key is wrong, from the shapes."""
    shapes = [tuple(o.shape) for o in outputs if len(o.shape) == 4 and o.shape[1] > 0]
    width, height = input_size
    strides = sorted({height // rows for _, rows, columns, _ in shapes
                      if height % rows == 0 and width == height // rows * columns})
    if strides and strides != sorted(form.strides) and len(shapes) == 2 * len(strides):
        return [f'perhaps "strides" should be {strides}, with "model_output_count" '
                f'{2 * len(strides)}']
    channels = {s[3] for s in shapes}
    others = channels - {4 * form.reg_max}
    if len(channels) == 2 and len(others) == 1 and others != {form.class_num}:
        return [f'perhaps "class_num" should be {others.pop()}']
    others = channels - {form.class_num}
    if len(channels) == 2 and len(others) == 1 and not min(others) % 4 and \
            others != {4 * form.reg_max}:
        return [f'perhaps "reg_max" should be {others.pop() // 4}']
    if len(shapes) < len(outputs) or len(outputs) == 1:
        return ['this looks like a stock export: six raw NHWC heads are needed '
                '(see docs/model.md, yolo12 export)']
    return []
