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

"""The YAML that hb_mapper makertbin reads, for a YOLO12 with NV12 input on the RDK X5."""
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Sequence, Tuple

from ..errors import ConfigError

# The attention's softmax in int8 on the BPU, as the RDK Model Zoo compiles YOLO12.
SOFTMAX = 'set_Softmax_input_int8,set_Softmax_output_int8'
# With both, hb_mapper 1.24.3 leaves every node in int8.
PRECISIONS = {'int8': SOFTMAX, 'int16': 'set_all_nodes_int16'}
# How ranges are chosen: (calibration_type, max_percentile).  default tries all of them and takes
# the one with the best cosine similarity, which need not be the one that keeps most AP.
METHODS = {'default': ('default', None), 'percentile': ('max', 0.99995), 'max': ('max', None),
           'kl': ('kl', None)}
PLACES = {'int8': ('BPU', 'int8'), 'int16': ('BPU', 'int16'), 'cpu': ('CPU', '')}


@dataclass(frozen=True)
class MapperConfig:
    """
    What differs from model to model.

    onnx, calibration, working: absolute paths.  prefix: name of the .bin without suffix.
    precision: a key of PRECISIONS.  nodes: (name, a key of PLACES) of nodes treated otherwise.
    method: a key of METHODS.
    """

    onnx: Path
    calibration: Path
    working: Path
    prefix: str
    precision: str = 'int8'
    nodes: Tuple[Tuple[str, str], ...] = ()
    march: str = 'bayes-e'
    optimize_level: str = 'O3'
    jobs: int = 2
    method: str = 'default'

    @property
    def model(self) -> Path:
        """Return the .bin that makertbin will write."""
        return self.working / f'{self.prefix}.bin'

    def yaml(self) -> str:
        """Return the text; strings are quoted as JSON, which YAML contains."""
        text = json.dumps
        kind, percentile = METHODS[self.method]
        lines = [
            'model_parameters:',
            f'  onnx_model: {text(str(self.onnx))}',
            f'  march: {text(self.march)}',
            '  layer_out_dump: False',
            f'  working_dir: {text(str(self.working))}',
            f'  output_model_file_prefix: {text(self.prefix)}',
            *self._node_lines(),
            'input_parameters:',
            '  input_name: ""',
            '  input_type_rt: "nv12"',
            '  input_type_train: "rgb"',
            '  input_layout_train: "NCHW"',
            '  norm_type: "data_scale"',
            '  scale_value: 0.003921568627451',        # 1 / 255
            'calibration_parameters:',
            f'  cal_data_dir: {text(str(self.calibration))}',
            '  cal_data_type: "float32"',
            f'  calibration_type: {text(kind)}',
            *([f'  max_percentile: {percentile}'] if percentile else []),
            f'  optimization: {text(PRECISIONS[self.precision])}',
            'compiler_parameters:',
            f'  jobs: {self.jobs}',
            '  compile_mode: "latency"',
            '  debug: True',
            f'  optimize_level: {text(self.optimize_level)}',
        ]
        return '\n'.join(lines) + '\n'

    def _node_lines(self):
        if not self.nodes:
            return []
        lines = ['  node_info:']
        for name, place in self.nodes:
            device, dtype = PLACES[place]
            options = {'ON': device}
            if dtype:
                options.update(InputType=dtype, OutputType=dtype)
            lines.append(f'    {json.dumps(name)}: {json.dumps(options)}')
        return lines


def node_options(texts: Sequence[str]) -> Tuple[Tuple[str, str], ...]:
    """Read "NODE=int16" arguments.  Raises ConfigError."""
    pairs = []
    for text in texts:
        name, _, place = text.rpartition('=')
        if not name or place not in PLACES:
            raise ConfigError(f'--node {text}: expected NODE=PLACE with PLACE one of '
                              f'{", ".join(PLACES)}')
        pairs.append((name, place))
    return tuple(pairs)
