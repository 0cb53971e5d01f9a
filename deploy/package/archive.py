"""Files with their names and modes, and archives of them: the same bytes wherever and whenever they are written."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class File:
    """A file, or with `data=None` a folder, to be put at `path`. Nothing of it comes from the file system: no umask, no time."""

    path: str
    data: bytes | None
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


def with_folders(files: Iterable[File]) -> list[File]:
    """In order of their paths, each after the folders that it is in."""
    found = {file.path: file for file in files}
    for path in list(found):
        for folder in PurePosixPath(path).parents:
            if str(folder) not in (".", "/"):
                found.setdefault(str(folder), File(str(folder), None, 0o755))
    return [found[path] for path in sorted(found)]


def tar(files: Iterable[File], epoch: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for file in with_folders(files):
            entry = tarfile.TarInfo(file.path)
            entry.mode, entry.uid, entry.gid, entry.mtime = file.mode, file.uid, file.gid, epoch
            if file.data is None:
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
            else:
                entry.size = len(file.data)
                archive.addfile(entry, io.BytesIO(file.data))
    return out.getvalue()


def gz(data: bytes, level: int = 6) -> bytes:
    """Without name and time. Level 9 takes three times as long, for a hundredth less."""
    return gzip.compress(data, compresslevel=level, mtime=0)
