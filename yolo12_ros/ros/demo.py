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

"""`scripts/demo.sh`: source and node as two processes over DDS, results as table and picture."""
import argparse
from collections import Counter
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import List, Optional

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.parameter import Parameter

from .process import note_interrupts
from .recorder import Recorder, rows
from ..config import package_share
from ..errors import Yolo12Error
from ..sources import open_source, PictureSource

NAMESPACE = '/yolo12_demo'
NODE = f'{NAMESPACE}/yolo12'
START_TIMEOUT = 60.0
IDLE_TIMEOUT = 30.0
_PACKAGE = Path(__file__).resolve().parents[1]


class Demo:
    """
    Starts the processes and follows what they publish.

    source: picture, folder or video.  config, model: of the node.  output: folder.
    """

    def __init__(self, source: str, config: Path, model: Optional[Path], output: Path):
        self._source = source
        opened = open_source(source)
        self._pictures = isinstance(opened, PictureSource)
        self._count = len(opened)
        self._output = output
        self._rate = opened.rate
        names = opened.names if self._pictures else [Path(source).name]
        self._publisher: Optional[subprocess.Popen] = None
        self._recorder = Recorder(names, keep=True, namespace=NAMESPACE, parameter_overrides=[
            Parameter('detections', value=f'{NODE}/detections'),
            Parameter('render', value=f'{NODE}/render/compressed'),
            Parameter('output', value=str(output)), Parameter('count', value=self._count),
            Parameter('video_rate', value=0.0 if self._pictures else float(self._rate))])
        self._node = _start('yolo12_ros.ros.node', 'yolo12', {      # last: nothing may fail after
            'config_file': config, 'ros_img_topic_name': f'{NAMESPACE}/image', 'log_period': 0.0,
            'infer_timeout': IDLE_TIMEOUT,
            **({'model_file': model} if model else {})})

    def run(self) -> None:
        """Detect everything, with progress on the terminal.  Raises Yolo12Error."""
        self._wait_for_node()
        self._publisher = _start('yolo12_ros.ros.image_source', 'image_source', {
            'source': self._source, 'topic': f'{NAMESPACE}/image', 'loop': False, 'rate': 1000.0,
            'wait_for': f'{NODE}/render/compressed', 'result_subscribers': 2})
        start = last = time.monotonic()
        seen = idle = 0
        while not self._recorder.finished:
            rclpy.spin_once(self._recorder, timeout_sec=0.1)
            idle += 1                       # not seconds: we may have stood still ourselves
            if len(self._recorder.frames) != seen:
                seen, last, idle = len(self._recorder.frames), time.monotonic(), 0
                _progress(seen, self._count, seen / (last - start))
            self._check(last)
            if self._publisher.poll() is None:
                idle = 0
            elif idle > 20:
                break                       # a video may hold fewer frames than it says
        print(file=sys.stderr)
        if not seen:
            raise Yolo12Error(f'{self._source} gave no frame')
        if self._pictures and seen < self._count:
            raise Yolo12Error(f'only {seen} of {self._count} pictures gave a result: names in '
                              f'{self._output} may be of other pictures')

    def report(self) -> None:
        """Print the detections and where the pictures are."""
        frames = self._recorder.frames
        if self._pictures:
            for path, detections in zip(self._recorder.written, frames):
                _print_table(path.stem.replace('_detections', ''), rows(detections))
        else:
            best = max(range(len(frames)), key=lambda i: len(frames[i].detections))
            _print_table(f'{Path(self._source).name}, frame {best + 1} of {len(frames)}',
                         rows(frames[best]))
            total = Counter(name for frame in frames for name, _, _ in rows(frame))
            print(f'all {len(frames)} frames together: '
                  + ', '.join(f'{n} x {name}' for name, n in total.most_common()))
        for path in self._recorder.written:
            print(f'written: {path}')

    def close(self) -> None:
        """Stop the processes."""
        for process in filter(None, (self._publisher, self._node)):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in filter(None, (self._publisher, self._node)):
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
        self._recorder.destroy_node()

    def _wait_for_node(self) -> None:
        print('starting the node ...', file=sys.stderr)
        deadline = time.monotonic() + START_TIMEOUT
        while not self._recorder.count_publishers(f'{NODE}/render/compressed'):
            rclpy.spin_once(self._recorder, timeout_sec=0.1)
            if self._node.poll() is not None:
                raise Yolo12Error('the node ended: its message is above')
            if time.monotonic() > deadline:
                raise Yolo12Error(f'the node did not start within {START_TIMEOUT:g} s')

    def _check(self, last: float) -> None:
        for name, process in (('node', self._node), ('image source', self._publisher)):
            if process.poll() not in (None, 0):
                raise Yolo12Error(f'the {name} ended: its message is above')
        if time.monotonic() - last > IDLE_TIMEOUT:
            raise Yolo12Error(f'no result for {IDLE_TIMEOUT:g} s')


