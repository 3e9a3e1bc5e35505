/*
 * How a member of a CRL delivery set names its partition: the first 8 hex
 * digits of the CA's key id, a hyphen and the CN of the distribution point,
 * whatever is not [0-9A-Za-z_-] as '_': "8cd5586a-Chiyoda-ku_CRLDP.crl". So
 * that shikaku-revoke can tell a partition put into the wrong place (F3404).
 */
#ifndef FORMATS_CRL_NAME_H
#define FORMATS_CRL_NAME_H

/* ca and partition as in struct chain_crl: key id in hex, "CN=..,OU=..". */
void crl_name(const char *ca, const char *partition, char out[129]);

#endif
