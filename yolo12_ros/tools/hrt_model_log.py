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

"""Reads what `hrt_model_exec model_info` prints: the input and the outputs of a .bin."""
from dataclasses import dataclass
import re
from typing import Callable, Dict, List, Optional, Tuple

import numpy as np

from ..backends import TensorInfo
from ..errors import ModelError

_BLOCK = re.compile(r'^(input|output)\[(\d+)\]: *$')
_FIELD = re.compile(r'^(name|input source|valid shape|tensor type|quanti type|scale data'
                    r'|quantizeAxis): *(.*)$')
_TYPES = {f'HB_DNN_TENSOR_TYPE_{short}': np.dtype(name) for short, name in (
    ('F16', 'float16'), ('F32', 'float32'), ('F64', 'float64'), ('S8', 'int8'), ('U8', 'uint8'),
    ('S16', 'int16'), ('U16', 'uint16'), ('S32', 'int32'), ('U32', 'uint32'), ('S64', 'int64'),
    ('U64', 'uint64'))}


@dataclass(frozen=True)
class ModelInfo:
    """
    One model of a .bin as the board describes it.

    input_type: such as HB_DNN_IMG_TYPE_NV12.  input_shape: (1, 3, H, W) or (1, H, W, 3).
    outputs: shapes as the data lies; the layout that the log names is not to be trusted.
    input_name: '' if the log has none.
    """

    name: str
    input_type: str
    input_shape: Tuple[int, ...]
    outputs: Tuple[TensorInfo, ...]
    input_name: str = ''


def looks_like_model_log(text: str) -> bool:
    """Return whether a text is a log of hrt_model_exec."""
    return '[model name]:' in text


def parse_model_log(text: str, source: str = 'the log', name: str = '') -> ModelInfo:
    """
    Read the model called `name`, or the only one.

    Raises ModelError for another text, a log cut short, several models, or a type that no head
    has (HB_DNN_TENSOR_TYPE_S4).
    """
    models = dict(re.findall(r'^\[model name\]: *(\S+)((?:\n(?!\[model name\]).*)*)',
                             text.replace('\r', ''), re.MULTILINE))
    if not models:
        raise ModelError(f'{source} is not a log of hrt_model_exec: expected what '
                         '`hrt_model_exec model_info --model_file MODEL.bin` prints, it starts '
                         f'with {text.strip()[:60]!r}')
    if name not in models and (name or len(models) > 1):
        raise ModelError(f'{source} describes the models {", ".join(models)}: name one of them'
                         + (f', not {name}' if name else ''))
    name = name or next(iter(models))
    inputs, outputs = _blocks(models[name])
    if len(inputs) != 1 or not outputs:
        raise ModelError(f'{source}: model {name} has {len(inputs)} inputs and {len(outputs)} '
                         'outputs: expected one input and at least one output; is the log cut '
                         'short?')
    where = f'{source}: model {name}'
    return ModelInfo(name, inputs[0].get('tensor type', ''),
                     _shape(inputs[0], f'{where}, input'),
                     tuple(_tensor(o, f'{where}, output {i}') for i, o in enumerate(outputs)),
                     inputs[0].get('name', ''))


def _blocks(text: str) -> Tuple[List[Dict[str, str]], List[Dict[str, str]]]:
    """Return the fields of each input and output block."""
    blocks: Dict[str, List[Dict[str, str]]] = {'input': [], 'output': []}
    current: Optional[Dict[str, str]] = None
    for line in text.split('\n'):
        start, entry = _BLOCK.match(line), _FIELD.match(line)
        if start:
            current = {}
            blocks[start[1]].append(current)
        elif entry and current is not None:
            current[entry[1]] = entry[2].strip()
    return blocks['input'], blocks['output']


def _numbers(text: str, kind: Callable, where: str) -> list:
    """Return the numbers of "(1,3,640,640,)" or "0.5,0.25,"."""
    try:
        return [kind(n) for n in text.strip('() ').split(',') if n.strip()]
    except ValueError as e:
        raise ModelError(f'{where} cannot be read ({e}): the log is cut short or damaged') from e


def _shape(block: Dict[str, str], where: str) -> Tuple[int, ...]:
    if not block.get('valid shape', '').endswith(')'):
        raise ModelError(f'{where} has no valid shape: the log is cut short; run hrt_model_exec '
                         'model_info again')
    return tuple(_numbers(block['valid shape'], int, where))


def _tensor(block: Dict[str, str], where: str) -> TensorInfo:
    shape = _shape(block, where)
    if 'quanti type' not in block:
        raise ModelError(f'{where} has no quanti type: the log is cut short; run hrt_model_exec '
                         'model_info again')
    kind = block.get('tensor type', '')
    if kind not in _TYPES:
        raise ModelError(f'{where} is of type {kind or "unknown"}: expected one of '
                         f'{", ".join(_TYPES)}')
    scales = None
    if block['quanti type'] == 'SCALE':
        scales = np.float32(_numbers(block.get('scale data', ''), float, where))
        if scales.size not in (1, shape[-1]):
            raise ModelError(f'{where} has {scales.size} scales: expected {shape[-1]}, one a '
                             'channel; is the log cut short?')
    return TensorInfo(block.get('name', ''), shape, _TYPES[kind], scales)
