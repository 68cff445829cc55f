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

"""A COCO data set, results in its format that survive an interruption, and their score."""
import contextlib
from dataclasses import dataclass
import io
import json
import os
from pathlib import Path
import threading
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from ..detections import Detections
from ..errors import ConfigError, ImageError

# COCOeval's numbers that the tables show, by their place in its stats
STATS = {'AP': 0, 'AP50': 1, 'AP75': 2, 'APs': 3, 'APm': 4, 'APl': 5, 'AR100': 8}


@dataclass(frozen=True)
class Picture:
    """One picture of the data set."""

    image_id: int
    path: Path


class CocoDataset:
    """
    Pictures and annotations in COCO's format.

    category_ids: {class id: category id}, paired by name.  notes: what did not pair, for the
    terminal.  Raises ConfigError for an annotation file that cannot serve, ImageError for pictures
    that are not there.
    """

    def __init__(self, folder: Path, annotations: Path, labels: Sequence[str], limit: int = 0):
        self.coco = _load(annotations)
        self.category_ids, self.notes = _pair_categories(self.coco, labels, annotations)
        self.names = {c['id']: c['name'] for c in self.coco.dataset['categories']}
        images = sorted(self.coco.dataset['images'], key=lambda i: i['id'])
        images = images[:limit] if limit else images
        self.pictures = [Picture(i['id'], Path(folder) / i['file_name']) for i in images]
        missing = [p.path for p in self.pictures if not p.path.is_file()]
        if missing:
            raise ImageError(f'{len(missing)} of {len(images)} pictures named in {annotations} '
                             f'are not there, the first is {missing[0]}: check the folder')

    def rows(self, image_id: int, found: Detections) -> List[Dict[str, Any]]:
        """Return detections as COCO results: bbox is x, y, width, height in source pixels."""
        boxes = found.boxes.astype(np.float64)
        boxes[:, 2:] -= boxes[:, :2]
        return [{'image_id': image_id, 'category_id': self.category_ids[c],
                 'bbox': [round(v, 3) for v in box], 'score': round(s, 6)}
                for box, s, c in zip(boxes.tolist(), found.scores.tolist(),
                                     found.class_ids.tolist()) if c in self.category_ids]


def _load(path: Path):
    try:
        from pycocotools.coco import COCO
    except ImportError as e:
        raise ConfigError(f'pycocotools is not installed ({e}): pip install pycocotools') from e
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO(str(path))
    except OSError as e:
        raise ConfigError(f'cannot read the annotations {path}: {e.strerror}') from e
    except (ValueError, AssertionError, KeyError, TypeError) as e:
        raise ConfigError(f"{path} is not an annotation file in COCO's format: {e}") from e
    absent = [key for key in ('images', 'annotations', 'categories')
              if not coco.dataset.get(key)]
    if absent:
        raise ConfigError(f'{path} has no {" and no ".join(absent)}: expected an annotation file '
                          'as instances_val2017.json of COCO')
    return coco


def _pair_categories(coco, labels: Sequence[str], path: Path):
    """Return ({class id: category id}, notes)."""
    by_name = {c['name']: c['id'] for c in coco.dataset['categories']}
    pairs = {i: by_name[name] for i, name in enumerate(labels) if name in by_name}
    if not pairs:
        raise ConfigError(f'{path} and the labels have no class name in common: the file has '
                          f'{_some(by_name)}, the labels are {_some(labels)}')
    notes = []
    unknown = [name for name in labels if name not in by_name]
    if unknown:
        notes.append(f'labels without a category, their detections do not count: {_some(unknown)}')
    missed = [name for name in by_name if name not in labels]
    if missed:
        notes.append(f'categories without a label, they score 0: {_some(missed)}')
    return pairs, notes


def _some(names) -> str:
    names = list(names)
    return ', '.join(map(repr, names[:5])) + (f' and {len(names) - 5} more' if names[5:] else '')


