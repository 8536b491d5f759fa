/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Give() and Take(): PCI functions that the twin has, and those that move. Which
 * are lent is kept in a file, since the kernel does not say.
 */
#include "conf-files.h"
#include "files.h"
#include "json-file.h"
#include "log.h"
#include "manager.h"
#include "pci-function.h"
#include "polkit.h"
#include "protocol.h"
#include "strv.h"
#include "twin-device.h"

#define LENT_DIR        "/run/tkd"
#define LENT_PATH       LENT_DIR "/lent.json"

/* A call whose function is on its way. */
struct Lending {
        Task *task;
        sd_bus_message *call;
        bool give;
        char address[PCI_FUNCTION_MAX];
};

Lending *lending_free(Lending *l) {
        if (!l)
                return NULL;
        task_free(l->task);
        sd_bus_message_unref(l->call);
        free(l);
        return NULL;
}

DEFINE_CLEANUP(Lending *, lending_free)

int manager_get_twin_functions(sd_bus *bus, const char *path, const char *interface, const char *property,
                               sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;

        return sd_bus_message_append_strv(reply, m->lent);
}

static void save_lent(const Manager *m) {
        _cleanup_json_ json_object *o = json_object_new_object();
        json_object *list = json_object_new_array();
        _cleanup_free_ char *path = conf_path(LENT_PATH), *dir = conf_path(LENT_DIR);
        int r;

        for (size_t i = 0; i < strv_length(m->lent); i++)
                json_object_array_add(list, json_object_new_string(m->lent[i]));
        json_object_object_add(o, "functions", list);
        r = path && dir ? mkdir_parents(dir) : -ENOMEM;
        if (r >= 0)
                r = write_json_file(path, o);
        if (r < 0)
                log_warning_errno(r, "Cannot write %s: %m", LENT_PATH);
}

void manager_load_lent(Manager *m) {
        _cleanup_free_ char *path = conf_path(LENT_PATH);
        _cleanup_json_ json_object *o = NULL;
        json_object *list;

        if (!path || !twin_state_runs(m->twin.info.state) || read_json_file(path, &o) < 0)
                return;
        if (!json_object_object_get_ex(o, "functions", &list) || !json_object_is_type(list, json_type_array))
                return;
        for (size_t i = 0; i < json_object_array_length(list); i++)
                if (strv_push(&m->lent, strempty(json_object_get_string(json_object_array_get_idx(list, i)))) < 0)
                        log_oom();
}

static void set_lent(Manager *m, const char *address, bool lent) {
        _cleanup_strv_ char **old = TAKE_PTR(m->lent);

        for (size_t i = 0; i < strv_length(old); i++)
                if (!streq(old[i], address) && strv_push(&m->lent, old[i]) < 0)
                        log_oom();
        if (lent && strv_push(&m->lent, address) < 0)
                log_oom();
        save_lent(m);
        manager_changed(m, TKD_PROPERTY_TWIN_FUNCTIONS);
}

void manager_forget_lent(Manager *m) {
        if (!m->lent)
                return;
        m->lent = strv_free(m->lent);
        save_lent(m);
        manager_changed(m, TKD_PROPERTY_TWIN_FUNCTIONS);
}

static void on_done(const char *name, const char *message, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Manager *m = userdata;
        _cleanup_(lending_freep) Lending *l = TAKE_PTR(m->lending);

        if (name) {
                log_error("%s: %s", l->address, message);
                sd_bus_error_set(&error, name, message);
                sd_bus_reply_method_error(l->call, &error);
                return;
        }
        log_notice("%s is %s the twin", l->address, l->give ? "lent to" : "back from");
        set_lent(m, l->address, l->give);
        sd_bus_reply_method_return(l->call, NULL);
}

static int refuse(Manager *m, const char *address, bool give, struct twin_function *ret, sd_bus_error *error) {
        if (pci_function_parse(address, ret) < 0)
                return sd_bus_error_setf(error, TKD_ERROR_NO_SUCH_FUNCTION,
                                         "\"%s\" is not the address of a PCI function, such as 0000:00:04.0", address);
        if (manager_is_busy(m))
                return sd_bus_error_set(error, TKD_ERROR_BUSY, "Another job is running, or a function on its way");
        twin_watch_refresh(&m->twin);
        if (m->twin.fd < 0 || !twin_state_runs(m->twin.info.state))
                return sd_bus_error_set(error, TKD_ERROR_NO_TWIN, "There is no twin");
        if (give && m->twin.info.state != TWIN_STATE_ALIVE)
                return sd_bus_error_setf(error, TKD_ERROR_TWIN_FAILED, "The twin takes nothing: its state is \"%s\"",
                                         twin_state_to_string(m->twin.info.state));
        if (give && pci_function_has_root(ret))
                return sd_bus_error_setf(error, TKD_ERROR_FUNCTION_BUSY,
                                         "The root filesystem is on %s: this kernel would stand still without it", address);
        return 0;
}

static int start(Manager *m, sd_bus_message *call, bool give, sd_bus_error *error) {
        _cleanup_(lending_freep) Lending *l = calloc(1, sizeof(Lending));
        char version[] = TKD_VERSION;
        EnginePlan plan = { .tkd_version = version };
        const char *address;
        int r;

        if (!l)
                return -ENOMEM;
        r = sd_bus_message_read(call, "s", &address);
        if (r < 0)
                return r;
        r = refuse(m, address, give, &plan.function, error);
        if (r < 0)
                return r;
        l->call = sd_bus_message_ref(call);
        l->give = give;
        pci_function_format(l->address, &plan.function);
        r = task_start(m->event, m->backend, &plan, give ? "give" : "take", on_done, m, &l->task);
        if (r < 0)
                return r;
        m->lending = TAKE_PTR(l);
        return 1;
}

static int give_authorized(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return start(userdata, call, true, error);
}

static int take_authorized(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return start(userdata, call, false, error);
}

int manager_method_give(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return polkit_authorize(call, TKD_ACTION_LEND, give_authorized, userdata, error);
}

int manager_method_take(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return polkit_authorize(call, TKD_ACTION_LEND, take_authorized, userdata, error);
}
