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

"""Writing an .onnx so that no half of one is left."""
import os
from pathlib import Path

from .configured_model import refuse_folder
from ..errors import ConfigError


def make_room(option: str, file: Path) -> None:
    """Make the folder of an .onnx to be written.  Raises ConfigError for another name."""
    refuse_folder(option, file)
    if file.suffix.lower() != '.onnx':
        raise ConfigError(f'{option} {file}: expected a name that ends in .onnx')
    file.parent.mkdir(parents=True, exist_ok=True)


def save(model, file: Path) -> None:
    """Write a ModelProto."""
    part = file.with_name(file.name + '.part')
    try:
        part.write_bytes(model.SerializeToString())
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
