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

"""One description of a model's input and outputs, from the model or from a vendor tool's log."""
import codecs
from dataclasses import dataclass
from pathlib import Path
import shutil
import subprocess
from typing import Tuple

import numpy as np

from . import hb_mapper_log, hrt_model_log
from ..backends import BACKENDS, TensorInfo, open_model
from ..backends.bpu import picture_size
from ..errors import BackendError, ModelError


@dataclass(frozen=True)
class ModelDescription:
    """
    What inspect, compile and strip know of a model.

    name: of the model.  source: what says so.  input_kind: 'NV12' is what the node feeds,
    'unknown' where the source does not say.  input_size: (width, height).  outputs: as the data
    lies.  notes: what the source cannot tell.  input_name: '' if not told.  from_log: a log can
    be cut short, so that outputs are missing.
    """

    name: str
    source: str
    input_kind: str
    input_size: Tuple[int, int]
    outputs: Tuple[TensorInfo, ...]
    notes: Tuple[str, ...] = ()
    input_name: str = ''
    from_log: bool = False


def describe(path, backend: str = 'auto') -> ModelDescription:
    """
    Describe a .bin, an .onnx, or a log of hrt_model_exec or hb_mapper.

    A .bin is opened as the node would; where no backend can, hrt_model_exec is asked.
    backend: for a model, of open_model.
    Raises ModelError or BackendError.
    """
    path = Path(path)
    if path.suffix.lower() in BACKENDS:
        try:
            return _opened(path, backend)
        except BackendError as e:
            if path.suffix.lower() == '.bin':
                return _asked(path, e)
            raise
    return describe_log(path)


def describe_log(path: Path) -> ModelDescription:
    """Describe what a log tells of.  Raises ModelError."""
    text = read_text(path)
    if hrt_model_log.looks_like_model_log(text):
        return _of_info(hrt_model_log.parse_model_log(text, str(path)), f'hrt_model_exec, {path}',
                        from_log=True)
    if hb_mapper_log.looks_like_mapper_log(text):
        return from_mapper_log(hb_mapper_log.parse_mapper_log(text, str(path)), str(path))
    raise ModelError(f'{path} is neither a model nor a log: expected a .bin, an .onnx, or what '
                     'hrt_model_exec model_info or hb_mapper makertbin prints')


def from_mapper_log(log: hb_mapper_log.MapperLog, source: str) -> ModelDescription:
    """Describe the model that a log tells of; shapes are those of the float graph."""
    if len(log.inputs) != 1 or not log.outputs:
        raise ModelError(f'{source}: the log names {len(log.inputs)} inputs and '
                         f'{len(log.outputs)} outputs: expected one input and the outputs under '
                         '"Graph output"; is it cut short?')
    kind = log.settings.get('input_type_rt', '').upper() or 'unknown'
    return ModelDescription(
        log.settings.get('output_model_file_prefix', 'model'), f'hb_mapper, {source}', kind,
        picture_size(source, log.inputs[0].shape),
        tuple(TensorInfo(o.name, o.shape, np.dtype(np.float32)) for o in log.outputs),
        ('a log of hb_mapper does not show whether Dequantize nodes were removed later',),
        log.inputs[0].name, True)


def read_text(path: Path) -> str:
    """Return a log's text.  Raises ModelError."""
    try:
        data = Path(path).read_bytes()
    except OSError as e:
        raise ModelError(f'cannot read {path}: {e.strerror}') from e
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):      # of PowerShell's >
        return data.decode('utf-16', errors='replace')
    if b'\0' in data[:4096]:
        raise ModelError(f'{path} is not text: expected a log; models end in '
                         f'{" or ".join(BACKENDS)}')
    return data.decode('utf-8', errors='replace')


def _opened(path: Path, backend: str) -> ModelDescription:
    with open_model(path, backend, slots=1) as model:
        notes = (model.limits,) if model.limits else ()
        if hasattr(model, 'run_rgb'):
            notes += ('the file itself takes float32 RGB 0..1; NV12 is converted on the way',)
        return ModelDescription(model.name, model.backend, 'NV12', model.input_size,
                                tuple(model.outputs), notes, model.input_name)


def _asked(path: Path, reason: BackendError) -> ModelDescription:
    """Describe a .bin by hrt_model_exec, where that is installed."""
    tool = shutil.which('hrt_model_exec')
    if tool is None:
        raise BackendError(
            f'{reason}\nto inspect {path.name} here, run on the board\n'
            f'  hrt_model_exec model_info --model_file {path.name} > info.txt\n'
            'and give info.txt') from reason
    done = subprocess.run([tool, 'model_info', '--model_file', str(path)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors='replace')
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ['it printed nothing'])[-1]
        raise ModelError(f'hrt_model_exec cannot read {path}: {last}')
    return _of_info(hrt_model_log.parse_model_log(done.stdout, 'hrt_model_exec'),
                    'hrt_model_exec', from_log=False)


def _of_info(info: hrt_model_log.ModelInfo, source: str, from_log: bool) -> ModelDescription:
    kind = info.input_type.replace('HB_DNN_IMG_TYPE_', '').replace('HB_DNN_TENSOR_TYPE_', '')
    return ModelDescription(info.name, source, kind.replace('NV12_SEPARATE', 'NV12') or 'unknown',
                            picture_size(source, info.input_shape), info.outputs,
                            input_name=info.input_name, from_log=from_log)
