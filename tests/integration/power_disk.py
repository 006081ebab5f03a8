# SPDX-License-Identifier: Apache-2.0
"""A file system of its own in a file, which loses its power: the file system is shut down as it is, without its log or any page being
written, unmounted, and mounted again as after a power loss. What the loop device was told to write it keeps."""

import fcntl
import os
import shutil
import struct
import subprocess
import time

import harness

SIZE = 1 << 30  # sparse
MAKE = {"ext4": ("mkfs.ext4", "-q", "-F"), "xfs": ("mkfs.xfs", "-q", "-f")}

SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN; XFS and ext4 have the same
WITHOUT_FLUSH = 2


class Disk:
    def __init__(self, kind, image, folder):
        self.image, self.folder, self.mounted = image, folder, False
        os.makedirs(folder, exist_ok=True)
        with open(image, "wb") as file:
            file.truncate(SIZE)
        subprocess.run([*MAKE[kind], image], check=True, capture_output=True)
        self.mount()

    def mount(self):
        subprocess.run(["mount", "-o", "loop", self.image, self.folder], check=True, capture_output=True)
        self.mounted = True

    def cut(self):
        """From now on nothing reaches it, and what had not, never will."""
        fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", WITHOUT_FLUSH))
        finally:
            os.close(fd)

    def unmount(self):
        """Whoever has just been killed may still be about to let go of it."""
        deadline = time.monotonic() + harness.PATIENCE
        while subprocess.run(["umount", self.folder], capture_output=True, check=False).returncode != 0:
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.folder} cannot be unmounted")
        self.mounted = False

    def again(self):
        self.unmount()
        self.mount()

    def end(self):
        if self.mounted:
            self.unmount()


def missing(kind, folder):
    """What keeps such a disk from being made here; None: nothing."""
    if not shutil.which(MAKE[kind][0]):
        return f"there is no {MAKE[kind][0]}"
    try:
        disk = Disk(kind, os.path.join(folder, "image"), os.path.join(folder, "mounted"))
    except subprocess.SubprocessError as problem:
        return f"{kind} cannot be mounted here: {problem.stderr.decode().strip()}"
    try:
        disk.cut()
    except OSError as problem:
        return f"{kind} cannot be shut down here: {problem.strerror}"
    finally:
        disk.end()
    return None
