/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unit: inspection through systemd's bus interface, freezing through cgroupfs,
 * see unit.h. Thawing needs neither systemd nor an earlier inspection: it is
 * what a rollback does when all else is gone.
 */
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "criu.h"
#include "engine-error.h"
#include "files.h"
#include "strv.h"
#include "unit.h"

#define CGROUP_ROOT             "/sys/fs/cgroup"
#define SYSTEMD_ADDRESS         "unix:path=/run/systemd/private"
#define SYSTEMD_NAME            "org.freedesktop.systemd1"
#define SYSTEMD_UNIT            "org.freedesktop.systemd1.Unit"


static int add_pid(UnitState *u, pid_t pid) {
        pid_t *grown = reallocarray(u->pids, u->n_pids + 1, sizeof(pid_t));

        if (!grown)
                return -ENOMEM;
        u->pids = grown;
        u->pids[u->n_pids++] = pid;
        return 0;
}

static int add_pids_of(UnitState *u, const char *cgroup) {
        _cleanup_fclose_ FILE *f = NULL;
        char path[PATH_MAX];
        int pid, r;

        snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
        f = fopen(path, "re");
        if (!f)
                return -errno;
        while (fscanf(f, "%d", &pid) == 1) {
                r = add_pid(u, pid);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_pids_below(UnitState *u, const char *cgroup) {
        _cleanup_closedir_ DIR *dir = NULL;
        struct dirent *de;
        char path[PATH_MAX];
        int r;

        r = add_pids_of(u, cgroup);
        if (r < 0)
                return r;
        dir = opendir(cgroup);
        if (!dir)
                return -errno;
        while ((de = readdir(dir))) {
                if (de->d_type != DT_DIR || de->d_name[0] == '.')
                        continue;
                if (snprintf(path, sizeof(path), "%s/%s", cgroup, de->d_name) >= (int) sizeof(path))
                        return -ENAMETOOLONG;
                r = add_pids_below(u, path);
                if (r < 0)
                        return r;
        }
        return 0;
}

int unit_list_pids(UnitState *u) {
        free(TAKE_PTR(u->pids));
        u->n_pids = 0;
        return add_pids_below(u, u->cgroup);
}

/* Asks systemd where the unit's object is. -ENOENT when it knows no such unit. */
static int get_object(sd_bus *bus, const char *name, char **ret, char **ret_error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *path;
        int r;

        r = sd_bus_call_method(bus, SYSTEMD_NAME, "/org/freedesktop/systemd1",
                               SYSTEMD_NAME ".Manager", "GetUnit", &error, &reply, "s", name);
        if (r < 0) {
                if (sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchUnit"))
                        r = -ENOENT;
                error_text(ret_error, r, "%s", error.message ?: strerror(-r));
                sd_bus_error_free(&error);
                return r;
        }
        r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return r;
        *ret = strdup(path);
        return *ret ? 0 : -ENOMEM;
}

static int get_string(sd_bus *bus, const char *object, const char *interface, const char *property, char **ret) {
        return sd_bus_get_property_string(bus, SYSTEMD_NAME, object, interface, property, NULL, ret);
}

/* "Service" for "x.service": the part of the bus interface that has ControlGroup. */
static const char *interface_of(const char *name) {
        const char *dot = strrchr(name, '.');

        if (dot && streq(dot, ".scope"))
                return SYSTEMD_NAME ".Scope";
        return SYSTEMD_NAME ".Service";
}

static int get_main_pid(sd_bus *bus, const char *object, const char *name, pid_t *ret) {
        uint32_t pid;
        int r;

        if (!streq(interface_of(name), SYSTEMD_NAME ".Service"))
                return 0;
        r = sd_bus_get_property_trivial(bus, SYSTEMD_NAME, object, interface_of(name), "MainPID", NULL, 'u', &pid);
        if (r < 0)
                return r;
        *ret = (pid_t) pid;
        return 0;
}

static int get_files(sd_bus *bus, const char *object, char ***ret) {
        _cleanup_strv_ char **drop_ins = NULL;
        _cleanup_free_ char *fragment = NULL;
        int r;

        r = get_string(bus, object, SYSTEMD_UNIT, "FragmentPath", &fragment);
        if (r >= 0 && !isempty(fragment))
                r = strv_push(ret, fragment);
        if (r < 0)
                return r;
        r = sd_bus_get_property_strv(bus, SYSTEMD_NAME, object, SYSTEMD_UNIT, "DropInPaths", NULL, &drop_ins);
        if (r < 0)
                return r;
        for (char **i = drop_ins; i && *i; i++) {
                r = strv_push(ret, *i);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int get_cgroup(sd_bus *bus, const char *object, const char *name, char **ret) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = get_string(bus, object, interface_of(name), "ControlGroup", &path);
        if (r < 0)
                return r;
        if (isempty(path))
                return -ENOENT;
        return asprintf(ret, CGROUP_ROOT "%s", path) < 0 ? -ENOMEM : 0;
}

static int inspect(sd_bus *bus, const char *name, UnitState *u, char **ret_error) {
        _cleanup_free_ char *object = NULL;
        int r;

        r = get_object(bus, name, &object, ret_error);
        if (r < 0)
                return r;
        r = get_cgroup(bus, object, name, &u->cgroup);
        if (r >= 0)
                r = get_main_pid(bus, object, name, &u->main_pid);
        if (r >= 0)
                r = get_files(bus, object, &u->files);
        if (r >= 0)
                r = unit_list_pids(u);
        if (r >= 0 && u->n_pids == 0)
                r = -ENOENT;
        if (r < 0)
                return error_text(ret_error, r, "%s", r == -ENOENT ? "it has no processes" : strerror(-r));
        if (u->main_pid == 0)
                u->main_pid = u->pids[0];
        return 0;
}

/* systemd's own socket, as systemctl uses it: it answers faster, and before the bus is up. */
static int open_bus(sd_bus **ret) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_address(bus, SYSTEMD_ADDRESS);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

/* One connection for the life of a worker; one made before the fork is not ours. */
static int get_bus(sd_bus **ret) {
        static sd_bus *bus;
        static pid_t owner;
        int r;

        if (owner != getpid())
                bus = NULL;
        if (!bus || sd_bus_is_open(bus) <= 0) {
                bus = sd_bus_close_unref(bus);
                r = open_bus(&bus);
                if (r < 0)
                        return r;
                owner = getpid();
        }
        *ret = bus;
        return 0;
}

int unit_get_main_pid(const char *name, pid_t *ret) {
        _cleanup_free_ char *object = NULL;
        sd_bus *bus;
        int r;

        r = get_bus(&bus);
        if (r >= 0)
                r = get_object(bus, name, &object, NULL);
        if (r < 0)
                return r;
        return get_main_pid(bus, object, name, ret);
}

static int unit_inspect(const char *name, UnitState *ret, char **ret_error) {
        UnitState u = {};
        sd_bus *bus;
        int r;

        r = get_bus(&bus);
        if (r < 0)
                return error_text(ret_error, r, "Cannot reach systemd: %m");
        r = inspect(bus, name, &u, ret_error);
        if (r < 0) {
                unit_state_clear(&u);
                return r;
        }
        *ret = u;
        return 0;
}

static int write_freeze(const char *cgroup, bool frozen) {
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/cgroup.freeze", cgroup);
        return write_text_file(path, frozen ? "1" : "0");
}

/* 1 when all processes stand still, 0 when not yet. */
static int read_frozen(int events_fd) {
        char text[256];
        ssize_t n = pread(events_fd, text, sizeof(text) - 1, 0);

        if (n < 0)
                return -errno;
        text[n] = '\0';
        return strstr(text, "frozen 1") != NULL;
}

static int wait_frozen(const char *cgroup, uint64_t timeout_usec) {
        _cleanup_close_ int fd = -EBADF;
        char path[PATH_MAX];
        int r, k;

        snprintf(path, sizeof(path), "%s/cgroup.events", cgroup);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        for (;;) {
                struct pollfd p = { .fd = fd, .events = POLLPRI };

                r = read_frozen(fd);
                if (r != 0)
                        return r < 0 ? r : 0;
                k = poll(&p, 1, (int) (timeout_usec / USEC_PER_MSEC));
                if (k == 0)
                        return -ETIMEDOUT;
                if (k < 0 && errno != EINTR)
                        return -errno;
        }
}

static int unit_freeze(UnitState *u, uint64_t timeout_usec) {
        int r;

        r = write_freeze(u->cgroup, true);
        if (r >= 0)
                r = wait_frozen(u->cgroup, timeout_usec);
        if (r >= 0)
                r = unit_list_pids(u);
        if (r < 0)
                write_freeze(u->cgroup, false);
        return r;
}

/* State of one search; nftw() has no argument for it, and the engine has one thread. */
static struct {
        const char *name;
        char *found;
} search;

static int search_step(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        if (type != FTW_D || !streq(path + ftw->base, search.name))
                return FTW_CONTINUE;
        search.found = strdup(path);
        return FTW_STOP;
}

/* A dump that a killed worker left behind must end first: it still changes the frozen processes. */
static int unit_thaw(const char *name) {
        _cleanup_free_ char *cgroup = NULL;
        int r;

        r = criu_wait_idle();
        if (r < 0)
                return r;
        search.name = name;
        search.found = NULL;
        if (nftw(CGROUP_ROOT, search_step, 16, FTW_PHYS | FTW_ACTIONRETVAL) < 0)
                return -errno;
        cgroup = TAKE_PTR(search.found);
        return cgroup ? write_freeze(cgroup, false) : 0;
}

const UnitOps unit_systemd = {
        .inspect = unit_inspect,
        .freeze = unit_freeze,
        .thaw = unit_thaw,
};
