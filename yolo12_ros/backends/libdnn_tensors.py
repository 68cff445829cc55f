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

"""Reads what libdnn says of a model's tensors, and refuses what cannot be true."""
import ctypes as c
from typing import List, Tuple

import numpy as np

from . import TensorInfo
from .bpu import channel_scales, output_type, picture_size, TYPES
from .libdnn_abi import (LAYOUTS, Library, MAX_DIMENSIONS, NATIVE, QUANTI_SCALE, QUANTI_SHIFT,
                         TensorProperties, TensorShape)
from ..errors import BackendError, ModelError

# Written behind the structure before libdnn fills it: a library whose structure is longer is
# caught before it is given memory of ours that matters.
_CANARY = b'\xa5' * 64
_FIRST_TENSOR_TYPE = TYPES.index('S4')      # below are picture types, which have no strides


def read_tensors(library: Library, handle, kind: str) -> List[Tuple[str, TensorProperties]]:
    """
    Return names and properties of the tensors of a model.

    kind: 'Input' or 'Output'.  The properties point to scales that live as long as the handle.
    Raises BackendError when they make no sense.
    """
    count = c.c_int32()
    library.check(f'hbDNNGet{kind}Count', c.byref(count), handle)
    return [(_name(library, handle, kind, i), _properties(library, handle, kind, i))
            for i in range(count.value)]


def describe_output(path, name: str, properties: TensorProperties) -> TensorInfo:
    """Return the description of an output.  Raises ModelError for one that cannot be decoded."""
    where = f'{path}: output {name}'
    shape = dimensions(properties.validShape)
    if properties.tensorLayout == NATIVE:
        raise ModelError(f"{where} is in the BPU's own layout (NHCW): expected NHWC, as `yolo12 "
                         'export` and `yolo12 compile` make it')
    dtype = output_type(where, TYPES[properties.tensorType])
    scales = None if dtype.kind == 'f' else _scales(where, shape, properties)
    return TensorInfo(name, shape, dtype, scales)


def dimensions(shape: TensorShape) -> Tuple[int, ...]:
    """Return the dimensions that are used."""
    return tuple(shape.dimensionSize[:shape.numDimensions])


def strides(properties: TensorProperties) -> Tuple[int, ...]:
    """Return the strides in bytes."""
    return tuple(properties.stride[:properties.validShape.numDimensions])


def _name(library: Library, handle, kind: str, index: int) -> str:
    name = c.c_char_p()
    library.check(f'hbDNNGet{kind}Name', c.byref(name), handle, index)
    return (name.value or b'').decode(errors='replace')


def _properties(library: Library, handle, kind: str, index: int) -> TensorProperties:
    size = c.sizeof(TensorProperties)
    memory = c.create_string_buffer(bytes(size) + _CANARY, size + len(_CANARY))
    library.check(f'hbDNNGet{kind}TensorProperties',
                  c.cast(memory, c.POINTER(TensorProperties)), handle, index)
    properties = TensorProperties.from_buffer_copy(memory)
    wrong = 'more bytes than the structure has' if memory.raw[size:] != _CANARY else \
        _nonsense(properties)
    if wrong:
        raise BackendError(f'libdnn {library.version} describes {kind.lower()} {index} with '
                           f'{wrong}: its structures are not those of 1.x as this package knows '
                           'them, so it is not used')
    return properties


def _nonsense(p: TensorProperties) -> str:
    """Return what cannot be true of a tensor, '' if nothing is."""
    if not 1 <= p.validShape.numDimensions <= MAX_DIMENSIONS:
        return f'{p.validShape.numDimensions} dimensions'
    shape = dimensions(p.validShape)
    if min(shape) < 1:
        return f'the shape {shape}'
    for field, value, allowed in (('type', p.tensorType, range(len(TYPES))),
                                  ('layout', p.tensorLayout, LAYOUTS),
                                  ('quantisation', p.quantiType, range(3))):
        if value not in allowed:
            return f'the {field} {value}'
    for field, count, data in (('shift', p.shift.shiftLen, p.shift.shiftData),
                               ('scale', p.scale.scaleLen, p.scale.scaleData),
                               ('zero point', p.scale.zeroPointLen, p.scale.zeroPointData)):
        if not 0 <= count <= max(shape) or count and not data:
            return f'{count} {field}s'
    if TYPES[p.tensorType] in ('NV12', 'NV12_SEPARATE'):
        return _nonsense_of_picture(shape, p.alignedByteSize)
    return _nonsense_of_strides(shape, p) if p.tensorType >= _FIRST_TENSOR_TYPE else ''


def _nonsense_of_picture(shape: Tuple[int, ...], size: int) -> str:
    width, height = picture_size('the model', shape)
    return '' if size >= width * height * 3 // 2 else f'{size} bytes for {width}x{height} NV12'


def _nonsense_of_strides(shape: Tuple[int, ...], p: TensorProperties) -> str:
    # two a byte, or cut into the BPU's tiles: both are refused as an output anyway
    if TYPES[p.tensorType] in ('S4', 'U4') or p.tensorLayout == NATIVE:
        return ''
    steps = strides(p)
    item = int(TYPES[p.tensorType][1:]) // 8
    inner = [n * s for n, s in zip(shape[1:], steps[1:])] + [item]
    if steps[-1] != item or any(step < need for step, need in zip(steps, inner)):
        return f'the strides {steps} for {shape} of {item} bytes each'
    if shape[0] * steps[0] > p.alignedByteSize:
        return f'{p.alignedByteSize} bytes for {shape} with strides {steps}'
    return ''


def _scales(where: str, shape: Tuple[int, ...], p: TensorProperties):
    """Return copies of an integer output's scales."""
    if p.quantiType == QUANTI_SHIFT:
        shifts = np.array(p.shift.shiftData[:p.shift.shiftLen])
        return channel_scales(where, shape, 0.5 ** shifts, p.quantizeAxis)
    if p.quantiType == QUANTI_SCALE:
        scale = p.scale
        return channel_scales(where, shape, scale.scaleData[:scale.scaleLen], p.quantizeAxis,
                              scale.zeroPointData[:scale.zeroPointLen])
    return None
