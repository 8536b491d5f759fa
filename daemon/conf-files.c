/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finding files: see conf-files.h.
 */
#include <sys/stat.h>

#include "conf-files.h"
#include "strv.h"

static char *root_dir = NULL;

static const char *const conf_dirs[] = { "/etc/tkd", "/run/tkd", "/usr/lib/tkd" };

int conf_set_root(const char *root) {
        return free_and_strdup(&root_dir, root);
}

char *conf_path(const char *path) {
        char *p;

        return asprintf(&p, "%s%s", strempty(root_dir), path) < 0 ? NULL : p;
}

const char *conf_strip_root(const char *path) {
        const char *rest = startswith(path, strempty(root_dir));

        return rest ? rest : path;
}

static const char *file_name(const char *path) {
        return strrchr(path, '/') + 1;
}

static bool has_file_name(char *const *l, const char *name) {
        for (; l && *l; l++)
                if (streq(file_name(*l), name))
                        return true;
        return false;
}

static bool has_suffix(const char *s, const char *suffix) {
        size_t n = strlen(s), m = strlen(suffix);

        return n > m && streq(s + n - m, suffix);
}

static int find_main(const char *name, char **ret) {
        for (size_t i = 0; i < ELEMENTSOF(conf_dirs); i++) {
                _cleanup_free_ char *p = NULL;

                if (asprintf(&p, "%s%s/%s", strempty(root_dir), conf_dirs[i], name) < 0)
                        return -ENOMEM;
                if (access(p, F_OK) >= 0) {
                        *ret = TAKE_PTR(p);
                        return 0;
                }
        }
        *ret = NULL;
        return 0;
}

/* Adds the drop-ins of one directory that none before it has. */
static int add_dropins(const char *dir, const char *suffix, char ***l) {
        _cleanup_closedir_ DIR *d = opendir(dir);
        struct dirent *e;
        int r;

        if (!d)
                return errno == ENOENT ? 0 : -errno;
        while ((e = readdir(d))) {
                char *p;

                if (!has_suffix(e->d_name, suffix) || has_file_name(*l, e->d_name))
                        continue;
                if (asprintf(&p, "%s/%s", dir, e->d_name) < 0)
                        return -ENOMEM;
                r = strv_consume(l, p);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int compare_file_names(const void *a, const void *b) {
        return strcmp(file_name(*(char *const *) a), file_name(*(char *const *) b));
}

/* A link to /dev/null says that the file of this name does not count. */
static void drop_masked(char **l) {
        char **to = l;

        for (char **s = l; s && *s; s++) {
                struct stat st;

                if (stat(*s, &st) >= 0 && S_ISCHR(st.st_mode))
                        free(*s);
                else
                        *to++ = *s;
        }
        if (to)
                *to = NULL;
}

int conf_files(const char *name, const char *dropin_dir, const char *suffix, char **ret_main, char ***ret_dropins) {
        _cleanup_strv_ char **dropins = NULL;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(conf_dirs); i++) {
                _cleanup_free_ char *dir = NULL;

                if (asprintf(&dir, "%s%s/%s", strempty(root_dir), conf_dirs[i], dropin_dir) < 0)
                        return -ENOMEM;
                r = add_dropins(dir, suffix, &dropins);
                if (r < 0)
                        return r;
        }
        drop_masked(dropins);
        if (dropins)
                qsort(dropins, strv_length(dropins), sizeof(char *), compare_file_names);

        r = find_main(name, ret_main);
        if (r < 0)
                return r;
        *ret_dropins = TAKE_PTR(dropins);
        return 0;
}
