/* Word lists of the synthetic country; data only. */
#ifndef TESTS_SAMPLE_WORDS_H
#define TESTS_SAMPLE_WORDS_H

#include <stdbool.h>

struct word {
	const char *kanji, *kana;
	bool cp932; /* CP932 has every character of it */
};
extern const struct word surnames[], rare_surnames[], male_names[],
    female_names[];
extern const unsigned surnames_n, rare_surnames_n, male_names_n, female_names_n;

struct prefecture {
	const char *name, *roman;
	int weight;
};
extern const struct prefecture prefectures[47];

extern const char *const town_first[], *const town_last[], *const quarters[];
extern const unsigned town_first_n, town_last_n, quarters_n;

#endif
