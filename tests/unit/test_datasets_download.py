"""Downloads over a server that misbehaves: what ends up here is the published file, or nothing."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tinygen.core.errors import ExitCode, TinygenError
from tinygen.datasets.download import Fetched, RemoteFile, fetch
from tinygen.datasets.fetching import addressed, fetch_dataset
from tinygen.datasets.importing.request import Rules
from tinygen.datasets.layout import read_facts
from tinygen.datasets.load import load_dataset
from tinygen.datasets.manifest import DatasetManifest, Listing, find_manifest
from tinygen.datasets.split import split
from tinygen.datasets.unpack import unpack

CONTENT = np.random.default_rng(1).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Behaviour:
    """What the server does; `asked` are the Range headers it got."""

    content: bytes = CONTENT
    ranges: bool = True
    drop_after: int = 0
    statuses: list[int] = field(default_factory=list)
    tag: str = '"one"'
    pages: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@contextmanager
def served(behaviour: Behaviour) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            behaviour.asked.append(asked)
            if behaviour.statuses:
                self.send_error(behaviour.statuses.pop(0))
                return
            content = behaviour.pages.get(self.path, behaviour.content)
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and behaviour.ranges else 0
            wanted = self.headers.get("If-Range")
            if wanted is not None and wanted != behaviour.tag:
                start = 0
            if start >= len(content) > 0 and start:
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.send_header("ETag", behaviour.tag)
            self.end_headers()
            body = content[start:]
            if behaviour.drop_after:
                self.wfile.write(body[: behaviour.drop_after])
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that goes away, or is sent away, is what is tested here."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def no_wait(_: float) -> None:
    pass


def get(url: str, folder: Path, **changes: object) -> Fetched:
    file = RemoteFile(name="file.bin", url=f"{url}/file.bin", size_bytes=len(CONTENT), checksum=f"sha256:{SHA256}")
    return fetch(replace(file, **changes), folder, wait=no_wait, timeout_s=10)  # type: ignore[arg-type]


def test_a_file_comes_once_and_is_not_asked_for_again(tmp_path: Path) -> None:
    behaviour = Behaviour()
    with served(behaviour) as url:
        got = get(url, tmp_path)
        assert (got.path.read_bytes(), got.sha256, got.verified, got.reused) == (CONTENT, SHA256, True, False)
        assert get(url, tmp_path).reused
    assert behaviour.asked == [""]
    assert [p.name for p in tmp_path.iterdir()] == ["file.bin"]


def test_a_dropped_connection_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    behaviour = Behaviour(drop_after=70_000)
    with served(behaviour) as url:
        assert get(url, tmp_path).path.read_bytes() == CONTENT
    assert len(behaviour.asked) == 5
    assert all(asked.startswith("bytes=") for asked in behaviour.asked[1:])


def test_an_interrupted_download_is_resumed_by_the_next_command(tmp_path: Path) -> None:
    behaviour = Behaviour()
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:123_456])
    with served(behaviour) as url:
        got = get(url, tmp_path)
    assert behaviour.asked == ["bytes=123456-"]
    assert got.resumed == 123_456
    assert got.path.read_bytes() == CONTENT


def test_a_server_without_range_begins_anew(tmp_path: Path) -> None:
    behaviour = Behaviour(ranges=False)
    (tmp_path / "file.bin.part").write_bytes(b"x" * 1000)
    with served(behaviour) as url:
        got = get(url, tmp_path)
    assert got.path.read_bytes() == CONTENT
    assert got.resumed == 0


def test_a_file_that_changed_in_between_is_not_glued_together(tmp_path: Path) -> None:
    old = Behaviour(content=b"o" * 300_000, drop_after=100_000, statuses=[], tag='"old"')
    with served(old) as url, pytest.raises(TinygenError):
        fetch(
            RemoteFile(name="file.bin", url=f"{url}/file.bin", size_bytes=300_000, checksum=f"sha256:{SHA256}"),
            tmp_path,
            wait=lambda _: old.statuses.append(404),
            timeout_s=10,
        )
    assert (tmp_path / "file.bin.part").stat().st_size == 100_000
    with served(Behaviour(tag='"new"')) as url:
        assert get(url, tmp_path).path.read_bytes() == CONTENT


def test_corrupt_bytes_are_refused_and_not_kept(tmp_path: Path) -> None:
    bad = bytearray(CONTENT)
    bad[1000] ^= 1
    with served(Behaviour(content=bytes(bad))) as url, pytest.raises(TinygenError) as caught:
        get(url, tmp_path)
    assert caught.value.code is ExitCode.TOOL_FAILED
    assert SHA256 in caught.value.message and hashlib.sha256(bad).hexdigest() in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_beginning_is_fetched_anew(tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(b"y" * 50_000)
    behaviour = Behaviour()
    with served(behaviour) as url:
        assert get(url, tmp_path).path.read_bytes() == CONTENT
    assert behaviour.asked == ["bytes=50000-", ""]


def test_a_part_longer_than_the_file_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(b"y" * 400_000)
    with served(Behaviour()) as url:
        assert get(url, tmp_path).path.read_bytes() == CONTENT


def test_another_size_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    with served(Behaviour(content=CONTENT * 2)) as url, pytest.raises(TinygenError, match="announces 600,000 bytes"):
        get(url, tmp_path)


def test_passing_server_errors_are_waited_for_and_final_ones_are_told(tmp_path: Path) -> None:
    with served(Behaviour(statuses=[503, 500])) as url:
        assert get(url, tmp_path).verified
    (tmp_path / "file.bin").unlink()
    with served(Behaviour(statuses=[404])) as url, pytest.raises(TinygenError, match="404") as caught:
        get(url, tmp_path)
    assert "put it here as file.bin" in caught.value.hint
    with served(Behaviour(statuses=[503] * 9)) as url, pytest.raises(TinygenError, match="broke off 5 times"):
        get(url, tmp_path)


def test_no_connection_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(TinygenError, match="broke off") as caught:
        get(f"http://127.0.0.1:{port}", tmp_path)
    assert caught.value.code is ExitCode.TOOL_FAILED


def test_without_a_published_checksum_the_first_one_holds(tmp_path: Path) -> None:
    with served(Behaviour()) as url:
        first = get(url, tmp_path, checksum="", size_bytes=0)
        assert not first.verified
        assert (tmp_path / "file.bin.sha256").read_text().split()[0] == SHA256
        first.path.unlink()
        assert get(url, tmp_path, checksum="", size_bytes=0).sha256 == SHA256
        first.path.unlink()
    with served(Behaviour(content=CONTENT[::-1])) as url, pytest.raises(TinygenError, match="first fetch"):
        get(url, tmp_path, checksum="", size_bytes=0)


def test_sha1_is_checked_too(tmp_path: Path) -> None:
    with served(Behaviour()) as url:
        assert get(url, tmp_path, checksum=f"sha1:{hashlib.sha1(CONTENT).hexdigest()}").verified
        (tmp_path / "file.bin").unlink()
        with pytest.raises(TinygenError, match="sha1:0000"):
            get(url, tmp_path, checksum=f"sha1:{'0' * 40}")


def archive(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "a/../../evil.txt"])
def test_archives_cannot_write_outside(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.tar.gz").write_bytes(archive({name: b"x"}))
    with pytest.raises(TinygenError, match="leads out of it"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(zipfile.ZipInfo(name), "x")
    with pytest.raises(TinygenError, match="leads out of it"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert not (tmp_path / "evil.txt").exists()


def test_links_and_damaged_archives_are_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    (tmp_path / "a.tar").write_bytes(out.getvalue())
    with pytest.raises(TinygenError, match="which is no file"):
        unpack(tmp_path / "a.tar", tmp_path / "out")
    (tmp_path / "b.tar.gz").write_bytes(archive({"x": CONTENT})[:1000])
    with pytest.raises(TinygenError, match="no readable archive"):
        unpack(tmp_path / "b.tar.gz", tmp_path / "out")


def wav(number: int) -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(number).normal(0, 3000, 16000).astype(np.int16)
    soundfile.write(out, noise, 16000, format="WAV", subtype="PCM_16")
    return out.getvalue()


def speech() -> dict[str, bytes]:
    """Speech Commands in small: three words, six speakers, its lists, two noises, and macOS's leftovers."""
    files = {f"{w}/s{s}_nohash_0.wav": wav(10 * s + i) for i, w in enumerate(("yes", "no", "cat")) for s in range(6)}
    files |= {f"_background_noise_/{name}.wav": wav(90 + i) * 1 for i, name in enumerate(("rain", "pink"))}
    files["validation_list.txt"] = b"yes/s4_nohash_0.wav\nno/s4_nohash_0.wav\ncat/s4_nohash_0.wav\n"
    files["testing_list.txt"] = b"yes/s5_nohash_0.wav\nno/s5_nohash_0.wav\ncat/s5_nohash_0.wav\n"
    return {**files, "yes/._s0_nohash_0.wav": b"junk"}


