/* Time stamps (RFC 3161) over small files of ours. */
#include "formats/codec/seal.h"

#include <openssl/err.h>
#include <openssl/ts.h>
#include <openssl/x509_vfy.h>

int
seal_stamp_request(struct slice content, struct buf *out)
{
	unsigned char sum[32], *der = NULL;
	struct seal_hash *h = seal_hash_new();
	TS_REQ *req = TS_REQ_new();
	TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	X509_ALGOR *algo = X509_ALGOR_new();
	int n = -1;

	seal_hash_add(h, content.p, content.n);
	seal_hash_end(h, sum);
	if (req != NULL && imprint != NULL && algo != NULL &&
	    X509_ALGOR_set0(algo, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) ==
		1 &&
	    TS_MSG_IMPRINT_set_algo(imprint, algo) == 1 &&
	    TS_MSG_IMPRINT_set_msg(imprint, sum, sizeof(sum)) == 1 &&
	    TS_REQ_set_version(req, 1) == 1 &&
	    TS_REQ_set_msg_imprint(req, imprint) == 1 &&
	    TS_REQ_set_cert_req(req, 1) == 1)
		n = i2d_TS_REQ(req, &der);
	if (n > 0)
		buf_put(out, (struct slice) { (char *)der, (size_t)n });
	OPENSSL_free(der);
	X509_ALGOR_free(algo);
	TS_MSG_IMPRINT_free(imprint);
	TS_REQ_free(req);
	ERR_clear_error();
	return n > 0 && !out->full ? 0 : -1;
}

/* SHA-256 and nothing weaker: the authority may have been asked by others. */
static bool
is_sha256(TS_RESP *resp)
{
	TS_TST_INFO *info = TS_RESP_get_tst_info(resp);

	return info != NULL &&
	    OBJ_obj2nid(
		TS_MSG_IMPRINT_get_algo(TS_TST_INFO_get_msg_imprint(info))
		    ->algorithm) == NID_sha256;
}

int
seal_stamp_check(const char *name, struct slice content, struct slice answer,
    const char *ca_pem, struct diag_sink *sink)
{
	const unsigned char *p = (const unsigned char *)answer.p;
	TS_RESP *resp = d2i_TS_RESP(NULL, &p, (long)answer.n);
	TS_VERIFY_CTX *ctx = TS_VERIFY_CTX_new();
	X509_STORE *store = X509_STORE_new();
	BIO *data = BIO_new_mem_buf(content.p, (int)content.n);
	int r = 1;

	if (ctx == NULL || data == NULL || store == NULL ||
	    X509_STORE_load_file(store, ca_pem) != 1) {
		diag_file(sink, DIAG_KEY_UNREADABLE, ca_pem, NULL);
		X509_STORE_free(store);
		BIO_free(data);
		r = -1;
		goto out;
	}
	TS_VERIFY_CTX_set_flags(
	    ctx, TS_VFY_SIGNATURE | TS_VFY_VERSION | TS_VFY_DATA);
	TS_VERIFY_CTX_set_store(ctx, store); /* both go with it */
	TS_VERIFY_CTX_set_data(ctx, data);
	if (resp != NULL && p == (const unsigned char *)answer.p + answer.n &&
	    is_sha256(resp) && TS_RESP_verify_response(ctx, resp) == 1)
		r = 0;
	else
		diag_file(sink, DIAG_STAMP_BAD, name, NULL);
out:
	TS_VERIFY_CTX_free(ctx);
	TS_RESP_free(resp);
	ERR_clear_error();
	return r;
}
