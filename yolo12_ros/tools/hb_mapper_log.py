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

"""Reads what hb_mapper prints: versions, graph, stages, node table, outputs, estimates, errors."""
from dataclasses import dataclass, field, replace
import re
from typing import Dict, List, Optional, Tuple

from ..errors import ModelError

# "date time file: F func: F line No: N text" in the log file, "date time LEVEL text" on the screen
_PREFIX = re.compile(r'^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d+ '
                     r'(?:file: \S+ func: \S+ line No: \d+ ?|(?P<level>[A-Z]+) )?')
_COLOUR = re.compile('\x1b\\[[0-9;]*m')        # of the level, on the screen and in a pipe
_TITLES = re.compile(r'Cosine Similarity|In/Out DataType|L[12] Distance|Chebyshev Distance|\S+')
_TENSOR = re.compile(r'^\s+(\S+):\s+shape=\[([\d, ]+)\], dtype=(\S+)')
_ESTIMATE = re.compile(r'FPS=([\d.]+), latency = ([\d.]+) us, DDR = (\d+) bytes')
_VERSION = re.compile(r'^(hbdk|horizon_nn|hb_mapper) version (\S+)')
_SETTING = re.compile(r'^\s*(march|input_type_rt|output_model_file_prefix|working_dir|working dir'
                      r'|optimization)\s*: +(\S.*?)\s*$')
_STAGE = re.compile(r'^(Start|End) to '
                    r'((?:prepare|optimize|calibrate|quantize|compile) the .*?)\.?$')
_METHOD = re.compile(r'^(?:Select|Run calibration model with) (\S+) method')
_SAMPLES = re.compile(r'^num of calibration data: (\d+)')
_ERROR = re.compile(r'^(?:[\w.]*(?:Error|Exception)\b.*|ERROR\b.*|Segmentation fault.*|Aborted.*'
                    r'|Killed\b.*|.*core dumped.*|fatal:.*)', re.IGNORECASE)


@dataclass(frozen=True)
class Node:
    """A row of the node table.  subgraph: of the BPU, None on the CPU.  cosine: None for '--'."""

    name: str
    device: str
    subgraph: Optional[int]
    kind: str
    cosine: Optional[float] = None
    dtype: str = ''


@dataclass(frozen=True)
class Output:
    """An output: shape () where the log has no graph, cosine None where it has no such table."""

    name: str
    shape: Tuple[int, ...] = ()
    cosine: Optional[float] = None


@dataclass(frozen=True)
class Estimate:
    """The compiler's estimate for one subgraph of the BPU; DDR traffic is for one inference."""

    fps: float
    latency_us: float
    ddr_bytes: int


@dataclass(frozen=True)
class MapperLog:
    """
    What a log of hb_mapper checker or makertbin says.

    outputs: those of the graph, and those of the cosine table that the graph lacks.  stage: the
    last one begun, '' before any.  converted: the .bin was written, or, in an excerpt that does
    not show the run's beginning, the model went through all stages.
    method: of calibration.  errors: lines that report one.
    """

    versions: Dict[str, str] = field(default_factory=dict)
    settings: Dict[str, str] = field(default_factory=dict)
    inputs: Tuple[Output, ...] = ()
    outputs: Tuple[Output, ...] = ()
    nodes: Tuple[Node, ...] = ()
    estimates: Tuple[Estimate, ...] = ()
    samples: int = 0
    method: str = ''
    stage: str = ''
    converted: bool = False
    errors: Tuple[str, ...] = ()

    @property
    def cpu_nodes(self) -> Tuple[Node, ...]:
        """Return the nodes that are not on the BPU."""
        return tuple(n for n in self.nodes if n.device != 'BPU')

    @property
    def subgraphs(self) -> int:
        """Return the number of subgraphs on the BPU."""
        return len({n.subgraph for n in self.nodes if n.subgraph is not None})

    def merged(self, other: 'MapperLog') -> 'MapperLog':
        """Return the fuller of two records of one run, with the errors of both."""
        best = max((self, other), key=lambda log: (log.converted, len(log.nodes), bool(log.stage)))
        return replace(best, errors=tuple(dict.fromkeys(self.errors + other.errors)))


def message(line: str) -> Tuple[str, str]:
    """Return (text, level) of a line without its prefix; level is '' where none is printed."""
    line = _COLOUR.sub('', line)
    found = _PREFIX.match(line)
    return (line[found.end():], found['level'] or '') if found else (line, '')


def looks_like_mapper_log(text: str) -> bool:
    """Return whether a text has anything that hb_mapper prints."""
    return any(mark in text for mark in ('hb_mapper', 'horizon_nn', 'Horizon NN', 'End to prepare',
                                         'quantized node information', 'hbdk'))


def parse_mapper_log(text: str, source: str = 'the log') -> MapperLog:
    """
    Read a log; of several runs in it, the last.

    Raises ModelError, naming source, for a text that hb_mapper did not print.
    """
    if not looks_like_mapper_log(text):
        raise ModelError(f'{source} is not a log of hb_mapper: expected hb_mapper_makertbin.log, '
                         f'it starts with {text.strip()[:60]!r}')
    return scan_mapper_log(text)


