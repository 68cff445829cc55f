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

"""What the backends for .bin models share: the NV12 input, types and scales of outputs."""
from typing import Optional, Sequence, Tuple

import numpy as np

from ..errors import BackendError, ModelError

# hbDNNDataType of libdnn 1.x, by number; the vendor's Python bindings use the names.
TYPES = ('Y', 'NV12', 'NV12_SEPARATE', 'YUV444', 'RGB', 'BGR', 'S4', 'U4', 'S8', 'U8', 'F16',
         'S16', 'U16', 'F32', 'S32', 'U32', 'F64', 'S64', 'U64')
# The types that YOLO heads come in.
OUTPUT_TYPES = {'F32': np.dtype(np.float32), 'F16': np.dtype(np.float16), 'S8': np.dtype(np.int8),
                'S16': np.dtype(np.int16), 'S32': np.dtype(np.int32)}


def check_input_type(where: str, count: int, kind: str) -> None:
    """
    Check that a model has one NV12 input.

    where: the model, for the error.  count: of inputs.  kind: name of the first one's type.
    Raises ModelError.
    """
    if count != 1 or kind not in ('NV12', 'NV12_SEPARATE'):
        found = f'{count} inputs' if count != 1 else f'an input of type {kind}'
        raise ModelError(f'{where} has {found}: expected one NV12 picture: compile the model with '
                         "hb_mapper's input_type_rt: 'nv12'")


def picture_size(where: str, shape: Sequence[int]) -> Tuple[int, int]:
    """Return (width, height) of an input shaped (1, 3, H, W) or (1, H, W, 3), or ModelError."""
    shape = tuple(shape)
    if len(shape) == 4 and shape[0] == 1 and 3 in (shape[1], shape[3]):
        height, width = shape[2:] if shape[1] == 3 else shape[1:3]
        if height % 2 == width % 2 == 0:
            return width, height
    raise ModelError(f'{where} has an input of shape {shape}: expected (1, 3, H, W) or '
                     '(1, H, W, 3), H and W even')


def check_picture(where: str, nv12: np.ndarray, size: Tuple[int, int]) -> None:
    """
    Check the array before it goes to a vendor binding, which would read past its end.

    Raises BackendError unless it is contiguous uint8 of size[0] * size[1] * 3 / 2 elements.
    """
    count = size[0] * size[1] * 3 // 2
    if nv12.dtype != np.uint8 or nv12.size != count or not nv12.flags.c_contiguous:
        raise BackendError(f'{where} takes {count} contiguous bytes of NV12, got {nv12.size} '
                           f'elements of {nv12.dtype}, strides {nv12.strides}')


def output_type(where: str, kind: str) -> np.dtype:
    """Return the dtype of an output type's name.  Raises ModelError for one no head comes in."""
    if kind not in OUTPUT_TYPES:
        raise ModelError(f'{where} is of type {kind}: expected {", ".join(OUTPUT_TYPES)}')
    return OUTPUT_TYPES[kind]


def channel_scales(where: str, shape: Sequence[int], scales, axis: Optional[int] = None,
                   zero_points=()) -> Optional[np.ndarray]:
    """
    Return a copy of an integer output's scales as float32 (channels,) or (1,); None without.

    axis: that the scales run along, None if the library does not tell.
    Raises ModelError for scales that do not run along the last axis, and for zero points.
    """
    scales = np.array(scales, np.float32).reshape(-1)
    if np.any(np.asarray(zero_points)):
        raise ModelError(f'{where} has zero points that are not 0: only symmetric quantisation '
                         'is supported')
    if scales.size > 1 and (scales.size != shape[-1] or axis not in (None, len(shape) - 1, -1)):
        raise ModelError(f'{where}, shape {tuple(shape)}, has {scales.size} scales along axis '
                         f'{axis}: expected one scale, or one a channel along the last axis')
    return scales if scales.size else None


def chosen_model(path, names: Sequence[str], wanted: str) -> str:
    """Return the name of the model to run in a file that may pack several, or ModelError."""
    if wanted in names:
        return wanted
    if wanted or len(names) != 1:
        raise ModelError(f'{path} contains {len(names)} models ({", ".join(names)})'
                         + (f', none is named {wanted!r}' if wanted else '')
                         + ': set "model_name" to one of them')
    return names[0]
