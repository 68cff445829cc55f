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

"""Other libraries, where they are installed."""
import importlib.util

from heads import GRIDS

SIDE = 640


def postprocess(tensors, threshold):
    """Return {name: call(tensors)} of what is installed, for six float heads, class first."""
    contestants = {}
    if _installed('edgefirst.decoder'):
        contestants['edgefirst-decoder'] = edgefirst(tensors, threshold)
    if _installed('ultralytics'):
        contestants['ultralytics'] = ultralytics(threshold)
    return contestants


def _installed(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:     # of its parent
        return False


def ultralytics(threshold):
    """Return a call of Ultralytics' decoding and NMS in torch, on one thread."""
    import torch
    from ultralytics.nn.modules.block import DFL
    from ultralytics.utils.nms import non_max_suppression
    from ultralytics.utils.tal import dist2bbox, make_anchors
    torch.set_num_threads(1)
    dfl = DFL(16)
    grids = [torch.empty(1, 1, g, g) for g in GRIDS]
    anchors, strides = (t.transpose(0, 1) for t in make_anchors(grids, [SIDE // g for g in GRIDS]))

    def rows(tensors):
        return torch.cat([torch.from_numpy(t).reshape(1, -1, t.shape[3]) for t in tensors], 1)

    def call(tensors):
        with torch.inference_mode():
            distances = dfl(rows(tensors[1::2]).transpose(1, 2))
            boxes = dist2bbox(distances, anchors[None], dim=1) * strides
            scores = rows(tensors[::2]).transpose(1, 2).sigmoid()
            return non_max_suppression(torch.cat([boxes, scores], 1), threshold, 0.7, nc=80)
    return call


def edgefirst(tensors, threshold):
    """Return edgefirst-decoder's call; the copy into its own tensors is not part of it."""
    from edgefirst.decoder import Decoder, Nms, Tensor
    decoder = Decoder(_schema(), score_threshold=threshold, iou_threshold=0.7,
                      nms=Nms.ClassAware)
    decoder.pre_nms_top_k = 0
    own = []
    for i, tensor in enumerate(tensors):
        own.append(Tensor(list(tensor.shape), dtype='float32', name=f'output{i}'))
        own[-1].from_numpy(tensor)
    return lambda _: decoder.decode(own, 300)


def _schema():
    """Return the description of the model that edgefirst-decoder wants."""
    anchors = sum(g * g for g in GRIDS)

    def output(kind, channels, axis, dimension, places, **more):
        parts = [{'name': f'output{i}', 'type': kind, 'stride': SIDE // g, 'dtype': 'float32',
                  'shape': [1, g, g, channels],
                  'dshape': [{'batch': 1}, {'height': g}, {'width': g}, {axis: channels}],
                  'quantization': {'scale': 1.0, 'zero_point': 0, 'dtype': 'float32'},
                  **({'activation_required': 'sigmoid'} if kind == 'scores' else {})}
                 for i, g in zip(places, GRIDS)]
        name, size = dimension
        return {'name': kind, 'type': kind, 'decoder': 'ultralytics', 'shape': [1, size, anchors],
                'dshape': [{'batch': 1}, {name: size}, {'num_boxes': anchors}],
                'outputs': parts, **more}
    picture = {'shape': [1, SIDE, SIDE, 3],
               'dshape': [{'batch': 1}, {'height': SIDE}, {'width': SIDE}, {'num_features': 3}]}
    return {'schema_version': 2, 'decoder_version': 'yolo11', 'nms': 'class_aware',
            'input': picture, 'outputs': [
                output('boxes', 64, 'num_features', ('box_coords', 4), (1, 3, 5),
                       encoding='dfl', normalized=False),
                output('scores', 80, 'num_classes', ('num_classes', 80), (0, 2, 4),
                       score_format='per_class')]}
