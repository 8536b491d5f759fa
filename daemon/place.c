/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Place: placeholders under systemd, see place.h.
 */
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "engine-error.h"
#include "files.h"
#include "place.h"
#include "program.h"
#include "unit.h"

#define RUNTIME_UNITS           "/run/systemd/system"
#define DROP_IN                 "zz-tkd-placeholder.conf"
#define NOTIFY_SOCKET           "/run/systemd/notify"
/* Wants what is to run beside the applications once the twin is the machine. */
#define MACHINE_TARGET          "tkd-machine.target"
#define BARRIER_USEC            (5 * USEC_PER_SEC)

static void drop_in_dir(const char *name, char *buf, size_t size) {
        snprintf(buf, size, RUNTIME_UNITS "/%s.d", name);
}

/* What the log calls the service: its program's name is not known to the placeholder. */
static int identifier(const char *name, char **ret) {
        const char *dot = strrchr(name, '.');

        *ret = strndup(name, dot ? (size_t) (dot - name) : strlen(name));
        return *ret ? 0 : -ENOMEM;
}

static int write_drop_in(const char *name) {
        _cleanup_free_ char *text = NULL, *id = NULL;
        char dir[PATH_MAX], path[PATH_MAX + sizeof(DROP_IN)];
        int r;

        r = identifier(name, &id);
        if (r < 0)
                return r;
        if (asprintf(&text,
                     "# Made by tkd for the time of an upgrade.\n"
                     "[Service]\n"
                     "Type=exec\n"
                     "NotifyAccess=all\n"
                     "ExecCondition=\nExecStartPre=\nExecStart=\nExecStartPost=\nExecStop=\nExecStopPost=\n"
                     "ExecStart=/usr/bin/sleep infinity\n"
                     "PIDFile=\n"
                     "WatchdogSec=0\n"
                     "Restart=no\n"
                     "SyslogIdentifier=%s\n", id) < 0)
                return -ENOMEM;
        drop_in_dir(name, dir, sizeof(dir));
        r = mkdir_parents(dir);
        if (r < 0)
                return r;
        snprintf(path, sizeof(path), "%s/" DROP_IN, dir);
        return write_text_file(path, text);
}

static void remove_drop_in(const char *name) {
        char dir[PATH_MAX], path[PATH_MAX + sizeof(DROP_IN)];

        drop_in_dir(name, dir, sizeof(dir));
        snprintf(path, sizeof(path), "%s/" DROP_IN, dir);
        unlink(path);
        rmdir(dir);
}

static int daemon_reload(char **ret_error) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = run_program((const char *const[]) { "systemctl", "daemon-reload", NULL }, &text);
        if (r != 0)
                return error_text(ret_error, r < 0 ? r : -EIO, "systemctl daemon-reload: %s", strempty(text));
        return 0;
}

/* Requirements of the unit may be missing in the twin's root; its processes have had them. */
static int start(const char *name, char **ret_error) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = run_program((const char *const[]) {
                                "systemctl", "start", "--job-mode=ignore-requirements", name, NULL }, &text);
        if (r != 0)
                return error_text(ret_error, r < 0 ? r : -EIO, "Cannot start a placeholder for %s: %s", name,
                                  strempty(text));
        return 0;
}

/* A unit that systemd has not loaded yet is read with its drop-ins when it starts: reloading takes seconds. */
static bool any_loaded(char **names) {
        pid_t pid;

        for (char **i = names; i && *i; i++)
                if (unit_get_main_pid(*i, &pid) != -ENOENT)
                        return true;
        return false;
}

static int place_prepare(char **names, char **ret_error) {
        int r = 0;

        for (char **i = names; i && *i; i++) {
                r = write_drop_in(*i);
                if (r < 0)
                        return error_text(ret_error, r, "Cannot write a drop-in for %s: %m", *i);
        }
        if (any_loaded(names))
                r = daemon_reload(ret_error);
        for (char **i = names; r >= 0 && i && *i; i++)
                r = start(*i, ret_error);
        return r;
}

/* Speaks to systemd in the placeholder's name: it accepts MAINPID= only from the unit itself. */
static int tell_main_pid(pid_t placeholder, pid_t main_pid) {
        int r;

        if (setenv("NOTIFY_SOCKET", NOTIFY_SOCKET, true) < 0)
                return -errno;
        r = sd_pid_notifyf(placeholder, false, "MAINPID=%d", (int) main_pid);
        if (r >= 0)
                r = sd_pid_notify_barrier(placeholder, false, BARRIER_USEC);
        unsetenv("NOTIFY_SOCKET");
        return r < 0 ? r : 0;
}

static int place_adopt(const char *name, pid_t main_pid, char **ret_error) {
        pid_t placeholder, now;
        int r;

        r = unit_get_main_pid(name, &placeholder);
        if (r < 0)
                return error_text(ret_error, r, "Cannot ask systemd about %s: %m", name);
        if (placeholder == main_pid)
                return 0;
        r = tell_main_pid(placeholder, main_pid);
        if (r < 0)
                return error_text(ret_error, r, "Cannot tell systemd the main process of %s: %m", name);
        r = unit_get_main_pid(name, &now);
        if (r < 0 || now != main_pid)
                return error_text(ret_error, r < 0 ? r : -ESRCH, "systemd does not take process %d for %s",
                                  (int) main_pid, name);
        kill(placeholder, SIGKILL);
        return 0;
}

/* Generators look at the devices again, which were not there before: consoles get their logins. */
static int place_settle(char **names, char **ret_error) {
        _cleanup_free_ char *text = NULL;
        int r;

        for (char **i = names; i && *i; i++)
                remove_drop_in(*i);
        r = daemon_reload(ret_error);
        if (r < 0)
                return r;
        r = run_program((const char *const[]) { "systemctl", "start", "--no-block", MACHINE_TARGET, NULL }, &text);
        if (r != 0)
                return error_text(ret_error, r < 0 ? r : -EIO, "systemctl start " MACHINE_TARGET ": %s", strempty(text));
        return 0;
}

const PlaceOps place_systemd = {
        .prepare = place_prepare,
        .adopt = place_adopt,
        .settle = place_settle,
};
