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

"""`yolo12 compare`: what quantisation, or anything else, changed between two models."""
from dataclasses import dataclass
from pathlib import Path
import sys
from typing import List

import numpy as np

from ..errors import ConfigError, ImageError, ModelError

DESCRIPTION = 'Compare two models on the same pictures: heads, detections, the worst pictures.'
EXAMPLE = ('  yolo12 compare yolo12n.onnx yolo12n_int8_estimate.onnx photos/ '
           '--config yolo12n.json --draw worst.png')
IOU = 0.5


def add_arguments(parser) -> None:
    """Declare the command line."""
    parser.add_argument('reference', type=Path, help='model to measure against, such as the float '
                        'ONNX')
    parser.add_argument('model', type=Path, help='quantised ONNX, or a .bin on the board')
    parser.add_argument('images', nargs='+', type=Path, help='pictures or folders of them')
    parser.add_argument('--config', type=Path, required=True, help='JSON that fits both models')
    parser.add_argument('--backend', default='auto',
                        help='inference backend of the second model (default: auto)')
    parser.add_argument('--draw', type=Path, metavar='PNG',
                        help='draw the pictures that differ most, side by side')
    parser.add_argument('--worst', type=int, default=4, metavar='N',
                        help='how many of them to name and draw (default: 4)')


def main(args) -> int:
    """Run the verb."""
    import cv2
    from ..detector import Detector
    from ..images import decode_file
    from ..sources import picture_files
    from .configured_model import configuration, open_configured
    from .progress import Progress

    if args.worst < 0:
        raise ConfigError(f'--worst is {args.worst}: expected 0 or more')
    if args.draw and not cv2.haveImageWriter(str(args.draw)):
        raise ConfigError(f'--draw {args.draw}: OpenCV writes no such file: expected a name that '
                          'ends in .png')
    config = configuration(args.config)
    files = picture_files(args.images)
    with open_configured(config.with_model(args.reference)) as reference, \
            open_configured(config.with_model(args.model), args.backend) as model:
        pair = Pair(Detector(reference, config), Detector(model, config))
        with Progress(len(files), 'compare') as progress:
            for path in files:
                try:
                    pair.add(path, decode_file(path))
                except ImageError as e:
                    print(f'warning: {e}: left out', file=sys.stderr)
                progress.advance(text=path.name)
    if not pair.cases:
        raise ImageError(f'none of {len(files)} pictures can be read: see the warnings above')
    print(pair.table())
    worst = pair.worst(args.worst)
    for case in worst:
        print(f'  {case.path}: {case.lost} lost, {case.extra} extra of {len(case.before)}')
    if args.draw and not worst:
        print(f'nothing to draw: the detections agree, {args.draw} is not written')
    elif args.draw:
        args.draw.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(args.draw), side_by_side(worst, config.labels)):
            raise ConfigError(f'--draw {args.draw} cannot be written: check the folder')
        print(f'drawn, reference left: {args.draw}')
    return 0


@dataclass(frozen=True)
class Case:
    """One picture: the detections of both models, and how many have no partner."""

    path: Path
    before: object
    after: object
    lost: int
    extra: int


class HeadDifference:
    """
    How one head differs over any number of pictures.

    add() takes both tensors as values (already times their scales).
    """

    def __init__(self, name: str):
        self.name = name
        self._dot = self._a = self._b = self._sum = 0.0
        self._count, self.largest = 0, 0.0

    def add(self, a: np.ndarray, b: np.ndarray) -> None:
        """Count one picture."""
        a, b = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
        difference = np.abs(a - b)
        self._dot, self._a, self._b = self._dot + a @ b, self._a + a @ a, self._b + b @ b
        self._sum, self._count = self._sum + difference.sum(), self._count + a.size
        self.largest = max(self.largest, float(difference.max()))

    @property
    def cosine(self) -> float:
        """Return the cosine of the angle between the two, 1 for equal directions."""
        norm = np.sqrt(self._a * self._b)
        return float(self._dot / norm) if norm else 1.0

    @property
    def mean(self) -> float:
        """Return the mean absolute difference."""
        return self._sum / max(1, self._count)


