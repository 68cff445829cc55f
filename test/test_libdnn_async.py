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

"""libdnn's binding against the stand-in: overlap, timeouts, hangs, threads, closing, leaks."""
import _thread
import gc
import signal
import threading
import time

from fake_bpu import library, SMALL, small_heads, stand_in, write_model
import numpy as np
import pytest
from yolo12_ros.backends import libdnn_slots, open_model
from yolo12_ros.errors import BackendError, InferenceTimeout

__all__ = ['library', 'stand_in']       # fixtures
EXPECTED = small_heads()


@pytest.fixture
def small(tmp_path, stand_in):
    """Return a function that writes and opens a small model, which is closed after the test."""
    models = []

    def make(slots=2, **options):
        path = write_model(tmp_path / f'small{len(models)}.bin', small_heads(), size=(64, 64),
                           **options)
        models.append(open_model(path, slots=slots))
        return models[-1]
    gc.collect()
    libdnn_slots._in_flight.clear()
    assert (stand_in.fakeLiveAllocs(), stand_in.fakeLiveTasks()) == (0, 0)
    yield make
    stand_in.fakeLiftHang(1)
    for model in models:
        model.close()
    eventually(lambda: stand_in.fakeLiveTasks() == 0)
    libdnn_slots._in_flight.clear()     # what a test has left there on purpose


def eventually(check):
    """Wait until something is true."""
    end = time.monotonic() + 5
    while not check():
        assert time.monotonic() < end, 'it did not come true within 5 s'
        time.sleep(0.005)


def best_of(attempts, limit, measure):
    """Return the first measurement below the limit, or the smallest: the machine may be busy."""
    values = []
    while len(values) < attempts and (not values or values[-1] > limit):
        values.append(measure())
    return min(values)


def submitted(model):
    """Return a slot in flight."""
    slot = model.acquire(1)
    model.submit(slot)
    return slot


def late(model):
    """Return a slot that was given back before its inference has ended."""
    slot = submitted(model)
    with pytest.raises(InferenceTimeout, match='did not finish in 0.01 s'):
        model.wait(slot, 0.01)
    model.release(slot)
    return slot


def test_two_requests_overlap(small):
    model = small(delay_ms=40)

    def both():
        start = time.perf_counter()
        slots = [submitted(model) for _ in range(2)]
        for slot in slots:
            model.wait(slot, 1)
            model.release(slot)
        return time.perf_counter() - start
    seconds = best_of(20, 1.1 * 0.080, both)
    print(f'two 40 ms requests: {seconds * 1e3:.1f} ms')
    assert 0.080 < seconds <= 1.1 * 0.080


def test_python_is_not_stalled(small):
    model = small(delay_ms=200)

    def longest_gap():
        longest, done = 0.0, threading.Event()

        def count():
            nonlocal longest
            last = time.perf_counter()
            while not done.is_set():
                now = time.perf_counter()
                longest, last = max(longest, now - last), now
        thread = threading.Thread(target=count)
        thread.start()
        slots = [submitted(model) for _ in range(2)]
        for slot in slots:
            model.wait(slot, 1)
            model.release(slot)
        done.set()
        thread.join()
        return longest
    seconds = best_of(8, 0.010, longest_gap)
    print(f'longest stall of a counting thread: {seconds * 1e3:.1f} ms')
    assert seconds < 0.100      # a busy machine stalls it too, but not as long as an inference


def test_timeout_and_late_result(small):
    model = small(delay_ms=300)

    def timed_out_after():
        slot = submitted(model)
        start = time.perf_counter()
        with pytest.raises(InferenceTimeout, match='0.01 s'):
            model.wait(slot, 0.010)
        seconds = time.perf_counter() - start
        np.testing.assert_array_equal(model.wait(slot, 1)[0], EXPECTED[0])
        model.release(slot)
        return seconds
    seconds = best_of(20, 0.020, timed_out_after)
    print(f'wait(10 ms) raised after {seconds * 1e3:.1f} ms')
    assert 0.010 <= seconds < 0.020


