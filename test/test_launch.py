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
"""What the launch files include and start, for every combination, with stub TROS packages."""
import itertools
from pathlib import Path

import launch_stub
import pytest

LAUNCH = Path(__file__).resolve().parents[1] / 'launch'
YOLO12 = LAUNCH / 'yolo12.launch.py'
TROS = {'hobot_shm': ['hobot_shm'], 'mipi_cam': ['mipi_cam'], 'hobot_usb_cam': ['hobot_usb_cam'],
        'hobot_codec': ['hobot_codec_encode', 'hobot_codec_decode'], 'websocket': ['websocket'],
        'hobot_image_publisher': ['hobot_image_publisher']}
EMPTY = ('from launch import LaunchDescription\n\n\n'
         'def generate_launch_description():\n    return LaunchDescription()\n')
SHM = 'hobot_shm/hobot_shm.launch.py'
ENCODE, DECODE = ('hobot_codec/hobot_codec_encode.launch.py',
                  'hobot_codec/hobot_codec_decode.launch.py')
WEB = 'websocket/websocket.launch.py'
# (camera, transport): what comes before the codec, the codec, the topic that the node reads
CAMERAS = {
    ('mipi', 'ros'): ('mipi_cam/mipi_cam.launch.py', ENCODE, '/image_raw'),
    ('mipi', 'shared_mem'): ('mipi_cam/mipi_cam.launch.py', ENCODE, '/hbmem_img'),
    ('usb', 'ros'): ('hobot_usb_cam/hobot_usb_cam.launch.py', DECODE, '/image_nv12'),
    ('usb', 'shared_mem'): ('hobot_usb_cam/hobot_usb_cam.launch.py', DECODE, '/hbmem_img'),
    ('image', 'ros'): ('yolo12_image_source', None, '/image'),
    ('image', 'shared_mem'): ('hobot_image_publisher/hobot_image_publisher.launch.py', ENCODE,
                              '/hbmem_img'),
    ('none', 'ros'): (None, None, '/image'),
    ('none', 'shared_mem'): (None, None, '/hbmem_img'),
}


@pytest.fixture(params=['stand-in', 'launch'])
def describe(request):
    """Return what describes a launch file: by our stand-in, and by the real launch."""
    if request.param == 'stand-in':
        return launch_stub.describe
    pytest.importorskip('launch_ros', reason='launch_ros comes with ROS')
    import launch_real
    return launch_real.describe


@pytest.fixture
def board(tmp_path, monkeypatch):
    """Make an ament prefix with stub TROS packages."""
    pytest.importorskip('ament_index_python', reason='ament_index_python comes with ROS')
    index = tmp_path / 'share' / 'ament_index' / 'resource_index' / 'packages'
    index.mkdir(parents=True)
    for package, files in TROS.items():
        (index / package).touch()
        folder = tmp_path / 'share' / package / 'launch'
        folder.mkdir(parents=True)
        for file in files:
            (folder / f'{file}.launch.py').write_text(EMPTY)
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))


def arguments(camera, transport, **more):
    return {'camera': camera, 'transport': transport,
            **({'image': '/pictures/photo.jpg'} if camera == 'image' else {}), **more}


@pytest.mark.parametrize('camera, transport', CAMERAS)
@pytest.mark.parametrize('web, web_image', [
    ('none', 'camera'), ('tros', 'camera'), ('tros', 'render')])
def test_every_combination(describe, board, camera, transport, web, web_image):
    found = describe(YOLO12, **arguments(camera, transport, web=web, web_image=web_image))
    source, codec, topic = CAMERAS[camera, transport]
    if codec == ENCODE and (web, web_image) != ('tros', 'camera'):
        codec = None            # nobody would look at the JPEG
    tros = web == 'tros' or '/' in (source or '')
    expected = [SHM if tros else None, source, codec, 'yolo12_node',
                WEB if web == 'tros' else None]
    assert found.order == [name for name in expected if name]
    shared = transport == 'shared_mem'
    assert parameters(found) == ({} if (camera, transport) == ('none', 'ros') else {
        'is_shared_mem_sub': int(shared),       # the rest is the node's default, or params_file's
        'sharedmem_img_topic_name' if shared else 'ros_img_topic_name': topic})


