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

"""The life of a node's process: start, spin, signals, exit code."""
import signal
import sys
from typing import Callable, List, Optional

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from ..errors import ConfigError, Yolo12Error


def run_node(program: str, make: Callable[[], Node], args: Optional[List[str]] = None,
             spin: Callable[[Node], None] = rclpy.spin) -> int:
    """
    Make a node, spin it until spin returns or SIGINT or SIGTERM comes, and destroy it.

    Returns the exit code: 1 after a Yolo12Error, which is printed for the person at the terminal.
    """
    node, interrupts = None, note_interrupts()
    try:
        try:
            rclpy.init(args=args)
        except Exception as e:      # rclpy's errors of the command line have no base of their own
            raise ConfigError(f'the arguments cannot be read: {e}') from e
        node = make()
        spin(node)
    except Yolo12Error as e:
        print(f'{program}: error: {e}', file=sys.stderr)
        return 1
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Exception:
        if rclpy.ok() and not interrupts:   # else a signal came, and so nothing works any more
            raise
    finally:
        # launch and the terminal both deliver SIGINT: a second one must not break the clean-up
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def note_interrupts() -> List[int]:
    """
    Let SIGINT raise KeyboardInterrupt, as usual, and be noted in the list that is returned.

    While rclpy converts a message, that exception becomes a RuntimeError which tells nothing.
    """
    noted: List[int] = []

    def interrupt(number, _) -> None:
        noted.append(number)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:   # else it is ignored
        signal.signal(signal.SIGINT, interrupt)
    return noted
