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

"""`yolo12 evaluate`: AP on a COCO data set by pycocotools, for any backend, by both protocols."""
from concurrent.futures import as_completed, ThreadPoolExecutor
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
import threading
from typing import Dict, List

from .fetch import sha256
from ..errors import ConfigError

DESCRIPTION = 'Measure AP on a COCO data set, as the node sees the pictures.'
EXAMPLE = ('  yolo12 evaluate val2017 instances_val2017.json --config config/yolo12n.json '
           '--results out/\n'
           '  yolo12 evaluate val2017 instances_val2017.json --config config/yolo12n.json '
           '--against yolo12n.onnx')
# as the RDK Model Zoo measures its tables, and as COCO results are usually measured
PROTOCOLS = {'rdk': {'score_threshold': 0.25, 'nms_threshold': 0.7, 'nms_top_k': 300},
             'standard': {'score_threshold': 0.001, 'nms_threshold': 0.7, 'nms_top_k': 300,
                          'multi_label': True}}
PREPROCESSINGS = {'nv12': "the node's: NV12, then letterbox",
                  'rgb_nv12': 'letterbox in RGB, then NV12',
                  'rgb': 'letterbox in RGB, no NV12; for float .onnx only'}


def add_arguments(parser) -> None:
    """Declare the command line."""
    parser.add_argument('images', type=Path, help='folder of the pictures')
    parser.add_argument('annotations', type=Path, help='annotations, as instances_val2017.json')
    parser.add_argument('--config', type=Path, required=True, help='JSON configuration')
    parser.add_argument('--model', type=Path, help="model file, instead of the configuration's")
    parser.add_argument('--backend', default='auto', help='inference backend (default: auto)')
    parser.add_argument('--against', type=Path, metavar='MODEL',
                        help='a second model: print the ratio to its AP')
    parser.add_argument('--preprocessing', nargs='+', choices=PREPROCESSINGS, default=['nv12'],
                        help='; '.join(f'{k}: {v}' for k, v in PREPROCESSINGS.items())
                        + ' (default: nv12)')
    parser.add_argument('--limit', type=int, default=0, metavar='N',
                        help='only the N pictures with the lowest ids')
    parser.add_argument('--workers', type=int, default=2, metavar='N',
                        help='pictures in work at once (default: 2)')
    parser.add_argument('--results', type=Path, metavar='FOLDER',
                        help="write the detections there in COCO's format; an interrupted run "
                        'goes on where it was')
    parser.add_argument('--per-class', action='store_true', help='print AP by class, too')
    parser.add_argument('--curve', type=Path, metavar='PNG', help='draw precision over recall')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the tables there')


@dataclass(frozen=True)
class Run:
    """One model with one preprocessing: its score by protocol."""

    model: str
    backend: str
    preprocessing: str
    scores: Dict[str, object]


def main(args) -> int:
    """Run the verb."""
    from .coco_results import CocoDataset
    from .configured_model import configuration, need_folder, need_matplotlib

    if args.workers < 1 or args.limit < 0:
        raise ConfigError(f'--workers is {args.workers} and --limit {args.limit}: expected at '
                          'least 1 worker, and a limit of 0 (all) or more')
    for option in ('json', 'curve'):
        need_folder(f'--{option}', getattr(args, option))
    if args.curve:
        need_matplotlib('--curve')
    config = configuration(args.config, args.model)
    dataset = CocoDataset(args.images, args.annotations, config.labels, args.limit)
    for note in dataset.notes:
        print(note)
    models = [config, config.with_model(args.against)] if args.against else [config]
    runs = [run for name, model in zip(_names(models), models)
            for run in _evaluate(name, model, dataset, args)]
    print(table(runs, len(dataset.pictures)))
    if args.against:
        print(ratios(runs[:len(args.preprocessing)], runs[len(args.preprocessing):]))
    if args.per_class:
        print(class_table(runs))
    if args.json:
        args.json.write_text(json.dumps(_summary(runs, len(dataset.pictures)), indent=1))
    if args.curve:
        from .precision_recall import draw_curve
        draw_curve(args.curve, {f'{r.model}, {r.preprocessing}, {p}': s
                                for r in runs for p, s in r.scores.items()})
    return 0


def _names(models) -> List[str]:
    """Return what the models are called: their files' names, with a hash if those are alike."""
    if len({m.model_file.stem for m in models}) == len(models):
        return [m.model_file.name for m in models]
    return [f'{m.model_file.stem}-{sha256(m.model_file)[:8]}{m.model_file.suffix}'
            for m in models]