def parameters(found):
    """Return what the launch file itself sets."""
    return next((p for p in found.nodes[-1]['parameters'] if isinstance(p, dict)), {})


def include(found, name):
    return dict(found.includes)[name]


def test_mipi(describe, board):
    found = describe(YOLO12, **arguments('mipi', 'shared_mem', web='tros', image_width='1920',
                                         image_height='1080', device='imx219', framerate='15'))
    assert include(found, 'mipi_cam/mipi_cam.launch.py') == {
        'mipi_image_width': '1920', 'mipi_image_height': '1080', 'mipi_image_framerate': '15.0',
        'mipi_io_method': 'shared_mem', 'mipi_frame_ts_type': 'realtime',
        'mipi_video_device': 'imx219'}
    encode = include(found, ENCODE)
    assert (encode['codec_in_mode'], encode['codec_sub_topic'], encode['codec_pub_topic']) == \
        ('shared_mem', '/hbmem_img', '/image')


def test_usb(describe, board):
    found = describe(YOLO12, **arguments('usb', 'ros', device='/dev/video0'))
    camera = include(found, 'hobot_usb_cam/hobot_usb_cam.launch.py')
    assert camera['usb_video_device'] == '/dev/video0' and camera['usb_pixel_format'] == 'mjpeg'
    decode = include(found, DECODE)
    assert (decode['codec_in_format'], decode['codec_out_mode'], decode['codec_out_format'],
            decode['codec_sub_topic'], decode['codec_pub_topic']) == \
        ('jpeg', 'ros', 'nv12', '/image', '/image_nv12')


def test_encoder_and_decoder_have_channels_of_their_own(describe, board):
    encode = include(describe(YOLO12, **arguments('mipi', 'ros', web='tros')), ENCODE)
    decode = include(describe(YOLO12, **arguments('usb', 'ros')), DECODE)
    assert encode['codec_channel'] != decode['codec_channel']


@pytest.mark.parametrize('namespace, prefix', [('', ''), ('robot', '/robot')])
@pytest.mark.parametrize('web_image', ['camera', 'render'])
def test_web(describe, board, namespace, prefix, web_image):
    found = describe(YOLO12, **arguments('usb', 'ros', web='tros', web_image=web_image,
                                         namespace=namespace))
    drawn = web_image == 'render'
    assert include(found, WEB) == {
        'websocket_image_topic': f'{prefix}/yolo12/render/compressed' if drawn else '/image',
        'websocket_image_type': 'mjpeg', 'websocket_only_show_image': str(drawn),
        'websocket_smart_topic': f'{prefix}/hobot_dnn_detection'}
    assert (found.nodes[-1]['namespace'] or '') == namespace


def test_names_of_dnn_node_example(describe, board):
    found = describe(YOLO12, camera='usb', dnn_example_config_file='my.json',
                     dnn_example_image_width='640', dnn_example_image_height='480',
                     dnn_example_dump_render_img='1', dnn_example_msg_pub_topic_name='smart')
    given = parameters(found)
    assert given['config_file'] == 'my.json' and given['dump_render_img'] == 1
    assert given['msg_pub_topic_name'] == 'smart'
    camera = include(found, 'hobot_usb_cam/hobot_usb_cam.launch.py')
    assert (camera['usb_image_width'], camera['usb_image_height']) == ('640', '480')


@pytest.mark.parametrize('cam_type, camera', [
    ('usb', 'usb'), ('mipi', 'mipi'), ('fb', 'image'), ('other', 'none'), (None, 'none')])
def test_cam_type(describe, monkeypatch, cam_type, camera):
    monkeypatch.delenv('CAM_TYPE', raising=False)
    if cam_type:
        monkeypatch.setenv('CAM_TYPE', cam_type)
    found = describe(YOLO12, camera='none')
    assert next(a.default for a in found.declared if a.name == 'camera') == camera


