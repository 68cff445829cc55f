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

"""PEP 517 backend: folders of .msg and .srv files -> one wheel with ROS 2 typesupport.

Every sub-folder that has ``msg/*.msg`` or ``srv/*.srv`` is an interface package.  The rosidl
generators of the PyPI ``ros-*`` wheels (Jazzy) turn the definitions into C and
Python and the system compiler builds the same libraries that
``rosidl_generate_interfaces()`` builds, as far as Python needs them: the C
message functions, the C introspection and Fast DDS type supports, the
dispatcher and the Python conversions.  No CMake, no C++ message types.

Use:  pip install --no-build-isolation ./interfaces
in an environment that already holds ros-rclpy and the message wheels.
"""
import base64
import concurrent.futures
import copy
import functools
import hashlib
import json
import os
from pathlib import Path
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile

HERE = Path(__file__).resolve().parent
PREFIX = Path(sys.prefix)
SHARE = PREFIX / 'share'
NAME, VERSION = 'yolo12-ros-interfaces', '0.1.0'
STEM = f'{NAME.replace("-", "_")}-{VERSION}'
PY = f'cp{sys.version_info[0]}{sys.version_info[1]}'
TAG = f'{PY}-{PY}-{sysconfig.get_platform().replace("-", "_").replace(".", "_")}'
TYPESUPPORTS = ['rosidl_typesupport_fastrtps_c', 'rosidl_typesupport_introspection_c']


def packages():
    """Folders with interface definitions, beside this file."""
    return sorted(p for p in HERE.iterdir() if p.is_dir() and definitions(p))


def definitions(pkg):
    return sorted(f for kind in ('msg', 'srv') for f in (pkg / kind).glob(f'*.{kind}'))


def dependencies(pkg):
    """Return the packages that the definitions refer to, closed over what is installed."""
    files = definitions(pkg)
    todo = {m for f in files
            for m in re.findall(r'^\s*([a-z][a-z0-9_]*)/[A-Z]', f.read_text(), re.M)}
    if any(f.suffix == '.srv' for f in files):
        todo.add('service_msgs')
    closed = set()
    while todo:
        name = todo.pop()
        if name == pkg.name or name in closed:
            continue
        if not (SHARE / name).is_dir():
            raise RuntimeError(f'{pkg.name} needs {name}, which is not under {SHARE}')
        closed.add(name)
        for idl in (SHARE / name / 'msg').glob('*.idl'):
            todo.update(re.findall(r'#include "([a-z0-9_]+)/', idl.read_text()))
    return sorted(closed)


def run(cmd):
    done = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(f'{shlex.join(map(str, cmd))}\n{done.stdout}')


def generate(pkg, work, deps):
    """Run the generators; return {library: [sources]} and the include paths."""
    from rosidl_adapter import convert_to_idl
    import rosidl_generator_c
    from rosidl_generator_py.generate_py_impl import generate_py
    import rosidl_generator_type_description
    import rosidl_parser.parser
    import rosidl_typesupport_c
    import rosidl_typesupport_fastrtps_c
    import rosidl_typesupport_introspection_c

    # every generator parses every definition again: keep the parse trees
    parse = functools.lru_cache(None)(rosidl_parser.parser.get_ast_from_idl_string)
    rosidl_parser.parser.get_ast_from_idl_string = lambda text: copy.deepcopy(parse(text))

    name, share = pkg.name, work / 'data' / 'share' / pkg.name
    files = [f.relative_to(pkg) for f in definitions(pkg)]
    stems = [f.with_suffix('').as_posix() for f in files]
    for f in files:
        (share / f).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pkg / f, share / f)
        convert_to_idl(pkg, name, f, share)
    common = {
        'package_name': name,
        'idl_tuples': [f'{share}:{s}.idl' for s in stems],
        'ros_interface_dependencies':
            [f'{d}:{i}' for d in deps for i in sorted((SHARE / d / 'msg').glob('*.idl'))],
        'target_dependencies': [],
    }

    def arguments(generator, out, **more):
        out.mkdir(parents=True, exist_ok=True)
        resource = SHARE / generator / 'resource'
        for template in resource.glob('*__visibility_control.h.in'):
            (out / 'msg').mkdir(exist_ok=True)
            (out / 'msg' / template.stem).write_text(
                template.read_text().replace('@PROJECT_NAME@', name)
                .replace('@PROJECT_NAME_UPPER@', name.upper()))
        file = work / f'{generator}.json'
        file.write_text(json.dumps(
            {**common, 'output_dir': str(out), 'template_dir': str(resource), **more}))
        return str(file)

    def folder(generator):
        return work / generator / name

    rosidl_generator_type_description.generate_type_hash(
        arguments('rosidl_generator_type_description', share,
                  include_paths=[f'{d}:{SHARE / d}' for d in deps]))
    rosidl_generator_c.generate_c(
        arguments('rosidl_generator_c', folder('rosidl_generator_c'),
                  type_description_tuples=[f'{s}.idl:{share}/{s}.json' for s in stems],
                  ros_interface_files=[str(share / f) for f in files]))
    for typesupport, function in (
            (rosidl_typesupport_fastrtps_c, 'generate_typesupport_fastrtps_c'),
            (rosidl_typesupport_introspection_c, 'generate_c')):
        n = typesupport.__name__
        getattr(typesupport, function)(arguments(n, folder(n)))
    rosidl_typesupport_c.generate_c(
        arguments('rosidl_typesupport_c', folder('rosidl_typesupport_c')), TYPESUPPORTS)
    generate_py(arguments('rosidl_generator_py', folder('rosidl_generator_py')),
                ['rosidl_typesupport_c'])
    (folder('rosidl_generator_py') / '__init__.py').touch()

    sources = {g: sorted(f for f in folder(g).rglob('*.c*') if f.suffix in ('.c', '.cpp'))
               for g in ['rosidl_generator_c', *TYPESUPPORTS, 'rosidl_typesupport_c',
                         'rosidl_generator_py']}
    entry = [f for f in sources['rosidl_generator_py'] if '.ep.' in f.name]
    sources['rosidl_generator_py'] = [f for f in sources['rosidl_generator_py'] if f not in entry]
    sources['entry'] = entry
    return sources, [work / g for g in sources if g != 'entry']


