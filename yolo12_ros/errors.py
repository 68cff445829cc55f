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

"""Errors for the person at the terminal: what, where, expected, got, what to do."""


class Yolo12Error(Exception):
    """Base of all errors that this package raises on purpose."""


class ConfigError(Yolo12Error):
    """The JSON configuration, a label list or a parameter cannot be used."""


class ModelError(Yolo12Error):
    """The model file is missing, broken, or does not fit the configuration."""


class ImageError(Yolo12Error):
    """A frame cannot be used: encoding, size, step or content."""


class BackendError(Yolo12Error):
    """An inference library is missing, or an inference failed."""


class InferenceTimeout(BackendError):
    """An inference did not finish in time; its slot is not reused before it does."""
