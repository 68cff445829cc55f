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
"""The readers of the vendor tools' logs, on recorded logs and on damaged ones."""
import re
import time

import numpy as np
import pytest
from recorded_heads import DATA
from yolo12_ros.errors import ModelError, Yolo12Error
from yolo12_ros.tools.compile_report import as_json, judge
from yolo12_ros.tools.hb_mapper_log import parse_mapper_log, scan_mapper_log
from yolo12_ros.tools.hb_mapper_progress import MapperProgress
from yolo12_ros.tools.hb_modifier_log import parse_modifier_log
from yolo12_ros.tools.head_form import derive_form
from yolo12_ros.tools.hrt_model_log import parse_model_log

GUIDE = DATA.parent / 'guide' / 'yolo12_rdk_x5_guide_cn.md'
COSINES = {'output0': 0.998886, '1051': 0.962690, '1065': 0.998879, '1073': 0.964953,
           '1087': 0.998451, '1095': 0.924581}
DEQUANTIZE = [f'/model.21/cv2.{i}/cv2.{i}.2/Conv_output_0_HzDequantize' for i in range(3)]


def recorded(path):
    """Return a recorded log, or skip."""
    if not path.is_file():
        pytest.skip(f'the recorded log {path.name} is not in {path.parent} '
                    '(set YOLO12_TEST_DATA)')
    return path.read_text(encoding='utf-8')


def guide_block(mark):
    """Return the last block of the guide that has a mark."""
    blocks = re.findall(r'```bash\n(.*?)```', recorded(GUIDE), re.DOTALL)
    return [b for b in blocks if mark in b][-1]


@pytest.fixture
def mapper_text():
    """Return the recorded log of hb_mapper."""
    return recorded(DATA / 'logs' / 'hb_mapper_log_yolo12n.txt')


@pytest.fixture
def model_text():
    """Return the recorded log of hrt_model_exec."""
    return recorded(DATA / 'logs' / 'hrt_model_exec_log_yolo12n.txt')


def test_recorded_mapper_log(mapper_text):
    log = parse_mapper_log(mapper_text)
    assert log.versions == {'hb_mapper': '1.24.3', 'hbdk': '3.49.15', 'horizon_nn': '1.1.0'}
    assert (len(log.nodes), len(log.cpu_nodes), log.subgraphs) == (401, 0, 1)
    assert {o.name: o.cosine for o in log.outputs} == COSINES
    assert [o.shape for o in log.outputs[:2]] == [(1, 80, 80, 80), (1, 80, 80, 64)]
    assert log.samples == 50 and log.converted and not log.errors
    estimate, = log.estimates
    assert (estimate.fps, estimate.latency_us, estimate.ddr_bytes) == (28.06, 35638.8, 149531184)
    assert log.settings['march'] == 'bayes-e' and log.settings['input_type_rt'] == 'nv12'
    report = judge(log, 'log')
    assert (report.problems, report.warnings) == ((), ())
    assert report.roles['1095'] == 'box, stride 32'
    assert [n.cosine for n in report.worst[:3]] == [0.633205, 0.635867, 0.646957]
    assert len(report.worst) == 10
    assert as_json(report)['nodes'] == {'all': 401, 'bpu': 401, 'cpu': []}


def test_mapper_log_of_the_guide():
    log = parse_mapper_log(guide_block('main quantized node information'))
    assert (len(log.nodes), len(log.cpu_nodes), log.subgraphs) == (393, 0, 1)
    assert {o.name: o.cosine for o in log.outputs} == COSINES
    assert log.estimates[0].fps == 54.28
    report = judge(log, 'guide')
    assert (report.problems, report.warnings) == ((), ())


def test_recorded_model_log(model_text):
    info = parse_model_log(model_text)
    assert info.name == 'yolo12n_detect_bayese_640x640_nv12'
    assert (info.input_type, info.input_shape) == ('HB_DNN_IMG_TYPE_NV12', (1, 3, 640, 640))
    assert [o.name for o in info.outputs] == list(COSINES)
    assert all(o.dtype == np.float32 and o.scales is None for o in info.outputs)
    form, notes = derive_form(info.outputs, (640, 640))
    assert (form.class_num, form.reg_max, form.strides, notes) == (80, 16, (8, 16, 32), [])


