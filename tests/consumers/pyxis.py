# SPDX-License-Identifier: Apache-2.0
"""What pyxis, through which Slurm starts containers, takes as mounts.

It is a plugin that no package brings; this is what its args.c does, at commit 0619349 of
NVIDIA/pyxis.
"""

from __future__ import annotations

#: Sources that are no paths: a new file system in memory, and the end of a mount.
WORDS = {"tmpfs", "umount"}


def takes_mounts(option: str) -> bool:
    """Tell whether pyxis takes all mounts in the value of --container-mounts."""
    return all(takes_mount(mount) for mount in option.split(","))


def takes_mount(mount: str) -> bool:
    """Tell whether pyxis takes SRC, SRC:DST or SRC:DST:FLAGS; it leaves the flags to enroot."""
    source, *others = mount.split(":", 2)
    target = source
    if others:
        target = others[0]
    return (is_path(source) or source in WORDS) and is_path(target)


def is_path(text: str) -> bool:
    """Tell whether a text begins as an absolute path or as one below the folder of the job."""
    return text.startswith(("/", "."))
