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

"""Who may import whom: the layers of the package, and what each module needs to be imported."""
import ast
import os
from pathlib import Path
import subprocess
import sys

import pytest
import yolo12_ros

PACKAGE = Path(yolo12_ros.__file__).resolve().parent
NAME = PACKAGE.name
# From the bottom up: a module imports from lower layers only, and within its own folder.
LAYERS = (
    ('', 'errors', 'detections', 'pace', 'timing'),
    ('labels', 'images', 'postprocess', 'render'),
    ('letterbox', 'backends', 'config', 'sources'),
    ('detector',),
    ('pipeline',),
    ('tools', 'ros', 'web', 'models', 'samples'),
)
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}
TOP = len(LAYERS) - 1
ACCELERATORS = {'onnxruntime': 'onnx', 'hobot_dnn': 'pyeasy_dnn', 'hobot_dnn_rdkx5': 'pyeasy_dnn',
                'hbm_runtime': 'hbm_runtime', 'horizon_tc_ui': 'horizon_nn'}
HEAVY = ['rclpy', 'onnxruntime', 'hobot_dnn', 'hbm_runtime', 'torch', 'onnx']


def dotted(path):
    """Return a module's name below the package: '', 'images', 'postprocess.nms', ..."""
    parts = path.relative_to(PACKAGE).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


MODULES = {dotted(path): path for path in sorted(PACKAGE.rglob('*.py'))}
CORE = [m for m in MODULES if LEVEL.get(m.split('.')[0], TOP) < TOP]


def imports(module, nested=True):
    """
    Return {absolute dotted names} that a module imports, 'a.b' also for `from a import b`.

    nested: also inside of functions.
    """
    path = MODULES[module]
    tree = ast.parse(path.read_text(encoding='utf-8'))
    here = [NAME, *filter(None, module.split('.'))]
    if path.stem != '__init__':
        here.pop()
    found = set()
    for node in ast.walk(tree) if nested else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = here[:len(here) - node.level + 1] if node.level else []
            base = '.'.join([*base, *filter(None, [node.module])])
            found |= {f'{base}.{alias.name}' for alias in node.names} | {base}
    return found


def own(module, nested=True):
    """Return the modules of this package that a module imports."""
    names = {n[len(NAME) + 1:] for n in imports(module, nested) if n.split('.')[0] == NAME}
    return (names & set(MODULES)) - {module, ''}


def test_the_reader_of_imports_sees_them():
    """Or every test below would pass for nothing."""
    assert {'errors', 'detections', 'postprocess.nms'} <= own('postprocess')
    assert {'images', 'errors'} <= own('letterbox')
    assert 'onnxruntime' in imports('backends.onnx')
    assert 'onnxruntime' not in imports('backends.onnx', nested=False)
    assert 'backends' in own('backends.onnx') and 'backends.threaded' in own('backends.onnx')


@pytest.mark.parametrize('module', MODULES)
def test_layers(module):
    """Nothing below imports anything above."""
    part = module.split('.')[0]
    assert part in LEVEL, f'{module} is new: say in LAYERS where it belongs'
    upwards = {m for m in own(module) if m.split('.')[0] != part
               and LEVEL[m.split('.')[0]] >= LEVEL[part]}
    assert not upwards, f'{module} must not import {upwards}'


def test_postprocess_stands_alone():
    """Anyone can take the folder, with detections and errors."""
    for module in MODULES:
        if module.split('.')[0] == 'postprocess':
            others = {m for m in own(module) if m.split('.')[0] != 'postprocess'}
            assert others <= {'detections', 'errors'}, module
            outside = {n.split('.')[0] for n in imports(module)} - {NAME}
            assert outside <= {'numpy', 'cv2', *sys.stdlib_module_names}, module


def test_no_circles():
    """Among what is imported when a module is."""
    done = set()

    def visit(module, path):
        assert module not in path, ' -> '.join([*path[path.index(module):], module])
        if module not in done:
            # a folder's __init__ is imported by its modules for what stands above their import
            inside = {m for m in own(module, nested=False) if m != module.rpartition('.')[0]}
            for other in sorted(inside):
                visit(other, [*path, module])
            done.add(module)
    for module in MODULES:
        visit(module, [])
    assert done == set(MODULES)


@pytest.mark.parametrize('module', [m for m in MODULES if m.split('.')[0] != 'ros'])
def test_no_ros_outside_of_ros(module):
    """Neither rclpy nor messages; ament_index only to find the share folder, softly."""
    for name in {n.split('.')[0] for n in imports(module)}:
        assert not name.startswith(('rclpy', 'rosidl', 'launch', 'cv_bridge', 'message_filters'))
        assert not name.endswith(('_msgs', '_msg', '_srvs', '_interfaces'))
        assert not name.startswith('ament') or module == 'config'


@pytest.mark.parametrize('module', MODULES)
def test_inference_libraries_only_in_their_backend(module):
    """Tools may look into an .onnx with onnxruntime, inside of a function."""
    nested = module.split('.')[0] != 'tools'
    for name in {n.split('.')[0] for n in imports(module, nested)} & set(ACCELERATORS):
        assert module == f'backends.{ACCELERATORS[name]}', f'{module} imports {name}'


def python(code):
    """Run code in a fresh interpreter that finds this package; return its output."""
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(
        [str(PACKAGE.parent), os.environ.get('PYTHONPATH', '')])}
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                          env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_package_imports_numpy_at_most():
    """Whoever asks for the version does not wait for OpenCV."""
    before = set(python('import sys; print(*sys.modules)').split())
    after = set(python(f'import sys, {NAME}; print(*sys.modules)').split())
    roots = {n.split('.')[0] for n in after - before} - set(sys.stdlib_module_names)
    assert roots <= {NAME, 'numpy'}


def test_the_package_without_any_library():
    """Blocked modules raise ImportError."""
    blocked = ['cv2', 'numpy', *HEAVY]
    assert python(f'import sys; sys.modules.update(dict.fromkeys({blocked}))\n'
                  f'import {NAME}; print({NAME}.__version__)').strip() == yolo12_ros.__version__


def test_core_modules_without_ros_and_accelerators():
    """NumPy and OpenCV are enough for everything below the tools, the node and the page."""
    assert {'images', 'detector', 'backends.onnx', 'postprocess.dfl'} <= set(CORE)
    names = ['.'.join([NAME, *filter(None, [m])]) for m in CORE]
    output = python(f'import importlib, sys; sys.modules.update(dict.fromkeys({HEAVY}))\n'
                    f'for name in {names}: importlib.import_module(name); print(name)')
    assert output.split() == names
