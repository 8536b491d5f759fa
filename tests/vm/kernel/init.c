/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only process of both kernels in tests/vm/test_kernel.py: drives
 * /dev/twin without tkd and prints a line for each thing it finds, "ok NAME" or
 * "not ok NAME: why", to the kernel's log, so that no kernel message comes in
 * between. What it does stands on the kernel's command line:
 *
 *   do=selftests  the programs of the kernel's own tests, in either kernel
 *   do=rounds     twins that are used and killed, then all given back
 *   do=twins      twins that misbehave; way=WAY in this way only, or else in
 *                 every way but hang, which not every kernel has
 *   do=WAY        misbehave in this way while a twin looks on
 *   do=takeover   a twin that takes the machine
 *   do=pci-...    PCI functions, see pci.c
 *   do=board-...  the board, see board.c
 *   role=...      what a twin does once it is up (set by the old kernel's side)
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/twin.h>
#include <linux/vm_sockets.h>

#include "init.h"

#define KEXEC_FILE_TWIN 0x40000000UL
#define STREAM_BYTES    (1 << 20)
#define TICK_MS         20000
#define MAX_CPUS        64
#define WATCH_ROUNDS    5
#define SYSRQ           "/proc/sysrq-trigger"

int twin_fd, log_fd;
static char command_line[4096];

void result(const char *name, int ok, const char *why) {
        dprintf(log_fd, ok ? "<5>ok %s\n" : "<5>not ok %s: %s\n", name, why);
}

void result_errno(const char *name, long r, int expected) {
        int error = r < 0 ? errno : 0;

        result(name, error == expected, strerrorname_np(error) ?: "success");
}

void finish(void) {
        dprintf(log_fd, "<5>end\n");
        reboot(RB_AUTOBOOT);
        for (;;)
                pause();
}

static const char *option(const char *name) {
        const char *p = strstr(command_line, name);

        return p ? p + strlen(name) : "";
}

static int option_is(const char *name, const char *value) {
        return strncmp(option(name), value, strlen(value)) == 0;
}

static long load(const char *kernel, const char *append) {
        int k = open(kernel, O_RDONLY | O_CLOEXEC), i = open("/boot/initrd", O_RDONLY | O_CLOEXEC);
        long r = syscall(SYS_kexec_file_load, k, i, strlen(append) + 1, append, KEXEC_FILE_TWIN);
        int saved = errno;

        close(k);
        close(i);
        errno = saved;
        return r;
}

int reserve(unsigned long long mem, unsigned long long pmem, unsigned long long cpus) {
        struct twin_reserve arg = { .mem_size = mem * MIB, .pmem_size = pmem * MIB, .cpus = { cpus } };

        return ioctl(twin_fd, TWIN_IOC_RESERVE, &arg);
}

static struct twin_info info(void) {
        struct twin_info i = {};

        if (ioctl(twin_fd, TWIN_IOC_INFO, &i) < 0)
                result("info", 0, strerror(errno));
        return i;
}

/* Reads events until one of the type comes; others are passed over. */
int wait_event(unsigned type, int timeout_ms) {
        struct pollfd p = { .fd = twin_fd, .events = POLLIN };
        struct twin_event e;

        while (poll(&p, 1, timeout_ms) > 0)
                if (read(twin_fd, &e, sizeof(e)) == sizeof(e) && e.type == type)
                        return 1;
        return 0;
}

static long mem_total(void) {
        FILE *f = fopen("/proc/meminfo", "re");
        long kib = 0;

        if (f && fscanf(f, "MemTotal: %ld kB", &kib) != 1)
                kib = 0;
        if (f)
                fclose(f);
        return kib;
}

int log_has(const char *text) {
        static char buf[300000];
        struct twin_log log = { .buf = (unsigned long) buf, .len = sizeof(buf) - 1 };

        if (ioctl(twin_fd, TWIN_IOC_READ_LOG, &log) < 0)
                return 0;
        buf[log.len] = '\0';
        return strstr(buf, text) != NULL;
}

void start(const char *append) {
        result_errno("load", load("/boot/vmlinuz", append), 0);
        result_errno("boot", ioctl(twin_fd, TWIN_IOC_BOOT), 0);
        result("alive", wait_event(TWIN_STATE_ALIVE, ALIVE_MS), "no heartbeat");
}

int connect_twin(void) {
        struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = info().cid == 2 ? 3 : 2, .svm_port = PORT };

        for (int try = 0; try < 200; try++) {
                int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

                if (connect(fd, (struct sockaddr *) &a, sizeof(a)) == 0)
                        return fd;
                close(fd);
                usleep(50000);
        }
        return -1;
}

