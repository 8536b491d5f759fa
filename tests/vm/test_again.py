# SPDX-License-Identifier: GPL-2.0-only
"""The upgraded machine is the next old machine: upgrades in a row, alternating
between the series, and the last one back by `tkctl rollback`, with redis under load.
Nothing may be lost and nothing grow."""

import os
import unittest
from dataclasses import dataclass

from redis_load import KEYS
from server import SERIES, Server, facts, release

UPGRADES = int(os.environ.get("TKD_TEST_UPGRADES") or 10)
# Steps of the ledger that the summary shows.
SPANS = ("reserve", "load", "boot", "checkpoint", "migrate", "takeover", "take-memory", "claim")
# Jobs that tkd keeps at least, when there were as many.
HISTORY_MAX = 100
# By how much of itself the memory may differ.
MEMORY_SLACK = 0.002
FILES_SLACK = 4         # in /run


@dataclass
class Footprint:
    """What must not grow from one upgrade to the next."""

    memory: int             # MemTotal, kB
    ram: int                # System RAM in /proc/iomem, kB
    warnings: int           # different kernel warnings
    mounts: int
    run_files: int
    state_files: int
    state_size: int         # kB
    failed: str             # failed units

    @classmethod
    def of(cls, agent):
        out = agent.output(
            "awk '/MemTotal/ { print $2 }' /proc/meminfo;"
            "echo $(($(sed -n 's/^\\([0-9a-f]*\\)-\\([0-9a-f]*\\) : System RAM.*/+ 0x\\2 - 0x\\1 + 1/p' /proc/iomem) >> 10));"
            "dmesg --level=emerg,alert,crit,err,warn --notime | sed 's/[0-9a-fx]*[0-9][0-9a-f]*/N/g' | sort -u | wc -l;"
            "findmnt -rn | grep -vc /run/credentials;"
            "find /run -xdev -type f ! -path '/run/udev/*' ! -path '/run/log/*' ! -path '/run/systemd/*' | wc -l;"
            "find /var/lib/tkd -type f | wc -l; du -sk /var/lib/tkd | cut -f 1;"
            "systemctl list-units --failed --no-legend --plain | cut -d ' ' -f 1 | tr '\\n' ' '; echo")
        *numbers, failed = (out + "\n").split("\n")[:8]
        return cls(*map(int, numbers), failed.strip())


def seconds(job, span):
    """Length of a step by the ledger, as the job in JSON has it."""
    stamps = {s["event"]: s["ns"] for s in job["ledger"]}
    begin, end = stamps.get(span + "-begin"), stamps.get(span + "-end")
    return (end - begin) / 1e9 if begin and end else float("nan")


def row(number, job, footprint):
    times = " ".join(f"{seconds(job, s):.1f}".rjust(max(7, len(s))) for s in SPANS)
    return (f"{number:3} {job['version']:12} {times} {job['downtime']['total_ns'] / 1e9:7.2f} "
            f"{footprint.memory >> 10:7} {footprint.warnings:5} {footprint.mounts:4} {footprint.run_files:4} {footprint.state_size:6}")


class Again(unittest.TestCase):
    """One machine, upgraded again and again."""

    def setUp(self):
        self.machine = m = self.enterContext(Server(SERIES[0]))
        m.load()
        m.server.run("systemctl start tkd")
        self.before = facts(m.server)
        self.footprints = {}

    def upgrade(self, series, verb):
        """One upgrade, and what holds after each."""
        m = self.machine
        m.hand_over(verb)
        job = m.wait_taken_over()
        m.twin_is_server()
        m.server.run("systemctl is-system-running --wait", timeout=120, check=False)
        self.assert_same(series)
        return job

    def assert_same(self, series):
        m = self.machine
        self.assertTrue(m.writer.wait_acked(), "redis cannot be reached from outside")
        acked = m.writer.acked
        after = facts(m.server)
        self.assertEqual(after.kernel, release(series))
        self.assertEqual(after.cpus, self.before.cpus)
        self.assertEqual(after.pids, self.before.pids)
        self.assertEqual((after.keys, after.digest), (self.before.keys, self.before.digest))
        self.assertGreaterEqual(after.keys, KEYS)
        self.assertGreaterEqual(after.counter, acked, "acknowledged writes are lost")
        self.assertIn(release(series), m.server.output("tkctl list"))

    def check_growth(self, series, now):
        """All that can say why is printed when the machine has grown."""
        try:
            self.assert_not_grown(series, now)
        except AssertionError:
            print(self.machine.server.output("tkctl show; dmesg; cat /proc/iomem /proc/zoneinfo", timeout=120))
            raise

    def assert_not_grown(self, series, now):
        """Against the first time that this series was upgraded to: by then all there is was there."""
        first = self.footprints.setdefault(series, now)
        self.assertLess(abs(now.memory - first.memory), MEMORY_SLACK * first.memory)
        self.assertLess(abs(now.ram - first.ram), MEMORY_SLACK * first.ram)
        self.assertLessEqual(now.warnings, first.warnings + 2)
        self.assertEqual(now.mounts, first.mounts)
        self.assertLessEqual(now.run_files, first.run_files + FILES_SLACK)
        self.assertEqual(now.state_files, first.state_files)
        self.assertEqual(now.failed, first.failed)

    def test_upgrades_in_a_row(self):
        print(f"\n{'':16} {' '.join(f'{s:>7}' for s in SPANS)} {'down':>7} {'MiB':>7} {'warn':>5} {'mnt':>4} {'run':>4} {'state':>6}")
        for number in range(1, UPGRADES + 1):
            series = SERIES[number % len(SERIES)]
            job = self.upgrade(series, f"upgrade {release(series)}")
            footprint = Footprint.of(self.machine.server)
            print(row(number, job, footprint), flush=True)
            self.check_growth(series, footprint)
        self.upgrade(SERIES[(UPGRADES - 1) % len(SERIES)], "rollback")
        history = self.machine.server.output("tkctl history").splitlines()[1:]
        self.assertGreaterEqual(len(history), min(UPGRADES + 1, HISTORY_MAX))
        self.assertTrue(all(" done " in line for line in history), history)
