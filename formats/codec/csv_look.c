/* 64 bytes of CSV looked at in one step, as the processor can. */
#include "formats/codec/csv_look.h"

#include <stddef.h>

static void
look_any(const char *p, struct csv_block *b)
{
	*b = (struct csv_block) { 0, 0, 0, 0 };
	for (int i = 0; i < 64; i++) {
		uint64_t c = (unsigned char)p[i];

		b->commas |= (uint64_t)(c == ',') << i;
		b->newlines |= (uint64_t)(c == '\n') << i;
		b->quotes |= (uint64_t)(c == '"') << i;
		b->high |= (c >> 7) << i;
	}
}

#ifdef __x86_64__
#include <immintrin.h>

static inline uint64_t
is16(__m128i v, char c)
{
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(c)));
}

static void
look_sse2(const char *p, struct csv_block *b)
{
	*b = (struct csv_block) { 0, 0, 0, 0 };
	for (int i = 0; i < 64; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(p + i));

		b->commas |= is16(v, ',') << i;
		b->newlines |= is16(v, '\n') << i;
		b->quotes |= is16(v, '"') << i;
		b->high |= (uint64_t)(unsigned)_mm_movemask_epi8(v) << i;
	}
}

__attribute__((target("avx2"))) static inline uint64_t
is64(__m256i low, __m256i high, char c)
{
	__m256i all = _mm256_set1_epi8(c);
	uint32_t a =
	    (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, all));
	uint32_t z =
	    (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, all));

	return (uint64_t)z << 32 | a;
}

__attribute__((target("avx2"))) static void
look_avx2(const char *p, struct csv_block *b)
{
	__m256i low = _mm256_loadu_si256((const __m256i *)p);
	__m256i high = _mm256_loadu_si256((const __m256i *)(p + 32));

	b->commas = is64(low, high, ',');
	b->newlines = is64(low, high, '\n');
	b->quotes = is64(low, high, '"');
	b->high = (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32 |
	    (uint32_t)_mm256_movemask_epi8(low);
}

csv_look *
csv_look_at(int i)
{
	switch (i) {
	case 0:
		return look_any;
	case 1:
		return look_sse2;
	case 2:
		return __builtin_cpu_supports("avx2") ? look_avx2 : NULL;
	default:
		return NULL;
	}
}
#else
csv_look *
csv_look_at(int i)
{
	return i == 0 ? look_any : NULL;
}
#endif

csv_look *
csv_look_best(void)
{
	csv_look *best = look_any;

	for (int i = 1; csv_look_at(i) != NULL; i++)
		best = csv_look_at(i);
	return best;
}
