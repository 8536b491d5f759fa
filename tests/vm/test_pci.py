# SPDX-License-Identifier: GPL-2.0-only
"""PCI functions in both kernels, without tkd: see kernel/pci.c."""

import os
from pathlib import Path

from kernelcase import PAIRS, KernelCase, messages
from server import SERIES
from vm import CONSOLE, TWIN

MIB = 1 << 20
DISKS = ("virtio-blk-pci,addr=4", "nvme,serial=n0,addr=5", "ide-hd,bus=ide.0", "usb-storage,bus=usb.0",
         "virtio-blk-pci,bus=port1", "nvme,serial=n1,bus=port2")
OTHERS = ("qemu-xhci,id=usb,addr=6", "pcie-root-port,id=port1,addr=7,chassis=1",
          "pcie-root-port,id=port2,addr=8,chassis=2", "virtio-net-pci,netdev=net9,addr=9,romfile=",
          "e1000e,netdev=net16,addr=0x10", "i6300esb,addr=0x11")


def facts(log, word):
    """The lines of one kernel that begin with a word."""
    return sorted(s for s in messages(log) if s.startswith(word + " "))


class Pci(KernelCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for index, _ in enumerate(DISKS):
            Path(cls.directory, f"disk{index}").write_bytes(os.urandom(8 * MIB))

    def drives(self, *disks):
        arguments = []
        for index, device in enumerate(disks):
            arguments += ["-drive", f"if=none,id=d{index},file={self.directory}/disk{index},format=raw,snapshot=on",
                          "-device", f"{device},drive=d{index}"]
        return arguments

    def devices(self):
        """A disk of each kind, two behind root ports, two network devices."""
        arguments = []
        for slot in (9, 16):
            arguments += ["-netdev", f"user,id=net{slot},net=10.0.{slot}.0/24"]
        for device in OTHERS:
            arguments += ["-device", device]
        return arguments + self.drives(*DISKS)

    def run_pci(self, old, twin, what, **kwargs):
        return self.run_machine(old, twin, what, devices=self.devices(), **kwargs)

    def test_takeover(self):
        for old, twin in PAIRS:
            with self.subTest(old=old, twin=twin):
                self.run_pci(old, twin, "pci-takeover", log=TWIN)
                for word in ("function", "data"):
                    found = facts(self.logs[CONSOLE], word)
                    self.assertGreater(len(found), 5)
                    self.assertEqual(facts(self.logs[TWIN], word), found)

    def test_lend_and_take_back(self):
        for series in SERIES:
            with self.subTest(series):
                self.run_pci(series, series, "pci-lend")
                data = facts(self.logs[CONSOLE], "data")
                self.assertEqual(len(set(data)), len(DISKS))
                self.assertEqual(set(facts(self.logs[TWIN], "data")), set(data))

    def test_reboot_with_lent_functions(self):
        self.run_pci(*SERIES[-1:] * 2, "pci-reboot", end="reboot: machine restart")

    def test_refusals(self):
        self.assertGreater(self.count_ok(*PAIRS[0], "pci-refusals", devices=self.devices()), 15)

    def test_iommu_group(self):
        disks = self.drives("virtio-blk-pci,addr=4", "virtio-blk-pci,addr=5.0,multifunction=on", "virtio-blk-pci,addr=5.1")
        self.run_machine(*SERIES[-1:] * 2, "pci-group", devices=["-device", "virtio-iommu-pci", *disks])
        self.assertEqual(len(facts(self.logs[CONSOLE], "data")), 3)

    def test_no_ecam(self):
        self.run_pci(*PAIRS[-1], "pci-no-ecam", append="pci=nommconf")