def compile_and_link(pkg, work, deps, sources, includes):
    """Build the libraries into data/lib and the extension module into the package."""
    import numpy
    includes = [*includes, sysconfig.get_path('include'), numpy.get_include(), PREFIX / 'include',
                *(d for d in (PREFIX / 'include').iterdir() if (d / d.name).is_dir())]
    flags = ['-O1', '-w', '-fPIC', *(f'-I{i}' for i in includes),
             *shlex.split(os.environ.get('CFLAGS', ''))]
    compiler = {'.c': [*shlex.split(os.environ.get('CC', 'gcc')), '-std=gnu11'],
                '.cpp': [*shlex.split(os.environ.get('CXX', 'g++')), '-std=c++17']}
    # One translation unit for each kind of file of a library, so that the
    # headers are read once; the descriptions repeat names and stay apart.
    jobs = {}
    for library, files in sources.items():
        for f in files:
            kind = f.stem.rpartition('__')[2] if '__' in f.stem else 'all'
            key = (library, str(f) if kind == 'description' else kind, f.suffix)
            jobs.setdefault(key, []).append(f)
    (work / 'obj').mkdir()

    def compile_unit(number, key):
        unit = work / 'obj' / f'{number}{key[2]}'
        unit.write_text(''.join(f'#include "{f}"\n' for f in jobs[key]))
        run([*compiler[key[2]], *flags, '-c', unit, '-o', unit.with_suffix('.o')])
        return key[0], unit.with_suffix('.o')

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_unit, range(len(jobs)), jobs))

    lib = work / 'data' / 'lib'
    lib.mkdir()
    known = [f'{d}__{g}' for d in deps for g in sources]
    base = ['rosidl_runtime_c', 'rosidl_typesupport_c', 'rosidl_typesupport_fastrtps_c',
            'rosidl_typesupport_fastrtps_cpp', 'rosidl_typesupport_introspection_c',
            'fastcdr', 'rmw', 'rcutils']
    built = []
    for library in sources:
        if library == 'entry':
            suffix = sysconfig.get_config_var('EXT_SUFFIX')
            target = (work / 'rosidl_generator_py' / pkg.name
                      / f'{pkg.name}_s__rosidl_typesupport_c{suffix}')
            rpath = '$ORIGIN/../../..'
        else:
            target, rpath = lib / f'lib{pkg.name}__{library}.so', '$ORIGIN'
        libs = built + [k for k in known if (PREFIX / 'lib' / f'lib{k}.so').exists()] + base
        run([*compiler['.cpp'], '-shared', *(o for n, o in objects if n == library),
             f'-L{lib}', f'-L{PREFIX / "lib"}', '-Wl,--as-needed', f'-Wl,-rpath,{rpath}',
             f'-Wl,-soname,{target.name}', *(f'-l{x}' for x in libs), '-o', target])
        built.insert(0, f'{pkg.name}__{library}')


def build_package(pkg, work):
    deps = dependencies(pkg)
    compile_and_link(pkg, work, deps, *generate(pkg, work, deps))
    share = work / 'data' / 'share'
    index = share / 'ament_index' / 'resource_index'
    listing = sorted(f.relative_to(share / pkg.name).as_posix()
                     for f in (share / pkg.name).glob('*/*'))
    for kind, text in (('packages', ''), ('rosidl_interfaces', '\n'.join(listing))):
        (index / kind).mkdir(parents=True)
        (index / kind / pkg.name).write_text(text)
    if (pkg / 'package.xml').exists():
        shutil.copy(pkg / 'package.xml', share / pkg.name)


def metadata():
    return {
        f'{STEM}.dist-info/METADATA': 'Metadata-Version: 2.1\n'
        f'Name: {NAME}\nVersion: {VERSION}\n'.encode(),
        f'{STEM}.dist-info/WHEEL': 'Wheel-Version: 1.0\nGenerator: rosidl_backend\n'
        f'Root-Is-Purelib: false\nTag: {TAG}\n'.encode(),
    }


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    """Without this hook pip would build everything twice."""
    for name, data in metadata().items():
        file = Path(metadata_directory, name)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data)
    return f'{STEM}.dist-info'


def _digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    files = {}
    with tempfile.TemporaryDirectory() as tmp:
        works = {pkg: Path(tmp, pkg.name) for pkg in packages()}
        for work in works.values():
            work.mkdir()
        with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(build_package, works, works.values()))
        for pkg, work in works.items():
            for root, to in ((work / 'rosidl_generator_py', ''),
                             (work / 'data', f'{STEM}.data/data/')):
                files.update((to + f.relative_to(root).as_posix(), f.read_bytes())
                             for f in sorted(root.rglob('*')) if f.is_file() and f.suffix != '.c')
    files.update(metadata())
    record = f'{STEM}.dist-info/RECORD'
    rows = [f'{name},sha256={_digest(data)},{len(data)}\n' for name, data in files.items()]
    files[record] = ''.join([*rows, f'{record},,\n']).encode()
    wheel = Path(wheel_directory, f'{STEM}-{TAG}.whl')
    with zipfile.ZipFile(wheel, 'w', zipfile.ZIP_DEFLATED) as z:
        for name, data in files.items():
            z.writestr(name, data)
    return wheel.name
