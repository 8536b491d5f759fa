# SPDX-License-Identifier: GPL-2.0-only
"""The comparison of an upgraded machine with a cold boot: how it judges, and
that nothing is different but what tests/FIDELITY.md explains."""

import re
import unittest

import fidelity
from fidelity import COLD, UPGRADED, Difference, Rule
from server import SERIES

INTERRUPTS = """            CPU0       CPU1
   {a}:          {n}          0   IO-APIC   9-fasteoi   acpi
  {b}:          0        {n}  PCI-MSIX-0000:00:01.0   0-edge      virtio0-config
 LOC:        {n}       7   Local timer interrupts
"""


class Judge(unittest.TestCase):
    """No machine is needed for these."""

    def same(self, function, a, b):
        self.assertEqual(list(function(a)), list(function(b)))

    def test_numbers_of_linux_do_not_count(self):
        self.same(fidelity.interrupt_lines, INTERRUPTS.format(a=9, b=24, n=1), INTERRUPTS.format(a=9, b=31, n=500))
        self.same(fidelity.log_lines, "usb 1-1: error 0x12\nusb 1-2: error 0x13", "usb 2-1: error 0x77")
        self.same(fidelity.pci_lines, "0000:00:01.0 A\n\tInterrupt: pin A routed to IRQ 22",
                  "0000:00:01.0 A\n\tInterrupt: pin A routed to IRQ 10")
        self.same(fidelity.device_lines, "class input input1 keyboard\nclass input mouse0 mouse",
                  "class input input2 keyboard\nclass input mouse1 mouse")

    def test_a_lost_interrupt_counts(self):
        a = set(fidelity.interrupt_lines(INTERRUPTS.format(a=9, b=24, n=1)))
        self.assertIn("IO-APIC 9-fasteoi acpi", a)
        self.assertIn("PCI-MSIX-0000:00:01.0 0-edge virtio0-config", a)

    def test_rules(self):
        known = Difference("mounts", UPGRADED, "/ ram-root overlay rw")
        unknown = Difference("mounts", COLD, "/ ram-root overlay rw")
        rule = Rule("mounts", UPGRADED, re.compile("/ ram-root .*"), "why")
        self.assertEqual(fidelity.judge([known, unknown], [rule]), ([unknown], [rule]))

    def test_table(self):
        for rule in fidelity.read_rules():
            with self.subTest(rule.pattern.pattern):
                self.assertIn(rule.section, (*fidelity.SECTIONS, "memory", "clock"))
                self.assertTrue(rule.reason)

    def test_memory(self):
        a, b, c = ({"memory": f"MemTotal: {n} kB\n"} for n in (1000000, 991000, 989000))
        self.assertEqual(list(fidelity.compare_memory(a, b)), [])
        self.assertEqual(len(list(fidelity.compare_memory(a, c))), 1)


class Fidelity(unittest.TestCase):
    def test_upgraded_machine_is_as_a_cold_boot(self):
        unknown, _used = fidelity.run(SERIES[0], SERIES[-1])
        self.assertEqual([], unknown, "\n" + "\n".join(map(str, unknown)))
