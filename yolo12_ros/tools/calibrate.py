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

"""`yolo12 calibrate`: pictures to the raw files that hb_mapper calibrates with."""
import hashlib
import json
from pathlib import Path
import random
import re
import shutil
import sys
import tempfile
from typing import Tuple

from ..errors import ConfigError, ImageError

DESCRIPTION = 'Write calibration data for hb_mapper, preprocessed as the node does.'
EXAMPLE = '  yolo12 calibrate photos/ --output calibration_f32 --size 640x640 --count 50 --seed 0'
FEW = 20
MODES = ('letterbox', 'top_left', 'stretch')     # of letterbox.py, which loads OpenCV


def add_arguments(parser) -> None:
    """Declare the command line."""
    parser.add_argument('images', nargs='+', type=Path, help='pictures or folders of them, from '
                        "the robot's own camera if you can")
    parser.add_argument('--output', type=Path, default=Path('calibration_f32'), metavar='FOLDER',
                        help='gets one file a picture and nothing else, since hb_mapper reads '
                        'everything there; the manifest is FOLDER.json (default: %(default)s)')
    parser.add_argument('--count', type=int, default=50,
                        help='pictures to choose (default: 50, or all if there are fewer)')
    parser.add_argument('--seed', type=int, default=0, help='of the choice (default: 0)')
    parser.add_argument('--size', type=_size, default=(640, 640), metavar='WxH',
                        help="the model's input (default: 640x640)")
    parser.add_argument('--mode', choices=MODES, default='letterbox',
                        help="as the node's (default: letterbox)")
    parser.add_argument('--min-side', type=int, default=64, metavar='PIXELS',
                        help='leave out pictures with a shorter side (default: 64)')
    parser.add_argument('--force', action='store_true',
                        help='replace the .rgb files of an earlier run')


def main(args) -> int:
    """Run the verb."""
    from ..sources import picture_files
    from .progress import Progress

    if args.count < 1:
        raise ConfigError(f'--count is {args.count}: expected at least 1, 20 to 50 are usual')
    if args.output.name in ('', '..'):
        raise ConfigError(f'--output {args.output}: expected a folder by its name, beside which '
                          'the manifest can stand')
    files = sorted(set(picture_files(args.images)), key=lambda p: (p.name, str(p)))
    random.Random(args.seed).shuffle(files)
    manifest = args.output.with_name(args.output.name + '.json')
    old = _old_files(args.output, args.force)
    chosen, hashes = [], {}
    beside = args.output.resolve().parent       # hb_mapper would read what is inside
    with tempfile.TemporaryDirectory(prefix='.calibrate', dir=beside) as folder, \
            Progress(min(args.count, len(files)), 'calibrate') as progress:
        for path in files:
            if len(chosen) == args.count:
                break
            entry = _convert(path, args, hashes, Path(folder), len(chosen))
            if entry:
                chosen.append(entry)
                progress.advance(text=path.name)
        if not chosen:
            raise ImageError(f'none of {len(files)} pictures can be used: see the warnings above')
        for entry in chosen:
            shutil.move(Path(folder) / entry['file'], args.output / entry['file'])
    for path in old:
        if path.name not in {entry['file'] for entry in chosen}:
            path.unlink()
    _write_manifest(manifest, args, chosen)
    if len(chosen) < FEW:
        _warn(f'only {len(chosen)} pictures: expected {FEW} to 50, or scores will suffer')
    print(f'wrote {len(chosen)} files to {args.output} and {manifest}')
    return 0


def calibration_tensor(path: Path, size: Tuple[int, int], mode: str):
    """
    Return (float32 (3, H, W) RGB 0..255, (width, height) of the picture).

    The picture goes to NV12, into the model's input and to RGB, as it will on the robot: what
    chroma loses there, calibration sees too.  Raises ImageError.
    """
    import numpy as np
    from ..images import decode_file, nv12_to_rgb
    from ..letterbox import Letterbox

    image = decode_file(path)
    width, height = size
    buffer = np.empty(width * height * 3 // 2, np.uint8)
    Letterbox(image.size, size, mode).apply(image, buffer)
    rgb = nv12_to_rgb(buffer, size)
    return np.ascontiguousarray(rgb.transpose(2, 0, 1), np.float32), image.size


def _convert(path: Path, args, hashes, folder: Path, number: int):
    """Write one file; return its line of the manifest, None with a warning if it is no good."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest in hashes:
            _warn(f'{path} is the same as {hashes[digest]}: left out')
            return None
        tensor, (width, height) = calibration_tensor(path, args.size, args.mode)
    except OSError as e:
        _warn(f'{path} cannot be read ({e.strerror}): left out')
        return None
    except ImageError as e:
        _warn(f'{e}: left out')
        return None
    if min(width, height) < args.min_side:
        _warn(f'{path} is tiny, {width}x{height}: left out (--min-side {args.min_side})')
        return None
    if tensor.max() <= 1:
        _warn(f'{path} is all black: left out')
        return None
    hashes[digest] = path
    data = tensor.tobytes()
    name = f'{number:03d}_{re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem)}.rgb'
    (folder / name).write_bytes(data)
    return {'file': name, 'sha256': hashlib.sha256(data).hexdigest(), 'bytes': len(data),
            'source': str(path), 'source_sha256': digest, 'width': width, 'height': height}


def _old_files(folder: Path, force: bool):
    """Make the folder; return what an earlier run left there and this one may replace."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        old = sorted(folder.iterdir())
        foreign = [p.name for p in old if p.suffix != '.rgb' or not p.is_file()]
        if foreign or (old and not force):
            raise ConfigError(
                f'{folder} is not empty ({(foreign or [old[0].name])[0]}, ...): hb_mapper would '
                'read that too; give another --output'
                + ('' if foreign else ', or --force to replace the files'))
        return old
    except OSError as e:
        raise ConfigError(f'cannot use --output {folder}: {e.strerror}') from e


def _write_manifest(path: Path, args, chosen) -> None:
    from .. import __version__

    values = {'yolo12_ros': __version__, 'seed': args.seed, 'size': list(args.size),
              'mode': args.mode, 'layout': 'float32 (3, H, W) RGB 0..255, by way of NV12',
              'pictures': chosen}
    try:
        path.write_text(json.dumps(values, indent=2) + '\n', encoding='utf-8')
    except OSError as e:
        raise ConfigError(f'cannot write {path}: {e.strerror}') from e


def _warn(text: str) -> None:
    print(f'warning: {text}', file=sys.stderr)


def _size(text: str) -> Tuple[int, int]:
    """Read 640x640 or 640."""
    import argparse

    try:
        numbers = [int(n) for n in text.lower().split('x')]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or any(n < 32 or n > 8192 or n % 2 for n in numbers):
        raise argparse.ArgumentTypeError(f'{text!r}: expected WIDTHxHEIGHT, even numbers from 32, '
                                         'such as 640x640')
    return numbers[0], numbers[-1]
