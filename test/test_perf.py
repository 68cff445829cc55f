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

"""`yolo12 perf`: its numbers against what a stand-in of known duration must give."""
import json
import time

import cv2
import numpy as np
import pytest
from yolo12_ros import backends
from yolo12_ros.backends import TensorInfo
from yolo12_ros.backends.threaded import ThreadedModel
from yolo12_ros.errors import BackendError
from yolo12_ros.timing import STAGES
from yolo12_ros.tools import command
from yolo12_ros.tools.perf_run import Span, TRACKS

SECONDS = 0.01


class Sleeper(ThreadedModel):
    """A model of 64x64 that takes 10 ms and sees nothing; `broken` ones fail."""

    broken = False

    def __init__(self, slots=2):
        self.name, self.backend, self.input_size = 'sleeper', 'made in the test', (64, 64)
        self.outputs = tuple(TensorInfo(f'o{i}', (1, 8, 8, n), np.dtype('float32'))
                             for i, n in enumerate((80, 64)))
        super().__init__(slots)

    def run(self, nv12):
        """Sleep."""
        time.sleep(SECONDS)
        if self.broken:
            raise BackendError('the power is gone')
        return [np.full((1, 8, 8, n), -20, np.float32) for n in (80, 64)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder with config.json, a model file and two pictures; models are Sleepers."""
    (tmp_path / 'm.onnx').write_bytes(b'stand-in')
    (tmp_path / 'config.json').write_text(json.dumps(
        {'model_file': 'm.onnx', 'strides': [8], 'dnn_Parser': 'yolov12'}))
    for name in ('a.png', 'b.jpg'):
        cv2.imwrite(str(tmp_path / name), np.full((48, 64, 3), 90, np.uint8))
    monkeypatch.setattr(backends, 'open_model',
                        lambda path, backend='auto', slots=2, **options: Sleeper(slots))
    return tmp_path


def run(folder, *more):
    """Run the verb for a moment."""
    return command.main(['perf', '--config', str(folder / 'config.json'), '--seconds', '0.6',
                         *map(str, more)])


def test_random_frames(folder, capsys):
    """Stages, throughput and context; one request after the other takes 10 ms each at least."""
    out = folder / 'p.json'
    assert run(folder, '--in-flight', 1, 3, '--size', '160x90', '--json', out, '--render') == 0
    text = capsys.readouterr().out
    assert '1 in flight' in text and '3 in flight' in text and 'made in the test' in text
    data = json.loads(out.read_text())
    assert [m['in_flight'] for m in data['measurements']] == [1, 3]
    for m in data['measurements']:
        stages = m['stages_ms']
        assert set(stages) == set(STAGES) - {'publish'}
        assert stages['infer']['p50'] >= SECONDS * 1e3
        assert stages['latency']['p50'] >= stages['infer']['p50']
        for s in stages.values():
            assert 0 <= s['p50'] <= s['p95'] <= s['p99']
        assert 1 < m['results_per_second'] <= 1.05 / SECONDS
        assert m['counts']['processed'] <= m['counts']['received']
    assert {'machine', 'governor', 'model_sha256', 'command', 'numpy', 'opencv'} <= \
        set(data['context'])


def test_paced_pictures(folder):
    """At 20 Hz there are 20 frames a second at most, and none is dropped by that."""
    out = folder / 'p.json'
    assert run(folder, '--in-flight', 2, '--images', folder, '--rate', 20, '--json', out) == 0
    m, = json.loads(out.read_text())['measurements']
    assert m['counts']['received'] <= 13
    assert 'render' not in m['stages_ms']


def test_picture_of_the_stages(folder):
    """A PNG with a row for each measurement."""
    pytest.importorskip('matplotlib')
    assert run(folder, '--in-flight', 1, 2, '--png', folder / 'p.png', '--render') == 0
    height, width, _ = cv2.imread(str(folder / 'p.png')).shape
    assert height > 600 and width > 1000


def test_a_failing_inference_ends_the_run(folder, monkeypatch, capsys):
    """With its own words, not with a hang."""
    monkeypatch.setattr(Sleeper, 'broken', True)
    assert run(folder) == 1
    assert 'the power is gone' in capsys.readouterr().err


def test_too_few_results_are_no_measurement(folder, capsys):
    assert run(folder, '--seconds', '0.03') == 1
    assert 'which do not count: raise --seconds' in capsys.readouterr().err


@pytest.mark.parametrize('arguments, words', [
    (['--png', 'none/x.png'], ['--png none/x.png', 'the folder none does not exist']),
    (['--size', '12'], ["'12'", '1280x720']),
    (['--size', '0x5'], ["'0x5'", '1280x720']),
    (['--in-flight', '0'], ['--in-flight', '[0]', 'positive']),
    (['--seconds', '-1'], ['--seconds', '-1', 'positive']),
    (['--images', 'nowhere'], ['nowhere', 'does not exist']),
])
def test_errors_of_the_user(folder, capsys, arguments, words):
    """Name what was given and what is expected."""
    assert run(folder, *arguments) == 1
    error = capsys.readouterr().err
    assert all(word in error for word in words), error


def test_every_stage_has_a_track():
    """The names are those of diagnostics and perfs."""
    assert set(TRACKS) == set(STAGES) - {'latency'}


def test_spans_follow_each_other(folder, monkeypatch):
    """For each frame: decode, letterbox, infer, postprocess, without a gap."""
    from yolo12_ros.tools import perf_run
    made = []
    original = perf_run.Measurement.__init__

    def keep(self, *arguments):
        original(self, *arguments)
        made.append(self)
    monkeypatch.setattr(perf_run.Measurement, '__init__', keep)
    assert run(folder, '--in-flight', 2) == 0
    frames = {}
    for span in made[0].spans:
        assert isinstance(span, Span) and span.end >= span.start
        frames.setdefault(span.frame, {})[span.stage] = span
    assert len(frames) > 3
    for stages in frames.values():
        assert stages['decode'].end == pytest.approx(stages['letterbox'].start)
        assert stages['letterbox'].end == pytest.approx(stages['infer'].start)
        assert stages['infer'].end == pytest.approx(stages['postprocess'].start)
