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

"""`yolo12 fetch`: official weights by name.  The only code of this package that downloads."""
import hashlib
import http.client
import os
from pathlib import Path
from typing import NamedTuple
from urllib import error, parse, request

from ..errors import ModelError

DESCRIPTION = 'Download official weights by name (https, resumable, checked).'
EXAMPLE = '  yolo12 fetch yolo12n.pt\n  yolo12 fetch yolo12n_detect_bayese_640x640_nv12.bin'


class Source(NamedTuple):
    """Where the publisher of a file keeps it, under which licence, and its hash ('': unknown)."""

    folder: str
    licence: str
    sha256: str = ''


_ULTRALYTICS = 'https://github.com/ultralytics/assets/releases/download/v8.3.0/'
_D_ROBOTICS = 'https://archive.d-robotics.cc/downloads/rdk_model_zoo/rdk_x5/ultralytics_YOLO/'
# GitHub's digests of the release's files, as at least two projects that pin them have them.
_SHA256 = {
    'yolo12n.pt': '419ff3dca37d69bacc93a50fa0c186a1c6f9fe62fae0f108b0872829689e9ca6',
    'yolo12s.pt': 'e915c2c4286e3f6f8610ef106fa3f94a7b8c19b30eccede5887e22c33ef75f58',
    'yolo12m.pt': '4c6d179786eddf6134ee469ae2f4ce04cbe4e9d1a47d6b669d9cd6b9c6c513d8',
    'yolo12l.pt': '0babd8dc8f775bb64bb052debdff3d8b9e9b57efa9d7bfa11c84bb82c3fec336',
    'yolo12x.pt': '682ce8dadee004dbe964950f1bf3eda451671815a6ed62db80b398916b9b7c6f',
    'yolo11n.pt': '0ebbc80d4a7680d14987a577cd21342b65ecfd94632bd9a8da63ae6417644ee1',
    'yolo11s.pt': '85a76fe86dd8afe384648546b56a7a78580c7cb7b404fc595f97969322d502d5',
    'yolo11m.pt': 'd5ffc1a674953a08e11a8d21e022781b1b23a19b730afc309290bd9fb5305b95',
    'yolo11l.pt': '9ebd0e09d59811db4b1d61e2bc6730649608b1ac47f8dd01e2da6bca7c20023f',
    'yolo11x.pt': '7bc158aa95c0ebfdd87f70f01653c1131b93e92522dbe15c228bcd742e773a24',
}
SOURCES = {
    **{name: Source(_ULTRALYTICS, 'Ultralytics, AGPL-3.0', digest)
       for name, digest in _SHA256.items()},
    **{f'yolo12{size}_detect_bayese_640x640_nv12.bin': Source(
        _D_ROBOTICS, 'D-Robotics Model Zoo, from weights of Ultralytics, AGPL-3.0')
       for size in 'nsmlx'},
}
CHUNK = 1 << 18         # bytes
TIMEOUT = 30            # seconds without a byte
LOOPBACK = ('localhost', '127.0.0.1', '::1')


def add_arguments(parser) -> None:
    """Declare the command line."""
    parser.add_argument('name', nargs='?', help='file to fetch, such as yolo12n.pt')
    parser.add_argument('--list', action='store_true', help='print the known names and licences')
    parser.add_argument('--url', help="https address, instead of the publisher's: a mirror of a "
                        'known name, whose hash is checked all the same, or a file of your own')
    parser.add_argument('--sha256', help='what the file must hash to')
    parser.add_argument('--folder', type=Path, default=cache_folder(),
                        help='where to keep it (default: %(default)s)')


def main(args) -> int:
    """Run the verb."""
    if args.list:
        for name, source in SOURCES.items():
            print(f'{name:<42} {"sha256 known" if source.sha256 else "not checked":<13} '
                  f'{source.licence}')
        return 0
    url, name = _address(args.name, args.url)
    known = SOURCES.get(args.name)
    wanted = (args.sha256 or (known.sha256 if known else '')).lower()
    if wanted and (len(wanted) != 64 or set(wanted) - set('0123456789abcdef')):
        raise ModelError(f'--sha256 {wanted}: expected 64 hexadecimal digits')
    path = args.folder.expanduser() / name
    if path.is_file():
        print(f'{path} is there already')
    else:
        from .progress import Progress
        download(url, path, lambda total: Progress(total, f'fetch {name}, KiB'), wanted)
    digest = sha256(path)
    if wanted and digest != wanted:
        raise ModelError(f'{path} has the sha256 {digest}, expected {wanted}: delete it and '
                         'fetch it again')
    print(f'{path}\nsha256 {digest}' + (' as expected' if wanted else
                                        '  (not checked: no hash is known; pass --sha256)'))
    return 0


