/*
 * shikaku-card: a TEST card and the reader it lies on. The answer to
 * /oqs-api/challenge comes in, the question for /oqs-api/search goes out,
 * signed with the key of the card (domain/jpki-and-pinless.md 3.2). See
 * card.8. Nothing of the product is used but the reader of JSON and the base64
 * that answers are written in; the signature is OpenSSL's.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "formats/codec/json.h"
#include "formats/exit.h"
#include "formats/query.h"

#define ANSWER_MAX 65536
#define SIGNATURE_MAX 512

/* What the question takes over from the answer. */
static const char *const names[] = { "QualificationConfirmationDate",
	"MedicalInstitutionCode", "ChallengeId", "ToBeSigned" };
enum { ASKED_DAY, INSTITUTION, CHALLENGE_ID, TO_BE_SIGNED, TAKEN };
struct taken {
	char text[TAKEN][512];
};

static int
take_open(void *arg, struct slice name, int depth, int64_t line)
{
	(void)arg, (void)name, (void)depth, (void)line;
	return 0;
}

static int
take_close(
    void *arg, struct slice name, struct slice text, int depth, int64_t line)
{
	struct taken *a = arg;

	(void)depth, (void)line;
	for (int i = 0; i < TAKEN; i++)
		if (slice_is(name, names[i]))
			snprintf(a->text[i], sizeof(a->text[i]), "%.*s",
			    (int)text.n, text.p);
	return 0;
}

/* A missing name stays empty: the service refused, and has said why. */
static int
read_answer(struct taken *a, struct diag_sink *sink)
{
	static char bytes[ANSWER_MAX];
	struct xml_handler h = { take_open, take_close, a };
	size_t n = fread(bytes, 1, sizeof(bytes), stdin);

	memset(a, 0, sizeof(*a));
	if (json_walk(
		(struct slice) { bytes, n }, &h, "standard input", sink) != 0)
		return -1;
	for (int i = 0; i < TAKEN; i++) {
		if (a->text[i][0] != '\0')
			continue;
		fprintf(stderr,
		    "shikaku-card: no %s in standard input: it is no answer to "
		    "/oqs-api/challenge, or a refusal (see its ErrorMessage)\n",
		    names[i]);
		return -1;
	}
	return 0;
}

/* The card's own part: RSASSA-PKCS1-v1_5 with SHA-256. */
static int
sign(const char *key_path, const unsigned char *bytes, size_t n,
    unsigned char *out, size_t *out_n)
{
	FILE *f = fopen(key_path, "re");
	EVP_PKEY *key =
	    f == NULL ? NULL : PEM_read_PrivateKey(f, NULL, NULL, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r = -1;

	*out_n = SIGNATURE_MAX;
	if (key != NULL && ctx != NULL &&
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestSign(ctx, out, out_n, bytes, n) == 1)
		r = 0;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	if (f != NULL)
		fclose(f);
	return r;
}

static int
read_file(const char *path, char *out, size_t size, size_t *n)
{
	FILE *f = fopen(path, "re");

	*n = f == NULL ? 0 : fread(out, 1, size, f);
	if (f != NULL)
		fclose(f);
	return *n == 0 ? -1 : 0;
}

static void
put_base64(const char *name, struct slice bytes, const char *after)
{
	static char text[16384];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	query_base64(bytes, &b);
	printf("\"%s\":\"%.*s\"%s", name, (int)b.n, text, after);
}

static int
put_question(const struct taken *a, const char *key, const char *der)
{
	unsigned char bytes[512], signature[SIGNATURE_MAX];
	char certificate[8192];
	size_t certificate_n, n = 0;
	int decoded =
	    EVP_DecodeBlock(bytes, (const unsigned char *)a->text[TO_BE_SIGNED],
		(int)strlen(a->text[TO_BE_SIGNED]));

	/* EVP_DecodeBlock counts the padding as bytes */
	for (const char *p = strchr(a->text[TO_BE_SIGNED], '=');
	     p != NULL && *p == '='; p++)
		decoded--;
	if (decoded <= 0) {
		fprintf(stderr, "shikaku-card: ToBeSigned is not base64\n");
		return EXIT_INPUT;
	}
	if (read_file(der, certificate, sizeof(certificate), &certificate_n) ==
		-1 ||
	    sign(key, bytes, (size_t)decoded, signature, &n) == -1) {
		fprintf(
		    stderr, "shikaku-card: %s, %s: cannot be used\n", key, der);
		return EXIT_CONFIG;
	}
	printf("{\"XmlMsg\":{\"MessageHeader\":{"
	       "\"QualificationConfirmationDate\":\"%s\","
	       "\"MedicalInstitutionCode\":\"%s\"},\"MessageBody\":{"
	       "\"CardSearchInfo\":{\"ChallengeId\":\"%s\",",
	    a->text[ASKED_DAY], a->text[INSTITUTION], a->text[CHALLENGE_ID]);
	put_base64(
	    "Certificate", (struct slice) { certificate, certificate_n }, ",");
	put_base64("Signature", (struct slice) { (const char *)signature, n },
	    "}}}}\n");
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_TEMPORARY;
}

static int
usage(FILE *out, int status)
{
	fputs(
	    "usage: shikaku-card -c SITE.yaml NNN <CHALLENGE >QUESTION\n", out);
	return status;
}

int
main(int argc, char **argv)
{
	char key[PATH_MAX], der[PATH_MAX];
	const char *site = NULL, *slash, *card;
	struct diag_log log;
	struct taken answer;
	int c, folder;

	while ((c = getopt(argc, argv, "c:h")) != -1) {
		if (c == 'h')
			return usage(stdout, EXIT_OK);
		if (c != 'c')
			return usage(stderr, EXIT_BAD_USAGE);
		site = optarg;
	}
	card = site == NULL || optind != argc - 1 ? "" : argv[optind];
	if (card[0] == '\0' || card[strspn(card, "0123456789")] != '\0')
		return usage(stderr, EXIT_BAD_USAGE);
	slash = strrchr(site, '/');
	folder = slash == NULL ? 0 : (int)(slash - site) + 1;
	snprintf(key, sizeof(key), "%.*spki/cards/%s.key", folder, site, card);
	snprintf(der, sizeof(der), "%.*spki/cards/%s.der", folder, site, card);
	if (access(key, R_OK) == -1 || access(der, R_OK) == -1) {
		fprintf(stderr,
		    "shikaku-card: no card %s: %s: %s; pki/cards.tsv "
		    "lists them\n",
		    card, key, strerror(errno));
		return EXIT_CONFIG;
	}
	diag_log_init(&log, "shikaku-card", stderr);
	if (read_answer(&answer, &log.sink) == -1)
		return EXIT_INPUT;
	return put_question(&answer, key, der);
}
