# SPDX-License-Identifier: GPL-2.0-only
"""A machine that runs kernel/init.c only, as either kernel: what its tests share."""

import gzip
import re
import shutil
import subprocess
import tempfile
import time
import unittest
from itertools import permutations
from pathlib import Path

from server import SERIES, kernel
from vm import CONSOLE, TWIN, Machine, build

TIMEOUT = 600
COMPLAINT = re.compile(r"WARNING:|BUG:|Oops|INFO: (lockdep|trying to register|rcu|task)|UBSAN:")
# 6.12 now and then counts its deadline server as a task that is left on a CPU that goes offline.
KNOWN = re.compile(r"WARNING: .* sched_cpu_dying")
# Old kernel and twin of different series, if there are any.
PAIRS = tuple(permutations(SERIES, 2)) or (SERIES * 2,)


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

    def initrd(self, twin, variant):
        """The old kernel's initramfs: init, the twin's kernel and its initramfs."""
        root, path = self.directory / "root", self.directory / "initrd"
        shutil.rmtree(root, ignore_errors=True)
        for d in ("proc", "dev", "sys", "tmp"):
            (root / d).mkdir(parents=True)
        shutil.copy(build("rootfs-builder/test-tools") / "kernel-init", root / "init")
        shutil.copytree(kernel(twin, variant) / "selftests", root / "selftests")
        pack(root, self.directory / "inner")
        (root / "boot").mkdir()
        shutil.copy(self.directory / "inner", root / "boot/initrd")
        shutil.copy(kernel(twin, variant) / "bzImage", root / "boot/vmlinuz")
        pack(root, path)
        return path

    def run_machine(self, old, twin, what, log=CONSOLE, end="end", variant="twin", on_line=None, **kwargs):
        """Boots `old` with do=`what` until `end` stands in `log`; the lines of both kernels.

        None of them may be a failure or a complaint of a kernel. on_line is called with the machine and
        each new line of the old kernel.
        """
        append = f"panic=-1 printk.devkmsg=on do={what} " + kwargs.pop("append", "")
        seen = 0
        with Machine(kernel(old, variant) / "bzImage", initrd=self.initrd(twin, variant), append=append, **kwargs) as m:
            until = time.monotonic() + TIMEOUT
            while end not in messages(m.log(log)) and m.running() and time.monotonic() < until:
                time.sleep(0.2)
                lines = messages(m.log(CONSOLE))
                for line in lines[seen:] if on_line else ():
                    on_line(m, line)
                seen = len(lines)
            self.logs = {name: m.log(name) for name in (CONSOLE, TWIN)}
        lines = messages("".join(self.logs.values()))
        self.assertEqual([s for s in lines if s.lstrip().startswith("not ok")], [])
        self.assertTrue(end in lines, "\n".join(lines[-30:]))
        self.assertEqual([s for s in lines if COMPLAINT.search(s) and not KNOWN.search(s)], [])
        return lines

    def count_ok(self, *args, **kwargs):
        return len([s for s in self.run_machine(*args, **kwargs) if s.startswith("ok ")])
