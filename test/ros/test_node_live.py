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
"""What changes while the node runs: parameters, enable, labels, drawn pictures."""
import time

from graph import DETECTIONS, image, NODE, SCORE, write_config
import pytest
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, GetParameters, SetParameters
import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.time import Time
from sensor_msgs.msg import CompressedImage, Image
from std_srvs.srv import SetBool
from vision_msgs.msg import Detection2DArray, LabelInfo

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def running(client, start, tiny):
    """Run the node with a camera; yields (publish, found)."""
    node = start(NODE, config_file=tiny)
    publisher = client.node.create_publisher(Image, '/image', 1)
    found = client.collect(Detection2DArray, DETECTIONS)

    def publish():
        publisher.publish(image(client))
    client.until(lambda: found, publish, process=node)
    return publish, found


def call(client, service, kind, request):
    """Call a service and return its response."""
    caller = client.node.create_client(kind, service)
    assert caller.wait_for_service(10)
    for _ in range(5):      # DDS loses a response that is sent before the two know each other
        future = caller.call_async(request)
        rclpy.spin_until_future_complete(client.node, future, timeout_sec=3)
        if future.done():
            return future.result()
    raise AssertionError(f'{service} did not answer')


def value_of(value):
    """Return a ParameterValue."""
    kinds = {bool: ('BOOL', 'bool_value'), int: ('INTEGER', 'integer_value'),
             float: ('DOUBLE', 'double_value'), str: ('STRING', 'string_value'),
             list: ('STRING_ARRAY', 'string_array_value')}
    kind, field = kinds[type(value)]
    return ParameterValue(type=getattr(ParameterType, f'PARAMETER_{kind}'), **{field: value})


def set_parameter(client, name, value):
    """Set a parameter; returns (successful, reason)."""
    response = call(client, '/yolo12/set_parameters', SetParameters, SetParameters.Request(
        parameters=[ParameterMessage(name=name, value=value_of(value))]))
    return response.results[0].successful, response.results[0].reason


def get_parameter(client, name):
    """Return a ParameterValue of the node."""
    return call(client, '/yolo12/get_parameters', GetParameters,
                GetParameters.Request(names=[name])).values[0]


@pytest.mark.parametrize('name, value, dogs', [
    ('score_threshold', 0.99, 0), ('score_threshold', 0.9, 1), ('classes', ['cat'], 0),
    ('classes', ['dog'], 1), ('nms_top_k', 1, 1), ('nms_threshold', 0.5, 1)])
def test_thresholds_take_effect(client, running, name, value, dogs):
    publish, found = running
    assert set_parameter(client, name, value) == (True, '')
    now = client.node.get_clock().now().nanoseconds
    client.until(lambda: found and Time.from_msg(found[-1].header.stamp).nanoseconds > now,
                 publish)
    assert len(found[-1].detections) == dogs


@pytest.mark.parametrize('name, value, words', [
    ('score_threshold', 1.5, 'range'), ('jpeg_quality', 0, 'range'),
    ('classes', ['dgo'], "no class 'dgo': do you mean 'dog'?"),
    ('model_file', 'other.bin', 'restart it'), ('in_flight', 4, 'restart it')])
def test_refusals_have_a_reason(client, running, name, value, words):
    successful, reason = set_parameter(client, name, value)
    assert not successful and words in reason


def test_enable(client, running):
    publish, found = running
    response = call(client, '/yolo12/enable', SetBool, SetBool.Request(data=False))
    assert (response.success, response.message) == (True, 'disabled')
    assert not get_parameter(client, 'enabled').bool_value
    now = client.node.get_clock().now().nanoseconds
    for _ in range(5):
        publish()
        client.spin(0.1)
    assert not [m for m in found if Time.from_msg(m.header.stamp).nanoseconds > now]
    found.clear()
    response = call(client, '/yolo12/enable', SetBool, SetBool.Request(data=True))
    assert response.message == 'enabled'
    client.until(lambda: found, publish)


def test_labels_are_latched(client, running):
    labels = client.collect(LabelInfo, '/yolo12/label_info', LATCHED)
    client.until(lambda: labels)
    assert [(c.class_id, c.class_name) for c in labels[0].class_map] == [(0, 'cat'), (1, 'dog')]
    assert labels[0].threshold == pytest.approx(0.25)
    set_parameter(client, 'score_threshold', 0.5)
    client.until(lambda: labels[-1].threshold == pytest.approx(0.5))


def test_drawn_pictures_have_the_header(client, running):
    publish, found = running
    pictures = client.collect(CompressedImage, '/yolo12/render/compressed')
    raw = client.collect(Image, '/yolo12/render')
    client.until(lambda: pictures and raw, publish)
    stamps = {(m.header.stamp.sec, m.header.stamp.nanosec) for m in found}
    for message in (pictures[0], raw[0]):
        assert (message.header.stamp.sec, message.header.stamp.nanosec) in stamps
        assert message.header.frame_id == 'camera'
    assert bytes(pictures[0].data[:2]) == b'\xff\xd8' and pictures[0].format == 'jpeg'
    assert (raw[0].width, raw[0].height, raw[0].encoding) == (64, 64, 'bgr8')


def test_render_max_rate(client, running):
    publish, found = running
    assert set_parameter(client, 'render_max_rate', 2.0)[0]
    pictures = client.collect(CompressedImage, '/yolo12/render/compressed')
    client.until(lambda: pictures, publish)
    pictures.clear()
    found.clear()
    start = time.monotonic()
    client.until(lambda: len(found) >= 20, publish)
    assert len(pictures) <= 2 * (time.monotonic() - start) + 2
    assert set_parameter(client, 'render_max_rate', 0.001)[0]       # a picture in 17 minutes
    client.until(lambda: len(found) >= 30, publish)
    assert set_parameter(client, 'render_max_rate', 0.0)[0]
    pictures.clear()
    client.until(lambda: pictures, publish)


@pytest.mark.parametrize('json, parameter, expected', [
    (0.6, None, 0.6), (0.6, 0.3, 0.3), (None, None, 0.4), (None, 0.3, 0.3)])
def test_precedence(client, start, tiny, json, parameter, expected):
    write_config(tiny, **({} if json is None else {'score_threshold': json}))
    if json is None:
        text = tiny.read_text().replace('"score_threshold": 0.25, ', '')
        tiny.write_text(text)
    start(NODE, config_file=tiny,
          **({} if parameter is None else {'score_threshold': parameter}))
    assert get_parameter(client, 'score_threshold').double_value == expected


def test_every_parameter_is_described(client, start, tiny):
    from yolo12_ros.ros.parameters import TABLE
    start(NODE, config_file=tiny)
    described = call(client, '/yolo12/describe_parameters', DescribeParameters,
                     DescribeParameters.Request(names=[p.name for p in TABLE])).descriptors
    for parameter, descriptor in zip(TABLE, described):
        assert descriptor.name == parameter.name and parameter.description in \
            descriptor.description
        assert ('restart' in descriptor.description) != parameter.live


def test_namespace_and_remapping(client, start, tiny):
    node = start(NODE, '--ros-args', '-r', '__ns:=/robot', '-r', '__node:=eye', '-r',
                 '/image:=/camera/front', '--', config_file=tiny)
    publisher = client.node.create_publisher(Image, '/camera/front', 1)
    found = client.collect(Detection2DArray, '/robot/eye/detections')
    client.until(lambda: found, lambda: publisher.publish(image(client)), process=node)
    assert found[0].detections[0].results[0].hypothesis.score == pytest.approx(SCORE)