def manifest(base: str, content: bytes, **changes: object) -> DatasetManifest:
    file = RemoteFile(
        name="words.tar.gz", url=f"{base}/words.tar.gz", checksum=f"sha256:{hashlib.sha256(content).hexdigest()}"
    )
    rules = Rules(kind="speech_commands", words=("yes", "no"))
    known = replace(find_manifest("speech-commands"), files=(file,), rules=rules)
    return replace(known, **changes)  # type: ignore[arg-type]


def test_a_published_set_becomes_a_folder_for_data(tmp_path: Path) -> None:
    content = archive(speech())
    with served(Behaviour(content=content, drop_after=400_000)) as base:
        got = fetch_dataset(manifest(base, content), tmp_path / "words", tmp_path / "cache")
    assert got.files[0].verified
    assert got.written.labels == {"_silence_": 2, "_unknown_": 6, "no": 6, "yes": 6}
    facts = read_facts(tmp_path / "words")
    assert facts is not None and facts.licence == "CC-BY-4.0" and "Warden" in facts.attribution
    made = load_dataset("kws", tmp_path / "words", tmp_path / "cache", 1)
    assert made.licence == "CC-BY-4.0"
    sides = split(replace(made, recordings=tuple(r for r in made.recordings if r.label != "_silence_")), 1)
    assert [sorted({r.group for r in side}) for side in (sides.train, sides.validation, sides.test)] == [
        ["s0", "s1", "s2", "s3"], ["s4"], ["s5"],
    ]  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache", "words"]
    with pytest.raises(TinygenError, match="exists already"):
        fetch_dataset(manifest("http://nowhere.invalid", content), tmp_path / "words", tmp_path / "cache")


