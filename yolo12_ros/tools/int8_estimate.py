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

"""Static int8 quantisation by onnxruntime, with heads as the BPU gives them."""
import json
from pathlib import Path
import tempfile
from typing import Dict, Iterable, List

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto

from .onnx_heads import constants, prune
from .quantize import METHODS
from ..backends.onnx import ESTIMATE_KEY, SCALES_KEY
from ..errors import ModelError

ESTIMATE = ('int8 estimate by onnxruntime: per-channel symmetric weights, per-tensor asymmetric '
            'activations; not the model that hb_mapper makes')
OPSET = 13      # the first with a scale for each channel
# What the BPU computes in int8.  A convolution with SiLU is one step there: no Sigmoid here.
QUANTISED = ('Add', 'AveragePool', 'Concat', 'Conv', 'Div', 'Exp', 'MatMul', 'MaxPool', 'Mul',
             'ReduceMax', 'ReduceSum', 'Reshape', 'Resize', 'Slice', 'Softmax', 'Split', 'Sub',
             'Transpose')


def estimate(model: onnx.ModelProto, pictures: Iterable[np.ndarray], count: int,
             method: str = 'average') -> onnx.ModelProto:
    """
    Return a quantised model: box heads int32 with a scale for each channel, class heads float32.

    model: six-head float ONNX.  pictures: `count` float32 (1, 3, H, W), RGB 0..1, each used once.
    method: of quantize.METHODS.  Raises ModelError.
    """
    _check_float(model)
    boxes = box_outputs(model)
    with tempfile.TemporaryDirectory() as folder:
        plain, out = Path(folder) / 'float.onnx', Path(folder) / 'int8.onnx'
        prepared = _prepare(model, plain)
        _quantise(prepared, plain, out, pictures, count, method)
        quantised = onnx.load(str(out))
    scales = {}
    for value in list(quantised.graph.output):
        found = _raw_head(quantised, value, value.name in boxes)
        if value.name in boxes:
            scales[value.name] = found.astype(np.float32).tolist()
    prune(quantised)
    _describe(quantised, model, scales)
    onnx.checker.check_model(quantised)
    return quantised


def _check_float(model: onnx.ModelProto) -> None:
    """Raise ModelError for a model that is quantised already."""
    rounding = {n.op_type for n in model.graph.node} & {'QuantizeLinear', 'DequantizeLinear'}
    if rounding or any(o.type.tensor_type.elem_type != TensorProto.FLOAT
                       for o in model.graph.output):
        raise ModelError('the model is quantised already: give the float one, from yolo12 export')


def box_outputs(model: onnx.ModelProto) -> List[str]:
    """Return the names of the outputs with box distances, one for each grid."""
    shapes = {o.name: tuple(d.dim_value for d in o.type.tensor_type.shape.dim)
              for o in model.graph.output}
    by_grid: Dict[tuple, List[str]] = {}
    for name, shape in shapes.items():
        by_grid.setdefault(shape[:3], []).append(name)
    if any(len(s) != 4 for s in shapes.values()) or {len(v) for v in by_grid.values()} != {2}:
        raise ModelError(f'expected two heads (1, rows, columns, channels) for each stride, got '
                         f'{list(shapes.values())}: export the model with yolo12 export')
    made_by = {name: node for node in model.graph.node for name in node.output}
    return [pair[_box_position([made_by[n].input[0] for n in pair], [shapes[n][3] for n in pair])]
            for pair in by_grid.values()]


def _box_position(convolutions: List[str], channels: List[int]) -> int:
    """Return which of two heads is the box: by Ultralytics' names, 4 * 16 channels, order."""
    named = ['cv2' in name for name in convolutions]
    usual = [n == 64 for n in channels]
    for signs in (named, usual):
        if sum(signs) == 1:
            return signs.index(True)
    return 1


