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

"""Interleaved timing on one thread; import this first, it sets the thread counts."""
import os

for _name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ.setdefault(_name, '1')

import argparse  # noqa: E402
import json  # noqa: E402
from pathlib import Path  # noqa: E402
import platform  # noqa: E402
import random  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from typing import Any, Callable, Dict, List, Optional, Sequence  # noqa: E402

import cv2  # noqa: E402
import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

Contestants = Dict[str, Callable[[], Any]]


def arguments(description: str, rounds: int, pinned: bool = True) -> argparse.Namespace:
    """Parse the command line that all benchmarks share; pin the process to one thread."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('--rounds', type=int, default=rounds,
                        help='calls of each contestant (default: %(default)s)')
    parser.add_argument('--quick', action='store_true',
                        help='a few rounds only: tries the benchmark, measures nothing')
    parser.add_argument('--json', type=Path, help='write the tables there, too')
    args = parser.parse_args()
    if args.quick:
        args.rounds = 3
    if pinned:
        pin()
    return args


def pin() -> None:
    """Keep this process on one core and OpenCV on one thread."""
    cv2.setNumThreads(1)
    if hasattr(os, 'sched_setaffinity'):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def machine() -> str:
    """Return one line about the machine, the versions and what may slow them down."""
    cpu = platform.processor() or platform.machine()
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
        cpu = next((x.split(':')[1].strip() for x in lines if x.startswith('model name')), cpu)
    except OSError:
        pass
    slowed = [f'{n}={os.environ[n]}' for n in ('OPENBLAS_CORETYPE',) if n in os.environ]
    return ', '.join([f'{cpu}, {os.cpu_count()} cores', f'Python {platform.python_version()}',
                      f'NumPy {np.__version__}', f'OpenCV {cv2.__version__}', 'one thread',
                      *slowed])


def interleaved(contestants: Contestants, rounds: int, warm: bool = True) -> Dict[str, np.ndarray]:
    """
    Time each contestant once a round, in an order drawn anew for each round.

    warm: a call that is not timed goes before each one that is, so that the caches hold a
    contestant's own data and not the last one's.  Returns {name: milliseconds (rounds,)}.
    """
    times: Dict[str, List[float]] = {name: [] for name in contestants}
    for call in contestants.values():       # first calls allocate and import
        call()
        call()
    order, rng = list(contestants), random.Random(1)
    for _ in range(rounds):
        rng.shuffle(order)
        for name in order:
            call = contestants[name]
            if warm:
                call()
            start = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - start) * 1e3)
    return {name: np.array(t) for name, t in times.items()}


class Report:
    """Prints tables and collects them for --json."""

    def __init__(self, title: str):
        self.tables: List[Dict[str, Any]] = []
        print(f'{title}\n{machine()}')

    def table(self, title: str, times: Dict[str, np.ndarray], ours: str,
              notes: Sequence[str] = ()) -> None:
        """Print medians, p10 and how many times as long as `ours` each contestant takes."""
        base = np.median(times[ours])
        width = max(map(len, times))
        print(f'\n{title}\n  {"":<{width}}   median      p10  times ours')
        rows = []
        for name, t in times.items():
            row = {'name': name, 'median_ms': float(np.median(t)),
                   'p10_ms': float(np.percentile(t, 10)), 'ratio': float(np.median(t) / base)}
            rows.append(row)
            print(f'  {name:<{width}}  {row["median_ms"]:7.3f}  {row["p10_ms"]:7.3f}'
                  f'  {row["ratio"]:10.2f}')
        for note in notes:
            print(f'  {note}')
        self.tables.append({'title': title, 'rounds': len(t), 'rows': rows})

    def write(self, path: Optional[Path]) -> None:
        """Write all tables as JSON."""
        if path is not None:
            path.write_text(json.dumps({'machine': machine(), 'command': sys.argv,
                                        'tables': self.tables}, indent=1))
