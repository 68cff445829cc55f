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

"""The shipped demo model: it loads, its configuration fits, it finds the people of the sample."""
import hashlib
from pathlib import Path
import re

import numpy as np
import pytest

import yolo12_ros
from yolo12_ros.config import load_config
from yolo12_ros.detector import Detector
from yolo12_ros.images import decode_file, Nv12Image

cv2 = pytest.importorskip('cv2')
pytest.importorskip('onnxruntime')
from yolo12_ros.backends import open_model          # noqa: E402
from yolo12_ros.tools.matching import iou           # noqa: E402

PACKAGE = Path(yolo12_ros.__file__).resolve().parent
CONFIG = PACKAGE / 'models' / 'demo.json'
SAMPLES = PACKAGE / 'samples'
# One box of a person in each photograph, drawn by eye
PEOPLE = {'astronaut.jpg': (15, 15, 365, 512), 'grace_hopper.jpg': (5, 50, 510, 600)}


@pytest.fixture(scope='module')
def detector():
    """Yield the demo model as the node would use it."""
    config = load_config(CONFIG)
    assert not config.warnings
    with open_model(config.model_file) as model:
        yield Detector(model, config)


def test_the_files_lie_together_and_are_small():
    config = load_config(CONFIG)
    assert config.model_file == CONFIG.with_name('demo.onnx')
    assert config.model_file.stat().st_size <= 6_000_000
    assert (SAMPLES / 'pedestrians.mp4').stat().st_size <= 1_500_000


def test_the_card_is_about_this_file():
    card = CONFIG.with_name('demo.md').read_text(encoding='utf-8')
    digest = hashlib.sha256(CONFIG.with_name('demo.onnx').read_bytes()).hexdigest()
    assert digest in card and 'AGPL-3.0' in card and 'not for robots' in card


def test_every_sample_is_attributed():
    attribution = (SAMPLES / 'ATTRIBUTION.md').read_text(encoding='utf-8')
    files = {p.name for p in SAMPLES.iterdir() if p.is_file()} - {'ATTRIBUTION.md'}
    assert files and files == set(re.findall(r'^\| `(\S+)`', attribution, re.MULTILINE))


def test_it_is_a_yolo12_in_the_form_that_the_bpu_takes():
    onnx = pytest.importorskip('onnx')
    model = onnx.load(str(CONFIG.with_name('demo.onnx')))
    kinds = [node.op_type for node in model.graph.node]
    assert model.opset_import[0].version == 11 and model.ir_version == 6
    assert kinds.count('ReduceMax') == kinds.count('Exp') == 8 and 'Softmax' not in kinds


@pytest.mark.parametrize('name', PEOPLE)
def test_it_finds_the_person_in_each_photograph(detector, name):
    found = detector.detect(decode_file(SAMPLES / name)).detections
    people = found.boxes[[detector.config.labels[c] == 'person' for c in found.class_ids]]
    assert iou(np.float32([PEOPLE[name]]), people).max() > 0.7


def test_it_finds_people_in_the_whole_clip(detector):
    video = cv2.VideoCapture(str(SAMPLES / 'pedestrians.mp4'))
    counts = []
    while True:
        ok, frame = video.read()
        if not ok:
            break
        found = detector.detect(Nv12Image.from_bgr(frame)).detections
        counts.append(sum(detector.config.labels[c] == 'person' for c in found.class_ids))
    assert len(counts) == 48 and min(counts) >= 4 and max(counts) <= 12


def test_it_finds_nothing_in_nothing(detector):
    grey = Nv12Image.from_bgr(np.full((480, 640, 3), 127, np.uint8))
    assert not len(detector.detect(grey).detections)
