#include "formats/registry.h"

#include "formats/burden.h"
#include "formats/feeds.h"
#include "formats/held.h"
#include "formats/nhi.h"
#include "formats/notice.h"
#include "formats/qualification.h"
#include "formats/receipt.h"
#include "formats/statistics.h"
#include "formats/usage.h"

const struct layout *const registry[] = {
	&qualification_layout,
	&household_layout,
	&person_layout,
	&link_layout,
	&code_request_layout,
	&codes_layout,
	&institution_layout,
	&sender_layout,
	&insurer_layout,
	&usage_layout,
	&usage_file_layout,
	&month_layout,
	&burden_layout,
	&price_layout,
	&notice_layout,
	&notice_result_layout,
	&reflection_layout,
	&counts_layout,
	&held_layout,
	&cover_layout,
	&statistics_layout,
	NULL,
};

const struct layout *
registry_find(struct slice name)
{
	for (int i = 0; registry[i] != NULL; i++)
		if (slice_is(name, registry[i]->name))
			return registry[i];
	return NULL;
}
