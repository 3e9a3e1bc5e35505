# Makes the manual page shikaku-diag(7) from formats/codec/diag.def, so that
# the two cannot differ: awk -f formats/diag.awk formats/codec/diag.def
BEGIN {
	print ".\\\" made by formats/diag.awk from formats/codec/diag.def: edit that"
	print ".Dd August 1, 2026"
	print ".Dt SHIKAKU-DIAG 7"
	print ".Os shikaku"
	print ".Sh NAME"
	print ".Nm shikaku-diag"
	print ".Nd every diagnostic of shikaku: what it means and what to do"
	print ".Sh DESCRIPTION"
	print "Every fault a program of shikaku sees has a code that never changes."
	print "It stands in the operator's log, in the error list and receipts the"
	print "sender gets, and in reflection results."
	print "A diagnostic says where (file, line, record, item), never the value."
	print ".Pp"
	print "The letter is the level:"
	print ".Sy N"
	print "a note;"
	print ".Sy W"
	print "a warning, the record or file was accepted;"
	print ".Sy E"
	print "an error, the record was refused;"
	print ".Sy F"
	print "fatal, the file as a whole was refused or the run stopped."
	print "The first digit is the class."
	class["1"] = "Items 項目"
	class["2"] = "Records レコード"
	class["3"] = "Files, archives, seals ファイル・アーカイブ・署名"
	class["4"] = "Segments and snapshots セグメント・スナップショット"
	class["5"] = "Questions 照会"
	class["6"] = "Across the records of a file レコード間"
	class["7"] = "Against what is stored 登録内容との照合"
	class["9"] = "Environment 実行環境"
	level["NOTE"] = "note"
	level["WARNING"] = "warning"
	level["ERROR"] = "error"
	level["FATAL"] = "fatal"
}
# A sentence: capital first, one full stop last, nothing roff would take.
function sentence(s) {
	gsub(/\\/, "\\e", s)
	s = toupper(substr(s, 1, 1)) substr(s, 2)
	if (s !~ /(\.|。)$/)
		s = s (s ~ /[ -~]$/ ? "." : "。")
	if (s ~ /^[.']/)
		s = "\\\&" s
	return s
}
/^DIAG\(/ {
	symbol = $0
	sub(/^DIAG\(/, "", symbol)
	sub(/,.*/, "", symbol)
	lv = $0
	sub(/^DIAG\([A-Z0-9_]+, */, "", lv)
	sub(/,.*/, "", lv)
	n = split($0, q, "\"")
	if (n != 11) {
		print "diag.awk: not a row: " $0 > "/dev/stderr"
		exit bad = 1
	}
	c = substr(q[2], 2, 1)
	if (c != before) {
		if (before != "")
			print ".El"
		print ".Sh CLASS " c
		print class[c] "."
		print ".Bl -tag -width Ds"
		before = c
	}
	print ".It Sy " q[2] " Pq " level[lv] ", " symbol
	print sentence(q[4])
	print ".br"
	print sentence(q[6])
	print ".Pp"
	print "What to do: " sentence(q[8])
	print ".br"
	print "対応：" sentence(q[10])
}
END {
	if (bad)
		exit 1
	print ".El"
	print ".Sh SEE ALSO"
	print ".Xr shikaku-check 8 ,"
	print ".Xr shikaku-inspect 8"
}
