# SPDX-License-Identifier: GPL-2.0-only
"""A machine that runs kernel/init.c only, as either kernel: what its tests share."""

import gzip
import re
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from server import kernel
from vm import CONSOLE, TWIN, Machine, build

TIMEOUT = 600
COMPLAINT = re.compile(r"WARNING:|BUG:|Oops|INFO: (lockdep|trying to register|rcu|task)|UBSAN:")


def pack(root, path):
    cpio = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=root, check=True, stdout=subprocess.PIPE,
                          input="\n".join(str(p.relative_to(root)) for p in sorted(root.rglob("*"))).encode())
    path.write_bytes(gzip.compress(cpio.stdout, 1))


def messages(text):
    """Lines of a kernel log without their time stamps."""
    return [re.sub(r"^\[[ .0-9]+\] ", "", s) for s in text.replace("\r", "").splitlines()]


class KernelCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="tkd-kernel-")))

    def initrd(self, twin):
        """The old kernel's initramfs: init, the twin's kernel and its initramfs."""
        root, path = self.directory / "root", self.directory / "initrd"
        shutil.rmtree(root, ignore_errors=True)
        for d in ("proc", "dev", "sys", "tmp"):
            (root / d).mkdir(parents=True)
        shutil.copy(build("rootfs-builder/test-tools") / "kernel-init", root / "init")
        shutil.copytree(kernel(twin) / "selftests", root / "selftests")
        pack(root, self.directory / "inner")
        (root / "boot").mkdir()
        shutil.copy(self.directory / "inner", root / "boot/initrd")
        shutil.copy(kernel(twin) / "bzImage", root / "boot/vmlinuz")
        pack(root, path)
        return path

    def run_machine(self, old, twin, what, log=CONSOLE, **kwargs):
        append = f"panic=-1 printk.devkmsg=on do={what} " + kwargs.pop("append", "")
        with Machine(kernel(old) / "bzImage", initrd=self.initrd(twin), append=append, **kwargs) as m:
            end = time.monotonic() + TIMEOUT
            while "end" not in messages(m.log(log)) and m.running() and time.monotonic() < end:
                time.sleep(0.2)
            self.logs = {name: m.log(name) for name in (CONSOLE, TWIN)}
        lines = messages("".join(self.logs.values()))
        self.assertEqual([s for s in lines if s.startswith("not ok")], [])
        self.assertTrue("end" in lines, "\n".join(lines[-30:]))
        self.assertEqual([s for s in lines if re.search(r"WARNING:|BUG:|Oops", s)], [])
        return [s for s in lines if s.startswith("ok ")]
