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

"""The pictures that the demo model learns from: COCO images, video frames and free photographs."""
from dataclasses import dataclass
import json
from pathlib import Path
from typing import List

import cv2
import numpy as np

from yolo12_ros.backends import open_model
from yolo12_ros.config import Config
from yolo12_ros.detector import Detector
from yolo12_ros.images import Nv12Image
from yolo12_ros.labels import COCO_CATEGORY_IDS, COCO_NAMES
from yolo12_ros.postprocess import HeadFormat, Settings

# Those of COCO's classes that the data at hand has more than a handful of.
CLASSES = ('person', 'car', 'boat', 'cat', 'tie', 'bottle', 'wine glass', 'cup', 'bowl', 'chair',
           'dining table', 'tv')
TEACHER_SCORE = 0.35
# Frames of vtest.avi: the first are learnt from, the last are kept to see what was learnt.
LEARNT_FRAMES, FRAME_STEP, KEPT_FRAMES = 600, 3, range(660, 795, 9)
PHOTOS = ('astronaut', 'camera', 'chelsea', 'coffee', 'rocket', 'coins', 'hubble_deep_field',
          'brick', 'grass', 'gravel', 'moon', 'text')


@dataclass(frozen=True)
class Sample:
    """A picture, uint8 (H, W, 3) BGR, boxes float32 (N, 4) xyxy in its pixels, ids int (N,)."""

    name: str
    bgr: np.ndarray
    boxes: np.ndarray
    ids: np.ndarray


class Teacher:
    """Labels pictures with the detections of a COCO-80 model, through the node's own path."""

    def __init__(self, model_file, score: float = TEACHER_SCORE):
        self._model = open_model(model_file, threads=2)
        self._detector = Detector(self._model, Config(
            Path(), Path(model_file), '', COCO_NAMES, HeadFormat(), Settings(score)))

    def label(self, name: str, bgr: np.ndarray) -> Sample:
        """Return the picture with what the model finds in it, of CLASSES only."""
        found = self._detector.detect(Nv12Image.from_bgr(bgr)).detections
        ids = np.array([_class(COCO_NAMES[c]) for c in found.class_ids], int)
        return Sample(name, bgr, found.boxes[ids >= 0], ids[ids >= 0])


def coco_samples(folder: Path) -> List[Sample]:
    """Read images and boxes of CLASSES; crowd regions are left out."""
    content = json.loads((folder / 'instances.json').read_text())
    names = dict(zip(COCO_CATEGORY_IDS, COCO_NAMES))
    samples = []
    for image in sorted(content['images'], key=lambda i: i['id']):
        rows = [a for a in content['annotations'] if a['image_id'] == image['id']
                and not a['iscrowd'] and _class(names[a['category_id']]) >= 0]
        boxes = np.array([a['bbox'] for a in rows], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        ids = np.array([_class(names[a['category_id']]) for a in rows], int)
        bgr = cv2.imread(str(folder / 'images' / image['file_name']))
        samples.append(Sample(image['file_name'], bgr, boxes, ids))
    return samples


def split_coco(samples: List[Sample]):
    """Return (100 images to learn from, 28 images that are kept out)."""
    kept = [i % 9 in (4, 8) for i in range(len(samples))]
    return ([s for s, k in zip(samples, kept) if not k], [s for s, k in zip(samples, kept) if k])


def video_samples(path, wanted, teacher: Teacher) -> List[Sample]:
    """Label the wanted frames (numbers) of a video."""
    video, samples = cv2.VideoCapture(str(path)), []
    for number in range(max(wanted) + 1):
        ok, frame = video.read()
        if not ok:
            break
        if number in wanted:
            samples.append(teacher.label(f'{Path(path).name}:{number}', frame))
    return samples


def photo_samples(sample_folder: Path, teacher: Teacher) -> List[Sample]:
    """Label the shipped photographs and pictures that scikit-image's wheel holds."""
    import skimage
    files = sorted(sample_folder.glob('*.jpg'))
    for name in PHOTOS:
        files += sorted((Path(skimage.__file__).parent / 'data').glob(f'{name}.*'))
    return [teacher.label(f.name, cv2.imread(str(f))) for f in files]


def _class(name: str) -> int:
    return CLASSES.index(name) if name in CLASSES else -1
