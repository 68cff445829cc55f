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
Compares the demo model with a COCO-80 model on the shipped sample, through the node's own path.

Of the people that the other model finds at score 0.5, at least 80 % must be found (IoU 0.5).
With --coco and --vtest it also prints AP on pictures that were learnt from and on others.
"""
import argparse
import json
from pathlib import Path
import sys

import cv2
from dataset import CLASSES, coco_samples, KEPT_FRAMES, LEARNT_FRAMES, Sample, split_coco, \
    Teacher, video_samples
import numpy as np

from yolo12_ros.backends import open_model
from yolo12_ros.config import load_config
from yolo12_ros.detector import Detector
from yolo12_ros.images import Nv12Image
from yolo12_ros.postprocess import Settings
from yolo12_ros.tools.matching import iou

NEEDED, SCORE, IOU = 0.8, 0.5, 0.5
PERSON = 0
_PACKAGE = Path(__file__).resolve().parents[2] / 'yolo12_ros'


def main() -> int:
    """Print recall for each file; 1 when there is too little."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--reference', type=Path, required=True, help='COCO-80 model')
    parser.add_argument('--config', type=Path, default=_PACKAGE / 'models' / 'demo.json')
    parser.add_argument('--samples', type=Path, default=_PACKAGE / 'samples')
    parser.add_argument('--coco', type=Path, help='folder with instances.json and images/')
    parser.add_argument('--vtest', type=Path)
    args = parser.parse_args()
    config = load_config(args.config)
    teacher = Teacher(args.reference, SCORE)
    with open_model(config.model_file, threads=2) as model:
        detector = Detector(model, config)
        recall = _sample_recall(detector, teacher, args.samples)
        if args.coco:
            learnt, kept = split_coco(coco_samples(args.coco))
            _print_ap('COCO images learnt from', detector, learnt)
            _print_ap('COCO images kept out', detector, kept)
        if args.vtest:
            frames = video_samples(args.vtest, range(0, LEARNT_FRAMES, 30), teacher)
            _print_ap("vtest.avi, frames learnt from (the teacher's boxes)", detector, frames)
            frames = video_samples(args.vtest, KEPT_FRAMES, teacher)
            _print_ap("vtest.avi, frames kept out (the teacher's boxes)", detector, frames)
    return 0 if recall >= NEEDED else 1


def _sample_recall(detector, teacher, folder: Path) -> float:
    groups = [(f.name, [teacher.label(f.name, cv2.imread(str(f)))])
              for f in sorted(folder.glob('*.jpg'))]
    groups += [(f.name, video_samples(f, range(10000), teacher))
               for f in sorted(folder.glob('*.mp4'))]
    total, total_hits = 0, 0
    for name, samples in groups:
        pairs = [_people_found(detector, sample) for sample in samples]
        hits, people, boxes = np.sum(pairs, axis=0)
        print(f'{name}: {hits} of {people} people found; {boxes} boxes of people')
        total, total_hits = total + people, total_hits + hits
    print(f'sample: {total_hits / total:.1%} of {total} people, needed {NEEDED:.0%}')
    return total_hits / total


def _people_found(detector, sample: Sample):
    """Return (people that are found, people, boxes of people that the demo model gives)."""
    found = detector.detect(Nv12Image.from_bgr(sample.bgr)).detections
    boxes = found.boxes[found.class_ids == PERSON]
    people = sample.boxes[sample.ids == PERSON]
    overlap, hits = iou(people, boxes), 0
    for _ in range(min(overlap.shape)):         # the best pair first, each box once
        i, j = np.unravel_index(overlap.argmax(), overlap.shape)
        if overlap[i, j] < IOU:
            break
        hits += 1
        overlap[i], overlap[:, j] = -1, -1
    return hits, len(people), len(boxes)


def _print_ap(what: str, detector, samples) -> None:
    """Print AP as pycocotools measures it: score 0.001, each class of a box, NMS 0.7."""
    from contextlib import redirect_stdout
    import io
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
    usual, detector.settings = detector.settings, Settings(0.001, 0.7, 300, multi_label=True)
    truth, results = _coco_form(detector, samples)
    detector.settings = usual
    lines = []
    for name, ids in (('all classes', range(len(CLASSES))), ('person', [PERSON])):
        with redirect_stdout(io.StringIO()):
            coco = COCO()
            coco.dataset = json.loads(json.dumps(truth))
            coco.createIndex()
            judge = COCOeval(coco, coco.loadRes(results), 'bbox')
            judge.params.catIds = list(ids)
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
        lines.append(f'{name} AP {judge.stats[0]:.3f} AP50 {judge.stats[1]:.3f}')
    print(f'{what} ({len(samples)}): {", ".join(lines)}')


def _coco_form(detector, samples):
    annotations, results = [], []
    for number, sample in enumerate(samples):
        found = detector.detect(Nv12Image.from_bgr(sample.bgr)).detections
        for box, class_id in zip(sample.boxes, sample.ids):
            annotations.append({'id': len(annotations) + 1, 'image_id': number, 'iscrowd': 0,
                                'category_id': int(class_id), 'bbox': _xywh(box),
                                'area': float(np.prod(box[2:] - box[:2]))})
        results += [{'image_id': number, 'category_id': int(c), 'bbox': _xywh(b),
                     'score': float(s)}
                    for b, s, c in zip(found.boxes, found.scores, found.class_ids)]
    truth = {'info': {}, 'images': [{'id': i} for i in range(len(samples))],
             'categories': [{'id': i, 'name': n} for i, n in enumerate(CLASSES)],
             'annotations': annotations}
    return truth, results


def _xywh(box):
    return [float(v) for v in (*box[:2], *(box[2:] - box[:2]))]


if __name__ == '__main__':
    sys.exit(main())