/* The twin sends a pattern over the channel. */
static void check_channel(void) {
        static unsigned char buf[STREAM_BYTES];
        int fd = connect_twin(), good = 1;
        size_t n = 0;

        for (ssize_t k; fd >= 0 && n < sizeof(buf) && (k = read(fd, buf + n, sizeof(buf) - n)) > 0; )
                n += (size_t) k;
        for (size_t i = 0; i < n; i++)
                good = good && buf[i] == (unsigned char) (i * 7 + i / 256);
        result("channel", fd >= 0 && n == sizeof(buf) && good, fd < 0 ? "no connection" : "wrong bytes");
        close(fd);
}

static void serve_channel(void) {
        static unsigned char buf[STREAM_BYTES];
        struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = PORT };
        int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;

        for (size_t i = 0; i < sizeof(buf); i++)
                buf[i] = (unsigned char) (i * 7 + i / 256);
        if (bind(fd, (struct sockaddr *) &a, sizeof(a)) < 0 || listen(fd, 1) < 0)
                return;
        peer = accept(fd, NULL, NULL);
        for (size_t n = 0; n < sizeof(buf); ) {
                ssize_t k = write(peer, buf + n, sizeof(buf) - n);

                if (k <= 0)
                        return;
                n += (size_t) k;
        }
        pause();
}

/* In the child: one of the kernel's own tests, its output in a pipe. */
static void exec_selftest(const char *name, int out) {
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
        if (chdir("/selftests") == 0)
                execl(name, name, NULL);
        _exit(127);
}

/* What it says goes to the log as well. */
static void run_selftest(const char *name) {
        int fds[2] = { -1, -1 }, status = -1;
        pid_t pid = -1;
        char line[512];
        FILE *output;

        if (pipe(fds) == 0 && (pid = fork()) == 0)
                exec_selftest(name, fds[1]);
        close(fds[1]);
        output = fdopen(fds[0], "re");
        while (output && fgets(line, sizeof(line), output))
                dprintf(log_fd, "<5>%s", line);
        waitpid(pid, &status, 0);
        result(name, status == 0, "failed");
        if (output)
                fclose(output);
}

static void selftests(void) {
        static const char *const names[] = { "device", "reserve", "load", "states", "events" };

        setenv("TWIN_KERNEL", "/boot/vmlinuz", 1);
        setenv("TWIN_INITRD", "/boot/initrd", 1);
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
                run_selftest(names[i]);
        result_errno("reserve", reserve(640, 128, TWIN_CPUS), 0);
        start(TWIN_CONSOLE "role=selftest");
        result("tested in the twin", wait_event(TWIN_STATE_HALTED, ALIVE_MS), "no end");
        result_errno("kill", ioctl(twin_fd, TWIN_IOC_KILL), 0);
        result_errno("release", ioctl(twin_fd, TWIN_IOC_RELEASE), 0);
}

static void rounds(void) {
        long cpus = sysconf(_SC_NPROCESSORS_ONLN), memory = 0;

        for (int round = 0; round < 3; round++) {
                result_errno("reserve", reserve(1536, 512, TWIN_CPUS), 0);
                result("pmem", access("/dev/pmem0", F_OK) == 0 || (sleep(1), access("/dev/pmem0", F_OK) == 0),
                       "no device");
                result("CPUs taken", sysconf(_SC_NPROCESSORS_ONLN) == cpus - 2, "still here");

                start("role=channel");
                check_channel();
                result_errno("kill", ioctl(twin_fd, TWIN_IOC_KILL), 0);
                result_errno("release", ioctl(twin_fd, TWIN_IOC_RELEASE), 0);
                result("CPUs back", sysconf(_SC_NPROCESSORS_ONLN) == cpus, "missing");
                result("memory back", round == 0 || mem_total() == memory, "less than before");
                memory = mem_total();
        }
}

