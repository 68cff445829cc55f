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

"""Networks of a few nodes in the shape of YOLO's, so that the model tools run without torch."""
import numpy as np
from onnx import helper, numpy_helper, TensorProto

SIZE = 64, 96       # height and width of the input
CLASSES, REG_MAX, CHANNELS = 5, 16, 16


class Builder:
    """Collects nodes and weights."""

    def __init__(self, seed=0):
        self.nodes, self.weights = [], []
        self._rng = np.random.default_rng(seed)

    def weight(self, name, values):
        """Add a weight and return its name."""
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def add(self, kind, inputs, outputs, **attributes):
        """Add a node and return its first output."""
        outputs = [outputs] if isinstance(outputs, str) else outputs
        self.nodes.append(helper.make_node(kind, inputs, outputs, f'/{outputs[0]}/{kind}',
                                           **attributes))
        return outputs[0]

    def conv(self, given, name, channels, into, stride=1, kernel=1, bias=0.0, activated=True):
        """Add a convolution, with SiLU if activated, and return its output."""
        size = into * kernel * kernel
        values = self._rng.normal(0, size ** -0.5, (channels, into, kernel, kernel))
        biases = np.full(channels, bias) + self._rng.normal(0, 0.1, channels)
        out = self.add('Conv', [given, self.weight(f'{name}.w', values.astype(np.float32)),
                                self.weight(f'{name}.b', biases.astype(np.float32))], name,
                       kernel_shape=[kernel, kernel], strides=[stride, stride],
                       pads=[kernel // 2] * 4)
        if not activated:
            return out
        gate = self.add('Sigmoid', [out], f'{name}.gate')
        return self.add('Mul', [out, gate], f'{name}.silu')

    def model(self, outputs, opset):
        """Return the ModelProto; outputs: [(name, shape)]."""
        given = helper.make_tensor_value_info('images', TensorProto.FLOAT, [1, 3, *SIZE])
        made = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs]
        graph = helper.make_graph(self.nodes, 'tiny', [given], made, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)])
        model.ir_version = 8
        return model


def branches(builder, opset, attention=True, classes=CLASSES, class_bias=-3.0):
    """Add the layers up to the head and return [(class, box, grid)] for strides 8, 16, 32."""
    feature = builder.conv('images', 'stem', CHANNELS, 3, stride=4, kernel=3)
    pairs = []
    for level, stride in enumerate((8, 16, 32)):
        grid = SIZE[0] // stride, SIZE[1] // stride
        feature = builder.conv(feature, f'down{level}', CHANNELS, CHANNELS, stride=2, kernel=3)
        if attention and level == 1:
            feature = _attention(builder, feature, grid, opset)
        box = builder.conv(builder.conv(feature, f'cv2.{level}.0', CHANNELS, CHANNELS),
                           f'cv2.{level}.2', 4 * REG_MAX, CHANNELS, bias=1, activated=False)
        cls = builder.conv(builder.conv(feature, f'cv3.{level}.0', CHANNELS, CHANNELS),
                           f'cv3.{level}.2', classes, CHANNELS, bias=class_bias, activated=False)
        pairs.append((cls, box, grid))
    return pairs


def six_heads(seed=0, opset=11, **options):
    """Return a model with six raw heads, NHWC, class first."""
    builder = Builder(seed)
    outputs = []
    for pair in branches(builder, opset, **options):
        for name in pair[:2]:
            channels = 4 * REG_MAX if 'cv2' in name else options.get('classes', CLASSES)
            out = f'output{len(outputs)}'
            builder.add('Transpose', [name], out, perm=[0, 2, 3, 1])
            outputs.append((out, [1, *pair[2], channels]))
    return builder.model(outputs, opset)


