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

"""The subscription: type and QoS as the publishers offer them, and the causes of silence."""
from graph import BEST_EFFORT, RELIABLE
import pytest
import rclpy
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String

from yolo12_ros.errors import ConfigError
from yolo12_ros.ros import image_input
from yolo12_ros.ros.image_input import ImageInput, silence_cause, TRANSPORTS

IMAGE, COMPRESSED = TRANSPORTS['auto']
NAMES = {'reliable': RELIABLE, 'best_effort': BEST_EFFORT}


class Publisher:
    """Stands in for rclpy's TopicEndpointInfo."""

    def __init__(self, topic_type, name, qos=RELIABLE, namespace='/'):
        self.topic_type, self.node_name, self.node_namespace = topic_type, name, namespace
        self.qos_profile = qos


@pytest.mark.parametrize('publishers, types, ours, received, words', [
    ([], TRANSPORTS['auto'], None, False, 'it has no publisher: start the camera'),
    ([], TRANSPORTS['auto'], 'reliable', True, 'its publisher has gone'),
    ([Publisher('std_msgs/msg/String', 'chat')], TRANSPORTS['auto'], None, False,
     f'its type is std_msgs/msg/String, but {IMAGE} or {COMPRESSED} is needed'),
    ([Publisher('hbm_img_msgs/msg/HbmMsg1080P', 'mipi')], TRANSPORTS['auto'], None, False,
     'is_shared_mem_sub'),
    ([Publisher(COMPRESSED, 'codec')], TRANSPORTS['raw'], 'reliable', False, 'image_transport'),
    ([Publisher(IMAGE, 'cam', namespace='/robot'), Publisher(COMPRESSED, 'codec')],
     TRANSPORTS['auto'], 'reliable', False,
     f'two types share this topic ({IMAGE} from /robot/cam, {COMPRESSED} from /codec), {IMAGE}'),
    ([Publisher(IMAGE, 'cam', BEST_EFFORT)], TRANSPORTS['auto'], 'reliable', False,
     'the QoS does not match'),
    ([Publisher(IMAGE, 'cam', BEST_EFFORT), Publisher(IMAGE, 'other')], TRANSPORTS['auto'],
     'reliable', False, '/cam, /other is silent'),
    ([Publisher(IMAGE, 'cam')], TRANSPORTS['auto'], 'best_effort', True,
     'the publisher /cam is silent: look at its log and at `ros2 topic hz /image`')])
def test_causes_of_silence(publishers, types, ours, received, words):
    reliability = ReliabilityPolicy[ours.upper()] if ours else None
    assert words in silence_cause('/image', publishers, types, IMAGE, reliability, received)


def test_a_publisher_that_discovery_has_not_named_yet():
    unnamed = Publisher(IMAGE, '_NODE_NAME_UNKNOWN_', namespace='_NODE_NAMESPACE_UNKNOWN_')
    cause = silence_cause('/image', [unnamed], TRANSPORTS['auto'], IMAGE,
                          ReliabilityPolicy.BEST_EFFORT, False)
    assert 'the publisher of an unknown node is silent' in cause


@pytest.fixture
def listen(client):
    """Return a function that listens to /picture; gives (input, messages)."""
    inputs = []

    def start(transport='auto', reliability='auto', period=60.0):
        messages = []
        inputs.append(ImageInput(client.node, '/picture', transport, reliability,
                                 messages.append, period))
        return inputs[-1], messages
    yield start
    for each in inputs:
        each.destroy()


@pytest.fixture
def offer():
    """
    Return a function that makes a publisher on /picture in a participant of its own.

    One participant cannot have two types on a topic.
    """
    made = []

    def make(message_type, qos='reliable'):
        context = rclpy.Context()
        context.init()
        node = rclpy.node.Node('offering', context=context)
        publisher = node.create_publisher(message_type, '/picture', NAMES[qos])
        made.append((publisher, node, context))
        return publisher

    def withdraw(publisher=None):
        for entry in [e for e in made if publisher in (None, e[0])]:
            entry[1].destroy_node()
            entry[2].try_shutdown()
            made.remove(entry)
    make.withdraw = withdraw
    yield make
    withdraw()


