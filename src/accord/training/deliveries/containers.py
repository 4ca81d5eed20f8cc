"""Archives and compressed files with the same bytes on every run: no clock, no user, no machine in them."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Sequence
from datetime import datetime


def gzipped(data: bytes) -> bytes:
    """RFC 1952, without a time stamp and a file name."""
    return gzip.compress(data, compresslevel=6, mtime=0)


def tarred(members: Sequence[tuple[str, bytes]], at: datetime) -> bytes:
    """A POSIX tar archive, compressed by gzip; every member dated `at`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mtime = int(at.timestamp())
            archive.addfile(member, io.BytesIO(data))
    return gzipped(buffer.getvalue())


def zipped(members: Sequence[tuple[str, bytes]], at: datetime) -> bytes:
    """A ZIP archive; every member dated `at` (UTC)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members:
            member = zipfile.ZipInfo(name, (at.year, at.month, at.day, at.hour, at.minute, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 3  # else it differs between systems
            member.external_attr = 0o644 << 16
            archive.writestr(member, data)
    return buffer.getvalue()
