#include "formats/codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int
on_open(void *arg, struct slice name, int depth, int64_t line)
{
	(void)arg, (void)name, (void)line;
	return depth > 15 ? __builtin_trap(), 1 : 0;
}

static int
on_close(
    void *arg, struct slice name, struct slice text, int depth, int64_t line)
{
	(void)arg, (void)name, (void)depth, (void)line;
	return text_utf8_ok(text) ? 0 : (__builtin_trap(), 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct diag_list list;
	struct xml_handler h = { on_open, on_close, NULL };

	diag_list_init(&list, 10, NULL, DIAG_FATAL);
	json_walk((struct slice) { (const char *)p, n }, &h, "f", &list.sink);
	diag_list_free(&list);
	return 0;
}