@pytest.mark.parametrize('given, words', [
    ({'camera': 'usb', 'image_width': '650'}, 'image_width is 650: hobot_codec needs a multiple'),
    ({'camera': 'image'}, 'needs image:=PATH'),
    ({'image_width': 'abc'}, "image_width is 'abc': expected a number"),
    ({'framerate': 'fast'}, "framerate is 'fast': expected a number"),
    ({'dnn_example_dump_render_img': 'yes'}, "dump_render_img is 'yes': expected a number"),
    ({'camera': 'mipi'}, 'mipi_cam is not installed: sudo apt install tros-humble-mipi-cam'),
    ({'camera': 'none', 'web': 'tros'}, 'tros-humble-websocket')])
def test_errors_on_a_pc(describe, given, words):
    with pytest.raises(RuntimeError, match=words):
        describe(YOLO12, **given)


@pytest.mark.parametrize('path', sorted(LAUNCH.glob('*.launch.py')), ids=lambda p: p.stem)
def test_every_argument_is_described(describe, path):
    given = {'image': 'photo.jpg'} if 'offline' in path.name else {}
    declared = describe(path, **given).declared
    assert declared and all(a.description for a in declared)


def test_respawn_and_params_file():
    node = launch_stub.describe(YOLO12, camera='none', params_file='my.yaml', respawn='true',
                                log_level='debug', use_sim_time='true').nodes[0]
    assert node['respawn'] and node['respawn_delay'] == 2.0
    assert node['parameters'][0] == 'my.yaml' and node['parameters'][1]['use_sim_time'] is True
    assert node['arguments'][-1] == 'yolo12:=debug'


def test_a_params_file_alone_decides_where_no_camera_does():
    node = launch_stub.describe(YOLO12, camera='none', params_file='my.yaml').nodes[0]
    assert node['parameters'] == ['my.yaml']


@pytest.mark.parametrize('file', ['yolo12', 'multi_camera'])
@pytest.mark.parametrize('namespace, name', [
    ('', 'yolo12'), ('robot', 'robot.yolo12'), ('/a/b/', 'a.b.yolo12')])
def test_the_logger_of_a_namespace(file, namespace, name):
    node = launch_stub.describe(LAUNCH / f'{file}.launch.py', namespace=namespace,
                                log_level='error').nodes[0]
    assert node['arguments'][-1] == f'{name}:=error'


def test_rviz_follows_the_namespace(board, tmp_path):
    (tmp_path / 'share' / 'ament_index' / 'resource_index' / 'packages' / 'yolo12_ros').touch()
    (tmp_path / 'share' / 'yolo12_ros').mkdir()
    found = launch_stub.describe(YOLO12, camera='none', rviz='true', namespace='robot')
    rviz = next(n for n in found.nodes if n['executable'] == 'rviz2')
    assert list(map(tuple, rviz['remappings'])) == [('/yolo12/render', '/robot/yolo12/render')]


def test_an_absolute_topic_of_results_stays_so_for_the_page(describe, board):
    found = describe(YOLO12, **arguments('usb', 'ros', web='tros', namespace='robot',
                                         dnn_example_msg_pub_topic_name='/smart'))
    assert include(found, WEB)['websocket_smart_topic'] == '/smart'


def test_offline(describe):
    found = describe(LAUNCH / 'offline.launch.py', image='pictures', model_file='m.onnx')
    assert sorted(found.order) == ['yolo12_image_source', 'yolo12_node', 'yolo12_recorder']
    source = next(n for n in found.nodes if n['executable'] == 'yolo12_image_source')
    assert source['parameters'][0]['source'] == 'pictures'
    assert source['parameters'][0]['loop'] is False


def test_multi_camera(describe):
    found = describe(LAUNCH / 'multi_camera.launch.py', image_topics='/a, /b/c')
    assert list(found.nodes[0]['parameters'][0]['image_topics']) == ['/a', '/b/c']
    with pytest.raises(RuntimeError, match='image_topics is empty'):
        describe(LAUNCH / 'multi_camera.launch.py', image_topics=' , ')


def test_no_combination_was_forgotten():
    assert set(CAMERAS) == set(itertools.product(('mipi', 'usb', 'image', 'none'),
                                                 ('ros', 'shared_mem')))