@pytest.mark.parametrize('wanted, offers, expected', [
    ('auto', ['reliable'], 'RELIABLE'), ('auto', ['best_effort'], 'BEST_EFFORT'),
    ('auto', ['reliable', 'best_effort'], 'BEST_EFFORT'),
    ('auto', ['reliable', 'reliable'], 'RELIABLE'),
    ('best_effort', ['reliable'], 'BEST_EFFORT'), ('reliable', ['reliable'], 'RELIABLE')])
def test_reliability(client, listen, offer, wanted, offers, expected):
    source, messages = listen(reliability=wanted)
    publishers = [offer(Image, qos) for qos in offers]
    client.until(lambda: source.reliability == ReliabilityPolicy[expected])
    for publisher in publishers:    # each of them is heard
        messages.clear()
        client.until(lambda: messages, lambda p=publisher: p.publish(Image(width=7)))
        assert messages[0].width == 7
    assert source.describe() == f'/picture ({IMAGE}, {expected.lower()}, depth 1)'


def test_topics_that_are_swapped_are_swapped_once(client):
    node = rclpy.create_node('swapping', cli_args=[
        '--ros-args', '-r', '/left:=/right', '-r', '/right:=/left'])
    messages = []
    source = ImageInput(node, '/left', 'raw', 'auto', messages.append, 60.0)
    publishers = {side: client.node.create_publisher(Image, f'/{side}', 1)
                  for side in ('left', 'right')}

    def publish():
        for side, publisher in publishers.items():
            publisher.publish(Image(encoding=side))
        rclpy.spin_once(node, timeout_sec=0.01)
    client.until(lambda: len(messages) > 3 and source.reliability.name == 'RELIABLE', publish)
    assert {m.encoding for m in messages} == {'right'} and source.topic == '/right'
    node.destroy_node()


def test_type_follows_the_publisher(client, listen, offer):
    source, messages = listen()
    assert source.describe() == '/picture (waiting for a publisher)'
    for message_type in (CompressedImage, Image):
        publisher = offer(message_type)
        messages.clear()
        client.until(lambda: messages, lambda p=publisher, t=message_type: p.publish(t()))
        assert isinstance(messages[0], message_type)
        offer.withdraw(publisher)
        client.until(lambda: not client.node.count_publishers('/picture'))


def test_a_second_type_does_not_take_the_topic_over(client, listen, offer):
    source, messages = listen()
    picture = offer(Image)
    client.until(lambda: messages, lambda: picture.publish(Image()))
    for _ in range(4):                  # which one the graph names first is chance
        offer(CompressedImage)
    client.until(lambda: client.node.count_publishers('/picture') == 5)
    client.spin(0.5)
    messages.clear()
    client.until(lambda: len(messages) >= 5, lambda: picture.publish(Image()))
    assert source.type_name == IMAGE


@pytest.mark.parametrize('transport, heard', [('raw', Image), ('compressed', CompressedImage)])
def test_a_fixed_transport_reads_its_type(client, listen, offer, transport, heard):
    source, messages = listen(transport)
    publishers = [offer(t) for t in (Image, CompressedImage)]

    def publish():
        publishers[0].publish(Image())
        publishers[1].publish(CompressedImage())
    client.until(lambda: len(messages) >= 3, publish)
    assert {type(m) for m in messages} == {heard}


def test_something_else_on_the_topic_is_no_harm(client, listen, offer):
    source, messages = listen(period=0.3)
    text = offer(String)
    client.until(lambda: 'its type is std_msgs' in source.last_warning,
                 lambda: text.publish(String(data='hello')))
    publisher = offer(Image)
    client.until(lambda: messages, lambda: publisher.publish(Image()))
    assert source.last_warning == '' and source.quiet_seconds < 5


def test_without_hbm_img_msgs(client, monkeypatch):
    import sys
    monkeypatch.setitem(sys.modules, 'hbm_img_msgs.msg', None)
    with pytest.raises(ConfigError, match='hbm_img_msgs is not installed: sudo apt install'):
        image_input.ImageInput(client.node, '/x', 'shared_mem', 'auto', print, 5.0)
