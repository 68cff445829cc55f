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

"""Judges a log of hb_mapper makertbin: would the model serve the node, and how well."""
from dataclasses import asdict, dataclass
import math
from typing import Any, Dict, List, Optional, Tuple

from .head_form import check_strides, derive_form
from .hb_mapper_log import MapperLog, Node
from .model_description import from_mapper_log
from ..errors import ModelError
from ..postprocess import HeadFormat, pair_heads

WORST = 10
# Kinds that the compiler may leave to the CPU at either end of the graph at little cost.
_EDGE_KINDS = ('Quantize', 'Dequantize', 'Transpose', 'Reshape', 'Cast', 'HzQuantize',
               'HzDequantize')


@dataclass(frozen=True)
class Report:
    """
    The verdict on a compiled model.

    problems: why it would not serve the node; none if it would.  warnings: why it would serve it
    badly.  roles: 'class, stride 8' by output name.
    """

    log: MapperLog
    source: str
    problems: Tuple[str, ...]
    warnings: Tuple[str, ...]
    roles: Dict[str, str]
    pictures: Tuple[str, ...] = ()
    model: str = ''

    @property
    def serves(self) -> bool:
        """Return whether the node could use the model."""
        return not self.problems

    @property
    def worst(self) -> List[Node]:
        """Return the nodes of the lowest cosine similarity, lowest first."""
        known = [n for n in self.log.nodes if n.cosine is not None]
        return sorted(known, key=lambda n: n.cosine)[:WORST]


def judge(log: MapperLog, source: str, form: Optional[HeadFormat] = None,
          min_cosine: float = 0, exit_code: int = 0) -> Report:
    """
    Judge a log.

    form: what the configuration expects of the heads; derived from the shapes if None.
    min_cosine: the least that an output may have.  exit_code: of hb_mapper, 0 if not known.
    """
    problems = _ending(log, exit_code)
    roles: Dict[str, str] = {}
    warnings = [] if problems else [f'hb_mapper says: {text}' for text in log.errors]
    # The graph's outputs are known before the first stage ends; without them the ending says all.
    if log.outputs or not problems:
        try:
            roles, notes = _roles(log, source, form)
            warnings += notes
        except ModelError as e:
            problems.append(str(e))
    device_problems, device_warnings = _devices(log)
    problems += device_problems + _cosines(log, min_cosine)
    kind = log.settings.get('input_type_rt', 'nv12')
    if kind != 'nv12':
        problems.append(f'the input is {kind}: the node feeds nv12; set input_type_rt: nv12')
    if log.samples and log.samples < 20:
        warnings.append(f'only {log.samples} calibration pictures: 20 to 50 are usual')
    return Report(log, source, tuple(problems), tuple(warnings + device_warnings), roles)


def _ending(log: MapperLog, exit_code: int) -> List[str]:
    """Return why the log has no good end."""
    at = f' while it was to {log.stage}' if log.stage else ''
    if log.errors and not (log.converted and exit_code == 0):
        return [f'hb_mapper failed{at}: {log.errors[-1]}']
    if exit_code:
        how = f'was ended by signal {-exit_code}' if exit_code < 0 else \
            f'ended with code {exit_code}'
        return [f'hb_mapper {how}{at}, without an error message']
    if not log.converted:
        return [f'the log is cut short: it ends{at}, without "End Model Convert"']
    return []


def _roles(log: MapperLog, source: str, form: Optional[HeadFormat]):
    """Return ({output name: role}, notes).  Raises ModelError when an output is missing."""
    found = from_mapper_log(log, source)
    notes: List[str] = []
    if form is None:
        form, notes = derive_form(found.outputs, found.input_size)
        check_strides(form)
    heads, more = pair_heads(found.outputs, found.input_size, form)
    names = [o.name for o in found.outputs]
    roles = {}
    for head in heads:
        roles[names[head.class_index]] = f'class, stride {head.stride}'
        roles[names[head.box_index]] = f'box, stride {head.stride}'
    return roles, notes + more


def _devices(log: MapperLog) -> Tuple[List[str], List[str]]:
    """Return (problems, warnings) about nodes on the CPU."""
    if not log.nodes:
        return (['the log has no node table'] if log.converted else []), []
    if not log.cpu_nodes:
        if log.subgraphs == 1:
            return [], []
        return [], [f'{log.subgraphs} subgraphs on the BPU although no node is on the CPU']
    bpu = [i for i, n in enumerate(log.nodes) if n.device == 'BPU'] or [0]
    heavy = [n for i, n in enumerate(log.nodes) if n.device != 'BPU' and (
        n.kind not in _EDGE_KINDS or not log.subgraphs
        or log.subgraphs > 1 and bpu[0] < i < bpu[-1])]
    if heavy:
        return [f"{len(heavy)} of the model's nodes on the CPU, "
                f'{log.subgraphs} BPU subgraphs: {_names(heavy)}; every frame would wait for the '
                'CPU'], []
    return [], [f'{len(log.cpu_nodes)} CPU nodes at the ends: {_names(log.cpu_nodes)}']


def _names(nodes) -> str:
    names = [f'{n.name} ({n.kind})' for n in nodes]
    return ', '.join(names[:5]) + (f' and {len(names) - 5} more' if len(names) > 5 else '')


def _cosines(log: MapperLog, least: float) -> List[str]:
    """Return what is wrong with the outputs' cosine similarities."""
    problems = []
    for output in log.outputs:
        if output.cosine is None and log.converted:
            problems.append(f'output {output.name} has no cosine similarity in the log')
        elif output.cosine is not None and not output.cosine >= least:
            problems.append(f'output {output.name} has cosine similarity {output.cosine:.6f}: '
                            f'expected at least {least:g}; try more calibration pictures, --node '
                            'NAME=int16 for the worst nodes, or --precision int16')
    return problems


def as_json(report: Report) -> Dict[str, Any]:
    """Return the report as values for json.dump; what JSON has no number for is None."""
    log = report.log
    nodes = log.nodes
    return _finite({
        'serves': report.serves, 'problems': list(report.problems),
        'warnings': list(report.warnings), 'model': report.model, 'log': report.source,
        'versions': log.versions, 'settings': log.settings,
        'calibration_pictures': log.samples, 'calibration_method': log.method,
        'input': [asdict(i) for i in log.inputs],
        'outputs': [{'name': o.name, 'shape': list(o.shape), 'is': report.roles.get(o.name, ''),
                     'cosine_similarity': o.cosine} for o in log.outputs],
        'nodes': {'all': len(nodes), 'bpu': len(nodes) - len(log.cpu_nodes),
                  'cpu': [asdict(n) for n in log.cpu_nodes]},
        'bpu_subgraphs': log.subgraphs, 'worst_nodes': [asdict(n) for n in report.worst],
        'estimates': [asdict(e) for e in log.estimates], 'hb_perf': list(report.pictures)})


def _finite(value):
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