def _start(module: str, name: str, parameters) -> subprocess.Popen:
    command = [sys.executable, '-m', module, '--ros-args', '-r', f'__ns:={NAMESPACE}',
               '-r', f'__node:={name}', '--log-level', 'warn']
    for key, value in parameters.items():   # JSON, which YAML contains
        command += ['-p', f'{key}:={json.dumps(value, default=str, ensure_ascii=False)}']
    return subprocess.Popen(command, start_new_session=True)


def _progress(done: int, total: int, rate: float) -> None:
    """Show the progress in one line of a terminal; in a log, a line for each ten frames."""
    terminal = sys.stderr.isatty()
    if terminal or done % 10 == 0 or done == total:
        print(f'frame {done}{f" of {total}" if total else ""}, {rate:.1f} a second   ',
              end='\r' if terminal else '\n', file=sys.stderr, flush=True)


def _print_table(title: str, found) -> None:
    print(f'\n{title}: {len(found)} detection{"" if len(found) == 1 else "s"}')
    if found:
        print(f'  {"class":<16} {"score":>5}  {"x1":>7} {"y1":>7} {"x2":>7} {"y2":>7}')
    for name, score, box in found:
        print(f'  {name:<16} {score:5.2f}  ' + ' '.join(f'{v:7.1f}' for v in box))


def _arguments(argv: Optional[List[str]]):
    parser = argparse.ArgumentParser(prog='scripts/demo.sh', description=(
        'Detect objects in a picture, a folder of pictures or a video with the ROS 2 node.'))
    parser.add_argument('source', nargs='?', metavar='IMAGE|FOLDER|VIDEO',
                        help='default: the two photographs and the video that are shipped')
    parser.add_argument('--model', type=Path, help='.onnx (PC) or .bin (RDK X5) with six heads')
    parser.add_argument('--config', type=Path, help='JSON configuration that fits the model')
    parser.add_argument('--output', type=Path, default=Path('yolo12_output'), help='folder')
    return parser.parse_args(argv)


def _configuration(args) -> Path:
    if args.config:
        return args.config.resolve()
    if args.model is None:
        return _PACKAGE / 'models' / 'demo.json'
    return (package_share() or Path.cwd()) / 'config' / 'yolo12n_onnx.json'


def _run(source: str, args) -> None:
    """Detect one source and report it."""
    demo = None
    try:
        demo = Demo(source, _configuration(args), args.model and args.model.resolve(), args.output)
        demo.run()
        demo.report()
    finally:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)   # none must leave processes
        if demo is not None:
            demo.close()
    signal.signal(signal.SIGINT, before)


def main(argv: Optional[List[str]] = None) -> int:
    """Run the demo; exit code 1 on an error."""
    args = _arguments(argv)
    os.environ.setdefault('RCUTILS_COLORIZED_OUTPUT', '1' if sys.stderr.isatty() else '0')
    samples = _PACKAGE / 'samples'
    sources = [args.source] if args.source is not None else \
        [str(samples), *map(str, sorted(samples.glob('*.mp4')))]
    interrupts = note_interrupts()
    try:
        rclpy.init(args=[])
        for source in sources:
            _run(source, args)
    except Yolo12Error as e:
        print(f'demo: error: {e}', file=sys.stderr)
        return 1
    except (KeyboardInterrupt, ExternalShutdownException):
        return 130
    except Exception:
        if rclpy.ok() and not interrupts:   # else a signal came, and so nothing works any more
            raise
        return 130
    finally:
        rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
