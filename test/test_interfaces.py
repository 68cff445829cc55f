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
"""Our own message definitions are the upstream ones, as their type hashes prove."""
import json
from pathlib import Path
import sys

import pytest

SHARE = Path(sys.prefix) / 'share'
INTERFACES = Path(__file__).resolve().parents[1] / 'interfaces'
# REP-2016 hashes of the upstream packages, built with ament_cmake.
HASHES = {
    'vision_msgs/msg/BoundingBox2D':
    '008eacbb0cf8f26e83795547bed013eec3675485ef386ec056d80eaaf1c1ce2f',
    'vision_msgs/msg/BoundingBox2DArray':
    '2464e82838009386d371b523211c21c91d74d313fcdd6788223c531d621cf691',
    'vision_msgs/msg/BoundingBox3D':
    'bbb73a65c163d7f9bb29009c7bde9f7faa576bd2d23299c4511d19230dab4698',
    'vision_msgs/msg/BoundingBox3DArray':
    'a81938db9576b10c2eecd7c5a5da3eac496efd00221b25ed051dfbc81fb56da6',
    'vision_msgs/msg/Classification':
    'f74db28d0eaef3afb78f48bf2161cd709a1383a0309d3454383b25be11345143',
    'vision_msgs/msg/Detection2D':
    '0d12b69df5c593b3455b7346fac8205437a7d4bcb09b9e0e0b2dde787ded38ea',
    'vision_msgs/msg/Detection2DArray':
    '214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968',
    'vision_msgs/msg/Detection3D':
    'ddd703be132ab0b69d33121f1bb034132bfbb3b0ac5f9fb1516005ba1c8a265b',
    'vision_msgs/msg/Detection3DArray':
    '793f5eab9595ac1c0da07873cc859db42eae51f0ee76056db8562515d830e018',
    'vision_msgs/msg/LabelInfo':
    '3d37df4015cdf660cc851c51897f2acd957e1ca6205ba0a99aebffb9406b0783',
    'vision_msgs/msg/ObjectHypothesis':
    '51da43cec11c01957a64d1e05a24acd18aae7745ec30b74348ad5f6d634f7f90',
    'vision_msgs/msg/ObjectHypothesisWithPose':
    '41c12344c0396c48b81df12467c192d99b2a0eb1463c5c37194e4223251c80bc',
    'vision_msgs/msg/Point2D':
    'eab0e83f44ab4de92ceaf76dd7d0e7638f2bdd1d16ffbe16c7a136c48e407247',
    'vision_msgs/msg/Pose2D':
    'b0b5d1d7b4c20dd4fcde3ed1d4b289a919290572007d67a97043814db25d3648',
    'vision_msgs/msg/VisionClass':
    '1e4a11f0fed50b5623cb8ff26ca0e37952a48a9c074d16f804b44e9164c2037a',
    'vision_msgs/msg/VisionInfo':
    '95d3116a17484ad91c9a2686e1d54890bbfc3ff6c6a2de137738c4950d45d284',
    'ai_msgs/msg/Attribute':
    '7d67707309872866e230524535417b1b901ef3b44896d377da34f5c8c44b49cf',
    'ai_msgs/msg/Capture':
    '2f018f542657cb1ff79c82111f480d5d0ff3edd755c9f7c1d725a9303341cf8e',
    'ai_msgs/msg/CaptureTargets':
    '14928ff3bde1da07e51adfb0b6144b278b1203d8547be210a37482017249e2c8',
    'ai_msgs/msg/DBResult':
    '28a8219f2b76324bd181d9d11057feaa2b4d447d49c4a4838ef9ea1612c78ad5',
    'ai_msgs/msg/PerceptionInfo':
    'a047b013509e11ba6372d58b66336409fd03322a29adac0433b6798c8278d672',
    'ai_msgs/msg/PerceptionTargets':
    '7f64442bc06e30e9a598d7d6f7b9a49ce300c139de19c3dabc8fb96bd4fc2773',
    'ai_msgs/msg/Perf':
    'c164600047db630924a68ffdf7e267492b33d0b2c43fc88ac507f74a24c12e40',
    'ai_msgs/msg/Point':
    '9657c9ab37b715529d9e1a4eb171d03bdae1cce0891af7f21cc460870535fbeb',
    'ai_msgs/msg/Roi':
    '91848cb0ac29adf3d2d8c675d12e610145c0cd16df3dd2ee9f045c8769524b64',
    'ai_msgs/msg/Target':
    'ef3fdd312c841e7b8d3dee7a396106cfaf8eaf322a551a9fabc78f34b25ce0fb',
    'hbm_img_msgs/msg/HbmH26XFrame':
    '57116ba10bb5675e4a8fb019cab6d9f25f56456720c8e0b98ce5228f115fa9c1',
    'hbm_img_msgs/msg/HbmMsg1080P':
    '1263d0508f3b2fbb44e26287d0e91c665716cd6f49c3f8bb955952c47084de01',
    'hbm_img_msgs/msg/HbmMsg480P':
    '57d76c1e0b7add152d061446cca834785500b61b7717db79f8e06d35cd7074d4',
    'hbm_img_msgs/msg/HbmMsg540P':
    'f1dc6750801a3d51fe1d7dedbe5576a53f68cd6d5c0730040d33a8331068f505',
}


@pytest.mark.parametrize('name', HASHES)
def test_type_hash_is_upstreams(name):
    package, kind, message = name.split('/')
    description = SHARE / package / kind / f'{message}.json'
    if not description.is_file():
        pytest.skip(f'{name} comes from the installed ROS, not from interfaces/')
    hashes = {t['type_name']: t['hash_string']
              for t in json.loads(description.read_text())['type_hashes']}
    assert hashes[name] == f'RIHS01_{HASHES[name]}'


def test_every_definition_has_a_hash():
    defined = {f'{f.parts[-3]}/msg/{f.stem}' for f in INTERFACES.glob('*/msg/*.msg')}
    assert defined == set(HASHES)


@pytest.mark.parametrize('message', ['HbmMsg1080P', 'HbmMsg540P', 'HbmMsg480P', 'HbmH26XFrame'])
def test_max_size_is_the_data_field_s(message):
    """Constants are not part of the type hash."""
    package = pytest.importorskip('hbm_img_msgs.msg', reason='hbm_img_msgs is not installed')
    if not hasattr(package, message):
        pytest.skip(f'the installed hbm_img_msgs has no {message}')
    kind = getattr(package, message)
    assert kind.MAX_SIZE == len(kind().data)
