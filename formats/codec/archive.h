/*
 * Walks the members of an archive (zip; tar, plain or .zst) under limits.
 * No path is ever made from a member's name: the caller gets the name as
 * bytes and a reader. Links, devices, folders, absolute names, "..", "\",
 * duplicates, encryption, ratio and totals beyond limits.h refuse the whole.
 */
#ifndef FORMATS_CODEC_ARCHIVE_H
#define FORMATS_CODEC_ARCHIVE_H

#include "formats/codec/diag.h"
#include "formats/codec/text.h"

struct archive_member {
	struct slice name; /* checked: [0-9A-Za-z_.-]{1,128}, not "." ".." */
	int64_t size; /* as told; -1 unknown */
};
struct archive_stream; /* the member's bytes */
/* >0 bytes, 0 end, -1 broken or over a limit (diagnostic raised). */
int64_t archive_read(struct archive_stream *s, void *p, size_t n);

/* Calls each() for every member; non-zero from it stops the walk. 0; 1:
 * stopped by each(); -1: refused, diagnostic raised. */
int archive_each(const char *name, int fd,
    int (*each)(
	void *arg, const struct archive_member *m, struct archive_stream *s),
    void *arg, struct diag_sink *sink);

/* Makes a zip (store == true: stored, else deflate) at fd. Times fixed:
 * same input, same bytes. */
struct archive_out;
struct archive_out *archive_create(int fd, bool store);
/* size must be right. */
int archive_begin(struct archive_out *a, const char *name, int64_t size);
int archive_add(struct archive_out *a, const void *p, size_t n);
int archive_finish(struct archive_out *a); /* frees a */

#endif
