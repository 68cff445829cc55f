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

"""Precision over recall as a picture."""
from pathlib import Path
from typing import Dict

import numpy as np

from .coco_results import Score


def draw_curve(path: Path, scores: Dict[str, Score]) -> None:
    """
    Draw precision over recall at IoU 0.5, the mean over the classes, one line for each score.

    The first score's classes are drawn thin behind.
    """
    from matplotlib.figure import Figure
    recall = np.linspace(0, 1, 101)
    figure = Figure(figsize=(8, 6), layout='constrained')
    axes = figure.subplots()
    for curve in _present(next(iter(scores.values()))):
        axes.plot(recall, curve, color='0.88', linewidth=0.6, zorder=1)
    for name, score in scores.items():
        curves = _present(score)
        if len(curves):
            label = f'{name}: AP50 {100 * score.stats["AP50"]:.1f}'
            axes.plot(recall, curves.mean(axis=0), label=label, zorder=2)
    axes.set(xlabel='recall', ylabel='precision', xlim=(0, 1), ylim=(0, 1.02),
             title='IoU 0.5, mean over the classes (grey: each class of the first line)')
    axes.grid(color='0.9')
    axes.legend(fontsize='small')
    figure.savefig(path, dpi=120)


def _present(score: Score) -> np.ndarray:
    """Return the curves of the classes that have objects, (classes, 101)."""
    return score.precision.T[(score.precision >= 0).all(axis=0)]
