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

"""What `yolo12 perf` shows: a table, JSON and a picture, with what they were measured on."""
from dataclasses import asdict, astuple
import json
import os
from pathlib import Path
import platform
import sys
from typing import Any, Dict, List

import cv2
import numpy as np

from .fetch import sha256
from .perf_run import Measurement, TRACKS
from .. import __version__
from ..timing import STAGES, summarise

TIMELINE = 12       # frames in the picture of the stages


def table(run: Measurement) -> str:
    """Return the stages of a measurement, in milliseconds, and its throughput."""
    lines = [f'{run.in_flight} in flight: {run.rate:.1f} results/s, '
             f'{run.counts.get("dropped", 0)} dropped for newer ones',
             f'  {"ms":<12} count     mean      p50      p95      p99']
    for stage in STAGES:
        if run.times[stage]:
            count, *times = astuple(summarise(run.times[stage]))
            lines.append(f'  {stage:<12} {count:5d} ' + ' '.join(f'{t:8.3f}' for t in times))
    if run.arrivals:
        a = run.arrivals
        lines.append(f'  topic {a["topic"]}: {a["rate"]:.1f} Hz, interval {a["interval_min"]:.1f} '
                     f'to {a["interval_max"]:.1f} ms, std dev {a["interval_std"]:.1f} ms; '
                     f'delay mean {a["delay_mean"]:.1f}, max {a["delay_max"]:.1f} ms')
    return '\n'.join(lines)


def context(config, model) -> Dict[str, Any]:
    """Return what a measurement depends on: machine, versions, model and command."""
    path = Path(config.model_file)
    return {'machine': _cpu(), 'cores': os.cpu_count(), 'system': platform.platform(),
            'distribution': _release(), 'governor': _governor(),
            'yolo12_ros': __version__, 'python': platform.python_version(),
            'numpy': np.__version__, 'opencv': cv2.__version__,
            'ros_distro': os.environ.get('ROS_DISTRO', ''), 'backend': model.backend,
            'model': path.name, 'model_sha256': sha256(path),
            'score_threshold': config.settings.score_threshold, 'command': sys.argv}


def describe(context: Dict[str, Any]) -> str:
    """Return the context in a few lines."""
    return (f'{context["machine"]}, {context["cores"]} cores, governor '
            f'{context["governor"] or "unknown"}, {context["distribution"]}\n'
            f'yolo12_ros {context["yolo12_ros"]}, Python {context["python"]}, '
            f'NumPy {context["numpy"]}, OpenCV {context["opencv"]}\n'
            f'{context["model"]} on {context["backend"]}')


def as_json(runs: List[Measurement], context: Dict[str, Any]) -> str:
    """Return everything as JSON."""
    return json.dumps({'context': context, 'measurements': [
        {'in_flight': run.in_flight, 'results_per_second': run.rate, 'seconds': run.seconds,
         'counts': run.counts, 'topic': run.arrivals,
         'stages_ms': {stage: asdict(summarise(t)) for stage, t in run.times.items() if t}}
        for run in runs]}, indent=1)


def draw(path: Path, runs: List[Measurement]) -> None:
    """Draw the latencies of all measurements, and for each a timeline of some frames' stages."""
    from matplotlib.figure import Figure
    figure = Figure(figsize=(10, 3 + 2.4 * len(runs)), layout='constrained')
    axes = figure.subplots(1 + len(runs), 1, squeeze=False)[:, 0]
    for run in runs:
        if run.times['latency']:
            axes[0].hist(run.times['latency'], bins=60, histtype='step',
                         label=f'{run.in_flight} in flight, {run.rate:.1f}/s')
    axes[0].set(xlabel='latency in ms', ylabel='frames')
    axes[0].legend()
    for ax, run in zip(axes[1:], runs):
        _timeline(ax, run)
    figure.savefig(path, dpi=120)


def _timeline(axes, run: Measurement) -> None:
    """Draw who does what when, for some frames from the middle of a measurement."""
    numbers = sorted({span.frame for span in run.spans})
    first = len(numbers) // 2
    shown = set(numbers[first:first + TIMELINE])
    spans = [span for span in run.spans if span.frame in shown]
    zero = min((span.start for span in spans), default=0.0)
    lanes = [f'inference {i + 1}' for i in range(run.in_flight)]
    rows = ['feed', *lanes, *(t for t in ('collect', 'render')
                              if any(TRACKS[s.stage] == t for s in spans))]
    for i, stage in enumerate(s for s in STAGES if s in TRACKS):
        for span in (s for s in spans if s.stage == stage):
            row = lanes[span.frame % len(lanes)] if stage == 'infer' else TRACKS[stage]
            axes.barh(rows.index(row), (span.end - span.start) * 1e3,
                      left=(span.start - zero) * 1e3, color=f'C{i}')
        if any(s.stage == stage for s in spans):
            axes.barh(0, 0, color=f'C{i}', label=stage)
    axes.set(yticks=range(len(rows)), yticklabels=rows, xlabel='ms',
             title=f'{run.in_flight} in flight')
    axes.invert_yaxis()
    axes.legend(loc='upper left', bbox_to_anchor=(1, 1), fontsize='small')


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors='replace').replace('\0', '').strip()
    except OSError:
        return ''


def _cpu() -> str:
    """Return the board's name, or the processor's."""
    board = _read('/proc/device-tree/model')
    names = [line.split(':', 1)[1].strip() for line in _read('/proc/cpuinfo').splitlines()
             if line.startswith('model name')]
    return board or (names[0] if names else platform.machine())


def _governor() -> str:
    """Return the frequency governor of the processor, '' where there is none."""
    return _read('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor')


def _release() -> str:
    lines = _read('/etc/os-release').splitlines()
    return next((x.split('=', 1)[1].strip('"') for x in lines if x.startswith('PRETTY_NAME=')), '')
