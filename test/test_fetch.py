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

"""Fetch: resumes, checks hashes, refuses what is not https; against a server on this machine."""
import argparse
import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
import threading

import pytest

from yolo12_ros.errors import ModelError
from yolo12_ros.tools import fetch

CONTENT = bytes(range(256)) * 4096          # 1 MiB
HASH = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT; the server's attributes say how badly."""

    def do_GET(self):       # noqa: N802 (http.server's name)
        server = self.server
        server.requests.append(dict(self.headers))
        if self.path.startswith('/away'):
            self.send_response(302)
            self.send_header('Location', server.away)
            self.end_headers()
            return
        if self.path.startswith('/none'):
            self.send_error(404)
            return
        body, start = server.content, 0
        if 'Range' in self.headers and self.headers.get('If-Range') == server.etag:
            start = int(self.headers['Range'][6:].split('-')[0])
            if start >= len(body):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        if server.etag:
            self.send_header('ETag', server.etag)
        self.send_header('Content-Length', str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start:start + server.breaks_after])

    def log_message(self, *_):
        """Keep the test's output clean."""


@pytest.fixture
def server():
    """Yield a server with attributes content, etag, breaks_after, away, requests."""
    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.content, server.etag, server.breaks_after = CONTENT, '"v1"', 1 << 30
    server.requests, server.away = [], ''
    server.url = f'http://127.0.0.1:{server.server_address[1]}'
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


class Bar:
    """Stands in for Progress."""

    def __init__(self, total):
        self.total, self.done = total, 0
        Bar.last = self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def advance(self, n=1, text=''):
        self.done += n


def run(*words):
    """Run the verb with a command line."""
    parser = argparse.ArgumentParser()
    fetch.add_arguments(parser)
    return fetch.main(parser.parse_args([str(w) for w in words]))


def test_a_file_arrives_whole_and_its_hash_is_printed(server, tmp_path, capsys):
    assert run('--url', f'{server.url}/a%20b.pt', '--folder', tmp_path / 'new') == 0
    assert (tmp_path / 'new' / 'a b.pt').read_bytes() == CONTENT
    assert [p.name for p in (tmp_path / 'new').iterdir()] == ['a b.pt']
    printed = capsys.readouterr().out
    assert HASH in printed and 'not checked' in printed


def test_a_file_that_is_there_is_only_checked(server, tmp_path, capsys):
    (tmp_path / 'a.pt').write_bytes(CONTENT)
    run('--url', f'{server.url}/a.pt', '--folder', tmp_path, '--sha256', HASH.upper())
    assert not server.requests and 'as expected' in capsys.readouterr().out
    (tmp_path / 'a.pt').write_bytes(b'other')
    with pytest.raises(ModelError, match=f'expected {HASH}: delete it'):
        run('--url', f'{server.url}/a.pt', '--folder', tmp_path, '--sha256', HASH)


def test_a_broken_connection_is_resumed_where_it_broke(server, tmp_path):
    server.breaks_after = 300000
    path = tmp_path / 'a.pt'
    with pytest.raises(ModelError, match='after 300000 of 1048576 bytes: run the command again'):
        fetch.download(f'{server.url}/a.pt', path, Bar)
    assert not path.exists() and (tmp_path / 'a.pt.part').stat().st_size == 300000
    server.breaks_after = 1 << 30
    fetch.download(f'{server.url}/a.pt', path, Bar, HASH)
    assert path.read_bytes() == CONTENT and server.requests[1]['Range'] == 'bytes=300000-'
    assert (Bar.last.total, Bar.last.done) == (1024, 1024)
    assert [p.name for p in tmp_path.iterdir()] == ['a.pt']


@pytest.mark.parametrize('etag', ['"v2"', ''])
def test_another_version_on_the_server_starts_again(server, tmp_path, etag):
    server.breaks_after = 300000
    with pytest.raises(ModelError):
        fetch.download(f'{server.url}/a.pt', tmp_path / 'a.pt', Bar)
    server.breaks_after, server.etag, server.content = 1 << 30, etag, CONTENT[::-1]
    fetch.download(f'{server.url}/a.pt', tmp_path / 'a.pt', Bar)
    assert (tmp_path / 'a.pt').read_bytes() == CONTENT[::-1]


def test_without_a_version_nothing_is_resumed(server, tmp_path):
    server.breaks_after, server.etag = 300000, ''
    for _ in range(2):
        with pytest.raises(ModelError, match='300000 of'):
            fetch.download(f'{server.url}/a.pt', tmp_path / 'a.pt', Bar)
    assert 'Range' not in server.requests[1]


def test_the_version_of_an_older_part_is_forgotten(server, tmp_path):
    server.breaks_after = 300000
    for etag in ('"v1"', ''):
        server.etag = etag
        with pytest.raises(ModelError):
            fetch.download(f'{server.url}/a.pt', tmp_path / 'a.pt', Bar)
        server.content = CONTENT[::-1]
    server.etag, server.breaks_after = '"v1"', 1 << 30
    fetch.download(f'{server.url}/a.pt', tmp_path / 'a.pt', Bar)
    assert 'Range' not in server.requests[2]
    assert (tmp_path / 'a.pt').read_bytes() == CONTENT[::-1]


