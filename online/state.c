#include "online/serving.h"

static void
put_generations(const struct current_set *set, struct buf *b)
{
	for (int i = 0; i < SNAPSHOT__MAX; i++)
		buf_printf(b, "%s\"%s\":%lld", i == 0 ? "" : ",",
		    snapshot_names[i], (long long)set->set.kind[i].generation);
}

void
state_reply(struct worker *w, struct http_request *r, bool health)
{
	struct current_set *set = current_take(w->current);
	bool behind = current_behind(w->current);
	bool ready = !behind && set != NULL &&
	    set->kind[SNAPSHOT_QUALIFICATION] != NULL && w->stop_at == 0;
	char text[512];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	buf_printf(&b, "{\"worker\":%d,\"ready\":%s", w->start->number,
	    ready ? "true" : "false");
	if (behind)
		buf_puts(&b, ",\"behind\":true");
	buf_printf(&b, ",\"connections\":%lld",
	    (long long)http_counts(w->http)->connections);
	if (set != NULL) {
		buf_printf(&b, ",\"serial\":%lld,\"generations\":{",
		    (long long)set->set.serial);
		put_generations(set, &b);
		buf_putc(&b, '}');
		current_release(w->current, set);
	}
	buf_puts(&b, "}\n");
	http_reply(r,
	    &(struct http_answer) { .status = health || ready ? 200 : 503,
		.content_type = "application/json" },
	    buf_slice(&b));
}
