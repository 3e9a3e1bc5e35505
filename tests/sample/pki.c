/* The TEST PKI, by OpenSSL's library: thousands of leaves in a second. */
#include "tests/sample/pki.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/conf.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "formats/codec/day.h"
#include "formats/codec/text.h"

struct authority {
	EVP_PKEY *key;
	X509 *cert;
};
struct pki {
	const struct config *config;
	char dir[400];
	int32_t day;
	uint64_t seed;
	struct authority ca[PKI__MAX];
	char card_ca[2][41];
	uint64_t serials;
};

const char *const pki_fault_names[PKI_FAULT__MAX] = { "good", "expired",
	"revoked", "otherca", "weak", "selfsigned", "wronguse" };

static const char *const ca_names[PKI__MAX] = { "insurer-ca", "institution-ca",
	"site-ca", "card-ca-1", "card-ca-2", "bad/other-ca" };

/* Serial numbers that the CRLs of the two CAs revoke. */
#define SERIAL_REVOKED 0x7EC00001

static int
failed(const char *what, const char *path)
{
	char text[160] = "";
	unsigned long e = ERR_get_error();

	if (e != 0)
		ERR_error_string_n(e, text, sizeof(text));
	fprintf(stderr, "shikaku-sample: %s %s: %s\n", what, path,
	    e != 0 ? text : strerror(errno));
	ERR_clear_error();
	return -1;
}

static int64_t
seconds(int32_t day, int hour, int minute, int second)
{
	return day_moment(day, ((hour * 60 + minute) * 60 + second) * 1000) /
	    1000;
}

/* ---- files ---- */

static FILE *
create(const char *path, mode_t mode)
{
	int fd;

	unlink(path); /* 0600 from the first byte on */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	return fd < 0 ? NULL : fdopen(fd, "w");
}

static int
write_key(const char *path, EVP_PKEY *key)
{
	FILE *f = create(path, 0600);
	int ok;

	if (f == NULL)
		return failed("cannot write", path);
	ok = PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	return fclose(f) == 0 && ok ? 0 : failed("cannot write", path);
}

static int
write_cert(const char *path, X509 *a, X509 *b)
{
	FILE *f = create(path, 0644);
	int ok;

	if (f == NULL)
		return failed("cannot write", path);
	ok = PEM_write_X509(f, a) && (b == NULL || PEM_write_X509(f, b));
	return fclose(f) == 0 && ok ? 0 : failed("cannot write", path);
}

/* The key that lies at path, or a new one put there. bits 0: P-256. */
static EVP_PKEY *
key_at(const char *path, int bits)
{
	FILE *f = fopen(path, "re");
	EVP_PKEY *key = NULL;

	if (f != NULL) {
		key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		fclose(f);
		if (key != NULL)
			return key;
		ERR_clear_error();
	}
	key = bits > 0 ? EVP_RSA_gen((unsigned)bits) : EVP_EC_gen("P-256");
	if (key == NULL) {
		failed("cannot make a key for", path);
	} else if (write_key(path, key) == -1) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

/* ---- certificates ---- */

static int
extensions(X509 *cert, X509 *issuer, const char *text)
{
	CONF *conf = NCONF_new(NULL);
	BIO *in = BIO_new_mem_buf(text, -1);
	X509V3_CTX ctx;
	long line = 0;
	int ok;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ok = NCONF_load_bio(conf, in, &line) > 0;
	if (ok) {
		X509V3_set_nconf(&ctx, conf);
		ok = X509V3_EXT_add_nconf(conf, &ctx, "x", cert);
	}
	BIO_free(in);
	NCONF_free(conf);
	return ok ? 0 : failed("cannot add", "extensions");
}

static void
entry(X509_NAME *n, const char *type, const char *value)
{
	if (value != NULL)
		X509_NAME_add_entry_by_txt(n, type, MBSTRING_UTF8,
		    (const unsigned char *)value, -1, -1, 0);
}

struct made {
	EVP_PKEY *key;
	X509 *issuer; /* NULL: itself */
	EVP_PKEY *issuer_key;
	uint64_t serial;
	int64_t from, until; /* seconds */
	const char *dn[6][2];
	const char *extensions;
	const EVP_MD *md;
};

static X509 *
certificate(const struct made *m)
{
	X509 *cert = X509_new();
	X509_NAME *n = X509_get_subject_name(cert);
	X509 *issuer = m->issuer != NULL ? m->issuer : cert;

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), m->serial);
	for (int i = 0; i < 6 && m->dn[i][0] != NULL; i++)
		entry(n, m->dn[i][0], m->dn[i][1]);
	X509_set_issuer_name(cert, X509_get_subject_name(issuer));
	ASN1_TIME_set(X509_getm_notBefore(cert), m->from);
	ASN1_TIME_set(X509_getm_notAfter(cert), m->until);
	X509_set_pubkey(cert, m->key);
	if (extensions(cert, issuer, m->extensions) == -1 ||
	    !X509_sign(cert, m->issuer_key != NULL ? m->issuer_key : m->key,
		m->md != NULL ? m->md : EVP_sha256())) {
		failed("cannot sign", m->dn[0][1]);
		X509_free(cert);
		return NULL;
	}
	return cert;
}

