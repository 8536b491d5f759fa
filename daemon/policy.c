/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The migration policy: see policy.h.
 */
#include <fnmatch.h>
#include <stdarg.h>

#include "conf-files.h"
#include "json-file.h"
#include "policy.h"
#include "strv.h"

#define POLICY_VERSION 1

static const char *const action_names[_ENGINE_ACTION_MAX] = {
        [ENGINE_MIGRATE] = "migrate",
        [ENGINE_STOP]    = "stop",
};

const char *action_to_string(EngineAction action) {
        return action_names[action];
}

int action_from_string(const char *s) {
        for (int a = 0; a < _ENGINE_ACTION_MAX; a++)
                if (streq(s, action_names[a]))
                        return a;
        return -EINVAL;
}

/* Where in a file the reader is: the file, and the index of the rule or -1. */
typedef struct Place {
        const JsonFile *file;
        int rule;
} Place;

static unsigned line_of(const Place *at, const char *key) {
        char index[16];

        snprintf(index, sizeof(index), "%d", at->rule);
        if (at->rule < 0)
                return json_file_line(at->file, (const char *const[]) { key, NULL });
        return json_file_line(at->file, (const char *const[]) { "units", index, key, NULL });
}

_printf_(4, 5)
static int fail(const Place *at, const char *key, char **ret_error, const char *format, ...) {
        _cleanup_free_ char *what = NULL;
        char place[32] = "";
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&what, format, ap);
        va_end(ap);
        if (at->rule >= 0)
                snprintf(place, sizeof(place), "units[%d].", at->rule);
        if (n < 0 || asprintf(ret_error, "%s:%u: %s%s: %s", at->file->path, line_of(at, key), place, key, what) < 0)
                return -ENOMEM;
        return -EBADMSG;
}

static int parse_match(const Place *at, PolicyRule *rule, json_object *value, char **ret_error) {
        const char *s = json_object_get_string(value);

        if (!json_object_is_type(value, json_type_string) || isempty(s))
                return fail(at, "match", ret_error, "not the name of a unit or a pattern of names");
        return free_and_strdup(&rule->match, s);
}

