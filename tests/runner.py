# SPDX-License-Identifier: GPL-2.0-only
"""The tiers behind tests/run: each answers how many tests passed, failed and
were skipped."""

import argparse
import json
import os
import subprocess
import sys
import time
import unittest
from collections import Counter
from hashlib import sha256
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("TKD_CACHE") or "/var/cache/tkd")
MESON_TIERS = ("unit", "bus")
TIERS = (*MESON_TIERS, "vm")
# Cost too much to run every time; only on demand.
LONG_TIERS = ("debug", "soak")
DEBUG_SERIES = "7.2"
SOAK_UPGRADES = 100
SOAK_ROUNDS = 20
# Build directories of the meson tiers and what sets them apart.
BUILDS = {
    "plain": ("--werror",),
    "sanitize": ("--werror", "-Db_sanitize=address,undefined", "-Db_lundef=false"),
}
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}
MESON_RESULTS = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}


def say(text):
    print(text, flush=True)


def in_buildroot(*command):
    return subprocess.run([str(TOP / "rootfs-builder/in-buildroot"), *command], cwd=TOP,
                          env=dict(os.environ, **SANITIZER_OPTIONS)).returncode


def meson_directory(name):
    """Build directory of this source tree in this buildroot."""
    root = subprocess.run([str(TOP / "rootfs-builder/buildroot")], stdout=subprocess.PIPE, text=True, check=True).stdout
    key = sha256(f"{TOP} {root} {BUILDS[name]}".encode()).hexdigest()[:16]
    return CACHE / "build" / f"{name}-{key}"


def run_meson(name, suites):
    """One build of the daemon and the suites of it."""
    directory = meson_directory(name)
    directory.parent.mkdir(parents=True, exist_ok=True)
    say(f"== {' and '.join(suites)}, {name} build")
    if not (directory / "build.ninja").exists() and in_buildroot("meson", "setup", *BUILDS[name], str(directory), str(TOP)):
        return Counter(failed=1)
    if in_buildroot("ninja", "-C", str(directory)):
        return Counter(failed=1)

    log = directory / "meson-logs/testlog.json"
    log.unlink(missing_ok=True)
    arguments = [a for s in suites for a in ("--suite", s)]
    in_buildroot("meson", "test", "-C", str(directory), "--no-rebuild", "--print-errorlogs", *arguments)
    if not log.exists():
        return Counter(failed=1)
    return Counter(MESON_RESULTS.get(json.loads(line)["result"], "failed") for line in log.read_text().splitlines())


def run_checkpatch():
    """The kernel's own style check over kernel-patches, one test."""
    say("== checkpatch")
    failed = subprocess.run([str(TOP / "kernel-patches/checkpatch")]).returncode != 0
    return Counter(failed=int(failed), passed=int(not failed))


class Result(unittest.TextTestResult):
    """Says what each test cost."""

    def startTest(self, test):
        self._begin = time.monotonic()
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        say(f"    {time.monotonic() - self._begin:.0f} s")


def run_vm(word):
    """The machine's tests, in one process, one machine at a time."""
    say("== vm")
    sys.path.insert(0, str(TOP / "tests/vm"))
    loader = unittest.TestLoader()
    if word:
        loader.testNamePatterns = [f"*{word}*"]
    suite = loader.discover(str(TOP / "tests/vm"))
    r = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result).run(suite)
    failed = len(r.failures) + len(r.errors) + len(r.unexpectedSuccesses)
    return Counter(failed=failed, skipped=len(r.skipped), passed=r.testsRun - failed - len(r.skipped))


def run_debug():
    """The kernel's tests in a process of its own, with kernels that check themselves; one test."""
    say("== debug")
    env = dict(os.environ, TKD_TEST_SERIES=os.environ.get("TKD_TEST_SERIES") or DEBUG_SERIES, TKD_TEST_VARIANT="debug")
    failed = subprocess.run([sys.executable, __file__, "vm", "-k", "Kernel"], env=env).returncode != 0
    return Counter(failed=int(failed), passed=int(not failed))


def run_soak(upgrades):
    """Upgrades in a row, many of them; then twins booted and released."""
    os.environ["TKD_TEST_UPGRADES"] = str(upgrades)
    os.environ["TKD_TEST_ROUNDS"] = str(SOAK_ROUNDS)
    return run_vm("test_upgrades_in_a_row") + run_vm("test_rounds_of_boot_and_release")


def main():
    p = argparse.ArgumentParser(prog="run", description="Build and run the tests.")
    p.add_argument("tiers", nargs="*", metavar="TIER", help=f"{', '.join(TIERS)}, all by default; {', '.join(LONG_TIERS)}")
    p.add_argument("--upgrades", type=int, default=SOAK_UPGRADES, help="of the soak tier, how many in a row")
    p.add_argument("-k", dest="word", help="of the vm tier, only tests with this in their name")
    a = p.parse_args()
    unknown = set(a.tiers) - {*TIERS, *LONG_TIERS}
    if unknown:
        p.error(f"no tier {', '.join(sorted(unknown))}; there are {', '.join(TIERS + LONG_TIERS)}")

    tiers = a.tiers or TIERS
    suites = [t for t in MESON_TIERS if t in tiers]
    total = Counter()
    for name in BUILDS if suites else ():
        total += run_meson(name, suites)
    if "unit" in tiers:
        total += run_checkpatch()
    if "vm" in tiers:
        total += run_vm(a.word)
    if "debug" in tiers:
        total += run_debug()
    if "soak" in tiers:
        total += run_soak(a.upgrades)
    say(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    sys.exit(1 if total["failed"] else 0)


main()
