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
"""One command for a robot: camera, codec, detector and web page."""
import os

from ament_index_python.packages import get_package_share_directory, PackageNotFoundError
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

# CAM_TYPE, as dnn_node_example reads it
CAMERAS = {'mipi': 'mipi', 'usb': 'usb', 'fb': 'image'}
SHARED, RAW, JPEG, DECODED = '/hbmem_img', '/image_raw', '/image', '/image_nv12'
ENCODE_CHANNEL, DECODE_CHANNEL = '1', '2'       # of hobot_codec; equal ones may collide

# name, default, description, choices
ARGUMENTS = (
    ('camera', CAMERAS.get(os.environ.get('CAM_TYPE', ''), 'none'),
     'where images come from; the default follows the environment variable CAM_TYPE',
     ('mipi', 'usb', 'image', 'none')),
    ('config_file', '', 'JSON configuration; empty: the one that ships with the package', ()),
    ('model_file', '', "model file, instead of the configuration's", ()),
    ('device', '', 'sensor or device; empty: F37 (mipi), /dev/video8 (usb)', ()),
    ('image_width', '960', 'width of camera images, a multiple of 16', ()),
    ('image_height', '544', 'height of camera images', ()),
    ('image', '', 'picture, folder or video for camera:=image', ()),
    ('framerate', '30', 'images a second', ()),
    ('image_topic', '', 'topic that the node reads; empty: as the camera publishes', ()),
    ('transport', 'ros', "how images reach the node: ros (sensor_msgs), or TROS's shared memory",
     ('ros', 'shared_mem')),
    ('web', 'none', "tros: show the result on TROS's web page, port 8000", ('tros', 'none')),
    ('web_image', 'camera', 'picture on the page: the JPEG on /image with boxes, or the drawn one',
     ('camera', 'render')),
    ('rviz', 'false', 'start rviz2 on the drawn picture', ('true', 'false')),
    ('namespace', '', 'namespace of the node', ()),
    ('log_level', 'info', 'log level of the node', ('debug', 'info', 'warn', 'error')),
    ('params_file', '', 'YAML file of node parameters, see config/params.yaml', ()),
    ('use_sim_time', 'false', 'use the time of /clock', ('true', 'false')),
    ('respawn', 'true', 'start the node again two seconds after it ended', ('true', 'false')),
    ('dnn_example_config_file', '', "dnn_node_example's name of config_file", ()),
    ('dnn_example_image_width', '', "dnn_node_example's name of image_width", ()),
    ('dnn_example_image_height', '', "dnn_node_example's name of image_height", ()),
    ('dnn_example_dump_render_img', '0', '1: write drawn pictures to the current folder', ()),
    ('dnn_example_msg_pub_topic_name', 'hobot_dnn_detection', 'topic of ai_msgs', ()),
    ('publish_image_source', '', "dnn_node_example's name of image", ()),
)
ALIASES = {'config_file': 'dnn_example_config_file', 'image_width': 'dnn_example_image_width',
           'image_height': 'dnn_example_image_height', 'image': 'publish_image_source'}


def generate_launch_description():
    """Declare the arguments; what they compose depends on what is installed."""
    declared = [DeclareLaunchArgument(name, default_value=default, description=text,
                                      **({'choices': choices} if choices else {}))
                for name, default, text, choices in ARGUMENTS]
    return LaunchDescription([*declared, OpaqueFunction(function=compose)])


def compose(context):
    """Return what is started, hobot_shm first: it sets the environment of all others."""
    given = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS}
    for name, alias in ALIASES.items():
        given[name] = given[alias] or given[name]
    check(given)
    source = {'mipi': mipi, 'usb': usb, 'image': image, 'none': none}[given['camera']]
    camera, topic = source(given)
    actions = [*camera, detector(given, given['image_topic'] or topic), *web(given), *rviz(given)]
    tros = any(isinstance(action, IncludeLaunchDescription) for action in actions)
    return [*([include('hobot_shm', 'hobot_shm', {})] if tros else []), *actions]


def check(given):
    """Refuse what cannot work, with the argument to change."""
    for name, kind in (('image_width', int), ('image_height', int), ('framerate', float),
                       ('dnn_example_dump_render_img', int)):
        try:
            kind(given[name])
        except ValueError:
            raise RuntimeError(f'{name} is {given[name]!r}: expected a number') from None
    # The camera and codec of the board would answer with a sheared picture.
    if given['camera'] in ('mipi', 'usb') and int(given['image_width']) % 16:
        raise RuntimeError(f'image_width is {given["image_width"]}: hobot_codec needs a multiple '
                           'of 16, such as 640, 960, 1280 or 1920')
    if given['camera'] == 'image' and not given['image']:
        raise RuntimeError('camera:=image needs image:=PATH of a picture, a folder or a video')


def mipi(given):
    """Return the MIPI camera, and the JPEG encoder if the page shows its picture."""
    shared = given['transport'] == 'shared_mem'
    topic = SHARED if shared else RAW
    camera = include('mipi_cam', 'mipi_cam', {
        'mipi_image_width': given['image_width'], 'mipi_image_height': given['image_height'],
        'mipi_image_framerate': f'{float(given["framerate"])}',
        'mipi_io_method': 'shared_mem' if shared else 'ros',
        # stamps of the sensor's clock would not compare with anybody else's
        'mipi_frame_ts_type': 'realtime', 'mipi_video_device': given['device'] or 'F37'})
    return [camera, *encoder(given, topic)], topic