static void
path_of(const struct pki *p, char out[512], const char *name, const char *ext)
{
	struct buf b;

	buf_init(&b, out, 512);
	buf_printf(&b, "%s/%s%s", p->dir, name, ext);
}

/* Wide validity: tests ask on days of their own and by the real clock. */
static int
ordinary_ca(struct pki *p, enum pki_ca which)
{
	char path[512];
	struct made m = {
		.serial = 1,
		.from = seconds(day_of(2015, 1, 1), 0, 0, 0),
		.until = seconds(day_of(2049, 12, 31), 23, 59, 59),
		.dn = { { "C", "JP" }, { "O", "shikaku TEST" },
		    { "CN", ca_names[which] } },
		.extensions = "[x]\nbasicConstraints=critical,CA:TRUE\n"
			      "keyUsage=critical,keyCertSign,cRLSign\n"
			      "subjectKeyIdentifier=hash\n",
	};

	path_of(p, path, ca_names[which], ".key");
	p->ca[which].key = m.key = key_at(path, 0);
	if (m.key == NULL)
		return -1;
	p->ca[which].cert = certificate(&m);
	return p->ca[which].cert == NULL ? -1 : 0;
}

/* The key id is made from the seed, not from the key: records name it, and
 * records are the same for the same seed. */
static void
card_key_id(struct pki *p, int generation)
{
	unsigned char in[9], sum[SHA_DIGEST_LENGTH];
	struct buf b;

	for (int i = 0; i < 8; i++)
		in[i] = (unsigned char)(p->seed >> (8 * i));
	in[8] = (unsigned char)generation;
	SHA1(in, sizeof(in), sum);
	buf_init(&b, p->card_ca[generation], 41);
	for (int i = 0; i < SHA_DIGEST_LENGTH; i++)
		buf_printf(&b, "%02x", sum[i]);
}

/* domain/jpki-and-pinless.md 1: one DN for all generations. */
static int
card_ca(struct pki *p, int generation)
{
	char path[512], text[512];
	enum pki_ca which = generation == 0 ? PKI_CARD_1 : PKI_CARD_2;
	int y, month, d;
	struct buf b;
	struct made m = {
		.serial = generation == 0 ? 1 : 0x0133C349,
		.dn = { { "C", "JP" }, { "O", "TESTPKI" },
		    { "OU", "TESTPKI for user authentication" },
		    { "OU", "shikaku TEST Agency" } },
	};

	day_civil(p->day, &y, &month, &d);
	m.from =
	    seconds(day_of(y - (generation == 0 ? 6 : 2), 1, 1), 12, 8, 13);
	m.until =
	    seconds(day_of(y + (generation == 0 ? 4 : 8), 12, 31), 23, 59, 59);
	buf_init(&b, text, sizeof(text));
	buf_puts(&b,
	    "[x]\nkeyUsage=critical,keyCertSign,cRLSign\n"
	    "basicConstraints=critical,CA:TRUE\n"
	    "subjectAltName=dirName:dn\n"
	    "crlDistributionPoints=dp\nsubjectKeyIdentifier=");
	buf_puts(&b, p->card_ca[generation]);
	buf_puts(&b,
	    "\n[dp]\nfullname=dirName:dn\n"
	    "[dn]\nC=JP\nO=TESTPKI\n"
	    "1.OU=TESTPKI for user authentication\n"
	    "2.OU=shikaku TEST Agency\n");
	m.extensions = text;
	path_of(p, path, ca_names[which], ".key");
	p->ca[which].key = m.key = key_at(path, 2048);
	if (m.key == NULL)
		return -1;
	p->ca[which].cert = certificate(&m);
	return p->ca[which].cert == NULL ? -1 : 0;
}

