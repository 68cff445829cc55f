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
"""Pictures or a video through the node, recorded: the demo as a launch file; ends by itself."""
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, EmitEvent, RegisterEventHandler, TimerAction
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue


def generate_launch_description():
    """Start image source, node and recorder; the end of the source ends all."""
    value = LaunchConfiguration
    source = Node(
        package='yolo12_ros', executable='yolo12_image_source', name='image_source',
        output='screen', parameters=[{
            'source': ParameterValue(value('image'), value_type=str), 'topic': '/image',
            'loop': False, 'rate': 1000.0, 'wait_for': '/yolo12/render/compressed',
            'result_subscribers': 2}])       # the recorder, too
    node = Node(
        package='yolo12_ros', executable='yolo12_node', name='yolo12', output='screen',
        parameters=[{'config_file': ParameterValue(value('config_file'), value_type=str),
                     'model_file': ParameterValue(value('model_file'), value_type=str)}])
    recorder = Node(
        package='yolo12_ros', executable='yolo12_recorder', name='recorder', output='screen',
        parameters=[{'output': ParameterValue(value('output'), value_type=str),
                     'video_rate': ParameterValue(value('video_rate'), value_type=float)}])
    # The source ends when the last picture is drawn; the recorder may still be writing it.
    end = [
        RegisterEventHandler(OnProcessExit(target_action=source, on_exit=[TimerAction(
            period=1.0, actions=[EmitEvent(event=Shutdown(reason='the source has ended'))])])),
        RegisterEventHandler(OnProcessExit(target_action=node, on_exit=[
            EmitEvent(event=Shutdown(reason='the node has ended'))]))]
    return LaunchDescription([
        DeclareLaunchArgument('image', description='picture, folder of pictures or video'),
        DeclareLaunchArgument('config_file', default_value='', description=(
            'JSON configuration; empty: the one that ships with the package')),
        DeclareLaunchArgument('model_file', default_value='', description=(
            "model file, instead of the configuration's")),
        DeclareLaunchArgument('output', default_value='yolo12_output', description=(
            'folder for drawn pictures (or render.mp4) and detections.jsonl')),
        DeclareLaunchArgument('video_rate', default_value='0.0', description=(
            'frames a second of render.mp4; 0.0 writes a picture for each frame')),
        source, node, recorder, *end])
