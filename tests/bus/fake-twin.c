/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fake /dev/twin. Booting starts a second daemon, `tkd-fake --twin`, as the
 * twin's; parking kills the daemon of the old kernel. The commit word is a real
 * compare-and-exchange in memory that both map.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "fake.h"
#include "pci-function.h"

#define MIB (UINT64_C(1) << 20)

FakeMachine *fake_machine(void) {
        static FakeMachine *m;
        int fd;

        if (m)
                return m;
        fd = open(fake_path("twin"), O_RDWR | O_CLOEXEC);
        if (fd < 0)
                return NULL;
        m = mmap(NULL, sizeof(FakeMachine), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        return m == MAP_FAILED ? NULL : m;
}

void fake_emit(uint32_t type) {
        struct twin_event e = { .type = type, .tsc = tsc_now() };
        _cleanup_closedir_ DIR *d = opendir(fake_path("events"));
        struct dirent *de;

        while (d && (de = readdir(d))) {
                _cleanup_close_ int fd = -EBADF;

                if (de->d_name[0] == '.')
                        continue;
                fd = openat(dirfd(d), de->d_name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
                if (fd < 0)
                        unlinkat(dirfd(d), de->d_name, 0);      /* nobody has it open any more */
                else if (write(fd, &e, sizeof(e)) < 0)
                        continue;
        }
}

void fake_set_state(uint32_t state) {
        fake_machine()->info.state = state;
        fake_emit(state);
}

static int twin_open(void) {
        static unsigned n;
        const char *path = fake_path("events/%d.%u", getpid(), n++);
        FakeMachine *m = fake_machine();
        int fd;

        if (!m)
                return -ENOENT;
        if (mkfifo(path, 0600) < 0)
                return -errno;
        fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fake_in_twin() && m->info.state == TWIN_STATE_BOOTING) {
                m->info.tsc_alive = tsc_now();
                fake_set_state(TWIN_STATE_ALIVE);
        }
        return fd;
}

static int twin_info(int fd, struct twin_info *ret) {
        FakeMachine *m = fake_machine();

        *ret = m->info;
        if (fake_in_twin()) {
                ret->flags = TWIN_INFO_IS_TWIN | (m->info.flags & TWIN_INFO_OWNS_MACHINE);
                if (ret->flags & TWIN_INFO_OWNS_MACHINE)
                        ret->state = TWIN_STATE_NONE;
        } else
                ret->flags = TWIN_INFO_OWNS_MACHINE | (m->info.flags & TWIN_INFO_LA57);
        return 0;
}

static int twin_reserve(int fd, const struct twin_reserve *arg) {
        FakeMachine *m = fake_machine();
        int r;

        r = fake_enter("twin.reserve");
        if (r < 0)
                return r;
        if (m->info.state != TWIN_STATE_NONE)
                return -EBUSY;
        m->info.mem_start = 4096 * MIB;
        m->info.mem_size = arg->mem_size;
        m->info.pmem_size = arg->pmem_size;
        m->info.commit = TWIN_COMMIT_OLD;
        memcpy(m->info.cpus, arg->cpus, sizeof(m->info.cpus));
        fake_set_state(TWIN_STATE_RESERVED);
        return 0;
}

static int twin_release(int fd) {
        FakeMachine *m = fake_machine();
        int r;

        r = fake_enter("twin.release");
        if (r < 0)
                return r;
        if (m->info.state >= TWIN_STATE_BOOTING)
                return -EBUSY;
        m->info.mem_size = m->info.pmem_size = m->info.log_size = 0;
        memset(m->info.cpus, 0, sizeof(m->info.cpus));
        fake_set_state(TWIN_STATE_NONE);
        return 0;
}

static int twin_load(int fd, int kernel_fd, int initrd_fd, const char *cmdline) {
        int r;

        r = fake_enter("twin.load");
        if (r < 0)
                return r;
        if (fake_machine()->info.state != TWIN_STATE_RESERVED)
                return -ENODEV;
        fake_set_state(TWIN_STATE_LOADED);
        return 0;
}

static int twin_unload(int fd) {
        int r;

        r = fake_enter("twin.unload");
        if (r < 0)
                return r;
        fake_set_state(TWIN_STATE_RESERVED);
        return 0;
}

/* The twin's daemon is nobody's child, and outlives who booted it. */
static void exec_twin(void) {
        char root[256];
        pid_t pid;

        snprintf(root, sizeof(root), "--root=%s", fake_path("twin-root"));
        setenv("TKD_FAKE_TWIN", "1", 1);
        unsetenv("NOTIFY_SOCKET");
        unsetenv("WATCHDOG_USEC");
        setsid();
        dup2(STDERR_FILENO, STDOUT_FILENO);     /* nobody shall wait for the end of our output */
        pid = fork();
        if (pid != 0) {
                fake_machine()->twin_pid = pid;
                _exit(EXIT_SUCCESS);
        }
        execl("/proc/self/exe", "tkd-fake", "--twin", root, NULL);
        _exit(EXIT_FAILURE);
}

static int twin_boot(int fd) {
        FakeMachine *m = fake_machine();
        pid_t pid;
        int r;

        r = fake_enter("twin.boot");
        if (r < 0)
                return r;
        if (m->info.state != TWIN_STATE_LOADED)
                return m->info.state == TWIN_STATE_PANICKED ? 0 : -ENOEXEC;
        m->info.tsc_boot = m->info.tsc_entry = tsc_now();
        m->info.log_size = (uint64_t) snprintf(m->log, sizeof(m->log), "fake twin: booting\nfake twin: up\n");
        fake_set_state(TWIN_STATE_BOOTING);
        pid = fork();
        if (pid == 0)
                exec_twin();
        waitpid(pid, NULL, 0);
        return 0;
}

static int abort_commit(void) {
        uint32_t expected = TWIN_COMMIT_OLD;

        if (!__atomic_compare_exchange_n(&fake_machine()->info.commit, &expected, TWIN_COMMIT_ABORTED, false,
                                         __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) && expected == TWIN_COMMIT_TWIN)
                return -EALREADY;
        return 0;
}

static int twin_abort(int fd) {
        int r;

        r = fake_enter("twin.abort");
        return r < 0 ? r : abort_commit();
}

static int twin_kill(int fd) {
        FakeMachine *m = fake_machine();
        int r;

        r = fake_enter("twin.kill");
        if (r < 0)
                return r;
        r = abort_commit();
        if (r < 0)
                return r;
        if (m->info.state < TWIN_STATE_BOOTING)
                return -ESRCH;
        if (m->twin_pid > 0)
                kill(m->twin_pid, SIGKILL);
        m->twin_pid = 0;
        memset(m->loans, 0, sizeof(m->loans));
        fake_set_state(TWIN_STATE_RESERVED);
        return 0;
}

/* The loan of a function, or one that is free, or NULL. */
static struct FakeLoan *find_loan(const struct twin_function *f) {
        FakeMachine *m = fake_machine();

        for (size_t i = 0; i < ELEMENTSOF(m->loans); i++)
                if (m->loans[i].state && memcmp(&m->loans[i].function, f, sizeof(*f)) == 0)
                        return &m->loans[i];
        for (size_t i = 0; i < ELEMENTSOF(m->loans); i++)
                if (!m->loans[i].state)
                        return &m->loans[i];
        return NULL;
}

static int enter_loan(const char *call, const struct twin_function *f, struct FakeLoan **ret) {
        char address[PCI_FUNCTION_MAX];
        int r;

        r = fake_enter("twin.%s %s", call, pci_function_format(address, f));
        if (r < 0)
                return r;
        *ret = find_loan(f);
        return *ret ? 0 : -ENOMEM;
}

static int twin_give(int fd, const struct twin_function *f) {
        struct FakeLoan *l;
        int r;

        r = enter_loan("give", f, &l);
        if (r < 0)
                return r;
        if (l->state)
                return -EALREADY;
        *l = (struct FakeLoan) { .function = *f, .state = 1 };
        return 0;
}

static int twin_take(int fd, const struct twin_function *f) {
        struct FakeLoan *l;
        int r;

        r = enter_loan("take", f, &l);
        if (r < 0)
                return r;
        if (!l->state)
                return -ENODEV;
        if (l->state == 2 && fake_machine()->info.state == TWIN_STATE_ALIVE)
                return -EBUSY;
        l->state = 0;
        return 0;
}

static int twin_accept(int fd, const struct twin_function *f) {
        struct FakeLoan *l;
        int r;

        r = enter_loan("accept", f, &l);
        if (r < 0)
                return r;
        if (l->state != 1)
                return l->state ? -EALREADY : -ENODEV;
        l->state = 2;
        return 0;
}

static int twin_return(int fd, const struct twin_function *f) {
        struct FakeLoan *l;
        int r;

        r = enter_loan("return", f, &l);
        if (r < 0)
                return r;
        if (l->state != 2)
                return -ENODEV;
        l->state = 1;
        return 0;
}

static int twin_commit(int fd) {
        uint32_t expected = TWIN_COMMIT_OLD;
        int r;

        r = fake_enter("twin.commit");
        if (r < 0)
                return r;
        if (!__atomic_compare_exchange_n(&fake_machine()->info.commit, &expected, TWIN_COMMIT_TWIN, false,
                                         __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
                return -ECANCELED;
        fake_emit(TWIN_EVENT_COMMITTED);
        r = fake_enter("twin.committed");
        return r < 0 ? r : 0;
}

static int twin_park(int fd) {
        FakeMachine *m = fake_machine();
        int r;

        r = fake_enter("twin.park");
        if (r < 0)
                return r;
        if (m->info.commit != TWIN_COMMIT_TWIN)
                return -EPERM;
        m->parked = 1;
        fake_emit(TWIN_EVENT_OLD_PARKED);
        kill(getppid(), SIGKILL);
        for (;;)
                pause();
}

static int twin_takeover(int fd, uint32_t part, uint32_t timeout_ms, struct twin_takeover *ret) {
        FakeMachine *m = fake_machine();
        int r;

        r = fake_enter("twin.takeover %s", part == TWIN_TAKE_CPUS ? "cpus" : part == TWIN_TAKE_MEMORY ? "memory" : "devices");
        if (r < 0)
                return r;
        if (m->info.commit != TWIN_COMMIT_TWIN)
                return -EPERM;
        for (uint32_t ms = 0; !m->parked; ms += 10) {
                if (ms >= timeout_ms)
                        return -ETIMEDOUT;
                nanosleep(&(struct timespec) { .tv_nsec = 10 * 1000 * 1000 }, NULL);
        }
        m->info.flags |= TWIN_INFO_OWNS_MACHINE;
        *ret = (struct twin_takeover) { .nr_cpus = 4, .mem_size = 1024 * MIB };
        return 0;
}

static int twin_read_event(int fd, struct twin_event *ret) {
        ssize_t n = read(fd, ret, sizeof(*ret));

        return n < 0 ? -errno : n == sizeof(*ret) ? 0 : -EAGAIN;
}

static ssize_t twin_read_log(int fd, uint64_t *offset, void *buf, size_t size) {
        FakeMachine *m = fake_machine();

        if (*offset > m->info.log_size)
                *offset = m->info.log_size;
        size = MIN(size, m->info.log_size - *offset);
        memcpy(buf, m->log + *offset, size);
        return (ssize_t) size;
}

const TwinDeviceOps fake_twin = {
        .open = twin_open,
        .info = twin_info,
        .reserve = twin_reserve,
        .release = twin_release,
        .load = twin_load,
        .unload = twin_unload,
        .boot = twin_boot,
        .kill = twin_kill,
        .commit = twin_commit,
        .abort = twin_abort,
        .park = twin_park,
        .give = twin_give,
        .take = twin_take,
        .accept = twin_accept,
        .return_ = twin_return,
        .takeover = twin_takeover,
        .read_event = twin_read_event,
        .read_log = twin_read_log,
};