struct pki *
pki_open(
    const struct config *config, const char *dir, int32_t day, uint64_t seed)
{
	static const char *const folders[] = { "", "/senders", "/institutions",
		"/cards", "/bad" };
	struct pki *p = text_alloc(sizeof(*p));
	struct buf b;
	char path[512];

	p->config = config;
	p->day = day;
	p->seed = seed;
	p->serials = 0x10000;
	buf_init(&b, p->dir, sizeof(p->dir));
	buf_puts(&b, dir);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		buf_init(&b, path, sizeof(path));
		buf_printf(&b, "%s%s", dir, folders[i]);
		if (mkdir(path, 0755) == -1 && errno != EEXIST) {
			failed("cannot make", path);
			free(p);
			return NULL;
		}
	}
	card_key_id(p, 0);
	card_key_id(p, 1);
	for (int i = 0; i < PKI__MAX; i++) {
		int r = i == PKI_CARD_1 ? card_ca(p, 0) :
		    i == PKI_CARD_2	? card_ca(p, 1) :
					  ordinary_ca(p, (enum pki_ca)i);

		if (r == -1) {
			pki_close(p);
			return NULL;
		}
	}
	return p;
}

void
pki_close(struct pki *p)
{
	if (p == NULL)
		return;
	for (int i = 0; i < PKI__MAX; i++) {
		EVP_PKEY_free(p->ca[i].key);
		X509_free(p->ca[i].cert);
	}
	free(p);
}

/* ---- ordinary leaves ---- */

static const char *
use_extensions(enum pki_use use, enum pki_fault fault)
{
	if (fault == PKI_WRONG_USE)
		return use == PKI_USE_SIGN ?
		    "[x]\nkeyUsage=critical,keyAgreement\n"
		    "extendedKeyUsage=clientAuth\n"
		    "subjectKeyIdentifier=hash\n"
		    "authorityKeyIdentifier=keyid\n" :
		    "[x]\nkeyUsage=critical,digitalSignature\n"
		    "extendedKeyUsage=serverAuth\n"
		    "subjectKeyIdentifier=hash\n"
		    "authorityKeyIdentifier=keyid\n";
	if (fault == PKI_SELF_SIGNED)
		return "[x]\nkeyUsage=critical,digitalSignature\n"
		       "subjectKeyIdentifier=hash\n";
	switch (use) {
	case PKI_USE_CLIENT:
		return "[x]\nkeyUsage=critical,digitalSignature\n"
		       "extendedKeyUsage=clientAuth\n"
		       "subjectKeyIdentifier=hash\n"
		       "authorityKeyIdentifier=keyid\n";
	case PKI_USE_SERVER:
		return "[x]\nkeyUsage=critical,digitalSignature\n"
		       "extendedKeyUsage=serverAuth\n"
		       "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n"
		       "subjectKeyIdentifier=hash\n"
		       "authorityKeyIdentifier=keyid\n";
	case PKI_USE_OPEN:
		return "[x]\nkeyUsage=critical,keyEncipherment\n"
		       "subjectKeyIdentifier=hash\n"
		       "authorityKeyIdentifier=keyid\n";
	default:
		return "[x]\nkeyUsage=critical,digitalSignature\n"
		       "subjectKeyIdentifier=hash\n"
		       "authorityKeyIdentifier=keyid\n";
	}
}

