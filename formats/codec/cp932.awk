# schemas/codes/cp932.tsv -> cp932.inc for text.c: DECODE for every code,
# ENCODE for every character (JIS before NEC row 13, IBM before the NEC
# selection of IBM, as glibc), REPERTOIRE: 32 characters a word, a bit for each
# that is full width, of the agreed repertoire and stays as it is.
function hex(s, i, n) {
	for (i = 1; i <= length(s); i++)
		n = 16 * n + index("0123456789ABCDEF", substr(s, i, 1)) - 1
	return n
}
function agreed(character, c) {
	if ((c >= 33088 && c <= 33982) || (c >= 34975 && c <= 60068)) { # 8140-84BE, 889F-EAA4
		word[int(character / 32)] += 2 ^ (character % 32)
	}
}
BEGIN { FS = "\t" }
!/^#/ {
	printf "DECODE(0x%s, 0x%s)\n", $1, $2
	e = $1 ~ /^E[DE]/
	if (!($2 in code) || (nec[$2] && !e)) {
		code[$2] = $1
		nec[$2] = e
	}
}
END {
	for (u in code) {
		printf "ENCODE(0x%s, 0x%s)\n", u, code[u]
		agreed(hex(u), hex(code[u]))
	}
	# the spellings of other JIS mappings that text.c adds, but U+301C, which changes
	split("00A2 00A3 00AC 2014 2016 2212", other, " ")
	for (i in other)
		agreed(hex(other[i]), 33088)
	for (w in word)
		printf "REPERTOIRE(%d, %.0fu)\n", w, word[w]
}
