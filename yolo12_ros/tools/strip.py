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

"""`yolo12 strip`: removes the Dequantize nodes behind the box outputs of a .bin."""
from pathlib import Path

from . import toolchain
from ..errors import BackendError, ModelError

DESCRIPTION = "Remove the box outputs' Dequantize nodes of a .bin, so that survivors only are " \
              'dequantised.'
EXAMPLE = ('  yolo12 strip bpu_model_output/yolo12n_detect_bayese_640x640_nv12.bin '
           '--info hb_mapper_makertbin.log\n'
           'exit code: 0 removed and verified; 1 an error, or what remains is not as it must be;\n'
           '3 hb_model_modifier is not installed here: what to do is printed')
_LOG = 'hb_model_modifier.log'


def add_arguments(parser) -> None:
    """Declare the command line."""
    parser.add_argument('model', type=Path, metavar='MODEL.bin')
    parser.add_argument('--info', type=Path, metavar='LOG',
                        help='log of hb_mapper makertbin or hrt_model_exec model_info that tells '
                        "the outputs' shapes (default: hb_mapper_makertbin.log beside the model "
                        'or one folder up, else the model is opened)')
    parser.add_argument('--modifier-log', type=Path, metavar='FILE',
                        help='read this hb_model_modifier.log and print the command only')
    parser.add_argument('--config', type=Path, help='JSON that says reg_max and the outputs')
    parser.add_argument('--reg-max', type=int, metavar='N',
                        help='bins a box side has, if shapes cannot tell (default: derived)')
    parser.add_argument('--image', default=toolchain.IMAGE,
                        help='docker image (default: %(default)s)')


def main(args) -> int:
    """Run the verb."""
    if args.model.suffix != '.bin' or not (args.modifier_log or args.model.is_file()):
        raise ModelError(f'{args.model} is not an existing .bin: give the model that hb_mapper '
                         'makertbin wrote')
    boxes = _box_outputs(args)
    print('box outputs: ' + ', '.join(f'{o.name} {tuple(o.shape)}' for o in boxes))
    tool = toolchain.installed('hb_model_modifier')
    if args.modifier_log:
        listing = _read(args.modifier_log)
    elif tool:
        listing = _listing(tool, args.model)
    else:
        _print_docker(args, [['hb_model_modifier', args.model.name]])
        given = [word for name in ('info', 'config', 'reg_max') if getattr(args, name) is not None
                 for word in (f'--{name.replace("_", "-")}', getattr(args, name))]
        print('then give its log: ' + toolchain.command_line(
            ['yolo12', 'strip', args.model, *given, '--modifier-log',
             args.model.with_name(_LOG)]))
        return toolchain.NOTHING_RUN
    nodes = nodes_to_remove(listing, boxes)
    stripped = args.model.with_name(f'{args.model.stem}_modified.bin')
    removal = ['hb_model_modifier', args.model.name]
    for node in nodes:
        removal += ['-r', node.name]
        print(f'remove {node.name} (gives {node.outputs[0]})')
    if args.modifier_log:
        _print_docker(args, [removal])
        print('then check on the board that the box outputs have scales: '
              + toolchain.command_line(['yolo12', 'inspect', stripped]))
        return toolchain.NOTHING_RUN
    stripped = _remove(tool, args.model, removal[2:], nodes)
    _verify(tool, stripped, listing, nodes, boxes)
    print(f'wrote {stripped}')
    return 0


def nodes_to_remove(listing, boxes) -> list:
    """
    Return the Dequantize node of each box output, found by the tensor it gives.

    listing: ModifierLog.  boxes: descriptions of the box outputs.  Raises ModelError.
    """
    makers = {output: node for node in listing.nodes for output in node.outputs}
    nodes = []
    for box in boxes:
        node = makers.get(box.name)
        if node is None or node.kind != 'Dequantize':
            found = ', '.join(f'{n.kind} -> {"/".join(n.outputs)}' for n in listing.nodes)
            raise ModelError(f'no removable Dequantize node gives the box output {box.name} '
                             f'{tuple(box.shape)}: hb_model_modifier lists '
                             f'{found or "no node"}; is the model stripped already?')
        nodes.append(node)
    return nodes


