/* SPDX-License-Identifier: GPL-2.0-only */

/*
 * Errors of D-Bus and of jobs as one clear line. tkd's own text names the thing; the table here adds the way
 * out and the exit code.
 */

#include "fault.h"

typedef struct Fault {
        const char *name;
        ExitCode exit_code;
        const char *text; /* instead of the message, where that comes from the bus and says little */
        const char *hint;
} Fault;

static const Fault faults[] = {
        { TKD_ERROR_NO_SUCH_VERSION, EXIT_REFUSED, NULL, "\"tkctl list\" shows the kernels that are installed." },
        { TKD_ERROR_NO_INITRAMFS, EXIT_REFUSED, NULL,
          "Build the twin's initramfs for that kernel, or set TwinInitramfs= in tkd.conf(5)." },
        { TKD_ERROR_BAD_IMAGE, EXIT_REFUSED, NULL, "Install that kernel again, then try \"tkctl check\"." },
        { TKD_ERROR_NO_TWIN_SUPPORT, EXIT_REFUSED, NULL,
          "Choose one that has it: see the column TWIN of \"tkctl list\"." },
        { TKD_ERROR_UNKNOWN_OPTION, EXIT_REFUSED, NULL,
          "tkd and tkctl may be of different releases: compare \"tkctl status\" with \"tkctl --version\"." },
        { TKD_ERROR_BAD_OPTION, EXIT_REFUSED, NULL, "See tkctl(1) for the values that are allowed." },
        { TKD_ERROR_BAD_CONFIG, EXIT_REFUSED, NULL, "Correct that file (see tkd.conf(5)), then try again." },
        { TKD_ERROR_BAD_POLICY, EXIT_REFUSED, NULL, "Correct that file (see tkd-policy(5)), then try again." },
        { TKD_ERROR_BAD_UNIT, EXIT_REFUSED, NULL,
          "Give that unit another action in the policy (see tkd-policy(5)), or change the unit." },
        { TKD_ERROR_NOT_ENOUGH_MEMORY, EXIT_REFUSED, NULL,
          "Free some memory, or lower TwinMemory= or CheckpointMemory= in tkd.conf(5)." },
        { TKD_ERROR_NOT_ENOUGH_CPUS, EXIT_REFUSED, NULL,
          "Bring more CPUs online, or change TwinCPUs= in tkd.conf(5)." },
        { TKD_ERROR_BUSY, EXIT_REFUSED, NULL, "\"tkctl show\" shows that job, \"tkctl cancel\" ends it." },
        { TKD_ERROR_TWIN_EXISTS, EXIT_REFUSED, NULL, "\"tkctl status\" shows it, \"tkctl release\" drops it." },
        { TKD_ERROR_NO_TWIN, EXIT_REFUSED, NULL, "\"tkctl boot VERSION\" brings one up." },
        { TKD_ERROR_NO_SUCH_FUNCTION, EXIT_REFUSED, NULL,
          "\"lspci -D\" lists the functions, \"tkctl status\" those that are lent." },
        { TKD_ERROR_FUNCTION_BUSY, EXIT_REFUSED, NULL, "\"tkctl status\" shows what is lent." },
        { TKD_ERROR_CANNOT_LEND, EXIT_REFUSED, NULL, "\"journalctl -k\" may have the driver's reason." },
        { TKD_ERROR_NO_KERNEL_BEFORE, EXIT_REFUSED, NULL,
          "\"tkctl list\" shows the kernels that \"tkctl upgrade\" can go to." },
        { TKD_ERROR_NO_SUCH_JOB, EXIT_REFUSED, NULL, "\"tkctl history\" lists the jobs." },
        { TKD_ERROR_NOT_CANCELLABLE, EXIT_REFUSED, NULL, "\"tkctl show\" says how it went on." },
        { TKD_ERROR_NOT_SUPPORTED, EXIT_REFUSED, NULL, "\"tkctl check VERSION\" says what is missing here." },
        { TKD_ERROR_FAILED, EXIT_FAILED, NULL, "\"journalctl -u tkd\" has the details." },
        { TKD_ERROR_CANCELLED, EXIT_CANCELLED, NULL, NULL },
        { TKD_ERROR_TIMED_OUT, EXIT_FAILED, NULL,
          "\"journalctl -u tkd\" has the details; the time limits are in tkd.conf(5)." },
        { TKD_ERROR_TWIN_FAILED, EXIT_FAILED, NULL, "\"tkctl log --no-follow\" shows its whole log." },
        { TKD_ERROR_CHECKPOINT_FAILED, EXIT_FAILED, NULL,
          "\"journalctl -u tkd\" has CRIU's reason; a unit that cannot move needs another action in tkd-policy(5)." },
        { TKD_ERROR_RESTORE_FAILED, EXIT_FAILED, NULL,
          "\"journalctl -u tkd\" has CRIU's reason; a unit that cannot move needs another action in tkd-policy(5)." },
        { TKD_ERROR_ACCESS_DENIED, EXIT_DENIED, NULL, "Run tkctl as root, or ask for the right in polkit." },
        { TKD_ERROR_INTERACTIVE_AUTH, EXIT_DENIED, "A password is needed for this.",
          "Run tkctl as root, or on a terminal without --no-ask-password." },
        { SD_BUS_ERROR_SERVICE_UNKNOWN, EXIT_UNREACHABLE, "tkd is not running.",
          "\"systemctl start tkd\" starts it." },
        { SD_BUS_ERROR_NAME_HAS_NO_OWNER, EXIT_UNREACHABLE, "tkd is not running.",
          "\"systemctl start tkd\" starts it." },
        { "org.freedesktop.DBus.Error.Spawn.ChildExited", EXIT_UNREACHABLE, "tkd did not start.",
          "\"systemctl status tkd\" says why." },
        { "org.freedesktop.DBus.Error.TimedOut", EXIT_UNREACHABLE, "tkd did not start in time.",
          "\"systemctl status tkd\" says why." },
        { "org.freedesktop.systemd1.NoSuchUnit", EXIT_UNREACHABLE, "tkd is not installed.",
          "Install tkd, or name another machine with -H or -M." },
        { SD_BUS_ERROR_NO_REPLY, EXIT_UNREACHABLE, "tkd did not answer.", "\"systemctl status tkd\" says why." },
        { SD_BUS_ERROR_TIMEOUT, EXIT_UNREACHABLE, "tkd did not answer in time.",
          "\"systemctl status tkd\" says why." },
        { SD_BUS_ERROR_DISCONNECTED, EXIT_UNREACHABLE, "The connection to the bus was lost.", "Try again." },
        { SD_BUS_ERROR_UNKNOWN_METHOD, EXIT_FAILED, NULL,
          "tkd and tkctl may be of different releases: compare \"tkctl status\" with \"tkctl --version\"." },
        { SD_BUS_ERROR_UNKNOWN_OBJECT, EXIT_REFUSED, NULL, "\"tkctl history\" lists the jobs." },
};

