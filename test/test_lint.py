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
"""Style: ament's linters where ROS brings them, their rules by flake8 and pydocstyle elsewhere."""
from pathlib import Path
import re
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ('yolo12_ros', 'test', 'launch', 'benchmarks', 'interfaces', 'tools_dev', 'setup.py')
SOURCES = sorted(p for name in FOLDERS for p in
                 ([ROOT / name] if name.endswith('.py') else (ROOT / name).rglob('*.py')))
# ament_flake8's settings
FLAKE8 = ['--max-line-length=99', '--inline-quotes=single', '--show-source',
          '--extend-ignore=C816,D,I,E129,W503,W504,B902,A,N']
# ament_pep257's convention
PYDOCSTYLE = ['--add-ignore=D100,D101,D102,D103,D104,D105,D106,D107,D203,D212,D404']

pytestmark = pytest.mark.linter


def run(module, *arguments):
    """Run a linter; return its output and exit code."""
    done = subprocess.run([sys.executable, '-m', module, *arguments], capture_output=True,
                          text=True, cwd=ROOT)
    return done.stdout + done.stderr, done.returncode


@pytest.mark.parametrize('module, arguments', [('flake8', FLAKE8), ('pydocstyle', PYDOCSTYLE)])
def test_style(module, arguments):
    pytest.importorskip(module, reason=f'{module} is not installed')
    output, code = run(module, *arguments, *map(str, SOURCES))
    assert code == 0, output


@pytest.mark.parametrize('linter', ['flake8', 'pep257', 'copyright', 'xmllint'])
def test_ament(linter):
    main = pytest.importorskip(f'ament_{linter}.main', reason=f'ament_{linter} comes with ROS')
    paths = ['package.xml'] if linter == 'xmllint' else ['yolo12_ros', 'test', 'launch']
    assert main.main(argv=[str(ROOT / p) for p in paths]) == 0


@pytest.mark.parametrize('path', SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_licence_header(path):
    text = path.read_text(encoding='utf-8')
    assert re.match(r'(#!.*\n)?# Copyright \d{4} ', text), 'no copyright line'
    assert 'Licensed under the Apache License, Version 2.0' in text[:400]