class ResultStore:
    """
    Results of one run, by protocol and image; with a folder they survive an interruption.

    folder: None keeps them in memory only.  name: of the run, for file names.  origin: what the
    results depend on; a folder that holds results of something else is refused with ConfigError.
    """

    def __init__(self, folder, name: str, origin: Dict[str, Any]):
        self.done: Dict[int, Dict[str, List[Dict[str, Any]]]] = {}
        self._folder, self._name = folder, name
        self._lock = threading.Lock()
        self._lines = None
        if folder is None:
            return
        path = Path(folder) / f'{name}.jsonl'
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = self._resume(path, origin) if path.exists() else json.dumps(origin) + '\n'
            part = path.with_name(path.name + '.part')
            part.write_text(kept)       # what is done must not be lost while it is read
            os.replace(part, path)
            self._lines = path.open('a')
        except OSError as e:
            raise ConfigError(f'cannot write results to {folder}: {e.strerror}') from e

    def add(self, image_id: int, rows: Dict[str, List[Dict[str, Any]]]) -> None:
        """Store one image's results, {protocol: rows}.  Safe to call from several threads."""
        with self._lock:
            self.done[image_id] = rows
            if self._lines is not None:
                self._lines.write(json.dumps([image_id, rows]) + '\n')
                self._lines.flush()

    def results(self, protocol: str, image_ids) -> List[Dict[str, Any]]:
        """Return the rows of some images."""
        return [row for i in image_ids for row in self.done[i][protocol]]

    def write(self, protocol: str, image_ids) -> None:
        """Write one protocol's results in COCO's format, if there is a folder."""
        if self._folder is not None:
            path = Path(self._folder) / f'{self._name}_{protocol}.json'
            path.write_text(json.dumps(self.results(protocol, image_ids)))

    def close(self) -> None:
        """Close the file."""
        if self._lines is not None:
            self._lines.close()

    def _resume(self, path: Path, origin) -> str:
        """Read what is done; return the lines to keep, without those that were cut off."""
        text = path.read_text(encoding='utf-8', errors='replace')
        first, *lines = text.splitlines(keepends=True) or ['']
        if first.strip() != json.dumps(origin):
            raise ConfigError(f'{path} holds results of another run: delete it, or choose another '
                              f'folder (it has {first.strip()[:200]}, this run '
                              f'{json.dumps(origin)[:200]})')
        kept = [first]
        for line in lines:
            try:
                image_id, rows = json.loads(line)
            except (TypeError, ValueError):     # a power cut can leave anything
                continue
            if line.endswith('\n'):
                self.done[image_id] = rows
                kept.append(line)
        return ''.join(kept)


@dataclass(frozen=True)
class Score:
    """
    What COCOeval says.

    stats: AP, AP50, ... 0..1, -1 where there is nothing to find.  classes: (name, annotated
    objects, AP, AP50) by category.  precision: at IoU 0.5 and all areas, float64 (101, categories)
    by recall 0, 0.01, ... 1; -1 for categories without objects.
    """

    stats: Dict[str, float]
    classes: Tuple[Tuple[str, int, float, float], ...]
    precision: np.ndarray


def score(dataset: CocoDataset, rows: List[Dict[str, Any]]) -> Score:
    """Compare results with the annotations of the data set's pictures, by pycocotools."""
    from pycocotools.cocoeval import COCOeval
    image_ids = [p.image_id for p in dataset.pictures]
    with contextlib.redirect_stdout(io.StringIO()):
        found = dataset.coco.loadRes(rows) if rows else _no_results(dataset.coco)
        run = COCOeval(dataset.coco, found, 'bbox')
        run.params.imgIds = image_ids
        run.evaluate()
        run.accumulate()
        run.summarize()
    stats = {name: float(run.stats[i]) for name, i in STATS.items()}
    precision = run.eval['precision'][:, :, :, 0, 2]        # IoU, recall, category
    return Score(stats, _by_class(dataset, run.params.catIds, image_ids, precision), precision[0])


def _no_results(coco):
    from pycocotools.coco import COCO
    empty = COCO()
    empty.dataset = {**coco.dataset, 'annotations': []}
    empty.createIndex()
    return empty


def _by_class(dataset, category_ids, image_ids, precision):
    rows = []
    for k, category_id in enumerate(category_ids):
        count = len(dataset.coco.getAnnIds(imgIds=image_ids, catIds=[category_id], iscrowd=False))
        if count:
            rows.append((dataset.names[category_id], count, float(precision[:, :, k].mean()),
                         float(precision[0, :, k].mean())))
    return tuple(rows)