def scan_mapper_log(text: str) -> MapperLog:
    """Read a log as far as it goes, whatever the text is."""
    reader = _Reader()
    for line in re.split(r'[\r\n]+', text):
        reader.read(line.rstrip())
    return reader.result()


class _Reader:
    """Goes through a log line by line; `section` is what the lines without a prefix belong to."""

    def __init__(self):
        self.reset()

    def reset(self) -> None:
        self.whole = False      # whether the run's beginning was seen
        self.found = {'versions': {}, 'settings': {}, 'samples': 0, 'method': '', 'stage': '',
                      'converted': False}
        self.lists: Dict[str, list] = {k: [] for k in ('inputs', 'outputs', 'nodes', 'estimates',
                                                       'errors')}
        self.cosines: Dict[str, Optional[float]] = {}
        self.section = ''
        self.titles: List[str] = []

    def read(self, line: str) -> None:
        text, level = message(line)
        if text != line:
            self.section = ''
        if text.startswith('Start Model Convert'):
            kept = self.found['versions']      # hb_mapper prints them just before
            self.reset()
            self.found['versions'] = kept
            self.whole = True
        if level in ('ERROR', 'CRITICAL', 'FATAL') or _ERROR.match(text):
            self.lists['errors'].append(text.strip())
        elif not self._fact(text):
            self._row(text)

    def _fact(self, text: str) -> bool:
        """Read a line that stands for itself; return whether it was one."""
        for pattern, take in ((_VERSION, self._version), (_SETTING, self._setting),
                              (_STAGE, self._stage), (_METHOD, self._method),
                              (_SAMPLES, self._samples), (_ESTIMATE, self._estimate)):
            found = pattern.search(text)
            if found:
                take(found)
                return True
        if re.match(r'Convert to runtime bin file success|End Model Convert', text) or \
                not self.whole and text.startswith('End to Horizon NN Model Convert'):
            self.found['converted'] = True
            return True
        return False

    def _version(self, found) -> None:
        self.found['versions'][found[1]] = found[2]

    def _setting(self, found) -> None:
        self.found['settings'].setdefault(found[1].replace(' ', '_'), found[2].strip("'\";"))

    def _stage(self, found) -> None:
        self.found['stage'] = found[2]
        if found[1] == 'Start' and found[2].startswith('compile'):
            self.lists['estimates'] = []

    def _method(self, found) -> None:
        self.found['method'] = found[1]

    def _samples(self, found) -> None:
        self.found['samples'] = int(found[1])

    def _estimate(self, found) -> None:
        self.lists['estimates'].append(Estimate(float(found[1]), float(found[2]), int(found[3])))

    def _row(self, text: str) -> None:
        """Read a heading, or a row of the section that one began."""
        if text.startswith('Graph input:') or text.startswith('Graph output:'):
            self.section = text[6:].rstrip(':').strip() + 's'
            self.lists[self.section] = []
        elif self.section in ('inputs', 'outputs') and _TENSOR.match(text):
            name, shape, _ = _TENSOR.match(text).groups()
            self.lists[self.section].append(
                Output(name, tuple(int(n) for n in shape.split(','))))
        elif text.startswith('Node ') and ' ON ' in text:
            self.section, self.titles, self.lists['nodes'] = 'nodes', _TITLES.findall(text), []
        elif text.startswith('Output ') and 'Cosine' in text:
            self.section, self.titles, self.cosines = 'cosines', _TITLES.findall(text), {}
        elif self.section in ('nodes', 'cosines') and not re.match(r'^[-=]{5,}', text):
            self._table_row(text.rsplit(None, len(self.titles) - 1))

    def _table_row(self, cells: List[str]) -> None:
        row = dict(zip(self.titles, cells))
        cosine = row.get('Cosine Similarity', '--')
        if len(cells) < len(self.titles) or not _is_number(cosine) and cosine != '--':
            return      # cut off, or not of the table
        value = float(cosine) if cosine != '--' else None
        if self.section == 'cosines':
            self.cosines[row['Output']] = value
            return
        subgraph = re.match(r'id\((\d+)\)', row.get('Subgraph', ''))
        dtype = row.get('DataType', row.get('In/Out DataType', ''))
        self.lists['nodes'].append(Node(row['Node'], row['ON'], int(subgraph[1]) if subgraph
                                        else None, row.get('Type', ''), value, dtype))

    def result(self) -> MapperLog:
        graph = [replace(o, cosine=self.cosines.get(o.name)) for o in self.lists.pop('outputs')]
        known = {o.name for o in graph}
        outputs = graph + [Output(n, (), c) for n, c in self.cosines.items() if n not in known]
        return MapperLog(outputs=tuple(outputs), **self.found,
                         **{k: tuple(v) for k, v in self.lists.items()})


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
