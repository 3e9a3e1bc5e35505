/*
 * A side's folders and the states of an upload:
 *
 *  ROOT/box/SENDER/in/    uploads; only a rename makes one visible: names
 *                         ending in .part or beginning with . are not seen
 *  ROOT/box/SENDER/out/   receipts, results, lists for the sender
 *  ROOT/ready/STEM/       accepted upload: manifest.yaml + its members as
 *                         NNNN.EXT, see spool_member()
 *  ROOT/done/             uploads as they came, accepted
 *  ROOT/refused/          uploads as they came, refused
 *  ROOT/segments/         segments, STEM.KIND.seg
 *  ROOT/package/          (both) link packages; (qualification) in/
 *  ROOT/work/             unfinished things (spool_temp), emptied at the next
 *                         start
 *  ROOT/run/              locks
 *  ROOT/log/              what the jobs of a net said: DAY.NET.JOB.log
 *  qualification also: snapshots/, journal/, out/
 */
#ifndef BATCH_SPOOL_H
#define BATCH_SPOOL_H

#include "formats/codec/text.h"
#include "formats/filename.h"

#define SPOOL_PATH_MAX 512
int spool_init(const char *root); /* makes what is missing; -1 errno */
/* A name for an unfinished thing: "shikaku-NAME.PID.N", in ROOT/work. Emptied
 * away by the next run_lock() of the same program. */
void spool_temp(char out[SPOOL_PATH_MAX], const char *root);
/* Names in dir, regular files only, sorted bytewise; .part and dot files
 * left out. Free with spool_free. -1 errno. */
struct spool_names {
	char **v;
	size_t n;
};
int spool_list(const char *dir, struct spool_names *out); /* files */
int spool_dirs(const char *dir, struct spool_names *out); /* folders */
int spool_others(const char *dir, struct spool_names *out); /* no files */
int spool_all(const char *dir, struct spool_names *out); /* of any kind */
void spool_free(struct spool_names *l);
/* Every upload that lies in a drop box of the root, box/SENDER/in/NAME. */
struct stat;
void spool_uploads(const char *root,
    void (*each)(void *arg, const char *name, const struct stat *st),
    void *arg);
/* A path under root, printf-like; ends the run with BUG if too long. */
void spool_path(char out[SPOOL_PATH_MAX], const char *root, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));
/* ROOT/ready/STEM/NNNN.EXT: where member i (from 0) of a manifest lies; NNNN
 * counts from 0001, EXT is that of its syntax (csv txt xml crl seg). So no
 * path is ever made from a member's name. */
void spool_member(char out[SPOOL_PATH_MAX], const char *root, const char *stem,
    int i, const char *syntax);
int spool_remove_tree(const char *path); /* of ours only: ready/, work/ */
/* A whole small file; NUL after it; yours to free; NULL errno. */
char *spool_slurp(const char *path, size_t max, size_t *n); /* EFBIG: > max */

#endif
