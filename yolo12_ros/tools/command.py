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

"""Entry point of `yolo12`: finds the verb and turns errors into one readable line."""
import argparse
import importlib
import sys
from typing import List, Optional

from .. import __version__
from ..errors import Yolo12Error

# Each verb is a module here with DESCRIPTION, EXAMPLE, add_arguments(parser) and
# main(args) -> int.  Heavy imports belong into main().
VERBS = ('detect', 'evaluate', 'perf', 'export', 'calibrate', 'compile', 'strip', 'inspect',
         'quantize', 'compare', 'fetch')


def main(argv: Optional[List[str]] = None) -> int:
    """Run one verb; exit code 1 for errors of the user's input, 2 for a wrong command line."""
    args = _parser().parse_args(argv)
    try:
        return args.main(args) or 0
    except Yolo12Error as e:
        print(f'yolo12 {args.verb}: error: {e}', file=sys.stderr)
    except KeyboardInterrupt:
        print(f'yolo12 {args.verb}: stopped', file=sys.stderr)
    except BrokenPipeError:     # `yolo12 ... | head`
        sys.stderr.close()
    except OSError as e:        # a full disk, a folder that may not be written
        print(f'yolo12 {args.verb}: error: {e.filename or "the system"}: {e.strerror or e}: check '
              'the path, its rights and the space on its disk', file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='yolo12', description='Prepare, inspect, try and measure YOLO12 models.')
    parser.add_argument('--version', action='version', version=__version__)
    verbs = parser.add_subparsers(dest='verb', metavar='VERB', required=True)
    for name in VERBS:
        module = importlib.import_module(f'{__package__}.{name}')
        verb = verbs.add_parser(
            name, help=module.DESCRIPTION, description=module.DESCRIPTION,
            epilog=f'example:\n{module.EXAMPLE}',
            formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(verb)
        verb.set_defaults(main=module.main)
    return parser


if __name__ == '__main__':
    sys.exit(main())