static int
leaf_at(struct pki *p, enum pki_ca ca, enum pki_use use, enum pki_fault fault,
    const char *cn, const char *ou, const char *key_path, const char *cert_path)
{
	int bits = fault == PKI_WEAK ? 1024 : use == PKI_USE_OPEN ? 2048 : 0;
	const struct authority *a =
	    &p->ca[fault == PKI_OTHER_CA ? PKI_OTHER : ca];
	struct made m = {
		.key = key_at(key_path, bits),
		.issuer = fault == PKI_SELF_SIGNED ? NULL : a->cert,
		.issuer_key = fault == PKI_SELF_SIGNED ? NULL : a->key,
		.serial = fault == PKI_REVOKED ? SERIAL_REVOKED : ++p->serials,
		.from = seconds(day_of(2016, 1, 1), 0, 0, 0),
		.until = fault == PKI_EXPIRED ?
		    seconds(day_of(2016, 12, 31), 23, 59, 59) :
		    seconds(day_of(2048, 12, 31), 23, 59, 59),
		.dn = { { "C", "JP" }, { "O", "shikaku TEST" }, { "CN", cn },
		    { ou != NULL ? "OU" : NULL, ou } },
		.extensions = use_extensions(use, fault),
	};
	X509 *cert = m.key == NULL ? NULL : certificate(&m);
	int r = cert == NULL ? -1 : write_cert(cert_path, cert, NULL);

	X509_free(cert);
	EVP_PKEY_free(m.key);
	return r;
}

int
pki_leaf(struct pki *p, enum pki_ca ca, enum pki_use use, enum pki_fault fault,
    const char *cn, const char *ou, const char *stem)
{
	char key[512], cert[512];

	path_of(p, key, stem, ".key");
	path_of(p, cert, stem, ".pem");
	return leaf_at(p, ca, use, fault, cn, ou, key, cert);
}

int
pki_secret(const struct pki *p, const char *path, uint64_t salt)
{
	unsigned char in[16], sum[SHA256_DIGEST_LENGTH];
	FILE *f = create(path, 0600);

	if (f == NULL)
		return failed("cannot write", path);
	for (int i = 0; i < 8; i++) {
		in[i] = (unsigned char)(p->seed >> (8 * i));
		in[8 + i] = (unsigned char)(salt >> (8 * i));
	}
	SHA256(in, sizeof(in), sum);
	for (size_t i = 0; i < sizeof(sum); i++)
		fprintf(f, "%02x", sum[i]);
	fputc('\n', f);
	return fclose(f) == 0 ? 0 : failed("cannot write", path);
}

static int
ordinary_crl(struct pki *p, enum pki_ca which, const char *path)
{
	const struct authority *a = &p->ca[which];
	X509_CRL *crl = X509_CRL_new();
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	ASN1_TIME *t =
	    ASN1_TIME_set(NULL, seconds(day_of(2016, 6, 1), 0, 0, 0));
	ASN1_TIME *end =
	    ASN1_TIME_set(NULL, seconds(day_of(2049, 6, 1), 0, 0, 0));
	X509V3_CTX ctx;
	X509_EXTENSION *aki;
	FILE *f;
	int ok;

	ASN1_INTEGER_set_uint64(n, SERIAL_REVOKED);
	X509_REVOKED_set_serialNumber(r, n);
	X509_REVOKED_set_revocationDate(r, t);
	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(a->cert));
	X509_CRL_set1_lastUpdate(crl, t);
	X509_CRL_set1_nextUpdate(crl, end);
	X509_CRL_add0_revoked(crl, r);
	ASN1_INTEGER_set_uint64(n, 1);
	X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, 0);
	X509V3_set_ctx(&ctx, a->cert, NULL, NULL, crl, 0);
	aki = X509V3_EXT_conf_nid(
	    NULL, &ctx, NID_authority_key_identifier, "keyid:always");
	X509_CRL_add_ext(crl, aki, -1);
	X509_EXTENSION_free(aki);
	f = create(path, 0644);
	ok = f != NULL && X509_CRL_sign(crl, a->key, EVP_sha256()) &&
	    PEM_write_X509_CRL(f, crl);
	if (f != NULL && fclose(f) != 0)
		ok = 0;
	ASN1_INTEGER_free(n);
	ASN1_TIME_free(t);
	ASN1_TIME_free(end);
	X509_CRL_free(crl);
	return ok ? 0 : failed("cannot write", path);
}

