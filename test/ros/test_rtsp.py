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
"""A network camera: an RTSP stream that breaks comes back without a restart of anything."""
import socket
import subprocess
import sys
import time

from diagnostic_msgs.msg import DiagnosticArray
from graph import DETECTIONS, NODE, SOURCE
import numpy as np
import pytest
from vision_msgs.msg import Detection2DArray

av = pytest.importorskip('av', reason='av (PyPI) makes the stream')
pytest.importorskip('aio_rtsp_toolkit', reason='aio-rtsp-toolkit (PyPI) is the RTSP server')

SERVER = ('import asyncio, sys, aio_rtsp_toolkit.server as s; '
          'asyncio.run(s.serve(sys.argv[1], "127.0.0.1", int(sys.argv[2]), '
          'control_port=int(sys.argv[3])))')
CUT = 5.0


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def write_video(path):
    """Write 40 s of H.264 with a key frame every fifth of a second."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, 'yuv420p'
        stream.options = {'g': '5', 'tune': 'zerolatency'}
        for i in range(1000):
            picture = np.full((64, 64, 3), i % 200, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format='rgb24')))
        container.mux(stream.encode())


@pytest.fixture
def camera(tmp_path):
    """Return (URL, start the server, cut the server)."""
    folder = tmp_path / 'media'
    folder.mkdir()
    write_video(folder / 'camera.mp4')
    port, running = free_port(), []

    def begin():
        running.append(subprocess.Popen(
            [sys.executable, '-c', SERVER, str(folder), str(port), str(free_port())],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def cut():
        running[-1].kill()
        running[-1].wait()
    yield f'rtsp://127.0.0.1:{port}/camera.mp4', begin, cut
    cut()


def test_a_cut_stream_resumes(client, start, tiny, camera):
    url, begin, cut = camera
    begin()
    node = start(NODE, config_file=tiny)
    source = start(SOURCE, source=url)
    found = client.collect(Detection2DArray, DETECTIONS)
    states = []
    client.node.create_subscription(DiagnosticArray, '/diagnostics', lambda m: states.extend(
        (s.level, s.message) for s in m.status if s.name == 'image_source: source'), 10)
    client.until(lambda: len(found) > 10, process=source, seconds=30)
    cut()
    client.spin(CUT)
    client.until(lambda: 'gives no frames' in source.log and any(
        level == b'\x01' and url in text for level, text in states), process=source)
    found.clear()
    begin()
    restarted = time.monotonic()
    client.until(lambda: len(found) > 10, process=source, seconds=30)
    assert 'the stream runs again' in source.log
    print(f'detections {time.monotonic() - restarted:.1f} s after the stream was back')
    assert node.exit_code is None and node.log.count('yolo12_ros 0.') == 1
    assert source.stop() == 0
