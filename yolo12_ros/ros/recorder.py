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

"""The node `recorder`: what the detector publishes to pictures or a video, and JSON lines."""
from collections import Counter
from contextlib import suppress
from functools import partial
import json
from pathlib import Path
import sys
from typing import Any, Dict, List, Optional, Tuple

import cv2
import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage
from vision_msgs.msg import Detection2DArray

from .parameters import declare_leniently, topic_name
from .process import run_node
from ..errors import ConfigError

_UNPAIRED = 100     # frames that may wait for their other half
_ALONE = {'detections': 'detections without a picture', 'picture': 'pictures without detections'}


class Recorder(Node):
    """
    Pairs detections with drawn pictures by stamp, and writes them.

    Parameters: detections and render (topics), output (folder), video_rate (frames a second of
    render.mp4, and of another file from where the picture's size changes; 0 writes one JPEG a
    frame), count (frames to record, 0: until stopped).
    names: file names of the pictures, by order, or that of the video.  keep: keep the detections,
    in `frames`.

    Raises ConfigError if output cannot be written.
    """

    def __init__(self, names: List[str] = (), keep: bool = False, **options):
        super().__init__('recorder', **options)
        declare = partial(declare_leniently, self)
        detections = declare('detections', '/yolo12/detections', 'topic of detections')
        render = declare('render', '/yolo12/render/compressed', 'topic of drawn pictures')
        topic_name(self, 'detections', detections)
        topic_name(self, 'render', render)
        self.output = Path(declare('output', 'yolo12_output', 'folder'))
        self._video_rate = declare('video_rate', 0.0, 'frames a second of the video; 0: JPEGs')
        self._count = declare('count', 0, 'frames to record, 0: until stopped')
        self.recorded = 0
        self.frames: List[Detection2DArray] = []
        self._keep = keep
        self.written: List[Path] = []
        self._names = names
        self._video_stem = f'{Path(names[0]).stem}_' if names and self._video_rate > 0 else ''
        self._halves: Dict[Tuple[int, int], Dict[str, Any]] = {}
        self._lost: Counter = Counter()
        self._video: Optional[cv2.VideoWriter] = None
        self._video_size = (0, 0)
        try:
            self.output.mkdir(parents=True, exist_ok=True)
            self._lines = (self.output / f'{self._video_stem}detections.jsonl').open(
                'w', encoding='utf-8')
        except OSError as e:
            raise ConfigError(f'cannot write to the folder {self.output}: {e.strerror}') from e
        qos = QoSProfile(depth=20)
        self.create_subscription(Detection2DArray, detections,
                                 lambda m: self._add('detections', m), qos)
        self.create_subscription(CompressedImage, render, lambda m: self._add('picture', m), qos)

    @property
    def finished(self) -> bool:
        """Tell whether `count` frames are recorded."""
        return bool(self._count) and self.recorded >= self._count

    def summary(self) -> str:
        """Return what was recorded, and what was not."""
        alone = self._lost + Counter(half for pair in self._halves.values() for half in pair)
        return ''.join([f'{self.recorded} frames recorded in {self.output}',
                        *(f', {alone[half]} {_ALONE[half]}' for half in sorted(alone))])

    def destroy_node(self) -> None:
        """Close the files, then the node."""
        if self._video is not None:
            self._video.release()
        with suppress(OSError):             # of a full disk: told when it was written
            self._lines.close()
        super().destroy_node()

    def _add(self, half: str, message) -> None:
        key = (message.header.stamp.sec, message.header.stamp.nanosec)
        pair = self._halves.setdefault(key, {})
        pair[half] = message
        if len(pair) == 2:
            del self._halves[key]
            if not self.finished:
                self._write(pair['detections'], pair['picture'])
        while len(self._halves) > _UNPAIRED:
            self._lost.update(self._halves.pop(next(iter(self._halves))).keys())

    def _write(self, detections: Detection2DArray, picture: CompressedImage) -> None:
        try:
            if self._video_rate > 0:
                self._write_video(np.frombuffer(picture.data, np.uint8))
            else:
                self._write_picture(picture)
            self._lines.write(json.dumps(as_dict(detections)) + '\n')
            self._lines.flush()
        except OSError as e:
            raise ConfigError(f'cannot write to {self.output}: {e.strerror}') from e
        self.recorded += 1
        if self._keep:
            self.frames.append(detections)

    def _write_picture(self, picture: CompressedImage) -> None:
        number = self.recorded
        name = self._names[number] if number < len(self._names) else f'{number:06d}'
        path = self.output / f'{Path(name).stem}_detections.jpg'
        if number < len(self._names) and path in self.written:      # a.jpg and a.png
            path = self.output / f'{Path(name).stem}_{number:06d}_detections.jpg'
        path.write_bytes(bytes(picture.data))
        if self._keep:
            self.written.append(path)

    def _write_video(self, jpeg: np.ndarray) -> None:
        bgr = cv2.imdecode(jpeg, cv2.IMREAD_COLOR) if jpeg.size else None
        if bgr is None:
            raise ConfigError('a drawn picture cannot be decoded: is render a topic of JPEGs?')
        size = bgr.shape[1], bgr.shape[0]
        if size != self._video_size:        # OpenCV would leave out frames of another size
            self._open_video(size)
        self._video.write(bgr)

    def _open_video(self, size: Tuple[int, int]) -> None:
        stem = f'{self._video_stem}detections' if self._video_stem else 'render'
        if self._video is not None:
            self._video.release()
            stem += f'_{len(self.written) + 1}'
        path = self.output / f'{stem}.mp4'
        self._video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'),
                                      self._video_rate, size)
        if not self._video.isOpened():
            raise ConfigError(f'OpenCV cannot write {path}: set video_rate to 0 for pictures')
        self._video_size = size
        self.written.append(path)


def rows(detections: Detection2DArray) -> List[Tuple[str, float, Tuple[float, ...]]]:
    """Return (class name, score, (x1, y1, x2, y2)) of each detection."""
    result = []
    for detection in detections.detections:
        box, hypothesis = detection.bbox, detection.results[0].hypothesis
        x, y = box.center.position.x, box.center.position.y
        half = box.size_x / 2, box.size_y / 2
        result.append((hypothesis.class_id, hypothesis.score,
                       (x - half[0], y - half[1], x + half[0], y + half[1])))
    return result


def as_dict(detections: Detection2DArray) -> Dict[str, Any]:
    """Return a JSON object of a message."""
    stamp = detections.header.stamp
    return {'stamp': f'{stamp.sec}.{stamp.nanosec:09d}', 'frame_id': detections.header.frame_id,
            'detections': [{'class_name': name, 'score': round(score, 6),
                            'box': [round(v, 2) for v in box]}
                           for name, score, box in rows(detections)]}


def _spin(recorder: Recorder) -> None:
    try:
        while not recorder.finished:
            rclpy.spin_once(recorder, timeout_sec=0.1)
    finally:
        print(recorder.summary())


def main(args: Optional[List[str]] = None) -> int:
    """Record until `count` frames, SIGINT or SIGTERM; exit code 1 on an error."""
    return run_node('yolo12_recorder', Recorder, args, _spin)


if __name__ == '__main__':
    sys.exit(main())
