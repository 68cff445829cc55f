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

"""The pool of slots of every Model, with a fake one that runs when it is told to."""
import threading
import time

import numpy as np
import pytest
from yolo12_ros import backends
from yolo12_ros.backends import Model, open_model
from yolo12_ros.backends.threaded import ThreadedModel
from yolo12_ros.errors import BackendError, InferenceTimeout, ModelError

SIZE = 4 * 2 * 3 // 2


class Fake(ThreadedModel):
    """Blocks until let_go(); gives its input back, twice; a first byte of 255 is an error."""

    name, backend, input_size, outputs = 'fake', 'none', (4, 2), ()

    def __init__(self, slots=2, blocked=False):
        self.gate = threading.Semaphore(0 if blocked else 10 ** 6)
        self.seen = []
        super().__init__(slots)

    def run(self, nv12):
        """Infer."""
        self.seen.append(nv12)
        assert self.gate.acquire(timeout=10), 'the test forgot to let go'
        if nv12[0] == 255:
            raise ValueError('the chip is on fire')
        return [nv12.copy(), nv12 * 2]

    def let_go(self, n=1):
        """Let n inferences end."""
        for _ in range(n):
            self.gate.release()


@pytest.fixture
def make():
    """Return a function that makes fakes and ends them after the test."""
    made = []

    def make_fake(*args, **kwargs):
        made.append(Fake(*args, **kwargs))
        return made[-1]
    yield make_fake
    for model in made:
        model.let_go(100)
        model.close()


def eventually(check):
    """Wait until something is true."""
    end = time.monotonic() + 5
    while not check():
        assert time.monotonic() < end, 'it did not come true within 5 s'
        time.sleep(0.005)


def late(model):
    """Return after a request that timed out and was given back."""
    slot = model.acquire(1)
    model.submit(slot)
    with pytest.raises(InferenceTimeout, match='fake did not finish in 0.01 s'):
        model.wait(slot, 0.01)
    model.release(slot)
    return slot


def test_a_request(make):
    """Acquire, write, submit, wait, release; the library gets the slot's own buffer."""
    model = make()
    slot = model.acquire()
    assert slot.input.shape == (SIZE,) and slot.input.dtype == np.uint8
    slot.input[:] = np.arange(SIZE)
    model.submit(slot)
    first, second = model.wait(slot)
    np.testing.assert_array_equal(first, np.arange(SIZE))
    np.testing.assert_array_equal(second, 2 * np.arange(SIZE))
    assert np.shares_memory(model.seen[0], slot.input)
    model.release(slot)
    assert model.acquire() is slot


def test_as_many_slots_as_asked_for(make):
    """Not one more, and the next one comes when one is given back."""
    model = make(3)
    slots = [model.acquire(0) for _ in range(3)]
    assert len({id(s) for s in slots}) == 3
    assert not any(np.shares_memory(a.input, b.input)
                   for a in slots for b in slots if a is not b)
    start = time.monotonic()
    with pytest.raises(InferenceTimeout, match='3 requests are in flight and 0 late'):
        model.acquire(0.1)
    assert 0.09 < time.monotonic() - start < 2
    model.release(slots[1])
    assert model.acquire(0) is slots[1]


@pytest.mark.parametrize('timeout', [None, 5])
def test_acquire_waits_for_a_release(make, timeout):
    """From another thread."""
    model = make(1)
    slot = model.acquire()
    timer = threading.Timer(0.05, model.release, [slot])
    timer.start()
    assert model.acquire(timeout) is slot
    timer.join()


def test_requests_in_flight_do_not_mix(make):
    """Each slot has its own input and outputs, in whatever order they are waited for."""
    model = make(3, blocked=True)
    slots = [model.acquire() for _ in range(3)]
    for i, slot in enumerate(slots):
        slot.input[:] = i
        model.submit(slot)
    model.let_go(3)
    for i in (2, 0, 1):
        assert (model.wait(slots[i], 5)[0] == i).all()


def test_wait_may_be_called_again_after_a_timeout(make):
    """The result is not lost."""
    model = make(1, blocked=True)
    slot = model.acquire()
    model.submit(slot)
    for timeout in (0, 0.02):
        with pytest.raises(InferenceTimeout):
            model.wait(slot, timeout)
    model.let_go()
    assert len(model.wait(slot, 5)) == 2


def test_a_late_slot_is_not_given_out_while_it_runs(make):
    """Its buffers may still be written to; another slot takes its place."""
    model = make(1, blocked=True)
    slot = late(model)
    fresh = model.acquire(0)
    assert fresh is not slot and not np.shares_memory(fresh.input, slot.input)


def test_a_late_slot_is_reclaimed_when_it_ends(make):
    """The pool shrinks to its size again."""
    model = make(1, blocked=True)
    late(model)
    fresh = model.acquire(0)
    model.let_go(2)
    model.submit(fresh)
    model.wait(fresh, 5)
    model.release(fresh)
    again = model.acquire(1)
    with pytest.raises(InferenceTimeout, match='0 late'):
        model.acquire(0.02)
    model.release(again)


def test_a_late_slot_that_failed_is_reclaimed_too(make):
    """Its error belongs to a frame that nobody waits for."""
    model = make(1, blocked=True)
    slot = model.acquire()
    slot.input[:] = 255
    model.submit(slot)
    model.release(slot)
    model.let_go(1)
    eventually(slot.done.is_set)
    fresh = model.acquire(1)
    fresh.input[:] = 1
    model.let_go(1)
    model.submit(fresh)
    assert (model.wait(fresh, 5)[0] == 1).all()


