# SPDX-License-Identifier: GPL-2.0-only
"""The kernels alone, without tkd: /dev/twin as seen from kernel/init.c."""

import re
from itertools import permutations

from kernelcase import KernelCase
from server import SERIES
from vm import TWIN

# Old kernel and twin of different series, if there are any.
PAIRS = tuple(permutations(SERIES, 2)) or (SERIES * 2,)
KUNIT_SUITES = ("twin_device", "twin_events", "twin_log", "twin_ranges", "twin_ring", "twin_state")


class Kernel(KernelCase):
    def test_selftests(self):
        """The kernel's own tests of /dev/twin, in both kernels; none is skipped."""
        for series in SERIES:
            with self.subTest(series):
                lines = self.run_machine(series, series, "selftests")
                self.assertEqual([s for s in lines if "# SKIP" in s], [])
                self.assertGreater(len(lines), 60)

    def test_kill_panic_reboot_and_release(self):
        for series in SERIES:
            with self.subTest(series):
                self.assertGreater(len(self.run_machine(series, series, "rounds")), 60)

    def test_takeover(self):
        for old in SERIES:
            for twin in SERIES:
                with self.subTest(old=old, twin=twin):
                    self.assertGreater(len(self.run_machine(old, twin, "takeover", log=TWIN)), 15)

    def test_takeover_with_memory_from_boot_parameter(self):
        self.run_machine(*SERIES, "takeover", log=TWIN, append="twin=1536M")

    def test_takeover_with_memory_above_4_gib(self):
        self.run_machine(*SERIES, "takeover", log=TWIN, append="twin=1536M@0x100000000")
