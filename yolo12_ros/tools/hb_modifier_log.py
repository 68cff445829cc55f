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

"""Reads what hb_model_modifier prints: the nodes that can be removed, and what was removed."""
from dataclasses import dataclass
import re
from typing import List, Tuple

from .hb_mapper_log import message
from ..errors import ModelError

_FIELD = re.compile(r'^\s*(input|output|name|op_type): "([^"]*)"')
_REMOVED = re.compile(r"^Node '([^']+)' is removed")
_SAVED = re.compile(r'^modified model saved as (.+?)\s*$')


@dataclass(frozen=True)
class RemovableNode:
    """A node that hb_model_modifier lists; inputs and outputs are names of tensors."""

    name: str
    kind: str
    inputs: Tuple[str, ...]
    outputs: Tuple[str, ...]


@dataclass(frozen=True)
class ModifierLog:
    """nodes: listed.  removed: names.  saved: the new file's name, '' if none was written."""

    nodes: Tuple[RemovableNode, ...]
    removed: Tuple[str, ...] = ()
    saved: str = ''


def parse_modifier_log(text: str, source: str = 'the log') -> ModifierLog:
    """Read a log; a node listed twice counts once.  Raises ModelError for another text."""
    if 'hb_model_modifier' not in text and 'op_type:' not in text and 'be removed' not in text:
        raise ModelError(f'{source} is not a log of hb_model_modifier: expected '
                         'hb_model_modifier.log, it starts with '
                         f'{text.strip()[:60]!r}')
    nodes: List[RemovableNode] = []
    removed: List[str] = []
    saved = ''
    block: List[Tuple[str, str]] = []
    for line in re.split(r'[\r\n]+', text):
        line, _ = message(line)
        entry, gone, file = _FIELD.match(line), _REMOVED.match(line), _SAVED.match(line)
        if entry:
            block.append((entry[1], entry[2]))
            if entry[1] == 'op_type':       # ONNX prints it last of these four
                nodes.append(_node(block))
                block = []
        elif gone:
            removed.append(gone[1])
        elif file:
            saved = file[1]
    return ModifierLog(tuple(dict.fromkeys(nodes)), tuple(dict.fromkeys(removed)), saved)


def _node(block: List[Tuple[str, str]]) -> RemovableNode:
    def values(key: str) -> Tuple[str, ...]:
        return tuple(v for k, v in block if k == key)
    return RemovableNode(''.join(values('name')[-1:]), values('op_type')[0], values('input'),
                         values('output'))
