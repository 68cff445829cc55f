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

"""The next frame is taken just before the accelerator runs dry."""
import pytest

from yolo12_ros.pace import Pace


def test_no_delay_without_experience():
    pace = Pace()
    assert pace.delay(0.0) == 0.0
    pace.submitted(0.0)
    assert pace.delay(0.0) == 0.0


def test_delay():
    pace = Pace()
    pace.prepared(0.005)
    pace.submitted(0.0)
    pace.finished(0.040)
    pace.submitted(1.0)
    # 40 ms of inference, less 5 of preparation, 2 + 4 of margin
    assert pace.delay(1.0) == pytest.approx(0.029)
    assert pace.delay(1.030) == 0.0
    pace.finished(1.040, completed=False)
    assert pace.delay(1.041) == 0.0
