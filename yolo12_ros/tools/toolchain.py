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

"""Runs the vendor's tools where they are installed, says how to run them in docker elsewhere."""
from contextlib import contextmanager, suppress
import os
from pathlib import Path
import shlex
import shutil
import signal
import subprocess
import threading
from typing import Callable, Iterable, Optional, Sequence, Tuple

from ..errors import BackendError

# The image with OpenExplorer 1.2.8 for the RDK X5, on Docker Hub: hb_mapper 1.24.3.
IMAGE = 'openexplorer/ai_toolchain_ubuntu_20_x5_cpu:v1.2.8'
MAKERTBIN_LOG = 'hb_mapper_makertbin.log'
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NOTHING_RUN = 3     # exit code of a verb whose vendor tool is not installed


def installed(tool: str) -> Optional[str]:
    """Return the path of a tool, None if it is not on PATH."""
    return shutil.which(tool)


def how_to_install(tool: str) -> str:
    """Return what to tell where a tool is missing; the wheel is that of the Model Zoo's README."""
    return (f'{tool} is not installed here. Install it (x86 Linux, Python 3.10):\n'
            '  python3.10 -m venv mapper\n'
            "  mapper/bin/pip install rdkx5-yolo-mapper 'setuptools<80'\n"
            '  export PATH=$PWD/mapper/bin:$PATH')


def run(command: Sequence, folder: Path, log: str,
        on_line: Callable[[str], None] = lambda line: None) -> Tuple[int, str, str]:
    """
    Run a tool in a folder and follow what it prints, both streams together.

    log: name of the file that the tool writes there; an older one is deleted first.  What it
    prints is kept in record(folder, log).  on_line: called with each line.
    Returns (exit code, negative for a signal; what it printed; what it wrote to its log).
    Raises BackendError if it cannot start.  SIGINT, SIGTERM and SIGHUP end the tool and what it
    started.
    """
    lines = []
    own = folder / log
    if own.is_file():
        own.unlink()
    kept = record(folder, log)
    try:
        file = open(kept, 'w', encoding='utf-8')
    except OSError as e:
        raise BackendError(f'cannot write {kept}: {e.strerror}') from e
    with file, _signals(), _started(command, folder) as process:
        for line in process.stdout:         # universal newlines: a carriage return ends one too
            file.write(line)
            lines.append(line)
            on_line(line.rstrip('\n'))
        code = process.wait()
    return code, ''.join(lines), (
        own.read_text(encoding='utf-8', errors='replace') if own.is_file() else '')


def record(folder: Path, log: str) -> Path:
    """Return the file that keeps what a tool printed, beside the log that it writes itself."""
    path = folder / log
    return path.with_name(f'{path.stem}_output{path.suffix}')


@contextmanager
def _started(command: Sequence, folder: Path):
    """Give a process in a group of its own, which does not outlive an error."""
    try:
        process = subprocess.Popen(
            [str(c) for c in command], cwd=folder, text=True, errors='replace', bufsize=1,
            env={**os.environ, 'PYTHONUNBUFFERED': '1'},    # its lines as they come
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True)
    except OSError as e:
        raise BackendError(f'{command[0]} cannot be started: {e.strerror}') from e
    with process.stdout:
        try:
            yield process
        except BaseException:
            _end_group(process)
            raise


@contextmanager
def _signals():
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt in the main thread, as SIGINT does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_):
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in _ENDING}
    for number in (signal.SIGTERM, signal.SIGHUP):
        if before[number] != signal.SIG_IGN:        # nohup
            signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_group(process: subprocess.Popen) -> None:
    """End a tool and what it started, whatever signal comes meanwhile."""
    if threading.current_thread() is threading.main_thread():
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)      # it leads the group of its session
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        os.killpg(process.pid, signal.SIGKILL)      # who is left ignored the other
    process.wait()


def command_line(command: Sequence) -> str:
    """Return a command as one types it."""
    return shlex.join(str(c) for c in command)


def docker_command(commands: Iterable[Sequence], folder: Path, others: Iterable[Path] = (),
                   image: str = IMAGE) -> str:
    """
    Return a shell command that runs commands in the vendor's image.

    folder: where they run.  others: further folders that they read.  All are mounted under their
    own absolute paths, so that a configuration file is valid inside and outside.
    """
    mounts = dict.fromkeys([folder.resolve(), *(p.resolve() for p in others)])
    inner = ' && '.join(map(command_line, commands))
    parts = ['docker run --rm -it', *(f'-v {shlex.quote(f"{p}:{p}")}' for p in mounts),
             f'-w {shlex.quote(str(folder.resolve()))} {image}',
             f'bash -c {shlex.quote(inner)}']
    return ' \\\n  '.join(parts)