int
pki_site(struct pki *p)
{
	const struct config *c = p->config;
	char other[512];

	path_of(p, other, ca_names[PKI_OTHER], ".pem");
	if (write_cert(c->insurer_ca, p->ca[PKI_INSURER].cert, NULL) == -1 ||
	    write_cert(c->institution_ca, p->ca[PKI_INSTITUTION].cert, NULL) ==
		-1 ||
	    write_cert(c->site_ca, p->ca[PKI_SITE].cert, NULL) == -1 ||
	    write_cert(c->card_ca, p->ca[PKI_CARD_1].cert,
		p->ca[PKI_CARD_2].cert) == -1 ||
	    write_cert(other, p->ca[PKI_OTHER].cert, NULL) == -1 ||
	    ordinary_crl(p, PKI_INSURER, c->insurer_crl) == -1 ||
	    ordinary_crl(p, PKI_INSTITUTION, c->institution_crl) == -1 ||
	    ordinary_crl(p, PKI_SITE, c->site_crl) == -1)
		return -1;
	if (leaf_at(p, PKI_SITE, PKI_USE_OPEN, PKI_GOOD, "shikaku TEST open",
		NULL, c->open_key, c->open_cert) == -1 ||
	    leaf_at(p, PKI_SITE, PKI_USE_SIGN, PKI_GOOD, "IM000001", NULL,
		c->deliver_key, c->deliver_cert) == -1 ||
	    leaf_at(p, PKI_SITE, PKI_USE_SIGN, PKI_GOOD, "shikaku TEST publish",
		NULL, c->publish_key, c->publish_cert) == -1 ||
	    leaf_at(p, PKI_SITE, PKI_USE_SERVER, PKI_GOOD, "localhost", NULL,
		c->server_key, c->server_cert) == -1)
		return -1;
	if (pki_secret(p, c->pseudonym_key, 1) == -1 ||
	    pki_secret(p, c->usage_key, 2) == -1 ||
	    pki_secret(p, c->pairing_key, 3) == -1)
		return -1;
	return 0;
}

/* ---- cards ---- */

const char *
pki_card_ca(const struct pki *p, int generation)
{
	return p->card_ca[generation];
}

void
pki_partition_name(const char *ou, const char *cn, char out[256])
{
	struct buf b;

	buf_init(&b, out, 256);
	buf_printf(&b,
	    "CN=%s,OU=%s,OU=CRL Distribution Points,"
	    "OU=TESTPKI for user authentication,O=TESTPKI,C=JP",
	    cn, ou);
}

/* One directoryName per municipality, no URI at all. */
static void
point(struct buf *b, const char *ou, const char *cn)
{
	buf_printf(b,
	    "fullname=dirName:dpn\n%s[dpn]\nC=JP\nO=TESTPKI\n"
	    "1.OU=TESTPKI for user authentication\n"
	    "2.OU=CRL Distribution Points\n3.OU=%s\nCN=%s\n",
	    "", ou, cn);
}

