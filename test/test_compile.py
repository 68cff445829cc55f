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
"""`yolo12 compile` against a stand-in for hb_mapper: what it writes, runs, says and refuses."""
import json
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from vendor_tools import PREFIX, put_on_path, run, save_onnx, SHAPES
from yolo12_ros.tools.compile_markdown import summary
from yolo12_ros.tools.compile_report import judge
from yolo12_ros.tools.hb_mapper_config import MapperConfig, node_options
from yolo12_ros.tools.hb_mapper_log import Estimate, MapperLog, Node, Output


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Return the arguments of a good run, with hb_mapper on PATH."""
    put_on_path(tmp_path, monkeypatch, 'hb_mapper')
    calibration = tmp_path / 'calibration_f32'
    calibration.mkdir()
    first = calibration / '0.rgb'
    first.write_bytes(np.full((3, 640, 640), 128, np.float32).tobytes())
    for i in range(1, 20):
        os.link(first, calibration / f'{i}.rgb')
    return ['compile', save_onnx(tmp_path / 'net.onnx'), '--calibration', calibration,
            '--output', tmp_path / 'build']


def _touch(path):
    path.write_bytes(b'')
    return path


def report_of(tmp_path):
    """Return the JSON report."""
    return json.loads((tmp_path / 'build' / 'report.json').read_text())


def test_success(job, tmp_path, capsys):
    code, out, err = run(capsys, *job)
    assert code == 0
    assert '20 calibration pictures of 640x640' in out
    assert 'all 15 on the BPU, 1 subgraph (15 int8)' in out
    assert 'ranges     from 20 pictures by max-percentile:percentile=0.99995' in out
    assert '54.28 FPS, 18.42 ms, 69.1 MB' in out
    assert out.count('cosine 0.9') == 6
    assert 'the model would serve the node' in out
    assert 'hb_mapper makertbin: 100/100 in' in err
    report = report_of(tmp_path)
    assert report['serves'] and not report['problems'] and not report['warnings']
    assert report['model'] == str(tmp_path / 'build' / 'bpu_model_output' / f'{PREFIX}.bin')
    assert report['versions']['hb_mapper'] == '1.24.3'
    assert report['bpu_subgraphs'] == 1 and report['nodes'] == {'all': 15, 'bpu': 15, 'cpu': []}
    assert [o['shape'] for o in report['outputs']] == [list(s) for s in SHAPES.values()]
    assert [n['cosine'] for n in report['worst_nodes']][:2] == [0.633205, 0.635867]
    assert len(report['worst_nodes']) == 10
    assert report['estimates'] == [{'fps': 54.28, 'latency_us': 18423.3, 'ddr_bytes': 69137136}]
    assert report['calibration_pictures'] == 20 and report['hb_perf'] == []
    text = (tmp_path / 'build' / 'report.md').read_text()
    assert '| 1095 | (1, 20, 20, 64) | box, stride 32 | 0.924581 |' in text
    assert '## The 10 worst nodes' in text


def test_hb_perf_draws_where_it_is_installed(job, tmp_path, monkeypatch, capsys):
    (tmp_path / 'more').mkdir()
    put_on_path(tmp_path / 'more', monkeypatch, 'hb_mapper', 'hb_perf')
    assert run(capsys, *job)[0] == 0
    picture = f'hb_perf_result/{PREFIX}/{PREFIX}.png'
    assert report_of(tmp_path)['hb_perf'] == [picture]
    assert f'![{picture}]({picture})' in (tmp_path / 'build' / 'report.md').read_text()
    log = tmp_path / 'build' / 'hb_mapper_makertbin.log'
    assert run(capsys, 'compile', '--log', log, '--report', tmp_path / 'mine.md')[0] == 0
    assert f'(build/{picture})' in (tmp_path / 'mine.md').read_text()
    code, out, _ = run(capsys, *job)
    assert code == 0 and f'renamed {log.parent}/hb_perf_result/{PREFIX} of an earlier run' in out
    assert (log.parent / 'hb_perf_result' / f'{PREFIX}.old' / f'{PREFIX}.png').is_file()
    assert run(capsys, *job, '--name', 'other')[0] == 0
    assert report_of(tmp_path)['hb_perf'] == ['hb_perf_result/other/other.png']


@pytest.mark.parametrize('case, wanted', [
    ('cpu_node', "problem    1 of the model's nodes on the CPU, 2 BPU subgraphs: "
     '/model.6/m.0/m.0.0/attn/ReduceMax (ReduceMax)'),
    ('low_cosine', 'problem    output 1095 has cosine similarity 0.812345: expected at least 0.9'),
    ('missing_output', 'problem    the model does not fit the configuration: no class and box '
     'output for stride 32'),
    ('crash', 'problem    hb_mapper failed while it was to calibrate the model: RuntimeError: '
     'Non-zero status code returned while running MatMul node'),
    ('killed', 'problem    hb_mapper was ended by signal 9 while it was to compile the model with '
     'march bayes-e, without an error message'),
    ('no_bin', 'problem    hb_mapper wrote no ')])
def test_a_model_that_would_not_serve(job, tmp_path, monkeypatch, capsys, case, wanted):
    monkeypatch.setenv('FAKE_HB_MAPPER', case)
    code, out, _ = run(capsys, *job)
    assert code == 1
    assert wanted in out
    assert 'would NOT serve the node' in out
    assert not report_of(tmp_path)['serves']
    assert '## Problems' in (tmp_path / 'build' / 'report.md').read_text()


def test_a_missing_output_without_knowing_the_model(job, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('FAKE_HB_MAPPER', 'missing_output')
    run(capsys, *job)
    code, out, _ = run(capsys, 'compile', '--log', tmp_path / 'build' / 'hb_mapper_makertbin.log')
    assert code == 1
    assert 'stride 32 has 1 output (1087 (1, 20, 20, 80)): expected a class and a box' in out


def test_the_cpu_node_is_named_in_the_report(job, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('FAKE_HB_MAPPER', 'cpu_node')
    run(capsys, *job)
    report = report_of(tmp_path)
    assert report['nodes']['bpu'] == 14 and report['bpu_subgraphs'] == 2
    assert report['nodes']['cpu'][0]['name'] == '/model.6/m.0/m.0.0/attn/ReduceMax'
    assert '## Nodes on the CPU' in (tmp_path / 'build' / 'report.md').read_text()


def test_the_checker_refuses(job, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('FAKE_HB_MAPPER', 'refuse')
    code, out, _ = run(capsys, *job)
    assert code == 1
    assert re.search(
        r'problem    hb_mapper checker refuses net.onnx: The opset version of the onnx model is '
        r'17, only 10 and 11 are supported; see \S+hb_mapper_checker_output.log\n', out)
    assert not (tmp_path / 'build' / 'hb_mapper_makertbin.log').exists()
    assert not report_of(tmp_path)['serves']


def test_a_silent_tool_is_read_from_its_log(job, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('FAKE_HB_MAPPER', 'quiet')
    code, out, _ = run(capsys, *job)
    assert code == 0 and 'all 15 on the BPU' in out


def test_an_old_result_does_not_pass_for_a_new_one(job, tmp_path, monkeypatch, capsys):
    assert run(capsys, *job)[0] == 0
    monkeypatch.setenv('FAKE_HB_MAPPER', 'no_bin')
    assert run(capsys, *job)[0] == 1
    monkeypatch.delenv('FAKE_HB_MAPPER')
    assert run(capsys, *job)[0] == 0
    models = tmp_path / 'build' / 'bpu_model_output'
    monkeypatch.setenv('PATH', '')
    assert run(capsys, *job)[0] == 3
    assert (models / f'{PREFIX}.bin').is_file()     # nothing was compiled: the model stays
    left = {p.name for p in (tmp_path / 'build').iterdir()}
    names = {'report.md', 'report.json', 'hb_mapper_makertbin.log'}
    assert not left & names and {f'{name}.old' for name in names} <= left


def test_a_run_that_breaks_off_leaves_the_old_model_under_another_name(
        job, tmp_path, monkeypatch, capsys):
    assert run(capsys, *job)[0] == 0
    models = tmp_path / 'build' / 'bpu_model_output'
    (models / f'{PREFIX}_modified.bin').write_text('stripped')
    old = (models / f'{PREFIX}.bin').read_bytes()
    monkeypatch.setenv('FAKE_HB_MAPPER', 'crash')
    assert run(capsys, *job)[0] == 1
    assert (models / f'{PREFIX}.bin.old').read_bytes() == old
    assert (models / f'{PREFIX}_modified.bin.old').read_text() == 'stripped'
    assert not list(models.glob('*.bin'))


def test_a_record_that_cannot_be_written_starts_no_tool(job, tmp_path, capsys):
    (tmp_path / 'build' / 'hb_mapper_checker_output.log').mkdir(parents=True)
    code, _, err = run(capsys, *job)
    assert code == 1
    assert f'cannot write {tmp_path}/build/hb_mapper_checker_output.log: Is a directory' in err
    assert not (tmp_path / 'build' / 'hb_mapper_checker.log').exists()


def test_a_model_of_hb_mapper_is_no_float_model(job, tmp_path, capsys):
    onnx = pytest.importorskip('onnx')
    value = onnx.helper.make_tensor_value_info('x', onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node('HzCalibration', ['x'], ['y'], domain='horizon')
    onnx.save(onnx.helper.make_model(
        onnx.helper.make_graph([node], 'g', [value], [onnx.helper.make_tensor_value_info(
            'y', onnx.TensorProto.FLOAT, [1])]), ir_version=6, opset_imports=[
            onnx.helper.make_opsetid('', 11), onnx.helper.make_opsetid('horizon', 1)]),
        str(tmp_path / 'net.onnx'))
    code, _, err = run(capsys, *job)
    assert code == 1 and 'net.onnx is no float model of `yolo12 export`' in err


def test_a_folder_as_report(job, tmp_path, capsys):
    code, _, err = run(capsys, *job, '--report', tmp_path)
    assert code == 1 and f'--report {tmp_path} is a folder: expected the name of a file' in err


def test_min_cosine_and_config(job, tmp_path, capsys):
    code, out, _ = run(capsys, *job, '--min-cosine', '0.95')
    assert code == 1 and 'output 1095 has cosine similarity 0.924581' in out
    (tmp_path / 'c.json').write_text('{"model_file": "a.bin", "class_num": 3}')
    code, _, err = run(capsys, *job, '--config', tmp_path / 'c.json')
    assert code == 1 and 'perhaps "class_num" should be 80' in err


def test_a_log_cut_short(job, tmp_path, capsys):
    run(capsys, *job)
    log = tmp_path / 'build' / 'hb_mapper_makertbin.log'
    text = log.read_text()
    for mark, stage in (('End to calibrate', 'calibrate'), ('/model.20/cv2', 'compile')):
        log.write_text(text[:text.index(mark)])
        code, out, _ = run(capsys, 'compile', '--log', log)
        assert code == 1
        assert f'the log is cut short: it ends while it was to {stage} the model' in out
    log.write_text(text)
    code, out, _ = run(capsys, 'compile', '--log', log, '--report', tmp_path / 'new' / 'mine')
    assert code == 0 and (tmp_path / 'new' / 'mine.md').is_file()


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-16'])       # PowerShell's > writes the latter
def test_what_stood_on_the_screen_is_judged_too(job, tmp_path, capsys, encoding):
    run(capsys, *job)
    screen = (tmp_path / 'build' / 'hb_mapper_makertbin_output.log').read_text()
    assert '\x1b[92mINFO' in screen
    (tmp_path / 'screen.txt').write_text(screen, encoding=encoding)
    code, out, _ = run(capsys, 'compile', '--log', tmp_path / 'screen.txt')
    assert code == 0 and 'the model would serve the node' in out


def test_without_hb_mapper_the_docker_command_is_printed(job, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('PATH', '')
    code, out, _ = run(capsys, *job)
    assert code == 3
    build = tmp_path / 'build'
    for part in (f'-v {build}:{build}', f'-v {tmp_path}/calibration_f32:', f'-v {tmp_path}:',
                 f'-w {build} openexplorer/ai_toolchain_ubuntu_20_x5_cpu:v1.2.8',
                 'hb_mapper checker --model-type onnx --march bayes-e --model',
                 f'hb_mapper makertbin --model-type onnx --config {build}/{PREFIX}.yaml',
                 'yolo12 compile --log'):
        assert part in out
    assert (build / f'{PREFIX}.yaml').is_file()


def test_the_yaml(job, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('PATH', '')
    run(capsys, *job, '--precision', 'int16', '--method', 'percentile', '--node',
        '/model.6/attn/Exp=int16',
        '--node', 'a=b=cpu', '--jobs', '3')
    text = (tmp_path / 'build' / f'{PREFIX}.yaml').read_text()
    yaml = pytest.importorskip('yaml', reason='PyYAML is not installed')
    assert yaml.safe_load(text) == {
        'model_parameters': {
            'onnx_model': str(tmp_path / 'net.onnx'), 'march': 'bayes-e', 'layer_out_dump': False,
            'working_dir': str(tmp_path / 'build' / 'bpu_model_output'),
            'output_model_file_prefix': PREFIX,
            'node_info': {'/model.6/attn/Exp': {'ON': 'BPU', 'InputType': 'int16',
                                                'OutputType': 'int16'}, 'a=b': {'ON': 'CPU'}}},
        'input_parameters': {
            'input_name': '', 'input_type_rt': 'nv12', 'input_type_train': 'rgb',
            'input_layout_train': 'NCHW', 'norm_type': 'data_scale',
            'scale_value': 0.003921568627451},
        'calibration_parameters': {
            'cal_data_dir': str(tmp_path / 'calibration_f32'), 'cal_data_type': 'float32',
            'calibration_type': 'max', 'max_percentile': 0.99995,
            'optimization': 'set_all_nodes_int16'},
        'compiler_parameters': {'jobs': 3, 'compile_mode': 'latency', 'debug': True,
                                'optimize_level': 'O3'}}


def test_int8_is_the_default_and_strings_are_quoted():
    text = MapperConfig(Path('/a "b".onnx'), Path('/cal'), Path('/out'), 'net').yaml()
    assert 'int16' not in text and 'node_info' not in text
    assert r'onnx_model: "/a \"b\".onnx"' in text


@pytest.mark.parametrize('change, wanted', [
    (lambda job, path: job[:1], 'give MODEL.onnx and --calibration FOLDER, or --log FILE'),
    (lambda job, path: [*job, '--log', path / 'x.log'], 'give either MODEL.onnx or --log'),
    (lambda job, path: ['compile', '--log', path / 'x.log'], 'cannot read'),
    (lambda job, path: ['compile', '--log', _touch(path / 'empty.log')],
     'empty.log is not a log of hb_mapper'),
    (lambda job, path: [job[0], path / 'no.onnx', *job[2:]], 'no.onnx is not an existing .onnx'),
    (lambda job, path: [*job, '--node', 'Softmax=fp16'],
     '--node Softmax=fp16: expected NODE=PLACE with PLACE one of int8, int16, cpu'),
    (lambda job, path: [*job, '--name', '../a'], '--name ../a: expected letters'),
    (lambda job, path: [*job, '--jobs', '0'], '--jobs is 0: expected at least 1'),
    (lambda job, path: [*job, '--min-cosine', '95'], '--min-cosine is 95.0: expected a cosine'),
    (lambda job, path: [*job, '--calibration', path / 'none'], 'none does not exist'),
    (lambda job, path: [*job, '--output', _touch(path / 'file')], 'cannot write to --output'),
    (lambda job, path: [*job, '--report', _touch(path / 'file') / 'r'],
     'cannot write the report')])
def test_bad_input(job, tmp_path, capsys, change, wanted):
    code, _, err = run(capsys, *change(job, tmp_path))
    assert code == 1
    last = err.strip().splitlines()[-1]
    assert last.startswith('yolo12 compile: error: ') and wanted in last


def test_calibration_data_is_checked_first(job, tmp_path, capsys):
    folder = tmp_path / 'calibration_f32'
    (folder / 'manifest.json').write_text('{}')
    code, _, err = run(capsys, *job)
    assert code == 1 and 'manifest.json has 2 bytes: expected 4915200' in err
    (folder / 'manifest.json').unlink()
    (folder / 'sub').mkdir()
    assert 'sub is no file' in run(capsys, *job)[2]
    for path in folder.glob('*.rgb'):
        path.unlink()
    (folder / 'sub').rmdir()
    assert 'is empty: make the folder with `yolo12 calibrate' in run(capsys, *job)[2]


def test_calibration_values_are_checked_too(job, tmp_path, capsys):
    unit = np.linspace(0, 1, 3 * 640 * 640, dtype=np.float32)
    (tmp_path / 'calibration_f32' / '20.rgb').write_bytes(unit.tobytes())
    code, _, err = run(capsys, *job)
    assert code == 1 and '20.rgb: the values run from 0 to 1: expected RGB of 0 to 255' in err


def test_names_with_blanks(job, tmp_path, monkeypatch, capsys):
    os.rename(tmp_path / 'net.onnx', tmp_path / 'my net.onnx')
    words = [job[0], tmp_path / 'my net.onnx', *job[2:4], '--output', tmp_path / 'b c']
    assert run(capsys, *words, '--node', 'mean=int16', '--node', 'no such=cpu')[:2][0] == 0
    assert (tmp_path / 'b c' / 'bpu_model_output' / f'my_{PREFIX}.bin').is_file()
    monkeypatch.setenv('PATH', '')
    out = run(capsys, *words, '--node', 'no such=cpu')[1]
    assert 'note: my net.onnx has no node no such: --node is in vain' in out
    assert f"yolo12 compile --log '{tmp_path}/b c/hb_mapper_makertbin.log'" in out


def test_a_quantised_model_is_refused_before_the_run(job, tmp_path, capsys):
    onnx = pytest.importorskip('onnx')
    model = onnx.load(str(tmp_path / 'net.onnx'))
    kept = model.graph.output[1].name
    model.graph.output[1].name = 'int8'
    model.graph.output[1].type.tensor_type.elem_type = onnx.TensorProto.INT32
    model.graph.node.append(onnx.helper.make_node('Cast', [kept], ['int8'],
                                                  to=onnx.TensorProto.INT32))
    onnx.save(model, str(tmp_path / 'net.onnx'))
    assert 'net.onnx is quantised already: give the float model' in run(capsys, *job)[2]


def test_a_stock_export_is_refused_before_the_run(job, tmp_path, capsys):
    save_onnx(tmp_path / 'net.onnx', {'output0': (1, 84, 8400, 1)})
    code, _, err = run(capsys, *job)
    assert code == 1 and 'is no raw head' in err and 'yolo12 export' in err


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_tool_and_what_it_started(tmp_path, number):
    tool = tmp_path / 'hb_mapper'
    tool.write_text(f'#!{sys.executable}\nimport os, subprocess, time\n'
                    'child = subprocess.Popen(["sh", "-c", "trap \'\' TERM; sleep 60"])\n'
                    f'pids = open({str(tmp_path / "pids")!r}, "w")\n'
                    'print(os.getpid(), child.pid, file=pids, flush=True)\n'
                    'print("ready", flush=True)\ntime.sleep(60)\n')
    tool.chmod(0o755)
    code = ('import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n'
            'from pathlib import Path\nfrom yolo12_ros.tools.toolchain import run\n'
            f'run([{str(tool)!r}], Path({str(tmp_path)!r}), "a.log", '
            'lambda line: print(line, flush=True))\n')
    process = subprocess.Popen(
        [sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)})
    assert process.stdout.readline() == 'ready\n'
    process.send_signal(number)
    assert 'KeyboardInterrupt' in process.communicate(timeout=30)[1]
    for pid in map(int, (tmp_path / 'pids').read_text().split()):
        _wait_for_end(pid)


def _wait_for_end(pid):
    """Wait until a process is gone, or a zombie that nobody collects."""
    for _ in range(100):
        try:
            if Path(f'/proc/{pid}/stat').read_text().split(')')[1].split()[0] == 'Z':
                return
        except OSError:
            return
        time.sleep(0.05)
    raise AssertionError(f'{pid} still runs')


def log_with(*nodes, **changes):
    """Return a good log with these nodes."""
    outputs = tuple(Output(name, shape, 0.99) for name, shape in SHAPES.items())
    values = {'inputs': (Output('images', (1, 3, 640, 640)),), 'outputs': outputs,
              'nodes': nodes or (Node('a', 'BPU', 0, 'Conv', 0.9),), 'converted': True}
    return MapperLog(**{**values, **changes})


BPU0, BPU1 = Node('a', 'BPU', 0, 'Conv'), Node('b', 'BPU', 1, 'Conv')


@pytest.mark.parametrize('nodes, problem, warning', [
    ((BPU0, BPU0), '', ''),
    ((BPU0, Node('t', 'CPU', None, 'Transpose')), '', '1 CPU nodes at the ends: t (Transpose)'),
    ((Node('t', 'CPU', None, 'Transpose'), BPU0), '', '1 CPU nodes at the ends'),
    ((BPU0, Node('t', 'CPU', None, 'Transpose'), BPU0), '', '1 CPU nodes at the ends'),
    ((BPU0, Node('s', 'CPU', None, 'Softmax'), BPU0), 'nodes on the CPU', ''),
    ((BPU0, Node('c', 'CPU', None, 'Conv')), 'nodes on the CPU', ''),
    ((Node('t', 'CPU', None, 'Transpose'),), '0 BPU subgraphs', ''),
    ((BPU0, Node('t', 'CPU', None, 'Transpose'), BPU1), '2 BPU subgraphs', ''),
    ((Node('s', 'CPU', None, 'Softmax'),), '0 BPU subgraphs', ''),
    ((BPU0, BPU1), '', '2 subgraphs on the BPU although no node is on the CPU')])
def test_where_nodes_may_be(nodes, problem, warning):
    report = judge(log_with(*nodes), 'log')
    assert bool(report.problems) == bool(problem) and problem in ' '.join(report.problems)
    assert bool(report.warnings) == bool(warning) and warning in ' '.join(report.warnings)


@pytest.mark.parametrize('changes, problem', [
    ({'settings': {'input_type_rt': 'rgb'}}, 'the input is rgb: the node feeds nv12'),
    ({'nodes': ()}, 'no node table'),
    ({'inputs': ()}, 'names 0 inputs'),
    ({'outputs': (Output('x', (), 0.99),)}, 'is no raw head'),
    ({'outputs': tuple(Output(n, s, 0.9 if n == '1051' else None) for n, s in SHAPES.items())},
     'output output0 has no cosine similarity'),
    ({'outputs': tuple(Output(n, s, float('nan')) for n, s in SHAPES.items())},
     'has cosine similarity nan'),
    ({'outputs': tuple(Output(n, s, 0.99) for n, s in SHAPES.items() if s[1] != 20)},
     'no outputs for stride [32]')])
def test_what_else_would_not_serve(changes, problem):
    report = judge(log_with(**changes), 'log')
    assert problem in ' '.join(report.problems)


def test_few_pictures_and_errors_that_did_no_harm_are_warnings():
    report = judge(log_with(samples=5, errors=('ERROR of no weight',)), 'log')
    assert report.serves
    assert report.warnings == ('hb_mapper says: ERROR of no weight',
                               'only 5 calibration pictures: 20 to 50 are usual')


def test_several_subgraphs_add_up():
    log = log_with(BPU0, BPU1, estimates=(Estimate(100, 10000, 1000000),
                                          Estimate(50, 20000, 2000000)))
    assert 'all subgraphs: 33.33 FPS at most, 30.00 ms, 3.0 MB' in summary(judge(log, 'log'))


def test_node_options():
    assert node_options(['/a=int16', 'b=c=cpu']) == (('/a', 'int16'), ('b=c', 'cpu'))
