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

"""`yolo12 compile`: six-head ONNX and calibration data to a .bin for the BPU, with a verdict."""
from dataclasses import replace
from importlib.util import find_spec
import json
import os
from pathlib import Path
import re
import shutil

import numpy as np

from . import toolchain
from ..errors import BackendError, ConfigError, ModelError

LOG = toolchain.MAKERTBIN_LOG
DESCRIPTION = 'Compile an ONNX for the BPU with hb_mapper and judge the result; or judge a log.'
EXAMPLE = ('  yolo12 compile yolo12n.onnx --calibration calibration_f32 --output build\n'
           f'  yolo12 compile --log build/{LOG}\n'
           'exit code: 0 the model would serve the node; 1 it would not, or an error;\n'
           '3 hb_mapper is not installed here: how to get it or run it in docker is printed')
MIN_COSINE = 0.9


def add_arguments(parser) -> None:
    """Declare the command line."""
    from .hb_mapper_config import METHODS, PLACES, PRECISIONS

    parser.add_argument('model', nargs='?', type=Path, metavar='MODEL.onnx',
                        help='six-head ONNX, as `yolo12 export` writes it')
    parser.add_argument('--log', type=Path, metavar='FILE',
                        help=f'judge an existing {LOG} and run nothing')
    parser.add_argument('--calibration', type=Path, metavar='FOLDER',
                        help='what `yolo12 calibrate` wrote')
    parser.add_argument('--output', type=Path, metavar='FOLDER',
                        help='gets the YAML, the .bin, logs and reports (default: build; with '
                        "--log: the log's folder)")
    parser.add_argument('--name', help='name of the .bin without suffix (default: '
                        'MODEL_detect_bayese_WxH_nv12)')
    parser.add_argument('--precision', choices=tuple(PRECISIONS), default='int8',
                        help='of all nodes (default: int8)')
    parser.add_argument('--method', choices=tuple(METHODS), default='default',
                        help='how ranges are chosen (default: hb_mapper tries all and takes the '
                        'best cosine similarity)')
    parser.add_argument('--node', action='append', default=[], metavar='NAME=PLACE',
                        help=f'treat one node otherwise: PLACE is one of {", ".join(PLACES)}; '
                        'may be given several times')
    parser.add_argument('--march', default='bayes-e', help='BPU (default: bayes-e, RDK X5)')
    parser.add_argument('--optimize-level', default='O3', choices=('O0', 'O1', 'O2', 'O3'),
                        help='of the compiler (default: O3, the fastest model)')
    parser.add_argument('--jobs', type=int, default=min(16, os.cpu_count() or 1), metavar='N',
                        help='processes that compile (default: one a core, 16 at most)')
    parser.add_argument('--config', type=Path, help='JSON that says what the heads must be')
    parser.add_argument('--min-cosine', type=float, default=MIN_COSINE,
                        help='least cosine similarity of an output (default: %(default)s)')
    parser.add_argument('--report', type=Path, metavar='FILE', help='write FILE.md and FILE.json '
                        '(default: report in the output folder)')
    parser.add_argument('--image', default=toolchain.IMAGE,
                        help='docker image (default: %(default)s)')


