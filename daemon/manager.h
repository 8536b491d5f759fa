/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Manager: the daemon's main object on the bus, and what it is made of.
 */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "engine.h"
#include "job-store.h"
#include "task.h"
#include "twin-watch.h"
#include "upgrade.h"

typedef struct Lending Lending;

typedef struct Manager {
        sd_event *event;
        sd_bus *bus;
        const EngineBackend *backend;
        JobStore *store;
        TwinWatch twin;
        char *twin_kernel;              /* that runs in the twin, or NULL */
        uint64_t twin_since;            /* µs, CLOCK_REALTIME, 0: it does not run */
        sd_event_source *last_words;    /* logs how the twin died */
        char **lent;                    /* PCI functions that the twin has */
        Lending *lending;               /* one that is on its way, or NULL */

        Job *job;                       /* that runs, or NULL */
        Upgrade *upgrade;               /* that drives it */
        sd_event_source *cleanup;       /* frees an upgrade that has ended */
        bool stopping;                  /* the daemon ends when the job has ended */
} Manager;

/**
 * manager_new() - make the daemon: read the journal, watch the twin
 * @event:	its loop
 * @backend:	by what means it works
 * @ret:	to be freed with manager_free()
 *
 * Return: 0 or a negative errno, which was logged.
 */
int manager_new(sd_event *event, const EngineBackend *backend, Manager **ret);

Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager *, manager_free)

/**
 * manager_connect() - put all objects on the system bus and take the name
 * @m:	the daemon
 *
 * Return: 0 or a negative errno, which was logged.
 */
int manager_connect(Manager *m);

/* Ends or goes on with the job that an earlier daemon left. Returns 0 or a negative errno. */
int manager_resume(Manager *m);

/**
 * manager_import() - take over a job that the old kernel's daemon began and this one ended
 * @m:		the daemon
 * @job:	as the receiver has it
 *
 * Return: 0 or a negative errno, which was logged.
 */
int manager_import(Manager *m, json_object *job);

/* Ends the loop, after the running job was cancelled and rolled back; at once when asked again. */
void manager_stop(Manager *m);

/* A new job by this plan, taken. Returns 0 or a negative errno. Part of the methods that begin one. */
int manager_start_job(Manager *m, JobKind kind, const char *mode, const char *initiator, const Config *config,
                      EnginePlan *plan);

/* Its state in one word, as the bus has it. */
const char *manager_state(const Manager *m);

/* Announces that properties of the manager have changed; the names end with NULL. */
void manager_emit_changed(Manager *m, const char *const *names);
#define manager_changed(m, ...) manager_emit_changed(m, (const char *const []) { __VA_ARGS__, NULL })

/* Takes over what is new about the twin, and announces it; manager-twin.c. */
void manager_update_twin(Manager *m);

/* The kernel of a twin that was booted to stay and can be upgraded to, or NULL. */
const char *manager_usable_twin(const Manager *m);

/* Whether a job or a lending runs; one at a time. */
bool manager_is_busy(const Manager *m);

/* The functions that an earlier tkd has lent; manager-lend.c. */
void manager_load_lent(Manager *m);

/* The kernel has taken all back. */
void manager_forget_lent(Manager *m);

Lending *lending_free(Lending *l);

/* Puts the manager's object on the bus; manager-bus.c has the table of its members. */
int manager_export(Manager *m);

/* Members that are elsewhere. */
int manager_method_upgrade(sd_bus_message *call, void *userdata, sd_bus_error *error);
int manager_method_rollback(sd_bus_message *call, void *userdata, sd_bus_error *error);
int manager_method_boot(sd_bus_message *call, void *userdata, sd_bus_error *error);
int manager_method_release(sd_bus_message *call, void *userdata, sd_bus_error *error);
int manager_method_check(sd_bus_message *call, void *userdata, sd_bus_error *error);
int manager_method_twin_log(sd_bus_message *call, void *userdata, sd_bus_error *error);
int manager_method_open_console(sd_bus_message *call, void *userdata, sd_bus_error *error);
int manager_method_give(sd_bus_message *call, void *userdata, sd_bus_error *error);
int manager_method_take(sd_bus_message *call, void *userdata, sd_bus_error *error);
int manager_get_twin_state(sd_bus *bus, const char *path, const char *interface, const char *property,
                           sd_bus_message *reply, void *userdata, sd_bus_error *error);
int manager_get_twin_cpus(sd_bus *bus, const char *path, const char *interface, const char *property,
                          sd_bus_message *reply, void *userdata, sd_bus_error *error);
int manager_get_twin_memory(sd_bus *bus, const char *path, const char *interface, const char *property,
                            sd_bus_message *reply, void *userdata, sd_bus_error *error);
int manager_get_twin_functions(sd_bus *bus, const char *path, const char *interface, const char *property,
                               sd_bus_message *reply, void *userdata, sd_bus_error *error);
int manager_get_twin_error(sd_bus *bus, const char *path, const char *interface, const char *property,
                           sd_bus_message *reply, void *userdata, sd_bus_error *error);