@pytest.mark.parametrize('timeout', [None, 0, 0.3, 5])
def test_wait_ends_when_it_should(small, timeout):
    """0 only looks, although libdnn takes 0 for for ever; longer waits are made of pieces."""
    model = small(delay_ms=1500)
    start = time.monotonic()
    slot = submitted(model)
    if timeout in (0, 0.3):
        before = time.monotonic()
        with pytest.raises(InferenceTimeout):
            model.wait(slot, timeout)
        assert timeout <= time.monotonic() - before and time.monotonic() - start < 1.5
        model.wait(slot)
    else:
        assert len(model.wait(slot, timeout)) == 6
    assert time.monotonic() - start >= 1.5
    model.release(slot)


@pytest.mark.parametrize('misuse, words', [
    (lambda model, slot: model.wait(slot, 1), 'was not submitted'),
    (lambda model, slot: [model.submit(slot) for _ in range(2)], 'in flight: wait for it first')])
def test_calls_in_a_wrong_order(small, misuse, words):
    model = small(delay_ms=50)
    slot = model.acquire()
    with pytest.raises(BackendError, match=words):
        misuse(model, slot)


def test_a_late_slot_is_replaced_and_comes_back(small, stand_in):
    model = small(slots=1, extra=['hang'])
    slot = late(model)
    fresh = model.acquire(1)
    assert fresh is not slot and not np.shares_memory(fresh.input, slot.input)
    model.release(fresh)
    allocations = stand_in.fakeLiveAllocs()
    del slot
    stand_in.fakeLiftHang(1)

    def reclaimed():
        model.release(model.acquire(1))
        return not model._late
    eventually(reclaimed)
    del fresh
    gc.collect()
    assert stand_in.fakeLiveAllocs() == allocations - 7     # one slot: the picture and six heads


def test_a_hung_bpu_does_not_eat_memory(small, stand_in):
    model = small(slots=2, extra=['hang'])
    slots = [late(model) for _ in range(2 + model.MAX_LATE)]
    assert len(set(slots)) == 6
    for _ in range(3):
        with pytest.raises(InferenceTimeout, match='6 late ones have not come back'):
            model.acquire(0.01)
    assert stand_in.fakeLiveAllocs() == 6 * 7


def test_close_does_not_free_under_a_hung_bpu(small, stand_in):
    model = small(extra=['hang'])
    late(model)
    held = submitted(model)
    with pytest.warns(UserWarning, match='2 inferences of small0 did not end'):
        model.close()
    with pytest.raises(BackendError, match='closed'):
        model.wait(held, 1)
    del held
    gc.collect()
    assert stand_in.fakeLiveAllocs() == 2 * 7


def test_close_waits_for_what_ends_soon(small, stand_in):
    model = small(delay_ms=200)
    late(model)
    submitted(model)
    model.close()
    gc.collect()
    assert (stand_in.fakeLiveAllocs(), stand_in.fakeLiveTasks()) == (0, 0)


@pytest.mark.parametrize('delay_ms', [100, 5000])
def test_close_while_a_thread_waits(small, delay_ms, recwarn):
    """It gets its outputs or an error, at once, and neither crashes."""
    model = small(delay_ms=delay_ms)
    slot, errors = submitted(model), []

    def wait():
        try:
            model.wait(slot, 10)
        except BackendError as e:
            errors.append(str(e))
        model.release(slot)
    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.02)
    start = time.monotonic()
    model.close()
    thread.join(5)
    assert time.monotonic() - start < 2
    assert errors in ([], ['the model was closed'])
    assert [str(w.message)[:24] for w in recwarn] == (
        [] if delay_ms == 100 else ['1 inferences of small0 d'])
    with pytest.raises(BackendError, match='closed'):
        model.submit(slot)


