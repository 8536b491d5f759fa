# SPDX-License-Identifier: GPL-2.0-only
"""Bad input: each kind has its own error, Upgrade and Check agree, and nothing is touched."""
import json
import os
import subprocess

import dbus

import harness
from harness import MANAGER, VERSION


class BadInput(harness.TestCase):
    def refused(self, error, text, version=VERSION):
        """Upgrade and Check say the same, with the text in it."""
        m = self.machine
        message = self.assert_error(error, m.upgrade, version, text=text)
        found = [f for f in m.check(version) if f[0] == error]
        self.assertTrue(found, m.check(version))
        self.assertTrue(all(f[1] == "error" for f in found))
        self.assertIn(text, " ".join(f[2] for f in found))
        self.assertEqual(m.log(), [])
        self.assertEqual(len(m.manager("ListJobs")), 0)
        self.assertNotIn(m.root, message)
        return message

    def test_unknown_version(self):
        self.machine.start()
        self.refused("NoSuchVersion", "installed: " + VERSION, "7.9.9")

    def test_odd_versions(self):
        self.machine.start()
        for version in ("", "../7.2", "7.2/../../etc/passwd", "*", "a b", "x" * 65, "-h", ".hidden"):
            with self.subTest(version=version):
                self.refused("NoSuchVersion", "There is no kernel", version)

    def test_missing_initramfs(self):
        m = self.machine.start()
        os.unlink(f"{m.root}/boot/twin-{VERSION}.img")
        self.refused("NoInitramfs", f"/boot/twin-{VERSION}.img")

    def test_bad_initramfs(self):
        m = self.machine.start()
        m.write(f"/boot/twin-{VERSION}.img", "this is no archive")
        self.refused("BadImage", f"/boot/twin-{VERSION}.img")

    def test_corrupt_images(self):
        m = self.machine.start()
        path = f"{m.root}/boot/vmlinuz-{VERSION}"
        for text, kwargs in (("not a 64-bit Linux", {"linux": False}), ("shorter", {"truncated": True}),
                             ("damaged", {"payload": b"????"}), ('is kernel "6.1"', {"release": "6.1"})):
            with self.subTest(text=text):
                harness.make_image(path, **kwargs)
                self.refused("BadImage", text)
        m.write(f"/boot/vmlinuz-{VERSION}", "")
        self.refused("BadImage", f"/boot/vmlinuz-{VERSION}")

    def test_no_twin_support_in_the_new_kernel(self):
        m = self.machine.start()
        harness.make_image(f"{m.root}/boot/vmlinuz-{VERSION}", twin=False)
        self.refused("NoTwinSupport", "CONFIG_TWIN")

    def test_paging_depth(self):
        m = self.machine.start()
        harness.make_image(f"{m.root}/boot/vmlinuz-{VERSION}", five_level=False)
        self.assertEqual([f for f in m.check() if f[1] == "error"], [])
        m.poke(4, 1 << 3)
        self.refused("NoTwinSupport", "5-level paging")

    def test_no_twin_support_in_the_running_kernel(self):
        m = self.machine
        os.unlink(m.fake + "/twin")
        with open(m.fake + "/twin-gone", "wb") as f:
            f.write(bytes(8192))
        m.twin_pid = lambda: 0
        m.start()
        self.refused("NotSupported", "/dev/twin")
        self.assertEqual(m.get(MANAGER, "TwinState"), "unsupported")
        self.assert_error("NotSupported", m.manager, "TwinLog", "t", dbus.UInt64(0))

    def test_too_little_memory(self):
        m = self.machine.start()
        m.configure(TwinMemory="100T")
        self.refused("NotEnoughMemory", "MiB are available")
        m.configure(TwinMemory="32M")
        self.refused("NotEnoughMemory", "need")
        m.configure(TwinMemory="128M", CheckpointMemory="0")
        self.refused("NotEnoughMemory", "CheckpointMemory=")

    def test_too_few_cpus(self):
        m = self.machine.start()
        m.write("/sys/devices/system/cpu/online", "0\n")
        self.refused("NotEnoughCPUs", "only 1 is online")
        m.write("/sys/devices/system/cpu/online", "0-3\n")
        for cpus, text in (("0-1", "CPU 0"), ("2,9", "not all of them are online")):
            m.configure(TwinCPUs=cpus, TwinMemory="128M", CheckpointMemory="64M")
            self.refused("NotEnoughCPUs", text)
        m.write("/sys/devices/system/cpu/online", "1-3\n")
        m.configure(TwinCPUs="1-3", TwinMemory="128M", CheckpointMemory="64M")
        self.refused("NotEnoughCPUs", "none would be left")

    def test_leftover_twin(self):
        m = self.machine
        m.poke(8, harness.TWIN_STATES.index("reserved"))
        m.start()
        self.refused("TwinExists", "reserved")
        self.assertEqual(m.result(m.release()), "done")
        self.assert_untouched()

    def test_bad_config(self):
        m = self.machine.start()
        for text, key in (("[Daemon]\nTwinRam=1G\n", "test.conf:2: unknown key TwinRam="),
                          ("[Demon]\n", "test.conf:1: unknown section [Demon]"),
                          ("[Daemon]\n\nTwinMemory=lots\n", "test.conf:3: TwinMemory=lots is not a size"),
                          ("TwinMemory=1G\n", "test.conf:1: a key before the section"),
                          ("[Daemon]\nTwinCPUs=3-1\n", "TwinCPUs=3-1 is not a list"),
                          ("[Daemon]\nBootTimeoutSec=soon\n", "BootTimeoutSec=soon is not a time"),
                          ("[Daemon]\nKernel=/boot/vmlinuz\n", "Kernel=/boot/vmlinuz is not an absolute path"),
                          ("[Daemon]\nnonsense\n", "test.conf:2: neither")):
            with self.subTest(text=text):
                m.write("/etc/tkd/tkd.conf.d/test.conf", text)
                self.refused("BadConfig", key)
        self.assert_error("BadConfig", m.manager, "ListKernels")

    def test_bad_policy(self):
        m = self.machine.start()
        rule = '{ "match": "a.service", "action": "migrate" }'
        for text, what in (('{ "version": 1,\n  "units": [ {\n  "match": "*", "action": "freeze" } ] }',
                            'policy.json:3: units[0].action: "freeze" is not one of'),
                           ('{ "version": 1,\n  "unit": [] }', "policy.json:2: unit: unknown key"),
                           ('{ "version": 2, "units": [] }', "policy.json:1: version: only version 1"),
                           ('{ "version": 1, "units": [ ' + rule + ',\n\n{ "match": "*" } ] }',
                            "policy.json:3: units[1].action: missing"),
                           ('{ "version": 1, "units": [ { "action": "stop" } ] }', "units[0].match: missing"),
                           ('{ "version": 1, "units": [ { "match": "*", "action": "stop", "tpc": 1 } ] }',
                            "units[0].tpc: unknown key"),
                           ('{ "version": 1, "units": [ { "match": "*", "action": "stop", "carry": ["/x"] } ] }',
                            "units[0].carry: only for"),
                           ('{ "version": 1, "units": [ { "match": "*", "action": "migrate", "carry": ["x"] } ] }',
                            'units[0].carry: "x" is not an absolute path'),
                           ('{ "version": 1, "units": [ { "match": "*", "action": "migrate", "tcp": "lose" } ] }',
                            'units[0].tcp: "lose"'),
                           ('{ "version": 1,\n  "units": [ }', "policy.json:2: "),
                           ("[]", "policy.json:1: not a JSON object"), ("", "policy.json:1: ")):
            with self.subTest(text=text):
                m.write("/etc/tkd/policy.json", text)
                self.refused("BadPolicy", what)

    def test_dropin_is_named(self):
        m = self.machine.start()
        m.write("/etc/tkd/policy.d/50-x.json", '{ "version": 1, "units": [ 7 ] }')
        self.refused("BadPolicy", "/etc/tkd/policy.d/50-x.json:1: units[0]")

    def test_bad_options(self):
        m = self.machine.start()
        self.assert_error("UnknownOption", lambda: m.upgrade(colour="red"), text="colour")
        self.assert_error("UnknownOption", lambda: m.check(**{"dry-run": True}), text="dry-run")
        self.assert_error("BadOption", lambda: m.upgrade(mode="kexec"), text="kexec")
        self.assert_error("BadOption", lambda: m.upgrade(mode=True), text="type s")
        self.assert_error("BadOption", lambda: m.upgrade(**{"dry-run": "yes"}), text="type b")

    def test_nothing_migrates(self):
        m = self.machine.start()
        os.unlink(m.root + "/etc/tkd/policy.json")       # the vendor's says stop for all
        self.assertIn(("NothingMigrates", "warning"), [f[:2] for f in m.check()])

    def test_systemd_does_not_answer(self):
        m = self.machine.start()
        self.systemd.control.AddMethod("", "ListUnitsByPatterns", "asas", "", "raise dbus.exceptions.DBusException('no')")
        self.refused("Failed", "systemd")


