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
"""Fixtures of the tests with processes."""
import os

from fake_bpu import compile_library
import pytest


@pytest.fixture(scope='session')
def library(tmp_path_factory):
    """Return the path of the compiled stand-in for libdnn."""
    return compile_library(tmp_path_factory.mktemp('libdnn'))


@pytest.fixture
def client():
    """Return a client in the graph."""
    from graph import Client
    client = Client()
    yield client
    client.close()


@pytest.fixture
def start(library, tmp_path):
    """Return a function that starts a process; all are ended after the test."""
    from graph import Process
    running = []

    def run(target, *arguments, **parameters):
        running.append(Process(tmp_path, target, *arguments,
                               environment={'YOLO12_LIBDNN': os.fspath(library)}, **parameters))
        return running[-1]
    yield run
    failed = []
    for process in running:     # one that does not end must not keep the others running
        try:
            if process.exit_code is None:
                process.stop()
        except AssertionError as e:
            failed.append(e)
    assert not failed, failed


@pytest.fixture
def tiny(tmp_path):
    """Return the configuration of a model that sees one dog in every picture."""
    from graph import write_tiny_model
    return write_tiny_model(tmp_path)


@pytest.fixture(scope='module')
def camera(tmp_path_factory, request):
    """Return a camera and a node that sees colours, one for a module (CAMERA: its options)."""
    from colour_camera import ColourCamera
    camera = ColourCamera(tmp_path_factory.mktemp('camera'),
                          **getattr(request.module, 'CAMERA', {}))
    yield camera
    camera.close()
