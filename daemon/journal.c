/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal: see journal.h.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "crc32.h"
#include "files.h"
#include "journal.h"
#include "log.h"

#define CRC_DIGITS              8U

struct Journal {
        char *path;
        int fd;
        off_t end;              /* of the last good record */
        bool unsure;            /* a sync failed: what is on the disk is not known */
        unsigned damaged;
};

Journal *journal_free(Journal *j) {
        if (!j)
                return NULL;
        safe_close(j->fd);
        free(j->path);
        free(j);
        return NULL;
}

unsigned journal_damaged(const Journal *j) {
        return j->damaged;
}

static char *parent_of(const char *path) {
        return strndup(path, (size_t) (strrchr(path, '/') - path));
}

static int sync_parent(const char *path) {
        _cleanup_free_ char *dir = parent_of(path);
        _cleanup_close_ int fd = -EBADF;

        if (!dir)
                return -ENOMEM;
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fsync(fd) < 0)
                return -errno;
        return 0;
}

static int make_parent(const char *path) {
        _cleanup_free_ char *dir = parent_of(path);

        if (!dir)
                return -ENOMEM;
        if (mkdir(dir, 0755) < 0)
                return errno == EEXIST ? 0 : -errno;
        return sync_parent(dir);
}

/* The record of a line, or NULL when the line is damaged. */
static json_object *parse_line(const char *line, size_t n) {
        json_object *o;
        char digits[CRC_DIGITS + 1] = "";
        char *end;

        if (n < CRC_DIGITS + 2 || line[CRC_DIGITS] != ' ')
                return NULL;
        memcpy(digits, line, CRC_DIGITS);
        if (strtoul(digits, &end, 16) != crc32_of(line + CRC_DIGITS + 1, n - CRC_DIGITS - 1) || *end)
                return NULL;
        o = json_tokener_parse(line + CRC_DIGITS + 1);
        if (o && !json_object_is_type(o, json_type_object)) {
                json_object_put(o);
                return NULL;
        }
        return o;
}

static char *format_line(json_object *record) {
        const char *json = json_object_to_json_string_ext(record, JSON_C_TO_STRING_PLAIN);
        char *line;

        return asprintf(&line, "%08x %s\n", crc32_of(json, strlen(json)), json) < 0 ? NULL : line;
}

/* Hands all records of the text to the reader, and finds the end of the last good one. */
static int replay(Journal *j, char *text, size_t size, JournalReader reader, void *userdata) {
        unsigned damaged = 0;
        int r;

        for (char *line = text, *nl; (nl = memchr(line, '\n', size - (size_t) (line - text))); line = nl + 1) {
                _cleanup_json_ json_object *record = NULL;

                *nl = 0;
                record = parse_line(line, (size_t) (nl - line));
                if (!record) {
                        log_error("%s: damaged record at byte %td, left out", j->path, line - text);
                        damaged++;
                        continue;
                }
                j->end = nl + 1 - text;
                j->damaged = damaged;
                r = reader(record, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_all(Journal *j, JournalReader reader, void *userdata) {
        _cleanup_free_ char *text = NULL;
        ssize_t size;
        int r;

        size = read_text_file(j->path, &text);
        if (size < 0)
                return (int) size;
        r = replay(j, text, (size_t) size, reader, userdata);
        if (r < 0)
                return r;
        if (j->end < size)
                log_notice("%s: cutting off %zd bytes of an unfinished record", j->path, size - j->end);
        if (ftruncate(j->fd, j->end) < 0 || fdatasync(j->fd) < 0)
                return -errno;
        return 0;
}

int journal_open(const char *path, JournalReader reader, void *userdata, Journal **ret) {
        _cleanup_(journal_freep) Journal *j = NULL;
        int r;

        j = calloc(1, sizeof(Journal));
        if (!j)
                return -ENOMEM;
        j->fd = -EBADF;
        j->path = strdup(path);
        if (!j->path)
                return -ENOMEM;
        r = make_parent(path);
        if (r < 0)
                return r;
        j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (j->fd < 0)
                return -errno;
        r = sync_parent(path);
        if (r < 0)
                return r;
        r = read_all(j, reader, userdata);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

static int write_at(int fd, const char *data, size_t n, off_t at) {
        while (n > 0) {
                ssize_t k = pwrite(fd, data, n, at);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        return k < 0 ? -errno : -EIO;
                data += k;
                n -= (size_t) k;
                at += k;
        }
        return 0;
}

/* Puts fd, a complete and synced file at path, in the place of the journal. */
static int replace_file(Journal *j, const char *path, int fd, off_t size) {
        int r;

        if (fdatasync(fd) < 0)
                return -errno;
        if (rename(path, j->path) < 0)
                return -errno;
        safe_close(j->fd);
        j->fd = fd;
        j->end = size;
        r = sync_parent(j->path);
        j->unsure = r < 0;
        return r;
}

static int write_new_file(Journal *j, const char *data, size_t n) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *path = NULL;
        int r;

        if (asprintf(&path, "%s.new", j->path) < 0)
                return -ENOMEM;
        fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = write_at(fd, data, n, 0);
        if (r >= 0)
                r = replace_file(j, path, fd, (off_t) n);
        if (j->fd == fd)
                TAKE_FD(fd);
        else
                unlink(path);
        return r;
}

/* After a failed sync: everything known good goes to a new file. */
static int make_sure(Journal *j) {
        _cleanup_free_ char *data = NULL;
        ssize_t n;

        if (!j->unsure)
                return 0;
        data = malloc((size_t) j->end + 1);
        if (!data)
                return -ENOMEM;
        n = pread(j->fd, data, (size_t) j->end, 0);
        if (n != j->end)
                return n < 0 ? -errno : -EIO;
        return write_new_file(j, data, (size_t) n);
}

int journal_append(Journal *j, json_object *record) {
        _cleanup_free_ char *line = format_line(record);
        size_t n;
        int r;

        if (!line)
                return -ENOMEM;
        r = make_sure(j);
        if (r < 0)
                return r;
        n = strlen(line);
        r = write_at(j->fd, line, n, j->end);
        if (r >= 0 && fdatasync(j->fd) < 0)
                r = -errno;
        if (r < 0) {
                j->unsure = true;
                (void) !ftruncate(j->fd, j->end);
                return r;
        }
        j->end += (off_t) n;
        return 0;
}

static int print_records(FILE *f, json_object *records) {
        for (size_t i = 0; i < json_object_array_length(records); i++) {
                _cleanup_free_ char *line = format_line(json_object_array_get_idx(records, i));

                if (!line)
                        return -ENOMEM;
                fputs(line, f);
        }
        return fflush(f) == 0 ? 0 : -ENOMEM;
}

int journal_rewrite(Journal *j, json_object *records) {
        _cleanup_free_ char *text = NULL;
        _cleanup_fclose_ FILE *f = NULL;
        size_t size;
        int r;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        r = print_records(f, records);
        if (r < 0)
                return r;
        return write_new_file(j, text, size);
}