class Units(harness.TestCase):
    """What keeps a unit from being migrated."""

    def refused(self, text):
        self.machine.start()
        self.assert_error("BadUnit", self.machine.upgrade, text=text)
        self.assertEqual(self.machine.log(), [])

    def app_is(self, *command):
        m = self.machine
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertTrue(process.stdout.readline())
        m.write("/sys/fs/cgroup/system.slice/app.service/cgroup.procs", f"{process.pid}\n")
        return process.pid

    def test_own_network_namespace(self):
        pid = self.app_is("unshare", "-n", "sh", "-c", "echo; read x")
        self.refused(f"process {pid} has its own net namespace (PrivateNetwork=)")

    def test_own_ipc_namespace(self):
        self.app_is("unshare", "-i", "sh", "-c", "echo; read x")
        self.refused("ipc namespace (PrivateIPC=)")

    def test_userfaultfd(self):
        self.app_is("python3", "-c", "import ctypes\nfd = ctypes.CDLL(None).syscall(323, 1)\nassert fd >= 0\n"
                    "print(flush=True)\ninput()")
        self.refused("uses anon_inode:[userfaultfd]")

    def test_traced(self):
        pid = self.app_is("sh", "-c", "echo; read x")
        tracer = subprocess.Popen(["strace", "-o", "/dev/null", "-p", str(pid)], stderr=subprocess.DEVNULL)
        self.addCleanup(tracer.wait)
        self.addCleanup(tracer.kill)
        harness.wait("strace is there", lambda: "TracerPid:\t0" not in open(f"/proc/{pid}/status").read())
        self.refused(f"traced by process {tracer.pid}")

    def test_no_cgroup(self):
        m = self.machine
        os.unlink(m.root + "/sys/fs/cgroup/system.slice/app.service/cgroup.procs")
        self.refused("cgroup cannot be read")

    def test_more_memory_than_the_checkpoint_has(self):
        m = self.machine
        m.configure(TwinMemory="128M", CheckpointMemory="2M")
        self.app_is("python3", "-c", "x = b'x' * 20000000\nprint(flush=True)\ninput()")
        m.start()
        self.assert_error("NotEnoughMemory", m.upgrade, text="the applications use")

    def test_unit_of_tkd_stays(self):
        m = self.machine
        m.write("/etc/tkd/policy.json", json.dumps({"version": 1, "units": [{"match": "*", "action": "migrate"}]}))
        m.start()
        texts = [f[2] for f in m.check() if f[0] == "Unit"]
        self.assertTrue(any(t.startswith("tkd.service: stop:") for t in texts), texts)


if __name__ == "__main__":
    harness.main()
