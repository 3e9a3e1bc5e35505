/*
 * External sort under a memory cap: runs sorted by radix on an 8-byte prefix
 * in memory, spilled to unlinked files in a work folder, merged. Rows are a
 * fixed-size key (compared as bytes) and a payload of any length; equal keys
 * keep the order they were added in.
 */
#ifndef FORMATS_CODEC_SORT_H
#define FORMATS_CODEC_SORT_H

#include <stddef.h>
#include <stdint.h>

#include "formats/codec/text.h"

struct sort;
#define SORT_KEY_MAX 255

/* key_size: up to SORT_KEY_MAX bytes, NULs at the end of a key take no room.
 * memory: bytes for rows and index (SORT_MEMORY); work_dir on disk. */
struct sort *sort_new(size_t key_size, int64_t memory, const char *work_dir);
int sort_add(struct sort *s, const void *key, struct slice payload);
int64_t sort_count(const struct sort *s);
/* After the last add: 0, or -1 with errno set. Then rows come in order. */
int sort_finish(struct sort *s);
/* 1: *key and *payload (borrowed until the next call); 0: end; -1 error. */
int sort_next(struct sort *s, const void **key, struct slice *payload);
/* Another process may go on with it: all rows in order into a new file, synced
 * (after sort_finish()); and such a file as if its rows had been added, in the
 * order of these calls, ahead of the first sort_add() (sort_count() does not
 * count them). Same build, same kind of machine. 0, -1 errno. */
int sort_save(struct sort *s, const char *path);
int sort_take(struct sort *s, const char *path);
void sort_free(struct sort *s);

#endif