def usb(given):
    """Return the USB camera, which publishes JPEG, and the hardware's JPEG decoder."""
    shared = given['transport'] == 'shared_mem'
    topic = SHARED if shared else DECODED
    camera = include('hobot_usb_cam', 'hobot_usb_cam', {
        'usb_image_width': given['image_width'], 'usb_image_height': given['image_height'],
        'usb_framerate': given['framerate'], 'usb_pixel_format': 'mjpeg', 'usb_zero_copy': 'False',
        'usb_video_device': given['device'] or '/dev/video8'})
    decoder = include('hobot_codec', 'hobot_codec_decode', {
        'codec_channel': DECODE_CHANNEL, 'codec_in_mode': 'ros', 'codec_in_format': 'jpeg',
        'codec_out_mode': 'shared_mem' if shared else 'ros', 'codec_out_format': 'nv12',
        'codec_sub_topic': JPEG, 'codec_pub_topic': topic})
    return [camera, decoder], topic


def image(given):
    """Return a publisher of files: TROS's for shared memory, ours otherwise."""
    if given['transport'] == 'shared_mem':
        publisher = include('hobot_image_publisher', 'hobot_image_publisher', {
            'publish_image_source': given['image'],
            'publish_image_format': os.path.splitext(given['image'])[1].lstrip('.') or 'jpg',
            'publish_message_topic_name': SHARED, 'publish_fps': given['framerate'],
            'publish_is_shared_mem': 'True'})
        return [publisher, *encoder(given, SHARED)], SHARED
    source = Node(package='yolo12_ros', executable='yolo12_image_source', name='image_source',
                  output='screen', parameters=[{
                      'source': given['image'], 'topic': JPEG, 'encoding': 'jpeg',
                      'rate': float(given['framerate'])}])
    return [source], JPEG


def none(given):
    """Return nothing: somebody else publishes."""
    return [], SHARED if given['transport'] == 'shared_mem' else JPEG


def encoder(given, topic):
    """Return the JPEG encoder for the web page, if it shows the camera's picture."""
    if given['web'] != 'tros' or given['web_image'] != 'camera':
        return []
    return [include('hobot_codec', 'hobot_codec_encode', {
        'codec_channel': ENCODE_CHANNEL,
        'codec_in_mode': 'shared_mem' if topic == SHARED else 'ros', 'codec_in_format': 'nv12',
        'codec_out_mode': 'ros', 'codec_out_format': 'jpeg',
        'codec_sub_topic': topic, 'codec_pub_topic': JPEG})]


def detector(given, topic):
    """Return the node."""
    shared = given['transport'] == 'shared_mem'
    defaults = {name: default for name, default, *_ in ARGUMENTS}
    chosen = {name for name, value in given.items() if value != defaults[name]}
    # Only what was chosen here, or what the camera decides: the rest is params_file's.
    parameters = {
        **({'is_shared_mem_sub': int(shared),
            'sharedmem_img_topic_name' if shared else 'ros_img_topic_name': topic}
           if given['camera'] != 'none' or given['image_topic'] or shared else {}),
        **({'msg_pub_topic_name': given['dnn_example_msg_pub_topic_name']}
           if 'dnn_example_msg_pub_topic_name' in chosen else {}),
        **({'dump_render_img': int(given['dnn_example_dump_render_img'])}
           if 'dnn_example_dump_render_img' in chosen else {}),
        **({'use_sim_time': True} if given['use_sim_time'] == 'true' else {}),
        **{name: given[name] for name in ('config_file', 'model_file') if given[name]}}
    return Node(package='yolo12_ros', executable='yolo12_node', name='yolo12',
                namespace=given['namespace'], output='screen',
                parameters=[*filter(None, [given['params_file'], parameters])],
                arguments=['--ros-args', '--log-level',
                           f'{logger(given["namespace"])}:={given["log_level"]}'],
                respawn=given['respawn'] == 'true', respawn_delay=2.0)


def logger(namespace):
    """Return the name of the node's logger."""
    return '.'.join([*filter(None, namespace.split('/')), 'yolo12'])


def web(given):
    """Return TROS's web page."""
    if given['web'] == 'none':
        return []
    prefix, results = prefix_of(given), given['dnn_example_msg_pub_topic_name']
    drawn = given['web_image'] == 'render'
    return [include('websocket', 'websocket', {
        'websocket_image_topic': f'{prefix}/yolo12/render/compressed' if drawn else JPEG,
        'websocket_image_type': 'mjpeg', 'websocket_only_show_image': str(drawn),
        'websocket_smart_topic': results if results.startswith('/') else f'{prefix}/{results}'})]


def rviz(given):
    """Return rviz2 with our configuration."""
    if given['rviz'] != 'true':
        return []
    config = os.path.join(share('yolo12_ros'), 'config', 'yolo12.rviz')
    return [Node(package='rviz2', executable='rviz2', arguments=['-d', config],
                 remappings=[('/yolo12/render', f'{prefix_of(given)}/yolo12/render')])]


def prefix_of(given):
    """Return what stands before the node's topics, '' without a namespace."""
    return f'/{given["namespace"].strip("/")}'.rstrip('/')


def include(package, name, arguments):
    """Return the inclusion of another package's launch file."""
    path = os.path.join(share(package), 'launch', f'{name}.launch.py')
    return IncludeLaunchDescription(PythonLaunchDescriptionSource(path),
                                    launch_arguments=list(arguments.items()))


def share(package):
    """Return a package's share folder; say what to install if it is not there."""
    try:
        return get_package_share_directory(package)
    except PackageNotFoundError as e:
        raise RuntimeError(f'the package {package} is not installed: sudo apt install '
                           f'tros-humble-{package.replace("_", "-")} (on an RDK X5), or choose '
                           'other arguments, such as camera:=none web:=none') from e