int
pki_card(struct pki *p, int n, int generation, uint32_t serial, int32_t from,
    int32_t until, const char *ou, const char *cn)
{
	static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
	const struct authority *a =
	    &p->ca[generation == 0 ? PKI_CARD_1 : PKI_CARD_2];
	char text[1024], key[512], path[512], name[32], subject[24];
	struct buf b;
	struct made m = {
		.issuer = a->cert,
		.issuer_key = a->key,
		.serial = serial,
		.from = seconds(from, 10, 15, 0),
		.until = seconds(until, 23, 59, 59),
		.dn = { { "C", "JP" }, { "CN", subject } },
		.extensions = text,
	};
	X509 *cert = NULL;
	FILE *f;
	int r = -1;

	for (int i = 0; i < 14; i++)
		subject[i] = letters[(serial >> i) % 32];
	buf_init(&b, subject + 14, sizeof(subject) - 14);
	buf_printf(&b, "%05uTEST", serial % 100000);
	buf_init(&b, text, sizeof(text));
	buf_printf(&b,
	    "[x]\nkeyUsage=critical,digitalSignature\n"
	    "extendedKeyUsage=clientAuth\n"
	    "certificatePolicies=critical,@pol\n"
	    "issuerAltName=dirName:ian\n"
	    "crlDistributionPoints=dp\n"
	    "authorityKeyIdentifier=keyid:always,issuer:always\n"
	    "subjectKeyIdentifier=hash\n"
	    "[pol]\npolicyIdentifier=%s\n"
	    "CPS.1=http://test.invalid/cps.html\n"
	    "[ian]\nC=JP\nO=TESTPKI\nOU=TESTPKI issuer\n[dp]\n",
	    p->config->card_policy);
	point(&b, ou, cn);
	/* few keys, each on several cards: they are slow to make */
	buf_init(&b, name, sizeof(name));
	buf_printf(&b, "cards/%03d", n % 5 + 1);
	path_of(p, key, name, ".key");
	m.key = key_at(key, 2048);
	if (m.key == NULL)
		return -1;
	buf_clear(&b);
	buf_printf(&b, "cards/%03d", n + 1);
	path_of(p, key, name, ".key");
	path_of(p, path, name, ".der");
	cert = certificate(&m);
	f = cert == NULL ? NULL : create(path, 0644);
	if (f != NULL && write_key(key, m.key) == 0 && i2d_X509_fp(f, cert) > 0)
		r = 0;
	if (f != NULL && fclose(f) != 0)
		r = -1;
	X509_free(cert);
	EVP_PKEY_free(m.key);
	return r;
}

/* ---- CRL partitions ---- */

static void
revoke_one(X509_CRL *crl, const struct pki_revoked *v)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, seconds(v->on, 9, 30, 0));

	ASN1_INTEGER_set_uint64(n, v->serial);
	X509_REVOKED_set_serialNumber(r, n);
	X509_REVOKED_set_revocationDate(r, t);
	if (v->reason >= 0) {
		ASN1_ENUMERATED *e = ASN1_ENUMERATED_new();

		ASN1_ENUMERATED_set(e, v->reason);
		X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, e, 0, 0);
		ASN1_ENUMERATED_free(e);
	}
	X509_CRL_add0_revoked(crl, r);
	ASN1_INTEGER_free(n);
	ASN1_TIME_free(t);
}