def main(args) -> int:
    """Run the verb."""
    from ..config import load_config
    from .compile_report import judge
    from .configured_model import refuse_folder
    from .hb_mapper_log import parse_mapper_log
    from .model_description import read_text

    if args.report:
        refuse_folder('--report', args.report)
        for file in _report_files(args.report):
            refuse_folder('--report', file)
    if not -1 <= args.min_cosine <= 1:
        raise ConfigError(f'--min-cosine is {args.min_cosine}: expected a cosine, -1 to 1')
    form = load_config(args.config).form if args.config else None
    if args.log:
        if args.model:
            raise ConfigError('give either MODEL.onnx or --log FILE: a log is judged as it is')
        log = parse_mapper_log(read_text(args.log), str(args.log))
        report = judge(log, str(args.log), form, args.min_cosine)
        pictures = _pictures(args.log.parent, log.settings.get('output_model_file_prefix', ''))
        return _finish(replace(report, pictures=pictures),
                       args.report or (args.output or args.log.parent) / 'report')
    if not args.model or not args.calibration:
        raise ConfigError('give MODEL.onnx and --calibration FOLDER, or --log FILE')
    args.output = args.output or Path('build')
    config, form = _prepare(args, form)
    commands = _commands(args, config)
    stale = [args.output / LOG, *_report_files(args.report or args.output / 'report')]
    if not toolchain.installed('hb_mapper'):
        _set_aside(stale)
        print(toolchain.how_to_install('hb_mapper'))
        print('and run this again, or run it in its container:')
        print(toolchain.docker_command([*commands, ['hb_perf', config.model]], args.output,
                                       (config.onnx.parent, config.calibration), args.image))
        print('and then: '
              + toolchain.command_line(['yolo12', 'compile', '--log', args.output / LOG]))
        return toolchain.NOTHING_RUN
    _set_aside([*stale, *_made(config), args.output / 'hb_perf_result' / config.prefix])
    return _finish(_compile(args, config, form, commands), args.report or args.output / 'report')


def _prepare(args, form):
    """Check the inputs and write the YAML; return (MapperConfig, HeadFormat or None)."""
    from .calibration_data import calibration_files, read_picture
    from .hb_mapper_config import MapperConfig, node_options

    if args.model.suffix.lower() != '.onnx' or not args.model.is_file():
        raise ModelError(f'{args.model} is not an existing .onnx: make one with `yolo12 export`')
    size, form = _input_size(args.model, form)
    if size:
        files = calibration_files(args.calibration, size)
        for path in files:
            read_picture(path, size)
        print(f'{len(files)} calibration pictures of {size[0]}x{size[1]}')
    elif not args.calibration.is_dir():
        raise ConfigError(f'calibration folder {args.calibration} does not exist')
    shape = f'_{size[0]}x{size[1]}' if size else ''
    stem = re.sub(r'[^\w.-]+', '_', args.model.stem)
    name = args.name or f'{stem}_detect_{args.march.replace("-", "")}{shape}_nv12'
    if not re.fullmatch(r'\w[\w.-]*', name):
        raise ConfigError(f'--name {name}: expected letters, digits, "_", "-" and "." only; the '
                          'folder is --output')
    if args.jobs < 1:
        raise ConfigError(f'--jobs is {args.jobs}: expected at least 1')
    try:
        args.output.mkdir(parents=True, exist_ok=True)
        config = MapperConfig(
            args.model.resolve(), args.calibration.resolve(),
            args.output.resolve() / 'bpu_model_output', name, args.precision,
            node_options(args.node), args.march, args.optimize_level, args.jobs, args.method)
        (args.output / f'{name}.yaml').write_text(config.yaml(), encoding='utf-8')
    except OSError as e:
        raise ConfigError(f'cannot write to --output {args.output}: {e.strerror}') from e
    print(f'wrote {args.output / f"{name}.yaml"}')
    for unknown in _unknown_nodes(config):
        print(f'note: {args.model.name} has no node {unknown}: --node is in vain unless hb_mapper '
              'makes one of that name')
    return config, form


def _unknown_nodes(config):
    """Return the names of --node that the ONNX lacks; none without onnx."""
    if not config.nodes:
        return []
    try:
        import onnx
    except ImportError:
        return []
    known = {node.name for node in onnx.load(str(config.onnx)).graph.node}
    return [name for name, _ in config.nodes if name not in known]


def _input_size(model: Path, form):
    """Return ((width, height), form) of the ONNX, or (None, form) without onnxruntime."""
    from ..postprocess import pair_heads
    from .head_form import derive_form
    from .model_description import describe

    try:
        found = describe(model, 'onnx')
    except BackendError as e:
        if find_spec('onnxruntime'):
            raise ModelError(f'{model.name} is no float model of `yolo12 export`: {e}') from e
        print(f'{model.name} is not checked before the run: {e}')
        return None, form
    if any(np.dtype(o.dtype).kind != 'f' for o in found.outputs):
        raise ModelError(f'{model.name} is quantised already: give the float model, from '
                         '`yolo12 export`')
    form = form or derive_form(found.outputs, found.input_size)[0]
    pair_heads(found.outputs, found.input_size, form)
    return found.input_size, form


