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

"""`yolo12 perf`: stage times and throughput with 1, 2, ... requests in flight."""
from functools import partial
import importlib
from pathlib import Path
from typing import Callable, List, Tuple

from ..errors import ConfigError

DESCRIPTION = 'Measure stage times and throughput on pictures, random frames or a live topic.'
EXAMPLE = ('  yolo12 perf --config config/yolo12n.json --in-flight 1 2 3\n'
           '  yolo12 perf --config config/yolo12n.json --topic /image --png perf.png')


def add_arguments(parser) -> None:
    """Declare the command line."""
    parser.add_argument('--config', type=Path, required=True, help='JSON configuration')
    parser.add_argument('--model', type=Path, help="model file, instead of the configuration's")
    parser.add_argument('--backend', default='auto', help='inference backend (default: auto)')
    source = parser.add_mutually_exclusive_group()
    source.add_argument('--images', type=Path, nargs='+', help='picture files or folders')
    source.add_argument('--topic', help='live image topic; also shows its rate and delay, and '
                        'publishes the detections (needs ROS)')
    source.add_argument('--size', default='1280x720', metavar='WxH',
                        help='random NV12 frames of this size (default: %(default)s)')
    parser.add_argument('--in-flight', type=int, nargs='+', default=[1, 2], metavar='N',
                        help='requests in flight, one measurement each (default: 1 2)')
    parser.add_argument('--seconds', type=float, default=10.0,
                        help='length of each measurement (default: 10)')
    parser.add_argument('--rate', type=float, default=0.0, metavar='HZ',
                        help='frames a second (default: as fast as they are taken)')
    parser.add_argument('--render', action='store_true',
                        help='also draw and encode, in a thread of its own')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write all numbers there')
    parser.add_argument('--png', type=Path, metavar='FILE',
                        help='draw latencies and a timeline of the stages')


def main(args) -> int:
    """Run the verb."""
    from ..detector import Detector
    from . import perf_report
    from .configured_model import configuration, need_folder, need_matplotlib, open_configured
    from .perf_run import Measurement

    if min(args.in_flight) < 1 or args.seconds <= 0 or args.rate < 0:
        raise ConfigError(f'--in-flight {args.in_flight}, --seconds {args.seconds}, '
                          f'--rate {args.rate}: expected positive numbers')
    for option in ('json', 'png'):
        need_folder(f'--{option}', getattr(args, option))
    if args.png:
        need_matplotlib('--png')
    config = configuration(args.config, args.model)
    topic = _open_topic(args.topic) if args.topic else None
    decoders = [] if topic else _decoders(args)
    measurements: List[Measurement] = []
    try:
        for in_flight in args.in_flight:
            with open_configured(config, args.backend, in_flight) as model:
                run = Measurement(Detector(model, config), in_flight, args.render, topic)
                run.measure(decoders, args.seconds, args.rate)
                context = perf_report.context(config, model)
            measurements.append(run)
            print(perf_report.table(run))
    finally:
        if topic:
            topic.close()
    print(perf_report.describe(context))
    if args.json:
        args.json.write_text(perf_report.as_json(measurements, context))
    if args.png:
        perf_report.draw(args.png, measurements)
    return 0


def _decoders(args) -> List[Callable]:
    """Return functions that give an Nv12Image each, as decoding a message does."""
    from ..images import decode_compressed, decode_file, decode_image
    from ..sources import picture_files
    if args.images:
        paths = picture_files(args.images)[:64]
        return [partial(decode_compressed, path.read_bytes())
                if path.suffix.lower() in ('.jpg', '.jpeg', '.png') else partial(decode_file, path)
                for path in paths]
    import numpy as np
    width, height = _size(args.size)
    rng = np.random.default_rng(1)
    size = height * width + 2 * ((height + 1) // 2) * ((width + 1) // 2)
    return [partial(decode_image, 'nv12', width, height, 0,
                    rng.integers(16, 236, size, np.uint8)) for _ in range(4)]


def _size(text: str) -> Tuple[int, int]:
    try:
        width, height = map(int, text.lower().split('x'))
        if width < 1 or height < 1:
            raise ValueError
    except ValueError:
        raise ConfigError(f'--size is {text!r}: expected WIDTHxHEIGHT, as 1280x720') from None
    return width, height


def _open_topic(name: str):
    try:        # by name: only this option needs ROS
        module = importlib.import_module('yolo12_ros.ros.frame_topic')
    except ImportError as e:
        raise ConfigError(f'--topic needs ROS 2 ({e}): source its setup.bash first') from e
    return module.FrameTopic(name)