def _box_outputs(args) -> list:
    """Return the descriptions of the outputs with 4 * reg_max channels."""
    from ..config import load_config
    from ..postprocess import pair_heads
    from .head_form import check_strides, derive_form
    from .model_description import describe, describe_log

    try:
        found = describe_log(args.info) if args.info else \
            _own_log(args.model) or describe(args.model)
    except BackendError as e:
        raise ModelError(f"the shapes of {args.model.name}'s outputs are not known: give the log "
                         'of hb_mapper makertbin that made it, --info '
                         f'{toolchain.MAKERTBIN_LOG}') from e
    if args.config:
        form, notes = load_config(args.config).form, []
    else:
        form, notes = derive_form(found.outputs, found.input_size, args.reg_max)
        if found.from_log:
            check_strides(form)
        if form.class_num == 4 * form.reg_max:
            raise ModelError(f'class and box outputs have {form.class_num} channels each, so '
                             'shapes cannot tell them apart: give --config with a JSON that has '
                             'output_order')
    heads, more = pair_heads(found.outputs, found.input_size, form)
    for note in (*notes, *more):
        print(f'note: {note}')
    return [found.outputs[head.box_index] for head in heads]


def _own_log(model: Path):
    """Return what the log of the run that made a .bin says of it, None if that is not there."""
    from .model_description import describe_log

    for folder in (model.resolve().parent, model.resolve().parent.parent):
        log = folder / toolchain.MAKERTBIN_LOG
        if log.is_file():
            found = describe_log(log)
            if model.stem in (found.name, f'{found.name}_modified'):
                return found
    return None


def _read(path: Path):
    from .hb_modifier_log import parse_modifier_log
    from .model_description import read_text
    return parse_modifier_log(read_text(path), str(path))


def _modifier(tool: str, model: Path, arguments: list):
    """Run hb_model_modifier beside the model and return its ModifierLog."""
    from .hb_mapper_log import message
    from .hb_modifier_log import parse_modifier_log

    code, printed, log = toolchain.run([tool, model.name, *arguments], model.parent, _LOG)
    if code:
        last = message((printed.strip().splitlines() or ['it printed nothing'])[-1])[0]
        raise ModelError(f'hb_model_modifier {model.name} ended with code {code}: {last}')
    return parse_modifier_log(f'{log}\n{printed}', 'what hb_model_modifier printed')


def _listing(tool: str, model: Path):
    return _modifier(tool, model, [])


def _remove(tool: str, model: Path, arguments: list, nodes) -> Path:
    """Remove nodes; return the new model.  Raises ModelError if it did not happen."""
    log = _modifier(tool, model, arguments)
    kept = [n.name for n in nodes if n.name not in log.removed]
    if kept:
        raise ModelError(f'hb_model_modifier did not remove {", ".join(kept)}: see '
                         f'{toolchain.record(model.parent, _LOG)}')
    stripped = model.parent / (log.saved or f'{model.stem}_modified.bin')
    if not stripped.is_file():
        raise ModelError(f'hb_model_modifier wrote no {stripped}: see '
                         f'{toolchain.record(model.parent, _LOG)}')
    return stripped


def _verify(tool: str, stripped: Path, before, nodes, boxes) -> None:
    """Check that those nodes, and only those, are gone.  Raises ModelError."""
    from .model_description import describe

    left = {n.name for n in _listing(tool, stripped).nodes}
    still = [n.name for n in nodes if n.name in left]
    lost = [n.name for n in before.nodes if n not in nodes and n.name not in left]
    if still or lost:
        what = f'{", ".join(still)} still there' if still else f'{", ".join(lost)} gone too'
        raise ModelError(f'{stripped.name} is not as it must be: {what}')
    print(f'{len(nodes)} nodes are gone, {len(left)} other removable nodes remain')
    try:
        outputs = {o.name: o for o in describe(stripped).outputs}
    except BackendError:
        print('not checked: the scales of the box outputs; nothing here can open a .bin, so run '
              f'`yolo12 inspect {stripped.name}` on the board')
        return
    for box in boxes:
        now = outputs.get(box.name)
        if now is None or now.scales is None or now.scales.size != box.shape[3]:
            raise ModelError(f'{stripped.name}: output {box.name} has '
                             f'{0 if now is None or now.scales is None else now.scales.size} '
                             f'scales: expected {box.shape[3]}, one a channel')
    print(f'every box output has {boxes[0].shape[3]} scales')


def _print_docker(args, commands) -> None:
    if not toolchain.installed('hb_model_modifier'):
        print(toolchain.how_to_install('hb_model_modifier'))
        print('and run this again without --modifier-log, or')
    print('run it in its container:')
    print(toolchain.docker_command(commands, args.model.parent, (), args.image))
