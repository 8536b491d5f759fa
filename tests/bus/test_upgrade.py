# SPDX-License-Identifier: GPL-2.0-only
"""Upgrades from end to end: they work, they fail at each step, they are cancelled."""
import os
import struct

import harness
from harness import JOB, MANAGER, STEPS, VERSION, wait


class Success(harness.TestCase):
    def test_old_kernel_hands_over_to_the_twin(self):
        m = self.machine.start()
        first = self.bus.owner()
        path = m.upgrade()
        self.assertEqual(m.job(path, "Initiator"), "uid 0 (root)")
        wait("the twin owns the name", lambda: self.bus.owner() not in (None, first))

        self.assertEqual(m.app_state(), "twin")
        self.assertEqual(m.job(path, "State"), "done")
        self.assertEqual(m.job(path, "Result"), "done")
        self.assertEqual(m.job(path, "Progress"), 100)
        self.assertEqual(m.job(path, "Version"), VERSION)
        self.assertEqual(m.get(MANAGER, "State"), "idle")
        events = [str(e[0]) for e in m.job(path, "Ledger")]
        for event in ("reserve-begin", "boot-end", "freeze-begin", "dump-end", "restore-end", "park", "take-cpus-end",
                      "take-memory-end", "take-devices-end", "claim-end", "takeover-end"):
            self.assertIn(event, events)
        row = m.manager("GetHistory")[0]
        self.assertEqual([row[0], *map(str, row[1:3]), str(row[5])], [1, "upgrade", VERSION, "done"])
        self.assertGreater(row[10], 0)      # downtime

    def test_signals_tell_the_whole_story(self):
        m = self.machine.start()
        m.upgrade()
        wait("committed", lambda: any(s[2] == "JobRemoved" for s in m.signals))
        new = [s for s in m.signals if s[2] == "JobNew"]
        removed = [s for s in m.signals if s[2] == "JobRemoved"]
        self.assertEqual(new[0][3], (1, "/org/twinkernel/tkd1/job/1"))
        self.assertEqual(removed[0][3], (1, "/org/twinkernel/tkd1/job/1", "committed"))
        states = [str(s[3][1]["State"]) for s in m.signals
                  if s[2] == "PropertiesChanged" and s[3][0] == JOB and "State" in s[3][1]]
        self.assertEqual(states, ["reserving", "loading", "booting", "checkpointing", "migrating", "committing",
                                  "offlining"])
        progress = [int(s[3][1]["Progress"]) for s in m.signals
                    if s[2] == "PropertiesChanged" and s[3][0] == JOB and "Progress" in s[3][1]]
        self.assertEqual(progress, sorted(progress))

    def test_machine_is_taken_part_by_part(self):
        m = self.machine.start()
        m.fault("twin.takeover memory:errno 16")
        m.upgrade()
        wait("the twin owns the machine", lambda: "twin: place.settle" in m.log())
        parts = [line.split(" ", 2)[2] for line in m.log() if line.startswith("twin: twin.takeover")]
        self.assertEqual(parts, ["cpus", "memory", "memory", "devices"])
        self.assertIn("twin: estate.claim fake", m.log())

    def test_history_goes_along(self):
        m = self.machine.start()
        m.fault("twin.load:errno 5")
        self.assertEqual(m.result(m.upgrade()), "failed")
        m.upgrade()
        wait("the twin parks the old one", lambda: "twin: place.settle" in m.log())
        wait("the twin owns the name", self.bus.owner)
        rows = [(int(r[0]), str(r[5])) for r in m.manager("GetHistory")]
        self.assertEqual(rows, [(1, "failed"), (2, "done")])

    def test_old_kernel_parks_again_when_the_first_try_fails(self):
        m = self.machine.start()
        m.fault("twin.park:errno 5")
        m.upgrade()
        wait("the twin owns the machine", lambda: "twin: place.settle" in m.log(), 30)
        self.assertEqual(m.log().count("twin.park"), 2)
        self.assertIn("machine.thaw-disks", m.log())

    def test_dry_run_touches_nothing(self):
        m = self.machine.start()
        answer = m.manager("Upgrade", "sa{sv}", VERSION, {"dry-run": True})
        self.assertEqual((int(answer[0]), str(answer[1])), (0, "/"))
        self.assertEqual(m.log(), [])
        self.assertEqual(len(m.manager("ListJobs")), 0)

    def test_second_upgrade_is_refused(self):
        m = self.machine.start()
        m.fault("twin.boot:sleep 1000")
        path = m.upgrade()
        self.assert_error("Busy", m.upgrade, text="1")
        self.assertIn("Busy", [f[0] for f in m.check()])
        m.call(JOB, "Cancel", path=path)
        self.assertEqual(m.result(path), "cancelled")


