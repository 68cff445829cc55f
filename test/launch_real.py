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
"""What our launch files describe to the real launch and launch_ros; the same as launch_stub."""
from pathlib import Path

from launch import LaunchContext
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import get_launch_description_from_python_launch_file
from launch.utilities import perform_substitutions
from launch_ros.actions import Node
from launch_ros.utilities import evaluate_parameters
from launch_stub import Description


def describe(path, **given) -> Description:
    """Run a launch file with launch arguments, as text, up to what it would start."""
    context, result = LaunchContext(), Description()
    context.launch_configurations.update(given)
    _walk(get_launch_description_from_python_launch_file(str(path)).entities, context, result)
    return result


def _walk(entities, context, result):
    for entity in entities:
        if isinstance(entity, DeclareLaunchArgument):
            entity.execute(context)
            entity.default = entity.default_value and \
                perform_substitutions(context, entity.default_value)
            result.declared.append(entity)
        elif isinstance(entity, OpaqueFunction):
            _walk(entity.execute(context), context, result)
        elif isinstance(entity, IncludeLaunchDescription):
            source = entity.launch_description_source
            source.get_launch_description(context)      # loads the file: it must be one
            file = Path(source.location)
            name = f'{file.parents[1].name}/{file.name}'
            result.includes.append((name, {k: v for k, v in entity.launch_arguments}))
            result.order.append(name)
        elif isinstance(entity, Node):
            result.nodes.append(_node(entity, context))
            result.order.append(result.nodes[-1]['executable'])


def _node(node, context):
    namespace = node._Node__node_namespace
    return {'executable': node.node_executable,
            'namespace': namespace if isinstance(namespace, str) or namespace is None
            else perform_substitutions(context, namespace),
            'parameters': [dict(p) if isinstance(p, dict) else str(p) for p in
                           evaluate_parameters(context, node._Node__parameters)]}