static int parse_action(const Place *at, PolicyRule *rule, json_object *value, char **ret_error) {
        int a = -EINVAL;

        if (json_object_is_type(value, json_type_string))
                a = action_from_string(json_object_get_string(value));
        if (a < 0)
                return fail(at, "action", ret_error, "%s is not one of \"migrate\", \"stop\"",
                            json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
        rule->action = (EngineAction) a;
        return 0;
}

static int parse_tcp(const Place *at, PolicyRule *rule, json_object *value, char **ret_error) {
        const char *s = json_object_get_string(value);

        if (!streq_ptr(s, "close") && !streq_ptr(s, "keep"))
                return fail(at, "tcp", ret_error, "%s is not one of \"close\", \"keep\"",
                            json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
        rule->tcp_keep = streq(s, "keep");
        return 0;
}

static int parse_carry(const Place *at, PolicyRule *rule, json_object *value, char **ret_error) {
        int r;

        if (!json_object_is_type(value, json_type_array))
                return fail(at, "carry", ret_error, "not an array of paths");
        for (size_t i = 0; i < json_object_array_length(value); i++) {
                json_object *e = json_object_array_get_idx(value, i);
                const char *path = json_object_get_string(e);

                if (!json_object_is_type(e, json_type_string) || path[0] != '/' || strstr(path, "/../"))
                        return fail(at, "carry", ret_error, "%s is not an absolute path",
                                    json_object_to_json_string_ext(e, JSON_C_TO_STRING_PLAIN));
                r = strv_push(&rule->carry, path);
                if (r < 0)
                        return r;
        }
        return 0;
}

static const struct {
        const char *name;
        int (*parse)(const Place *at, PolicyRule *rule, json_object *value, char **ret_error);
} rule_keys[] = {
        { "match",  parse_match  },
        { "action", parse_action },
        { "tcp",    parse_tcp    },
        { "carry",  parse_carry  },
};

static int parse_rule_key(const Place *at, PolicyRule *rule, const char *key, json_object *value, char **ret_error) {
        for (size_t i = 0; i < ELEMENTSOF(rule_keys); i++)
                if (streq(key, rule_keys[i].name))
                        return rule_keys[i].parse(at, rule, value, ret_error);
        return fail(at, key, ret_error, "unknown key; known are match, action, tcp, carry");
}

/* What must be there, and what makes no sense together. */
static int check_rule(const Place *at, const PolicyRule *rule, json_object *object, char **ret_error) {
        if (!rule->match)
                return fail(at, "match", ret_error, "missing");
        if (!json_object_object_get_ex(object, "action", NULL))
                return fail(at, "action", ret_error, "missing");
        if (rule->action == ENGINE_MIGRATE)
                return 0;
        if (json_object_object_get_ex(object, "tcp", NULL))
                return fail(at, "tcp", ret_error, "only for the action \"migrate\"");
        if (rule->carry)
                return fail(at, "carry", ret_error, "only for the action \"migrate\"");
        return 0;
}

static int parse_rule(const Place *at, PolicyRule *rule, json_object *object, char **ret_error) {
        int r;

        if (!json_object_is_type(object, json_type_object))
                return fail(at, "match", ret_error, "this element is not an object");
        json_object_object_foreach(object, key, value) {
                r = parse_rule_key(at, rule, key, value, ret_error);
                if (r < 0)
                        return r;
        }
        r = check_rule(at, rule, object, ret_error);
        if (r < 0)
                return r;
        return asprintf(&rule->source, "%s:%u", at->file->path, line_of(at, "match")) < 0 ? -ENOMEM : 0;
}

static int parse_units(Policy *p, const JsonFile *f, json_object *units, char **ret_error) {
        size_t n = json_object_array_length(units);
        PolicyRule *rules;
        int r;

        rules = reallocarray(p->rules, p->n_rules + n + 1, sizeof(PolicyRule));
        if (!rules)
                return -ENOMEM;
        p->rules = rules;
        for (size_t i = 0; i < n; i++) {
                PolicyRule *rule = &p->rules[p->n_rules++];

                *rule = (PolicyRule) {};
                r = parse_rule(&(Place) { f, (int) i }, rule, json_object_array_get_idx(units, i), ret_error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_policy(Policy *p, const JsonFile *f, char **ret_error) {
        const Place top = { f, -1 };
        json_object *version = NULL, *units = NULL;

        json_object_object_foreach(f->object, key, value) {
                if (streq(key, "version"))
                        version = value;
                else if (streq(key, "units"))
                        units = value;
                else
                        return fail(&top, key, ret_error, "unknown key; known are version, units");
        }
        if (!json_object_is_type(version, json_type_int) || json_object_get_int64(version) != POLICY_VERSION)
                return fail(&top, "version", ret_error, version ? "only version 1 is known" : "missing, must be 1");
        if (!json_object_is_type(units, json_type_array))
                return fail(&top, "units", ret_error, units ? "not an array" : "missing");
        return parse_units(p, f, units, ret_error);
}

static int load_file(Policy *p, const char *path, char **ret_error) {
        JsonFile f = {};
        int r;

        r = json_file_load(path, &f, ret_error);
        if (r >= 0)
                r = parse_policy(p, &f, ret_error);
        json_file_done(&f);
        return r;
}

int policy_load(Policy *ret, char **ret_error) {
        _cleanup_free_ char *main_file = NULL;
        _cleanup_strv_ char **dropins = NULL;
        int r;

        *ret = (Policy) {};
        r = conf_files("policy.json", "policy.d", ".json", &main_file, &dropins);
        if (r < 0)
                return r;
        for (char **p = dropins; p && *p; p++) {
                r = load_file(ret, *p, ret_error);
                if (r < 0)
                        return r;
        }
        return main_file ? load_file(ret, main_file, ret_error) : 0;
}

void policy_done(Policy *p) {
        for (size_t i = 0; i < p->n_rules; i++) {
                free(p->rules[i].match);
                strv_free(p->rules[i].carry);
                free(p->rules[i].source);
        }
        free(p->rules);
        *p = (Policy) {};
}

const PolicyRule *policy_find(const Policy *p, const char *unit) {
        for (size_t i = 0; i < p->n_rules; i++)
                if (fnmatch(p->rules[i].match, unit, 0) == 0)
                        return &p->rules[i];
        return NULL;
}