int
pki_crl(struct pki *p, int generation, const char *ou, const char *cn,
    int64_t this_update, int64_t next_update, int64_t number,
    const struct pki_revoked *v, size_t n, int fd)
{
	const struct authority *a =
	    &p->ca[generation == 0 ? PKI_CARD_1 : PKI_CARD_2];
	X509_CRL *crl = X509_CRL_new();
	CONF *conf = NCONF_new(NULL);
	ASN1_TIME *t = ASN1_TIME_set(NULL, this_update / 1000);
	ASN1_TIME *end = ASN1_TIME_set(NULL, next_update / 1000);
	ASN1_INTEGER *serial = ASN1_INTEGER_new();
	BIO *in, *out = BIO_new_fd(fd, BIO_NOCLOSE);
	X509V3_CTX ctx;
	char text[512];
	struct buf b;
	long line;
	int ok;

	buf_init(&b, text, sizeof(text));
	buf_puts(&b,
	    "[x]\nauthorityKeyIdentifier=keyid:always\n"
	    "issuingDistributionPoint=critical,@idp\n"
	    "[idp]\nonlyuser=TRUE\n");
	point(&b, ou, cn);
	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(a->cert));
	X509_CRL_set1_lastUpdate(crl, t);
	X509_CRL_set1_nextUpdate(crl, end);
	for (size_t i = 0; i < n; i++)
		revoke_one(crl, &v[i]);
	ASN1_INTEGER_set_int64(serial, number);
	in = BIO_new_mem_buf(text, -1);
	X509V3_set_ctx(&ctx, a->cert, NULL, NULL, crl, 0);
	ok = NCONF_load_bio(conf, in, &line) > 0;
	X509V3_set_nconf(&ctx, conf);
	ok = ok && X509V3_EXT_CRL_add_nconf(conf, &ctx, "x", crl) &&
	    X509_CRL_add1_ext_i2d(crl, NID_crl_number, serial, 0, 0) &&
	    X509_CRL_sign(crl, a->key, EVP_sha256()) &&
	    i2d_X509_CRL_bio(out, crl) > 0;
	BIO_free(in);
	BIO_free(out);
	NCONF_free(conf);
	ASN1_TIME_free(t);
	ASN1_TIME_free(end);
	ASN1_INTEGER_free(serial);
	X509_CRL_free(crl);
	return ok ? 0 : failed("cannot make the CRL of", cn);
}

/* ---- seals made by OpenSSL alone ---- */

static CMS_ContentInfo *
enveloped(const char *cert_pem, BIO *in)
{
	BIO *c = BIO_new_file(cert_pem, "r");
	X509 *cert = c == NULL ? NULL : PEM_read_bio_X509(c, NULL, NULL, NULL);
	STACK_OF(X509) *to = sk_X509_new_null();
	CMS_ContentInfo *cms = NULL;

	if (cert != NULL && sk_X509_push(to, cert) > 0)
		cms = CMS_encrypt(to, in, EVP_aes_256_cbc(), CMS_BINARY);
	sk_X509_free(to);
	X509_free(cert);
	BIO_free(c);
	return cms;
}

int
pki_seal(const char *key_pem, const char *cert_pem, const char *recipient_pem,
    bool streamed, const char *in_path, int out_fd)
{
	const unsigned flags =
	    CMS_BINARY | CMS_NOSMIMECAP | (streamed ? CMS_STREAM : 0);
	BIO *k = BIO_new_file(key_pem, "r"), *c = BIO_new_file(cert_pem, "r");
	BIO *in = BIO_new_file(in_path, "r"), *inner = NULL;
	BIO *out = BIO_new_fd(out_fd, BIO_NOCLOSE);
	EVP_PKEY *key =
	    k == NULL ? NULL : PEM_read_bio_PrivateKey(k, NULL, NULL, NULL);
	X509 *cert = c == NULL ? NULL : PEM_read_bio_X509(c, NULL, NULL, NULL);
	CMS_ContentInfo *cms = NULL, *box;
	int ok = key != NULL && cert != NULL && in != NULL && out != NULL;

	if (ok && recipient_pem != NULL) {
		box = enveloped(recipient_pem, in);
		inner = BIO_new(BIO_s_mem());
		ok = box != NULL && i2d_CMS_bio(inner, box) > 0;
		CMS_ContentInfo_free(box);
	}
	if (ok)
		cms = CMS_sign(
		    cert, key, NULL, inner != NULL ? inner : in, flags);
	if (cms == NULL)
		ok = 0;
	else if (streamed)
		ok = i2d_CMS_bio_stream(
		    out, cms, inner != NULL ? inner : in, (int)flags);
	else
		ok = i2d_CMS_bio(out, cms) > 0;
	CMS_ContentInfo_free(cms);
	X509_free(cert);
	EVP_PKEY_free(key);
	BIO_free(k);
	BIO_free(c);
	BIO_free(in);
	BIO_free(inner);
	BIO_free(out);
	return ok ? 0 : failed("cannot seal", in_path);
}
