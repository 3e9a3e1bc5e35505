/* Pages of a SQLite file: whatever they hold, a walk and a search of every
 * table end, inside the file. */
#include <stdint.h>
#include <stdlib.h>

#include "formats/codec/pages_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct column v[40], key = { .type = COLUMN_TEXT, .s = SLICE("k5") };
	struct pages_view view;
	struct cursor c;

	if (n < 100 || pages_view_init(&view, p, -1, p, n) == -1)
		return 0;
	for (uint32_t root = 1; root <= view.pages && root < 6; root++) {
		int rows = 0;
		cursor_init(&c, &view, root);
		for (int r = cursor_seek(&c, NULL, 0); r == 1 && rows < 10000;
		     r = cursor_next(&c), rows++)
			for (int i = cursor_columns(&c, v, 40); i-- > 0;)
				if (v[i].s.n > 0 && v[i].s.p == NULL)
					__builtin_trap();
		if (cursor_seek(&c, &key, 1) == 1)
			(void)cursor_columns(&c, v, 40);
		cursor_free(&c);
	}
	return 0;
}