/* One counter for each CPU, kept by a program that runs only there. */
static volatile unsigned *start_tickers(void) {
        volatile unsigned *ticks = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        cpu_set_t set;

        for (int cpu = 0; cpu < MAX_CPUS; cpu++) {
                if (fork() != 0)
                        continue;
                CPU_ZERO(&set);
                CPU_SET(cpu, &set);
                if (sched_setaffinity(0, sizeof(set), &set) < 0)
                        _exit(0);
                for (;; ticks[cpu]++)
                        usleep(10000);
        }
        return ticks;
}

/* Does every CPU that ticked before still do so? */
static void check_ticks(volatile unsigned *ticks) {
        unsigned before[MAX_CPUS];
        int cpu, waited;

        for (cpu = 0; cpu < MAX_CPUS; cpu++)
                before[cpu] = ticks[cpu];
        for (cpu = 0, waited = 0; cpu < MAX_CPUS && waited < TICK_MS; )
                if (before[cpu] == 0 || ticks[cpu] - before[cpu] > 10)
                        cpu++;
                else
                        waited += (usleep(10000), 10);
        result("ticks on", cpu == MAX_CPUS, "a CPU stopped");
}

/* What a kernel may do to itself, and what becomes of a twin that does it. */
static const struct way {
        const char *name;
        const char *file, *text;        /* to be written */
        int reboot;                     /* or to be called */
        unsigned state;
        const char *last_words;
} ways[] = {
        { "panic", SYSRQ, "c", 0, TWIN_STATE_PANICKED, "sysrq triggered crash" },
        { "emergency", SYSRQ, "b", 0, TWIN_STATE_HALTED, "Resetting" },
        { "reboot", NULL, NULL, RB_AUTOBOOT, TWIN_STATE_HALTED, "Restarting system" },
        { "halt", NULL, NULL, RB_HALT_SYSTEM, TWIN_STATE_HALTED, "System halted" },
        { "poweroff", NULL, NULL, RB_POWER_OFF, TWIN_STATE_HALTED, "Power down" },
        { "nmi", SYSRQ, "l", 0, TWIN_STATE_ALIVE, "Show backtrace of all active CPUs" },
        { "hang", "/sys/module/twin/parameters/hang", "1", 0, TWIN_STATE_LOST, "hangs, as it was told to" },
};

static const struct way *find_way(const char *name) {
        for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
                if (strncmp(name, ways[i].name, strlen(ways[i].name)) == 0)
                        return &ways[i];
        return NULL;
}

static void misbehave(const struct way *way) {
        int fd;

        if (way->reboot)
                reboot(way->reboot);
        fd = open(way->file, O_WRONLY | O_CLOEXEC);
        if (write(fd, way->text, strlen(way->text)) < 0)
                result(way->name, 0, strerror(errno));
        close(fd);
}

static int wait_log(const char *text) {
        for (int waited = 0; !log_has(text); waited += 100) {
                if (waited > ALIVE_MS)
                        return 0;
                usleep(100000);
        }
        return 1;
}

/* What the twin does is told, and nothing else happens. */
static void watch_twin(const struct way *way, volatile unsigned *ticks) {
        char append[64];

        snprintf(append, sizeof(append), "panic=-1 role=%s", way->name);
        start(append);
        result(way->name, way->state == TWIN_STATE_ALIVE || wait_event(way->state, ALIVE_MS), "not told");
        result("last words", wait_log(way->last_words), "not in the log");
        check_ticks(ticks);
        result("state", info().state == way->state, "another");
        result_errno("kill", ioctl(twin_fd, TWIN_IOC_KILL), 0);
}

static int is_wanted(const struct way *way) {
        if (*option("way="))
                return option_is("way=", way->name);
        return strcmp(way->name, "hang") != 0;
}

static void twins(void) {
        volatile unsigned *ticks;

        result_errno("reserve", reserve(640, 128, TWIN_CPUS), 0);
        ticks = start_tickers();
        for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
                if (is_wanted(&ways[i]))
                        watch_twin(&ways[i], ticks);
        /* After all that the CPUs are as good as before. */
        start("role=channel");
        check_channel();
        result_errno("kill", ioctl(twin_fd, TWIN_IOC_KILL), 0);
        result_errno("release", ioctl(twin_fd, TWIN_IOC_RELEASE), 0);
}