def test_stripped_model_of_the_guide():
    info = parse_model_log(guide_block('tensor type: HB_DNN_TENSOR_TYPE_S32'))
    boxes = [o for o in info.outputs if o.dtype == np.int32]
    assert [o.name for o in boxes] == ['1051', '1073', '1095']
    assert [o.scales.size for o in boxes] == [64, 64, 64]
    assert boxes[0].scales[0] == np.float32(0.000383288)
    assert sum(o.scales is None for o in info.outputs) == 3


def test_modifier_logs_of_the_guide():
    listing = parse_modifier_log(guide_block('op_type: "Dequantize"'))
    assert [n.name for n in listing.nodes] == DEQUANTIZE
    assert [n.outputs for n in listing.nodes] == [('1051',), ('1073',), ('1095',)]
    assert listing.nodes[0].inputs[1] == '/model.21/cv2.0/cv2.0.2/Conv_x_scale'
    removal = parse_modifier_log(guide_block('is removed'))
    assert list(removal.removed) == DEQUANTIZE
    assert removal.saved == 'yolo12n_detect_bayese_640x640_nv12_modified.bin'


def test_a_mapper_log_cut_anywhere_never_serves(mapper_text):
    end = mapper_text.index('Convert to runtime bin file')
    table = mapper_text.index('The main quantized node information')
    cuts = [*range(20000, table, 1999), *range(table, end, 499), end]
    for cut in cuts:
        report = judge(scan_mapper_log(mapper_text[:cut]), 'log')
        assert report.problems, cut
        assert 'cut short' in report.problems[0]


def test_a_run_that_ends_before_the_bin_is_written_does_not_serve(mapper_text):
    end = mapper_text.index('Convert to runtime bin file')
    report = judge(scan_mapper_log(mapper_text[:end] + '\nOSError: No space left on device\n'),
                   'log')
    assert 'No space left on device' in report.problems[0]


def test_a_model_log_cut_anywhere_is_refused_or_short(model_text):
    whole = parse_model_log(model_text)
    for cut in range(0, model_text.index('stride: (102400')):
        try:
            info = parse_model_log(model_text[:cut])
        except Yolo12Error:
            continue
        assert len(info.outputs) < 6 or info.outputs == whole.outputs


def test_of_several_runs_the_last_counts(mapper_text):
    end = mapper_text.index('The main quantized node information')
    log = parse_mapper_log(mapper_text + '\n' + mapper_text[:end])
    assert not log.converted and not log.nodes and log.stage.startswith('compile')


def test_screen_and_file_form_are_read_alike(mapper_text):
    screen = re.sub(r' file: \S+ func: \S+ line No: \d+ ', ' INFO ', mapper_text)
    assert parse_mapper_log(screen) == parse_mapper_log(mapper_text)


def test_windows_line_ends(mapper_text, model_text):
    assert parse_mapper_log(mapper_text.replace('\n', '\r\n')) == parse_mapper_log(mapper_text)
    assert parse_model_log(model_text.replace('\n', '\r\n')).input_shape == (1, 3, 640, 640)


def test_progress_follows_the_recorded_log(mapper_text, monkeypatch, tmp_path):
    percents = []
    monkeypatch.setattr('yolo12_ros.tools.progress.Progress.advance',
                        lambda self, n=1, text='': percents.append(n))
    with MapperProgress('hb_mapper', tmp_path / 'none.log') as progress:
        progress._progress.done = 0
        for line in mapper_text.splitlines():
            progress.line(line)
            progress._progress.done = sum(percents)
    assert sum(percents) == 100 and min(percents) == 0


def test_progress_follows_the_file_of_a_tool_that_prints_nothing(mapper_text, tmp_path):
    log = tmp_path / 'hb_mapper.log'
    log.write_text(mapper_text)
    progress = MapperProgress('hb_mapper', log)
    with progress:
        pass
    assert progress._progress.done == 100


