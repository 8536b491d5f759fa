# SPDX-License-Identifier: GPL-2.0-only
"""The board in both kernels and after a takeover, without tkd: see kernel/board.c."""

from kernelcase import KernelCase
from server import SERIES, kernel

KEYS = {"press power": ("system_powerdown", {}),
        "press a": ("send-key", {"keys": [{"type": "qcode", "data": "a"}]})}
ENDS = {"poweroff": ("SHUTDOWN", "reason", "guest-shutdown"),
        "reboot": ("SHUTDOWN", "reason", "guest-reset"),
        "panic": ("SHUTDOWN", "reason", "guest-reset"),
        "hang": ("WATCHDOG", "action", "reset")}


class Board(KernelCase):
    def upgrade(self, old, twin, end):
        """A takeover with all checks of the board; the upgraded machine must end as it is told."""
        event, key, expected = ENDS[end]
        seen = []

        def on_line(m, line):
            if line in KEYS:
                name, arguments = KEYS[line]
                m.qmp.command(name, **arguments)
            elif line == "ending":
                seen.append(m.qmp.wait_event(event)[key])

        disk = ["-drive", f"if=none,id=kernel,file={kernel(twin)}/bzImage,format=raw,snapshot=on",
                "-device", "virtio-blk-pci,drive=kernel"]
        watchdog = ["-device", "i6300esb", "-action", "watchdog=reset"]
        n = self.count_ok(old, twin, f"board-{end}", on_line=on_line, devices=disk + watchdog)
        self.assertGreater(n, 30)
        self.assertEqual(seen, [expected])

    def test_power_off(self):
        self.upgrade(*SERIES, "poweroff")

    def test_reboot(self):
        self.upgrade(*reversed(SERIES), "reboot")

    def test_panic_reboots(self):
        self.upgrade(SERIES[0], SERIES[0], "panic")

    def test_watchdog_ends_a_hang(self):
        self.upgrade(SERIES[-1], SERIES[-1], "hang")
