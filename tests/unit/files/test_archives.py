"""Archives that are more, or other, than they state."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from tests.support.dists import wheel
from tradai_tasks.errors import DistributionError
from tradai_tasks.files.archives import ArchiveError, opened_zip, read_member, tar_member
from tradai_tasks.release.libraries.distributions import read_distribution

INFO = "alpha-1.0.0.dist-info"


def zipped(members: dict[str, bytes], *, kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def refused(content: bytes, name: str = "a", most: int = 1000) -> str:
    with pytest.raises(ArchiveError) as caught, opened_zip(content) as archive:
        read_member(archive, name, most)
    return str(caught.value)


def test_a_wheel_whose_metadata_is_a_bomb_is_one_line(tmp_path: Path) -> None:
    path = wheel(tmp_path, "alpha")
    for stated in (None, 100):
        content = zipped({f"{INFO}/METADATA": b"Name: alpha\n" * 5_000_000})
        if stated is not None:  # what the directory says of the size
            at = content.rindex(b"PK\x01\x02")
            content = content[: at + 24] + struct.pack("<L", stated) + content[at + 28 :]
        path.write_bytes(content)
        tracemalloc.start()
        with pytest.raises(
            DistributionError, match=r"cannot be read \(.*\); build it again"
        ) as bad:
            read_distribution(path)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
        tracemalloc.stop()
        assert "\n" not in str(bad.value)


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "a\\b", "a\n::add-mask::x"])
def test_names_that_would_stand_outside(name: str, tmp_path: Path) -> None:
    assert "which would stand outside" in refused(zipped({name: b"x"}))
    file = tmp_path / "a.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(ArchiveError, match="which would stand outside"):
        tar_member(file, lambda _: True, 10)


def test_what_no_wheel_is() -> None:
    assert refused(b"") == "no zip archive"
    assert refused(b"PK\x05\x06" + b"\0" * 17) == "no zip archive"
    assert "no item named 'a'" in refused(zipped({"b": b""}))
    assert refused(zipped({"a": b"x"}, kind=zipfile.ZIP_LZMA)).startswith("a: compressed in a way")
    assert refused(zipped({"a": b"x" * 2000})) == "a: of more than 0 MB"
    large = zipped({"a": b"x"})
    at = large.rindex(b"PK\x05\x06")
    huge = large[: at + 12] + struct.pack("<L", 1 << 30) + large[at + 16 :]
    assert refused(huge) == "a directory of more than 16 MB"
    assert refused(large[:at] + b"PK\x06\x07" + b"\0" * 16 + large[at:]).startswith("a zip64")
    encrypted = bytearray(large)
    encrypted[large.rindex(b"PK\x01\x02") + 8] |= 1
    assert refused(bytes(encrypted)) == "a: encrypted"


def test_tar_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "alpha-1.0.0.tar.gz"

    def write(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> None:
        with tarfile.open(file, "w:gz", format=tarfile.GNU_FORMAT) as archive:
            for name, content in members:
                one = tarfile.TarInfo(name)
                one.size, one.type = len(content), kind
                archive.addfile(one, io.BytesIO(content))

    metadata = b"Metadata-Version: 2.1\nName: alpha\nVersion: 1.0.0\n"
    write(("alpha-1.0.0/PKG-INFO", metadata), ("alpha-1.0.0/" + "d/" * 100 + "x", b""))
    assert read_distribution(file).name == "alpha"
    write(("alpha-1.0.0/PKG-INFO", metadata), ("alpha-1.0.0/PKG-INFO", metadata))
    with pytest.raises(DistributionError, match="two members"):
        read_distribution(file)
    write(("alpha-1.0.0/PKG-INFO", b"x" * 5_000_000))
    with pytest.raises(DistributionError, match="of more than 4 MB"):
        read_distribution(file)
    monkeypatch.setattr("tradai_tasks.files.archives._MOST_UNPACKED", 2_000_000)
    write(("alpha-1.0.0/large", b"x" * 3_000_000), ("alpha-1.0.0/PKG-INFO", metadata))
    with pytest.raises(DistributionError, match="more than 1 MB unpacked"):
        read_distribution(file)
    write(("././@LongLink", b"x" * 100_000), kind=tarfile.GNUTYPE_LONGNAME)
    with pytest.raises(DistributionError, match="a header of 100000 bytes"):
        read_distribution(file)
    for content in (b"", gzip.compress(b"no tar archive" * 100), b"\x1f\x8b\x08broken"):
        file.write_bytes(content)
        with pytest.raises(DistributionError, match="cannot be read"):
            read_distribution(file)