def test_progress_moves_although_nothing_is_said(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr('yolo12_ros.tools.progress.Progress.advance',
                        lambda self, n=1, text='': shown.append(text))
    with MapperProgress('hb_mapper', tmp_path / 'none.log') as progress:
        progress.line('Start to calibrate the model.')
        deadline = time.monotonic() + 10
        while len(shown) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
    assert len(shown) >= 3 and set(shown) == {'calibrate the model'}


def test_errors_are_found():
    text = ('2026-02-20 01:32:30,405 INFO Start hb_mapper....\n'
            'Traceback (most recent call last):\n  File "a.py", line 5, in build\n'
            'horizon_nn.common.ModelError: Op Softmax of opset 17\n')
    assert parse_mapper_log(text).errors == ('horizon_nn.common.ModelError: Op Softmax of opset '
                                             '17',)
    log = scan_mapper_log('2026-02-20 01:32:30,405 ERROR cal_data_dir does not exist\nKilled\n')
    assert log.errors == ('cal_data_dir does not exist', 'Killed')


def test_node_names_with_blanks_and_the_old_title():
    text = ('Node       ON   Subgraph  Type     Cosine Similarity  Threshold  In/Out DataType\n'
            '-----------\n'
            'my node 1      BPU  id(0)     HzLut    0.9                1.0        int8/int8\n'
            'Softmax        CPU  --        Softmax  0.8                --         float/float\n')
    first, second = scan_mapper_log(text).nodes
    assert (first.name, first.subgraph, first.cosine, first.dtype) == \
        ('my node 1', 0, 0.9, 'int8/int8')
    assert (second.device, second.subgraph) == ('CPU', None)


@pytest.mark.parametrize('parse, wanted', [
    (parse_mapper_log, 'is not a log of hb_mapper'),
    (parse_model_log, 'is not a log of hrt_model_exec'),
    (parse_modifier_log, 'is not a log of hb_model_modifier')])
@pytest.mark.parametrize('text', ['', 'Dear diary', '\x00\x01'])
def test_other_texts_are_refused(parse, wanted, text):
    with pytest.raises(ModelError, match=f'notes.txt {wanted}'):
        parse(text, 'notes.txt')


MODEL = """[model name]: net

input[0]:
name: images
valid shape: (1,3,64,64,)
tensor type: HB_DNN_IMG_TYPE_NV12
quanti type: NONE

output[0]:
name: box
valid shape: (1,8,8,4,)
tensor type: HB_DNN_TENSOR_TYPE_S16
quanti type: SCALE
scale data: 0.5,0.25,0.125,1,
quantizeAxis: 3
"""


def test_a_quantised_output():
    box, = parse_model_log(MODEL).outputs
    assert box.dtype == np.int16 and box.scales.tolist() == [0.5, 0.25, 0.125, 1]


@pytest.mark.parametrize('old, new, wanted', [
    ('0.5,0.25,', '0.5,', 'output 0 has 3 scales: expected 4'),
    ('0.5,0.25', '0.5,1e-', 'cannot be read'),
    ('TYPE_S16', 'TYPE_S4', 'is of type HB_DNN_TENSOR_TYPE_S4: expected one of'),
    ('quanti type: SCALE\n', '', 'no quanti type: the log is cut short'),
    ('(1,8,8,4,)', '(1,8,', 'no valid shape: the log is cut short'),
    ('(1,8,8,4,)', '(1,8,x,4,)', 'cannot be read'),
    ('output[0]:', 'output', '0 outputs: expected one input')])
def test_a_damaged_model_log(old, new, wanted):
    with pytest.raises(ModelError, match=re.escape(wanted)):
        parse_model_log(MODEL.replace(old, new))


def test_two_models_in_a_file():
    both = MODEL + MODEL.replace('net', 'other').replace('0.5', '2')
    with pytest.raises(ModelError, match='the models net, other: name one of them'):
        parse_model_log(both)
    assert parse_model_log(both, name='other').outputs[0].scales[0] == 2
    with pytest.raises(ModelError, match='not third'):
        parse_model_log(both, name='third')
