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
"""The package builds with colcon, is found by the ament index, and colcon runs its tests."""
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

import pytest

import yolo12_ros

ROOT = Path(__file__).resolve().parents[1]
EXECUTABLES = ('yolo12', 'yolo12_image_source', 'yolo12_node', 'yolo12_recorder')
# One quick test module stands for the suite: running all of it inside itself is not sensible.
SAMPLE = 'test/test_labels.py'


@pytest.fixture(scope='module')
def workspace(tmp_path_factory):
    """Build the package in a fresh workspace."""
    if shutil.which('colcon') is None:
        pytest.skip('colcon is not installed')
    folder = tmp_path_factory.mktemp('workspace')
    done = colcon(folder, 'build', '--base-paths', str(ROOT))
    assert done.returncode == 0, done.stdout
    return folder


def colcon(folder, *arguments):
    """Run colcon in a folder."""
    return subprocess.run(['colcon', *arguments], cwd=folder, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def in_overlay(folder, command):
    """Run a shell command with the built package sourced."""
    return subprocess.run(['bash', '-c', f'. install/setup.bash && {command}'], cwd=folder,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_share_directory_is_found(workspace):
    code = ('from ament_index_python.packages import get_package_share_directory as share; '
            "print(share('yolo12_ros'))")
    done = in_overlay(workspace, f'python3 -c "{code}"')
    share = Path(done.stdout.split()[-1])
    assert share == workspace / 'install/yolo12_ros/share/yolo12_ros'
    for file in ('package.xml', 'config/coco.list', 'config/yolo12n.json'):
        assert (share / file).is_file()


@pytest.mark.parametrize('name', EXECUTABLES)
def test_executables_are_where_ros2_run_looks(workspace, name):
    file = workspace / 'install/yolo12_ros/lib/yolo12_ros' / name
    assert os.access(file, os.X_OK)


def test_the_installed_configuration_loads(workspace):
    code = ('from yolo12_ros.config import load_config, package_share; '
            "c = load_config(package_share() / 'config/yolo12n_onnx.json'); "
            'print(package_share(), len(c.labels))')
    done = in_overlay(workspace, f'cd / && python3 -c "{code}"')
    assert str(workspace) in done.stdout and done.stdout.split()[-1] == '80'


def test_colcon_counts_the_tests(workspace):
    done = colcon(workspace, 'test', '--base-paths', str(ROOT), '--python-testing', 'pytest',
                  '--return-code-on-test-failure', '--pytest-args', SAMPLE, '-p',
                  'no:cacheprovider')
    assert done.returncode == 0, done.stdout
    counted = colcon(workspace, 'test-result', '--all').stdout
    direct = subprocess.run([sys.executable, '-m', 'pytest', '-q', SAMPLE, '-p',
                             'no:cacheprovider'], cwd=ROOT, text=True, capture_output=True)
    passed = int(re.search(r'(\d+) passed', direct.stdout).group(1))
    assert passed > 0
    assert f'Summary: {passed} tests, 0 errors, 0 failures' in counted


def test_versions_agree():
    version = yolo12_ros.__version__
    package = xml.etree.ElementTree.parse(ROOT / 'package.xml').getroot()
    assert package.findtext('version') == version
    assert f"version='{version}'" in (ROOT / 'setup.py').read_text()
    newest = re.search(r'^(\d+\.\d+\.\d+)', (ROOT / 'CHANGELOG.rst').read_text(), re.M)
    assert newest.group(1) == version
