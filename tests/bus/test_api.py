# SPDX-License-Identifier: GPL-2.0-only
"""The interface: vtables, XML, bus policy, polkit actions and header agree; every member answers."""
import os
import re
import subprocess
import unittest
import xml.etree.ElementTree as ET

import harness
from harness import JOB, MANAGER, VERSION, wait

LOG = "org.freedesktop.LogControl1"
LOG_PATH = "/org/freedesktop/LogControl1"


def members(root):
    """Everything of the interfaces of tkd in an introspection, in a form that can be compared."""
    found = {}
    for interface in root.iter("interface"):
        if not interface.get("name").startswith(harness.NAME):
            continue
        rows = set()
        for e in interface:
            if e.tag in ("method", "signal"):
                args = tuple((a.get("type"), a.get("name"), a.get("direction") if e.tag == "method" else None)
                             for a in e.iter("arg"))
                rows.add((e.tag, e.get("name"), args))
            elif e.tag == "property":
                emits = "true"
                for a in e.iter("annotation"):
                    if a.get("name").endswith("EmitsChangedSignal"):
                        emits = a.get("value")
                rows.add(("property", e.get("name"), e.get("type"), e.get("access"), emits))
        found[interface.get("name")] = rows
    return found


def source(path):
    with open(os.path.join(harness.SOURCE, path)) as f:
        return f.read()


def documented(interface):
    return members(ET.fromstring(source(f"daemon/{interface}.xml").split("?>", 1)[1]))


class Agreement(harness.TestCase):
    def introspect(self, path):
        xml = self.machine.call("org.freedesktop.DBus.Introspectable", "Introspect", path=path)
        return members(ET.fromstring(str(xml)))

    def test_xml_is_the_vtable(self):
        m = self.machine.start()
        m.fault("twin.load:errno 5")
        path = m.upgrade()
        m.result(path)
        self.assertEqual(self.introspect(harness.PATH), documented(MANAGER))
        self.assertEqual(self.introspect(path), documented(JOB))

    def test_everything_in_the_xml_has_a_text(self):
        for interface in (MANAGER, JOB):
            text = source(f"daemon/{interface}.xml")
            for name in re.findall(r'<(?:method|signal|property) name="(\w+)"', text):
                self.assertRegex(text, rf"<!--\s*{name}:", name)

    def test_policy_allows_each_method_and_no_other(self):
        text = source("policy/org.twinkernel.tkd1.conf")
        allowed = set(re.findall(r'send_interface="(org\.twinkernel[^"]*)" send_member="(\w+)"', text))
        methods = {(i, row[1]) for i in (MANAGER, JOB) for row in documented(i)[i] if row[0] == "method"}
        self.assertEqual(allowed, methods)

    def test_polkit_actions_are_those_of_the_header(self):
        in_header = set(re.findall(r'#define TKD_ACTION_\w+\s+"([^"]+)"', source("daemon/protocol.h")))
        in_policy = set(re.findall(r'<action id="([^"]+)"', source("policy/org.twinkernel.tkd1.policy")))
        self.assertEqual(in_header, in_policy)
        for action in in_header:
            self.assertTrue(any(action in source(f"daemon/{i}.xml") for i in (MANAGER, JOB)), action)

    def test_errors_are_documented(self):
        header = set(re.findall(r'TKD_ERROR\("(\w+)"\)', source("daemon/protocol.h")))
        listed = set(re.findall(r"^    ([A-Z]\w+)  ", source(f"daemon/{MANAGER}.xml"), re.M))
        self.assertEqual(header, listed)

    def test_errors_of_findings_are_in_the_header(self):
        header = set(re.findall(r'TKD_ERROR\("(\w+)"\)', source("daemon/protocol.h")))
        errors = set(re.findall(r'"(\w+)",\s+TKD_SEVERITY_ERROR', source("daemon/finding.c")))
        self.assertEqual(errors - header, set())

    def test_finding_ids_are_documented(self):
        ids = set(re.findall(r'\{ "(\w+)",\s+TKD_SEVERITY', source("daemon/finding.c")))
        for i in ids:
            self.assertIn(i, source(f"daemon/{MANAGER}.xml"))


    def test_configuration_is_documented(self):
        keys = set(re.findall(r'^        \{ "(\w+)", +parse_', source("daemon/config.c"), re.M))
        keys |= {s.capitalize() + "TimeoutSec" for s in harness.STEPS}
        self.assertEqual(set(re.findall(r"^#(\w+)=", source("policy/tkd.conf"), re.M)), keys)
        man = source("client/man/tkd.conf.5").split('.SH "FILE', 1)[-1].split(".SH EXAMPLES")[0]
        self.assertEqual(set(re.findall(r"\b([A-Z][a-z]\w+)=", man)), keys)

    def test_defaults_in_the_vendor_file_are_the_defaults(self):
        """Each line of the vendor's file, made active, changes nothing in what Check says."""
        m = self.machine.start()
        os.unlink(m.root + "/etc/tkd/tkd.conf.d/test.conf")
        before = m.check()
        text = re.sub(r"^#(\w+=.+)$", r"\1", source("policy/tkd.conf"), flags=re.M)
        m.write("/usr/lib/tkd/tkd.conf", text)
        self.assertIn("\nTwinMemory=1G\n", text)
        self.assertEqual(m.check(), before)

    def test_options_of_the_program_are_documented(self):
        text = subprocess.run([harness.TKD_FAKE, "--help"], capture_output=True, text=True, check=True).stdout
        options = set(re.findall(r"--[a-z-]+", text))
        self.assertEqual(set(re.findall(r"--[a-z-]+", source("client/man/tkd.8").replace("\\-", "-"))), options)


    def test_catalog_has_every_message(self):
        header = source("daemon/message-id.h")
        ids = set(re.findall(r'"([0-9a-f]{32})"', header))
        self.assertEqual(set(re.findall(r"^-- ([0-9a-f]{32})$", source("units/tkd.catalog"), re.M)), ids)
        code = "".join(source("daemon/" + f) for f in os.listdir(harness.SOURCE + "/daemon") if f.endswith(".c"))
        for name in re.findall(r"#define (MESSAGE_\w+)", header):
            self.assertIn(name, code)

    def test_service_has_no_seccomp_filter(self):
        """CRIU could not dump a process that has one; each of these makes systemd install one."""
        for unit in ("tkd.service.in", "tkd-twin.service.in"):
            keys = set(re.findall(r"^(\w+)=", source("units/" + unit), re.M))
            self.assertEqual(keys & {
                "SystemCallFilter", "SystemCallArchitectures", "SystemCallLog", "RestrictAddressFamilies",
                "RestrictRealtime", "RestrictSUIDSGID", "RestrictNamespaces", "LockPersonality",
                "MemoryDenyWriteExecute", "PrivateDevices", "ProtectClock", "ProtectHostname",
                "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables"}, set(), unit)


