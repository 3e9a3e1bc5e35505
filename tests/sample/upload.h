/*
 * One upload as a sender makes it: members written one after the other (or
 * two at a time), manifest, zip, seal, and a rename in the sender's box.
 */
#ifndef TESTS_SAMPLE_UPLOAD_H
#define TESTS_SAMPLE_UPLOAD_H

#include "formats/config.h"
#include "formats/manifest.h"
#include "tests/sample/country.h"
#include "tests/sample/pki.h"

struct faults;

/* The run of the program, for every module. */
struct sample {
	struct config *config;
	struct country *c;
	struct pki *pki;
	char folder[320]; /* of site.yaml */
	char pki_dir[400], work[400];
	int32_t first; /* day of the full delivery */
	int32_t day; /* day of this delivery */
	int k; /* day - first */
	int64_t now; /* moment of sealing */
	struct faults *faults; /* NULL: none asked for */
	struct diag_log log;
	int64_t records, uploads, bytes, serial;
};

enum seal_form { SEAL_DER, SEAL_STREAMED, SEAL_ENVELOPED };

struct upload {
	struct sample *s;
	struct filename id;
	bool qualification; /* side of the box */
	struct manifest *manifest;
	int members;
	char key[512], cert[512]; /* the signer's */
	enum seal_form form;
};

void upload_open(struct upload *u, struct sample *s, const char *sender,
    enum feed feed, int sequence, int members);
/* Path of member i's temporary file; a new descriptor to write it. */
void upload_path(const struct upload *u, int i, char out[512]);
int upload_create(const struct upload *u, int i);
/* Name, layout, size and digest of the member into the manifest. */
int upload_member(struct upload *u, int i, const char *name, const char *layout,
    const char *syntax, const char *charset, int64_t records, int64_t total);
/* Zip of manifest and members at path. */
int upload_zip(struct upload *u, const char *path);
int upload_seal(struct upload *u, const char *zip, const char *path);
/* path into the box of `box` under `name`, by way of NAME.part. */
int upload_put(
    struct upload *u, const char *path, const char *box, const char *name);
/* All of it, and the temporary files away. */
int upload_close(struct upload *u);
void upload_clear(struct upload *u);

int sample_failed(const char *what, const char *path);
int sample_make_dirs(const char *path);

#endif