def _prepare(model, plain: Path) -> onnx.ModelProto:
    """Fold constants, bring the model to OPSET and write it."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(plain)
    try:
        onnxruntime.InferenceSession(model.SerializeToString(), options, ['CPUExecutionProvider'])
    except Exception as e:      # onnxruntime's exceptions have no common base of their own
        raise ModelError(f'onnxruntime cannot load the model: {e}') from e
    folded = onnx.load(str(plain))
    version = max(o.version for o in folded.opset_import if o.domain in ('', 'ai.onnx'))
    del folded.opset_import[:]      # onnxruntime lists its own domains too, which are not used
    folded.opset_import.append(helper.make_opsetid('', version))
    if version < OPSET:
        folded = onnx.version_converter.convert_version(folded, OPSET)
    folded.ir_version = 8
    for i, node in enumerate(folded.graph.node):
        node.name = node.name or f'{node.op_type}_{i}'
    onnx.save(folded, str(plain))
    return folded


def _quantise(model, plain: Path, out: Path, pictures, count: int, method: str) -> None:
    import logging
    from onnxruntime import quantization as q
    supply, name = iter(pictures), model.graph.input[0].name
    calibrator, options = METHODS[method]

    class Reader(q.CalibrationDataReader):
        """Gives all pictures, or those of a range where onnxruntime works in strides."""

        left = count

        def __len__(self):
            return count

        def set_range(self, start_index, end_index):
            self.left = end_index - start_index

        def get_next(self):
            self.left -= 1
            return {name: next(supply)} if self.left >= 0 else None

    made_by = {n: node for node in model.graph.node for n in node.output}
    quiet = logging.getLogger()
    level = quiet.level
    quiet.setLevel(logging.ERROR)       # it advises preprocessing, which _prepare has done
    try:
        q.quantize_static(
            str(plain), str(out), Reader(), quant_format=q.QuantFormat.QDQ, per_channel=True,
            op_types_to_quantize=list(QUANTISED), activation_type=q.QuantType.QInt8,
            weight_type=q.QuantType.QInt8, calibrate_method=q.CalibrationMethod[calibrator],
            nodes_to_exclude=[*_silu(model, made_by),
                              *(made_by[o.name].name for o in model.graph.output)],
            # SiLU ends at -0.28: a range symmetric about 0 would waste almost half of the steps.
            extra_options={'ActivationSymmetric': False, 'WeightSymmetric': True, **options})
    finally:
        quiet.setLevel(level)


def _silu(model, made_by) -> List[str]:
    """Return the names of the products x * sigmoid(x), one lookup with their input on the BPU."""
    return [node.name for node in model.graph.node if node.op_type == 'Mul'
            and any(i in made_by and made_by[i].op_type == 'Sigmoid' for i in node.input)]


def _raw_head(model, value: onnx.ValueInfoProto, integer: bool) -> np.ndarray:
    """
    Give an output the sums of its convolution, before any rounding to int8, in place.

    integer: leave them int32, as hb_model_modifier does; else multiply with the scales.
    Returns the scales, one a channel.
    """
    graph, known = model.graph, constants(model)
    made_by = {name: node for node in graph.node for name in node.output}
    turn = made_by[value.name]
    conv = _behind(turn.input[0], made_by, 'Conv')
    given, weight, bias = (made_by.get(name) for name in [*conv.input, ''][:3])
    if any(n is None or n.op_type != 'DequantizeLinear' for n in (given, weight)):
        raise ModelError(f'output {value.name}: the inputs of convolution {conv.name} were not '
                         'quantised')
    scales = known[given.input[1]].astype(np.float64) * known[weight.input[1]].astype(np.float64)
    # The sums are computed in float32, which is exact up to 2^24 and the same on every CPU.
    base = f'{conv.name}/raw'
    parts = {name: f'{base}/{name}'
             for name in ('int8', 'zero', 'input', 'weight', 'bias', 'sum', 'head')}
    zero = known[given.input[2]].astype(np.float32)
    graph.initializer.append(numpy_helper.from_array(zero, parts['zero']))
    new = [helper.make_node('Cast', [given.input[0]], [parts['int8']], to=TensorProto.FLOAT),
           helper.make_node('Sub', [parts['int8'], parts['zero']], [parts['input']]),
           helper.make_node('Cast', [weight.input[0]], [parts['weight']], to=TensorProto.FLOAT)]
    inputs = [parts['input'], parts['weight']]
    if bias is not None:
        values = known[bias.input[0]].astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(values, parts['bias']))
        inputs.append(parts['bias'])
    new.append(helper.make_node('Conv', inputs, [parts['sum']], base))
    if integer:
        new.append(helper.make_node('Cast', [parts['sum']], [parts['head']], to=TensorProto.INT32))
        value.type.tensor_type.elem_type = TensorProto.INT32
    else:
        factors = scales.astype(np.float32).reshape(1, -1, 1, 1)
        graph.initializer.append(numpy_helper.from_array(factors, f'{base}/scales'))
        new.append(helper.make_node('Mul', [parts['sum'], f'{base}/scales'], [parts['head']]))
    turn.input[0] = parts['head']
    graph.node.extend(new)      # prune sorts
    return scales.reshape(-1)


def _behind(name: str, made_by, kind: str):
    """Return the node of a kind that made a tensor, behind pairs of rounding nodes."""
    node = made_by.get(name)
    while node is not None and node.op_type in ('DequantizeLinear', 'QuantizeLinear'):
        node = made_by.get(node.input[0])
    if node is None or node.op_type != kind:
        raise ModelError(f'expected a {kind} in front of {name}: export the model with '
                         'yolo12 export')
    return node


def _describe(quantised, model, scales) -> None:
    del quantised.metadata_props[:]
    quantised.metadata_props.extend(p for p in model.metadata_props)
    for key, value in ((SCALES_KEY, json.dumps(scales)), (ESTIMATE_KEY, ESTIMATE)):
        entry = quantised.metadata_props.add()
        entry.key, entry.value = key, value
    quantised.producer_name = 'yolo12_ros quantize (estimate)'
    quantised.doc_string = ESTIMATE