def test_a_broken_set_leaves_no_folder(tmp_path: Path) -> None:
    content = archive({"readme.txt": b"nothing here"})
    with served(Behaviour(content=content)) as base, pytest.raises(TinygenError, match="does not hold what"):
        fetch_dataset(manifest(base, content), tmp_path / "words", tmp_path / "cache")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache"]


def test_a_repositorys_listing_gives_the_addresses(tmp_path: Path) -> None:
    def pages(base: str) -> dict[str, bytes]:
        folders = [{"id": "f1", "name": "Raw"}, {"id": "f2", "name": "Sound", "parent_id": "f1"}]
        inside = [{"filename": "H_1_0.mat", "content_details": {"download_url": f"{base}/one"}}]
        return {
            "/api/xyz/folders/5": json.dumps(folders).encode(),
            "/api/xyz/files?folder_id=root&version=5": b"[]",
            "/api/xyz/files?folder_id=f1&version=5": b"[]",
            "/api/xyz/files?folder_id=f2&version=5": json.dumps(inside).encode(),
        }

    behaviour = Behaviour()
    with served(behaviour) as base:
        behaviour.pages = pages(base)
        listing = Listing(kind="mendeley", base=f"{base}/api", id="xyz", version=5, prefix="Raw/")
        wanted = (RemoteFile(name="Sound/H_1_0.mat", url=""),)
        assert addressed(wanted, listing)[0].url == f"{base}/one"
        with pytest.raises(TinygenError, match="does not list"):
            addressed((RemoteFile(name="Sound/H_2_0.mat", url=""),), listing)
        behaviour.pages["/api/xyz/folders/5"] = b"{}"
        behaviour.pages["/api/xyz/files?folder_id=root&version=5"] = b'[{"name": 1}]'
        with pytest.raises(TinygenError, match="another form"):
            addressed(wanted, listing)


def test_every_published_set_has_checksums_and_a_licence() -> None:
    for name in ("speech-commands", "speech-commands-test", "uci-har", "magic-wand", "ottawa-uored"):
        known = find_manifest(name)
        assert known.licence and known.attribution and known.split_rule and known.source
        assert all(file.checksum for file in known.files)
        assert known.checksum_origin
    with pytest.raises(TinygenError, match="no data set 'speech-command'") as caught:
        find_manifest("speech-command")
    assert "did you mean 'speech-commands'" in caught.value.hint