def stock(seed=0, opset=17, classes=CLASSES):
    """Return a model with the one decoded output of a stock export, from the same weights."""
    builder = Builder(seed)
    flat, cells = [], 0
    for level, (cls, box, grid) in enumerate(branches(builder, opset, classes=classes)):
        joined = builder.add('Concat', [box, cls], f'level{level}', axis=1)
        shape = builder.weight(f'level{level}.shape', np.int64([1, 4 * REG_MAX + classes, -1]))
        flat.append(builder.add('Reshape', [joined, shape], f'level{level}.flat'))
        cells += grid[0] * grid[1]
    every = builder.add('Concat', flat, 'cells', axis=2)
    _split(builder, every, ['distances', 'logits'], [4 * REG_MAX, classes], 1, opset)
    bins = builder.add('Reshape', ['distances', builder.weight(
        'bins', np.int64([1, 4, REG_MAX, cells]))], 'dfl.bins')
    bins = builder.add('Transpose', [bins], 'dfl.turned', perm=[0, 1, 3, 2])
    bins = builder.add('Softmax', [bins], 'dfl.softmax', axis=3)
    bins = builder.add('Transpose', [bins], 'dfl.back', perm=[0, 3, 1, 2])
    steps = builder.weight('dfl.w', np.arange(REG_MAX, dtype=np.float32).reshape(1, -1, 1, 1))
    bins = builder.add('Conv', [bins, steps], 'dfl.conv', kernel_shape=[1, 1])
    four = builder.weight('four', np.int64([1, 4, cells]))
    boxes = builder.add('Reshape', [bins, four], 'boxes')
    scores = builder.add('Sigmoid', ['logits'], 'scores')
    builder.add('Concat', [boxes, scores], 'decoded', axis=1)
    return builder.model([('decoded', [1, 4 + classes, cells])], opset)


def _split(builder, given, names, sizes, axis, opset):
    """Add a Split in the form of the opset."""
    if opset < 13:
        builder.add('Split', [given], names, axis=axis, split=sizes)
    elif opset >= 18 and len(set(sizes)) == 1:
        builder.add('Split', [given], names, axis=axis, num_outputs=len(sizes))
    else:
        builder.add('Split', [given, builder.weight(f'{given}.sizes', np.int64(sizes))], names,
                    axis=axis)


def _attention(builder, feature, grid, opset):
    """Add self-attention as exporters write it: a shape that is looked up, parts, a softmax."""
    tokens = grid[0] * grid[1]
    add, weight = builder.add, builder.weight
    sizes = [4, 4, 8] if opset == 13 else [8, 8, 8]     # of query, key and value
    width = builder.conv(feature, 'attn.qkv', 2 * sum(sizes), CHANNELS, activated=False)
    copy = add('Identity', [width], 'attn.copy')
    shape = add('Shape', [copy], 'attn.shape')
    batch = add('Gather', [shape, weight('zero', np.int64([0]))], 'attn.batch', axis=0)
    target = add('Concat', [batch, weight('rest', np.int64([2, sum(sizes), tokens]))],
                 'attn.target', axis=0)
    heads = add('Reshape', [copy, target], 'attn.heads')
    parts = ['attn.query', 'attn.key', 'attn.value']
    if opset < 13:
        for i, name in enumerate(parts):
            add('Slice', [heads, weight(f'{name}.from', np.int64([8 * i])),
                          weight(f'{name}.to', np.int64([8 * i + 8])),
                          weight(f'{name}.axis', np.int64([2]))], name)
    else:
        _split(builder, heads, parts, sizes, 2, opset)
    turned = add('Transpose', [parts[0]], 'attn.turned', perm=[0, 1, 3, 2])
    likeness = add('MatMul', [turned, parts[1]], 'attn.likeness')
    if opset < 18:
        top = add('ReduceMax', [likeness], 'attn.top', axes=[2])
    else:
        top = add('ReduceMax', [likeness, weight('attn.axes', np.int64([2]))], 'attn.top')
    likeness = add('Sub', [likeness, top], 'attn.low')
    weights = add('Softmax', [likeness], 'attn.weights', axis=-1)
    weights = add('Transpose', [weights], 'attn.back', perm=[0, 1, 3, 2])
    mixed = add('MatMul', [parts[2], weights], 'attn.mixed')
    mixed = add('Reshape', [mixed, weight('map', np.int64([1, CHANNELS, *grid]))], 'attn.map')
    return add('Add', [feature, mixed], 'attn.sum')
