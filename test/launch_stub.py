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
"""
Records what our launch files describe, where ROS 2's launch is not installed.

Stand-ins for the few classes that they use; `describe` runs a launch file and returns what it
would include and start, in order.  Where launch is installed, launch_real.py does the same with
the real one.
"""
from contextlib import contextmanager
from dataclasses import dataclass, field
import importlib.util
from pathlib import Path
import sys
import types
from typing import Any, Dict, List

import yaml


class Substitution:
    """Something that becomes a text when the launch arguments are known."""

    def perform(self, context):
        raise NotImplementedError


class LaunchConfiguration(Substitution):
    """The value of a launch argument."""

    def __init__(self, name):
        self.name = name

    def perform(self, context):
        return context[self.name]


class ParameterValue(Substitution):
    """A substitution with a type."""

    def __init__(self, value, value_type=None):
        self.value, self.value_type = value, value_type

    def perform(self, context):
        return (self.value_type or yaml.safe_load)(self.value.perform(context))


class Action:
    """Keeps its arguments."""

    def __init__(self, *arguments, **named):
        self.arguments, self.named = arguments, named


class DeclareLaunchArgument(Action):
    """An argument; without a default it must be given."""

    def __init__(self, name, default_value=None, description=None, choices=None):
        super().__init__()
        self.name, self.default, self.description = name, default_value, description
        self.choices = choices


class OpaqueFunction(Action):
    """A function of the context that returns actions."""


class IncludeLaunchDescription(Action):
    """Another launch file."""


class PythonLaunchDescriptionSource(Action):
    """Its path."""


class Node(Action):
    """A process."""


class RegisterEventHandler(Action):
    """What happens later."""


class OnProcessExit(Action):
    """When a process ends."""


class EmitEvent(Action):
    """An event."""


class TimerAction(Action):
    """Later."""


class Shutdown(Action):
    """The end."""


class LaunchDescription:
    """A list of actions."""

    def __init__(self, entities=()):
        self.entities = list(entities)


MODULES = {
    'launch': [LaunchDescription],
    'launch.actions': [DeclareLaunchArgument, OpaqueFunction, IncludeLaunchDescription,
                       RegisterEventHandler, EmitEvent, TimerAction],
    'launch.event_handlers': [OnProcessExit],
    'launch.events': [Shutdown],
    'launch.launch_description_sources': [PythonLaunchDescriptionSource],
    'launch.substitutions': [LaunchConfiguration],
    'launch_ros': [], 'launch_ros.actions': [Node],
    'launch_ros.parameter_descriptions': [ParameterValue],
}


@dataclass
class Description:
    """What a launch file would do."""

    declared: List[DeclareLaunchArgument] = field(default_factory=list)
    includes: List[Any] = field(default_factory=list)       # (package/file, {argument: value})
    nodes: List[Dict[str, Any]] = field(default_factory=list)
    order: List[str] = field(default_factory=list)          # of includes and nodes


@contextmanager
def stand_ins():
    """Put the stand-ins in the place of launch and launch_ros."""
    saved = {name: sys.modules.get(name) for name in MODULES}
    for name, classes in MODULES.items():
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__dict__.update({c.__name__: c for c in classes})
    try:
        yield
    finally:
        for name, module in saved.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def describe(path, **given) -> Description:
    """Run a launch file with launch arguments, as text.  Raises what it raises."""
    with stand_ins():
        spec = importlib.util.spec_from_file_location('launch_under_test', path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        result = Description()
        unknown = set(given) - {e.name for e in module.generate_launch_description().entities
                                if isinstance(e, DeclareLaunchArgument)}
        assert not unknown, f'{Path(path).name} does not declare {unknown}'
        _walk(module.generate_launch_description().entities, dict(given), result)
        return result


def _walk(entities, context, result):
    for entity in entities:
        if isinstance(entity, DeclareLaunchArgument):
            result.declared.append(entity)
            if entity.name not in context:
                assert entity.default is not None, f'argument {entity.name} must be given'
                context[entity.name] = entity.default
            if entity.choices:
                assert context[entity.name] in entity.choices
        elif isinstance(entity, OpaqueFunction):
            _walk(entity.named['function'](context), context, result)
        elif isinstance(entity, IncludeLaunchDescription):
            file = Path(entity.arguments[0].arguments[0])
            name = f'{file.parents[1].name}/{file.name}'
            result.includes.append((name, dict(entity.named['launch_arguments'])))
            result.order.append(name)
        elif isinstance(entity, Node):
            result.nodes.append({**entity.named, 'parameters': [
                p if isinstance(p, str) else {k: _value(v, context) for k, v in p.items()}
                for p in entity.named.get('parameters', [])]})
            result.order.append(entity.named['executable'])


def _value(value, context):
    return value.perform(context) if isinstance(value, Substitution) else value


def ros_arguments(node, folder):
    """Return the command line arguments that launch_ros would give a node."""
    arguments = list(node.get('arguments', []))
    arguments += ['--ros-args', '-r', f'__node:={node["name"]}']
    if node.get('namespace'):
        arguments += ['-r', f'__ns:=/{node["namespace"].strip("/")}']
    for i, parameters in enumerate(node['parameters']):
        file = parameters
        if not isinstance(parameters, str):
            file = Path(folder) / f'parameters_{node["name"]}_{i}.yaml'
            file.write_text(yaml.safe_dump({'/**': {'ros__parameters': parameters}}))
        arguments += ['--params-file', str(file)]
    return arguments
