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
"""Several cameras, one node, one model: each camera's results are under /yolo12/NAME/."""
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

# name, default, description
ARGUMENTS = (
    ('image_topics', '/cam/left,/cam/right', 'topics of the cameras, separated by commas'),
    ('config_file', '', 'JSON configuration; empty: the one that ships with the package'),
    ('model_file', '', "model file, instead of the configuration's"),
    ('namespace', '', 'namespace of the node'),
    ('log_level', 'info', 'log level of the node'),
    ('params_file', '', 'YAML file of node parameters, see config/params.yaml'),
)


def generate_launch_description():
    """Declare the arguments and start the node; the cameras are started by somebody else."""
    return LaunchDescription([
        *[DeclareLaunchArgument(name, default_value=default, description=text)
          for name, default, text in ARGUMENTS], OpaqueFunction(function=compose)])


def compose(context):
    """Return the node."""
    given = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS}
    topics = [topic.strip() for topic in given['image_topics'].split(',') if topic.strip()]
    if not topics:
        raise RuntimeError('image_topics is empty: expected topics, separated by commas')
    logger = '.'.join([*filter(None, given['namespace'].split('/')), 'yolo12'])
    parameters = {'image_topics': topics, **{name: given[name] for name in
                                             ('config_file', 'model_file') if given[name]}}
    return [Node(
        package='yolo12_ros', executable='yolo12_node', name='yolo12',
        namespace=given['namespace'], output='screen', respawn=True, respawn_delay=2.0,
        parameters=[*filter(None, [given['params_file']]), parameters],
        arguments=['--ros-args', '--log-level', f'{logger}:={given["log_level"]}'])]
