# SPDX-License-Identifier: GPL-2.0-only
"""tkctl against the real daemon on a machine made of files."""
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess

import harness
from harness import ERROR, STEPS, VERSION, wait

TKCTL = os.environ["TKCTL"]
EXIT = {"ok": 0, "failed": 1, "usage": 2, "refused": 3, "denied": 4, "unreachable": 5, "cancelled": 6, "lost": 7,
        "interrupted": 130}
ADDRESS = "0000:00:04.0"
LOG_SIZE_OFFSET = 96
LOG_OFFSET = harness.TWIN_INFO_SIZE + 8


class TestCase(harness.TestCase):
    def setUp(self):
        # the bus may not have noticed yet that the twin of the test before was killed
        wait("the name is free", lambda: not self.bus.connection.name_has_owner(harness.NAME))
        super().setUp()

    def arguments(self, *args):
        return [TKCTL, "--address=" + self.bus.address, *args]

    def spawn(self, *args, **kwargs):
        """tkctl in the background; interrupts and output are up to the test."""
        p = subprocess.Popen(self.arguments(*args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs)
        self.addCleanup(self.reap, p)
        return p

    @staticmethod
    def reap(p):
        p.kill()
        p.communicate()

    def finish(self, p, code):
        """Returns what it printed, after it ended with this code."""
        wait("the end of tkctl", lambda: p.poll() is not None)
        out, err = p.communicate()
        self.assertEqual(p.returncode, EXIT[code], out + err)
        self.assertNotIn("Sanitizer", err)
        return out, err

    def tkctl(self, *args, code="ok", **kwargs):
        """Returns what tkctl prints on standard output; standard error must be empty when it succeeds."""
        out, err = self.finish(self.spawn(*args, **kwargs), code)
        if code == "ok":
            self.assertEqual(err, "")
        return out

    def tkctl_json(self, *args, code="ok"):
        return json.loads(self.tkctl("--json", *args, code=code))

    def assert_refused(self, *args, text=(), code="refused", **kwargs):
        """One line on standard error has all texts in it, and nothing is on standard output."""
        out, err = self.finish(self.spawn(*args, **kwargs), code)
        self.assertEqual(out, "")
        self.assertEqual(err.count("\n"), 1, err)
        self.assertTrue(err.startswith("tkctl: "), err)
        for t in text:
            self.assertIn(t, err)
        return err

    def wait_step(self, step):
        wait(f"step {step}", lambda: any(str(j[2]).startswith(step) for j in self.machine.manager("ListJobs")))

    def slow(self, call="twin.load", ms=1000):
        self.machine.fault(f"{call}:sleep {ms}")


class Reading(TestCase):
    def setUp(self):
        super().setUp()
        self.machine.start()

    def test_status_of_an_idle_machine(self):
        self.assertEqual(self.tkctl("status"), self.tkctl())
        self.assertRegex(self.tkctl(), rf"^tkd \S+ on Linux {re.escape(os.uname().release)}\n +State: idle\n +Twin: none\n$")
        status = self.tkctl_json("status")
        self.assertEqual((status["state"], status["twin_state"], status["twin_memory"], status["job"]),
                         ("idle", "none", 0, None))

    def test_status_of_a_running_job(self):
        self.slow()
        self.tkctl("upgrade", "--no-wait", VERSION)
        self.wait_step("loading")
        text = self.tkctl("status")
        self.assertRegex(text, r"State: loading\n")
        self.assertRegex(text, r"Twin: reserved, CPUs 2-3, memory \d+ MiB\n")
        self.assertRegex(text, rf"Job: 1, upgrade, Linux {re.escape(VERSION)}, step load, \d+ %: ")
        self.assertEqual(self.tkctl_json("status")["job"]["id"], 1)

    def test_list(self):
        harness.make_image(f"{self.machine.root}/boot/vmlinuz-6.1.0-old", twin=False)
        self.assertEqual(self.tkctl("list"), "VERSION     TWIN  RUNNING  PATH\n"
                                             "7.2.13-tk   yes   no       /boot/vmlinuz-7.2.13-tk\n"
                                             "6.1.0-old   no    no       /boot/vmlinuz-6.1.0-old\n"
                         .replace("VERSION   ", "VERSION  ").replace("-tk   ", "-tk  ").replace("-old   ", "-old  "))
        self.assertEqual(self.tkctl_json("list")[0],
                         {"version": VERSION, "path": "/boot/vmlinuz-" + VERSION, "twin": True, "running": False})

    def test_check_finds_nothing(self):
        text = self.tkctl("check", VERSION)
        self.assertTrue(text.endswith(f"The upgrade to {VERSION} can start.\n"), text)
        self.assertIn("app.service", text)

    def test_check_finds_all_at_once(self):
        os.unlink(f"{self.machine.root}/boot/twin-{VERSION}.img")
        self.machine.configure(TwinMemory="1T")
        text = self.tkctl("check", VERSION, code="refused")
        self.assertRegex(text, r"(?m)^error +NoInitramfs +.*TwinInitramfs=")
        self.assertIn("would be refused", text)
        findings = self.tkctl_json("check", VERSION, code="refused")
        self.assertIn(("NoInitramfs", "error"), [(f["id"], f["severity"]) for f in findings])

    def test_no_jobs(self):
        self.assertEqual(self.tkctl("history").split(), "JOB STARTED KIND VERSION STATE LENGTH DOWNTIME INITIATOR ERROR".split())
        self.assertEqual(self.tkctl_json("history"), [])
        self.assert_refused("show", text=["no job", "tkctl history"])
        self.assert_refused("show", "7", text=["job 7", "tkctl history"])
        self.assert_refused("cancel", text=["No job runs"])
        self.assert_refused("monitor", "7", text=["job 7"])
        self.assert_refused("show", "seven", text=['"seven"'], code="usage")


class BadInput(TestCase):
    """Each mistake has its own line, which names the thing and the way out."""

    def refused(self, *args, text, code="refused"):
        for verb in (["upgrade"], ["upgrade", "--dry-run"]):
            self.assert_refused(*verb, *args, text=text, code=code)

    def test_versions_and_files(self):
        self.machine.start()
        boot = self.machine.root + "/boot/"
        self.refused("9.9.9", text=["9.9.9", '"tkctl list"'])
        self.refused("../../etc/passwd", text=["../../etc/passwd"])
        self.refused("", text=["tkctl list"])

        harness.make_image(boot + "vmlinuz-7.0-a", release="7.0-a")
        self.refused("7.0-a", text=["/boot/twin-7.0-a.img", "TwinInitramfs="])
        harness.make_image(boot + "vmlinuz-7.0-b", release="7.0-b", linux=False)
        self.refused("7.0-b", text=["/boot/vmlinuz-7.0-b", "Install that kernel again"])
        harness.make_image(boot + "vmlinuz-7.0-c", release="7.0-c", twin=False)
        shutil.copy(boot + f"twin-{VERSION}.img", boot + "twin-7.0-c.img")
        self.refused("7.0-c", text=["7.0-c", "twin support", '"tkctl list"'])

    def test_options(self):
        self.machine.start()
        self.refused("--mode=teleport", VERSION, text=["teleport", "tkctl(1)"])
        self.assert_refused("check", "--mode=teleport", VERSION, text=["teleport", "tkctl(1)"])

    def test_configuration_and_policy(self):
        self.machine.start()
        self.machine.configure(TwinMemroy="1G")
        self.refused(VERSION, text=["/etc/tkd/tkd.conf.d/test.conf:2", "TwinMemroy", "tkd.conf(5)"])
        self.machine.configure()
        self.machine.write("/etc/tkd/policy.json", '{\n"version": 1,\n"units": [ { "match": "*",\n"akshun": "stop" } ] }\n')
        self.refused(VERSION, text=["/etc/tkd/policy.json:4", "akshun", "tkd-policy(5)"])

    def test_too_little_memory_too_few_cpus(self):
        self.machine.start()
        self.machine.configure(TwinMemory="64T")
        self.refused(VERSION, text=["TwinMemory="])
        self.machine.configure(TwinMemory="128M", CheckpointMemory="64M", TwinCPUs="2-9")
        self.refused(VERSION, text=["TwinCPUs="])

    def test_busy(self):
        self.machine.start()
        self.slow(ms=3000)
        self.tkctl("upgrade", "--no-wait", VERSION)
        self.refused(VERSION, text=['"tkctl show"', '"tkctl cancel"'])

    def test_no_daemon(self):
        for args in (["status"], ["list"], ["upgrade", VERSION], ["rollback"], ["boot", VERSION], ["release"], ["cancel"], ["history"], ["show"], ["console"], ["log"],
                     ["monitor"]):
            self.assert_refused(*args, text=["tkd is not running", "systemctl start tkd"], code="unreachable")

    def test_not_authorized(self):
        self.machine.start()
        copy = self.machine.dir + "/tkctl"
        shutil.copy(TKCTL, copy)
        args = self.arguments("upgrade", VERSION)[1:]
        r = subprocess.run([copy, *args], user=65534, group=65534, extra_groups=[], capture_output=True, text=True,
                           stdin=subprocess.DEVNULL, timeout=harness.TIMEOUT, check=False)
        self.assertEqual(r.returncode, EXIT["denied"], r)
        self.assertEqual(r.stderr.count("\n"), 1, r.stderr)
        self.assertIn("as root", r.stderr)
        self.assert_untouched()


class Twin(TestCase):
    def test_boot_and_release(self):
        self.machine.start()
        out = self.tkctl("boot", VERSION)
        self.assertIn(f"Job 1 is done: Linux {VERSION} runs beside this kernel now.\n", out)
        for way in ("console", f"upgrade {VERSION}", "release"):
            self.assertIn(f'"tkctl {way}"', out)
        self.assertRegex(self.tkctl("status"), rf"State: idle\n +Twin: alive, Linux {re.escape(os.uname().release)}, "
                         r"CPUs 2-3, memory 256 MiB, since \d{4}-")
        status = self.tkctl_json("status")
        self.assertEqual((status["twin_state"], status["twin_error"], status["job"]), ("alive", "", None))
        self.assertGreater(status["twin_since_usec"], 0)
        self.assert_refused("boot", VERSION, text=["runs already", '"tkctl release"'])
        self.assertIn("Job 2 is done: the twin is gone", self.tkctl("release"))
        self.assertRegex(self.tkctl("status"), r"Twin: none\n$")
        self.assertEqual([(j["kind"], j["state"]) for j in self.tkctl_json("history")],
                         [("boot", "done"), ("release", "done")])
        self.assert_refused("release", text=["no twin", '"tkctl boot VERSION"'])

    def test_give_and_take(self):
        self.machine.start()
        self.assert_refused("give", ADDRESS, text=["no twin", '"tkctl boot VERSION"'])
        self.tkctl("boot", VERSION)
        self.assertEqual(self.tkctl("give", ADDRESS), f"{ADDRESS} is lent to the twin.\n")
        self.assertIn(f"    Lent: {ADDRESS}\n", self.tkctl("status"))
        self.assertEqual(self.tkctl_json("status")["twin_functions"], [ADDRESS])
        self.assert_refused("give", ADDRESS, text=["lent to the twin already"])
        self.assert_refused("give", "disk", text=['"disk"', "lspci -D"])
        self.assertEqual(self.tkctl("take", ADDRESS), f"{ADDRESS} is back from the twin.\n")
        self.assert_refused("take", ADDRESS, text=["is not lent"])
        self.assertNotIn("Lent", self.tkctl("status"))

    def test_boot_that_fails(self):
        self.machine.start()
        self.machine.fault("twin.boot:errno 5")
        out, err = self.finish(self.spawn("boot", VERSION), "failed")
        self.assertIn("tkctl: Job 1 failed in step boot: ", err)
        self.assertIn("Job 1 was rolled back: CPUs and memory are given back.\n", out)

    def test_ctrl_c_cancels_a_boot(self):
        self.machine.start()
        self.slow("twin.boot", 1500)
        p = self.spawn("boot", VERSION)
        self.machine.wait_log("twin.boot")
        p.send_signal(signal.SIGINT)
        out, _ = self.finish(p, "cancelled")
        self.assertIn("rolled back: CPUs and memory are given back.\n", out)
        self.assert_untouched()

    def test_background(self):
        self.machine.start()
        self.assertIn("boot of " + VERSION, self.tkctl("boot", "--dry-run", VERSION))
        self.tkctl("boot", "--no-wait", VERSION)
        self.machine.result("/org/twinkernel/tkd1/job/1")
        self.assertIn("Job 2 has started", self.tkctl("release", "--no-wait"))
        self.machine.result("/org/twinkernel/tkd1/job/2")

    def test_status_of_a_dead_twin(self):
        self.machine.start()
        self.tkctl("boot", VERSION)
        self.machine.twin_event("panicked")
        wait("panicked", lambda: self.machine.get(harness.MANAGER, "TwinState") == "panicked")
        self.assertRegex(self.tkctl("status"), r"Twin: panicked, .*\n +fake twin: booting\n +fake twin: up\n$")
        self.assert_refused("upgrade", VERSION, text=["panicked", '"tkctl release"'])
        self.tkctl("release")

    def test_rollback_without_a_kernel_before(self):
        self.machine.start()
        self.assert_refused("rollback", text=[os.uname().release, "no kernel to go back to"])


class Upgrade(TestCase):
    def assert_committed(self, out, job=1):
        self.assertIn(f"Job {job} is committed: the apps run in Linux {VERSION} now.\n", out)
        self.assertIn("This kernel is about to park", out)
        self.assertIn(f'"tkctl show {job}"', out)

    def wait_twin(self):
        """The twin's daemon answers now, and the job is done there."""
        wait("the twin's daemon", lambda: self.machine.ended() and self.bus.connection.name_has_owner(harness.NAME))

    def test_success(self):
        self.machine.start()
        out = self.tkctl("upgrade", VERSION)
        self.assertTrue(out.startswith("Job 1 has started."), out)
        lines = re.findall(r"(?m)^(\w+) +[\d.]+ (?:ms|s)$", out)
        self.assertEqual(lines[:5], STEPS[:5])
        self.assert_committed(out)

        self.wait_twin()
        self.assert_shown(self.tkctl("show"))
        self.assert_shown_as_json(self.tkctl_json("show", "1"))
        self.assertRegex(self.tkctl("history"), rf"(?m)^ +1  .*  {re.escape(VERSION)}  done  .* uid 0 \(root\)")
        self.assertGreater(self.tkctl_json("history")[0]["downtime_ns"], 0)
        self.assertIn("Job 1 is done", self.tkctl("monitor", "1"))
        self.assert_refused("cancel", "1", text=["ob 1"])

    def assert_shown(self, text):
        self.assertIn("State: done\n", text)
        table = text[text.index("STEP"):text.index("Downtime")].splitlines()
        starts = {line.index(" s  ") for line in table[1:-1]}
        self.assertEqual(len(starts), 1, text)
        steps = [line.split()[0] for line in table[1:] if line and line[0] != " "]
        self.assertEqual([s for s in STEPS if s in steps], STEPS, text)
        for part in ("freeze", "dump", "transfer", "restore", "other", "total"):
            self.assertRegex(text, rf"(?m)^  {part} +\d+\.\d ms +\d+ %$")

    def assert_shown_as_json(self, job):
        self.assertEqual((job["id"], job["state"], job["result"], job["error"]), (1, "done", "done", None))
        ns = [stamp["ns"] for stamp in job["ledger"]]
        self.assertEqual(ns, sorted(ns))
        names = [step["name"] for step in job["steps"]]
        self.assertEqual([s for s in STEPS if s in names], STEPS)
        d = job["downtime"]
        self.assertEqual(d["ended_by"], "resume")
        self.assertEqual(sum(d[p + "_ns"] for p in ("freeze", "dump", "transfer", "restore", "other")), d["total_ns"])

    def test_success_as_json(self):
        self.machine.start()
        out, _ = self.finish(self.spawn("--json", "upgrade", VERSION), "ok")
        events = [json.loads(line) for line in out.splitlines()]
        self.assertEqual({e["event"] for e in events[:-1]}, {"progress"})
        self.assertEqual(events[-1]["event"], "committed")
        self.assertEqual(events[-1]["id"], 1)

    def test_failure(self):
        self.machine.start()
        self.machine.fault("criu.dump app.service:errno 5")
        out, err = self.finish(self.spawn("upgrade", VERSION), "failed")
        self.assertIn("tkctl: Job 1 failed in step checkpoint: ", err)
        self.assertIn("app.service", err)
        self.assertIn("tkd-policy(5)", err)
        self.assertIn("Job 1 was rolled back: the apps run on in the old kernel.\n", out)
        self.assertIn(f"({ERROR}CheckpointFailed)", self.tkctl("show"))
        self.assertEqual(self.tkctl_json("show")["error"]["name"], ERROR + "CheckpointFailed")
        self.assert_untouched()

    def test_last_words_of_the_twin(self):
        self.machine.start()
        self.machine.fault("channel.listen:panic")
        _, err = self.finish(self.spawn("upgrade", VERSION), "failed")
        lines = err.splitlines()
        self.assertRegex(lines[0], r"^tkctl: Job 1 failed in step \w+: .*panicked.*\w\. \"tkctl log --no-follow\"")
        self.assertIn("fake twin: booting", lines[1:])

    def test_dry_run(self):
        self.machine.start()
        self.assertIn("Nothing was touched", self.tkctl("upgrade", "--dry-run", VERSION))
        self.assertEqual(self.tkctl_json("upgrade", "--dry-run", VERSION), {"id": None, "job": None})
        self.assert_untouched()
        self.assertEqual(self.tkctl_json("history"), [])

    def test_no_wait_and_monitor(self):
        self.machine.start()
        self.slow()
        self.assertEqual(self.tkctl("upgrade", "--no-wait", VERSION),
                         'Job 1 has started: "tkctl monitor 1" follows it.\n')
        self.assert_committed(self.tkctl("monitor", "1"))

    def test_terminal_has_a_bar(self):
        self.machine.start()
        self.slow()
        text = self.run_on_terminal("upgrade", VERSION)
        self.assertRegex(text, r"\r\x1b\[K\[#* +\] +\d+% load ")
        shown = re.sub(r"[^\n]*\x1b\[K", "", text.replace("\r\n", "\n"))
        self.assertNotIn("[#", shown)
        self.assertRegex(shown, r"(?m)^reserve +")
        self.assert_committed(shown)

    def run_on_terminal(self, *args):
        parent, child = pty.openpty()
        p = subprocess.Popen(self.arguments(*args), stdin=child, stdout=child, stderr=child,
                             env=dict(os.environ, TERM="xterm"))
        os.close(child)
        data = bytearray()

        def read_to_end():
            if not select.select([parent], [], [], 0)[0]:
                return False
            try:
                data.extend(os.read(parent, 4096))
            except OSError:
                return True

        wait("the end of the output", read_to_end)
        os.close(parent)
        self.assertEqual(p.wait(harness.TIMEOUT), EXIT["ok"], data)
        return data.decode()

    def test_daemon_dies(self):
        self.machine.start()
        self.slow(ms=5000)
        p = self.spawn("upgrade", VERSION)
        self.wait_step("loading")
        self.machine.process.kill()
        out, _ = self.finish(p, "lost")
        self.assertIn('lost while job 1 was loading. When tkd is back, "tkctl show 1"', out)


class Cancel(TestCase):
    def setUp(self):
        super().setUp()
        self.machine.start()

    def start_slow(self, *args, call="criu.dump app.service", state="checkpointing", ms=1000):
        self.slow(call, ms)
        p = self.spawn("upgrade", *args, VERSION)
        self.wait_step(state)
        self.machine.wait_log(call)
        return p

    def test_interrupt_cancels(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            p = self.start_slow()
            p.send_signal(number)
            out, err = self.finish(p, "cancelled")
            self.assertIn("Asking tkd to cancel", out)
            self.assertRegex(out, r"Job \d was cancelled in step checkpoint and rolled back: "
                                  "the apps run on in the old kernel.\n")
            self.assertEqual(err, "")
            self.assert_untouched()
            os.unlink(self.machine.fake + "/log")

    def test_second_interrupt_leaves(self):
        p = self.start_slow(ms=3000)
        p.send_signal(signal.SIGINT)
        while "tkd rolls job 1 back" not in p.stdout.readline():
            pass
        p.send_signal(signal.SIGINT)
        out, _ = self.finish(p, "interrupted")
        self.assertIn('tkd rolls back job 1, "tkctl monitor 1" follows it', out)
        self.finish(self.spawn("monitor", "1"), "cancelled")
        self.assert_untouched()

    def test_interrupt_of_the_monitor_only_leaves(self):
        self.start_slow("--no-wait", ms=2000)
        p = self.spawn("monitor", "1")
        p.stdout.readline()
        p.send_signal(signal.SIGINT)
        self.finish(p, "ok")
        self.assertNotEqual(self.tkctl_json("status")["state"], "idle")

    def test_verb(self):
        self.start_slow("--no-wait")
        self.assertIn("Job 1 was cancelled in step checkpoint", self.tkctl("cancel"))
        self.assert_untouched()
        self.assert_refused("cancel", "1", text=["ob 1"])

    def test_verb_without_waiting(self):
        p = self.start_slow()
        self.assertEqual(self.tkctl("cancel", "--no-wait", "1"), "Asked tkd to cancel job 1.\n")
        self.finish(p, "cancelled")

    def test_too_late(self):
        self.machine.fault("machine.freeze-disks:sleep 3000")
        self.tkctl("upgrade", VERSION)
        self.assert_refused("cancel", "1", text=["no return"])


class Streams(TestCase):
    def setUp(self):
        super().setUp()
        self.machine.start()

    def set_log(self, text):
        with open(self.machine.fake + "/twin", "r+b") as f:
            f.seek(LOG_OFFSET)
            f.write(text.encode())
            f.seek(LOG_SIZE_OFFSET)
            f.write(struct.pack("<Q", len(text)))

    def test_log(self):
        lines = [f"[    0.{i}] line {i}\n" for i in range(5)]
        self.set_log("".join(lines))
        self.assertEqual(self.tkctl("log", "--no-follow"), "".join(lines))
        self.assertEqual(self.tkctl("log", "--no-follow", "-n", "2"), "".join(lines[-2:]))
        self.assertEqual(self.tkctl("log", "--no-follow", "--lines=99"), "".join(lines))
        self.assertEqual(self.tkctl("log", "--no-follow", "-n0"), "")
        out = self.tkctl("log", "--no-follow", "-n", "1", "--json")
        self.assertEqual(json.loads(out), {"text": lines[-1].rstrip("\n")})

    def test_log_does_not_steer_the_terminal(self):
        self.set_log("a\x1b[2Jb\x00c\td\n")
        self.assertEqual(self.tkctl("log", "--no-follow"), "a?[2Jb?c\td\n")

    def test_log_follows(self):
        self.set_log("one\n")
        p = self.spawn("log")
        self.assertEqual(p.stdout.readline(), "one\n")
        self.set_log("one\ntwo\n")
        self.assertEqual(p.stdout.readline(), "two\n")
        p.send_signal(signal.SIGINT)
        self.finish(p, "ok")

    def test_log_of_an_empty_log(self):
        self.assertEqual(self.tkctl("log", "--no-follow"), "")

    def test_monitor(self):
        p = self.spawn("monitor", "--json")
        first = json.loads(p.stdout.readline())
        self.assertEqual((first["subject"], first["event"], first["value"]), ("tkd", "State", "idle"))
        self.machine.fault("twin.load:errno 5")
        self.finish(self.spawn("upgrade", VERSION), "failed")
        events = []
        while not events or events[-1]["event"] != "ended":
            events.append(json.loads(p.stdout.readline()))
        p.send_signal(signal.SIGINT)
        self.finish(p, "ok")
        self.assertIn(("job 1", "started", None), [(e["subject"], e["event"], e["value"]) for e in events])
        self.assertIn(("job 1", "State", "loading"), [(e["subject"], e["event"], e["value"]) for e in events])
        self.assertEqual(events[-1]["value"], "failed")


class Transport(TestCase):
    def test_another_host(self):
        self.machine.start()
        # in the place of ssh: the bridge on this machine, which sshd would run on the other one
        bin_dir = self.machine.dir + "/bin"
        os.mkdir(bin_dir)
        with open(bin_dir + "/ssh", "w") as f:
            f.write('#!/bin/sh\necho "$*" >>"$0.log"\nexec systemd-stdio-bridge --bus-path="$DBUS_SYSTEM_BUS_ADDRESS"\n')
        os.chmod(bin_dir + "/ssh", 0o755)
        env = dict(self.bus.environment(), PATH=bin_dir + ":" + os.environ["PATH"])
        r = subprocess.run([TKCTL, "-H", "admin@server", "list"], env=env, capture_output=True, text=True,
                           timeout=harness.TIMEOUT, check=False)
        self.assertEqual(r.returncode, EXIT["ok"], r)
        self.assertIn(VERSION, r.stdout)
        with open(bin_dir + "/ssh.log") as f:
            self.assertIn("admin@server", f.read())

        r = subprocess.run([TKCTL, "--host=server", "show", "7"], env=env, capture_output=True, text=True,
                           timeout=harness.TIMEOUT, check=False)
        self.assertEqual(r.returncode, EXIT["refused"], r)
        self.assertIn("tkctl: server: ", r.stderr)

    def test_machine_that_is_not_there(self):
        r = subprocess.run([TKCTL, "-M", "nosuch", "list"], capture_output=True, text=True, timeout=harness.TIMEOUT,
                           check=False)
        self.assertEqual(r.returncode, EXIT["unreachable"], r)
        self.assertIn("nosuch", r.stderr)


if __name__ == "__main__":
    harness.main()
