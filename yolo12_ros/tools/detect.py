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
import sys

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
    import cv2
    from ..backends import open_model
    from ..config import load_config
    from ..detector import Detector
    from ..images import decode_file
    from ..render import draw
    from ..sources import picture_files

    config = load_config(args.config)
    if args.draw:
        args.draw.mkdir(parents=True, exist_ok=True)
    with open_model(args.model or config.model_file, args.backend) as model:
        detector = Detector(model, config)
        if model.limits:
            print(f'note: {model.limits}', file=sys.stderr)
        for path in picture_files(args.images):
            image = decode_file(path)
            found = detector.detect(image).detections
            print(_json(path, image.size, found, config.labels) if args.json
                  else _table(path, image.size, found, config.labels))
            if args.draw:
                picture = image.to_bgr()
                draw(picture, found, config.labels)
                cv2.imwrite(str(args.draw / path.name), picture)
    return 0


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
