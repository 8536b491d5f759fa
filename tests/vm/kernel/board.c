/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The board over a takeover, for tests/vm/test_board.py: the power button, the
 * keyboard, the clock, the serial port, watchdogs, kexec and the ends of the
 * machine. /dev/vda holds a kernel to load. Cases are
 * named board-END, END being how the upgraded machine ends: poweroff, reboot,
 * panic or hang. "press power" and "press a" in the log ask the test
 * for that, and "ending" tells it to look on.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <linux/input.h>
#include <linux/kexec.h>
#include <linux/rtc.h>
#include <linux/twin.h>
#include <linux/vm_sockets.h>
#include <linux/watchdog.h>

#include "init.h"

#define WATCHDOG_S      10
#define PRESS_MS        30000
#define MAX_INPUTS      8
#define CASE            "board-"

static void say(const char *text) {
        dprintf(log_fd, "<5>%s\n", text);
}

static int file_has(const char *path, const char *text) {
        static char buf[65536];
        int fd = open(path, O_RDONLY | O_CLOEXEC), found = 0;
        ssize_t k;
        size_t n = 0;

        while (fd >= 0 && n < sizeof(buf) - 1 && (k = read(fd, buf + n, sizeof(buf) - 1 - n)) > 0)
                n += (size_t) k;
        buf[n] = '\0';
        found = strstr(buf, text) != NULL;
        close(fd);
        return found;
}

static void write_file(const char *path, const char *text) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd < 0 || write(fd, text, strlen(text)) < 0)
                result(path, 0, strerror(errno));
        close(fd);
}

/* Asks the test for a key and waits until any input device reports it. */
static void check_key(const char *name, const char *ask, unsigned short code) {
        struct pollfd p[MAX_INPUTS];
        struct input_event e;
        unsigned n = 0;
        int found = 0;
        glob_t g;

        glob("/dev/input/event*", 0, NULL, &g);
        for (; n < g.gl_pathc && n < MAX_INPUTS; n++)
                p[n] = (struct pollfd) { .fd = open(g.gl_pathv[n], O_RDONLY | O_CLOEXEC), .events = POLLIN };
        globfree(&g);
        say(ask);
        while (!found && poll(p, n, PRESS_MS) > 0)
                for (unsigned i = 0; i < n; i++)
                        if (p[i].revents && read(p[i].fd, &e, sizeof(e)) == sizeof(e))
                                found = found || (e.type == EV_KEY && e.code == code && e.value == 1);
        result(name, found, "no event");
        for (unsigned i = 0; i < n; i++)
                close(p[i].fd);
}

/* Interrupts that a device had so far, on all CPUs; -1 if it has no line. */
static long interrupts(const char *device) {
        FILE *f = fopen("/proc/interrupts", "re");
        char line[1024];
        long sum = -1;

        while (f && fgets(line, sizeof(line), f)) {
                char *p = strchr(line, ':'), *end;

                if (!p || !strstr(line, device) || !strstr(line, "IO-APIC"))
                        continue;
                sum = 0;
                for (p++;; p = end) {
                        long n = strtol(p, &end, 10);

                        if (end == p)
                                break;
                        sum += n;
                }
        }
        if (f)
                fclose(f);
        return sum;
}

