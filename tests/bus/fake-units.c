/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fake applications and what is done to them. An application is a file in
 * units/ of the fake machine; its text says where and how it runs: "old",
 * "old frozen", "old frozen, twin stopped", "twin". Moves that must not happen
 * (thawed while a twin may run it) leave "TWICE" there.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include "fake.h"
#include "files.h"
#include "strv.h"

static char *unit_text(const char *name) {
        char *text = NULL;

        return read_text_file(fake_path("units/%s", name), &text) < 0 ? NULL : text;
}

static void set_unit(const char *name, const char *text) {
        write_text_file(fake_path("units/%s", name), text);
}

static int unit_inspect(const char *name, UnitState *ret, char **ret_error) {
        _cleanup_free_ char *text = unit_text(name);
        int r;

        r = fake_enter("unit.inspect %s", name);
        if (r < 0)
                return r;
        if (!text)
                return -ENOENT;
        *ret = (UnitState) { .main_pid = 1, .cgroup = strdup(name), .pids = calloc(1, sizeof(pid_t)) };
        return ret->cgroup && ret->pids ? 0 : -ENOMEM;
}

static int unit_freeze(UnitState *u, uint64_t timeout_usec) {
        int r;

        r = fake_enter("unit.freeze %s", u->cgroup);
        if (r < 0)
                return r;
        set_unit(u->cgroup, "old frozen");
        return 0;
}

static int unit_thaw(const char *name) {
        _cleanup_free_ char *text = unit_text(name);
        uint32_t state = fake_machine()->info.state;
        int r;

        r = fake_enter("unit.thaw %s", name);
        if (r < 0 || !text)
                return r;
        set_unit(name, state >= TWIN_STATE_BOOTING || startswith(text, "twin") ? "TWICE" : "old");
        return 0;
}

const UnitOps fake_unit = {
        .inspect = unit_inspect,
        .freeze = unit_freeze,
        .thaw = unit_thaw,
};

static int place_prepare(char **names, char **ret_error) {
        return fake_enter("place.prepare");
}

static int place_adopt(const char *name, pid_t main_pid, char **ret_error) {
        return fake_enter("place.adopt %s", name);
}

static int place_settle(char **names, char **ret_error) {
        return fake_enter("place.settle");
}

const PlaceOps fake_place = {
        .prepare = place_prepare,
        .adopt = place_adopt,
        .settle = place_settle,
};

static int criu_check(char **ret_error) {
        return fake_enter("criu.check");
}

static int criu_dump(const CriuRequest *q, char **ret_error) {
        int r;

        r = fake_enter("criu.dump %s", q->name);
        if (r >= 0)
                return 0;
        *ret_error = strdup("fake dump error");
        return r;
}

static pid_t criu_restore(const CriuRequest *q, char **ret_error) {
        int r;

        r = fake_enter("criu.restore %s", q->name);
        if (r < 0) {
                *ret_error = strdup("fake restore error");
                return r;
        }
        set_unit(q->name, "old frozen, twin stopped");
        return 1;
}

const CriuOps fake_criu = {
        .check = criu_check,
        .dump = criu_dump,
        .restore = criu_restore,
};

static int carry_pack(const EngineUnit *units, const UnitState *states, size_t n, bool late, const char *dir,
                      char **ret_error) {
        return fake_enter("carry.pack %s", late ? "late" : "early");
}

static int carry_unpack(bool late, const char *dir, char **ret_error) {
        return fake_enter("carry.unpack %s", late ? "late" : "early");
}

const CarryOps fake_carry = {
        .pack = carry_pack,
        .unpack = carry_unpack,
};

static int handover_format(const struct twin_info *info, char **ret_error) {
        return fake_enter("handover.format");
}

static int handover_mount(const struct twin_info *info, const char *dir, char **ret_error) {
        int r;

        r = fake_enter("handover.mount");
        return r < 0 ? r : mkdir_parents(dir);
}

static int handover_umount(const char *dir) {
        return fake_enter("handover.umount");
}

const HandoverOps fake_handover = {
        .format = handover_format,
        .mount = handover_mount,
        .umount = handover_umount,
};

static int freeze_disks(char **ret_error) {
        return fake_enter("machine.freeze-disks");
}

static int thaw_disks(void) {
        return fake_enter("machine.thaw-disks");
}

/* All applications that stand restored go on in the twin. */
static int resume(const pid_t *pids, size_t n) {
        _cleanup_closedir_ DIR *d = opendir(fake_path("units"));
        struct dirent *e;
        int r;

        r = fake_enter("machine.resume");
        if (r < 0)
                return r;
        while (d && (e = readdir(d))) {
                _cleanup_free_ char *text = unit_text(e->d_name);

                if (text && strstr(text, "twin stopped"))
                        set_unit(e->d_name, fake_machine()->info.commit == TWIN_COMMIT_TWIN ? "twin" : "TWICE");
        }
        return 0;
}

const MachineOps fake_machine_ops = {
        .freeze_disks = freeze_disks,
        .thaw_disks = thaw_disks,
        .resume = resume,
};

static int estate_describe(json_object **ret, char **ret_error) {
        int r;

        r = fake_enter("estate.describe");
        if (r < 0)
                return r;
        *ret = json_object_new_object();
        json_object_object_add(*ret, "hostname", json_object_new_string("fake"));
        return 0;
}

static int estate_claim(json_object *estate, char **ret_error) {
        return fake_enter("estate.claim %s", json_object_get_string(json_object_object_get(estate, "hostname")));
}

const EstateOps fake_estate = {
        .describe = estate_describe,
        .claim = estate_claim,
};

static struct sockaddr_un channel_address(unsigned port) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };

        snprintf(a.sun_path, sizeof(a.sun_path), "%.100s", fake_path("port-%u", port));
        return a;
}

static int channel_listen(void) {
        struct sockaddr_un a = channel_address(ENGINE_PORT);
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int r;

        r = fake_enter("channel.listen");
        if (r < 0)
                return r;
        unlink(a.sun_path);
        if (fd < 0 || bind(fd, (struct sockaddr *) &a, sizeof(a)) < 0 || listen(fd, 1) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int channel_accept(int listener) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

static int channel_connect(unsigned port) {
        struct sockaddr_un a = channel_address(port);
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0 || connect(fd, (struct sockaddr *) &a, sizeof(a)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

const ChannelOps fake_channel = {
        .listen = channel_listen,
        .accept = channel_accept,
        .connect = channel_connect,
};
