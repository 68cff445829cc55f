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

"""`yolo12 quantize`: an estimate, on a PC, of what int8 quantisation for the BPU costs."""
from pathlib import Path

import numpy as np

from ..errors import BackendError, ConfigError, ModelError

DESCRIPTION = 'Estimate int8 quantisation on a PC; hb_mapper on calibration data decides.'
EXAMPLE = '  yolo12 quantize yolo12n.onnx --calibration calibration_f32'
# name: onnxruntime's calibrator and its options.  The average of each picture's range does not let
# one odd picture spoil the range of all.  Histograms of one picture at a time fit in the memory.
_HISTOGRAM = {'CalibStridedMinMax': 1}
METHODS = {'average': ('MinMax', {'CalibMovingAverage': True}), 'minmax': ('MinMax', {}),
           'percentile': ('Percentile', {'CalibPercentile': 99.995, **_HISTOGRAM}),
           'entropy': ('Entropy', _HISTOGRAM)}


def add_arguments(parser) -> None:
    """Declare the command line."""
    parser.add_argument('model', type=Path, help='six-head float ONNX, from yolo12 export')
    parser.add_argument('--calibration', type=Path, default=Path('calibration_f32'),
                        metavar='FOLDER', help='what yolo12 calibrate made: raw float32 RGB '
                        '0..255, NCHW (default: %(default)s)')
    parser.add_argument('--output', type=Path, metavar='FILE',
                        help="file to write (default: the model's name with _int8_estimate)")
    parser.add_argument('--limit', type=int, default=100, metavar='N',
                        help='calibration pictures to use at most (default: 100)')
    parser.add_argument('--method', choices=tuple(METHODS), default='average',
                        help='how ranges are chosen (default: average); percentile and entropy '
                        'take several times as long')


def main(args) -> int:
    """Run the verb."""
    try:
        import onnx
        import onnxruntime.quantization     # noqa: F401 (only to see whether it is there)
    except ImportError as e:
        raise BackendError(f'yolo12 quantize needs onnx and onnxruntime ({e}): '
                           'pip install onnx onnxruntime') from e
    from .calibration_data import calibration_files, read_picture
    from .int8_estimate import estimate
    from .onnx_file import make_room, save
    from .onnx_heads import input_size
    from .progress import Progress

    if args.limit < 1:
        raise ConfigError(f'--limit is {args.limit}: expected at least 1, 20 to 50 are usual')
    try:
        model = onnx.load(str(args.model))
    except Exception as e:      # a missing file and protobuf's errors have no common base
        raise ModelError(f'{args.model} cannot be read as ONNX: {e}') from e
    out = args.output or Path(f'{args.model.stem}_int8_estimate.onnx')
    if out.resolve() == args.model.resolve():
        raise ConfigError(f'--output {out} is the float model itself: give another name')
    make_room('--output', out)
    size = input_size(model)
    files = calibration_files(args.calibration, size)[:args.limit]
    with Progress(2 * len(files), 'quantize') as progress:
        def pictures():
            for path in files:
                picture = read_picture(path, size) / np.float32(255)
                progress.advance(text=path.name)
                yield picture

        quantised = estimate(model, pictures(), len(files), args.method)
        save(quantised, out)
        heads = _compare(args.model, out, pictures())
    print(f'{out}: {out.stat().st_size / 1e6:.1f} MB, int8 ESTIMATE by onnxruntime from '
          f'{len(files)} pictures ({args.method}); the BPU rounds in its own way')
    print('  head            cosine   largest difference')
    for head in heads:
        print(f'  {head.name:<15} {head.cosine:.5f}  {head.largest:.3f}')
    print(f'boxes: yolo12 compare {args.model} {out} PICTURES --config CONFIG')
    return 0


def _compare(before: Path, after: Path, pictures):
    """Return the differences of the heads, over the calibration pictures."""
    from ..backends import open_model
    from .compare import HeadDifference
    with open_model(before) as a, open_model(after) as b:
        heads = [HeadDifference(o.name) for o in a.outputs]
        for picture in pictures:
            rgb = np.rint(picture[0].transpose(1, 2, 0) * 255).astype(np.uint8)
            for head, info, x, y in zip(heads, b.outputs, a.run_rgb(rgb), b.run_rgb(rgb)):
                head.add(x, y if info.scales is None else y * info.scales)
    return heads
