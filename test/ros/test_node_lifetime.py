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
"""How the node ends, several cameras, and the local picture of dnn_node_example's feed_type 0."""
import re
import signal

import cv2
from graph import DETECTIONS, image, NODE, write_config
import numpy as np
import pytest
from rclpy.time import Time
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray


@pytest.mark.parametrize('times', [1, 2])
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM], ids=['INT', 'TERM'])
def test_clean_exit(client, start, tiny, number, times):
    node = start(NODE, config_file=tiny)
    publisher = client.node.create_publisher(Image, '/image', 1)
    found = client.collect(Detection2DArray, DETECTIONS)
    client.until(lambda: found, lambda: publisher.publish(image(client)), process=node)
    assert node.stop(number, times) == 0
    assert 'Traceback' not in node.log and 'Exception' not in node.log, node.log


def test_exit_during_a_hung_inference(client, start, tiny):
    from graph import write_tiny_model
    write_tiny_model(tiny.parent, extra=['hang'])
    node = start(NODE, config_file=tiny, infer_timeout=0.3)
    publisher = client.node.create_publisher(Image, '/image', 1)
    client.until(lambda: 'did not finish in 0.3 s: raise infer_timeout' in node.log,
                 lambda: publisher.publish(image(client)), process=node)
    assert node.stop() == 0


def test_several_cameras(client, start, tiny):
    node = start(NODE, config_file=tiny, image_topics='[/left/image, /right/image]')
    found = {}
    publishers = {}
    for side in ('left', 'right'):
        publishers[side] = client.node.create_publisher(Image, f'/{side}/image', 1)
        found[side] = client.collect(Detection2DArray, f'/yolo12/{side}_image/detections')

    def publish(sides=('left', 'right')):
        for side in sides:
            message = image(client)
            message.header.frame_id = side
            publishers[side].publish(message)
    client.until(lambda: found['left'] and found['right'], publish, process=node)
    for side, messages in found.items():
        assert {m.header.frame_id for m in messages} == {side}
        stamps = [(m.header.stamp.sec, m.header.stamp.nanosec) for m in messages]
        assert stamps == sorted(stamps)
    now = client.node.get_clock().now().nanoseconds
    found['left'].clear()
    client.until(lambda: len(found['left']) > 3, lambda: publish(['left']), process=node)
    assert all(Time.from_msg(m.header.stamp).nanoseconds < now for m in found['right'])


def test_one_camera_name_for_each_topic():
    from yolo12_ros.errors import ConfigError
    from yolo12_ros.ros.node import camera_names
    assert camera_names(['/cam/a', '/cam/b']) == {'a': '/cam/a', 'b': '/cam/b'}
    assert list(camera_names(['/a/image', '/b/image'])) == ['a_image', 'b_image']
    with pytest.raises(ConfigError, match='topics that differ'):
        camera_names(['/a', '/a'])


def test_local_picture(client, start, tiny):
    cv2.imwrite(str(tiny.parent / 'local.png'), np.full((64, 64, 3), 90, np.uint8))
    found = client.collect(Detection2DArray, DETECTIONS)
    node = start(NODE, config_file=tiny, feed_type=0, image='local.png', dump_render_img=1)
    dumped = tiny.parent / 'render_feedback_0_0.jpeg'
    client.until(dumped.is_file, process=node)
    client.until(lambda: cv2.imread(str(dumped)) is not None, process=node)
    assert cv2.imread(str(dumped)).shape == (64, 64, 3)
    assert all(m.header.frame_id == 'feedback' for m in found)
    node.wait_for('local.png: 1 found')


def test_a_local_picture_waits_for_who_was_started_with_the_node(client, start, tiny):
    cv2.imwrite(str(tiny.parent / 'local.png'), np.full((64, 64, 3), 90, np.uint8))
    found = client.collect(Detection2DArray, DETECTIONS)
    node = start(NODE, config_file=tiny, feed_type=0, image='local.png')
    client.until(lambda: found, process=node)
    assert len(found[0].detections) == 1


