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

"""/diagnostics: input and output of each camera, and the inference they share."""
from typing import Dict, List

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from .image_input import ImageInput
from ..pipeline import Pipeline
from ..timing import Statistics

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


class Diagnostics:
    """
    Builds the DiagnosticArray of the node.

    error_after: failed inferences in a row that make an ERROR.  hardware_id: the backend.
    """

    def __init__(self, node_name: str, hardware_id: str, pipeline: Pipeline,
                 inputs: Dict[str, ImageInput], watchdog_period: float, error_after: int):
        self._name = node_name
        self._hardware_id = hardware_id
        self._pipeline = pipeline
        self._several = len(pipeline.statistics) > 1
        self._inputs = inputs
        self._watchdog_period = watchdog_period
        self._error_after = error_after

    def message(self, stamp, enabled: bool) -> DiagnosticArray:
        """Return the state now."""
        statuses = [self._inference()]
        for camera, statistics in self._pipeline.statistics.items():
            if camera in self._inputs:      # none for a local file
                statuses.append(self._input(camera, self._inputs[camera], statistics, enabled))
            statuses.append(self._output(camera, statistics))
        message = DiagnosticArray(status=statuses)
        message.header.stamp = stamp
        return message

    def _inference(self) -> DiagnosticStatus:
        failures = self._pipeline.failures_in_row
        if failures >= self._error_after:
            level, text = ERROR, f'{failures} inferences in a row failed'
        elif failures:
            level, text = WARN, f'the last {failures} inferences failed'
        else:
            level, text = OK, 'running'
        values = []
        for camera, statistics in self._pipeline.statistics.items():
            for stage, times in statistics.stages().items():
                name = f'{camera} {stage}' if self._several else stage
                values += [(f'{name} mean ms', f'{times.mean:.2f}'),
                           (f'{name} p95 ms', f'{times.p95:.2f}')]
        return self._status('inference', level, text, values)

    def _input(self, camera: str, source: ImageInput, statistics: Statistics,
               enabled: bool) -> DiagnosticStatus:
        level, text = OK, 'images arrive'
        if not enabled:
            text = 'disabled'
        elif source.quiet_seconds > self._watchdog_period:
            level, text = WARN, source.last_warning or 'no image'
        elif statistics.recent('failed_image'):
            level, text = WARN, 'images arrive that cannot be used: the log says why'
        totals = statistics.totals()
        bad = totals.get('failed_image', 0)
        return self._status(self._component('input', camera), level, text, [
            ('topic', source.describe()), ('rate', f'{statistics.rate("received"):.1f}'),
            ('received', str(totals.get('received', 0))),
            ('dropped for a newer frame', str(totals.get('dropped', 0))),
            ('unusable', str(bad)), ('seconds since the last', f'{source.quiet_seconds:.1f}')])

    def _output(self, camera: str, statistics: Statistics) -> DiagnosticStatus:
        totals = statistics.totals()
        failed = {k[len('failed_'):]: n for k, n in totals.items()
                  if k.startswith('failed_') and k != 'failed_image'}
        now = {k: n for k in failed if (n := statistics.recent(f'failed_{k}'))}
        return self._status(self._component('output', camera), WARN if now else OK,
                            f'failures: {now}' if now else 'running', [
            ('rate', f'{statistics.rate("processed"):.1f}'),
            ('published', str(totals.get('processed', 0))),
            *[(f'failed: {cause}', str(n)) for cause, n in failed.items()]])

    def _component(self, name: str, camera: str) -> str:
        return f'{name} {camera}' if self._several else name

    def _status(self, component: str, level: bytes, text: str, values: List) -> DiagnosticStatus:
        return DiagnosticStatus(
            level=level, name=f'{self._name}: {component}', message=text,
            hardware_id=self._hardware_id, values=[KeyValue(key=k, value=v) for k, v in values])
