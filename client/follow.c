/* SPDX-License-Identifier: GPL-2.0-only */

/*
 * Follow a job until it ends: show its progress, let Ctrl-C cancel it, say what became of it. In the old kernel
 * the end that can be seen is the commit, for this kernel parks right after it.
 */

#include <signal.h>
#include <stdarg.h>

#include "agent.h"
#include "bus.h"
#include "fault.h"
#include "follow.h"
#include "progress.h"

typedef struct Follow {
        Context *context;
        sd_event *event;
        sd_event_source *tick;
        Progress progress;
        Job job; /* id 0: tkd has not answered yet */
        Interrupt interrupt;
        unsigned n_interrupts;
        bool cancel_accepted;
        bool in_new_kernel; /* we run where the job leads to */
} Follow;

static void follow_done(Follow *f) {
        agent_close();
        progress_done(&f->progress);
        job_done(&f->job);
        sd_event_source_unref(f->tick);
        sd_bus_detach_event(f->context->bus);
        sd_event_unref(f->event);
}

static int leave(Follow *f, int exit_code) {
        return sd_event_exit(f->event, exit_code);
}

static _printf_(2, 3) void say(Follow *f, const char *format, ...) {
        va_list ap;

        progress_clear(&f->progress);
        fflush(stdout);
        va_start(ap, format);
        vfprintf(f->context->json ? stderr : stdout, format, ap);
        va_end(ap);
}

static void say_downtime(Follow *f) {
        char length[FORMAT_MAX];
        Downtime d;

        if (ledger_downtime(&f->job.ledger, &d))
                say(f, "The apps stood still for %s.\n", format_length(length, d.total));
}

static int end_committed(Follow *f) {
        const Job *j = &f->job;

        say(f, "Job %" PRIu64 " is %s: the apps run in Linux %s now.\n", j->id,
            job_is_finished(j) ? "done" : "committed", strempty(j->version));
        say_downtime(f);
        if (!job_is_finished(j))
                say(f,
                    "This kernel is about to park, and what runs in it stops.\n"
                    "Follow the job in the new kernel: \"tkctl show %" PRIu64 "\".\n",
                    j->id);
        return EXIT_OK;
}

static int end_booted(Follow *f) {
        const Job *j = &f->job;

        say(f,
            "Job %" PRIu64 " is done: Linux %s runs beside this kernel now.\n"
            "\"tkctl console\" logs in there, \"tkctl upgrade %s\" moves the apps to it, \"tkctl release\" drops it.\n",
            j->id, strempty(j->version), strempty(j->version));
        return EXIT_OK;
}

static int end_released(Follow *f) {
        say(f, "Job %" PRIu64 " is done: the twin is gone, and what it had is given back to this kernel.\n", f->job.id);
        return EXIT_OK;
}

static int end_done(Follow *f) {
        if (job_is_kind(&f->job, TKD_KIND_BOOT))
                return end_booted(f);
        if (job_is_kind(&f->job, TKD_KIND_RELEASE))
                return end_released(f);
        return end_committed(f);
}

/* What a job that was rolled back leaves. */
static const char *rolled_back_text(const Job *j) {
        return job_is_kind(j, TKD_KIND_BOOT) ? "CPUs and memory are given back" : "the apps run on in the old kernel";
}

static int end_cancelled(Follow *f) {
        const char *step = job_last_step(&f->job);

        say(f, "Job %" PRIu64 " was cancelled%s%s and rolled back: %s.\n", f->job.id, step ? " in step " : "",
            strempty(step), rolled_back_text(&f->job));
        say_downtime(f);
        return EXIT_CANCELLED;
}

static int end_failed(Follow *f) {
        const Job *j = &f->job;
        const char *step = job_last_step(j);
        char what[128];

        snprintf(what, sizeof(what), "Job %" PRIu64 " failed%s%s", j->id, step ? " in step " : "", strempty(step));
        fault_print(f->context, what, j->error_name, j->error_text);
        if (!job_is_committed(j) && !job_is_kind(j, TKD_KIND_RELEASE))
                say(f, "Job %" PRIu64 " was rolled back: %s.\n", j->id, rolled_back_text(j));
        say_downtime(f);
        return EXIT_FAILED;
}

static int end_job(Follow *f) {
        const Job *j = &f->job;

        progress_clear(&f->progress);
        if (f->context->json) {
                _cleanup_json_ json_object *o = job_to_json(j);

                json_object_object_add(o, "event", json_object_new_string(job_is_finished(j) ? "finished" : "committed"));
                print_json_line(o);
        }
        if (streq(strempty(j->result), TKD_RESULT_CANCELLED))
                return end_cancelled(f);
        if (streq(strempty(j->result), TKD_RESULT_FAILED))
                return end_failed(f);
        return end_done(f);
}