class Members(harness.TestCase):
    def test_properties_of_an_idle_manager(self):
        m = self.machine.start()
        self.assertEqual(m.get(MANAGER, "Kernel"), os.uname().release)
        self.assertEqual(m.get(MANAGER, "State"), "idle")
        self.assertEqual(m.get(MANAGER, "TwinKernel"), "")
        self.assertRegex(m.get(MANAGER, "Version"), r"^\d+\.\d+$")
        self.assert_untouched()

    def test_properties_follow_the_twin(self):
        m = self.machine.start()
        m.fault("criu.dump app.service:sleep 500")
        path = m.upgrade()
        m.wait_log("criu.dump app.service")
        self.assertEqual(m.get(MANAGER, "TwinState"), "alive")
        self.assertEqual(m.get(MANAGER, "TwinCPUs"), "2-3")
        self.assertEqual(m.get(MANAGER, "TwinMemory"), 256 << 20)
        self.assertEqual(m.get(MANAGER, "TwinKernel"), os.uname().release)
        self.assertEqual(m.get(MANAGER, "State"), "checkpointing")
        changed = [dict(s[3][1]) for s in m.signals if s[2] == "PropertiesChanged" and s[3][0] == MANAGER]
        self.assertIn("alive", [c.get("TwinState") for c in changed])
        self.assertIn("checkpointing", [c.get("State") for c in changed])
        m.call(JOB, "Cancel", path=path)
        m.result(path)
        self.assert_untouched()

    def test_managed_objects_are_the_jobs(self):
        m = self.machine.start()
        m.fault("twin.load:errno 5")
        path = m.upgrade()
        m.result(path)
        objects = m.call("org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        self.assertIn(path, objects)
        self.assertEqual(objects[path][JOB]["Id"], 1)
        self.assertIn("InterfacesAdded", [s[2] for s in m.signals])

    def test_list_kernels(self):
        m = self.machine
        harness.make_image(m.root + "/boot/vmlinuz-6.12.117-tk", "6.12.117-tk")
        harness.make_image(m.root + "/boot/vmlinuz-6.1.0-9", "6.1.0-9", twin=False)
        harness.make_image(f"{m.root}/boot/vmlinuz-{os.uname().release}", os.uname().release)
        m.start()
        rows = {str(r[0]): (str(r[1]), bool(r[2]), bool(r[3])) for r in m.manager("ListKernels")}
        self.assertEqual(rows["6.12.117-tk"], ("/boot/vmlinuz-6.12.117-tk", True, False))
        self.assertEqual(rows["6.1.0-9"][1:], (False, False))
        self.assertTrue(rows[os.uname().release][2])
        versions = [str(r[0]) for r in m.manager("ListKernels")]
        self.assertLess(versions.index(VERSION), versions.index("6.12.117-tk"))
        self.assertLess(versions.index("6.12.117-tk"), versions.index("6.1.0-9"))

    def test_check_of_what_works(self):
        m = self.machine.start()
        findings = m.check()
        self.assertEqual([f for f in findings if f[1] != "info"], [])
        texts = [f[2] for f in findings if f[0] == "Unit"]
        self.assertTrue(any(t.startswith("app.service: migrate:") for t in texts), texts)
        self.assertTrue(any(t.startswith("other.service: stop:") for t in texts), texts)
        self.assertFalse(any("oneshot" in t for t in texts), texts)
        plan = [f[2] for f in findings if f[0] == "Plan"]
        self.assertIn("CPUs 2-3", plan[0])
        self.assertEqual(m.log(), [])

    def test_twin_log(self):
        m = self.machine.start()
        self.assertEqual((0, b""), (int(m.manager("TwinLog", "t", 0)[0]), bytes(m.manager("TwinLog", "t", 0)[1])))
        m.fault("criu.dump app.service:sleep 500")
        path = m.upgrade()
        m.wait_log("criu.dump app.service")
        following, data = m.manager("TwinLog", "t", 0)
        self.assertEqual(bytes(data), b"fake twin: booting\nfake twin: up\n")
        following, data = m.manager("TwinLog", "t", int(following) - 3)
        self.assertEqual(bytes(data), b"up\n")
        following, data = m.manager("TwinLog", "t", 1000000)     # of a twin before this one
        self.assertTrue(bytes(data).startswith(b"fake twin: booting"))
        m.call(JOB, "Cancel", path=path)
        m.result(path)

    def test_log_control(self):
        m = self.machine.start()
        get = lambda name: str(m.get(LOG, name, LOG_PATH))
        set_ = lambda name, value: m.call(harness.PROPERTIES, "Set", "ssv", LOG, name, value, path=LOG_PATH)
        self.assertEqual(get("LogLevel"), "debug")
        set_("LogLevel", "warning")
        self.assertEqual(get("LogLevel"), "warning")
        self.assert_error("org.freedesktop.DBus.Error.InvalidArgs", set_, "LogLevel", "loud")
        self.assertEqual(get("LogTarget"), "console")
        set_("LogTarget", "null")
        self.assertEqual(get("LogTarget"), "null")
        self.assertEqual(get("SyslogIdentifier"), "tkd-fake")

    def test_status_for_systemd(self):
        m = self.machine.start()
        m.fault("twin.load:sleep 200")
        m.upgrade()
        wait("a status line", lambda: any(n.startswith("STATUS=Job 1, upgrade to " + VERSION)
                                          for n in m.notifications))


@unittest.skipIf(os.path.exists("/dev/twin"), "this kernel has twin support")
class Installed(harness.TestCase):
    """The daemon that is installed, on a kernel without twin support."""

    BINARY = os.environ["TKD"]

    def test_it_runs_and_says_what_is_missing(self):
        m = self.machine
        m.start(binary=self.BINARY)
        self.assertEqual(m.get(MANAGER, "TwinState"), "unsupported")
        self.assertEqual([str(k[0]) for k in m.manager("ListKernels")], [VERSION])
        self.assert_error("NotSupported", m.upgrade, text=os.uname().release)
        self.assertEqual([f[0] for f in m.check() if f[1] == "error"], ["NotSupported"])
        self.assertEqual(m.stop(), 0)


if __name__ == "__main__":
    harness.main()