def test_a_part_that_is_too_long_is_dropped(server, tmp_path):
    (tmp_path / 'a.pt.part').write_bytes(CONTENT + b'more')
    (tmp_path / 'a.pt.part.tag').write_text('"v1"')
    with pytest.raises(ModelError, match='416.*run the command again'):
        fetch.download(f'{server.url}/a.pt', tmp_path / 'a.pt', Bar)
    assert not list(tmp_path.iterdir())


def test_a_wrong_hash_leaves_nothing(server, tmp_path):
    with pytest.raises(ModelError, match=f'sha256 {HASH}, expected {"0" * 64}'):
        fetch.download(f'{server.url}/a.pt', tmp_path / 'a.pt', Bar, '0' * 64)
    assert not list(tmp_path.iterdir())


def test_errors_of_the_server_and_the_network(server, tmp_path):
    with pytest.raises(ModelError, match='404'):
        fetch.download(f'{server.url}/none.pt', tmp_path / 'a.pt', Bar)
    with pytest.raises(ModelError, match='check the network.*a.pt$'):
        fetch.download('http://127.0.0.1:9/a.pt', tmp_path / 'a.pt', Bar)


@pytest.mark.parametrize('url', ['http://example.org/a.pt', 'ftp://example.org/a.pt',
                                 'file:///etc/hostname', 'a.pt'])
def test_only_https(tmp_path, url):
    with pytest.raises(ModelError, match='only https'):
        fetch.download(url, tmp_path / 'a.pt', Bar)


def test_a_redirect_to_http_is_refused(server, tmp_path):
    server.away = 'http://example.org/a.pt'
    with pytest.raises(ModelError, match='only https'):
        fetch.download(f'{server.url}/away', tmp_path / 'a.pt', Bar)
    server.away = f'{server.url}/a.pt'
    fetch.download(f'{server.url}/away', tmp_path / 'a.pt', Bar)
    assert (tmp_path / 'a.pt').read_bytes() == CONTENT


def test_names_and_options_that_cannot_be(tmp_path, capsys):
    with pytest.raises(ModelError, match='yolo12 fetch --list'):
        run('yolo13n.pt', '--folder', tmp_path)
    with pytest.raises(ModelError, match='no name'):
        run('--folder', tmp_path)
    with pytest.raises(ModelError, match='64 hexadecimal'):
        run('yolo12n.pt', '--sha256', 'abc', '--folder', tmp_path)
    with pytest.raises(ModelError, match='address of a file'):
        run('--url', 'https://example.org/', '--folder', tmp_path)
    assert run('--list') == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(fetch.SOURCES)
    for line, (name, source) in zip(printed, fetch.SOURCES.items()):
        assert name in line and source.licence in line
        assert ('sha256 known' in line) == bool(source.sha256) == name.endswith('.pt')
        assert source.folder.startswith('https://')
        assert len(bytes.fromhex(source.sha256)) in (0, 32)


def test_a_known_name_is_checked_wherever_it_comes_from(server, tmp_path, capsys, monkeypatch):
    with pytest.raises(ModelError, match=fetch.SOURCES['yolo12n.pt'].sha256):
        run('yolo12n.pt', '--url', f'{server.url}/mirror/other.pt', '--folder', tmp_path)
    assert not list(tmp_path.iterdir())
    run('--url', f'{server.url}/yolo12n.pt', '--folder', tmp_path)      # a file of the user's own
    assert 'not checked' in capsys.readouterr().out
    with pytest.raises(ModelError, match='fetch it again'):
        run('yolo12n.pt', '--folder', tmp_path)
    monkeypatch.setitem(fetch.SOURCES, 'yolo12n.pt',
                        fetch.Source('https://example.org/', '', HASH))
    (tmp_path / 'yolo12n.pt').unlink()
    run('yolo12n.pt', '--url', f'{server.url}/mirror/other.pt', '--folder', tmp_path)
    assert 'as expected' in capsys.readouterr().out


def test_what_was_fetched_is_found_by_its_name(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('XDG_CACHE_HOME', 'cache')
    kept = Path('cache', 'yolo12_ros', 'a.pt')
    assert fetch.local_file('a.pt') == Path('a.pt')
    kept.parent.mkdir(parents=True)
    kept.touch()
    assert fetch.local_file('a.pt') == kept
    Path('a.pt').touch()
    assert fetch.local_file('a.pt') == Path('a.pt')


def test_the_cache_folder_follows_the_desktop_standard(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert fetch.cache_folder() == tmp_path / 'yolo12_ros'
    monkeypatch.delenv('XDG_CACHE_HOME')
    assert fetch.cache_folder().parts[-2:] == ('.cache', 'yolo12_ros')
