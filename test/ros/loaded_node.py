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
"""
The node with 10 ms of work before and after each inference; run as a process by test_node_bpu.

With GIL_HELD=1 each submission holds the GIL for 40 ms, as the vendor's bindings do.
"""
import ctypes
import os
import sys
import time

from yolo12_ros.backends import Model
from yolo12_ros.detector import Detector
from yolo12_ros.ros import node

LOAD = 0.010


def busy(seconds):
    """Work, without sleeping."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def loaded(step):
    """Return a step of the detector with work before it."""
    def run(self, *arguments):
        busy(LOAD)
        return step(self, *arguments)
    return run


def hold_gil():
    """Make each submission keep the GIL as long as an inference takes."""
    usleep = ctypes.PyDLL(None).usleep
    submit = Model.submit

    def run(self, slot):
        usleep(40_000)
        submit(self, slot)
    Model.submit = run


Detector.preprocess = loaded(Detector.preprocess)
Detector.postprocess = loaded(Detector.postprocess)
if os.environ.get('GIL_HELD'):
    hold_gil()
if __name__ == '__main__':
    sys.exit(node.main())
