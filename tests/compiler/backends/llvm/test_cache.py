"""The object cache: what comes back is what was stored, or nothing."""

import ctypes
import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("llvmlite")

from compiler.backends.llvm.jit import engine
from compiler.backends.llvm.jit.cache import ObjectCache, default_directory, object_key

NINE = "define i64 @f() nounwind {\n ret i64 9\n}"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX's")


@pytest.fixture
def cache(tmp_path: Path) -> ObjectCache:
    return ObjectCache(tmp_path / "objects")


def compiled(text: str, target: engine.Target, cache: ObjectCache) -> bytes:
    return cache.compiled(text, lambda: text, target)


def only_entry(cache: ObjectCache) -> Path:
    (entry,) = cache.directory.iterdir()
    return entry


def run(code: bytes) -> int:
    library = engine.Library(code, ["f"])
    return ctypes.CFUNCTYPE(ctypes.c_int64)(library["f"])()


def test_the_second_time_comes_from_disk(cache: ObjectCache):
    first = compiled(NINE, engine.host_target(), cache)
    again = ObjectCache(cache.directory)
    assert compiled(NINE, engine.host_target(), again) == first
    assert (cache.hits, cache.misses) == (0, 1)
    assert (again.hits, again.misses) == (1, 0)
    assert run(first) == 9


@pytest.mark.parametrize("position", [0, 20, 60, -1])
def test_a_flipped_bit_is_noticed_and_compiled_again(cache: ObjectCache, position: int):
    code = compiled(NINE, engine.host_target(), cache)
    entry = only_entry(cache)
    content = bytearray(entry.read_bytes())
    content[position] ^= 1
    entry.write_bytes(content)
    assert compiled(NINE, engine.host_target(), cache) == code
    assert cache.damaged == 1
    assert compiled(NINE, engine.host_target(), cache) == code
    assert cache.hits == 1


@pytest.mark.parametrize("length", [0, 5, 49, 200])
def test_a_shortened_entry_is_noticed(cache: ObjectCache, length: int):
    code = compiled(NINE, engine.host_target(), cache)
    entry = only_entry(cache)
    entry.write_bytes(entry.read_bytes()[:length])
    assert compiled(NINE, engine.host_target(), cache) == code
    assert cache.damaged == 1


def test_every_part_of_the_key_counts():
    target = engine.host_target()
    other = [
        engine.Target(target.triple + "x", target.cpu, target.features),
        engine.Target(target.triple, target.cpu + "x", target.features),
        engine.Target(target.triple, target.cpu, target.features + ",+x"),
    ]
    keys = [object_key(NINE, one) for one in (target, *other)] + [object_key(NINE + " ", target)]
    assert len(set(keys)) == len(keys)


def test_parts_of_the_key_do_not_run_into_each_other():
    assert object_key("", engine.Target("a", "bc", "")) != object_key("", engine.Target("ab", "c", ""))


@POSIX
def test_the_folder_is_the_users_own(cache: ObjectCache):
    compiled(NINE, engine.host_target(), cache)
    assert stat.S_IMODE(cache.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(only_entry(cache).stat().st_mode) == 0o600


@POSIX
def test_a_folder_open_to_others_is_not_trusted(cache: ObjectCache):
    compiled(NINE, engine.host_target(), cache)
    cache.directory.chmod(0o777)
    suspicious = ObjectCache(cache.directory)
    assert run(compiled(NINE, engine.host_target(), suspicious)) == 9
    assert (suspicious.usable, suspicious.hits) == (False, 0)


def test_a_folder_that_cannot_be_made_costs_only_time(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    blocked = ObjectCache(tmp_path / "file" / "objects")
    assert run(compiled(NINE, engine.host_target(), blocked)) == 9
    assert not blocked.usable


def test_old_entries_make_room(tmp_path: Path):
    small = ObjectCache(tmp_path / "objects", limit=3000, looks=1)
    for number in range(6):
        small.put(f"{number:064x}", bytes(1000))
        os.utime(small.directory / f"{number:064x}.object", ns=(number, number))
    kept = [number for number in range(6) if small.get(f"{number:064x}") is not None]
    assert 5 in kept
    assert 0 not in kept
    assert sum(path.stat().st_size for path in small.directory.iterdir()) <= 3000


def test_one_entry_in_many_looks_after_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    looked: list[Path] = []
    monkeypatch.setattr(ObjectCache, "_shrink", lambda self: looked.append(self.directory))
    cache = ObjectCache(tmp_path / "objects")
    for number in range(512):
        cache.put(hashlib.sha256(bytes([number % 256, number // 256])).hexdigest(), b"")
    assert 1 <= len(looked) <= 24


WRITER = """
import sys
from pathlib import Path
from compiler.backends.llvm.jit import engine
from compiler.backends.llvm.jit.cache import ObjectCache
cache = ObjectCache(Path(sys.argv[1]))
for number in range(20):
    text = f"define i64 @f() nounwind {{\\n ret i64 {number}\\n}}"
    assert engine.Library(cache.compiled(text, lambda: text, engine.host_target()), ["f"])["f"]
assert cache.damaged == 0
"""


def test_two_processes_at_once(cache: ObjectCache):
    command = [sys.executable, "-c", WRITER, str(cache.directory)]
    writers = [subprocess.Popen(command, cwd=Path(__file__).parents[4]) for _ in range(2)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    entries = list(cache.directory.iterdir())
    assert len(entries) == 20
    assert all(cache.get(entry.stem) is not None for entry in entries)


def test_the_default_folder_is_named_after_us(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.setenv("LOCALAPPDATA", "/somewhere")
    assert default_directory().parts[-2:] == ("tinytorch", "objects")


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="XDG's rule")
def test_a_relative_cache_home_is_ignored(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_directory() == Path.home() / ".cache" / "tinytorch" / "objects"


def test_pages_that_have_changed_places_are_damage(cache: ObjectCache) -> None:
    pages = [bytes([k]) * 4096 for k in range(8)]
    cache.put("a", b"".join(pages))
    assert cache.get("a") == b"".join(pages)
    (path,) = cache.directory.iterdir()
    content = path.read_bytes()
    start = len(content) - 8 * 4096
    path.write_bytes(content[:start] + b"".join([pages[1], pages[0], *pages[2:]]))
    assert cache.get("a") is None
    assert cache.damaged == 1
