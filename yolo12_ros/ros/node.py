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

"""The node `yolo12`: wiring of parameters, inputs, pipeline and outputs."""
from dataclasses import replace
from functools import partial
from pathlib import Path
import re
import sys
from typing import Any, Dict, List, Optional, Set, Tuple

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Header
from std_srvs.srv import SetBool

from .diagnostics import Diagnostics
from .image_input import ImageInput
from .local_picture import decoder, when_heard
from .messages import image_to_nv12, label_message
from .output import CameraOutput
from .parameters import (check_change, declare, live_settings, TABLE, THRESHOLDS,
                         topic_name)
from .perception import PerceptionOutput
from .process import run_node
from .shared_memory import hbm_header, hbm_to_nv12
from .. import __version__
from ..backends import open_model
from ..config import Config, find_file, load_config
from ..detector import Detector
from ..errors import ConfigError, InferenceTimeout, Yolo12Error
from ..pipeline import Frame, Pipeline

DEFAULT_CONFIG = 'config/yolo12n.json'


class Yolo12Node(Node):
    """
    Subscribes to images, publishes detections.

    Raises Yolo12Error when it cannot start; the message is for the person at the terminal.
    """

    def __init__(self, **options):
        super().__init__('yolo12', **options)
        self._said: Set[str] = set()
        self._values, self._config = self._configure()
        self._local_picture = None if self._values['feed_type'] else decoder(self._values)
        model = open_model(self._config.model_file, self._values['backend'],
                           self._values['in_flight'], **self._backend_options())
        self._detector = Detector(model, self._config, self._values['letterbox'])
        cameras = camera_names(self._topics())
        several = any(self._values['image_topics'])
        self._pipeline = Pipeline(self._detector, list(cameras), self._on_result,
                                  self._on_failure, self._values['infer_timeout'])
        self._outputs = {name: self._output(name, several) for name in cameras}
        self._inputs = self._subscribe(cameras) if self._values['feed_type'] else {}
        self._offer_state()
        self._apply_live()
        self._log_start()
        self._pipeline.start()
        if not self._values['feed_type']:
            self._feed_file()

    def destroy_node(self) -> None:
        """Stop the threads, free the model, then the node."""
        self._pipeline.stop()
        for output in self._outputs.values():
            output.close()
        self._detector.model.close()
        super().destroy_node()

    # ---- start ----

    def _configure(self) -> Tuple[Dict[str, Any], Config]:
        """Declare the parameters; the JSON's thresholds are their defaults."""
        first = declare(self, ('config_file', 'model_file'))
        config = self._load(first)
        names = [p.name for p in TABLE if p.name not in first]
        defaults = {name: getattr(config.settings, name) for name in THRESHOLDS}
        values = {**first, **declare(self, names, defaults)}
        settings = live_settings(config.settings, values, config.labels)
        return values, replace(config, settings=settings)

    def _load(self, values: Dict[str, Any]) -> Config:
        name = values['config_file'] or DEFAULT_CONFIG
        file, places = find_file(name, Path.cwd())
        if file is None:
            raise ConfigError(f'config_file {name!r} does not exist; looked for '
                              f'{", ".join(map(str, places))}')
        config = load_config(file)
        return config.with_model(values['model_file']) if values['model_file'] else config

    def _backend_options(self) -> Dict[str, Any]:
        is_onnx = self._config.model_file.suffix.lower() == '.onnx'
        return {**self._config.model_options(),
                **({'threads': self._values['threads']} if is_onnx else {})}

    def _topics(self) -> List[str]:
        several = [topic for topic in self._values['image_topics'] if topic]
        parameter = 'image_topics' if several else (
            'sharedmem_img_topic_name' if self._values['is_shared_mem_sub']
            else 'ros_img_topic_name')
        return [topic_name(self, parameter, topic)
                for topic in several or [self._values[parameter]]]

    def _subscribe(self, cameras: Dict[str, str]) -> Dict[str, ImageInput]:
        shared = bool(self._values['is_shared_mem_sub'])
        transport = 'shared_mem' if shared else self._values['image_transport']
        return {name: ImageInput(self, topic, transport, self._values['image_reliability'],
                                 partial(self._on_image, name, shared),
                                 self._values['watchdog_period'])
                for name, topic in cameras.items()}

    def _offer_state(self) -> None:
        """Publish labels and diagnostics, and take live changes."""
        self._labels = self.create_publisher(
            type(self._label_message()), '~/label_info',
            QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        self._labels.publish(self._label_message())
        self._diagnostics = Diagnostics(
            self.get_name(), self._detector.model.backend, self._pipeline, self._inputs,
            self._values['watchdog_period'], self._values['error_after'])
        self._diagnostics_publisher = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self.create_service(SetBool, '~/enable', self._on_enable)
        self.add_on_set_parameters_callback(self._on_parameters)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0, self._publish_diagnostics, clock=steady)
        if self._values['log_period'] > 0:
            self.create_timer(self._values['log_period'], self._log_rates, clock=steady)

    def _output(self, camera: str, several: bool) -> CameraOutput:
        statistics = self._pipeline.statistics[camera]
        output = CameraOutput(self, f'~/{camera}' if several else '~', self._config.labels,
                              statistics, bool(self._values['dump_render_img']))
        topic = self._values['msg_pub_topic_name']
        topic_name(self, 'msg_pub_topic_name', topic)
        try:
            output.perception = PerceptionOutput(
                self, f'{topic}/{camera}' if several else topic,
                self._config.model_name or self._detector.model.name, self._config.labels,
                statistics)
        except ImportError:
            self._once(f'ai_msgs is not installed: {topic} is not published')
        return output

    def _label_message(self):
        header = Header(stamp=self.get_clock().now().to_msg())
        return label_message(self._config.labels, self._detector.settings.score_threshold,
                             str(self._config.path), header)

    def _log_start(self) -> None:
        """Print one block that says what runs."""
        config, detector, model = self._config, self._detector, self._detector.model
        width, height = model.input_size
        lines = [f'yolo12_ros {__version__}',
                 f'  config    {config.path}',
                 f'  model     {config.model_file} ({model.name})',
                 f'  backend   {model.backend}, {self._values["in_flight"]} in flight',
                 f'  input     {width}x{height} nv12, {detector.mode}',
                 *(f'  stride {h.stride:<3d}class {model.outputs[h.class_index].name}, '
                   f'box {model.outputs[h.box_index].name}'
                   f' ({model.outputs[h.box_index].dtype})' for h in detector.heads),
                 f'  labels    {len(config.labels)}: {", ".join(config.labels[:4])}, ... '
                 f'({config.labels_file or "built in"})',
                 f'  keep      score >= {detector.settings.score_threshold}, '
                 f'IoU {detector.settings.nms_threshold}, '
                 f'at most {detector.settings.nms_top_k}',
                 *(f'  subscribe {source.describe()}' for source in self._inputs.values()),
                 *(f'  publish   {output.topic}' for output in self._outputs.values())]
        self.get_logger().info('\n'.join(lines))
        for warning in (*config.warnings, *detector.notes, *filter(None, [model.limits])):
            self.get_logger().warning(warning)

    def _feed_file(self) -> None:
        """Detect the local picture; who was started beside the node gets a moment to subscribe."""
        camera, output = next(iter(self._outputs.items()))
        when_heard(self, lambda: output.is_subscribed, lambda: self._pipeline.put(
            Frame(camera, Header(frame_id='feedback'), self._local_picture)))

    # ---- frames ----

    def _on_image(self, camera: str, shared: bool, message) -> None:
        if not self._values['enabled']:
            return
        if shared:
            frame = Frame(camera, hbm_header(message), partial(hbm_to_nv12, message))
        else:
            frame = Frame(camera, message.header, partial(image_to_nv12, message))
        self._pipeline.put(frame)

    def _on_result(self, frame: Frame) -> None:
        self._outputs[frame.camera].publish(frame)
        if not self._values['feed_type']:
            found, labels = frame.detections, self._config.labels
            self.get_logger().info('\n'.join(
                [f'{self._values["image"]}: {len(found)} found',
                 *(f'  {labels[c]:<16} {s:.3f}  ' + ' '.join(f'{v:.1f}' for v in box)
                   for c, s, box in zip(found.class_ids, found.scores, found.boxes))]))

    def _on_failure(self, frame: Frame, error: Exception) -> None:
        if not self.context.ok():       # Ctrl-C came while a result was on its way out
            return
        kind = '' if isinstance(error, Yolo12Error) else f'{type(error).__name__}: '
        hint = ': raise infer_timeout if the model is that slow' \
            if isinstance(error, InferenceTimeout) else ''
        self._once(f'{frame.camera}: {kind}{error}{hint}', error=True)

    def _once(self, text: str, error: bool = False) -> None:
        """Log a sentence once; sentences that differ in numbers and bytes only are the same."""
        key = re.sub(r'\b[0-9a-f]{6,}|\d+', '#', text)
        if key not in self._said:
            self._said.add(key)
            if error:       # two lines of code: rclpy allows one severity for each
                self.get_logger().error(f'{text} (said once; see the counts)')
            else:
                self.get_logger().info(text)

    # ---- live changes ----

    def _on_parameters(self, parameters: List[Parameter]) -> SetParametersResult:
        result = check_change(parameters)
        if not result.successful:
            return result
        values = {p.name: p.value for p in parameters if p.name in self._values}
        try:
            settings = live_settings(self._detector.settings, values, self._config.labels)
        except ConfigError as e:
            return SetParametersResult(successful=False, reason=str(e))
        self._values.update(values)
        self._detector.settings = settings
        self._apply_live()
        if 'score_threshold' in values:
            self._labels.publish(self._label_message())
        return result

    def _apply_live(self) -> None:
        for output in self._outputs.values():
            output.max_rate = self._values['render_max_rate']
            output.jpeg_quality = self._values['jpeg_quality']

    def _on_enable(self, request, response):
        result = self.set_parameters([Parameter('enabled', value=request.data)])[0]
        response.success = result.successful
        response.message = 'enabled' if self._values['enabled'] else 'disabled'
        return response

    # ---- once a second ----

    def _publish_diagnostics(self) -> None:
        self._diagnostics_publisher.publish(self._diagnostics.message(
            self.get_clock().now().to_msg(), self._values['enabled']))

    def _log_rates(self) -> None:
        """Log one line for each camera that had frames."""
        for camera, statistics in self._pipeline.statistics.items():
            totals = statistics.totals()
            if not statistics.recent('received'):
                continue
            failed = sum(n for event, n in totals.items() if event.startswith('failed_'))
            latency = statistics.summary('latency')
            self.get_logger().info(
                f'{camera}: {statistics.rate("received"):.1f} images/s in, '
                f'{statistics.rate("processed"):.1f} results/s out, '
                f'latency p50 {latency.p50:.0f} p95 {latency.p95:.0f} ms, '
                f'{totals.get("dropped", 0)} dropped for newer ones, {failed} failed')


def camera_names(topics: List[str]) -> Dict[str, str]:
    """
    Return {camera name: topic}; the name is the topic's last part, or all parts if those collide.

    Raises ConfigError for a topic that is given twice.
    """
    short = [topic.strip('/').split('/')[-1] for topic in topics]
    long = [topic.strip('/').replace('/', '_') for topic in topics]
    names = short if len(set(short)) == len(short) else long
    if len(set(names)) != len(names):
        raise ConfigError(f'image_topics is {topics}: expected topics that differ, also with _ '
                          'for /, as in the names of the outputs')
    return dict(zip(names, topics))


def main(args: Optional[List[str]] = None) -> int:
    """Run the node until SIGINT or SIGTERM; exit code 1 if it cannot start."""
    return run_node('yolo12_node', Yolo12Node, args)


if __name__ == '__main__':
    sys.exit(main())