def test_a_library_that_hangs_does_not_eat_all_memory(make):
    """Only so many late slots are replaced."""
    model = make(2, blocked=True)
    for _ in range(Model.MAX_LATE):
        late(model)
    slots = [model.acquire(0), model.acquire(0)]
    with pytest.raises(InferenceTimeout, match=f'2 requests .* {Model.MAX_LATE} late'):
        model.acquire(0.02)
    for slot in slots:
        model.submit(slot)
        model.release(slot)
    with pytest.raises(InferenceTimeout, match=f'{Model.MAX_LATE + 2} late'):
        model.acquire(0.02)
    model.let_go(Model.MAX_LATE + 2)
    slots = [model.acquire(5), model.acquire(5)]
    for slot in slots:
        slot.input[:] = 3
        model.let_go(1)
        model.submit(slot)
        assert (model.wait(slot, 5)[0] == 3).all()


def test_an_error_belongs_to_its_request(make):
    """The cause is kept, the slot is free again, and the next request works."""
    model = make(1)
    with pytest.raises(BackendError, match='fake failed: the chip is on fire') as e:
        model.infer(np.full(SIZE, 255, np.uint8), 5)
    assert isinstance(e.value.__cause__, ValueError)
    assert not isinstance(e.value, InferenceTimeout)
    assert (model.infer(np.full(SIZE, 7, np.uint8), 5)[0] == 7).all()


def test_infer_returns_copies(monkeypatch, make):
    """They outlive the slot, also where a library reuses its buffers."""
    monkeypatch.setattr(Fake, 'run', lambda self, nv12: [nv12])
    model = make(1)
    first, = model.infer(np.full(SIZE, 1, np.uint8).reshape(3, 4), 5)
    model.infer(np.full(SIZE, 2, np.uint8), 5)
    assert (first == 1).all()


@pytest.mark.parametrize('nv12, words', [
    (np.zeros(SIZE - 1, np.uint8), f'takes {SIZE} bytes of NV12, got {SIZE - 1} elements'),
    (np.zeros(SIZE, np.float32), 'float32'), (np.zeros(0, np.uint8), 'got 0 elements')])
def test_infer_refuses_other_inputs(make, nv12, words):
    """And gives the slot back."""
    model = make(1)
    for _ in range(3):
        with pytest.raises(BackendError, match=words):
            model.infer(nv12, 1)


def test_closed(make):
    """Nothing can be acquired any more, who waits is woken, and closing twice is no harm."""
    with make(1) as model:
        slot = model.acquire()
        errors = []

        def waiting():
            try:
                model.acquire()
            except BackendError as e:
                errors.append(str(e))
        thread = threading.Thread(target=waiting)
        thread.start()
        time.sleep(0.02)
        model.close()
        thread.join(5)
        assert errors == ['model fake is closed']
        model.release(slot)
    model.close()
    with pytest.raises(BackendError, match='fake is closed'):
        model.acquire(0)
    model._worker.join(5)
    assert not model._worker.is_alive()


def test_close_returns_although_the_library_hangs(make):
    """A daemon thread does not keep the process alive either."""
    model = make(1, blocked=True)
    slot = model.acquire()
    model.submit(slot)
    errors = []

    def wait():
        with pytest.raises(BackendError) as error:
            model.wait(slot)
        errors.append(str(error.value))
    thread = threading.Thread(target=wait)
    thread.start()
    model.close()
    thread.join(10)
    assert errors == ['inference of fake failed: the model was closed meanwhile']
    assert model._worker.is_alive() and model._worker.daemon


def test_many_threads(make):
    """Each gets its own result, and the pool is whole afterwards."""
    model = make(3)
    wrong = []

    def work(value):
        for _ in range(50):
            if (model.infer(np.full(SIZE, value, np.uint8), 5)[0] != value).any():
                wrong.append(value)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    slots = [model.acquire(0) for _ in range(3)]
    assert len({id(slot) for slot in slots}) == 3


@pytest.mark.parametrize('name, options, error, words', [
    ('m.onnx', {}, ModelError, ['m.onnx', 'does not exist', 'model_file']),
    ('m.pt', {}, ModelError, ["'.pt'", '.onnx', '.bin', 'yolo12 export']),
    ('model', {}, ModelError, ["'no suffix'", '.onnx']),
    ('m.onnx', {'backend': 'libdnn'}, BackendError, ["'libdnn'", 'm.onnx', 'onnx']),
    ('m.bin', {'backend': 'tpu'}, BackendError, ["'tpu'", *backends.BACKENDS['.bin']]),
])
def test_open_model_refuses(tmp_path, name, options, error, words):
    """Before any library is imported."""
    with pytest.raises(error) as e:
        open_model(tmp_path / name, **options)
    assert all(word in str(e.value) for word in words)


def test_nothing_can_run_a_file(tmp_path, monkeypatch):
    """Each backend's reason is given, and what to do instead."""
    def no_library(path, slots):
        raise BackendError(f'no library for {path.name}')
    monkeypatch.setitem(backends.BACKENDS, '.bin', ('one', 'two'))
    monkeypatch.setattr(backends.importlib, 'import_module',
                        lambda name: type('m', (), {'open_file': staticmethod(no_library)}))
    (tmp_path / 'm.bin').write_bytes(b'')
    with pytest.raises(BackendError) as e:
        open_model(tmp_path / 'm.bin')
    assert all(word in str(e.value) for word in [
        'no backend can run m.bin', 'one: no library for m.bin', 'two: no library', 'RDK X5',
        '.onnx'])


def test_a_request_that_comes_while_the_model_closes_is_refused(make, monkeypatch):
    model = make()
    slot = model.acquire(1)
    put = model._start

    def late_start(given):
        model.close()               # between the first look and the queue
        put(given)
    monkeypatch.setattr(model, '_start', late_start)
    with pytest.raises(BackendError, match='fake is closed'):
        model.submit(slot)