# The call of the backend in which a step is caught, and whether it is the twin's.
CALLS = {
    "reserve": "twin.reserve",
    "load": "twin.load",
    "boot": "twin.boot",
    "checkpoint": "criu.dump app.service",
    "migrate": "criu.restore app.service",
}
ERRORS = {
    "reserve": "NotEnoughMemory",
    "load": "BadImage",
    "boot": "TwinFailed",
    "checkpoint": "CheckpointFailed",
    "migrate": "RestoreFailed",
}


class Failure(harness.TestCase):
    def assert_rolled_back(self, path, step, error):
        m = self.machine
        self.assertEqual(m.result(path), "failed")
        name, text = map(str, m.job(path, "Error"))
        self.assertEqual(name, harness.ERROR + error, text)
        self.assertTrue(text)
        self.assertEqual(m.job(path, "State"), "failed")
        self.assert_untouched()
        self.assertEqual(m.twin_pid(), 0)
        return text

    def test_error_in_each_step(self):
        m = self.machine.start()
        for step, call in CALLS.items():
            with self.subTest(step=step):
                m.fault(f"{call}:errno {12 if step == 'reserve' else 5}")
                self.assert_rolled_back(m.upgrade(), step, ERRORS[step])
        self.assertEqual(len(m.manager("GetHistory")), len(CALLS))
        self.assertEqual(m.stop(), 0)

    def test_worker_crash_in_each_step(self):
        m = self.machine.start()
        for step, call in list(CALLS.items())[:4]:
            with self.subTest(step=step):
                m.fault(f"{call}:crash")
                text = self.assert_rolled_back(m.upgrade(), step, "Failed")
                self.assertIn("SIGKILL", text)

    def test_worker_hangs_in_each_step(self):
        limits = {s.capitalize() + "TimeoutSec": "200ms" for s in CALLS}
        self.machine.configure(TwinMemory="128M", CheckpointMemory="64M", GraceSec="200ms", **limits)
        m = self.machine.start()
        for step, call in list(CALLS.items())[:4]:
            with self.subTest(step=step):
                # a daemon under a sanitizer may need longer than that to boot the twin
                m.configure(TwinMemory="128M", CheckpointMemory="64M", GraceSec="300ms",
                            **{step.capitalize() + "TimeoutSec": "500ms"})
                m.fault(f"{call}:hang")
                self.assert_rolled_back(m.upgrade(), step, "TimedOut")

    def test_twin_hangs(self):
        self.machine.configure(TwinMemory="128M", CheckpointMemory="64M", MigrateTimeoutSec="500ms", GraceSec="1")
        m = self.machine.start()
        m.fault("criu.restore app.service:hang")
        self.assert_rolled_back(m.upgrade(), "migrate", "TimedOut")

    def test_twin_never_calls(self):
        self.machine.configure(TwinMemory="128M", CheckpointMemory="64M", BootTimeoutSec="500ms", GraceSec="1")
        m = self.machine.start()
        m.fault("channel.listen:hang")
        self.assert_rolled_back(m.upgrade(), "boot", "TimedOut")

    def test_twin_panics_while_booting(self):
        m = self.machine.start()
        m.fault("twin.boot:panic")
        text = self.assert_rolled_back(m.upgrade(), "boot", "TwinFailed")
        self.assertIn("panicked", text)

    def test_twin_daemon_crashes_while_restoring(self):
        m = self.machine.start()
        m.fault("criu.restore app.service:crash")
        path = m.upgrade()
        self.assertEqual(m.result(path), "failed")
        self.assert_untouched()

    def test_failed_undo_is_tried_again(self):
        m = self.machine.start()
        m.fault("twin.load:errno 5", "twin.release:errno 5")
        self.assert_rolled_back(m.upgrade(), "load", "BadImage")
        self.assertEqual(m.log().count("twin.release"), 2)

    def test_nothing_is_thawed_while_the_twin_lives(self):
        m = self.machine.start()
        m.fault("criu.restore app.service:errno 5", "twin.kill:errno 5", "twin.kill:errno 5")
        self.assert_rolled_back(m.upgrade(), "migrate", "RestoreFailed")
        log = m.log()
        self.assertEqual(log.count("twin.kill"), 3)
        self.assertGreater(log.index("unit.thaw app.service"), max(i for i, l in enumerate(log) if l == "twin.kill"))

    def test_undo_that_never_works_is_told(self):
        m = self.machine.start()
        m.fault("twin.load:errno 5", *["twin.release:errno 5"] * 5)
        path = m.upgrade()
        wait("failed", lambda: str(m.job(path, "Result")), 60)
        self.assertEqual(m.job(path, "Result"), "failed")
        self.assertIn("failed too", m.job(path, "Error")[1])
        self.assertIn("TwinExists", [f[0] for f in m.check()])


