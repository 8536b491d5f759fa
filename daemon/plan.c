/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Plans as JSON: see plan.h.
 */
#include "cpu-list.h"
#include "plan.h"
#include "policy.h"
#include "strv.h"

static const struct {
        const char *key;
        size_t offset;
} strings[] = {
        { "tkd-version",  offsetof(EnginePlan, tkd_version)  },
        { "version",      offsetof(EnginePlan, version)      },
        { "kernel",       offsetof(EnginePlan, kernel)       },
        { "initrd",       offsetof(EnginePlan, initrd)       },
        { "command-line", offsetof(EnginePlan, cmdline)      },
        { "handover-dir", offsetof(EnginePlan, handover_dir) },
}, numbers[] = {
        { "memory",            offsetof(EnginePlan, mem_size)             },
        { "checkpoint-memory", offsetof(EnginePlan, pmem_size)            },
        { "boot-timeout",      offsetof(EnginePlan, boot_timeout_usec)    },
        { "restore-timeout",   offsetof(EnginePlan, restore_timeout_usec) },
        { "commit-timeout",    offsetof(EnginePlan, commit_timeout_usec)  },
};

static json_object *strv_to_json(char *const *l) {
        json_object *a = json_object_new_array();

        for (; l && *l; l++)
                json_object_array_add(a, json_object_new_string(*l));
        return a;
}

static json_object *unit_to_json(const EngineUnit *u) {
        json_object *o = json_object_new_object();

        json_object_object_add(o, "name", json_object_new_string(u->name));
        json_object_object_add(o, "action", json_object_new_string(action_to_string(u->action)));
        json_object_object_add(o, "tcp-keep", json_object_new_boolean(u->tcp_keep));
        json_object_object_add(o, "carry", strv_to_json(u->carry));
        return o;
}

json_object *plan_to_json(const EnginePlan *plan) {
        _cleanup_json_ json_object *o = json_object_new_object();
        _cleanup_free_ char *cpus = cpu_set_to_string((const CpuSet *) plan->cpus);
        json_object *units = json_object_new_array();

        if (!o || !cpus || !units)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(strings); i++) {
                const char *s = *(char *const *) ((const char *) plan + strings[i].offset);

                if (s)
                        json_object_object_add(o, strings[i].key, json_object_new_string(s));
        }
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                json_object_object_add(o, numbers[i].key, json_object_new_uint64(
                        *(const uint64_t *) ((const char *) plan + numbers[i].offset)));
        json_object_object_add(o, "cpus", json_object_new_string(cpus));
        json_object_object_add(o, "attach", json_object_new_boolean(plan->attach));
        for (size_t i = 0; i < plan->n_units; i++)
                json_object_array_add(units, unit_to_json(&plan->units[i]));
        json_object_object_add(o, "units", units);
        return TAKE_PTR(o);
}

static int get_string(json_object *o, const char *key, const char **ret) {
        json_object *value;

        if (!json_object_object_get_ex(o, key, &value) || !json_object_is_type(value, json_type_string))
                return -EBADMSG;
        *ret = json_object_get_string(value);
        return 0;
}

static int strv_from_json(json_object *a, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        int r;

        if (!json_object_is_type(a, json_type_array))
                return -EBADMSG;
        for (size_t i = 0; i < json_object_array_length(a); i++) {
                r = strv_push(&l, strempty(json_object_get_string(json_object_array_get_idx(a, i))));
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

int plan_add_unit(EnginePlan *plan, const char *name, EngineAction action, bool tcp_keep, char *const *carry) {
        EngineUnit *units, u = { .action = action, .tcp_keep = tcp_keep };

        units = reallocarray(plan->units, plan->n_units + 1, sizeof(EngineUnit));
        if (!units)
                return -ENOMEM;
        plan->units = units;
        u.name = strdup(name);
        if (!u.name || strv_copy(carry, &u.carry) < 0) {
                free(u.name);
                return -ENOMEM;
        }
        plan->units[plan->n_units++] = u;
        return 0;
}

static int load_unit(EnginePlan *plan, json_object *o) {
        _cleanup_strv_ char **carry = NULL;
        const char *name, *action;
        int r, a;

        r = get_string(o, "name", &name);
        if (r < 0)
                return r;
        r = get_string(o, "action", &action);
        if (r < 0)
                return r;
        a = action_from_string(action);
        if (a < 0)
                return -EBADMSG;
        r = strv_from_json(json_object_object_get(o, "carry"), &carry);
        if (r < 0)
                return r;
        return plan_add_unit(plan, name, (EngineAction) a,
                             json_object_get_boolean(json_object_object_get(o, "tcp-keep")), carry);
}

static int load_units(EnginePlan *plan, json_object *units) {
        int r;

        if (!json_object_is_type(units, json_type_array))
                return -EBADMSG;
        for (size_t i = 0; i < json_object_array_length(units); i++) {
                r = load_unit(plan, json_object_array_get_idx(units, i));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int load_scalars(EnginePlan *plan, json_object *o) {
        json_object *value;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(strings); i++)
                if (json_object_object_get_ex(o, strings[i].key, &value)) {
                        r = free_and_strdup((char **) ((char *) plan + strings[i].offset),
                                            json_object_get_string(value));
                        if (r < 0)
                                return r;
                }
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                if (!json_object_object_get_ex(o, numbers[i].key, &value) ||
                    !json_object_is_type(value, json_type_int))
                        return -EBADMSG;
                *(uint64_t *) ((char *) plan + numbers[i].offset) = json_object_get_uint64(value);
        }
        return 0;
}

int plan_new_from_json(json_object *object, EnginePlan **ret) {
        _cleanup_(engine_plan_freep) EnginePlan *plan = calloc(1, sizeof(EnginePlan));
        const char *cpus;
        CpuSet set;
        int r;

        if (!plan)
                return -ENOMEM;
        r = load_scalars(plan, object);
        if (r < 0)
                return r;
        r = get_string(object, "cpus", &cpus);
        if (r < 0)
                return r;
        if (cpu_set_parse(cpus, &set) < 0)
                return -EBADMSG;
        memcpy(plan->cpus, set.words, sizeof(plan->cpus));
        plan->attach = json_object_get_boolean(json_object_object_get(object, "attach"));
        r = load_units(plan, json_object_object_get(object, "units"));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(plan);
        return 0;
}
