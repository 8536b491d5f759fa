/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Config: defaults, where files come from and in which order they apply, and
 * what is refused.
 */
#include "config.h"
#include "scratch.h"

static void load(Config *c) {
        _cleanup_free_ char *error = NULL;

        if (config_load(c, &error) < 0)
                TEST_FAIL("%s", error);
}

static void test_defaults(void) {
        Config c;

        load(&c);
        ASSERT_STREQ(c.kernel, "/boot/vmlinuz-%v");
        ASSERT_STREQ(c.initramfs, "/boot/twin-%v.img");
        ASSERT_STREQ(c.command_line, "");
        ASSERT_EQ(c.memory, UINT64_C(1) << 30);
        ASSERT_EQ(c.checkpoint_memory, UINT64_C(512) << 20);
        ASSERT_TRUE(!c.has_cpus);
        for (Step s = 0; s < _STEP_MAX; s++)
                ASSERT_EQ(c.step_usec[s], step_info(s)->limit_sec * USEC_PER_SEC);
        config_done(&c);
}

static void test_values(void) {
        Config c;

        scratch_write("/etc/tkd/tkd.conf",
                      "# comment\n; another\n\n[Daemon]\n"
                      "Kernel = /efi/%v/linux\nTwinCommandLine=console=ttyS1 a=b\n\tTwinCPUs=1,3-4 \n"
                      "TwinMemory=3G\nCheckpointMemory=65536K\nBootTimeoutSec=1500ms\nOfflineTimeoutSec=2min\n"
                      "GraceSec=7");
        load(&c);
        ASSERT_STREQ(c.kernel, "/efi/%v/linux");
        ASSERT_STREQ(c.command_line, "console=ttyS1 a=b");
        ASSERT_TRUE(c.has_cpus && cpu_set_has(&c.cpus, 1) && !cpu_set_has(&c.cpus, 2) && cpu_set_has(&c.cpus, 4));
        ASSERT_EQ(c.memory, UINT64_C(3) << 30);
        ASSERT_EQ(c.checkpoint_memory, UINT64_C(64) << 20);
        ASSERT_EQ(c.step_usec[STEP_BOOT], 1500 * USEC_PER_MSEC);
        ASSERT_EQ(c.step_usec[STEP_OFFLINE], 120 * USEC_PER_SEC);
        ASSERT_EQ(c.grace_usec, 7 * USEC_PER_SEC);
        config_done(&c);
}

static uint64_t memory_mib(void) {
        uint64_t n;
        Config c;

        load(&c);
        n = c.memory >> 20;
        config_done(&c);
        return n;
}

static void test_order_of_files(void) {
        scratch_write("/usr/lib/tkd/tkd.conf", "[Daemon]\nTwinMemory=10M\nGraceSec=3\n");
        scratch_write("/etc/tkd/tkd.conf", "[Daemon]\nTwinMemory=20M\n");
        ASSERT_EQ(memory_mib(), 20);                    /* in the place of the vendor's */
        scratch_write("/usr/lib/tkd/tkd.conf.d/50.conf", "[Daemon]\nTwinMemory=30M\n");
        ASSERT_EQ(memory_mib(), 30);                    /* a drop-in wins over a main file */
        scratch_write("/run/tkd/tkd.conf.d/40.conf", "[Daemon]\nTwinMemory=40M\n");
        ASSERT_EQ(memory_mib(), 30);                    /* by name, not by directory */
        scratch_write("/run/tkd/tkd.conf.d/60.conf", "[Daemon]\nTwinMemory=60M\n");
        ASSERT_EQ(memory_mib(), 60);
        scratch_write("/etc/tkd/tkd.conf.d/60.conf", "[Daemon]\nTwinMemory=70M\n");
        ASSERT_EQ(memory_mib(), 70);                    /* same name: /etc replaces /run */
        unlink(scratch_path("/etc/tkd/tkd.conf.d/60.conf"));
        ASSERT_EQ(symlink("/dev/null", scratch_path("/etc/tkd/tkd.conf.d/60.conf")), 0);
        ASSERT_EQ(memory_mib(), 30);                    /* and hides it */
        scratch_write("/etc/tkd/tkd.conf.d/90.conf.disabled", "nonsense");
        ASSERT_EQ(memory_mib(), 30);
}

static void refused(const char *text, const char *message) {
        _cleanup_free_ char *error = NULL;
        Config c;

        scratch_write("/etc/tkd/tkd.conf.d/99.conf", text);
        ASSERT_EQ(config_load(&c, &error), -EBADMSG);
        config_done(&c);
        if (!strstr(error, message))
                TEST_FAIL("\"%s\" is not in \"%s\"", message, error);
        if (!startswith(error, "/etc/tkd/tkd.conf.d/99.conf:"))
                TEST_FAIL("no file in \"%s\"", error);
}

static void test_refused(void) {
        refused("[Daemon]\nTwinMemory=\n", ":2: TwinMemory= is not a size");
        refused("[Daemon]\nTwinMemory=1X\n", "is not a size");
        refused("[Daemon]\nTwinMemory=-1\n", "is not a size");
        refused("[Daemon]\nTwinMemory=99999999999999999999\n", "is not a size");
        refused("[Daemon]\nTwinMemory=99999999999T\n", "is not a size");
        refused("[Daemon]\ntwinmemory=1G\n", "unknown key twinmemory=");
        refused("[Daemon]\nbootTimeoutSec=1\n", "unknown key bootTimeoutSec=");
        refused("[Daemon]\nParkTimeoutSec=1\n", "unknown key ParkTimeoutSec=");
        refused("[Daemon]\nTwinInitramfs=twin-%v\n", "is not an absolute path");
        refused("[Daemon]\nTwinInitramfs=/boot/%v%v\n", "is not an absolute path");
        refused("[Daemon]\nTwinInitramfs=/boot/%s\n", "is not an absolute path");
        refused("[Daemon]\nTwinCPUs=1-\n", "is not a list");
        refused("[Daemon]\nTwinCPUs=300\n", "is not a list");
        refused("[Other]\n", ":1: unknown section [Other]");
        refused("[Daemon]\n=1\n", "unknown key =");
}

static void test_expand(void) {
        _cleanup_free_ char *p = config_expand("/boot/twin-%v.img", "7.2");

        ASSERT_STREQ(p, "/boot/twin-7.2.img");
}

int main(void) {
        scratch_make();
        test_defaults();
        test_values();
        test_order_of_files();
        test_refused();
        test_expand();
        scratch_remove();
        return EXIT_SUCCESS;
}