class Commit(harness.TestCase):
    def test_refused_commit_rolls_back(self):
        m = self.machine.start()
        m.fault("twin.commit:errno 5")
        path = m.upgrade()
        self.assertEqual(m.result(path), "failed")
        self.assert_untouched()

    def test_commit_that_the_twin_does_not_tell_counts(self):
        """The twin's worker dies right after the word was turned; its successor goes on."""
        m = self.machine.start()
        m.fault("twin.committed:crash")
        m.upgrade()
        wait("the twin owns the machine", lambda: "twin: place.settle" in m.log(), 40)
        self.assertEqual(m.app_state(), "twin")

    def test_worker_that_dies_in_the_commit_goes_forward(self):
        """The old kernel's worker dies while it waits; the word says what holds."""
        self.machine.configure(TwinMemory="128M", CheckpointMemory="64M", CommitTimeoutSec="1", GraceSec="1")
        m = self.machine.start()
        m.fault("twin.committed:hang")
        path = m.upgrade()
        self.assertEqual(m.result(path), "committed")
        self.assertEqual(m.job(path, "State"), "offlining")

    def test_park_that_hangs_is_tried_again(self):
        self.machine.configure(TwinMemory="128M", CheckpointMemory="64M", OfflineTimeoutSec="300ms", GraceSec="300ms")
        m = self.machine.start()
        m.fault("machine.freeze-disks:hang", "twin.park:hang")
        m.upgrade()
        wait("the twin owns the machine", lambda: "twin: place.settle" in m.log(), 30)
        self.assertEqual(m.log().count("twin.park"), 2)

    def test_no_cancel_after_the_commit(self):
        m = self.machine.start()
        m.fault("machine.freeze-disks:hang")
        path = m.upgrade()
        self.assertEqual(m.result(path), "committed")
        self.assert_error("NotCancellable", lambda: m.call(JOB, "Cancel", path=path))


class Cancel(harness.TestCase):
    def test_cancel_in_each_step(self):
        m = self.machine.start()
        for step, call in CALLS.items():
            with self.subTest(step=step):
                m.fault(f"{call}:sleep 700")
                path = m.upgrade()
                wait(f"{step} runs", lambda: str(m.job(path, "Step")) == step)
                m.wait_log("twin: " + call if step == "migrate" else call)
                m.call(JOB, "Cancel", path=path)
                self.assertEqual(m.result(path), "cancelled")
                name, text = map(str, m.job(path, "Error"))
                self.assertEqual(name, harness.ERROR + "Cancelled")
                self.assertIn("uid 0 (root)", text)
                self.assert_untouched()
                os.unlink(m.fake + "/log")

    def test_cancel_of_what_hangs_kills_its_worker(self):
        self.machine.configure(TwinMemory="128M", CheckpointMemory="64M", GraceSec="300ms")
        m = self.machine.start()
        m.fault("criu.dump app.service:hang")
        path = m.upgrade()
        m.wait_log("criu.dump app.service")
        m.call(JOB, "Cancel", path=path)
        m.call(JOB, "Cancel", path=path)        # asking twice is fine
        self.assertEqual(m.result(path), "cancelled")
        self.assert_untouched()

    def test_ended_job_cannot_be_cancelled(self):
        m = self.machine.start()
        m.fault("twin.load:errno 5")
        path = m.upgrade()
        m.result(path)
        self.assert_error("NotCancellable", lambda: m.call(JOB, "Cancel", path=path), text="ended")

    def test_stop_of_the_daemon_rolls_back_first(self):
        m = self.machine.start()
        m.fault("criu.dump app.service:sleep 500")
        m.upgrade()
        m.wait_log("criu.dump app.service")
        self.assertEqual(m.stop(), 0)
        self.assertEqual(m.app_state(), "old")
        m.start()
        self.assert_untouched()
        self.assertEqual(str(m.manager("ListJobs")[0][2]), "cancelled")


if __name__ == "__main__":
    harness.main()
