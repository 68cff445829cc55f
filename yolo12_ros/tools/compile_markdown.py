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

"""A compile report as Markdown, and as the few lines that a terminal shows."""
from collections import Counter
from typing import List, Sequence

from .compile_report import Report, WORST


def summary(report: Report) -> str:
    """Return the lines for the terminal."""
    log = report.log
    lines = [f'nodes      {_nodes(report)}']
    if log.samples:
        lines.append(f'ranges     {_calibration(log)}')
    for o in log.outputs:
        lines.append(f'output     {o.name} {o.shape}  {report.roles.get(o.name, "?")}  '
                     f'cosine {_cosine(o.cosine)}')
    if report.worst:
        worst = report.worst[0]
        lines.append(f'worst node {worst.name}  cosine {_cosine(worst.cosine)}')
    lines += [f'estimate   {text}' for text in _estimates(report)]
    lines += [f'warning    {text}' for text in report.warnings]
    lines += [f'problem    {text}' for text in report.problems]
    lines.append('the model would serve the node' if report.serves else
                 'the model would NOT serve the node')
    return '\n'.join(lines)


def markdown(report: Report) -> str:
    """Return the whole report."""
    log = report.log
    verdict = 'The model would serve the node.' if report.serves else \
        'The model would **not** serve the node.'
    parts = [f'# Compile report: {log.settings.get("output_model_file_prefix", "model")}', verdict]
    parts += [_items('Problems', report.problems), _items('Warnings', report.warnings)]
    facts = [('log', report.source), ('model', report.model or '-'),
             ('tools', ', '.join(f'{k} {v}' for k, v in log.versions.items()) or '-'),
             ('march', log.settings.get('march', '-')),
             ('input', ', '.join(f'{i.name} {i.shape}' for i in log.inputs) + ' as '
              + log.settings.get('input_type_rt', 'unknown')),
             ('optimization', log.settings.get('optimization', '-')),
             ('calibration', _calibration(log)), ('nodes', _nodes(report)),
             *(('estimate', text) for text in _estimates(report)),
             *(('hb_perf', f'![{p}]({p})' if p.endswith('.png') else f'[{p}]({p})')
               for p in report.pictures)]
    parts.append(_table(('what', 'value'), facts))
    parts.append('## Outputs\n\n' + _table(
        ('output', 'shape', 'is', 'cosine similarity'),
        [(o.name, str(o.shape), report.roles.get(o.name, '?'), _cosine(o.cosine))
         for o in log.outputs]))
    parts.append(f'## The {WORST} worst nodes\n\n' + _table(
        ('node', 'type', 'on', 'data type', 'cosine similarity'),
        [(n.name, n.kind, n.device, n.dtype, _cosine(n.cosine)) for n in report.worst]))
    if log.cpu_nodes:
        parts.append('## Nodes on the CPU\n\n' + _table(
            ('node', 'type'), [(n.name, n.kind) for n in log.cpu_nodes]))
    parts.append('Rate, latency and DDR traffic are estimates of the compiler, not measurements.')
    return '\n\n'.join(p for p in parts if p) + '\n'


def _calibration(log) -> str:
    method = f' by {log.method}' if log.method else ''
    return f'from {log.samples} pictures{method}' if log.samples else '-'


def _nodes(report: Report) -> str:
    log = report.log
    if not log.nodes:
        return 'not in the log'
    bpu = len(log.nodes) - len(log.cpu_nodes)
    types = Counter(n.dtype for n in log.nodes if n.dtype).most_common()
    graphs = f'{log.subgraphs} subgraph{"s" * (log.subgraphs != 1)}' + (
        f' ({", ".join(f"{n} {dtype}" for dtype, n in types)})' if types else '')
    return f'all {bpu} on the BPU, {graphs}' if bpu == len(log.nodes) else \
        f'{bpu} of {len(log.nodes)} on the BPU, {graphs}'


def _estimates(report: Report) -> List[str]:
    found = report.log.estimates
    texts = [f'{e.fps:g} FPS, {e.latency_us / 1000:.2f} ms, {e.ddr_bytes / 1e6:.1f} MB of DDR '
             'traffic an inference' for e in found]
    if len(found) > 1:
        total = sum(e.latency_us for e in found)
        texts = [f'subgraph {i}: {text}' for i, text in enumerate(texts)]
        texts.append(f'all subgraphs: {1e6 / total:.2f} FPS at most, {total / 1000:.2f} ms, '
                     f'{sum(e.ddr_bytes for e in found) / 1e6:.1f} MB')
    return texts


def _cosine(value) -> str:
    return '-' if value is None else f'{value:.6f}'


def _items(title: str, texts: Sequence[str]) -> str:
    return f'## {title}\n\n' + '\n'.join(
        '* ' + text.replace('\n', '\n  ') for text in texts) if texts else ''


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [' | '.join(titles), ' | '.join('---' for _ in titles),
             *(' | '.join(cell.replace('|', '\\|') for cell in row) for row in rows)]
    return '\n'.join(f'| {line} |' for line in lines)