class Pair:
    """Two detectors with heads of the same shapes.  Raises ModelError if they differ."""

    def __init__(self, reference, other):
        self.detectors = reference, other
        a, b = ([(h.stride, h.grid) for h in d.heads] for d in self.detectors)
        if a != b:
            raise ModelError(f'the heads differ: {reference.model.name} has strides and grids '
                             f'{a}, {other.model.name} has {b}; compare models of one input '
                             'size')
        self.heads: List[HeadDifference] = []
        for head in reference.heads:
            self.heads += [HeadDifference(f'class, stride {head.stride}'),
                           HeadDifference(f'box, stride {head.stride}')]
        self.cases: List[Case] = []
        self._matched, self._ious, self._scores = 0, 0.0, 0.0

    def add(self, path: Path, image) -> None:
        """Run both models on a picture (Nv12Image)."""
        from .matching import match
        results = [_run(detector, image) for detector in self.detectors]
        for difference, a, b in zip(self.heads, results[0][0], results[1][0]):
            difference.add(a, b)
        before, after = results[0][1], results[1][1]
        pairs = match(before, after, IOU)
        self._matched += len(pairs)
        for i, j, overlap in pairs:
            self._ious += overlap
            self._scores += abs(float(before.scores[i]) - float(after.scores[j]))
        self.cases.append(Case(path, before, after, len(before) - len(pairs),
                               len(after) - len(pairs)))

    def worst(self, count: int) -> List[Case]:
        """Return the pictures in which the most detections have no partner, none that agree."""
        differing = [c for c in self.cases if c.lost + c.extra]
        return sorted(differing, key=lambda c: -(c.lost + c.extra))[:count]

    def table(self) -> str:
        """Return both tables as text."""
        lines = [f'{"head":<18} {"cosine":>9} {"max error":>10} {"mean error":>11}']
        lines += [f'{h.name:<18} {h.cosine:9.6f} {h.largest:10.4f} {h.mean:11.6f}'
                  for h in self.heads]
        before, after = (sum(map(len, found)) for found in
                         ((c.before for c in self.cases), (c.after for c in self.cases)))
        matched = max(1, self._matched)
        return '\n'.join([
            *lines, f'{len(self.cases)} pictures: {before} detections and {after}; '
            f'{self._matched} matched (same class, IoU {IOU} or more), '
            f'{before - self._matched} lost, {after - self._matched} extra',
            f'matched ones: mean IoU {self._ious / matched:.4f}, '
            f'mean difference of scores {self._scores / matched:.4f}'])


def _run(detector, image):
    """Return (the heads' values, class and box in turn; detections in source pixels)."""
    slot = detector.model.acquire()
    try:
        letterbox = detector.preprocess(image, slot.input)
        detector.model.submit(slot)
        outputs = detector.model.wait(slot)
        values = []
        for head in detector.heads:
            values += [_values(outputs[head.class_index], head.class_scales),
                       _values(outputs[head.box_index], head.box_scales)]
        return values, detector.postprocess(outputs, letterbox)
    finally:
        detector.model.release(slot)


def _values(tensor: np.ndarray, scales) -> np.ndarray:
    return np.array(tensor) if scales is None else tensor.astype(np.float32) * scales


def side_by_side(cases, labels, width: int = 640) -> np.ndarray:
    """Draw cases one below the other, reference left; uint8 (H, 2 * width, 3) BGR."""
    import cv2
    from ..images import decode_file
    from ..render import draw
    rows = []
    for case in cases:
        row = []
        for found in (case.before, case.after):
            picture = decode_file(case.path).to_bgr()
            draw(picture, found, labels)
            height = max(1, round(picture.shape[0] * width / picture.shape[1]))
            row.append(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))
        rows.append(np.hstack(row))
    return np.vstack(rows)
