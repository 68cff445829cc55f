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

"""From Ultralytics' checkpoint to six-head ONNX: the part of `yolo12 export` that needs torch."""
import io
from pathlib import Path
import warnings

import numpy as np

from .export import difference_fact, probe, run_onnx
from .onnx_fold import fold
from .onnx_opset import IR_VERSION, OPSET
from .six_heads import bpu_form, raw_heads
from ..errors import ModelError


def export_torch(source: str, size, order: str, seed: int):
    """
    Export and compare.

    source: checkpoint or architecture.  size: (height, width).  order: of six_heads.ORDERS.
    Returns (ModelProto, facts for the table).  Raises ModelError.
    """
    import torch
    network, names = _load(source, seed)
    picture = torch.from_numpy(probe((1, 3, *size)))
    if source.endswith(('.yaml', '.yml')):
        _settle(network, picture)
    with torch.no_grad():
        pairs = raw_heads(network, picture)
        with bpu_form(network, order) as blocks:
            patched = [t.numpy() for t in network(picture)]
            model = _to_onnx(network, picture, len(patched))
    original = [t.permute(0, 2, 3, 1).numpy() for pair in pairs
                for t in (pair if order == 'class-first' else pair[::-1])]
    _describe(model, names)
    return model, [
        ('attention blocks patched', str(len(blocks)), None),
        difference_fact('patched against the original', original, patched),
        difference_fact('ONNX Runtime against torch', patched,
                        run_onnx(model, picture.numpy())),
        ('largest value of a head', f'{max(np.abs(t).max() for t in patched):.3g}', None)]


def _load(source: str, seed: int):
    """Return (network in evaluation mode, class names by id)."""
    if source.endswith('.pt') and not Path(source).is_file():
        raise ModelError(f'checkpoint {source} does not exist: yolo12 fetch gets official ones')
    import torch
    from ultralytics import YOLO
    torch.manual_seed(seed)
    try:
        model = YOLO(source)
    except Exception as e:      # whatever unpickling or a missing file raises
        raise ModelError(f'Ultralytics cannot load {source!r}: {type(e).__name__}: {e}') from e
    if model.task != 'detect':
        raise ModelError(f'{source} is a model for {model.task}: expected one for detection')
    network = model.model.float().eval()
    return network, dict(network.names)


def _settle(network, picture) -> None:
    """
    Give random weights living activations: set the statistics of batch normalisation.

    Without it every layer shrinks the signal, all heads are constant and any comparison holds.
    Less than the usual amplitude keeps rounding errors from growing from layer to layer.
    """
    import torch
    layers = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    usual = [m.momentum for m in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None           # the plain average over what it sees
        torch.nn.init.constant_(layer.weight, 0.25)
    network.train()
    with torch.no_grad():
        network(picture)
    network.eval()
    for layer, momentum in zip(layers, usual):
        layer.momentum = momentum


def _to_onnx(network, picture, outputs: int):
    """Return the ModelProto of a patched network."""
    import onnx
    import torch
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')     # of tracing: every shape is meant to be a constant
        torch.onnx.export(network, picture, content, opset_version=OPSET, input_names=['images'],
                          output_names=[f'output{i}' for i in range(outputs)],
                          do_constant_folding=True, **_torchscript(torch))
    model = onnx.ModelProto.FromString(content.getvalue())
    model.ir_version = IR_VERSION
    fold(model)
    return model


def _torchscript(torch):
    """Return what chooses the exporter that knows opset 11, where torch has two."""
    import inspect
    known = inspect.signature(torch.onnx.export).parameters
    return {'dynamo': False} if 'dynamo' in known else {}


def _describe(model, names) -> None:
    """Keep the class names, in the key that Ultralytics uses too; an architecture has numbers."""
    if all(name == str(i) for i, name in names.items()):
        return
    entry = model.metadata_props.add()
    entry.key, entry.value = 'names', str(names)
