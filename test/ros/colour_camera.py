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

"""The node on a model that sees coloured cells, and a camera that shows it some."""
from graph import Client, corners, LIMIT, NODE, Process
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.srv import GetParameters, SetParameters
import rclpy
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
import tiny_model
from vision_msgs.msg import Detection2DArray

from yolo12_ros.images import Nv12Image
from yolo12_ros.ros.messages import (encode_jpeg, jpeg_to_message, nv12_to_message,
                                     picture_to_message)

MAKE = {'nv12': lambda bgr, header: nv12_to_message(Nv12Image.from_bgr(bgr), header),
        'bgr8': picture_to_message,
        'jpeg': lambda bgr, header: jpeg_to_message(encode_jpeg(bgr, 95), header)}


class ColourCamera:
    """
    A running node and a camera on its topic, /NAME/image.

    folder: for configuration and log.  client: whose node to use, None for one of its own.
    encoding: key of MAKE.  config: keys of the configuration.  parameters: of the node.
    """

    def __init__(self, folder, client=None, name='yolo12', encoding='nv12', config=(),
                 **parameters):
        self.client = client or Client()
        self.node = self.client.node
        self.name = name
        self._owns_client = client is None
        self.config = tiny_model.write(folder, **dict(config))
        self.process = Process(
            folder, NODE, '--ros-args', '-r', f'__node:={name}', '--', config_file=self.config,
            ros_img_topic_name=f'/{name}/image', log_period=0.0, **parameters)
        self.found = self.client.collect(Detection2DArray, f'/{name}/detections')
        self._encoding = encoding
        self._number = 0
        self._publisher = self.node.create_publisher(
            CompressedImage if encoding == 'jpeg' else Image, f'/{name}/image', 1)

    def message(self, cells=(), size=(64, 64)):
        """Return a picture as a message whose stamp is its own."""
        self._number += 1
        header = Header(frame_id=f'camera {self._number}')
        header.stamp.sec, header.stamp.nanosec = self._number, 123_456_789
        return MAKE[self._encoding](tiny_model.picture(cells, size), header)

    def detect(self, cells=(), size=(64, 64)):
        """Show a picture, again if it was lost, and return its Detection2DArray."""
        message = self.message(cells, size)
        self.client.until(lambda: [m for m in self.found if m.header == message.header],
                          lambda: self._publisher.publish(message), process=self.process)
        return next(m for m in self.found if m.header == message.header)

    def see(self, cells=(), size=(64, 64)):
        """Show a picture; return {(class name, box), ...} in whole pixels."""
        return {(d.results[0].hypothesis.class_id, tuple(round(v) for v in corners(d)))
                for d in self.detect(cells, size).detections}

    def until(self, condition, **options):
        """Spin until a condition holds while the node runs."""
        self.client.until(condition, process=self.process, **options)

    def call(self, service, kind, request):
        """Call a service of the node and return its response."""
        caller = self.node.create_client(kind, f'/{self.name}/{service}')
        assert caller.wait_for_service(LIMIT), self.process.log
        for _ in range(5):  # DDS loses a response that is sent before the two know each other
            future = caller.call_async(request)
            rclpy.spin_until_future_complete(self.node, future, timeout_sec=3)
            if future.done():
                self.node.destroy_client(caller)
                return future.result()
        raise AssertionError(f'{service} did not answer\n{self.process.log}')

    def set(self, **values):
        """Set parameters at once, one after the other; return the reasons of refusals."""
        results = self.call('set_parameters', SetParameters, SetParameters.Request(parameters=[
            ParameterMessage(name=name, value=Parameter(name, value=value).get_parameter_value())
            for name, value in values.items()])).results
        assert all(r.successful != bool(r.reason) for r in results), 'a refusal without a reason'
        return [r.reason for r in results if not r.successful]

    def get(self, *names):
        """Return the values of parameters."""
        values = self.call('get_parameters', GetParameters,
                           GetParameters.Request(names=names)).values
        return [rclpy.parameter.parameter_value_to_python(v) for v in values]

    def close(self):
        """End the node, which must end well, and the camera."""
        try:
            code = None if self.process.exit_code is not None else self.process.stop()
        finally:
            if self._owns_client:
                self.client.close()
        assert code in (0, None) and 'Traceback' not in self.process.log, self.process.log


def expected(*cells, size=(64, 64)):
    """Return what `see` gives for cells."""
    return {(colour if colour != 'pale' else 'red', tuple(
        round(v) for v in tiny_model.box(row, column, size))) for row, column, colour in cells}
