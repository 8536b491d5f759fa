# SPDX-License-Identifier: GPL-2.0-only
"""The main job: a running redis moves to the other kernel, with everything."""

import unittest

from redis_load import KEYS
from server import Server, facts, pause, release, reset_pause

PARTS = ("freeze_ns", "dump_ns", "transfer_ns", "restore_ns")


class Upgrade(unittest.TestCase):
    def upgrade(self, old, new):
        version = release(new)
        m = self.enterContext(Server(old))
        m.load()
        m.server.run("systemctl start tkd")
        self.assertEqual(m.server.run(f"tkctl check {version}", check=False).status, 0)
        before, sandbox = facts(m.server), self.sandbox(m.server)
        self.assertEqual(before.kernel, release(old))
        reset_pause(m.server)

        m.upgrade(version)
        job = m.wait_taken_over()
        acked = m.writer.acked          # before the facts: it goes on when the network is back
        after = facts(m.twin)

        self.assertEqual(after.kernel, version)
        self.assertEqual(after.cpus, before.cpus, "the twin takes all CPUs, CPU 0 included")
        self.assertEqual(after.pids, before.pids)
        self.assertEqual(after.keys, before.keys)
        self.assertGreaterEqual(after.keys, KEYS)
        self.assertEqual(after.digest, before.digest)
        self.assertGreaterEqual(after.counter, acked, "acknowledged writes are lost")
        self.assertLessEqual(after.counter, m.writer.sent)
        self.assertEqual(self.sandbox(m.twin), sandbox)
        self.assertEqual(m.twin.output("systemctl show -P MainPID redis-server tick").split(),
                         [str(pid) for pid in before.pids.values()], "systemd has not adopted the services")
        self.check_downtime(job, pause(m.twin))
        self.check_redis_goes_on(m)

    @staticmethod
    def sandbox(agent):
        """What the kernel holds redis to: seccomp filters, capabilities, limits."""
        return agent.output("cd /proc/$(pidof redis-server); grep -E 'Seccomp|^Cap|NoNewPrivs|^Uid' status; cat limits")

    def check_downtime(self, job, app):
        """The app's own pause holds the ledger's, and that its parts."""
        down = job["downtime"]
        self.assertEqual(down["ended_by"], "resume")
        self.assertGreaterEqual(app.length, 0.9 * sum(down[p] for p in PARTS))
        self.assertGreaterEqual(down["total_ns"], sum(down[p] for p in PARTS))
        for p in PARTS:
            self.assertGreater(down[p], 0, p)

    def check_redis_goes_on(self, m):
        self.assertEqual(m.twin.output("redis-cli SET after upgrade"), "OK")
        self.assertEqual(m.twin.output("redis-cli GET after"), "upgrade")

    def test_6_12_to_7_2(self):
        self.upgrade("6.12", "7.2")

    def test_7_2_to_6_12(self):
        self.upgrade("7.2", "6.12")
