/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel images: see kernel-image.h. The header is described in the kernel's
 * Documentation/arch/x86/boot.rst.
 */
#include <endian.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "kernel-image.h"

#define HEADER_BYTES            0x270
#define SECTOR                  512U
#define XLF_KERNEL_64           (1U << 0)
#define XLF_5LEVEL_ENABLED      (1U << 6)
#define XLF_TWIN                (1U << 15)
#define PROTOCOL_MIN            0x20c   /* xloadflags came with 2.12 */

/* Offsets in the file */
#define AT_SETUP_SECTS          0x1f1
#define AT_SYSSIZE              0x1f4
#define AT_BOOT_FLAG            0x1fe
#define AT_MAGIC                0x202
#define AT_PROTOCOL             0x206
#define AT_VERSION              0x20e
#define AT_XLOADFLAGS           0x236
#define AT_PAYLOAD              0x248
#define AT_PAYLOAD_SIZE         0x24c
#define AT_INIT_SIZE            0x260

static const struct {
        const char *bytes;
        size_t n;
        bool kernel;            /* used for kernels too, not only for archives */
} magics[] = {
        { "\x1f\x8b",                 2, true  },       /* gzip */
        { "\x5d\x00\x00",             3, true  },       /* lzma */
        { "\xfd" "7zXZ\x00",          6, true  },       /* xz */
        { "BZh",                      3, true  },       /* bzip2 */
        { "\x89LZO",                  4, true  },       /* lzo */
        { "\x02\x21\x4c\x18",         4, true  },       /* lz4 */
        { "\x28\xb5\x2f\xfd",         4, true  },       /* zstd */
        { "070701",                   6, false },       /* cpio */
        { "070702",                   6, false },
};

static bool has_magic(const uint8_t *data, size_t n, bool kernel) {
        for (size_t i = 0; i < ELEMENTSOF(magics); i++)
                if ((magics[i].kernel || !kernel) && n >= magics[i].n &&
                    memcmp(data, magics[i].bytes, magics[i].n) == 0)
                        return true;
        return false;
}

static unsigned get16(const uint8_t *h, size_t at) {
        return (unsigned) (h[at] | h[at + 1] << 8);
}

static uint32_t get32(const uint8_t *h, size_t at) {
        return get16(h, at) | (uint32_t) get16(h, at + 2) << 16;
}

static bool is_linux(const uint8_t *h) {
        return get16(h, AT_BOOT_FLAG) == 0xaa55 && memcmp(h + AT_MAGIC, "HdrS", 4) == 0 &&
                get16(h, AT_PROTOCOL) >= PROTOCOL_MIN && (get16(h, AT_XLOADFLAGS) & XLF_KERNEL_64);
}

/* The version string: first word of the text the header points to. */
static int read_release(int fd, const uint8_t *h, char *ret, size_t size) {
        char text[65] = "";
        size_t n;

        if (pread(fd, text, sizeof(text) - 1, (off_t) get16(h, AT_VERSION) + 0x200) <= 0)
                return -EBADMSG;
        n = strcspn(text, " \n");
        if (n == 0 || n >= size)
                return -EBADMSG;
        memcpy(ret, text, n);
        ret[n] = 0;
        return 0;
}

static int check_payload(int fd, const uint8_t *h, uint64_t size) {
        uint64_t setup = ((h[AT_SETUP_SECTS] ?: 4) + 1) * (uint64_t) SECTOR;
        uint64_t payload = setup + get32(h, AT_PAYLOAD);
        uint8_t begin[8] = {};

        if (size < setup + get32(h, AT_SYSSIZE) * UINT64_C(16) || size < payload + get32(h, AT_PAYLOAD_SIZE))
                return IMAGE_TRUNCATED;
        if (pread(fd, begin, sizeof(begin), (off_t) payload) != sizeof(begin) ||
            !has_magic(begin, sizeof(begin), true))
                return IMAGE_CORRUPT;
        return IMAGE_OK;
}

int kernel_image_read(const char *path, KernelImage *ret) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        uint8_t h[HEADER_BYTES] = {};
        KernelImage image = {};
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || pread(fd, h, sizeof(h), 0) != sizeof(h) || !is_linux(h))
                return IMAGE_NOT_KERNEL;
        r = check_payload(fd, h, (uint64_t) st.st_size);
        if (r != IMAGE_OK)
                return r;
        if (read_release(fd, h, image.release, sizeof(image.release)) < 0)
                return IMAGE_CORRUPT;
        image.twin = get16(h, AT_XLOADFLAGS) & XLF_TWIN;
        image.five_level = get16(h, AT_XLOADFLAGS) & XLF_5LEVEL_ENABLED;
        image.init_size = get32(h, AT_INIT_SIZE);
        *ret = image;
        return IMAGE_OK;
}

const char *image_result_text(ImageResult result) {
        static const char *const texts[_IMAGE_RESULT_MAX] = {
                [IMAGE_OK]         = "good",
                [IMAGE_NOT_KERNEL] = "not a 64-bit Linux kernel (no boot header)",
                [IMAGE_TRUNCATED]  = "shorter than its header says",
                [IMAGE_CORRUPT]    = "damaged: the compressed kernel is not where its header says",
        };

        return texts[result];
}

int64_t initramfs_check(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        uint8_t begin[8] = {};
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || pread(fd, begin, sizeof(begin), 0) != sizeof(begin) ||
            !has_magic(begin, sizeof(begin), false))
                return -EBADMSG;
        return st.st_size;
}
