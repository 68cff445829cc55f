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

"""Postprocessing of raw heads: ours, the usual NumPy way, other libraries, and the read limit."""
from functools import partial
import itertools

import measure  # first: it sets the thread counts
import contestants
import heads
import numpy as np
from usual_way import UsualPostProcess

from yolo12_ros.backends import TensorInfo
from yolo12_ros.postprocess import HeadFormat, pair_heads, PostProcessor, Settings

LIMIT = 'limit: read the class logits'


def ours(tensors, scales, threshold):
    """Return our postprocessing, set up for such tensors."""
    infos = [TensorInfo(f'output{i}', t.shape, t.dtype, s)
             for i, (t, s) in enumerate(zip(tensors, scales))]
    form = HeadFormat()
    return PostProcessor(pair_heads(infos, (640, 640), form)[0], form, Settings(threshold))


def usual(tensors, scales, threshold, lean=False):
    """Return the usual way, set up for such tensors."""
    return UsualPostProcess(threshold, scales=scales[1::2], lean=lean)


def read_classes(tensors):
    """Only read all class logits: the least that finds a survivor."""
    return [t.max() for t in tensors[::2]]


def check_agreement(found, results, top_k=300):
    """Compare our detections with the usual way's; RuntimeError if they are not the same."""
    best = sorted(results, key=lambda r: -r[1])[:top_k]
    if len(best) != len(found):
        raise RuntimeError(f'{len(found)} detections, the usual way finds {len(best)}')
    a = np.column_stack([found.class_ids, found.scores, found.boxes])
    b = np.array(best, np.float64).reshape(-1, 6)
    for rows in (a, b):
        rows[:] = rows[np.lexsort((rows[:, 2].round(1), rows[:, 1].round(5), rows[:, 0]))]
    if len(a) and np.abs(a - b).max() > 0.02:
        raise RuntimeError(f'the detections differ by {np.abs(a - b).max()}')


def scene_tables(report, args, scene):
    """Measure one scene at both thresholds."""
    tensors, scales, origin = heads.load(scene)
    for threshold in (0.25, 0.001):
        calls = {
            'ours': ours(tensors, scales, threshold),
            'usual NumPy way': usual(tensors, scales, threshold),
            'usual, present classes only': usual(tensors, scales, threshold, lean=True),
            **contestants.postprocess(tensors, threshold), LIMIT: read_classes}
        calls = {name: partial(call, tensors) for name, call in calls.items()}
        found = calls['ours']()
        check_agreement(found, calls['usual NumPy way']())
        times = measure.interleaved(calls, args.rounds if threshold > 0.1
                                    else max(2, args.rounds // 4))
        report.table(f'{scene} at {threshold} ({origin}, {len(found)} detections)', times, 'ours')


def integer_table(report, args, scene, threshold):
    """Measure int32 boxes with scales, as the BPU gives them, against float ones."""
    tensors, scales, _ = heads.load(scene)
    integer, integer_scales, origin = heads.load(scene, int32=True)
    calls = {'ours, float boxes': partial(ours(tensors, scales, threshold), tensors),
             'ours, int32 boxes': partial(ours(integer, integer_scales, threshold), integer),
             'usual, int32 boxes': partial(usual(integer, integer_scales, threshold), integer)}
    check_agreement(calls['ours, int32 boxes'](), calls['usual, int32 boxes']())
    report.table(f'{scene} at {threshold}, int32 boxes ({origin})',
                 measure.interleaved(calls, args.rounds), 'ours, float boxes')


def cold_table(report, args, copies=24):
    """
    Measure the street scene on tensors that no cache holds.

    Each call gets another copy, the one before a timed call too, so only its code is warm.
    """
    tensors, scales, origin = heads.load('street')
    frames = itertools.cycle([[t.copy() for t in tensors] for _ in range(copies)])
    calls = {'ours': ours(tensors, scales, 0.25), 'usual NumPy way': usual(tensors, scales, 0.25),
             LIMIT: read_classes}
    calls = {name: partial(lambda call: call(next(frames)), call) for name, call in calls.items()}
    report.table(f'street at 0.25, cold memory ({origin})',
                 measure.interleaved(calls, args.rounds), 'ours')


def empty_table(report, args):
    """Measure heads without any survivor."""
    tensors, scales = heads.empty(), [None] * 6
    calls = {'ours': ours(tensors, scales, 0.25), 'usual NumPy way': usual(tensors, scales, 0.25),
             LIMIT: read_classes}
    calls = {name: partial(call, tensors) for name, call in calls.items()}
    report.table('no survivors', measure.interleaved(calls, args.rounds), 'ours')


def main():
    """Run all tables."""
    args = measure.arguments(__doc__, 400)
    report = measure.Report('Postprocessing')
    scene_tables(report, args, 'street')
    scene_tables(report, args, 'crowd')
    integer_table(report, args, 'street', 0.25)
    integer_table(report, args, 'crowd', 0.25)
    cold_table(report, args)
    empty_table(report, args)
    report.write(args.json)


if __name__ == '__main__':
    main()
