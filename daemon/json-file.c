/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON files with lines for messages: see json-file.h. The scanner below runs
 * on text that json-c has accepted, so it does not check the syntax again.
 */
#include "conf-files.h"
#include "files.h"
#include "json-file.h"

static unsigned line_at(const char *text, const char *at) {
        unsigned line = 1;

        for (; text < at; text++)
                line += *text == '\n';
        return line;
}

static int parse(JsonFile *f, size_t size, char **ret_error) {
        _cleanup_(json_tokener_freep) json_tokener *tokener = json_tokener_new();
        enum json_tokener_error e;
        size_t end;

        if (!tokener)
                return -ENOMEM;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        f->object = json_tokener_parse_ex(tokener, f->text, (int) size + 1);
        if (json_object_is_type(f->object, json_type_object))
                return 0;

        e = json_tokener_get_error(tokener);
        end = MIN(json_tokener_get_parse_end(tokener), size);
        return asprintf(ret_error, "%s:%u: %s", f->path, line_at(f->text, f->text + end),
                        e == json_tokener_success ? "not a JSON object" : json_tokener_error_desc(e)) < 0 ?
                -ENOMEM : -EBADMSG;
}

int json_file_load(const char *path, JsonFile *ret, char **ret_error) {
        ssize_t n;

        *ret = (JsonFile) { .path = strdup(conf_strip_root(path)) };
        if (!ret->path)
                return -ENOMEM;
        n = read_text_file(path, &ret->text);
        if (n < 0)
                return asprintf(ret_error, "%s: cannot be read: %s", ret->path, strerror((int) -n)) < 0 ?
                        -ENOMEM : -EBADMSG;
        return parse(ret, (size_t) n, ret_error);
}

void json_file_done(JsonFile *f) {
        free(f->path);
        free(f->text);
        json_object_put(f->object);
        *f = (JsonFile) {};
}

static const char *skip_space(const char *p) {
        return p + strspn(p, " \t\r\n");
}

/* p at the opening quote; returns what follows the closing one. */
static const char *skip_string(const char *p) {
        for (p++; *p && *p != '"'; p++)
                if (*p == '\\' && p[1])
                        p++;
        return *p ? p + 1 : p;
}

/* p at the begin of a value; returns what follows it. */
static const char *skip_value(const char *p) {
        unsigned depth = 0;

        do {
                if (*p == '"') {
                        p = skip_string(p);
                        continue;
                }
                if (*p == '{' || *p == '[')
                        depth++;
                else if (*p == '}' || *p == ']')
                        depth--;
                p++;
        } while (*p && (depth > 0 || !strchr(",]} \t\r\n", *p)));
        return p;
}

static bool key_is(const char *p, const char *key) {
        size_t n = strlen(key);

        return *p == '"' && strncmp(p + 1, key, n) == 0 && p[1 + n] == '"';
}

/* The member of an object or element of an array at p, and in ret_key where its key stands. */
static const char *find_child(const char *p, const char *name, const char **ret_key) {
        bool object = *p == '{';
        unsigned long index = 0;

        for (p = skip_space(p + 1); *p && *p != '}' && *p != ']'; index++) {
                const char *key = p;

                if (object)
                        p = skip_space(strchr(skip_string(p), ':') + 1);
                *ret_key = key;
                if (object ? key_is(key, name) : index == strtoul(name, NULL, 10))
                        return p;
                p = skip_space(skip_value(p));
                if (*p == ',')
                        p = skip_space(p + 1);
        }
        return NULL;
}

unsigned json_file_line(const JsonFile *f, const char *const *path) {
        const char *p = skip_space(f->text), *at = p;

        for (; *path && (*p == '{' || *p == '['); path++) {
                const char *key;

                p = find_child(p, *path, &key);
                if (!p)
                        break;
                at = key;
        }
        return line_at(f->text, at);
}