def test_a_model_that_is_dropped_frees_nothing_under_the_bpu(small, tmp_path, stand_in):
    model = open_model(write_model(tmp_path / 'm.bin', small_heads(), size=(64, 64),
                                   delay_ms=100))
    submitted(model)
    del model
    gc.collect()
    assert stand_in.fakeLiveAllocs() == 7
    eventually(lambda: stand_in.hbDNNWaitTaskDone(
        next(iter(libdnn_slots._in_flight))._task, 1) == 0)
    next(iter(libdnn_slots._in_flight))._end()


def test_ctrl_c_leaves_the_slot_in_flight(small, request):
    model = small(slots=1, delay_ms=700)
    slot = submitted(model)
    timer = threading.Timer(0.05, _thread.interrupt_main)
    # in a background job of a shell Python is started with SIGINT ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model.wait(slot)
    assert time.monotonic() - start < 0.69
    model.release(slot)
    assert model.acquire(1) is not slot
    timer.join()


def test_several_threads(small):
    """More threads than slots, some of them impatient."""
    model = small(slots=3, delay_ms=2)
    wrong, late_ones = [], []

    def work(timeout):
        for _ in range(25):
            try:
                if not np.array_equal(model.infer(SMALL, timeout)[1], EXPECTED[1]):
                    wrong.append('outputs')
            except InferenceTimeout:
                late_ones.append(timeout)
    threads = [threading.Thread(target=work, args=(t,)) for t in (None, None, 5, 0.003, 0.002)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong and not any(thread.is_alive() for thread in threads)
    assert set(late_ones) <= {0.003, 0.002}
    slots = [model.acquire(5) for _ in range(3)]
    assert len(set(slots)) == 3


def test_thirty_two_tasks_and_not_one_more(small):
    """The library says so, and the request that it refused can be repeated."""
    model = small(slots=33, delay_ms=5)
    slots = [submitted(model) for _ in range(32)]
    last = model.acquire()
    with pytest.raises(BackendError, match='TASK_NUM_EXCEED_LIMIT'):
        model.submit(last)
    for slot in slots:
        model.wait(slot, 5)
    model.submit(last)
    np.testing.assert_array_equal(model.wait(last, 5)[0], EXPECTED[0])


def test_ten_thousand_inferences_leak_nothing(small, stand_in):
    model = small()

    def run(n):
        for _ in range(n):
            slot = submitted(model)
            model.wait(slot, 1)
            model.release(slot)
    run(1000)
    size = resident_bytes()
    run(10_000)
    grown = resident_bytes() - size
    print(f'RSS grew by {grown / 1e6:.2f} MB in 10000 inferences')
    assert grown < 5e6
    model.close()
    gc.collect()
    assert (stand_in.fakeLiveAllocs(), stand_in.fakeLiveTasks()) == (0, 0)


def resident_bytes():
    """Return the resident set of this process."""
    with open('/proc/self/statm') as f:
        return int(f.read().split()[1]) * 4096


def test_opening_and_closing_leaks_nothing(small, stand_in, tmp_path):
    path = write_model(tmp_path / 'm.bin', small_heads(), size=(64, 64))
    models = stand_in.fakeLiveModels()      # other tests leave some on purpose
    for _ in range(50):
        with open_model(path) as model:
            model.infer(SMALL)
    gc.collect()
    assert (stand_in.fakeLiveAllocs(), stand_in.fakeLiveTasks()) == (0, 0)
    assert stand_in.fakeLiveModels() == models


def test_a_closed_model(small, stand_in):
    model = small()
    slot = model.acquire()
    model.close()
    model.close()
    for call, argument in ((model.acquire, 1), (model.submit, slot), (model.infer, SMALL)):
        with pytest.raises(BackendError, match='closed'):
            call(argument)
    model.release(slot)
    del slot, argument
    gc.collect()
    assert stand_in.fakeLiveAllocs() == 0
