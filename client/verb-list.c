/* SPDX-License-Identifier: GPL-2.0-only */

/* tkctl list: the installed kernels. */

#include "listing.h"

typedef struct Kernel {
        const char *version;
        const char *path;
        int twin;
        int running;
} Kernel;

static int add_row(Table *t, const Kernel *k) {
        int r;

        r = table_add(t, "%s", k->version);
        if (r < 0)
                return r;
        r = table_add(t, "%s", k->twin ? "yes" : "no");
        if (r < 0)
                return r;
        r = table_add(t, "%s", k->running ? "yes" : "no");
        if (r < 0)
                return r;
        return table_add(t, "%s", strdash(k->path));
}

static int add_object(json_object *array, const Kernel *k) {
        json_object *o = json_object_new_object();

        json_object_object_add(o, "version", json_object_new_string(k->version));
        json_object_object_add(o, "path", json_object_new_string(k->path));
        json_object_object_add(o, "twin", json_object_new_boolean(k->twin));
        json_object_object_add(o, "running", json_object_new_boolean(k->running));
        return json_object_array_add(array, o);
}

static int read_kernels(sd_bus_message *m, json_object *array, Table *t) {
        Kernel k;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(ssbb)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(m, "(ssbb)", &k.version, &k.path, &k.twin, &k.running)) > 0) {
                r = array ? add_object(array, &k) : add_row(t, &k);
                if (r < 0)
                        return r;
        }
        return r;
}

int verb_list(Context *c, int argc, char **argv) {
        static const Column columns[] = { { "VERSION", false }, { "TWIN", false }, { "RUNNING", false }, { "PATH", false } };

        return listing_show(c, TKD_METHOD_LIST_KERNELS, read_kernels, columns, ELEMENTSOF(columns));
}