static void check_interrupts(void) {
        static const char *const devices[] = { "timer", "i8042", "rtc0", "acpi" };

        for (unsigned i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
                result(devices[i], interrupts(devices[i]) >= 0, "no interrupt");
}

static void check_serial(void) {
        int fd = open("/dev/ttyS0", O_RDWR | O_NOCTTY | O_CLOEXEC);
        long before = interrupts("ttyS0");

        result("ttyS0 is the console", file_has("/proc/consoles", "ttyS0"), "not listed");
        dprintf(fd, "a line of some length, to be sent to the serial port with its interrupt\r\n");
        result_errno("ttyS0 sends", tcdrain(fd), 0);
        result("ttyS0 interrupts", interrupts("ttyS0") > before, "none");
        close(fd);
}

static void check_clock(void) {
        int fd = open("/dev/rtc0", O_RDWR | O_CLOEXEC);
        struct rtc_time t = {};
        struct tm tm;
        time_t now;

        result_errno("RTC read", ioctl(fd, RTC_RD_TIME, &t), 0);
        now = time(NULL);
        tm = (struct tm) { t.tm_sec, t.tm_min, t.tm_hour, t.tm_mday, t.tm_mon, t.tm_year, .tm_isdst = 0 };
        result("wall clock", labs(timegm(&tm) - now) <= 2, "not that of the RTC");
        t.tm_year++;
        result_errno("RTC set", ioctl(fd, RTC_SET_TIME, &t), 0);
        result_errno("RTC read", ioctl(fd, RTC_RD_TIME, &t), 0);
        result("RTC was set", t.tm_year == tm.tm_year + 1, "still the old year");
        close(fd);
        result("HPET", file_has("/sys/devices/system/clocksource/clocksource0/available_clocksource", "hpet"), "no clock source");
        result("/dev/hpet", access("/dev/hpet", F_OK) == 0, "missing");
}

/* From the disk, for a kernel is loaded from files only. */
static int copy_kernel(void) {
        int from = open("/dev/vda", O_RDONLY | O_CLOEXEC);
        int to = open("/tmp/vmlinuz", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        while (sendfile(to, from, NULL, MIB) > 0)
                ;
        close(from);
        close(to);
        return open("/tmp/vmlinuz", O_RDONLY | O_CLOEXEC);
}

static void load_and_unload(const char *name, int fd, unsigned long flags, const char *loaded) {
        result_errno(name, syscall(SYS_kexec_file_load, fd, -1, 1, "", flags | KEXEC_FILE_NO_INITRAMFS), 0);
        result(loaded, file_has(loaded, "1"), "not loaded");
        result_errno(name, syscall(SYS_kexec_file_load, -1, -1, 0, NULL, flags | KEXEC_FILE_UNLOAD), 0);
}

static void check_kexec(void) {
        int fd = copy_kernel();

        load_and_unload("kexec", fd, 0, "/sys/kernel/kexec_loaded");
        load_and_unload("kdump", fd, KEXEC_FILE_ON_CRASH, "/sys/kernel/kexec_crash_loaded");
        close(fd);
}

/* Opens every watchdog, which starts it, and feeds it until the kernel parks. */
static void feed_watchdogs(void) {
        int timeout = WATCHDOG_S;
        glob_t g;

        glob("/dev/watchdog?", 0, NULL, &g);
        result("watchdogs", g.gl_pathc >= 2, "missing");
        for (size_t i = 0; i < g.gl_pathc; i++) {
                int fd = open(g.gl_pathv[i], O_WRONLY | O_CLOEXEC);

                result_errno("watchdog timeout", ioctl(fd, WDIOC_SETTIMEOUT, &timeout), 0);
                if (fork() == 0)
                        for (;; sleep(2))
                                ioctl(fd, WDIOC_KEEPALIVE, 0);
                close(fd);
        }
        globfree(&g);
}

static int is_case(const char *what) {
        return strncmp(what, CASE, strlen(CASE)) == 0;
}

int board_old(const char *what) {
        char append[256];

        if (!is_case(what))
                return 0;

        feed_watchdogs();
        result_errno("reserve", reserve(1536, 512, TWIN_CPUS), 0);
        snprintf(append, sizeof(append), "console=ttyS0,115200 printk.devkmsg=on crashkernel=96M panic=1 role=%.*s",
                 (int) strcspn(what, " "), what);
        start(append);
        check_key("power button beside a twin", "press power", KEY_POWER);
        close(connect_twin());
        result("committed", wait_event(TWIN_EVENT_COMMITTED, ALIVE_MS), "not told");
        ioctl(twin_fd, TWIN_IOC_PARK);
        result("park", 0, strerror(errno));
        return 1;
}

static void wait_for_old_kernel(void) {
        struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = PORT };
        int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

        result_errno("bind", bind(fd, (struct sockaddr *) &a, sizeof(a)), 0);
        result_errno("listen", listen(fd, 1), 0);
        close(accept(fd, NULL, NULL));
        close(fd);
}

static void take_over(void) {
        struct twin_takeover arg = {
                .timeout_ms = 30000,
                .parts = TWIN_TAKE_CPUS | TWIN_TAKE_MEMORY | TWIN_TAKE_DEVICES,
        };

        result_errno("commit", ioctl(twin_fd, TWIN_IOC_COMMIT), 0);
        result_errno("take over", ioctl(twin_fd, TWIN_IOC_TAKEOVER, &arg), 0);
}

/* The test has a second to look on. */
static void end_machine(const char *how) {
        say("ending");
        sleep(1);
        say("end");
        if (strncmp(how, "poweroff", strlen("poweroff")) == 0)
                reboot(RB_POWER_OFF);
        else if (strncmp(how, "reboot", strlen("reboot")) == 0)
                reboot(RB_AUTOBOOT);
        else if (strncmp(how, "hang", strlen("hang")) == 0)
                write_file("/proc/sys/kernel/panic", "0");
        write_file("/proc/sysrq-trigger", "c");
}

int board_twin(const char *role) {
        if (!is_case(role))
                return 0;
        wait_for_old_kernel();
        take_over();
        check_interrupts();
        check_serial();
        check_clock();
        check_kexec();
        check_key("power button", "press power", KEY_POWER);
        check_key("keyboard", "press a", KEY_A);
        /* Longer than the old kernel's last ping lasts. */
        sleep(WATCHDOG_S + 2);
        end_machine(role + strlen(CASE));
        return 1;
}
