# SPDX-License-Identifier: GPL-2.0-only
"""The kernels alone, without tkd: /dev/twin as seen from kernel/init.c."""

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
# Old kernel and twin of different series, if there are any.
PAIRS = tuple(permutations(SERIES, 2)) or (SERIES * 2,)
KUNIT_SUITES = ("twin_device", "twin_events", "twin_log", "twin_ranges", "twin_ring", "twin_state")


def pack(root, path):
    cpio = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=root, check=True, stdout=subprocess.PIPE,
                          input="\n".join(str(p.relative_to(root)) for p in sorted(root.rglob("*"))).encode())
    path.write_bytes(gzip.compress(cpio.stdout, 1))


def messages(text):
    """Lines of a kernel log without their time stamps."""
    return [re.sub(r"^\[[ .0-9]+\] ", "", s) for s in text.replace("\r", "").splitlines()]


class Kernel(unittest.TestCase):
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
            text = m.log(CONSOLE) + m.log(TWIN)
        lines = messages(text)
        self.assertEqual([s for s in lines if s.lstrip().startswith("not ok")], [])
        self.assertTrue(end in lines, "\n".join(lines[-30:]))
        self.assertEqual([s for s in lines if COMPLAINT.search(s)], [])
        return lines

    def count_ok(self, *args, **kwargs):
        return len([s for s in self.run_machine(*args, **kwargs) if s.startswith("ok ")])

    def test_selftests(self):
        """The kernel's own tests of /dev/twin, in both kernels; none is skipped."""
        for series in SERIES:
            with self.subTest(series):
                lines = self.run_machine(series, series, "selftests")
                self.assertEqual([s for s in lines if "# SKIP" in s], [])
                self.assertGreater(len([s for s in lines if s.startswith("ok ")]), 60)

    def test_kill_and_release(self):
        for series in SERIES:
            with self.subTest(series):
                self.assertGreater(self.count_ok(series, series, "rounds"), 30)

    def test_twin_misbehaves(self):
        """It panics, restarts, halts, powers off, gets an NMI: the old kernel is told and goes on."""
        for old, twin in PAIRS:
            with self.subTest(old=old, twin=twin):
                self.assertGreater(self.count_ok(old, twin, "twins"), 40)

    def test_old_kernel_panics(self):
        for old, twin in PAIRS:
            with self.subTest(old=old, twin=twin):
                lines = self.run_machine(old, twin, "panic", log=TWIN, append="panic=0")
                self.assertTrue(any("Kernel panic" in s for s in lines))
                self.assertGreater(lines.count("ok ticks on"), 4)

    def test_old_kernel_gets_nmis(self):
        """From its own CPUs and from the board; the twin does not see them."""
        def inject(machine, line):
            if "Show backtrace of all active CPUs" in line:
                machine.qmp.command("inject-nmi")

        for old, twin in PAIRS:
            with self.subTest(old=old, twin=twin):
                lines = self.run_machine(old, twin, "nmi", log=TWIN, on_line=inject)
                self.assertEqual(len([s for s in lines if s.startswith("Uhhuh. NMI received")]), 1)
                self.assertGreater(lines.count("ok ticks on"), 4)

    def test_old_kernel_ends(self):
        """Its end is the end of the machine, twin or not."""
        for way, end in (("reboot", "reboot: machine restart"), ("poweroff", "reboot: Power down")):
            with self.subTest(way):
                self.run_machine(*PAIRS[0], way, end=end)

    def test_kunit_and_twin_hangs(self):
        """The subsystem's KUnit tests, and a twin whose CPUs all loop with interrupts off."""
        lines = self.run_machine(*SERIES[-1:] * 2, "twins", append="way=hang", variant="kunit")
        for suite in KUNIT_SUITES:
            self.assertTrue(any(re.fullmatch(rf"ok \d+ {suite}", s) for s in lines), suite)
        self.assertIn("ok hang", lines)

    def test_old_kernel_hangs(self):
        lines = self.run_machine(*SERIES[-1:] * 2, "hang", log=TWIN, variant="kunit")
        self.assertIn("twin: hangs, as it was told to", lines)
        self.assertGreater(lines.count("ok ticks on"), 4)

    def test_takeover(self):
        for old in SERIES:
            for twin in SERIES:
                with self.subTest(old=old, twin=twin):
                    self.assertGreater(self.count_ok(old, twin, "takeover", log=TWIN), 15)

    def test_takeover_with_memory_from_boot_parameter(self):
        self.run_machine(*PAIRS[0], "takeover", log=TWIN, append="twin=1536M")

    def test_takeover_with_memory_above_4_gib(self):
        self.run_machine(*PAIRS[0], "takeover", log=TWIN, append="twin=1536M@0x100000000")
