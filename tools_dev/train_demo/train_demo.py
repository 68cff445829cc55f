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
Trains the small YOLO12 that ships in yolo12_ros/models, from scratch, on a CPU, in a given time.

Architecture and loss are Ultralytics' (AGPL-3.0), and so is the licence of the result.
"""
import argparse
import copy
import math
from pathlib import Path
import queue
import threading
import time
from types import SimpleNamespace

from augment import augmented, mosaic
from dataset import CLASSES, coco_samples, FRAME_STEP, LEARNT_FRAMES, photo_samples, \
    split_coco, Teacher, video_samples
import numpy as np
import torch
from ultralytics.nn.tasks import DetectionModel

SIZE = 384, 288                 # model input, width and height
RATE, LAST_RATE, WARM_UP = 1.5e-3, 2e-5, 200
# How often a batch draws from each group of pictures.
SHARES = {'coco': 0.45, 'video': 0.33, 'shipped': 0.14, 'photos': 0.08}
MOSAIC_SHARE, MOSAIC_UNTIL = 0.3, 0.7       # of the pictures; of the time


def main() -> None:
    """Train, and keep a checkpoint that Ultralytics loads."""
    args = _arguments()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    groups = _groups(args)
    print({name: len(group) for name, group in groups.items()}, flush=True)
    model = DetectionModel('yolo12n.yaml', nc=len(CLASSES), verbose=False)
    model.names = dict(enumerate(CLASSES))
    model.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    Training(model, groups, args).run()


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--coco', type=Path, required=True,
                        help='folder with instances.json and images/')
    parser.add_argument('--vtest', type=Path, required=True)
    parser.add_argument('--teacher', type=Path, required=True, help='COCO-80 model that labels')
    parser.add_argument('--samples', type=Path, default=Path('yolo12_ros/samples'))
    parser.add_argument('--output', type=Path, default=Path('demo.pt'))
    parser.add_argument('--minutes', type=float, default=75)
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--seed', type=int, default=0)
    return parser.parse_args()


def _groups(args):
    teacher = Teacher(args.teacher)
    return {
        'coco': split_coco(coco_samples(args.coco))[0],
        'video': video_samples(args.vtest, range(0, LEARNT_FRAMES, FRAME_STEP), teacher),
        'shipped': video_samples(args.samples / 'pedestrians.mp4', range(1000), teacher)
        + photo_samples(args.samples, teacher)[:2],
        'photos': photo_samples(args.samples, teacher),
    }


class Training:
    """
    One run: `progress` is the part of the time that has gone, and sets the learning rate.

    An average of the weights (decay 0.998) is what is kept in the checkpoint.
    """

    def __init__(self, model, groups, args):
        self.model, self.groups, self.args = model, groups, args
        self.average = copy.deepcopy(model).eval()
        decayed = [p for p in model.parameters() if p.ndim > 1]
        others = [p for p in model.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.AdamW([{'params': decayed, 'weight_decay': 0.02},
                                            {'params': others, 'weight_decay': 0.0}], lr=RATE)
        self.start, self.steps = time.monotonic(), 0
        self.batches = queue.Queue(4)

    @property
    def progress(self) -> float:
        """Return 0 at the start, 1 at the end."""
        return (time.monotonic() - self.start) / (60 * self.args.minutes)

    def run(self) -> None:
        """Train until the time is over."""
        threading.Thread(target=self._load, daemon=True).start()
        self.model.train()
        losses, saved = [], 0.0
        while self.progress < 1:
            losses.append(self._step(self.batches.get()))
            if self.steps % 50 == 0:
                box, cls, dfl = np.mean(losses, axis=0)
                print(f'{self.progress:6.1%} step {self.steps} box {box:.3f} class {cls:.3f} '
                      f'dfl {dfl:.3f}', flush=True)
                losses.clear()
            if time.monotonic() - saved > 300:
                self._save()
                saved = time.monotonic()
        self._save()

    def _step(self, batch):
        warm_up = min(1, (self.steps + 1) / WARM_UP)
        cosine = (1 + math.cos(math.pi * min(1, self.progress))) / 2
        for group in self.optimiser.param_groups:
            group['lr'] = warm_up * (LAST_RATE + (RATE - LAST_RATE) * cosine)
        loss, _ = self.model(batch)       # box, class and distribution loss, times the batch
        self.optimiser.zero_grad()
        loss.sum().backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 10)
        self.optimiser.step()
        self.steps += 1
        self._update_average()
        return loss.detach().numpy() / len(batch['img'])

    def _update_average(self) -> None:
        decay = 0.998 * (1 - math.exp(-self.steps / 300))
        latest = self.model.state_dict()
        for name, value in self.average.state_dict().items():
            if value.dtype.is_floating_point:
                value.lerp_(latest[name], 1 - decay)

    def _save(self) -> None:
        keep = copy.deepcopy(self.average)
        keep.criterion = None
        torch.save({'epoch': -1, 'model': keep, 'ema': None, 'train_args': {'task': 'detect'}},
                   self.args.output)

    def _load(self) -> None:
        rng = np.random.default_rng(self.args.seed)
        names, shares = list(SHARES), list(SHARES.values())

        def draw():
            group = self.groups[names[rng.choice(len(names), p=shares)]]
            return group[rng.integers(len(group))]

        while True:
            views = []
            for _ in range(self.args.batch):
                if self.progress < MOSAIC_UNTIL and rng.random() < MOSAIC_SHARE:
                    views.append(mosaic([draw() for _ in range(4)], SIZE, rng))
                else:
                    views.append(augmented(draw(), SIZE, rng))
            self.batches.put(_collate(views))


def _collate(views):
    """Return the dictionary that Ultralytics' loss takes; boxes are centre and size, 0..1."""
    pictures = np.stack([p[:, :, ::-1].transpose(2, 0, 1) for p, _, _ in views])
    index = np.concatenate([np.full(len(ids), i) for i, (_, _, ids) in enumerate(views)])
    boxes = np.concatenate([b for _, b, _ in views]).astype(np.float32)
    boxes = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1)
    ids = np.concatenate([ids for _, _, ids in views])
    return {'img': torch.from_numpy(pictures).float() / 255,
            'batch_idx': torch.from_numpy(index).float(),
            'cls': torch.from_numpy(ids).float()[:, None],
            'bboxes': torch.from_numpy(boxes / np.float32(SIZE * 2))}


if __name__ == '__main__':
    main()
