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

"""Class names: COCO-80 and label list files."""
from pathlib import Path

import pytest
from yolo12_ros.errors import ConfigError
from yolo12_ros.labels import COCO_CATEGORY_IDS, COCO_NAMES, load_labels

# Category ids that COCO's annotation files leave out.
GAPS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}


def test_coco_has_80_names_and_category_ids_with_ten_gaps():
    """The class ids of the heads are places in this list."""
    assert len(COCO_NAMES) == len(set(COCO_NAMES)) == 80
    assert list(COCO_CATEGORY_IDS) == sorted(set(range(1, 91)) - GAPS)


@pytest.mark.parametrize('class_id, name, category', [
    (0, 'person', 1), (11, 'stop sign', 13), (24, 'backpack', 27), (39, 'bottle', 44),
    (62, 'tv', 72), (79, 'toothbrush', 90)])
def test_coco_samples(class_id, name, category):
    """Names beside each gap."""
    assert (COCO_NAMES[class_id], COCO_CATEGORY_IDS[class_id]) == (name, category)


def test_shipped_list_is_coco():
    """The list in config/ and the built-in names are the same."""
    file = Path(__file__).resolve().parents[1] / 'config' / 'coco.list'
    assert load_labels(file) == COCO_NAMES


@pytest.mark.parametrize('content, names', [
    ('cat\ndog\n', ('cat', 'dog')),
    ('cat\ndog', ('cat', 'dog')),
    ('\ufeffcat\r\ndog\r\n\r\n \n', ('cat', 'dog')),
    ('  traffic light \nГрузовик\n火车', ('traffic light', 'Грузовик', '火车')),
])
def test_label_files(tmp_path, content, names):
    """BOM, Windows line ends, spaces around a name and empty lines at the end are no harm."""
    file = tmp_path / 'labels.list'
    file.write_bytes(content.encode())
    assert load_labels(file) == names
    assert load_labels(str(file)) == names


@pytest.mark.parametrize('content, words', [
    (b'', ['is empty', 'one class name a line']),
    (b'\n \n\n', ['is empty']),
    (b'cat\n\ndog\n', ['empty line 2']),
    (b'\ncat\n', ['empty line 1']),
    (b'cat\n\xff\xfe\n', ['not UTF-8']),
])
def test_broken_label_files(tmp_path, content, words):
    """The error names the file and what is wrong with it."""
    file = tmp_path / 'labels.list'
    file.write_bytes(content)
    with pytest.raises(ConfigError) as e:
        load_labels(file)
    assert all(word in str(e.value) for word in [str(file), *words])


@pytest.mark.parametrize('name, words', [('absent.list', ['No such file']), ('', ['directory'])])
def test_unreadable_label_files(tmp_path, name, words):
    """The system's reason is in the error."""
    with pytest.raises(ConfigError) as e:
        load_labels(tmp_path / name)
    assert all(word in str(e.value) for word in [str(tmp_path / name), *words])
