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

from glob import glob

from setuptools import find_packages, setup

NAME = 'yolo12_ros'

setup(
    name=NAME,
    version='0.1.0',
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={NAME: ['py.typed', 'models/*', 'samples/*']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
        (f'share/{NAME}/config', glob('config/*')),
        (f'share/{NAME}/launch', glob('launch/*.launch.py')),
    ],
    install_requires=['setuptools'],
    # colcon takes pytest from here; tests_require is ignored by setuptools >= 72
    extras_require={'test': ['pytest']},
    zip_safe=False,
    maintainer='The yolo12_ros authors',
    maintainer_email='yolo12-ros@example.org',
    description='YOLO12 object detection on the D-Robotics RDK X5 and on any PC',
    license='Apache-2.0',
    python_requires='>=3.10',
    entry_points={
        'console_scripts': [
            f'yolo12 = {NAME}.tools.command:main',
            f'yolo12_image_source = {NAME}.ros.image_source:main',
            f'yolo12_node = {NAME}.ros.node:main',
            f'yolo12_recorder = {NAME}.ros.recorder:main',
        ],
    },
)
