/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Command line of a twin: what of the machine's it has, and where that is from.
 */
#include "command-line.h"
#include "scratch.h"

static void compose(const char *machine, const char *added, const char *id, const char *expected) {
        _cleanup_free_ char *text = NULL;

        ASSERT_OK(command_line_compose(machine, added, id, &text));
        ASSERT_STREQ(text, expected);
}

static void test_compose(void) {
        compose("", "", NULL, "");
        compose("console=ttyS0,115200 root=/dev/vda rw", "", NULL, "console=ttyS0,115200 root=/dev/vda rw");
        compose("", "a=b", "0123456789abcdef0123456789abcdef\n",
                "a=b systemd.machine_id=0123456789abcdef0123456789abcdef");
        compose("  quiet\tro \n", " console=ttyS1  ", "", "quiet ro console=ttyS1");
        compose("BOOT_IMAGE=/vmlinuz root=/dev/vda initrd=\\initrd mem=4G memmap=1G!4G twin=1G ro", "", NULL,
                "root=/dev/vda ro");
        compose("earlyprintk=ttyS0 earlycon console=uart8250,io,0x3f8 console=tty0", "earlycon=uart8250,io,0x2f8", NULL,
                "console=tty0 earlycon=uart8250,io,0x2f8");
        compose("rdinit=/bin/sh init=/sbin/init", "rdinit=/nonexistent", NULL, "init=/sbin/init rdinit=/nonexistent");
}

static void of_machine(const char *expected) {
        _cleanup_free_ char *text = NULL;

        ASSERT_OK(command_line_of_machine(&text));
        ASSERT_STREQ(text, expected);
}

/* An upgraded kernel has more on its own than the machine was booted with. */
static void test_of_machine(void) {
        _cleanup_free_ char *text = NULL;

        ASSERT_EQ(command_line_of_machine(&text), -ENOENT);
        scratch_write("/proc/cmdline", "root=/dev/vda console=ttyS1\n");
        of_machine("root=/dev/vda console=ttyS1");
        scratch_write("/run/tkd/command-line", "root=/dev/vda");
        of_machine("root=/dev/vda");
}

int main(void) {
        scratch_make();
        test_compose();
        test_of_machine();
        scratch_remove();
        return EXIT_SUCCESS;
}
