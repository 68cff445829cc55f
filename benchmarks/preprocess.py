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

"""Camera frame to model input: NV12 letterbox against the ways through BGR."""
from functools import partial

import measure  # first: it sets the thread counts
import cv2
import numpy as np
from usual_way import nv12_to_bgr, preprocess_bgr, preprocess_nv12

from yolo12_ros.images import decode_image, Nv12Image
from yolo12_ros.letterbox import Letterbox

SIZES = ((1920, 1080), (1280, 720), (640, 480))


def scene(width, height):
    """Return a smooth BGR picture with edges and some noise, uint8 (height, width, 3)."""
    rng = np.random.default_rng(3)
    small = rng.integers(0, 256, (height // 40, width // 40, 3), np.uint8)
    picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    noise = rng.integers(0, 8, picture.shape, np.uint8)
    return cv2.add(picture, noise)


def ours(nv12, width, height):
    """Return a call that does what the node does with an nv12 message."""
    out = np.empty(640 * 640 * 3 // 2, np.uint8)
    letterbox = Letterbox((width, height), (640, 640))

    def call():
        letterbox.apply(decode_image('nv12', width, height, width, nv12), out)
        return out
    return call


def ours_bgr(bgr):
    """Return a call that does what the node does with a bgr8 message."""
    height, width = bgr.shape[:2]
    out = np.empty(640 * 640 * 3 // 2, np.uint8)
    letterbox = Letterbox((width, height), (640, 640))
    data = bgr.reshape(-1)

    def call():
        letterbox.apply(decode_image('bgr8', width, height, 3 * width, data), out)
        return out
    return call


def check_agreement(a, b):
    """Compare two model inputs; RuntimeError if they are not the same picture."""
    difference = np.abs(nv12_to_bgr(a, 640, 640).astype(int) - nv12_to_bgr(b, 640, 640))
    if difference.mean() > 4:
        raise RuntimeError(f'the model inputs differ by {difference.mean():.1f} on average')


def main():
    """Run all tables."""
    args = measure.arguments(__doc__, 200)
    report = measure.Report('Preprocessing to a 640x640 NV12 letterbox')
    for width, height in SIZES:
        bgr = scene(width, height)
        nv12 = np.frombuffer(Nv12Image.from_bgr(bgr).tobytes(), np.uint8)
        bgr = nv12_to_bgr(nv12, width, height)
        calls = {'ours, NV12 in': ours(nv12, width, height),
                 'ours, BGR in': ours_bgr(bgr),
                 'usual way, BGR in': partial(preprocess_bgr, bgr),
                 'usual way, NV12 in': partial(preprocess_nv12, nv12, width, height)}
        for name in list(calls)[1:]:
            check_agreement(calls['ours, NV12 in'](), calls[name]())
        report.table(f'{width}x{height}', measure.interleaved(calls, args.rounds),
                     'ours, NV12 in')
    report.write(args.json)


if __name__ == '__main__':
    main()
