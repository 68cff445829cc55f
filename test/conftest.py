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
"""Shared by all tests; its presence lets those in test/ros import the modules here."""
import atexit
import fcntl
import os
from pathlib import Path
import tempfile


def _own_domain():
    """Return (a ROS domain that no other run here uses, what keeps it ours)."""
    for i in range(100):
        domain = 1 + (os.getpid() + i) % 100
        try:
            lock = open(Path(tempfile.gettempdir()) / f'yolo12_ros_domain_{domain}.lock', 'w')
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return domain, lock
        except OSError:     # in use, or somebody else's file
            continue
    raise RuntimeError('no ROS domain from 1 to 100 is free: set ROS_DOMAIN_ID')


# Runs beside each other, and robots on the same network, must not hear each other.
if 'ROS_DOMAIN_ID' not in os.environ:
    _domain, _lock = _own_domain()
    os.environ['ROS_DOMAIN_ID'] = str(_domain)
    atexit.register(_lock.close)
