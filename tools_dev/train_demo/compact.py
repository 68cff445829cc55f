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

"""Stores the weights of an ONNX as int8 with a scale for each channel: a quarter as big."""
import argparse

import numpy as np
import onnx
from onnx import helper, numpy_helper

LARGE = 512     # elements; smaller weights stay float32


def main() -> None:
    """Compact one file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source')
    parser.add_argument('target')
    args = parser.parse_args()
    model = onnx.load(args.source)
    compact(model)
    onnx.checker.check_model(model)
    onnx.save(model, args.target)


def compact(model: onnx.ModelProto) -> None:
    """
    Replace the weights of convolutions, in place.

    Each becomes int8, a Cast and a Mul, which onnxruntime computes once, when it loads the model.
    """
    graph = model.graph
    used = {node.input[1] for node in graph.node if node.op_type == 'Conv'}
    nodes = []
    for weight in list(graph.initializer):
        values = numpy_helper.to_array(weight)
        if weight.name not in used or values.size < LARGE:
            continue
        scales = np.abs(values).max(axis=(1, 2, 3), keepdims=True) / 127
        scales[scales == 0] = 1
        small = np.rint(values / scales).astype(np.int8)
        graph.initializer.remove(weight)
        parts = [f'{weight.name}/{part}' for part in ('int8', 'scales', 'cast')]
        graph.initializer.extend([numpy_helper.from_array(small, parts[0]),
                                  numpy_helper.from_array(scales.astype(np.float32), parts[1])])
        nodes += [helper.make_node('Cast', [parts[0]], [parts[2]], f'{weight.name}/Cast',
                                   to=onnx.TensorProto.FLOAT),
                  helper.make_node('Mul', [parts[2], parts[1]], [weight.name],
                                   f'{weight.name}/Mul')]
    others = list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes + others)


if __name__ == '__main__':
    main()
