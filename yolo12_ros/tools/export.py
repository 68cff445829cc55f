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

"""`yolo12 export`: a checkpoint, architecture or stock ONNX to the six-head ONNX of the BPU."""
import json
import os
from pathlib import Path

import numpy as np

from ..errors import BackendError, ConfigError, ModelError

DESCRIPTION = 'Export a checkpoint to ONNX with six raw heads, for the BPU and for PCs.'
EXAMPLE = ('  yolo12 export yolo12n.pt --imgsz 640\n'
           '  yolo12 export --from-onnx stock.onnx --output yolo12n.onnx')
# Largest difference between two ways of computing the same head: float32 rounds in proportion to
# the values, so large heads may differ by this share of their largest value.
TOLERANCE, SHARE = 1e-4, 5e-5


def add_arguments(parser) -> None:
    """Declare the command line."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('model', nargs='?',
                        help='checkpoint of Ultralytics (.pt; YOLO12, YOLO11, YOLOv8), or the '
                        'name of an architecture (yolo12n.yaml), which gets random weights; a '
                        'checkpoint can run code, so load only those that you trust')
    source.add_argument('--from-onnx', type=Path, metavar='FILE',
                        help='cut a stock Ultralytics ONNX instead; needs no torch')
    parser.add_argument('--output', type=Path, metavar='FILE',
                        help="file to write (default: the model's name with .onnx, here)")
    parser.add_argument('--imgsz', type=int, nargs='+', metavar='PIXELS',
                        help='input height and width, or one number for both (default: 640)')
    parser.add_argument('--order', choices=('class-first', 'box-first'), default='class-first',
                        help='order of the two heads of a stride (default: class-first)')
    parser.add_argument('--force', action='store_true',
                        help='overwrite a JSON or label list that does not fit the model')
    parser.add_argument('--seed', type=int, default=0, help='of random weights (default: 0)')


def main(args) -> int:
    """Run the verb; 1 if the model differs from the original by more than it may."""
    _need('onnx', 'onnx and onnxruntime', 'onnx onnxruntime')
    import onnx
    from .onnx_file import make_room
    out = args.output or Path(Path(args.from_onnx or args.model).stem + '.onnx')
    make_room('--output', out)
    if args.from_onnx:
        if args.imgsz:
            raise ModelError('--imgsz has no use with --from-onnx: the size of a stock model is '
                             'fixed; export it in the size you want')
        if out.resolve() == args.from_onnx.resolve():
            out = out.with_name(f'{out.stem}_sixhead.onnx')
        model, facts = _cut(args.from_onnx, args.order)
    else:
        if args.model.endswith('.onnx'):
            raise ModelError(f'{args.model} is an ONNX: yolo12 export --from-onnx {args.model}')
        os.environ.setdefault('YOLO_OFFLINE', 'true')           # Ultralytics would download and
        os.environ.setdefault('YOLO_AUTOINSTALL', 'false')      # install what it misses
        for module in ('torch', 'ultralytics'):
            _need(module, 'torch and ultralytics', 'torch ultralytics')
        from .export_torch import export_torch
        from .fetch import local_file
        model, facts = export_torch(str(local_file(args.model)), _size(args.imgsz or [640]),
                                    args.order, args.seed)
    facts += _graph_facts(model)
    onnx.checker.check_model(model)
    return _store(model, facts, out, args)


def _store(model, facts, out: Path, args) -> int:
    """Write the model, or, if it differs from the original, another file; return the exit code."""
    from .onnx_file import save
    failed = out.with_name(f'{out.stem}_failed.onnx')
    if any(fact[2] is False for fact in facts):     # nothing that works is replaced by it
        save(model, failed)
        print(_table(failed, model, facts))
        return 1
    companions = _companions(model, out, args.order)
    _check_companions(companions, args.force)
    save(model, out)
    failed.unlink(missing_ok=True)
    print(_table(out, model, facts))
    for path, text in companions.items():
        kept = path.exists() and _fits(path, text)
        if not kept:
            path.write_text(text, encoding='utf-8')
        print(f'{"kept, for it fits" if kept else "wrote"}: {path}')
    return 0


def _need(module: str, what: str, wheels: str) -> None:
    """Import an optional library.  Raises BackendError that says how to install it."""
    import importlib
    try:
        importlib.import_module(module)
    except ImportError as e:
        raise BackendError(f'yolo12 export needs {what} ({e}): pip install {wheels}') from e


def _size(sides):
    """Return (height, width).  Raises ModelError."""
    if len(sides) > 2 or any(side < 32 or side % 32 for side in sides):
        raise ModelError(f'--imgsz {" ".join(map(str, sides))}: expected one or two multiples of '
                         '32, such as 640 or 384 640 (height, width)')
    return sides[0], sides[-1]


def _cut(path: Path, order: str):
    """Return (model, facts) from a stock ONNX."""
    import onnx
    from .onnx_heads import cut_heads, find_heads, rewrite_attention
    from .onnx_fold import fold
    from .onnx_opset import to_opset_11
    try:
        stock = onnx.load(str(path))
    except Exception as e:      # a missing file and protobuf's errors have no common base
        raise ModelError(f'{path} cannot be read as ONNX: {e}') from e
    model = onnx.ModelProto.FromString(stock.SerializeToString())
    fold(model)     # shapes that are looked up hide those of the heads
    pairs = find_heads(model)
    cut_heads(model, order)
    to_opset_11(model)
    fold(model)
    blocks = rewrite_attention(model)
    fold(model)     # transposes that now follow each other
    picture = probe(tuple(d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim))
    want = [head.tensor for pair in pairs
            for head in (pair if order == 'class-first' else pair[::-1])]
    stock.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in want)
    expected = [v.transpose(0, 2, 3, 1) for v in run_onnx(stock, picture, want)]
    return model, [('attention blocks rewritten', str(blocks), None),
                   difference_fact('cut against the stock model', expected,
                                   run_onnx(model, picture))]


def probe(shape) -> np.ndarray:
    """Return a picture to compare models with, float32 0..1: soft blobs and noise."""
    _, channels, height, width = shape
    rng = np.random.default_rng(1)
    coarse = rng.random((1, channels, height // 32, width // 32))
    soft = coarse.repeat(32, axis=2).repeat(32, axis=3)
    return (0.8 * soft + 0.2 * rng.random(shape)).astype(np.float32)


def run_onnx(model, picture, names=None):
    """Run a ModelProto on ONNX Runtime and return its outputs.  Raises ModelError."""
    try:
        import onnxruntime
    except ImportError as e:
        raise BackendError(f'onnxruntime is not installed ({e}): pip install onnxruntime') from e
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options,
                                               ['CPUExecutionProvider'])
        return session.run(names, {session.get_inputs()[0].name: picture})
    except Exception as e:      # onnxruntime's exceptions have no common base of their own
        raise ModelError(f'onnxruntime refuses the exported model: {e}') from e


def largest_difference(expected, got) -> float:
    """Return the largest absolute difference of two lists of arrays; infinity if shapes differ."""
    if [a.shape for a in expected] != [b.shape for b in got]:
        return float('inf')
    return float(np.max([np.abs(a - b).max() for a, b in zip(expected, got)]))   # NaN stays NaN


def difference_fact(what: str, expected, got):
    """Return a row of the table: (what, value, whether it holds)."""
    worst = largest_difference(expected, got)
    limit = max(TOLERANCE, SHARE * max(float(np.abs(a).max()) for a in expected))
    return what, f'max difference {worst:.1e} (limit {limit:.1e})', worst <= limit


def _graph_facts(model):
    from .onnx_opset import node_types, ON_BPU, opset
    parameters = sum(int(np.prod(i.dims)) for i in model.graph.initializer)
    others = {kind: n for kind, n in node_types(model).items() if kind not in ON_BPU}
    return [('parameters', f'{parameters / 1e6:.2f} M', None),
            ('opset', str(opset(model)), opset(model) == 11),
            ('nodes', f'{len(model.graph.node)}, of types that run on the BPU' if not others else
             f'hb_mapper may refuse these or run them on the CPU: {others}', not others or None)]


def class_names(model):
    """Return the names in Ultralytics' metadata, a dictionary printed by Python, or None."""
    import ast
    text = next((p.value for p in model.metadata_props if p.key == 'names'), None)
    try:
        names = ast.literal_eval(text) if text else None
    except (SyntaxError, ValueError):
        return None
    return [str(names[i]) for i in range(len(names))] if isinstance(names, dict) else None


