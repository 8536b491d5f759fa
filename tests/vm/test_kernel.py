# SPDX-License-Identifier: GPL-2.0-only
"""The kernels alone, without tkd: /dev/twin as seen from kernel/init.c."""

import re

from kernelcase import PAIRS, KernelCase
from server import SERIES
from vm import TWIN

KUNIT_SUITES = ("twin_device", "twin_events", "twin_log", "twin_ranges", "twin_ring", "twin_state")


class Kernel(KernelCase):
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
        lines = self.run_machine(*PAIRS[0], "panic", log=TWIN, append="panic=0")
        self.assertTrue(any("Kernel panic" in s for s in lines))
        self.assertGreater(lines.count("ok ticks on"), 4)

    def test_old_kernel_gets_nmis(self):
        """From its own CPUs and from the board; the twin does not see them."""
        def inject(machine, line):
            if "Show backtrace of all active CPUs" in line:
                machine.qmp.command("inject-nmi")

        lines = self.run_machine(*PAIRS[-1], "nmi", log=TWIN, on_line=inject)
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
