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

"""
A YOLO model of Ultralytics with six raw heads and attention in the order that the BPU likes.

Modules are patched one by one, for as long as a `with` block runs; nothing on disk is touched.
Needs torch, which is imported inside the functions only.
"""
from contextlib import contextmanager
from types import MethodType
from typing import List, Tuple

from ..errors import ModelError

ORDERS = ('class-first', 'box-first')


@contextmanager
def bpu_form(network, order: str = 'class-first'):
    """
    Let a network return raw heads in NHWC, and compute attention for the BPU, inside the block.

    network: a detection model of Ultralytics, a sequence whose last module is its Detect head.
    order: of ORDERS; class then box for each stride, or the other way round.
    Yields the names of the patched attention modules.  Raises ModelError for another kind of
    model.
    """
    attention = [(name, module, _ATTENTION[type(module).__name__])
                 for name, module in network.named_modules()
                 if type(module).__name__ in _ATTENTION]
    head = detect_head(network)
    patched = [(module, forward) for _, module, forward in attention]
    patched.append((head, _box_first if order == 'box-first' else _class_first))
    for module, forward in patched:
        module.forward = MethodType(forward, module)    # on the instance: it hides the class's
    try:
        yield [name for name, _, _ in attention]
    finally:
        for module, _ in patched:
            del module.forward


def detect_head(network):
    """Return the Detect module of a network.  Raises ModelError."""
    head = network.model[-1]
    kind = type(head).__name__
    if kind != 'Detect' or getattr(head, 'cv2', None) is None:
        raise ModelError(f'the last module of the model is {kind}: expected Detect with the '
                         'branches cv2 (box) and cv3 (class), as in YOLO12, YOLO11 and YOLOv8')
    return head


def raw_heads(network, picture) -> List[Tuple]:
    """
    Run an unpatched network and pick the values of its head's last convolutions.

    picture: float32 (1, 3, H, W).  Returns [(class, box)] by stride, each (1, channels, h, w).
    """
    head, picked, hooks = detect_head(network), {}, []
    for kind in ('cv3', 'cv2'):
        for level, branch in enumerate(getattr(head, kind)):
            def keep(module, inputs, output, key=(level, kind)):
                picked[key] = output.detach()
            hooks.append(branch[-1].register_forward_hook(keep))
    try:
        network(picture)
    finally:
        for hook in hooks:
            hook.remove()
    return [(picked[level, 'cv3'], picked[level, 'cv2']) for level in range(len(head.cv2))]


def _class_first(self, features):
    """Stand in for Detect.forward: class, box, class, box, ... each (1, h, w, channels)."""
    return [branch[level](feature).permute(0, 2, 3, 1).contiguous()
            for level, feature in enumerate(features) for branch in (self.cv3, self.cv2)]


def _box_first(self, features):
    """Stand in for Detect.forward: box, class, box, class, ... each (1, h, w, channels)."""
    return [branch[level](feature).permute(0, 2, 3, 1).contiguous()
            for level, feature in enumerate(features) for branch in (self.cv2, self.cv3)]


def _area_attention(self, x):
    """Stand in for AAttn.forward of YOLO12: attention inside each of `area` strips of the map."""
    if not hasattr(self, 'qkv'):
        raise ModelError('the attention of this checkpoint has no convolution qkv: it comes from '
                         "YOLOv12's own fork, not from Ultralytics; export it with that fork")
    _, _, rows, columns = (int(n) for n in x.shape)     # integers, so that the graph is static
    tokens, heads, depth = rows * columns // self.area, self.num_heads, self.head_dim
    joint = self.qkv(x).flatten(2).transpose(1, 2).reshape(self.area, tokens, heads, 3 * depth)
    query, key, value = joint.permute(0, 2, 3, 1).split(depth, dim=2)
    weights = _softmax_over_channels((query.transpose(2, 3) @ key) * depth ** -0.5)
    mixed = value @ weights
    mixed, value = (t.permute(0, 3, 1, 2).reshape(1, rows, columns, heads * depth)
                    .permute(0, 3, 1, 2) for t in (mixed, value))
    return self.proj(mixed + self.pe(value))


def _self_attention(self, x):
    """Stand in for Attention.forward of YOLO11."""
    _, channels, rows, columns = (int(n) for n in x.shape)
    joint = self.qkv(x).reshape(1, self.num_heads, 2 * self.key_dim + self.head_dim,
                                rows * columns)
    query, key, value = joint.split([self.key_dim, self.key_dim, self.head_dim], dim=2)
    weights = _softmax_over_channels((query.transpose(2, 3) @ key) * self.scale)
    mixed, value = ((value @ weights).reshape(1, channels, rows, columns),
                    value.reshape(1, channels, rows, columns))
    return self.proj(mixed + self.pe(value))


def _softmax_over_channels(similarity):
    """
    Return softmax over the keys, turned for `value @ weights`.

    similarity: (batch, heads, queries, keys).  The keys go to the channel axis, since there the
    BPU takes maximum and sum; what torch calls softmax it would have to compute on the CPU.
    Returns (batch, heads, keys, queries).
    """
    by_channel = similarity.permute(0, 3, 1, 2)
    powers = (by_channel - by_channel.amax(dim=1, keepdim=True)).exp()
    return (powers / powers.sum(dim=1, keepdim=True)).permute(0, 2, 1, 3)


# class name in ultralytics.nn.modules.block: its forward here
_ATTENTION = {'AAttn': _area_attention, 'Attention': _self_attention}