def _companions(model, out: Path, order: str):
    """Return {path: text} of the JSON for the node and, where they are known, the class names."""
    from ..postprocess import HeadFormat
    from .head_form import config_values
    shapes = [[d.dim_value for d in o.type.tensor_type.shape.dim] for o in model.graph.output]
    if any(len(shape) != 4 or 0 in shape for shape in shapes):
        raise ModelError(f'the heads have the shapes {shapes}: expected fixed (1, H, W, channels)')
    height = model.graph.input[0].type.tensor_type.shape.dim[2].dim_value
    first = order == 'box-first'
    form = HeadFormat(shapes[first][3], shapes[not first][3] // 4,
                      tuple(height // s[1] for s in shapes[::2]))
    names, labels = class_names(model), out.with_suffix('.list')
    named = bool(names) and len(names) == form.class_num
    values = config_values(out.name, form, labels.name if named else '',
                           [k + i for k in range(0, len(shapes), 2) for i in (first, 1 - first)])
    texts = {out.with_suffix('.json'): json.dumps(values, indent=2) + '\n'}
    if named:
        texts[labels] = '\n'.join(names) + '\n'
    return texts


def _check_companions(texts, force: bool) -> None:
    """
    Raise ConfigError if a file is there that does not fit the new model, and may not be replaced.

    Thresholds may differ, they are the user's; so may the parser's name, they all mean one layout.
    """
    for path, text in texts.items():
        if not force and path.exists() and not _fits(path, text):
            raise ConfigError(f'{path} is there and does not fit this model: give another '
                              '--output, or --force to overwrite it')


def _fits(path: Path, text: str) -> bool:
    from ..config import load_config
    if path.suffix != '.json':
        return path.read_text(encoding='utf-8', errors='replace') == text
    try:
        known = load_config(path)
    except ConfigError:
        return False
    wanted = json.loads(text)
    name = known.model_file if known.model_file.is_absolute() else path.parent / known.model_file
    form, order = known.form, wanted.get('output_order')
    return all((
        name.resolve() == (path.parent / wanted['model_file']).resolve(),
        form.class_num == wanted['class_num'], form.reg_max == wanted['reg_max'],
        list(form.strides) == wanted['strides'],
        # it is there where shapes cannot tell; without it class comes first
        order is None or list(form.output_order or sorted(order)) == order,
        known.labels_file is not None or 'cls_names_list' not in wanted))


def _table(out: Path, model, facts) -> str:
    lines = [f'{out}: {out.stat().st_size / 1e6:.1f} MB']
    for what, value, holds in facts:
        mark = {True: 'ok', False: 'FAILED', None: ''}[holds]
        lines.append(f'  {what:<34} {value}  {mark}'.rstrip())
    for value in [*model.graph.input, *model.graph.output]:
        shape = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
        lines.append(f'  {value.name:<34} {shape}')
    return '\n'.join(lines)