/* In the old kernel nothing comes after the commit; in the new one the job goes on to its end. */
static int follow_update(Follow *f) {
        progress_update(&f->progress, &f->job);
        if (job_is_finished(&f->job) || (job_is_committed(&f->job) && !f->in_new_kernel))
                return leave(f, end_job(f));
        return 0;
}

static int on_cancel_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const sd_bus_error *error = sd_bus_message_get_error(m);
        Follow *f = userdata;

        agent_close();
        if (error) {
                progress_clear(&f->progress);
                fault_print(f->context, "Not cancelled", error->name, error->message);
                return 0;
        }
        f->cancel_accepted = true;
        say(f, "tkd rolls job %" PRIu64 " back.\n", f->job.id);
        return 0;
}

static int cancel_job(Follow *f) {
        _cleanup_message_ sd_bus_message *call = NULL;
        _cleanup_free_ char *path = job_path(f->job.id);
        int r;

        if (!path)
                return -ENOMEM;
        r = bus_prepare(f->context, &call, path, TKD_JOB_INTERFACE, TKD_METHOD_JOB_CANCEL);
        if (r < 0)
                return r;
        r = bus_allow_password(f->context, call);
        if (r < 0)
                return r;
        bus_open_agent(f->context, call);
        return sd_bus_call_async(f->context->bus, NULL, call, on_cancel_reply, f, CALL_TIMEOUT_USEC);
}

static int interrupt_first(Follow *f) {
        say(f, "\nAsking tkd to cancel the job. Ctrl-C again leaves without waiting for it.\n");
        return f->job.id == 0 ? 0 : cancel_job(f);
}

static int interrupt_second(Follow *f) {
        if (f->job.id == 0)
                say(f, "\nLeft before tkd answered: \"tkctl status\" says whether a job runs.\n");
        else
                say(f, "\nLeft: tkd %s job %" PRIu64 ", \"tkctl monitor %" PRIu64 "\" follows it.\n",
                    f->cancel_accepted ? "rolls back" : "goes on with", f->job.id, f->job.id);
        return leave(f, EXIT_INTERRUPTED);
}

static int on_interrupt(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        Follow *f = userdata;

        if (f->interrupt == INTERRUPT_LEAVES)
                return leave(f, EXIT_OK);
        return f->n_interrupts++ == 0 ? interrupt_first(f) : interrupt_second(f);
}

static int on_properties_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        Follow *f = userdata;
        uint64_t id;
        int r;

        if (job_id_from_path(sd_bus_message_get_path(m), &id) < 0 || id != f->job.id)
                return 0;
        r = sd_bus_message_skip(m, "s");
        if (r < 0)
                return r;
        r = job_read(&f->job, m);
        return r < 0 ? leave(f, bus_bad_reply(f->context, r)) : follow_update(f);
}

/* tkd restarted or died, or the bus did. What the job came to is in tkd's journal on the disk. */
static int connection_lost(Follow *f) {
        if (f->job.id == 0)
                fault_print(f->context, NULL, SD_BUS_ERROR_DISCONNECTED, NULL);
        else
                say(f,
                    "The connection to tkd was lost while job %" PRIu64 " was %s. When tkd is back, "
                    "\"tkctl show %" PRIu64 "\" says what became of it.\n",
                    f->job.id, strempty(f->job.state), f->job.id);
        return leave(f, f->job.id == 0 ? EXIT_UNREACHABLE : EXIT_LOST);
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        return connection_lost(userdata);
}

static int on_name_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        Follow *f = userdata;
        const char *new_owner;
        int r;

        r = sd_bus_message_read(m, "sss", NULL, NULL, &new_owner);
        if (r < 0)
                return r;
        return isempty(new_owner) && f->job.id > 0 ? connection_lost(f) : 0;
}

static int on_tick(sd_event_source *s, uint64_t usec, void *userdata) {
        Follow *f = userdata;
        int r;

        if (f->progress.bar && f->job.id > 0)
                progress_update(&f->progress, &f->job);
        r = sd_event_source_set_time_relative(s, USEC_PER_SEC);
        return r < 0 ? r : sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

/**
 * event_open() - an event loop that the connection is attached to, and SIGINT and SIGTERM
 * @c: the connection
 * @on_signal: what the signals do, or NULL: they end the loop
 * @userdata: of @on_signal
 * @ret: the loop
 *
 * Return: 0 or a negative errno.
 */
int event_open(Context *c, sd_event_signal_handler_t on_signal, void *userdata, sd_event **ret) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        sigset_t set;
        int r;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        r = sd_event_new(&event);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGINT, on_signal, userdata);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGTERM, on_signal, userdata);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(c->bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(event);
        return 0;
}

