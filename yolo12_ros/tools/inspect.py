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

"""`yolo12 inspect`: a model's input, outputs and heads, and the JSON that fits it."""
import json
import os
from pathlib import Path

from ..errors import ConfigError, ModelError

DESCRIPTION = 'Show inputs, outputs and heads of a model or a log; write the JSON that fits it.'
EXAMPLE = ('  yolo12 inspect yolo12n_detect_bayese_640x640_nv12.bin --config config/yolo12n.json\n'
           '  yolo12 inspect info.txt --write-config my_model.json --labels my_classes.list\n'
           'where info.txt is what `hrt_model_exec model_info --model_file MODEL.bin` printed')


def add_arguments(parser) -> None:
    """Declare the command line."""
    parser.add_argument('model', type=Path, metavar='MODEL|LOG',
                        help='a .bin, an .onnx, or a log of hrt_model_exec model_info or of '
                        'hb_mapper makertbin')
    parser.add_argument('--config', type=Path, help='say whether this JSON fits the model')
    parser.add_argument('--write-config', type=Path, metavar='FILE',
                        help='write a JSON that fits the model')
    parser.add_argument('--labels', type=Path, metavar='FILE',
                        help='class names for --write-config, one a line')
    parser.add_argument('--reg-max', type=int, metavar='N',
                        help='bins a box side has, if shapes cannot tell (default: derived)')
    parser.add_argument('--force', action='store_true', help='overwrite an existing JSON')


def main(args) -> int:
    """Run the verb; 1 if the model cannot serve the node, or the JSON does not fit it."""
    from ..config import load_config
    from ..postprocess import pair_heads
    from .head_form import check_strides, derive_form
    from .model_description import describe

    _check_target(args)
    found = describe(args.model)
    config = load_config(args.config) if args.config else None
    try:
        form, notes = (config.form, []) if config else \
            derive_form(found.outputs, found.input_size, args.reg_max)
        if found.from_log and not config:
            check_strides(form)
        heads, more = pair_heads(found.outputs, found.input_size, form)
    except ModelError:
        print(table(found, ()))
        raise
    print(table(found, heads))
    print(f'strides {list(form.strides)}, class_num {form.class_num}, reg_max {form.reg_max}')
    for note in (*notes, *more, *found.notes):
        print(f'note: {note}')
    if found.input_kind == 'unknown':
        print('note: the source does not say what the input is: the node feeds NV12')
    elif found.input_kind != 'NV12':
        raise ModelError(f'the input of {found.name} is {found.input_kind}: the node feeds NV12; '
                         'compile it with input_type_rt nv12 (`yolo12 compile` does)')
    if config:
        print(f'{args.config} fits')
    if args.write_config:
        _write(args, found, form, heads)
    return 0


def table(found, heads) -> str:
    """Return the lines that describe a model; heads: as paired, () if they could not be."""
    width, height = found.input_size
    roles = {}
    for head in heads:
        roles[head.class_index] = f'class, stride {head.stride}'
        roles[head.box_index] = f'box, stride {head.stride}'
    rows = [('', 'name', 'shape', 'type', 'scales', 'is'),
            ('input', found.input_name or '-', str((1, 3, height, width)), found.input_kind, '-',
             f'{width}x{height} picture')]
    for i, o in enumerate(found.outputs):
        scales = '-' if o.scales is None else str(o.scales.size)
        rows.append((f'output {i}', o.name, str(tuple(o.shape)), str(o.dtype), scales,
                     roles.get(i, '?')))
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    lines = ['  '.join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in rows]
    return '\n'.join([f'model {found.name} ({found.source})', *lines])


def _check_target(args) -> None:
    target = args.write_config
    if target is None:
        if args.labels:
            raise ConfigError('--labels needs --write-config FILE')
        return
    if args.config:
        raise ConfigError('--config checks a JSON and --write-config writes one: a JSON that fits '
                          'needs no other, so give only one')
    if target.exists() and not args.force:
        raise ConfigError(f'{target} exists: give another name, or --force to overwrite it')
    if not target.parent.is_dir():
        raise ConfigError(f'folder {target.parent} does not exist: make it first')


def _write(args, found, form, heads) -> None:
    """Write the JSON, after loading it as the node would."""
    from ..config import load_config
    from .head_form import config_values

    target = args.write_config
    labels = _relative(args.labels, target.parent) if args.labels else ''
    values = config_values(_model_file(args.model, found, target.parent), form, labels,
                           [i for h in heads for i in (h.class_index, h.box_index)])
    draft = target.with_name(f'.{target.name}.{os.getpid()}')
    try:
        draft.write_text(json.dumps(values, indent=2) + '\n', encoding='utf-8')
        config = load_config(draft)
        os.replace(draft, target)
    except ConfigError as e:
        raise ConfigError(str(e).replace(str(draft), str(target))) from e
    except OSError as e:
        raise ConfigError(f'cannot write {target}: {e.strerror}') from e
    finally:
        if draft.exists():
            draft.unlink()
    print(f'wrote {target}')
    if config.warnings:
        print('note: classes are named by number; --labels FILE gives them names')
    if not config.model_file.is_file():
        print(f'note: model_file is {values["model_file"]}: put the model there')


def _model_file(model: Path, found, folder: Path) -> str:
    """Return what to write as model_file: the model, or the .bin that a log is about."""
    if model.suffix.lower() in ('.bin', '.onnx'):
        return _relative(model, folder)
    return f'{found.name}.bin'


def _relative(path: Path, folder: Path) -> str:
    """Return a path as seen from a folder if it lies in it, else the absolute path."""
    path = path.resolve()
    try:
        return path.relative_to(folder.resolve()).as_posix()
    except ValueError:
        return str(path)