def _commands(args, config):
    """Return the two command lines."""
    yaml = args.output.resolve() / f'{config.prefix}.yaml'
    return [['hb_mapper', 'checker', '--model-type', 'onnx', '--march', config.march, '--model',
             config.onnx],
            ['hb_mapper', 'makertbin', '--model-type', 'onnx', '--config', yaml]]


def _compile(args, config, form, commands):
    """Run hb_mapper; return the Report."""
    from .compile_report import judge, Report
    from .hb_mapper_log import scan_mapper_log
    from .hb_mapper_progress import MapperProgress

    checker, makertbin = commands
    print('hb_mapper checker ...', flush=True)
    code, printed, own = toolchain.run(checker, args.output, 'hb_mapper_checker.log')
    check = scan_mapper_log(own).merged(scan_mapper_log(printed))
    if code:
        reason = check.errors[-1] if check.errors else f'it ended with code {code}'
        record = toolchain.record(args.output, 'hb_mapper_checker.log')
        return Report(check, str(record), (f'hb_mapper checker refuses {config.onnx.name}: '
                                           f'{reason}; see {record}',), (), {})
    with MapperProgress('hb_mapper makertbin', args.output / LOG) as progress:
        code, printed, own = toolchain.run(makertbin, args.output, LOG, progress.line)
    log = scan_mapper_log(own).merged(scan_mapper_log(printed))
    report = judge(log, str(args.output / LOG), form, args.min_cosine, code)
    if not config.model.is_file():
        return replace(report, problems=(*report.problems, f'hb_mapper wrote no {config.model}'))
    if toolchain.installed('hb_perf'):
        code, _, _ = toolchain.run(['hb_perf', config.model], args.output, 'hb_perf.log')
        if code:
            print(f'hb_perf drew nothing (code {code}; it needs graphviz): see '
                  f'{toolchain.record(args.output, "hb_perf.log")}')
    return replace(report, model=str(config.model),
                   pictures=_pictures(args.output, config.prefix))


def _set_aside(paths) -> None:
    """Rename what an earlier run made: it must not pass for what this one makes."""
    for path in filter(Path.exists, paths):
        old = path.with_name(f'{path.name}.old')
        if path.is_dir() and old.is_dir():
            shutil.rmtree(old)
        os.replace(path, old)
        print(f'renamed {path} of an earlier run to {old.name}')


def _made(config):
    """Return the models that hb_mapper writes, and the one that `yolo12 strip` does."""
    return [config.model.with_name(f'{config.prefix}{end}')
            for end in ('.bin', '_modified.bin', '_quantized_model.onnx')]


def _pictures(folder: Path, prefix: str):
    """Return the files that hb_perf drew of a model."""
    drawn = (folder / 'hb_perf_result' / prefix).rglob('*') if prefix else ()
    return tuple(sorted(p for p in drawn if p.suffix in ('.png', '.svg', '.html')))


def _report_files(base: Path):
    """Return the paths of both reports; base may name one of them."""
    stem = base.with_suffix('') if base.suffix in ('.md', '.json') else base
    return [stem.with_name(stem.name + suffix) for suffix in ('.md', '.json')]


def _finish(report, base: Path) -> int:
    """Print and write the report; return the exit code."""
    from .compile_markdown import markdown, summary
    from .compile_report import as_json

    print(summary(report))
    report = replace(report, pictures=tuple(
        Path(os.path.relpath(p, base.parent)).as_posix() for p in report.pictures))
    files = _report_files(base)
    try:
        base.parent.mkdir(parents=True, exist_ok=True)
        for path, text in zip(files, (
                markdown(report),
                json.dumps(as_json(report), indent=2, allow_nan=False) + '\n')):
            path.write_text(text, encoding='utf-8')
    except OSError as e:
        raise ConfigError(f'cannot write the report {base}: {e.strerror}: give --report FILE '
                          'in a folder that can be written') from e
    print('wrote ' + ' and '.join(map(str, files)))
    return 0 if report.serves else 1