/* The old kernel misbehaves; this twin has to tell how it went. */
static void watch_old_kernel(void) {
        volatile unsigned *ticks = start_tickers();

        for (int i = 0; i < WATCH_ROUNDS; i++) {
                sleep(1);
                check_ticks(ticks);
        }
        finish();
}

static void misbehave_beside_twin(const struct way *way) {
        result_errno("reserve", reserve(640, 128, TWIN_CPUS), 0);
        start(TWIN_CONSOLE "role=watch");
        sleep(2);
        misbehave(way);
        for (;;)
                pause();
}

static void takeover(void) {
        result_errno("reserve", reserve(1536, 512, TWIN_CPUS), 0);
        start(TWIN_CONSOLE "role=takeover");
        result("committed", wait_event(TWIN_EVENT_COMMITTED, ALIVE_MS), "not told");
        result_errno("kill after the commit", ioctl(twin_fd, TWIN_IOC_KILL), EALREADY);
        result_errno("abort after the commit", ioctl(twin_fd, TWIN_IOC_ABORT), EALREADY);
        ioctl(twin_fd, TWIN_IOC_PARK);
        result("park", 0, strerror(errno));
}

/* All CPUs of the machine run here, CPU 0 of the old kernel included. */
static void check_cpus(long expected) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);

        result("CPUs", online == expected, "missing");
        for (int cpu = 0; cpu < online; cpu++) {
                cpu_set_t set;

                CPU_ZERO(&set);
                CPU_SET(cpu, &set);
                result_errno("run", sched_setaffinity(0, sizeof(set), &set), 0);
                result("ran there", sched_getcpu() == cpu, "elsewhere");
        }
}

static void take_over(void) {
        struct twin_takeover arg = { .timeout_ms = 100, .parts = TWIN_TAKE_CPUS };

        result_errno("take over before the commit", ioctl(twin_fd, TWIN_IOC_TAKEOVER, &arg), EPERM);
        result_errno("commit", ioctl(twin_fd, TWIN_IOC_COMMIT), 0);
        result_errno("commit again", ioctl(twin_fd, TWIN_IOC_COMMIT), 0);
        arg.timeout_ms = 30000;
        result_errno("take over", ioctl(twin_fd, TWIN_IOC_TAKEOVER, &arg), 0);
        check_cpus(4);
        result("owner", info().flags & TWIN_INFO_OWNS_MACHINE, "not told");
        finish();
}

static void be_twin(void) {
        sleep(1);
        if (option_is("role=", "takeover"))
                take_over();
        else if (option_is("role=", "channel"))
                serve_channel();
        else if (option_is("role=", "watch"))
                watch_old_kernel();
        else if (option_is("role=", "selftest")) {
                run_selftest("guest");
                reboot(RB_AUTOBOOT);
        } else if (find_way(option("role=")))
                misbehave(find_way(option("role=")));
        else if (!board_twin(option("role=")))
                pci_twin(option("role="));
        for (;;)
                pause();
}

static void be_old(void) {
        if (option_is("do=", "selftests"))
                selftests();
        else if (option_is("do=", "rounds"))
                rounds();
        else if (option_is("do=", "takeover"))
                takeover();
        else if (option_is("do=", "twins"))
                twins();
        else if (find_way(option("do=")))
                misbehave_beside_twin(find_way(option("do=")));
        else if (!board_old(option("do=")))
                pci_old(option("do="));
        finish();
}

int main(void) {
        FILE *f;

        mount("none", "/proc", "proc", 0, NULL);
        mount("none", "/sys", "sysfs", 0, NULL);
        mount("none", "/dev", "devtmpfs", 0, NULL);
        f = fopen("/proc/cmdline", "re");
        if (!f || !fgets(command_line, sizeof(command_line), f))
                return 1;
        log_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
        twin_fd = open("/dev/twin", O_RDWR | O_CLOEXEC);
        if (twin_fd < 0)
                result("open", 0, strerror(errno));
        if (info().flags & TWIN_INFO_IS_TWIN)
                be_twin();
        be_old();
}
