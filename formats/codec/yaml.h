/*
 * YAML as a flat list of scalars with their places: libyaml behind this one
 * door. Aliases, anchors, tags, several documents, duplicate keys and depth
 * beyond YAML_DEPTH_MAX are refused with file:line:column.
 */
#ifndef FORMATS_CODEC_YAML_H
#define FORMATS_CODEC_YAML_H

#include "formats/codec/diag.h"
#include "formats/codec/text.h"

enum yaml_kind { YAML_SCALAR, YAML_MAP, YAML_LIST };

struct yaml_node {
	const char *path; /* "service.open", "jobs[3].name" */
	const char *key; /* last part of path; "[3]" for an item of a list */
	const char *value; /* scalar; NULL for a map or list */
	enum yaml_kind kind;
	bool quoted;
	int line, column; /* of the key (or item), from 1 */
	int value_line, value_column;
};

struct yaml {
	struct yaml_node *v;
	size_t n;
	const struct yaml_node **sorted; /* by path, for yaml_find */
	void *store; /* the strings */
};

/* Keys are [0-9A-Za-z_-]+ so that a path is never two things; nodes stand in
 * the order of the file. NULL: refused; every fault raised into sink
 * (YAML_SYNTAX with name, line, column). */
struct yaml *yaml_read(
    struct slice doc, const char *name, struct diag_sink *sink);
const struct yaml_node *yaml_find(const struct yaml *y, const char *path);
void yaml_close(struct yaml *y); /* libyaml has a yaml_free of its own */
/* A scalar as YAML, double-quoted. */
void yaml_quote(struct slice s, struct buf *out);

#endif
