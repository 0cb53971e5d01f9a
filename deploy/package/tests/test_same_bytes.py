"""The same program and the same commit give the same bytes."""

import os
import shutil

from machine import ROOT, packed

BESIDE = (".git", ".venv", "target", "node_modules", ".artefacts", ".demo", ".next", "dist")


def test_in_another_folder_with_another_umask_at_another_time(folder, binary, packages):
    source = folder / "elsewhere/with a longer name"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*BESIDE), symlinks=True)
    # Ignored above by its name; the one of the npm package is built.
    shutil.copy2(ROOT / "scripts/dist", source / "scripts/dist")
    shutil.copytree(ROOT / "clients/js/dist", source / "clients/js/dist")
    os.symlink(os.path.realpath(ROOT / "node_modules"), source / "node_modules")
    copy = shutil.copy(binary, folder / "elsewhere/program")
    os.utime(copy, (0, 0))
    again = packed(
        source, copy, folder / "again", umask=0o077, TZ="Pacific/Kiritimati", LC_ALL="C", HOSTNAME="elsewhere"
    )
    first, second = ((out / "SHA256SUMS").read_text().splitlines() for out in (packages, again))
    assert len(first) >= 10
    assert first == second
