/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading files and finding configuration: see files.h.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "files.h"

static char *root_dir = NULL;

static const char *const conf_dirs[] = { "/etc/tkd", "/run/tkd", "/usr/lib/tkd" };

int files_set_root(const char *root) {
        return free_and_strdup(&root_dir, root);
}

char *files_path(const char *path) {
        char *p;

        return asprintf(&p, "%s%s", strempty(root_dir), path) < 0 ? NULL : p;
}

const char *files_strip_root(const char *path) {
        const char *rest = startswith(path, strempty(root_dir));

        return rest ? rest : path;
}

int read_text_file(const char *path, size_t max, char **ret, size_t *ret_size) {
        _cleanup_fclose_ FILE *f = fopen(path, "re");
        _cleanup_free_ char *text = NULL;
        size_t n;

        if (!f)
                return -errno;
        text = malloc(max + 2);
        if (!text)
                return -ENOMEM;
        n = fread(text, 1, max + 1, f);
        if (ferror(f))
                return -EIO;
        if (n > max)
                return -EFBIG;
        text[n] = 0;
        *ret = TAKE_PTR(text);
        if (ret_size)
                *ret_size = n;
        return 0;
}

Strv strv_free(Strv l) {
        for (char **s = l; s && *s; s++)
                free(*s);
        free(l);
        return NULL;
}

size_t strv_length(Strv l) {
        size_t n = 0;

        while (l && l[n])
                n++;
        return n;
}

int strv_push(Strv *l, char *s) {
        size_t n = strv_length(*l);
        Strv bigger;

        bigger = s ? reallocarray(*l, n + 2, sizeof(char *)) : NULL;
        if (!bigger) {
                free(s);
                return -ENOMEM;
        }
        bigger[n] = s;
        bigger[n + 1] = NULL;
        *l = bigger;
        return 0;
}

static const char *file_name(const char *path) {
        return strrchr(path, '/') + 1;
}

static bool has_file_name(Strv l, const char *name) {
        for (char **s = l; s && *s; s++)
                if (streq(file_name(*s), name))
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
static int add_dropins(const char *dir, const char *suffix, Strv *l) {
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
                r = strv_push(l, p);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int compare_file_names(const void *a, const void *b) {
        return strcmp(file_name(*(char *const *) a), file_name(*(char *const *) b));
}

/* A link to /dev/null says that the file of this name does not count. */
static void drop_masked(Strv l) {
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

int conf_files(const char *name, const char *dropin_dir, const char *suffix, char **ret_main, Strv *ret_dropins) {
        _cleanup_strv_ Strv dropins = NULL;
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