def test_local_raw_nv12(start, tiny, client):
    (tiny.parent / 'local.nv12').write_bytes(bytes(32 * 48))
    node = start(NODE, config_file=tiny, feed_type=0, image='local.nv12', image_type=1,
                 image_width=32, image_height=32, dump_render_img=1)
    client.until((tiny.parent / 'render_feedback_0_0.jpeg').is_file, process=node)


def test_two_nodes_share_a_camera(client, start, tiny):
    write_config(tiny.parent / 'strict.json', score_threshold=0.99)
    start(NODE, '--ros-args', '-r', '__node:=one', '--', config_file=tiny)
    start(NODE, '--ros-args', '-r', '__node:=two', '--',
          config_file=tiny.parent / 'strict.json')
    publisher = client.node.create_publisher(Image, '/image', 1)
    one = client.collect(Detection2DArray, '/one/detections')
    two = client.collect(Detection2DArray, '/two/detections')
    client.until(lambda: one and two, lambda: publisher.publish(image(client)))
    assert len(one[-1].detections) == 1 and len(two[-1].detections) == 0


@pytest.mark.parametrize('infer_timeout', [2.0, 60.0])
def test_exit_while_inferences_hang(client, start, tiny, infer_timeout):
    from graph import write_tiny_model
    write_tiny_model(tiny.parent, extra=['hang'])
    node = start(NODE, config_file=tiny, infer_timeout=infer_timeout, log_period=0.2)
    publisher = client.node.create_publisher(Image, '/image', 1)
    client.until(lambda: re.search(', [1-9][0-9]* dropped', node.log),
                 lambda: publisher.publish(image(client)), process=node)
    assert node.stop() == 0     # within 5 s, though all slots are busy
    assert 'Traceback' not in node.log, node.log


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM], ids=['INT', 'TERM'])
def test_a_signal_during_the_start(start, tiny, number):
    """A signal at any time after Python itself has started ends the node without a traceback."""
    script = tiny.parent / 'slow_start.py'
    script.write_text('import sys, time\n'
                      'from yolo12_ros.ros import node\n'
                      'real = node.open_model\n'
                      'def slow(*a, **k):\n'
                      '    print("loading", flush=True)\n'
                      '    end = time.monotonic() + 1\n'
                      '    while time.monotonic() < end: pass\n'
                      '    return real(*a, **k)\n'
                      'node.open_model = slow\n'
                      'sys.exit(node.main())\n')
    node = start(script, config_file=tiny)
    node.wait_for('loading')
    assert node.stop(number) == 0
    assert 'Traceback' not in node.log, node.log


def test_cameras_with_names_that_collide_are_refused():
    from yolo12_ros.errors import ConfigError
    from yolo12_ros.ros.node import camera_names
    assert set(camera_names(['/a_b/c/i', '/a/b/i'])) == {'a_b_c_i', 'a_b_i'}
    with pytest.raises(ConfigError, match='topics that differ'):
        camera_names(['/a_b/c/i', '/a/b_c/i'])


def test_nothing_is_absolute_but_diagnostics(client, start, tiny):
    node = start(NODE, '--ros-args', '-r', '__ns:=/robot/left', '--', config_file=tiny,
                 ros_img_topic_name='image', is_shared_mem_sub=0)
    node.wait_for('publish')

    def own(list_names):
        return {name for name, _ in list_names('yolo12', '/robot/left')}
    publishers = client.node.get_publisher_names_and_types_by_node
    client.until(lambda: 'yolo12' in client.node.get_node_names() and
                 '/diagnostics' in own(publishers) and '/robot/left/yolo12/enable' in
                 own(client.node.get_service_names_and_types_by_node), process=node)
    mine = own(publishers) - {'/rosout', '/parameter_events', '/diagnostics'}
    assert {'/robot/left/yolo12/detections', '/robot/left/yolo12/render/compressed'} <= mine
    assert all(name.startswith('/robot/left/') for name in mine)
    services = own(client.node.get_service_names_and_types_by_node)
    assert '/robot/left/yolo12/enable' in services
    assert all(name.startswith('/robot/left/yolo12/') for name in services)
