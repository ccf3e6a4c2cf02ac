import gc
import threading

import pytest

import tinytorch as tt
from compiler.ir import collecting
from compiler.ir.collecting import collector_at_rest
from compiler.pipeline.contract import Report


@pytest.fixture
def enabled():
    before = gc.isenabled()
    yield
    (gc.enable if before else gc.disable)()


@pytest.mark.parametrize("is_enabled", [True, False])
@pytest.mark.usefixtures("enabled")
def test_the_collector_rests_inside_and_is_afterwards_as_it_was(is_enabled):
    (gc.enable if is_enabled else gc.disable)()
    with collector_at_rest():
        with collector_at_rest():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled() == is_enabled


@pytest.mark.usefixtures("enabled")
@pytest.mark.parametrize("ended", [0, collecting.FIRST])
def test_only_what_the_first_programs_of_a_process_make_is_old_from_the_beginning(ended, monkeypatch):
    gc.enable()
    monkeypatch.setattr(collecting, "_ended", ended)
    monkeypatch.setattr(gc, "get_freeze_count", lambda: 0)  # the suite has frozen what it imported
    with collector_at_rest():
        made = [[]]
    gc.disable()
    assert any(each is made for each in gc.get_objects(generation=2)) == (ended == 0)


@pytest.mark.usefixtures("enabled")
def test_what_somebody_froze_stays_frozen(monkeypatch):
    gc.enable()
    monkeypatch.setattr(collecting, "_ended", 0)
    made = [[]]
    gc.freeze()
    try:
        with collector_at_rest():
            pass
        assert not any(each is made for each in gc.get_objects())
    finally:
        gc.unfreeze()


@pytest.mark.usefixtures("enabled")
def test_an_error_wakes_it():
    gc.enable()
    with pytest.raises(ZeroDivisionError), collector_at_rest():
        _ = 1 / 0
    assert gc.isenabled()


@pytest.mark.usefixtures("enabled")
def test_it_rests_until_the_last_thread_has_left():
    gc.enable()
    inside, leave = threading.Event(), threading.Event()

    def other():
        with collector_at_rest():
            inside.set()
            leave.wait()

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait()
    with collector_at_rest():
        pass
    assert not gc.isenabled()
    leave.set()
    thread.join()
    assert gc.isenabled()


@pytest.mark.usefixtures("enabled")
def test_it_rests_while_a_program_is_made():
    gc.enable()
    seen = []

    class Looks:
        name = "looks"

        def rewrite(self, graph, target):
            seen.append(gc.isenabled())
            return graph, Report(())

    x = tt.input("x", (4, 4))
    tt.compile([x], tt.tanh(x), passes=[Looks()])
    assert seen == [False]
    assert gc.isenabled()