static int follow_match(Follow *f) {
        sd_bus *bus = f->context->bus;
        int r;

        r = sd_bus_add_match(bus, NULL,
                             "type='signal',sender='" TKD_BUS_NAME "',interface='org.freedesktop.DBus.Properties',"
                             "member='PropertiesChanged',path_namespace='" TKD_JOB_PATH_PREFIX "'",
                             on_properties_changed, f);
        if (r < 0)
                return r;
        r = sd_bus_add_match(bus, NULL,
                             "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                             "member='NameOwnerChanged',arg0='" TKD_BUS_NAME "'",
                             on_name_owner_changed, f);
        if (r < 0)
                return r;
        return sd_bus_match_signal(bus, NULL, NULL, "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                   "Disconnected", on_disconnected, f);
}

static int follow_init(Follow *f) {
        int r;

        progress_init(&f->progress, f->context);
        r = event_open(f->context, on_interrupt, f, &f->event);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(f->event, &f->tick, CLOCK_MONOTONIC, USEC_PER_SEC, 0, on_tick, f);
        if (r < 0)
                return r;
        return follow_match(f);
}

static bool runs_in_new_kernel(Follow *f) {
        _cleanup_free_ char *kernel = NULL;

        if (sd_bus_get_property_string(f->context->bus, TKD_BUS_NAME, TKD_PATH, TKD_MANAGER_INTERFACE,
                                       TKD_PROPERTY_KERNEL, NULL, &kernel) < 0)
                return false;
        return streq(kernel, strempty(f->job.version)) && f->job.ledger.n_stamps > 0 &&
                !streq(kernel, f->job.ledger.stamps[0].kernel);
}

/* The properties as they are now; what changes from here on comes as a signal, for the match stands already. */
static int follow_load(Follow *f, uint64_t id) {
        int r;

        r = job_load(f->context, id, &f->job);
        if (r != EXIT_OK)
                return leave(f, r);
        f->in_new_kernel = runs_in_new_kernel(f);
        return follow_update(f);
}

static int on_start_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const sd_bus_error *error = sd_bus_message_get_error(m);
        Follow *f = userdata;
        uint64_t id;
        int r;

        agent_close();
        if (error)
                return leave(f, fault_print_bus(f->context, error, sd_bus_message_get_errno(m)));
        r = sd_bus_message_read(m, TKD_START_SIGNATURE_OUT, &id, NULL);
        if (r < 0)
                return leave(f, bus_bad_reply(f->context, r));

        if (!f->context->json)
                say(f, "Job %" PRIu64 " has started.%s\n", id,
                    f->interrupt == INTERRUPT_CANCELS ? " Ctrl-C cancels it." : "");
        r = follow_load(f, id);
        if (r < 0)
                return r;
        return f->n_interrupts > 0 ? cancel_job(f) : 0;
}

static int follow_run(Follow *f, int r) {
        if (r >= 0)
                r = sd_event_loop(f->event);
        return r < 0 ? fault_print_bus(f->context, NULL, r) : r;
}

/**
 * follow_start() - start a job and follow it
 * @c: the connection
 * @call: the call that starts it, complete
 * @interrupt: what Ctrl-C does
 *
 * Return: the exit code.
 */
int follow_start(Context *c, sd_bus_message *call, Interrupt interrupt) {
        _cleanup_(follow_done) Follow f = { .context = c, .interrupt = interrupt };
        int r;

        r = follow_init(&f);
        if (r >= 0) {
                bus_open_agent(c, call);
                r = sd_bus_call_async(c->bus, NULL, call, on_start_reply, &f, CALL_TIMEOUT_USEC);
        }
        return follow_run(&f, r);
}

/**
 * follow_watch() - follow a job until it ends; Ctrl-C ends the watching only
 * @c: the connection
 * @id: the job
 *
 * Return: the exit code, as that of the verb that started it.
 */
int follow_watch(Context *c, uint64_t id) {
        _cleanup_(follow_done) Follow f = { .context = c, .interrupt = INTERRUPT_LEAVES };
        int r;

        r = follow_init(&f);
        if (r >= 0)
                r = follow_load(&f, id);
        return follow_run(&f, r);
}
