/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KernelImage: what the header says is believed only as far as the file goes.
 */
#include "kernel-image.h"
#include "kernels.h"
#include "scratch.h"

#define IMAGE_BYTES     8192U

typedef struct Image {
        uint8_t bytes[IMAGE_BYTES];
        size_t size;
} Image;

static void put(Image *i, size_t at, uint32_t value, size_t n) {
        for (size_t k = 0; k < n; k++)
                i->bytes[at + k] = (uint8_t) (value >> (8 * k));
}

static Image good(void) {
        Image i = { .size = IMAGE_BYTES };

        put(&i, 0x1f1, 3, 1);
        put(&i, 0x1f4, 256, 4);
        put(&i, 0x1fe, 0xaa55, 2);
        memcpy(i.bytes + 0x202, "HdrS", 4);
        put(&i, 0x206, 0x20f, 2);
        put(&i, 0x20e, 0x300, 2);
        strcpy((char *) i.bytes + 0x500, "7.2.13-tk (builder@host) #1");
        put(&i, 0x236, 0x8001, 2);
        put(&i, 0x248, 0x100, 4);
        put(&i, 0x24c, 64, 4);
        put(&i, 0x260, 0x2000000, 4);
        put(&i, 0x900, 0xfd2fb528, 4);
        return i;
}

static int read_image(const Image *i, KernelImage *ret) {
        FILE *f = fopen(scratch_path("/image"), "w");

        ASSERT_EQ(fwrite(i->bytes, 1, i->size, f), i->size);
        fclose(f);
        return kernel_image_read(scratch_path("/image"), ret);
}

static void test_good(void) {
        Image i = good();
        KernelImage k;

        ASSERT_EQ(read_image(&i, &k), IMAGE_OK);
        ASSERT_STREQ(k.release, "7.2.13-tk");
        ASSERT_TRUE(k.twin);
        ASSERT_EQ(k.init_size, 0x2000000);
        put(&i, 0x236, 1, 2);
        ASSERT_EQ(read_image(&i, &k), IMAGE_OK);
        ASSERT_TRUE(!k.twin);
}

static void expect(size_t at, uint32_t value, size_t n, int result) {
        Image i = good();
        KernelImage k;

        put(&i, at, value, n);
        ASSERT_EQ(read_image(&i, &k), result);
}

static void test_bad(void) {
        expect(0x1fe, 0, 2, IMAGE_NOT_KERNEL);
        expect(0x202, 0, 4, IMAGE_NOT_KERNEL);
        expect(0x206, 0x204, 2, IMAGE_NOT_KERNEL);
        expect(0x236, 0x8000, 2, IMAGE_NOT_KERNEL);             /* 32 bits only */
        expect(0x1f4, 100000, 4, IMAGE_TRUNCATED);
        expect(0x1f4, 0xffffffff, 4, IMAGE_TRUNCATED);
        expect(0x248, 0xffffffff, 4, IMAGE_TRUNCATED);
        expect(0x24c, 0xffffffff, 4, IMAGE_TRUNCATED);
        expect(0x900, 0, 4, IMAGE_CORRUPT);
        expect(0x20e, 0xffff, 2, IMAGE_CORRUPT);                /* version beyond the end */
        expect(0x500, 0, 1, IMAGE_CORRUPT);
        expect(0x1f1, 0, 1, IMAGE_CORRUPT);                     /* 0 stands for 4 sectors: payload moves */
}

static void test_every_length(void) {
        Image i = good();
        KernelImage k;

        for (i.size = 0; i.size < 2048 + 4096; i.size += 61)
                ASSERT_TRUE(read_image(&i, &k) != IMAGE_OK);
}

static void test_no_file(void) {
        KernelImage k;

        ASSERT_EQ(kernel_image_read(scratch_path("/none"), &k), -ENOENT);
        ASSERT_EQ(kernel_image_read(scratch, &k), IMAGE_NOT_KERNEL);
        for (int r = 0; r < _IMAGE_RESULT_MAX; r++)
                ASSERT_TRUE(image_result_text((ImageResult) r));
}

static void test_initramfs(void) {
        scratch_write("/a", "07070100000000");
        ASSERT_EQ(initramfs_check(scratch_path("/a")), 14);
        scratch_write("/a", "\x28\xb5\x2f\xfd........");
        ASSERT_EQ(initramfs_check(scratch_path("/a")), 12);
        scratch_write("/a", "hello, world");
        ASSERT_EQ(initramfs_check(scratch_path("/a")), -EBADMSG);
        scratch_write("/a", "");
        ASSERT_EQ(initramfs_check(scratch_path("/a")), -EBADMSG);
        ASSERT_EQ(initramfs_check(scratch_path("/none")), -ENOENT);
}

static void test_versions(void) {
        ASSERT_TRUE(kernel_version_valid("6.12.117-tk"));
        ASSERT_TRUE(kernel_version_valid("7.2~rc1+b_x"));
        ASSERT_TRUE(!kernel_version_valid(""));
        ASSERT_TRUE(!kernel_version_valid("../x"));
        ASSERT_TRUE(!kernel_version_valid("a/b"));
        ASSERT_TRUE(!kernel_version_valid("-x"));
        ASSERT_TRUE(!kernel_version_valid("a b"));
}

int main(void) {
        scratch_make();
        test_good();
        test_bad();
        test_every_length();
        test_no_file();
        test_initramfs();
        test_versions();
        scratch_remove();
        return EXIT_SUCCESS;
}
