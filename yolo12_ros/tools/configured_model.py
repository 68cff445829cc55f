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

"""A configuration and its model, opened as the node opens them, with what the user must know."""
from pathlib import Path
import sys
from typing import Optional

from .. import backends
from ..config import Config, load_config
from ..errors import ConfigError


def configuration(path: Path, model: Optional[Path] = None) -> Config:
    """Load a JSON, with another model file if one is given; its warnings go to stderr."""
    config = load_config(path)
    for warning in config.warnings:
        tell(warning)
    return config.with_model(model) if model else config


def open_configured(config: Config, backend: str = 'auto', slots: int = 2) -> backends.Model:
    """Open the model of a configuration; what it cannot do goes to stderr."""
    model = backends.open_model(config.model_file, backend, slots, **config.model_options())
    if model.limits:
        tell(f'{model.name}: {model.limits}')
    return model


def fitting_backend(backend: str, model_file: Path) -> str:
    """Return a backend if it can run such files, else 'auto': two models may be of two kinds."""
    return backend if backend in backends.BACKENDS.get(model_file.suffix.lower(), ()) else 'auto'


def need_matplotlib(option: str) -> None:
    """Raise ConfigError where an option needs matplotlib and it is not there."""
    try:
        import matplotlib       # noqa: F401 (before the long work, not after it)
    except ImportError as e:
        raise ConfigError(f'{option} needs matplotlib ({e}): pip install matplotlib') from e


def need_folder(option: str, file: Optional[Path]) -> None:
    """Raise ConfigError where the folder of a file to be written is missing."""
    if file is not None and not file.parent.is_dir():
        raise ConfigError(f'{option} {file}: the folder {file.parent} does not exist')
    refuse_folder(option, file)


def refuse_folder(option: str, file: Optional[Path]) -> None:
    """Raise ConfigError where a file to be written is a folder."""
    if file is not None and file.is_dir():
        raise ConfigError(f'{option} {file} is a folder: expected the name of a file')


def tell(text: str) -> None:
    """Print a note for the person at the terminal, beside what the verb prints."""
    print(f'note: {text}', file=sys.stderr)