static const Fault *fault_find(const char *name) {
        for (size_t i = 0; name && i < ELEMENTSOF(faults); i++)
                if (streq(faults[i].name, name))
                        return faults + i;
        return NULL;
}

/**
 * fault_hint() - the way out of an error
 * @name: its D-Bus name, or NULL
 *
 * Return: a sentence, or NULL when there is none.
 */
const char *fault_hint(const char *name) {
        const Fault *f = fault_find(name);

        return f ? f->hint : NULL;
}

/**
 * fault_exit_code() - the exit code for an error
 * @name: its D-Bus name, or NULL
 *
 * Return: the code; EXIT_FAILED for an error that is not in the table.
 */
int fault_exit_code(const char *name) {
        const Fault *f = fault_find(name);

        return f ? (int) f->exit_code : EXIT_FAILED;
}

/* The hints name commands and files of the machine where tkd runs. */
static void print_target(const Context *c) {
        if (c->transport == TRANSPORT_REMOTE || c->transport == TRANSPORT_MACHINE)
                fprintf(stderr, "%s: ", c->target);
}

static bool endswith_newline(const char *s) {
        size_t n = strlen(s);

        return n > 0 && s[n - 1] == '\n';
}

/**
 * fault_print() - print an error as one line on standard error
 * @c: the command line: names the other machine, if there is one
 * @what: what failed, e.g. "Job 3 failed", or NULL
 * @name: the error's D-Bus name, or NULL
 * @text: what tkd says
 *
 * Further lines of the text, such as the last ones of the twin's log, follow.
 *
 * Return: the exit code for it.
 */
int fault_print(const Context *c, const char *what, const char *name, const char *text) {
        const Fault *f = fault_find(name);
        const char *lines;
        size_t n;

        if (f && f->text)
                text = f->text;
        if (isempty(text))
                text = isempty(name) ? "Unknown error" : name;
        n = strcspn(text, "\n");
        lines = text[n] ? text + n + 1 : NULL;
        if (n > 0 && text[n - 1] == ':')
                n--; /* what it leads to stands below, after the way out */

        fflush(stdout);
        fputs("tkctl: ", stderr);
        print_target(c);
        if (what)
                fprintf(stderr, "%s: ", what);
        fprintf(stderr, "%.*s%s", (int) n, text, n > 0 && strchr(".!?", text[n - 1]) ? "" : ".");
        if (f && f->hint)
                fprintf(stderr, " %s", f->hint);
        fputc('\n', stderr);
        if (lines)
                fprintf(stderr, "%s%s", lines, endswith_newline(lines) ? "" : "\n");
        return fault_exit_code(name);
}

/**
 * fault_print_bus() - the same for what a method call answered
 * @c: the command line
 * @e: the error of the call; may be unset
 * @error: the call's negative errno
 *
 * Return: the exit code for it.
 */
int fault_print_bus(const Context *c, const sd_bus_error *e, int error) {
        _cleanup_error_ sd_bus_error own = SD_BUS_ERROR_NULL;

        if (error == -ENOTCONN || error == -ECONNRESET || error == -EPIPE)
                return fault_print(c, NULL, SD_BUS_ERROR_DISCONNECTED, NULL);
        if (e && sd_bus_error_is_set(e))
                return fault_print(c, NULL, e->name, e->message);
        sd_bus_error_set_errno(&own, error);
        return fault_print(c, NULL, own.name, own.message);
}
