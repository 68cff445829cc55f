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

"""How a node's process ends: signals, errors for the person at the terminal, mistakes of ours."""
from graph import Process
import pytest

SCRIPT = """
import os, signal, sys, threading, time
from rclpy.node import Node
from yolo12_ros.errors import Yolo12Error
from yolo12_ros.ros.process import run_node

def interrupted(node):
    threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    time.sleep(10)

def converted(node):
    try:
        interrupted(node)
    except KeyboardInterrupt:
        raise RuntimeError('Unable to convert call argument')

def refused(node):
    raise Yolo12Error('no model: get one')

def mistaken(node):
    raise ValueError('a bug')

sys.exit(run_node('program', lambda: Node('n'), [], locals()[sys.argv[1]]))
"""


@pytest.mark.parametrize('way, code, words, traceback', [
    ('interrupted', 0, '', False), ('converted', 0, '', False),
    ('refused', 1, 'program: error: no model: get one', False),
    ('mistaken', 1, 'ValueError: a bug', True)])
def test_ends(tmp_path, way, code, words, traceback):
    (tmp_path / 'script.py').write_text(SCRIPT)
    process = Process(tmp_path, tmp_path / 'script.py', way, ros=False)
    assert process.wait() == code, process.log
    assert words in process.log and ('Traceback' in process.log) == traceback
