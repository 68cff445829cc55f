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

"""`yolo12 detect`: pictures to a table, JSON lines or drawn pictures, without ROS."""
import json
from pathlib import Path

from ..errors import ConfigError, ImageError

DESCRIPTION = 'Detect objects in pictures, without ROS.'
EXAMPLE = ('  yolo12 detect photo.jpg --config config/yolo12n_onnx.json --model yolo12n.onnx '
           '--draw out/')


def add_arguments(parser) -> None:
    """Declare the command line."""
    parser.add_argument('images', nargs='+', type=Path, help='pictures or folders of them')
    parser.add_argument('--config', type=Path, required=True, help='JSON configuration')
    parser.add_argument('--model', type=Path, help="model file, instead of the configuration's")
    parser.add_argument('--backend', default='auto', help='inference backend (default: auto)')
    parser.add_argument('--json', action='store_true', help='print one JSON object a picture')
    parser.add_argument('--draw', type=Path, metavar='FOLDER', help='write drawn pictures there')


def main(args) -> int:
    """Run the verb."""
    from ..detector import Detector
    from ..images import decode_file
    from ..sources import picture_files
    from .configured_model import configuration, open_configured, tell

    config = configuration(args.config, args.model)
    files = picture_files(args.images)
    targets = _targets(files, args.draw)
    with open_configured(config, args.backend) as model:
        detector = Detector(model, config)
        for note in detector.notes:
            tell(note)
        for path in files:
            image = decode_file(path)
            found = detector.detect(image).detections
            print(_json(path, image.size, found, config.labels) if args.json
                  else _table(path, image.size, found, config.labels))
            if args.draw:
                _draw(targets[path], image, found, config.labels)
    return 0


def _targets(files, folder):
    """Return {picture: drawn picture}.  Raises ConfigError where one file would be lost."""
    if folder is None:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    targets = {path: folder / path.name for path in files}
    sources = {path.resolve() for path in files}
    taken = {}
    for path, target in targets.items():
        if target.resolve() in sources:
            raise ConfigError(f'--draw {folder} would overwrite {target}: give another folder')
        if target in taken:
            raise ConfigError(f'{path} and {taken[target]} would both be drawn as {target}: '
                              'rename one, or draw them in two runs')
        taken[target] = path
    return targets


def _draw(target: Path, image, found, labels) -> None:
    import cv2
    from ..render import draw
    picture = image.to_bgr()
    draw(picture, found, labels)
    if not cv2.haveImageWriter(str(target)) or not cv2.imwrite(str(target), picture):
        raise ImageError(f'{target} cannot be written: check the folder and the suffix')


def _table(path, size, found, labels) -> str:
    lines = [f'{path}: {size[0]}x{size[1]}, {len(found)} '
             + ('detection' if len(found) == 1 else 'detections')]
    for box, score, class_id in zip(found.boxes, found.scores, found.class_ids):
        corners = ' '.join(f'{v:7.1f}' for v in box)
        lines.append(f'  {labels[class_id]:<16} {score:.3f}  {corners}')
    return '\n'.join(lines)


def _json(path, size, found, labels) -> str:
    return json.dumps({'file': str(path), 'width': size[0], 'height': size[1], 'detections': [
        {'class_id': int(c), 'class_name': labels[c], 'score': round(float(s), 6),
         'box': [round(float(v), 2) for v in box]}
        for box, s, c in zip(found.boxes, found.scores, found.class_ids)]})
