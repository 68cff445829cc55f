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

"""Makes the pictures and the clip of yolo12_ros/samples from freely licensed packages."""
import argparse
from pathlib import Path

import cv2

FIRST_FRAME, FRAMES = 150, 48       # of vtest.avi, ten frames a second


def main() -> None:
    """Write astronaut.jpg, grace_hopper.jpg and pedestrians.mp4."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--vtest', required=True, help="vtest.avi of Debian's package opencv-doc")
    parser.add_argument('--output', type=Path, default=Path('yolo12_ros/samples'))
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    import matplotlib
    import skimage
    hopper = Path(matplotlib.get_data_path()) / 'sample_data' / 'grace_hopper.jpg'
    astronaut = Path(skimage.__file__).parent / 'data' / 'astronaut.png'
    (args.output / 'grace_hopper.jpg').write_bytes(hopper.read_bytes())
    cv2.imwrite(str(args.output / 'astronaut.jpg'), cv2.imread(str(astronaut)),
                [cv2.IMWRITE_JPEG_QUALITY, 90])
    _cut(args.vtest, args.output / 'pedestrians.mp4')


def _cut(source, target: Path) -> None:
    video = cv2.VideoCapture(str(source))
    rate = video.get(cv2.CAP_PROP_FPS)
    video.set(cv2.CAP_PROP_POS_FRAMES, FIRST_FRAME)
    size = tuple(int(video.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter_fourcc(*'mp4v'), rate, size)
    for _ in range(FRAMES):
        ok, frame = video.read()
        if not ok:
            raise SystemExit(f'{source} ends too early')
        writer.write(frame)
    writer.release()
    print(f'{target}: {target.stat().st_size} bytes')


if __name__ == '__main__':
    main()