def cache_folder() -> Path:
    """Return the user's folder for downloaded weights."""
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'yolo12_ros'


def local_file(name: str) -> Path:
    """Return the path of a file that is here or, if only there, in the folder of fetched ones."""
    kept = cache_folder() / name
    return kept if not Path(name).is_file() and kept.is_file() else Path(name)


def sha256(path: Path) -> str:
    """Return the hash of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        for block in iter(lambda: file.read(CHUNK), b''):
            digest.update(block)
    return digest.hexdigest()


def download(url: str, path: Path, progress, wanted: str = '') -> None:
    """
    Fetch a file to `path`, going on where an earlier try stopped.

    progress: makes a context manager with advance(n) from the number of KiB.  wanted: sha256, or
    ''.  Until the file is complete and checked it is called .part, and a file .part.tag beside it
    holds the version that the server gave.  Raises ModelError.
    """
    _check_scheme(url)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path.parent, os.W_OK):
        raise ModelError(f'{path.parent} may not be written to: give another --folder')
    part, tag = (path.with_name(path.name + end) for end in ('.part', '.part.tag'))
    asked = request.Request(url, headers={'User-Agent': 'yolo12_ros', **_resume(part, tag)})
    try:
        with _opener().open(asked, timeout=TIMEOUT) as response:
            size = _receive(response, part, tag, progress)
    except error.HTTPError as e:
        if e.code == 416:       # the rest does not exist: the part is no part of this file
            _remove(part, tag)
        raise ModelError(f'{url}: the server answers {e.code} {e.reason}'
                         + (': run the command again' if e.code == 416 else '')) from e
    except (OSError, http.client.HTTPException) as e:
        raise ModelError(
            f'{url} cannot be fetched: {getattr(e, "reason", None) or e}: check the network and '
            'run the command again, it goes on where it stopped; or get the file elsewhere and '
            f'put it at {path}') from e
    got = part.stat().st_size
    if size is not None and got != size:
        raise ModelError(f'{url}: the connection ended after {got} of {size} bytes: run the '
                         'command again, it goes on from there')
    digest = sha256(part)
    if wanted and digest != wanted:
        _remove(part, tag)
        raise ModelError(f'{url} has the sha256 {digest}, expected {wanted}: it is not the file '
                         'that was meant, and was deleted')
    os.replace(part, path)
    _remove(tag)


def _address(name, url):
    """Return (url, file name).  Raises ModelError."""
    if url:
        file = Path(name or parse.unquote(parse.urlsplit(url).path)).name
        if not file:
            raise ModelError(f'--url {url}: expected the address of a file')
        return url, file
    if name not in SOURCES:
        raise ModelError(f'{name or "no name"} is not a known file: see yolo12 fetch --list, or '
                         'give --url')
    return SOURCES[name].folder + name, name


def _check_scheme(url: str) -> None:
    """Raise ModelError unless the address is https, or on this machine."""
    parts = parse.urlsplit(url)
    if parts.scheme != 'https' and not (parts.scheme == 'http' and parts.hostname in LOOPBACK):
        raise ModelError(f'{url}: only https addresses are fetched')


class _SafeRedirects(request.HTTPRedirectHandler):
    """Refuses a redirect that leaves https."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        _check_scheme(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener():
    return request.build_opener(_SafeRedirects)


def _resume(part: Path, tag: Path) -> dict:
    """Return the headers that ask for the rest, if the version of the part is known."""
    if not part.is_file() or not tag.is_file() or not part.stat().st_size:
        return {}
    return {'Range': f'bytes={part.stat().st_size}-', 'If-Range': tag.read_text()}


def _receive(response, part: Path, tag: Path, progress):
    """Write the answer and return the size of the whole file, None if the server does not say."""
    resumed = response.status == 206
    version = response.headers.get('ETag') or response.headers.get('Last-Modified') or ''
    if version and not version.startswith('W/'):
        tag.write_text(version)
    else:
        _remove(tag)
    start = part.stat().st_size if resumed else 0
    length = response.headers.get('Content-Length')
    size = None if length is None else start + int(length)
    with part.open('ab' if resumed else 'wb') as file, \
            progress((size or 0) // 1024) as bar:
        done, shown = start, 0
        while True:
            block = response.read(CHUNK)
            if not block:
                return size
            file.write(block)
            done += len(block)
            bar.advance(done // 1024 - shown)
            shown = done // 1024


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