def _evaluate(name: str, config, dataset, args) -> List[Run]:
    """Evaluate one model with each preprocessing."""
    from .coco_results import ResultStore, score
    from .configured_model import fitting_backend, open_configured
    runs = []
    path = config.model_file
    backend = fitting_backend(args.backend, path) if args.against else args.backend
    with open_configured(config, backend, args.workers) as model:
        if 'rgb' in args.preprocessing and not hasattr(model, 'run_rgb'):
            raise ConfigError(f'{path} takes NV12 only ({model.backend}): leave rgb out of '
                              '--preprocessing, or use the .onnx')
        for preprocessing in args.preprocessing:
            store = ResultStore(args.results, f'{Path(name).stem}_{preprocessing}',
                                _origin(path, model, config, preprocessing, args))
            try:
                detect_all(model, config, dataset, preprocessing, store, args.workers)
            finally:
                store.close()
            image_ids = [p.image_id for p in dataset.pictures]
            scores = {}
            for protocol in PROTOCOLS:
                store.write(protocol, image_ids)
                scores[protocol] = score(dataset, store.results(protocol, image_ids))
            runs.append(Run(name, model.backend, preprocessing, scores))
    return runs


def _origin(path: Path, model, config, preprocessing, args) -> Dict[str, object]:
    """Return what the results depend on."""
    return {'model': path.name, 'sha256': sha256(path),
            'images': str(args.images.resolve()), 'annotations': sha256(args.annotations),
            'backend': model.backend, 'preprocessing': preprocessing, 'protocols': PROTOCOLS,
            'labels': hashlib.sha256('\n'.join(config.labels).encode()).hexdigest()[:16]}


def detect_all(model, config, dataset, preprocessing: str, store, workers: int) -> None:
    """Detect in every picture that the store lacks, several at once."""
    from .progress import Progress
    from .picture_detector import PictureDetector
    own = threading.local()
    todo = [p for p in dataset.pictures if p.image_id not in store.done]

    def work(picture) -> None:
        if not hasattr(own, 'detect'):
            own.detect = PictureDetector(model, config, preprocessing, PROTOCOLS)
        store.add(picture.image_id, {protocol: dataset.rows(picture.image_id, found)
                                     for protocol, found in own.detect(picture.path).items()})

    with Progress(len(todo), f'{model.name}, {preprocessing}') as progress, \
            ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(work, picture) for picture in todo]
        try:
            for future in as_completed(futures):
                future.result()
                progress.advance()
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def table(runs: List[Run], pictures: int) -> str:
    """Return the table of all runs, in percent."""
    columns = list(next(iter(runs[0].scores.values())).stats)
    width = max(len(r.model) for r in runs)
    lines = [f'{pictures} pictures, AP in %', f'{"model":<{width}}  preprocessing  protocol  '
             + ' '.join(f'{c:>6}' for c in columns)]
    for run in runs:
        for protocol, s in run.scores.items():
            lines.append(f'{run.model:<{width}}  {run.preprocessing:<13}  {protocol:<8}  '
                         + ' '.join(_percent(s.stats[c]) for c in columns))
    return '\n'.join(lines)


def _percent(value: float) -> str:
    return f'{100 * value:6.2f}' if value >= 0 else '     -'


def ratios(runs: List[Run], others: List[Run]) -> str:
    """Return how much of the second model's AP the first one keeps, with each preprocessing."""
    lines = []
    for run, other in zip(runs, others):
        for protocol in run.scores:
            a, b = run.scores[protocol].stats['AP'], other.scores[protocol].stats['AP']
            ratio = f'{100 * a / b:.1f} %' if b > 0 else 'no ratio'
            lines.append(f'{run.preprocessing}, {protocol}: AP {a:.3f} of {b:.3f}: {ratio}')
    return '\n'.join([f'{runs[0].model} against {others[0].model}', *lines])


def class_table(runs: List[Run]) -> str:
    """Return AP and AP50 of each class that has annotated objects."""
    lines = []
    for run in runs:
        for protocol, s in run.scores.items():
            lines.append(f'{run.model}, {run.preprocessing}, {protocol}')
            lines.append(f'  {"class":<20} objects     AP   AP50')
            lines += [f'  {name:<20} {count:7d} {_percent(ap)} {_percent(ap50)}'
                      for name, count, ap, ap50 in sorted(s.classes, key=lambda row: -row[2])]
    return '\n'.join(lines)


def _summary(runs: List[Run], pictures: int) -> Dict[str, object]:
    return {'pictures': pictures, 'protocols': PROTOCOLS, 'runs': [
        {'model': r.model, 'backend': r.backend, 'preprocessing': r.preprocessing,
         'protocol': protocol, **s.stats,
         'classes': [dict(zip(('name', 'objects', 'AP', 'AP50'), row)) for row in s.classes]}
        for r in runs for protocol, s in r.scores.items()]}
